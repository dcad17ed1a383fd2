"""The kernel side of the string functions; see tapset/ir.py for the habits and IrFunction for the interface."""

from __future__ import annotations

from ...program.builtins import IrFunction
from ..ir import OPAQUE_TEXT, OPAQUE_ZERO, READ_KERNEL, READ_KERNEL_STRING, helper, ir_function, length_of, sign_bit

STRLEN = ir_function(
    "fn_strlen",
    "ptr %s, i64 %size",
    OPAQUE_ZERO + OPAQUE_TEXT + length_of("%t", "%size", "entry", "%zero") + "  ret i64 %length\n",
)

ISDIGIT = ir_function(
    "fn_isdigit",
    "ptr %s, i64 %size",
    """\
  %c = load i8, ptr %s, align 8
  %digit = sub i8 %c, 48
  %is = icmp ult i8 %digit, 10
  %value = zext i1 %is to i64
  ret i64 %value
""",
)

STRINGAT = ir_function(
    "fn_stringat",
    "ptr %s, i64 %size, i64 %pos",
    f"""\
  %slot = alloca i64, align 8
  store i64 0, ptr %slot, align 8
  %at = call i64 asm sideeffect "", "=r,0"(i64 %pos)
  %inside = icmp ult i64 %at, %size
  br i1 %inside, label %read, label %done
read:
  %from = getelementptr i8, ptr %s, i64 %at
  %failed = call i64 {helper(READ_KERNEL)}(ptr %slot, i64 1, ptr %from)
  br label %done
done:
  %value = load i64, ptr %slot, align 8
  ret i64 %value
""",
)

SUBSTR = ir_function(
    "fn_substr",
    "ptr %s, i64 %size, i64 %start, i64 %length, ptr %out, i64 %out_size",
    f"""\
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
  %at = call i64 asm sideeffect "", "=r,0"(i64 %start)
  %inside = icmp ult i64 %at, %size
  br i1 %inside, label %measure, label %none
measure:
  %longest = sub i64 %out_size, 1
  %some = call i64 @llvm.smax.i64(i64 %length, i64 0)
  %wanted = call i64 @llvm.umin.i64(i64 %some, i64 %longest)
  %bytes = add i64 %wanted, 1
  %left = sub i64 %size, %at
  %smaller = call i64 @llvm.umin.i64(i64 %bytes, i64 %left)
  %count = call i64 asm sideeffect "", "=r,0"(i64 %smaller)
  %fits = icmp ule i64 %count, %out_size
  br i1 %fits, label %read, label %none
read:
  %from = getelementptr i8, ptr %s, i64 %at
  %copied = call i64 {helper(READ_KERNEL_STRING)}(ptr %out, i64 %count, ptr %from)
  %above = call i64 @llvm.smax.i64(i64 %copied, i64 1)
  %length.out = sub i64 %above, 1
  ret i64 %length.out
none:
  ret i64 0
""",
)

SEARCH_LIMIT = 31
"""The longest needle in bytes that the kernel looks for: four words with their NUL."""


def _search(name: str, found: str, missing: str) -> IrFunction:
    """Return the search of %n in %s: `found` is the value at position %hit, `missing` without one.

    A window of one, two or four words slides over the text byte by byte and is compared under the mask of the needle's
    bytes, so each position costs the same few instructions and no loop stands in another.
    """
    blocks = [_window(words) for words in (1, 2, 4)]
    hits = ", ".join(f"[ %at{words}, %end{words} ]" for words in (1, 2, 4))
    body = f"""\
{OPAQUE_ZERO}{OPAQUE_TEXT}  %last = sub i64 %size, 1
  %short = icmp ule i64 %n_size, 8
  br i1 %short, label %start1, label %longer
longer:
  %middle = icmp ule i64 %n_size, 16
  br i1 %middle, label %start2, label %start4
{"".join(blocks)}found:
  %hit.known = phi i64 {hits}
  %hit = add i64 %hit.known, %zero
  ret i64 {found}
missing:
  ret i64 {missing}
"""
    return ir_function(name, "ptr %s, i64 %size, ptr %n, i64 %n_size", body, (None, SEARCH_LIMIT))


