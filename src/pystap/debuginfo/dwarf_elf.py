"""ELF files as containers of debugging information: sections, and the separate files that belong to a program.

    /usr/bin/prog  .note.gnu.build-id 93ac61...  ->  /usr/lib/debug/.build-id/93/ac61....debug
                   .gnu_debuglink prog.debug     ->  /usr/bin/prog.debug, /usr/bin/.debug/, /usr/lib/debug/usr/bin/
    prog.debug     .gnu_debugaltlink FILE        ->  what dwz(1) moved out of several files

Sources: elf(5), the System V ABI for AMD64 (relocations), GDB's manual ("Debugging Information in Separate Files").
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..records import dataclass

DEBUG_FOLDERS = ("/usr/lib/debug", "/usr/local/lib/debug")
ET_REL, ET_DYN = 1, 3
PT_LOAD, PT_TLS = 1, 7
PF_X = 1
SHF_ALLOC, SHF_EXECINSTR, SHF_COMPRESSED = 0x2, 0x4, 0x800
SHT_RELA, SHT_NOBITS = 4, 8
_NT_GNU_BUILD_ID = 3
_RELOCATED_BASE = 0x10000
"""Where the sections of a relocatable file (a kernel module) are thought to begin; no address is below."""


class NotElf(Exception):
    """The file is no 64-bit little-endian ELF file that can be read."""


@dataclass(frozen=True, slots=True)
class Section:
    """`address` is that of the section's first byte, made up for a relocatable file; 0 for what is not loaded."""

    name: str
    index: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    entry_size: int


@dataclass(frozen=True, slots=True)
class Segment:
    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int


