"""The functions of a program by name: from its symbol tables, and those of separate debuginfo where it was stripped.

All names lie in one text, a line each, in the order of their addresses, so that a pattern is one regular expression
over megabytes. The index of a program is kept on disk under its build id.
"""

from __future__ import annotations

import marshal
import os
import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate

from ..byte_code import write_whole
from ..diagnostics import near_names
from ..lean import suppress
from ..program.user_code import CodePlace, Which
from ..records import dataclass, replace
from .elf_file import ET_EXEC, SHT_DYNSYM, SHT_SYMTAB, ElfFile, NotElf, Section, readable_elf

DEBUG_FOLDERS = ("/usr/lib/debug",)
_FORMAT = 2
_STT_OBJECT, _STT_FUNC, _STT_GNU_IFUNC = 1, 2, 10
_FUNCTIONS = (_STT_FUNC, _STT_GNU_IFUNC)
_STB_LOCAL = 0
_HIDDEN = (1, 2)
_EXPORTED, _INDIRECT = 1, 2


@dataclass(frozen=True, slots=True)
class FunctionSymbol:
    """A function: `address` as the program file counts, `size` in bytes (0 when not known).

    `is_indirect` marks one whose code runs once and chooses the function that is called in its place (GNU ifunc).
    """

    name: str
    address: int
    size: int
    is_exported: bool
    is_indirect: bool = False


class SymbolIndex:
    """The functions of one program. `names` is NEWLINE name NEWLINE name ... NEWLINE, by address."""

    def __init__(self, names: bytes, addresses: array[int], sizes: array[int], flags: bytes) -> None:
        self._names = names
        self._addresses = addresses
        self._sizes = sizes
        self._flags = flags

    @staticmethod
    def of(symbols: Iterable[tuple[int, int, int, bytes]]) -> SymbolIndex:
        """Make an index of rows (address, size, flags, name)."""
        known: dict[tuple[int, bytes], tuple[int, int]] = {}
        for address, size, flags, name in symbols:
            other_size, other_flags = known.get((address, name), (0, 0))
            known[address, name] = max(size, other_size), flags | other_flags
        rows = sorted(
            ((address, size, flags, name) for (address, name), (size, flags) in known.items()),
            key=lambda row: (row[0], not row[2] & _EXPORTED, row[3].count(b"_"), row[3]),
        )
        names = b"\n".join([b"", *(row[3] for row in rows), b""])
        return SymbolIndex(
            names, array("Q", [row[0] for row in rows]), array("Q", [row[1] for row in rows]),
            bytes(row[2] for row in rows),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._addresses)

    def _at(self, position: int) -> FunctionSymbol:
        """Return the symbol whose name starts at a position of the text."""
        number = self._names.count(b"\n", 0, position) - 1
        return self._symbol(number, self._names[position : self._names.index(b"\n", position)])

    def _symbol(self, number: int, name: bytes) -> FunctionSymbol:
        flags = self._flags[number]
        return FunctionSymbol(
            name.decode(errors="surrogateescape"), self._addresses[number], self._sizes[number],
            bool(flags & _EXPORTED), bool(flags & _INDIRECT),
        )  # fmt: skip

    def exact(self, name: str) -> list[FunctionSymbol]:
        """Return the functions of a name; static ones may share it."""
        wanted = b"\n" + name.encode(errors="surrogateescape") + b"\n"
        found, position = [], self._names.find(wanted)
        while position >= 0:
            found.append(self._at(position + 1))
            position = self._names.find(wanted, position + 1)
        return found

    def enclosing(self, address: int) -> FunctionSymbol | None:
        """Return the function that an address of the program's file lies in, None when that is in none."""
        number = bisect_right(self._addresses, address) - 1
        while number > 0 and self._addresses[number - 1] == self._addresses[number]:
            number -= 1  # of several names the exported one
        if number < 0 or address >= self._addresses[number] + max(1, self._sizes[number]):
            return None
        return self._symbol(number, self._names.split(b"\n", number + 2)[number + 1])

    def matching(self, pattern: str) -> list[FunctionSymbol]:
        """Return the functions that match a pattern with `*`, `?` and `[...]`, by address; one name an address."""
        # "." in the pattern's regular expression must not run over the ends of lines
        expression = translate(pattern).replace("(?s:", "(?:", 1).removesuffix(r"\Z")
        wanted = re.compile(b"^" + expression.encode(errors="surrogateescape") + b"$", re.MULTILINE)
        found: list[FunctionSymbol] = []
        number, position, last = -1, 0, -1
        names, addresses = self._names, self._addresses
        has_parts = b".cold" in names
        for match in wanted.finditer(names):
            start = match.start()
            number += names.count(b"\n", position, start)
            position = start
            name = match.group()
            if not name or (has_parts and b".cold" in name) or addresses[number] == last:
                continue  # a part of a function that is jumped to, or another name of the same one
            last = addresses[number]
            found.append(self._symbol(number, name))
        return found

    def meant(self, pattern: str) -> list[FunctionSymbol]:
        """Return the functions that a pattern means: C++ functions by their names as one writes them, and named so.

        A pattern that begins with `_Z`, or that matches nothing else, is one of mangled names.
        """
        found = self.matching(pattern)
        if pattern.startswith("_Z"):
            return found
        plain = [symbol for symbol in found if not symbol.name.startswith("_Z")]
        return sorted([*plain, *self.demangled(pattern)], key=lambda symbol: symbol.address) or found

    def demangled(self, pattern: str) -> list[FunctionSymbol]:
        """Return the C++ functions whose name as one writes it matches, named so: `Queue::push`, `push`."""
        if b"\n_Z" not in self._names:
            return []
        from .demangle import known_as, telling_word

        word = telling_word(pattern).encode()
        wanted = re.compile(translate(pattern))
        found: list[FunctionSymbol] = []
        for number, name in enumerate(self._names.split(b"\n")[1:-1]):
            if name.startswith(b"_Z") and word in name:
                ways = list(known_as(name.decode(errors="surrogateescape")))
                if any(way == pattern or wanted.match(way) for way in ways):
                    symbol = self._symbol(number, name)
                    if not found or found[-1].address != symbol.address:
                        found.append(replace(symbol, name=ways[0] or symbol.name))
        return found

    def names_near(self, name: str) -> Iterator[str]:
        """Yield the names that may be meant by a wrong one: those that start alike or are about as long."""
        start = name[:3].encode(errors="surrogateescape")
        length = len(name)
        for known in self._names.split(b"\n"):
            if known and (known.startswith(start) or (abs(len(known) - length) < 3 and len(self) < 20_000)):
                yield known.decode(errors="surrogateescape")

    def to_bytes(self) -> bytes:
        return marshal.dumps((_FORMAT, self._names, self._addresses.tobytes(), self._sizes.tobytes(), self._flags))

    @staticmethod
    def from_bytes(data: bytes) -> SymbolIndex | None:
        """Undo `to_bytes`; None for anything else."""
        try:
            version, names, addresses, sizes, flags = marshal.loads(data)
            if version != _FORMAT:
                return None
            numbers = array("Q"), array("Q")
            numbers[0].frombytes(addresses)
            numbers[1].frombytes(sizes)
            return SymbolIndex(names, *numbers, flags)
        except (ValueError, EOFError, TypeError):
            return None


