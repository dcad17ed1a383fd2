"""Functions that generated code calls: IR text, put into a module once.

All string buffers are 8-byte aligned and zero behind the string, so whole words compare. BPF is little-endian here:
byte 0 is the low one. Loops are bounded by constants or by the words of a buffer.
"""

from __future__ import annotations

from .ir import NO_UNROLL, Module

NUMBER_BYTES = 40
"""The buffer of number_text: 32 bytes filled from their end with digits, a sign and a NUL; u64 where they start.

The start goes through memory so that the verifier forgets it: as a result it would be one of 20 known numbers, and the
code behind would be verified for each.
"""
NUMBER_START = 32
_LAST_DIGIT = NUMBER_START - 2

_COMPARE_WORDS = """
define internal i64 @compare_words(ptr %a, ptr %b, i64 %words) noinline #0 {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %same]
  %at = shl i64 %i, 3
  %pa = getelementptr i8, ptr %a, i64 %at
  %pb = getelementptr i8, ptr %b, i64 %at
  %wa = load i64, ptr %pa, align 8
  %wb = load i64, ptr %pb, align 8
  %equal = icmp eq i64 %wa, %wb
  br i1 %equal, label %same, label %differ
same:
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %words
  br i1 %more, label %loop, label %none, NO_UNROLL
differ:
  %ba = call i64 @llvm.bswap.i64(i64 %wa)
  %bb = call i64 @llvm.bswap.i64(i64 %wb)
  %less = icmp ult i64 %ba, %bb
  %order = select i1 %less, i64 -1, i64 1
  ret i64 %order
none:
  ret i64 0
}
"""

# The position is hidden from LLVM: where it knows the number, it would drop the check that the verifier needs.
_NUMBER_TEXT = """
define internal void @number_text(ptr %buffer, i64 %value, i64 %base, i64 %negative) noinline #0 {
entry:
  br label %loop
loop:
  %i = phi i64 [LAST, %entry], [%before, %more]
  %rest = phi i64 [%value, %entry], [%quotient, %more]
  %quotient = udiv i64 %rest, %base
  %product = mul i64 %quotient, %base
  %digit = sub i64 %rest, %product
  %known = call i64 asm sideeffect "", "=r,0"(i64 %digit)
  %index = and i64 %known, 15
  %symbol = getelementptr i8, ptr DIGITS, i64 %index
  %byte = load i8, ptr %symbol
  %p = getelementptr i8, ptr %buffer, i64 %i
  store i8 %byte, ptr %p
  %end = icmp eq i64 %quotient, 0
  br i1 %end, label %done, label %more
more:
  %at = call i64 asm sideeffect "", "=r,0"(i64 %i)
  %before = add i64 %at, -1
  %room = icmp ugt i64 %at, LOWEST
  br i1 %room, label %loop, label %done, NO_UNROLL
done:
  %last = getelementptr i8, ptr %buffer, i64 31
  store i8 0, ptr %last
  %signed = icmp eq i64 %negative, 0
  br i1 %signed, label %plain, label %minus
minus:
  %opaque = call i64 asm sideeffect "", "=r,0"(i64 %i)
  %sign = add i64 %opaque, -1
  %masked = and i64 %sign, 31
  %q = getelementptr i8, ptr %buffer, i64 %masked
  store i8 45, ptr %q
  br label %plain
plain:
  %start = phi i64 [%i, %done], [%masked, %minus]
  %result = getelementptr i8, ptr %buffer, i64 START
  store volatile i64 %start, ptr %result, align 8
  ret void
}
"""


def compare_words(module: Module) -> str:
    """`i64 (ptr a, ptr b, i64 words)`: -1, 0 or 1, as the first differing byte is less or greater, unsigned."""
    return module.function("compare_words", _COMPARE_WORDS.replace("NO_UNROLL", NO_UNROLL))


def number_text(module: Module) -> str:
    """`void (ptr buffer, i64 magnitude, i64 base, i64 negative)`: fills a buffer of NUMBER_BYTES."""
    text = _NUMBER_TEXT.replace("NO_UNROLL", NO_UNROLL).replace("LAST", str(_LAST_DIGIT))
    text = text.replace("LOWEST", str(_LAST_DIGIT - 21)).replace("DIGITS", module.constant(b"0123456789abcdef"))
    return module.function("number_text", text.replace("START", str(NUMBER_START)))