def _window(words: int) -> str:
    """Return the blocks `startW`, `loopW` and on of the search with a window of `words` words.

    Words behind the end of a buffer count as zero; the clamped offsets keep such loads inside it. The last byte of %s
    is always zero, so it stands for every byte behind it.
    """
    w = words
    lines = [f"start{w}:"]
    for k in range(w):
        lines += _guarded_load(f"needle{w}.{k}", "%n", "%n_size", k) + _guarded_load(f"text{w}.{k}", "%s", "%size", k)
        lines += _byte_mask(f"needle{w}.{k}", f"mask{w}.{k}")
    lines += [f"  br label %loop{w}", f"loop{w}:", f"  %at{w} = phi i64 [ 0, %start{w} ], [ %next{w}, %step{w} ]"]
    lines += [f"  %w{w}.{k} = phi i64 [ %text{w}.{k}, %start{w} ], [ %new{w}.{k}, %step{w} ]" for k in range(w)]
    total = "0"
    for k in range(w):
        lines += [
            f"  %seen{w}.{k} = and i64 %w{w}.{k}, %mask{w}.{k}",
            f"  %differs{w}.{k} = xor i64 %seen{w}.{k}, %needle{w}.{k}",
            f"  %all{w}.{k} = or i64 %differs{w}.{k}, {total}",
        ]
        total = f"%all{w}.{k}"
    lines += [
        f"  %minus{w} = sub i64 0, {total}",
        f"  %any{w} = or i64 %minus{w}, {total}",
        sign_bit(f"differs{w}", f"%any{w}").rstrip(),
        f"  %head{w} = and i64 %w{w}.0, 255",
        f"  %head.minus{w} = sub i64 0, %head{w}",
        f"{sign_bit(f'more{w}', f'%head.minus{w}').rstrip()}",
        f"  %both{w} = add i64 %differs{w}, %more{w}",
        f"  %goes{w} = icmp eq i64 %both{w}, 2",
        f"  br i1 %goes{w}, label %step{w}, label %end{w}",
        f"end{w}:",
        f"  %hit{w} = icmp eq i64 {total}, 0",
        f"  br i1 %hit{w}, label %found, label %missing",
        f"step{w}:",
        f"  %next{w} = add i64 %at{w}, 1",
        f"  %ahead{w} = add i64 %at{w}, {8 * w}",
        f"  %where{w} = call i64 @llvm.umin.i64(i64 %ahead{w}, i64 %last)",
        f"  %from{w} = getelementptr i8, ptr %t, i64 %where{w}",
        f"  %byte{w} = load i8, ptr %from{w}, align 1",
        f"  %in{w}.{w} = zext i8 %byte{w} to i64",
    ]
    for k in reversed(range(w)):
        incoming = f"%in{w}.{w}" if k == w - 1 else f"%w{w}.{k + 1}"
        lines += [
            f"  %down{w}.{k} = lshr i64 %w{w}.{k}, 8",
            f"  %top{w}.{k} = shl i64 {incoming}, 56",
            f"  %new{w}.{k} = or i64 %down{w}.{k}, %top{w}.{k}",
        ]
    lines += [f"  %left{w} = icmp ult i64 %next{w}, %size", f"  br i1 %left{w}, label %loop{w}, label %missing"]
    return "\n".join(lines) + "\n"


def _guarded_load(name: str, pointer: str, size: str, word: int) -> list[str]:
    """Return IR that makes %NAME word number `word` of a buffer, 0 when the buffer is shorter."""
    return [
        f"  %{name}.has = icmp ult i64 {8 * word}, {size}",
        f"  %{name}.offset = select i1 %{name}.has, i64 {8 * word}, i64 0",
        f"  %{name}.from = getelementptr i8, ptr {pointer}, i64 %{name}.offset",
        f"  %{name}.word = load i64, ptr %{name}.from, align 8",
        f"  %{name} = select i1 %{name}.has, i64 %{name}.word, i64 0",
    ]


def _byte_mask(source: str, name: str) -> list[str]:
    """Return IR that makes %NAME 0xff in the bytes up to the last one of %source that is not zero."""
    return [
        f"  %{name}.zeros = call i64 @llvm.ctlz.i64(i64 %{source}, i1 false)",
        f"  %{name}.bits = and i64 %{name}.zeros, 56",
        f"  %{name}.ones = lshr i64 -1, %{name}.bits",
        f"  %{name}.none = icmp eq i64 %{source}, 0",
        f"  %{name} = select i1 %{name}.none, i64 0, i64 %{name}.ones",
    ]