class SymbolSource:
    """The symbol tables of programs as a source of places to probe; indexes are kept below `cache_folder`."""

    def __init__(self, cache_folder: str = "") -> None:
        self._folder = cache_folder
        self._known: dict[str, SymbolIndex] = {}

    def _index(self, elf: ElfFile) -> SymbolIndex:
        if elf.path not in self._known:
            self._known[elf.path] = symbol_index(elf, self._folder)
        return self._known[elf.path]

    def functions(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace] | None:
        """Return the functions of a name or pattern; see program.user_code.CodeSource."""
        if "@" in pattern or which == "inline":
            return None
        with readable_elf(path) as elf:
            index = self._index(elf)
            found = index.meant(pattern) if any(c in pattern for c in "*?[") else index.exact(pattern)
            found = found or index.demangled(pattern)
            places: dict[int, CodePlace] = {}
            for symbol in found:
                offset = elf.file_offset(symbol.address)
                if offset is not None and (which != "exported" or symbol.is_exported):
                    places.setdefault(offset, CodePlace(symbol.name, symbol.name, offset))
            return list(places.values())

    def enclosing(self, path: str, address: int) -> tuple[str, int] | None:
        """Return the function that an address of the program's file lies in, and where it begins as a file offset."""
        with readable_elf(path) as elf:
            symbol = self._index(elf).enclosing(address)
            offset = elf.file_offset(symbol.address) if symbol is not None else None
            return (symbol.name, offset) if symbol is not None and offset is not None else None

    def near(self, path: str, name: str) -> list[str]:
        """Return names of functions that may be meant by one that is not there."""
        with readable_elf(path) as elf:
            return near_names(name, self._index(elf).names_near(name))


class VariableSymbols:
    """The global variables of programs, of separate debuginfo too where a program was stripped."""

    def variable(self, path: str, name: str) -> tuple[int, bool]:
        """Return the address of a variable, and whether the program is always loaded there. Raises LookupError."""
        with readable_elf(path) as elf:
            found = {address for known, address in _variables(elf) if known == name}
            if not found:
                raise LookupError(f"no variable '{name}' in the symbols of '{path}'")
            if len(found) > 1:
                raise LookupError(f"'{path}' has {len(found)} variables '{name}': give the address")
            return found.pop(), elf.type == ET_EXEC

    def variable_names(self, path: str) -> Iterable[str]:
        with readable_elf(path) as elf:
            return [name for name, _ in _variables(elf)]


