"""The procedure linkage table of a program: where it calls functions of its libraries.

Each entry jumps through a word of the global offset table that a relocation fills with the address of a function: the
relocation's symbol is the entry's name. Source: System V ABI for AMD64, 5.2 (procedure linkage table).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ..program.user_code import CodePlace
from .elf_file import SHT_RELA, SYMBOL, ElfFile, Section, readable_elf

_JUMP_SLOT, _GLOB_DAT = 7, 6
_RELA = struct.Struct("<QQq")
_SECTIONS = (".plt.sec", ".plt", ".plt.got")
_JUMP = b"\xff\x25"
"""jmp *displacement(%rip); `endbr64` and a `bnd` prefix may stand in front."""
_LONGEST_START = 6


class PltSource:
    """The entries of programs, by path; read once each."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[CodePlace, ...]] = {}

    def entries(self, path: str, pattern: str) -> Sequence[CodePlace]:
        """Return the entries whose functions match a pattern, by address. Raises NotElf and OSError."""
        if path not in self._known:
            self._known[path] = tuple(_places(path))
        return [place for place in self._known[path] if fnmatchcase(place.name, pattern)]


def _places(path: str) -> Iterator[CodePlace]:
    with readable_elf(path) as elf:
        for name, address in plt_entries(elf):
            offset = elf.file_offset(address)
            if offset is not None:
                yield CodePlace(name, name, offset)


def plt_entries(elf: ElfFile) -> list[tuple[str, int]]:
    """Return the names of the functions that have an entry and the entries' addresses."""
    slots = _slots(elf)
    found: dict[str, int] = {}
    for section in filter(None, map(elf.section, _SECTIONS)):
        for name, address in _entries(elf, section, slots):
            found.setdefault(name, address)
    return sorted(found.items(), key=lambda row: row[1])


def _entries(elf: ElfFile, section: Section, slots: dict[int, str]) -> list[tuple[str, int]]:
    content = elf.content(section)
    size = 8 if section.name == ".plt.got" and len(content) % 16 and not content.startswith(b"\xf3\x0f\x1e\xfa") else 16
    found = []
    for start in range(0, len(content), size):
        entry = content[start : start + size]
        at = entry.find(_JUMP, 0, _LONGEST_START + 2)
        if at < 0 or at + 6 > len(entry):
            continue
        (displacement,) = struct.unpack_from("<i", entry, at + 2)
        name = slots.get(section.address + start + at + 6 + displacement)
        if name:
            found.append((name, section.address + start))
    return found


def _slots(elf: ElfFile) -> dict[int, str]:
    """Return the symbol that fills each word of the global offset table."""
    slots: dict[int, str] = {}
    for section in elf.sections:
        if section.type != SHT_RELA or section.link >= len(elf.sections):
            continue
        table = elf.sections[section.link]
        if table.link >= len(elf.sections):
            continue
        strings = elf.sections[table.link].offset
        content = elf.content(section)
        for place, info, _ in _RELA.iter_unpack(content[: len(content) // _RELA.size * _RELA.size]):
            if info & 0xFFFF_FFFF in (_JUMP_SLOT, _GLOB_DAT) and info >> 32:
                row = SYMBOL.unpack_from(elf.data, table.offset + (info >> 32) * SYMBOL.size)
                slots[place] = elf.text_at(strings + row[0])
    return slots
