"""Pieces for the LLVM IR of built-in functions, written for what LLVM's BPF back end and the verifier accept.

Five habits, each for a reason that was met on a kernel:

- A value whose bounds the verifier must see is hidden from LLVM by an empty asm before the comparison, or LLVM compares
  one register and uses another.
- The result of a loop with several exits is made unknown to the verifier (OPAQUE_ZERO), or the rest of the program is
  verified once for each exit.
- In loops and in long straight code a condition is a bit made by arithmetic (`sign_bit`), not a branch, which would
  double the paths that are verified. Bits are multiplied, not widened to masks: newer verifiers walk both values of
  `x s>> 63` when it is and-ed.
- Offsets are added to a pointer whose alignment LLVM does not know (OPAQUE_TEXT): it may or them in, which is refused.
- A string is read at a variable offset by a helper only: kernels before 5.12 refuse that on the stack.
"""

from __future__ import annotations

from ..program.builtins import IrFunction

READ_KERNEL, READ_KERNEL_STRING = 113, 115
KTIME_GET_NS, GET_PRANDOM_U32, GET_CURRENT_COMM = 5, 7, 16

OPAQUE_TEXT = """\
  %t = call ptr asm sideeffect "", "=r,0"(ptr %s)
"""
"""Makes %t, the string %s without what LLVM knows of its alignment, which lets it or offsets into a pointer."""

OPAQUE_ZERO = """\
  %first = load i64, ptr %s, align 8
  %copy = call i64 asm sideeffect "", "=r,0"(i64 %first)
  %zero = sub i64 %copy, %first
"""
"""Makes %zero, a 0 of which neither LLVM nor the verifier knows that it is one, from the string %s."""


def helper(number: int) -> str:
    """Return the callee of BPF helper `number` (include/uapi/linux/bpf.h)."""
    return f"inttoptr (i64 {number} to ptr)"


def ir_function(name: str, parameters: str, body: str, limits: tuple[int | None, ...] = ()) -> IrFunction:
    """Return the function `@NAME(parameters)` with `body`, which starts in its entry block."""
    text = f'define internal i64 @{name}({parameters}) alwaysinline nounwind "no-builtins" {{\nentry:\n{body}}}\n'
    return IrFunction(name, text, limits)


def sign_bit(name: str, value: str) -> str:
    """Return IR that makes %NAME 1 when `value` is negative and 0 else, hidden from LLVM on both sides."""
    return f"""\
  %{name}.hidden = call i64 asm sideeffect "", "=r,0"(i64 {value})
  %{name}.shifted = lshr i64 %{name}.hidden, 63
  %{name} = call i64 asm sideeffect "", "=r,0"(i64 %{name}.shifted)
"""


def length_of(pointer: str, size: str, before: str, zero: str = "") -> str:
    """Return IR that counts the bytes of a zero-filled string into %length and goes on in block `counted`.

    `before` is the block it stands in, `zero` an opaque zero to add.
    """
    result = "%length" if not zero else "%counted.known"
    tail = f"  %length = add i64 %counted.known, {zero}\n" if zero else ""
    return f"""\
  br label %count
count:
  %count.at = phi i64 [ 0, %{before} ], [ %count.next, %count ]
  %count.from = getelementptr i8, ptr {pointer}, i64 %count.at
  %count.word = load i64, ptr %count.from, align 8
  %count.next = add i64 %count.at, 8
  %count.full = icmp ugt i64 %count.word, 72057594037927935
  %count.left = icmp ult i64 %count.next, {size}
  %count.more = and i1 %count.full, %count.left
  br i1 %count.more, label %count, label %counted
counted:
  %counted.bits = call i64 @llvm.ctlz.i64(i64 %count.word, i1 false)
  %counted.bytes = lshr i64 %counted.bits, 3
  {result} = sub i64 %count.next, %counted.bytes
{tail}"""
