"""The kernel side of ip_ntop() and format_ipaddr().

Text is put together in registers, without a branch that depends on a digit.
"""

from __future__ import annotations

from ..ir import READ_KERNEL, helper, ir_function, sign_bit


def _octet(k: int) -> str:
    """Return IR that puts octet `k` of %addr, and a dot behind the first three, at byte %pK of %loK and %hiK."""
    dot = ord(".") << 24 if k < 3 else 0
    return f"""\
  %shifted{k} = lshr i64 %addr, {8 * k}
  %v{k} = and i64 %shifted{k}, 255
  %hundreds{k} = udiv i64 %v{k}, 100
  %tens{k} = udiv i64 %v{k}, 10
  %ten{k} = urem i64 %tens{k}, 10
  %one{k} = urem i64 %v{k}, 10
  %t{k} = shl i64 %ten{k}, 8
  %o{k} = shl i64 %one{k}, 16
  %ht{k} = or i64 %hundreds{k}, %t{k}
  %hto{k} = or i64 %ht{k}, %o{k}
  %three{k} = add i64 %hto{k}, {0x303030 + dot}
  %under10.d{k} = sub i64 %v{k}, 10
{sign_bit(f"under10.{k}", f"%under10.d{k}")}  %under100.d{k} = sub i64 %v{k}, 100
{sign_bit(f"under100.{k}", f"%under100.d{k}")}  %drop{k} = add i64 %under10.{k}, %under100.{k}
  %drop.bits{k} = shl i64 %drop{k}, 3
  %text{k} = lshr i64 %three{k}, %drop.bits{k}
  %bits{k} = shl i64 %p{k}, 3
  %turn{k} = and i64 %bits{k}, 63
  %placed{k} = shl i64 %text{k}, %turn{k}
  %low.d{k} = sub i64 %p{k}, 8
{sign_bit(f"low{k}", f"%low.d{k}")}  %high{k} = sub i64 1, %low{k}
  %to.lo{k} = mul i64 %placed{k}, %low{k}
  %to.hi{k} = mul i64 %placed{k}, %high{k}
  %half{k} = lshr i64 %text{k}, 1
  %back{k} = sub i64 63, %turn{k}
  %over{k} = lshr i64 %half{k}, %back{k}
  %spill{k} = mul i64 %over{k}, %low{k}
  %lo.a{k} = or i64 %lo{k}, %to.lo{k}
  %hi.a{k} = or i64 %hi{k}, %to.hi{k}
  %hi.b{k} = or i64 %hi.a{k}, %spill{k}
  %kept{k} = sub i64 {4 if k < 3 else 3}, %drop{k}
  %lo{k + 1} = add i64 %lo.a{k}, 0
  %hi{k + 1} = add i64 %hi.b{k}, 0
  %p{k + 1} = add i64 %p{k}, %kept{k}
"""


_DOTTED = (
    "  %lo0 = add i64 0, 0\n  %hi0 = add i64 0, 0\n  %p0 = add i64 0, 0\n"
    + "".join(_octet(k) for k in range(4))
    + """\
  store i64 %lo4, ptr %out, align 8
  %second = getelementptr i8, ptr %out, i64 8
  store i64 %hi4, ptr %second, align 8
"""
)
"""Writes the address in %addr to the first 16 bytes of %out; its length is %p4."""


def _hexadecimal() -> str:
    """Return IR that writes the 16 bytes in %w0 and %w1 to %out as 8 groups of 4 digits: 39 characters and a NUL."""
    words = ["0"] * 5
    lines: list[str] = []

    def place(value: str, position: int) -> None:
        word, bits = position // 8, position % 8 * 8
        lines.append(f"  %at{position} = shl i64 {value}, {bits}")
        lines.append(f"  %with{position} = or i64 %at{position}, {words[word]}")
        words[word] = f"%with{position}"

    for nibble in range(32):
        byte, group = nibble // 2, nibble // 4
        shift = byte % 8 * 8 + (4 if nibble % 2 == 0 else 0)
        n = f"n{nibble}"
        lines += [
            f"  %{n}.shifted = lshr i64 %w{byte // 8}, {shift}",
            f"  %{n} = and i64 %{n}.shifted, 15",
            f"  %{n}.six = add i64 %{n}, 6",
            f"  %{n}.letter = lshr i64 %{n}.six, 4",
            f"  %{n}.more = mul i64 %{n}.letter, 39",
            f"  %{n}.base = add i64 %{n}, 48",
            f"  %{n}.char = add i64 %{n}.base, %{n}.more",
        ]
        place(f"%{n}.char", nibble + group)
        if nibble % 4 == 3 and group < 7:
            place(str(ord(":")), nibble + group + 1)
    for word, value in enumerate(words):
        lines.append(f"  %to{word} = getelementptr i8, ptr %out, i64 {8 * word}")
        lines.append(f"  store i64 {value}, ptr %to{word}, align 8")
    return "\n".join(lines) + "\n"


IP_NTOP = ir_function(
    "fn_ip_ntop",
    "i64 %addr, ptr %out, i64 %out_size",
    f"""\
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
  %fits = icmp uge i64 %out_size, 16
  br i1 %fits, label %v4, label %none
v4:
{_DOTTED}  ret i64 %p4
none:
  ret i64 0
""",
)

FORMAT_IPADDR = ir_function(
    "fn_format_ipaddr",
    "i64 %addr, i64 %family, ptr %out, i64 %out_size",
    f"""\
  %bytes = alloca [2 x i64], align 8
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
  %fits = icmp uge i64 %out_size, 40
  br i1 %fits, label %choose, label %none
choose:
  switch i64 %family, label %none [ i64 2, label %v4
                                    i64 10, label %v6 ]
v4:
{_DOTTED}  ret i64 %p4
v6:
  %from = inttoptr i64 %addr to ptr
  %failed = call i64 {helper(READ_KERNEL)}(ptr %bytes, i64 16, ptr %from)
  %is.bad = icmp ne i64 %failed, 0
  br i1 %is.bad, label %none, label %read
read:
  %w0 = load i64, ptr %bytes, align 8
  %behind = getelementptr i8, ptr %bytes, i64 8
  %w1 = load i64, ptr %behind, align 8
{_hexadecimal()}  ret i64 39
none:
  ret i64 0
""",
)
"""An IPv6 address that cannot be read gives ""; a program cannot raise the error here."""