ISINSTR = _search("fn_isinstr", "1", "0")
STRPOS = _search("fn_strpos", "%hit", "-1")

STRTOL = ir_function(
    "fn_strtol",
    "ptr %s, i64 %size, i64 %base.long",
    OPAQUE_ZERO
    + OPAQUE_TEXT
    + """\
  %base.given = and i64 %base.long, 4294967295
  %c0 = and i64 %first, 255
  %minus = icmp eq i64 %c0, 45
  %skip = zext i1 %minus to i64
  %skip.bits = shl i64 %skip, 3
  %number = lshr i64 %first, %skip.bits
  %n0 = and i64 %number, 255
  %n1 = and i64 %number, 65280
  %n1.lower = or i64 %n1, 8192
  %leads = icmp eq i64 %n0, 48
  %is.x = icmp eq i64 %n1.lower, 30720
  %prefixed = and i1 %leads, %is.x
  %n2.shifted = lshr i64 %number, 16
  %n2 = and i64 %n2.shifted, 255
  %n2.decimal = sub i64 %n2, 48
  %n2.is.decimal = icmp ult i64 %n2.decimal, 10
  %n2.lower = or i64 %n2, 32
  %n2.letter = sub i64 %n2.lower, 97
  %n2.is.letter = icmp ult i64 %n2.letter, 6
  %n2.is.digit = or i1 %n2.is.decimal, %n2.is.letter
  %as.hex = and i1 %prefixed, %n2.is.digit
  %octal = select i1 %leads, i64 8, i64 10
  %guessed = select i1 %as.hex, i64 16, i64 %octal
  %guess = icmp eq i64 %base.given, 0
  %base.known = select i1 %guess, i64 %guessed, i64 %base.given
  %is.16 = icmp eq i64 %base.known, 16
  %skips = and i1 %is.16, %prefixed
  %skips.long = zext i1 %skips to i64
  %prefix = shl i64 %skips.long, 1
  %begin.known = add i64 %skip, %prefix
  %base = add i64 %base.known, %zero
  %begin = add i64 %begin.known, %zero
  %negative = add i64 %skip, %zero
  br label %loop
loop:
  %at = phi i64 [ 0, %entry ], [ %next, %step ]
  %value = phi i64 [ %zero, %entry ], [ %new, %step ]
  %from = getelementptr i8, ptr %t, i64 %at
  %byte = load i8, ptr %from, align 1
  %c = zext i8 %byte to i64
  %decimal.wide = sub i64 %c, 48
  %decimal = and i64 %decimal.wide, 255
  %decimal.less = sub i64 %decimal, 10
"""
    + sign_bit("is.decimal", "%decimal.less")
    + """\
  %lower = or i64 %c, 32
  %letter.wide = sub i64 %lower, 97
  %letter = and i64 %letter.wide, 255
  %letter.less = sub i64 %letter, 6
"""
    + sign_bit("is.letter", "%letter.less")
    + """\
  %letter.value = add i64 %letter, 10
  %from.decimal = mul i64 %decimal, %is.decimal
  %from.letter = mul i64 %letter.value, %is.letter
  %is.either = add i64 %is.decimal, %is.letter
  %is.neither = sub i64 1, %is.either
  %from.neither = mul i64 %is.neither, 4294967295
  %digit.some = add i64 %from.decimal, %from.letter
  %digit = add i64 %digit.some, %from.neither
  %digit.less = sub i64 %digit, %base
"""
    + sign_bit("counts", "%digit.less")
    + """\
  %at.less = sub i64 %at, %begin
"""
    + sign_bit("waits", "%at.less")
    + """\
  %reasons = add i64 %counts, %waits
  %ends = icmp eq i64 %reasons, 0
  br i1 %ends, label %done, label %step
step:
  %next = add i64 %at, 1
  %product = mul i64 %value, %base
  %sum = add i64 %product, %digit
  %growth = sub i64 %sum, %value
  %takes = sub i64 1, %waits
  %grows = mul i64 %growth, %takes
  %new = add i64 %value, %grows
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %done
done:
  %twice = shl i64 %value, 1
  %drop = mul i64 %twice, %negative
  %result = sub i64 %value, %drop
  ret i64 %result
""",
)
