"""What dwp(1) joined: the units of many .dwo files in one file, with an index of where the parts of each are.

prog.dwp, .debug_cu_index: unit 0x5f3a... -> 0x200 bytes at 0x4711 of .debug_info.dwo, 0x80 at 0x90 of .debug_abbrev.dwo

Sources: DWARF 5, 7.3.5; for version 2 of the index the description of DWARF packages by GNU.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from .dwarf_elf import ElfFile
from .dwarf_units import Die, DwarfData, Unit

_COLUMNS2 = ("", ".debug_info", ".debug_types", ".debug_abbrev", ".debug_line", ".debug_loc", ".debug_str_offsets",
             ".debug_macinfo", ".debug_macro")  # fmt: skip
_COLUMNS5 = ("", ".debug_info", "", ".debug_abbrev", ".debug_line", ".debug_loclists", ".debug_str_offsets",
             ".debug_macro", ".debug_rnglists")  # fmt: skip
_HEADER = struct.Struct("<IIII")

Parts = dict[str, tuple[int, int]]
"""The sections of a unit: where its part begins in that of the package, and its size."""


class Package:
    """A file that dwp made."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf

    @cached_property
    def _units(self) -> dict[int, Parts]:
        return _index(self.elf.content(".debug_cu_index"))

    @cached_property
    def _types(self) -> dict[int, Parts]:
        return _index(self.elf.content(".debug_tu_index"))

    def unit(self, signature: int) -> Unit | None:
        """Return a unit by the number that it has in common with its skeleton."""
        parts = self._units.get(signature)
        return next(iter(PackedData(self, parts).units), None) if parts is not None else None

    def type_die(self, signature: int) -> Die | None:
        """Return the type of a type unit."""
        parts = self._types.get(signature)
        if parts is None:
            return None
        data = PackedData(self, parts)
        info = data.types or data.info
        return Unit(data, info, 0).type_die if info else None

    def types(self) -> Iterator[Die]:
        """Yield all types of type units."""
        for signature in self._types:
            die = self.type_die(signature)
            if die is not None:
                yield die


class PackedData(DwarfData):
    """The sections of one unit of a package."""

    def __init__(self, package: Package, parts: Parts) -> None:
        super().__init__(package.elf, ".dwo")
        self._package = package
        self._parts = parts

    def section(self, name: str) -> bytes:
        whole = super().section(name)
        if name == ".debug_str":  # all have it in common
            return whole
        start, size = self._parts.get(name, (0, 0))
        return whole[start : start + size]

    def type_of_signature(self, signature: int) -> Die | None:
        return super().type_of_signature(signature) or self._package.type_die(signature)


def _index(data: bytes) -> dict[int, Parts]:
    """Read .debug_cu_index or .debug_tu_index. What it refers to may be damaged; then it is empty."""
    found: dict[int, Parts] = {}
    if len(data) < _HEADER.size:
        return found
    version, columns, units, slots = _HEADER.unpack_from(data)
    names = {2: _COLUMNS2, 5: _COLUMNS5}.get(version & 0xFFFF)
    rows = _HEADER.size + 8 * slots
    heads = rows + 4 * slots
    offsets = heads + 4 * columns
    sizes = offsets + 4 * columns * units
    if names is None or sizes + 4 * columns * units > len(data):
        return found
    ids = struct.unpack_from(f"<{columns}I", data, heads)
    signatures = struct.unpack_from(f"<{slots}Q", data, _HEADER.size)
    numbers = struct.unpack_from(f"<{slots}I", data, rows)
    for signature, number in zip(signatures, numbers, strict=True):
        if not 1 <= number <= units:
            continue
        at = 4 * columns * (number - 1)
        starts = struct.unpack_from(f"<{columns}I", data, offsets + at)
        lengths = struct.unpack_from(f"<{columns}I", data, sizes + at)
        found[signature] = {
            names[known]: (start, length)
            for known, start, length in zip(ids, starts, lengths, strict=True)
            if known < len(names)
        }
    return found
