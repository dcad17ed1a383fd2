"""Where `errno` of the running thread is: in the thread's block of the C library, or of a program that has that in it.

How far the block is from the thread pointer stands in the library's global offset table, and where the library lies in
what the dynamic linker tells debuggers: auxiliary vector -> program headers -> DT_DEBUG -> list of loaded files
(link.h). The library is known in it by where its dynamic section is.

Other C libraries (musl) have errno at a fixed distance behind the thread pointer, which is written in the function that
gives its address: mov %fs:0, %rax; add $0x34, %rax; ret.
"""

from __future__ import annotations

import os
import re
from functools import cache

from ..program import nodes as n
from ..program.builtins import Builtin, Effect
from ..program.types import Type, wrap_long
from ..program.user_code import Libraries
from ..records import dataclass
from ..source import Span
from .dwarf_elf import ElfFile, open_elf
from .dwarf_source import ProcessFacts
from .dwarf_threads import block_slots, thread_block
from .libc_errno_ir import LIBRARY_WORD

_PT_DYNAMIC = 2
_THREAD_LOCAL = 6
_TPOFF64 = 18
_NAMES = (b"errno", b"__libc_errno")
_LIBRARY = "libc.so.6"
_LOCATION = re.compile(rb"\x64\x48\x8b\x04\x25\0\0\0\0\x48(?:\x83\xc0(.)|\x05(.{4}))\xc3", re.DOTALL)
"""mov %fs:0, %rax; add $NUMBER, %rax; ret"""


def _nothing(*_: object) -> int:
    raise AssertionError("only kernel handlers ask for the errno of a thread")


WORD = Builtin(
    "__library_word", (("vector", Type.LONG), ("dynamic", Type.LONG), ("place", Type.LONG)), Type.LONG, Effect.CONTEXT,
    _nothing, LIBRARY_WORD,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """In the C library's file: where its dynamic section is, a word of its offset table, and what to add to that."""

    dynamic: int
    slot: int
    distance: int


@dataclass(frozen=True, slots=True)
class Errno:
    """Gives `@errno` in processes; `libraries` finds the C library."""

    process: ProcessFacts
    libraries: Libraries

    def value(self, path: str, span: Span) -> n.Expression:
        """Return errno of the running thread; `path` is the program that is probed, "" for any.

        Raises LookupError, its text for people, where it cannot be found.
        """
        elf = open_elf(path) if path else None
        linker = elf.content(".interp").rstrip(b"\0").decode(errors="replace") if elf is not None else ""
        if elf is not None and not linker and not _is_library(elf):
            address = self._in_program(elf, span)
        elif linker and not os.path.basename(linker).startswith("ld-linux"):
            known = self._by_function(open_elf(os.path.realpath(linker)), span)
            if known is None:
                raise LookupError(f"the errno of programs that {linker} loads cannot be found: it is not glibc or musl")
            address = known
        else:
            address = self._in_library(span)
        # A process whose C library is not loaded yet has had no error.
        return n.ReadMemory(address, 0, 4, True, True, 0, span=span, type=Type.LONG)

    def _in_program(self, elf: ElfFile, span: Span) -> n.Expression:
        offset, block = _symbol(elf, ".symtab"), thread_block(elf, self.process.thread_pointer, None)
        if offset is None or block is None:
            address = self._by_function(elf, span)
            if address is not None:
                return address
            raise LookupError(f"'{elf.path}' is linked statically and does not tell where its errno is")
        return _plus(block(span), offset, span)

    def _by_function(self, elf: ElfFile | None, span: Span) -> n.Expression | None:
        """Return where errno is by the code of the function that gives its address; None for code of another form."""
        address = _function(elf) if elf is not None else None
        text = elf.section(".text") if elf is not None else None
        if elf is None or address is None or text is None:
            return None
        start = address - text.address
        found = _LOCATION.match(elf.content(".text"), start) if start >= 0 else None
        if found is None:
            return None
        distance = int.from_bytes(found[1] or found[2], "little", signed=True)
        return _plus(self.process.thread_pointer(span), distance, span)

    def _in_library(self, span: Span) -> n.Expression:
        place = _of_library(self.libraries.find_library(_LIBRARY))
        vector = self.process.auxiliary_vector(span)
        constants = [n.Constant(value, span=span, type=Type.LONG) for value in (place.dynamic, place.slot)]
        word = n.BuiltinCall(WORD, [vector, *constants], span=span, type=Type.LONG)
        base = n.Binary("+", self.process.thread_pointer(span), word, span=span, type=Type.LONG)
        return _plus(base, place.distance, span)


def _plus(value: n.Expression, offset: int, span: Span) -> n.Expression:
    constant = n.Constant(wrap_long(offset), span=span, type=Type.LONG)
    return n.Binary("+", value, constant, span=span, type=Type.LONG)


def _is_library(elf: ElfFile) -> bool:
    return elf.is_shared and elf.section(".dynsym") is not None and _symbol(elf, ".symtab") is None


def _function(elf: ElfFile) -> int | None:
    """Return the address of the function that gives the address of errno; None where symbols do not tell."""
    return next((address for name, address, _ in elf.function_symbols() if name == "__errno_location"), None)


def _symbol(elf: ElfFile, table: str) -> int | None:
    """Return where errno is in a thread's block of a file; None where its symbols do not tell."""
    section = elf.section(table)
    if section is None:
        return None
    names = elf.content(elf.sections[section.link].name)
    for name, info, _, index, value, _ in elf.symbol_rows(table):
        if info & 0xF == _THREAD_LOCAL and index and names[name : names.find(b"\0", name)] in _NAMES:
            return value
    return None


@cache
def _of_library(path: str) -> _Place:
    elf = open_elf(path) if path else None
    if elf is None:
        raise LookupError(f"there is no {_LIBRARY}, whose errno is meant")
    value = _symbol(elf, ".dynsym")
    dynamic = next((segment.address for segment in elf.segments if segment.type == _PT_DYNAMIC), 0)
    for kind, slot, offset in block_slots(elf):
        if kind == _TPOFF64 and value is not None:
            return _Place(dynamic, slot, value - offset)
    raise LookupError(f"'{path}' does not tell where its errno is")
