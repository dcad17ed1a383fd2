"""ELF files as far as probing a program needs them: segments, sections, symbols, what it is linked with.

    with ElfFile("/usr/lib/x86_64-linux-gnu/libc.so.6") as elf:
        elf.build_id, elf.file_offset(0x9cdf0), elf.needed

The file is mapped, nothing is read that is not asked for. Source: the ELF-64 object file format and its GNU extensions
(elf.h). Only 64-bit little-endian files are known.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from functools import cached_property

from ..records import dataclass

ET_EXEC, ET_DYN = 2, 3
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_DYNSYM = 2, 4, 8, 11
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_PF_X = 1
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29
_NT_GNU_BUILD_ID = 3
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
SYMBOL = struct.Struct("<IBBHQQ")
"""st_name, st_info, st_other, st_shndx, st_value, st_size"""


_DAMAGES = (struct.error, IndexError, ValueError, OverflowError, MemoryError)
"""What comes of reading a file that contradicts itself."""


class NotElf(LookupError):
    """The file is no program that can be read; the message says why, the file's name in front."""


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    type: int
    address: int
    offset: int
    size: int
    link: int
    info: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the file that is mapped: `file_size` bytes from `offset` of the file to `address`."""

    address: int
    offset: int
    file_size: int
    is_executable: bool


class readable_elf:  # noqa: N801 - it is used as a function
    """Opens a file; raises `NotElf` for one that is damaged, wherever in the reading that shows, and `OSError`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> ElfFile:
        try:
            self._elf = ElfFile(self._path)
        except _DAMAGES:
            raise self._damaged() from None
        return self._elf

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._elf.__exit__()
        if kind is not None and issubclass(kind, _DAMAGES):
            raise self._damaged() from None

    def _damaged(self) -> NotElf:
        return NotElf(f"'{self._path}' is damaged: what it says of itself does not fit")