class ElfFile:
    """An ELF file. Raises NotElf and OSError when it is made; contents are read when they are asked for."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:
            header = file.read(64)
            if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
                raise NotElf(f"{path} is no 64-bit little-endian ELF file")
            (self.type, self.machine, _, self.entry, programs, sections, _, _, program_size, program_count, size, count,
             names) = struct.unpack_from("<HHIQQQIHHHHHH", header, 16)  # fmt: skip
            file.seek(programs)
            table = file.read(program_size * program_count)
            file.seek(sections)
            rows = file.read(size * count)
        self.segments = list(_segments(table, program_size))
        self.sections = self._read_sections(rows, size, names) if sections else []
        self._by_name = {section.name: section for section in self.sections}
        self._contents: dict[str, bytes] = {}

    @property
    def is_relocatable(self) -> bool:
        """Whether the file is not linked to addresses yet: an object file, a kernel module."""
        return bool(self.type == ET_REL)

    @property
    def is_shared(self) -> bool:
        """Whether the file is loaded at any address: a library or a position-independent program."""
        return bool(self.type == ET_DYN)

    def _read_sections(self, rows: bytes, size: int, names: int) -> list[Section]:
        raw = [struct.unpack_from("<IIQQQQIIQQ", rows, at) for at in range(0, len(rows) - size + 1, size)]
        table = b""
        if names < len(raw):
            with open(self.path, "rb") as file:
                file.seek(raw[names][4])
                table = file.read(raw[names][5])
        found: list[Section] = []
        following = _RELOCATED_BASE
        for index, (name, kind, flags, address, offset, length, link, info, align, entry_size) in enumerate(raw):
            if self.is_relocatable and flags & SHF_ALLOC:
                address = -(-following // max(align, 1)) * max(align, 1)
                following = address + length
            text = table[name : table.find(b"\0", name)].decode(errors="replace")
            found.append(Section(text, index, kind, flags, address, offset, length, link, info, entry_size))
        return found

    def section(self, name: str) -> Section | None:
        """Return a section by name; None when there is none, or nothing of it is in this file."""
        found = self._by_name.get(name)
        return found if found is not None and found.type != SHT_NOBITS else None

    def content(self, name: str) -> bytes:
        """Return a section's content, decompressed and relocated; b"" when there is none."""
        known = self._contents.get(name)
        if known is None:
            known = self._contents[name] = self._read(name)
        return known

    def _read(self, name: str) -> bytes:
        if name.endswith(".dwo"):  # each type of a unit may have a section of that name
            return b"".join(self._content(section) for section in self.sections if section.name == name)
        section = self.section(name)
        if section is None:
            section = self.section(".z" + name[1:])
            return _decompressed(self._raw(section)[12:]) if section is not None else b""
        data = self._content(section)
        if self.is_relocatable and self.section(".rela" + name) is not None:
            return self._relocated(data, ".rela" + name)
        return data

    def _content(self, section: Section) -> bytes:
        """Return a section's content, decompressed."""
        data = self._raw(section)
        if not section.flags & SHF_COMPRESSED:
            return data
        kind = struct.unpack_from("<I", data)[0]
        return _DECOMPRESSED[kind](data[24:]) if kind in _DECOMPRESSED else b""

    def is_unreadable(self, name: str) -> bool:
        """Tell whether there is such a section, compressed in a way that cannot be undone here."""
        section = self.section(name)
        return section is not None and section.size > 0 and not self.content(name)

    def _raw(self, section: Section) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(section.offset)
            return file.read(section.size)

    def _relocated(self, data: bytes, table: str) -> bytes:
        """Return the content of a section of a relocatable file with its references filled in."""
        values = [self._value(symbol) for symbol in self.symbol_rows(".symtab")]
        changed = bytearray(data)
        section = self._by_name[table]
        for offset, info, addend in struct.iter_unpack("<QQq", self._raw(section)):
            value = values[info >> 32] + addend
            kind = info & 0xFFFFFFFF
            if kind == 1:  # R_X86_64_64
                struct.pack_into("<Q", changed, offset, value & 0xFFFFFFFFFFFFFFFF)
            elif kind in (10, 11):  # R_X86_64_32, R_X86_64_32S
                struct.pack_into("<I", changed, offset, value & 0xFFFFFFFF)
            elif kind == 2:  # R_X86_64_PC32
                place = self.sections[section.info].address + offset
                struct.pack_into("<I", changed, offset, value - place & 0xFFFFFFFF)
            elif kind == 24:  # R_X86_64_PC64
                place = self.sections[section.info].address + offset
                struct.pack_into("<Q", changed, offset, value - place & 0xFFFFFFFFFFFFFFFF)
        return bytes(changed)

    def _value(self, row: tuple[int, int, int, int, int, int]) -> int:
        _, _, _, index, value, _ = row
        return value + self.sections[index].address if index < len(self.sections) else value

    def symbol_rows(self, table: str) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Yield name offset, info, other, section index, value and size of each symbol."""
        section = self.section(table)
        if section is not None:
            yield from struct.iter_unpack("<IBBHQQ", self._raw(section))

    def function_symbols(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, address and size in bytes of each function in the symbol tables."""
        for table in (".symtab", ".dynsym"):
            section = self.section(table)
            if section is None:
                continue
            names = self.content(self.sections[section.link].name)
            for row in self.symbol_rows(table):
                if row[1] & 0xF in (2, 10) and row[3]:  # STT_FUNC, STT_GNU_IFUNC
                    text = names[row[0] : names.find(b"\0", row[0])].decode(errors="replace")
                    value = self._value(row) if self.is_relocatable else row[4]
                    yield text, value, row[5]

    def notes(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield name, type and content of each note."""
        for section in self.sections:
            if section.type == 7:  # SHT_NOTE
                yield from _notes(self._raw(section))

    @property
    def build_id(self) -> str:
        """The GNU build id in hex; "" when there is none."""
        for name, kind, content in self.notes():
            if name == "GNU" and kind == _NT_GNU_BUILD_ID:
                return content.hex()
        return ""

    def file_offset(self, address: int) -> int | None:
        """Return where in the file an address is loaded from; None when it is not."""
        for segment in self.segments:
            if segment.type == PT_LOAD and segment.address <= address < segment.address + segment.file_size:
                return segment.offset + address - segment.address
        return None

    def address_of(self, offset: int) -> int | None:
        """Return the address that a place in the file is loaded to; None when it is not loaded."""
        for segment in self.segments:
            if segment.type == PT_LOAD and segment.offset <= offset < segment.offset + segment.file_size:
                return segment.address + offset - segment.offset
        return None


def _segments(table: bytes, size: int) -> Iterator[Segment]:
    for at in range(0, len(table) - size + 1 if size else 0, size or 1):
        kind, flags, offset, address, _, length, memory, alignment = struct.unpack_from("<IIQQQQQQ", table, at)
        yield Segment(kind, flags, offset, address, length, memory, alignment)


def _decompressed(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return b""


def _decompressed_zstd(data: bytes) -> bytes:
    """Return what Python (since 3.14) or the zstd command makes of it; b"" where there is neither."""
    try:
        from compression.zstd import decompress  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import subprocess

        try:
            return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return b""
    made: bytes = decompress(data)
    return made


_DECOMPRESSED = {1: _decompressed, 2: _decompressed_zstd}
"""By how sections say that they are compressed (ch_type): ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD."""


def _notes(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("<III", data, at)
        name = data[at + 12 : at + 12 + name_size].rstrip(b"\0").decode(errors="replace")
        start = at + 12 + (name_size + 3) // 4 * 4
        yield name, kind, data[start : start + size]
        at = start + (size + 3) // 4 * 4


# ------------------------------------------------------------------------------------------- separate files


def open_elf(path: str) -> ElfFile | None:
    """Return the file, None when it cannot be read as ELF."""
    try:
        return ElfFile(path)
    except (OSError, NotElf, struct.error):
        return None


def separate_debug_file(elf: ElfFile) -> ElfFile | None:
    """Return the separate file with the debugging information of a stripped one; None when there is none."""
    build_id = elf.build_id
    for candidate in _candidates(elf, build_id):
        if not os.path.exists(candidate) or os.path.realpath(candidate) == os.path.realpath(elf.path):
            continue
        found = open_elf(candidate)
        if found is not None and found.build_id == build_id and found.section(".debug_info") is not None:
            return found
    return None


def _candidates(elf: ElfFile, build_id: str) -> Iterator[str]:
    if build_id:
        for folder in DEBUG_FOLDERS:
            yield f"{folder}/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
    link = elf.content(".gnu_debuglink").partition(b"\0")[0].decode(errors="replace")
    if link:
        folder = os.path.dirname(os.path.realpath(elf.path))
        yield f"{folder}/{link}"
        yield f"{folder}/.debug/{link}"
        for debug in DEBUG_FOLDERS:
            yield f"{debug}{folder}/{link}"


def supplementary_file(elf: ElfFile) -> ElfFile | None:
    """Return the file that dwz(1) moved shared parts to; None when there is none or it is not installed."""
    text, _, identity = elf.content(".gnu_debugaltlink").partition(b"\0")
    if not text:
        return None
    name = text.decode(errors="replace")
    build_id = identity.hex()
    folder = Path(os.path.realpath(elf.path)).parent
    candidates = [str(folder / name), name]
    candidates += [f"{debug}/.build-id/{build_id[:2]}/{build_id[2:]}.debug" for debug in DEBUG_FOLDERS]
    for candidate in candidates:
        found = open_elf(candidate)
        if found is not None and found.build_id == build_id:
            return found
    return None