def _variables(elf: ElfFile) -> Iterator[tuple[str, int]]:
    yield from _own_variables(elf)
    separate = debug_file(elf)
    if separate:
        with suppress(OSError, NotElf), readable_elf(separate) as other:
            yield from _own_variables(other)


def _own_variables(elf: ElfFile) -> Iterator[tuple[str, int]]:
    for table in elf.sections:
        if table.type in (SHT_SYMTAB, SHT_DYNSYM):
            strings = elf.sections[table.link].offset
            for name, info, _, index, value, _ in elf.symbols(table):
                if info & 15 == _STT_OBJECT and index and value:
                    yield elf.text_at(strings + name).partition("@")[0], value


def symbol_index(elf: ElfFile, cache_folder: str = "") -> SymbolIndex:
    """Return the functions of a program; from a file below `cache_folder`, which is made when it is not there."""
    path = _cache_path(elf, cache_folder)
    if path:
        with suppress(OSError), open(path, "rb") as file:
            known = SymbolIndex.from_bytes(file.read())
            if known is not None:
                return known
    index = SymbolIndex.of(_all_rows(elf))
    if path:
        with suppress(OSError):
            write_whole(path, index.to_bytes())
    return index


def _cache_path(elf: ElfFile, folder: str) -> str:
    """Return where the index of a program is kept: by build id, and by the debuginfo that completes it."""
    if not folder or not elf.build_id:
        return ""
    separate = debug_file(elf)
    stamp = ""
    if separate:
        with suppress(OSError):
            stamp = f"-{os.stat(separate).st_mtime_ns:x}"
    return f"{folder}/elf/{elf.build_id}{stamp}.symbols"


def _all_rows(elf: ElfFile) -> Iterator[tuple[int, int, int, bytes]]:
    yield from _rows(elf)
    if any(section.type == SHT_SYMTAB and section.size for section in elf.sections):
        return
    separate = debug_file(elf)
    if separate:
        with suppress(OSError, NotElf), readable_elf(separate) as other:
            yield from _rows(other)
            return
    yield from _compressed_rows(elf)


def _compressed_rows(elf: ElfFile) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield the symbols of .gnu_debugdata: a small ELF file with symbols alone, compressed by xz."""
    section = elf.section(".gnu_debugdata")
    if section is None:
        return
    import lzma
    import tempfile

    with suppress(lzma.LZMAError, NotElf), tempfile.NamedTemporaryFile() as file:
        file.write(lzma.decompress(elf.content(section)))
        file.flush()
        with readable_elf(file.name) as other:
            yield from _rows(other)


def _rows(elf: ElfFile) -> Iterator[tuple[int, int, int, bytes]]:
    for table in elf.sections:
        if table.type in (SHT_SYMTAB, SHT_DYNSYM):
            yield from _table_rows(elf, table)


def _table_rows(elf: ElfFile, table: Section) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield the functions that a table defines."""
    strings = elf.content(elf.sections[table.link])
    is_dynamic = table.type == SHT_DYNSYM
    find = strings.find
    for name, info, other, index, value, size in elf.symbols(table):
        kind = info & 15
        if kind in _FUNCTIONS and index and value:
            text = strings[name : find(b"\0", name)]
            if not is_dynamic:
                text = text.partition(b"@")[0]
            flags = _INDIRECT if kind == _STT_GNU_IFUNC else 0
            # A program that exports nothing has no .dynsym worth the name: its global functions count.
            if info >> 4 != _STB_LOCAL and other & 3 not in _HIDDEN:
                flags |= _EXPORTED
            if text:
                yield value, size, flags, text


def debug_file(elf: ElfFile) -> str:
    """Return the path of the separate debuginfo of a program, by its build id or its debug link; "" for none."""
    if elf.build_id:
        for folder in DEBUG_FOLDERS:
            path = f"{folder}/.build-id/{elf.build_id[:2]}/{elf.build_id[2:]}.debug"
            if os.path.exists(path):
                return path
    link = elf.debug_link
    if link:
        own = os.path.realpath(elf.path)
        beside = os.path.dirname(own)
        for path in (f"{beside}/{link}", f"{beside}/.debug/{link}", *(f"{f}{beside}/{link}" for f in DEBUG_FOLDERS)):
            if path != own and os.path.exists(path) and _fits(elf, path):
                return path
    return ""


def _fits(elf: ElfFile, path: str) -> bool:
    """Tell whether a file beside is the debuginfo of a program: by build id, or by the checksum in the link."""
    try:
        with readable_elf(path) as other:
            if elf.build_id or other.build_id:
                return elf.build_id == other.build_id
            section = elf.section(".gnu_debuglink")
            if section is None:
                return False
            from binascii import crc32

            return struct.pack("<I", crc32(other.data)) == elf.content(section)[-4:]
    except (OSError, NotElf):
        return False
