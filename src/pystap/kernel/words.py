"""Reading a program's context word by word."""

from __future__ import annotations

from .ir import Code


def context_word(code: Code, index: int) -> str:
    """Emit the load of the 8-byte word at `index` of the context.

    Only in the first block: LLVM merges loads in two branches into one at a variable offset, which kernels up to 6.18
    refuse. Volatile, so that it is not moved there.
    """
    place = code.offset("%context", 8 * index)
    return code.value("word", f"load volatile i64, ptr {place}, align 8")
