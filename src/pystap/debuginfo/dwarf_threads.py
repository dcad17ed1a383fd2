"""Where the thread-local variables of a program or library are: each thread has a block of them.

program    the block ends where the thread pointer points                        (variant II of the ELF TLS document)
library    the dynamic linker keeps for each thread a vector of blocks (DTV) by module; which module a library is, or
           how far its block is from the thread pointer, stands in its global offset table

Sources: "ELF Handling For Thread-Local Storage" (Drepper), the layout of glibc's tcbhead_t: the vector's address is the
second word behind the thread pointer, its elements have 16 bytes.
"""

from __future__ import annotations

import struct
from functools import cache

from ..program import nodes as n
from ..program.types import Type, wrap_long
from ..source import Span
from .dwarf_elf import PT_TLS, ElfFile
from .dwarf_values import Source

_DT_FLAGS_1, _DF_1_PIE = 0x6FFFFFFB, 0x08000000
_DTPMOD64, _TPOFF64 = 16, 18
_VECTOR, _ELEMENT = 8, 16


def _binary(operator: n.BinaryOperator, left: n.Expression, right: n.Expression | int, span: Span) -> n.Expression:
    if isinstance(right, int):
        right = n.Constant(wrap_long(right), span=span, type=Type.LONG)
    return n.Binary(operator, left, right, span=span, type=Type.LONG)


def _word(address: n.Expression, span: Span) -> n.Expression:
    return n.ReadMemory(address, 0, 8, False, True, span=span, type=Type.LONG)


def thread_block(elf: ElfFile, thread_pointer: Source, shift: Source | None) -> Source | None:
    """Return the address of the running thread's block of a file; None when that cannot be known.

    `shift` is by how much the file's addresses were moved when it was loaded.
    """
    block = next((segment for segment in elf.segments if segment.type == PT_TLS), None)
    if block is None:
        return None
    if not elf.is_shared or is_program(elf):
        below = -(-block.memory_size // max(block.alignment, 1)) * max(block.alignment, 1)
        return lambda span: _binary("-", thread_pointer(span), below, span)
    for kind, place, addend in block_slots(elf):
        if kind == _DTPMOD64:
            return _by_module(thread_pointer, _slot(place, shift))
        if kind == _TPOFF64:
            return _by_offset(thread_pointer, _slot(place, shift), addend)
    return None


def _slot(place: int, shift: Source | None) -> Source:
    def value(span: Span) -> n.Expression:
        address: n.Expression = n.Constant(place, span=span, type=Type.LONG)
        return _word(address if shift is None else _binary("+", shift(span), place, span), span)

    return value


def _by_module(thread_pointer: Source, module: Source) -> Source:
    def value(span: Span) -> n.Expression:
        vector = _word(_binary("+", thread_pointer(span), _VECTOR, span), span)
        return _word(_binary("+", vector, _binary("*", module(span), _ELEMENT, span), span), span)

    return value


def _by_offset(thread_pointer: Source, offset: Source, addend: int) -> Source:
    """Use a slot with how far a variable is from the thread pointer; `addend` is its place in the block."""

    def value(span: Span) -> n.Expression:
        return _binary("-", _binary("+", thread_pointer(span), offset(span), span), addend, span)

    return value


@cache
def is_program(elf: ElfFile) -> bool:
    """Tell whether a file that is loaded at any address is a program, not a library."""
    rows = struct.iter_unpack("<qQ", elf.content(".dynamic"))
    flags = next((value for tag, value in rows if tag == _DT_FLAGS_1), 0)
    return bool(flags & _DF_1_PIE)


@cache
def block_slots(elf: ElfFile) -> tuple[tuple[int, int, int], ...]:
    """Return kind, place and place in the block of the relocations that tell where a library's own block is."""
    symbols = list(elf.symbol_rows(".dynsym"))
    found = []
    for place, info, addend in struct.iter_unpack("<QQq", elf.content(".rela.dyn")):
        kind, symbol = info & 0xFFFFFFFF, info >> 32
        if kind not in (_DTPMOD64, _TPOFF64):
            continue
        if symbol and (symbol >= len(symbols) or not symbols[symbol][3]):
            continue  # a variable of another file
        found.append((kind, place, addend + (symbols[symbol][4] if symbol else 0)))
    return tuple(found)