class ElfFile:
    """An open ELF file. A context manager. Raises `NotElf` when it is made, `OSError` where it cannot be opened."""

    def __init__(self, path: str) -> None:
        self.path = path
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(fd).st_size
            if size < _HEADER.size:
                raise NotElf(f"'{path}' is not an ELF file")
            self.data = mmap.mmap(fd, size, prot=mmap.PROT_READ)
        except (ValueError, OSError):
            raise NotElf(f"'{path}' cannot be mapped") from None
        finally:
            os.close(fd)
        header = _HEADER.unpack_from(self.data)
        if header[0][:4] != b"\x7fELF":
            self.data.close()
            raise NotElf(f"'{path}' is not an ELF file")
        if header[0][4:6] != b"\x02\x01":
            self.data.close()
            raise NotElf(f"'{path}' is not a 64-bit program")
        self.type: int = header[1]
        self.entry: int = header[4]
        self._headers = header

    def close(self) -> None:
        self.data.close()

    def __enter__(self) -> ElfFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The loaded segments."""
        return tuple(
            Segment(address, offset, file_size, bool(flags & _PF_X))
            for kind, flags, offset, address, _, file_size, _, _ in self._program_headers()
            if kind == _PT_LOAD
        )

    def _program_headers(self) -> Iterator[tuple[int, ...]]:
        start, size, count = self._headers[5], self._headers[9], self._headers[10]
        for number in range(count):
            if start + size * number + _SEGMENT.size > len(self.data):
                return
            yield _SEGMENT.unpack_from(self.data, start + size * number)

    def file_offset(self, address: int) -> int | None:
        """Return where in the file the code at an address of the program lies; None outside of code."""
        for segment in self.segments:
            if segment.is_executable and segment.address <= address < segment.address + segment.file_size:
                return address - segment.address + segment.offset
        return None

    def data_offset(self, address: int) -> int | None:
        """The same for any address that the file has bytes for."""
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.file_size:
                return address - segment.address + segment.offset
        return None

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        start, size, count, names_index = self._headers[6], self._headers[11], self._headers[12], self._headers[13]
        if not start or start + size * count > len(self.data):
            return ()
        rows = [_SECTION.unpack_from(self.data, start + size * number) for number in range(count)]
        names = rows[names_index][4] if names_index < len(rows) else 0
        return tuple(
            Section(self.text_at(names + name), kind, address, offset, length, link, info)
            for name, kind, _, address, offset, length, link, info, _, _ in rows
        )

    def section(self, name: str) -> Section | None:
        """Return the section of a name that has bytes in this file."""
        return next((s for s in self.sections if s.name == name and s.type != SHT_NOBITS), None)

    def content(self, section: Section) -> bytes:
        """Return the bytes of a section as the file has them."""
        return self.data[section.offset : section.offset + section.size]

    def text_at(self, offset: int) -> str:
        """Return the NUL-terminated text at an offset of the file."""
        end = self.data.find(b"\0", offset)
        return self.data[offset:end].decode(errors="surrogateescape") if end >= 0 else ""

    def symbols(self, table: Section) -> Iterator[tuple[int, ...]]:
        """Yield the rows of a symbol table (see `SYMBOL`)."""
        content = self.content(table)
        return SYMBOL.iter_unpack(content[: len(content) // SYMBOL.size * SYMBOL.size])

    def notes(self, section: Section) -> Iterator[tuple[str, int, bytes]]:
        """Yield owner, type and description of the notes in a section."""
        content, at = self.content(section), 0
        while at + 12 <= len(content):
            name_size, size, kind = struct.unpack_from("<III", content, at)
            start = at + 12 + (name_size + 3 & ~3)
            yield (
                content[at + 12 : at + 12 + max(name_size - 1, 0)].decode(errors="replace"),
                kind,
                content[start : start + size],
            )
            at = start + (size + 3 & ~3)

    @cached_property
    def build_id(self) -> str:
        """The build id in hexadecimal digits, "" when the program has none."""
        section = self.section(".note.gnu.build-id")
        for owner, kind, content in self.notes(section) if section is not None else ():
            if owner == "GNU" and kind == _NT_GNU_BUILD_ID:
                return content.hex()
        return ""

    @cached_property
    def debug_link(self) -> str:
        """The name of the file with the debuginfo (.gnu_debuglink), "" when there is none."""
        section = self.section(".gnu_debuglink")
        return self.content(section).split(b"\0")[0].decode(errors="replace") if section is not None else ""

    @cached_property
    def interpreter(self) -> str:
        """The dynamic linker that the program asks for, "" for libraries and static programs."""
        for kind, _, offset, _, _, _, _, _ in self._program_headers():
            if kind == _PT_INTERP:
                return self.text_at(offset)
        return ""

    @cached_property
    def _dynamic(self) -> tuple[tuple[int, int], ...]:
        for kind, _, offset, _, _, size, _, _ in self._program_headers():
            if kind == _PT_DYNAMIC and offset + size <= len(self.data):
                rows = _DYNAMIC.iter_unpack(self.data[offset : offset + size // _DYNAMIC.size * _DYNAMIC.size])
                return tuple((tag, value) for tag, value in rows)
        return ()

    def _dynamic_texts(self, wanted: int) -> tuple[str, ...]:
        strings = next((value for tag, value in self._dynamic if tag == _DT_STRTAB), None)
        start = self.data_offset(strings) if strings is not None else None
        if start is None:
            return ()
        return tuple(self.text_at(start + value) for tag, value in self._dynamic if tag == wanted)

    @property
    def needed(self) -> tuple[str, ...]:
        """The libraries that it is linked with, as it names them."""
        return self._dynamic_texts(_DT_NEEDED)

    @property
    def soname(self) -> str:
        return next(iter(self._dynamic_texts(_DT_SONAME)), "")

    @property
    def library_folders(self) -> tuple[str, ...]:
        """Where it wants its libraries looked for (RUNPATH, else RPATH), $ORIGIN replaced."""
        texts = self._dynamic_texts(_DT_RUNPATH) or self._dynamic_texts(_DT_RPATH)
        origin = os.path.dirname(os.path.realpath(self.path))
        folders = [folder for text in texts for folder in text.split(":") if folder]
        return tuple(folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for folder in folders)
