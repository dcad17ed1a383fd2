"""An ELF file as it is mapped: segments, the sections that unwinding and symbols need, build id, dynamic symbols.

Reads what it needs with `struct` alone: sessions open hundreds of files, most of them for a few addresses (ELF: System
V gABI, chapters 4 and 5; 64-bit little-endian files only).
"""

from __future__ import annotations

import mmap
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from ..records import dataclass

_LOAD, _NOTE, _EH_FRAME = 1, 4, 0x6474E550
_EXECUTABLE = 1
_SYMTAB, _DYNSYM, _NOBITS = 2, 11, 8
_FUNCTION, _NO_TYPE, _INDIRECT = 2, 0, 10
_GLOBAL = 1
_SYMBOL = struct.Struct("<IBBHQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
DEBUG_FOLDER = "/usr/lib/debug"


_PAGE = 4096


class NotElf(Exception):
    """The file is no 64-bit ELF file of this machine, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the file that is mapped: `address` is where, before the program is moved as a whole."""

    offset: int
    address: int
    size: int
    is_code: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its bytes lie at `offset`; `is_empty` where a debug file has left them out."""

    kind: int
    address: int
    offset: int
    size: int
    link: int
    is_empty: bool


class ElfImage:
    """One file, or an image in memory (the vdso). Addresses are those of the file, not of a process."""

    def __init__(self, data: bytes | mmap.mmap, path: str = "") -> None:
        self.path = path
        self.data = memoryview(data)
        if len(self.data) < 64 or bytes(self.data[:6]) != b"\x7fELF\x02\x01":
            raise NotElf(path)
        header = struct.unpack_from("<HHIQQQIHHHHHH", self.data, 16)
        self.kind: int = header[0]
        self._segments_at, self._sections_at = header[4], header[5]
        self._segment_size, self._segment_count, self._section_size, self._section_count = header[8:12]
        self._names_index: int = header[12]
        try:
            rows = [_SEGMENT.unpack_from(self.data, self._segments_at + i * self._segment_size)
                    for i in range(self._segment_count)]  # fmt: skip
        except struct.error:
            raise NotElf(path) from None
        self.segments = [Segment(r[2], r[3], r[5], bool(r[1] & _EXECUTABLE)) for r in rows if r[0] == _LOAD]
        self.eh_frame_header: int | None = next((r[3] for r in rows if r[0] == _EH_FRAME), None)
        self._notes = [(r[2], r[5]) for r in rows if r[0] == _NOTE]

    @staticmethod
    def open(path: str) -> ElfImage:
        """Map a file. Raises `NotElf`."""
        try:
            with open(path, "rb") as file:
                return ElfImage(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
        except (OSError, ValueError):
            raise NotElf(path) from None

    @cached_property
    def sections(self) -> dict[str, Section]:
        """The sections by name; none where the table was stripped."""
        rows = []
        for index in range(self._section_count):
            try:
                rows.append(_SECTION.unpack_from(self.data, self._sections_at + index * self._section_size))
            except struct.error:
                return {}
        if self._names_index >= len(rows):
            return {}
        names = rows[self._names_index][4]
        found: dict[str, Section] = {}
        for row in rows:
            name = self.text_at(names + row[0])
            found.setdefault(name, Section(row[1], row[3], row[4], row[5], row[6], row[1] == _NOBITS))
        self._section_rows = rows
        return found

    def text_at(self, offset: int) -> str:
        """Return the string at an offset of the file."""
        piece = bytes(self.data[offset : offset + 64])
        while b"\0" not in piece and offset + len(piece) < len(self.data):
            piece = bytes(self.data[offset : offset + 2 * len(piece)])
        return piece.partition(b"\0")[0].decode("utf-8", "replace")

    def address_of(self, offset: int) -> int | None:
        """Return the address of a byte of the file; None for one that is not mapped."""
        for segment in self.segments:
            if segment.offset <= offset < segment.offset + segment.size:
                return offset - segment.offset + segment.address
        return None

    def code_address_of(self, offset: int) -> int | None:
        """Return the address that code mapped from an offset on has; None for an offset of no code.

        Mappings begin at pages: with what lies in the file before the segment, which may be the end of another one.
        """
        for segment in self.segments:
            if segment.is_code and segment.offset // _PAGE * _PAGE <= offset < segment.offset + segment.size:
                return offset - segment.offset + segment.address
        return None

    def offset_of(self, address: int) -> int | None:
        """Return where in the file the byte at an address lies; None for one that is not in it."""
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.offset
        return None

    @property
    def end(self) -> int:
        """The end of the highest segment: the size of the module in memory, from address 0."""
        return max((segment.address + segment.size for segment in self.segments), default=0)

    @cached_property
    def build_id(self) -> str:
        """The GNU build id in hex, "" without."""
        from .kernel_symbols import build_id_from_notes

        for offset, size in self._notes:
            found = build_id_from_notes(bytes(self.data[offset : offset + size]))
            if found:
                return found
        section = self.sections.get(".note.gnu.build-id")
        if section is None:
            return ""
        return build_id_from_notes(bytes(self.data[section.offset : section.offset + section.size])) or ""

    def debug_file(self) -> ElfImage | None:
        """Return the file that debug information was split off to: by build id, else by .gnu_debuglink."""
        for path in self._debug_paths():
            if path != self.path and os.path.exists(path):
                try:
                    found = ElfImage.open(path)
                except NotElf:
                    continue
                if not self.build_id or found.build_id == self.build_id:
                    return found
        return None

    def _debug_paths(self) -> Iterator[str]:
        build_id = self.build_id
        if build_id:
            yield f"{DEBUG_FOLDER}/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        section = self.sections.get(".gnu_debuglink")
        if section is not None and self.path:
            folder, name = os.path.dirname(os.path.realpath(self.path)), self.text_at(section.offset)
            yield from (f"{folder}/{name}", f"{folder}/.debug/{name}", f"{DEBUG_FOLDER}{folder}/{name}")

    def functions(self, table: str) -> Iterator[tuple[int, int, int, int]]:
        """Yield address, size, rank and the name's offset of the functions in ".symtab" or ".dynsym".

        A lower rank is a better name for an address: global before weak and local, functions before the rest.
        """
        section = self.sections.get(table)
        if section is None or section.is_empty or section.kind not in (_SYMTAB, _DYNSYM):
            return
        names = self._section_rows[section.link][4]
        data = self.data[section.offset : section.offset + section.size // 24 * 24]
        for name, info, _, index, value, size in _SYMBOL.iter_unpack(data):
            kind = info & 15
            if index and value and kind in (_FUNCTION, _INDIRECT, _NO_TYPE):
                yield value, size, (kind == _NO_TYPE) * 4 + (info >> 4 != _GLOBAL), names + name


class FunctionTable:
    """The functions of a file by address, from its own tables and from those of its debug file."""

    def __init__(self, image: ElfImage) -> None:
        best: dict[int, tuple[int, int, ElfImage, int]] = {}
        sources = [(image, ".symtab"), (image, ".dynsym")]
        if ".symtab" not in image.sections:
            split = image.debug_file()
            sources = [(split, ".symtab"), *sources] if split is not None else sources
        for source, table in sources:
            for address, size, rank, name in source.functions(table):
                known = best.get(address)
                if known is None or (rank, -size) < known[:2]:
                    best[address] = (rank, -size, source, name)
        self._starts = sorted(best)
        self._rows = [best[address] for address in self._starts]

    def find(self, address: int) -> tuple[str, int, int] | None:
        """Return name, offset and size of the function that an address lies in; None for none."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        _, negative_size, source, name = self._rows[index]
        size = -negative_size
        if not size:
            size = self._starts[index + 1] - self._starts[index] if index + 1 < len(self._starts) else 0
        if size and address >= self._starts[index] + size:
            return None
        text = source.text_at(name).partition("@")[0]  # a version stands behind: __libc_start_main@@GLIBC_2.34
        return text, address - self._starts[index], size
