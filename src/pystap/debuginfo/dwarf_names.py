"""Finds the units of a file that may say something of a name, without walking the others.

work  ->  "work\\0" in .debug_str at 0x4711  ->  the bytes 11 47 00 00 in .debug_info  ->  the units around them

A name stands in .debug_str once, whatever refers to it, and finding bytes is a thousand times faster than decoding
entries. What is found by chance costs a look at a unit, nothing else.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError
from .dwarf_units import DwarfData, Unit

_MOST_NAMES = 2000
_SHORTEST = 4
"""Shorter names stand where they are used, not in the table of strings."""
_MOST_SINGLE = 14
"""Up to so many offsets are looked for one by one."""
_LARGE = 1 << 18
"""In so many bytes a regular expression finds four bytes faster than bytes.find does."""
_FREQUENT = b"\0\1"
"""Bytes that stand nearly everywhere."""


def places(data: bytes, wanted: bytes, low: int = 0, high: int = sys.maxsize) -> Iterator[int]:
    """Yield where bytes occur, from `low` up to `high`."""
    at = data.find(wanted, low, high)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1, high)


class Names:
    """The names of one file."""

    def __init__(self, data: DwarfData) -> None:
        self.data = data
        self._known: dict[str, list[Unit]] = {}
        self._in_offsets: dict[frozenset[str], list[int]] = {}

    def units(self, name: str) -> list[Unit]:
        """Return the units that may have a DIE of that name, in their order."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = sorted(self.stream(name), key=lambda unit: unit.offset)
        return known

    def matching(self, pattern: str) -> list[Unit]:
        """Return the units that may have a DIE whose name matches a pattern with wildcards; all where many names do."""
        found = self.expanded(pattern)
        if found is None:
            return self.data.units
        units = {unit.offset: unit for text in found for unit in self.units(text)}
        return [units[offset] for offset in sorted(units)]

    def expanded(self, pattern: str) -> list[str] | None:
        """Return the strings that match a pattern with wildcards; None where there are many, or others may match."""
        data = self.data
        few = len(data.units) <= 2 or data.is_split or not data.strings  # Go writes names where they are used
        if few or pattern[0] in "*?" or "[" in pattern or len(pattern.replace("*", "")) < _SHORTEST:
            return None
        letters = {"*": "[^\\0]*", "?": "[^\\0]"}
        expression = re.compile("".join(letters.get(c, re.escape(c)) for c in pattern + "\0").encode())
        found: set[bytes] = set()
        tables = [data.strings] if data.alternative is None else [data.strings, data.alternative.strings]
        for table in tables:
            match = expression.search(table)
            while match is not None:
                found.add(match.group())
                if len(found) > _MOST_NAMES:
                    return None
                match = expression.search(table, match.start() + 1)
        return [text[:-1].decode(errors="replace") for text in sorted(found)]

    def places(self, names: Sequence[str]) -> set[int]:
        """Return where names begin in .debug_str."""
        return {at for name in names for at in string_places(self.data.strings, name.encode() + b"\0")}

    def string_indexes(self, unit: Unit, names: Collection[str]) -> set[int]:
        """Return the numbers by which a unit may name strings of .debug_str (DW_FORM_strx)."""
        base = unit.top.number(d.AT_STR_OFFSETS_BASE)
        if base is None:
            return set()
        bases, _ = self._string_tables
        following = bisect_right(bases, base)
        end = bases[following] if following < len(bases) else len(self.data.string_offsets)
        found = self._in_tables(names)
        return {(at - base) // unit.offset_size for at in found[bisect_left(found, base) : bisect_left(found, end)]}

    def units_with_indexes(self, names: Collection[str]) -> list[Unit]:
        """Return the units that may name one of the strings by its number."""
        bases, owners = self._string_tables
        tables = {bisect_right(bases, place) - 1 for place in self._in_tables(names)}
        units = {number for table in tables if table >= 0 for number in owners[table]}
        return [self.data.units[number] for number in sorted(units)]

    def _in_tables(self, names: Collection[str]) -> list[int]:
        """Return where .debug_str_offsets has one of the names, in their order."""
        key = frozenset(names)
        if key not in self._in_offsets:
            strings = sorted(self.places(list(names)))
            self._in_offsets[key] = sorted(set(references(self.data.string_offsets, strings)))
        return self._in_offsets[key]

    def stream(self, name: str) -> Iterator[Unit]:
        """Yield the units that may have a DIE of that name as they are found, each once."""
        data = self.data
        if len(data.units) <= 2:
            yield from data.units
            return
        if data.is_split:
            text = name.encode() + b"\0"
            for unit in data.units:
                if text in unit.data.strings or data.info.find(text, unit.offset, unit.end) >= 0:
                    yield unit
            return
        seen: set[int] = set()
        for index in self._indexes(name.encode() + b"\0"):
            if index >= 0 and index not in seen:
                seen.add(index)
                yield data.units[index]

    def _indexes(self, text: bytes) -> Iterator[int]:
        """Yield the numbers of units that mention a string, which ends with a NUL."""
        data = self.data
        strings = string_places(data.strings, text)
        yield from self._at(references(data.info, strings))
        if data.string_offsets:
            bases, owners = self._string_tables
            for place in references(data.string_offsets, strings):
                index = bisect_right(bases, place) - 1
                if index >= 0:
                    yield from owners[index]
        if data.alternative is not None:
            yield from self._at(references(data.info, string_places(data.alternative.strings, text)))
        if len(text) <= 4 or not strings:  # short names are not worth a reference: they stand where they are used
            yield from self._at(places(data.info, text))

    def _at(self, where: Iterable[int]) -> Iterator[int]:
        starts = self.data.starts
        return (bisect_right(starts, place) - 1 for place in where)

    @cached_property
    def _string_tables(self) -> tuple[list[int], list[list[int]]]:
        tables: dict[int, list[int]] = {}
        for index, unit in enumerate(self.data.units):
            try:
                base = unit.top.number(d.AT_STR_OFFSETS_BASE)
            except (DwarfError, IndexError):
                continue
            if base is not None:
                tables.setdefault(base, []).append(index)
        bases = sorted(tables)
        return bases, [tables[base] for base in bases]

    def units_with_file(self, name: str) -> list[Unit]:
        """Return the units whose line tables may have a file of that name (the last part of a path).

        All units when the name has wildcards.
        """
        data = self.data
        if any(c in name for c in "*?[") or len(data.units) <= 2:
            return [unit for unit in data.units if unit.kind != d.UT_TYPE]
        text = name.encode() + b"\0"
        lines = data.section(".debug_line")
        strings = data.line_strings
        # A path may be written whole: then the name is the end of a string.
        starts_of = {strings.rfind(b"\0", 0, at) + 1 for at in places(strings, text)} | set(places(strings, text))
        where = list(references(lines, sorted(starts_of)))
        where += places(lines, text)
        if data.strings and data.line_strings == b"":
            where += references(lines, list(places(data.strings, text)))
        starts, owners = self._line_tables
        tables = {bisect_right(starts, place) - 1 for place in where}
        return [unit for index in sorted(tables) if index >= 0 for unit in owners[index]]

    @cached_property
    def _line_tables(self) -> tuple[list[int], list[list[Unit]]]:
        """Where the line tables begin, and the units that each belongs to."""
        tables: dict[int, list[Unit]] = {}
        for unit in self.data.units:
            offset = unit.home.top.number(d.AT_STMT_LIST) if unit.kind != d.UT_TYPE else None
            if offset is not None:
                tables.setdefault(offset, []).append(unit)
        starts = sorted(tables)
        return starts, [tables[start] for start in starts]

    @cached_property
    def refers_across(self) -> bool:
        """Whether instances of functions may lie in other units than what they are instances of (LTO, dwz)."""
        table = self.data.section(".debug_abbrev")
        origin = bytes([d.AT_ABSTRACT_ORIGIN])
        forms = (bytes([d.FORM_REF_ADDR]), b"\xa0\x3e", bytes([d.FORM_REF_SUP4]))
        return any(origin + form in table for form in forms)


def string_places(data: bytes, text: bytes) -> list[int]:
    """Return where a string, which ends with a NUL, begins in a table of strings.

    Linkers let a string be the tail of a longer one, but not when it is there by itself.
    """
    found = list(places(data, text))
    return [at for at in found if at == 0 or data[at - 1] == 0] or found


def references(data: bytes, offsets: Sequence[int], low: int = 0, high: int = sys.maxsize) -> Iterator[int]:
    """Yield where any of the offsets is written as 4 bytes, from `low` up to `high`; sorted where they are many.

    Offsets that differ in the lowest byte alone are looked for together.
    """
    blocks: dict[bytes, set[int]] = {}
    for offset in offsets:
        text = offset.to_bytes(4, "little")
        blocks.setdefault(text[1:], set()).add(text[0])
    if len(blocks) > _MOST_SINGLE:
        yield from _any_places(data, {offset.to_bytes(4, "little") for offset in offsets}, low, high)
        return
    for block, lowest in blocks.items():
        if len(lowest) == 1:
            yield from _literal_places(data, bytes(lowest) + block, low, high)
            continue
        for at in _literal_places(data, block, low + 1, high):
            if data[at - 1] in lowest:
                yield at - 1


def _any_places(data: bytes, texts: Collection[bytes], low: int, high: int) -> Iterator[int]:
    """Yield where one of many texts of 4 bytes occurs."""
    columns = [re.escape(bytes(sorted({text[i] for text in texts}))) for i in range(4)]
    search = re.compile(b"".join(b"[" + column + b"]" for column in columns), re.DOTALL).search
    match = search(data, low, high)
    while match is not None:
        at = match.start()
        if match.group() in texts:
            yield at
        match = search(data, at + 1, high)


def _literal_places(data: bytes, wanted: bytes, low: int, high: int) -> Iterator[int]:
    """Yield where bytes occur. The search of regular expressions looks for the first byte with memchr(3)."""
    if wanted[0] in _FREQUENT or min(high, len(data)) - low < _LARGE:
        yield from places(data, wanted, low, high)
        return
    search = re.compile(re.escape(wanted)).search
    match = search(data, low, high)
    while match is not None:
        yield match.start()
        match = search(data, match.start() + 1, high)
