"""Searches a file for functions by name and source file.

push_back  ->  its declarations  ->  what is defined and inlined of them, by references  ->  one of each address

A function that many units have (of a header file, a template) is linked once, but each of them describes it; one of
these descriptions is enough, and more would be as many probes at one place.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise
from typing import Any

from . import dwarf_constants as d
from .dwarf_elf import PF_X, PT_LOAD, ElfFile
from .dwarf_finder import Finder
from .dwarf_functions import Description, FunctionInfo, description, entry_of, is_abstract, prologue_end, ranges_of
from .dwarf_lines import line_table
from .dwarf_names import Names
from .dwarf_raw import INDEXED, InheritedTest, with_attributes
from .dwarf_type_names import origin, qualified_name
from .dwarf_units import Die, DwarfData, Unit
from .shares import in_processes, processes

_TAGS = (d.TAG_SUBPROGRAM, d.TAG_INLINED_SUBROUTINE)
_PLACED = (d.AT_LOW_PC, d.AT_RANGES, d.AT_ENTRY_PC)
_ABOVE = (d.AT_ABSTRACT_ORIGIN, d.AT_SPECIFICATION)
_NUMBERS = (d.FORM_DATA1, d.FORM_DATA2, d.FORM_DATA4)
_MOST_NAMES = 12
"""More names than these are not looked for one by one."""
_LARGE = 16 << 20
"""So much debugging information (bytes) is searched by several processes."""

_END = 1 << 62
"""Behind all units, of this file and of others."""

Share = tuple[int, int]
"""A part of .debug_info: where its first unit begins, and what lies behind the last."""
Row = tuple[Any, ...]
"""Where the unit and the DIE are, whether it is inlined, addresses, ranges, and what `Description` has."""


def is_pattern(name: str) -> bool:
    """Tell whether a name has wildcards."""
    return any(c in name for c in "*?[")


def file_matches(path: str, pattern: str) -> bool:
    """Tell whether a source file is meant: by its name or by the last parts of its path, with wildcards."""
    return path == pattern or fnmatchcase(path, pattern if pattern.startswith("/") else "*/" + pattern)


def scope_matches(qualified: str, wanted: str) -> bool:
    """Tell whether the last parts of a qualified name match a pattern with `::`."""
    parts, patterns = qualified.split("::"), wanted.removeprefix("::").split("::")
    if wanted.startswith("::") and len(parts) != len(patterns):
        return False
    tail = parts[-len(patterns) :]
    return len(tail) == len(patterns) and all(map(fnmatchcase, tail, patterns))


class FunctionSearch:
    """Finds the functions of one file."""

    def __init__(self, elf: ElfFile, data: DwarfData, names: Names) -> None:
        self._elf = elf
        self._data = data
        self._names = names

    @cached_property
    def shared_names(self) -> Names | None:
        """The names in what dwz(1) moved to another file."""
        return Names(self._data.alternative) if self._data.alternative is not None else None

    @cached_property
    def finders(self) -> list[Finder]:
        """What finds DIEs by name, in the file and in what dwz(1) moved to another one."""
        return [Finder(names) for names in (self._names, self.shared_names) if names is not None]

    def find(self, name: str, file: str | None) -> list[FunctionInfo]:
        """Return the functions and inlined instances that a name and a source file mean, in the order of addresses."""
        last = name.rpartition("::")[2]
        names = self._names.expanded(last) if is_pattern(last) else [last]

        def rows(share: Share) -> list[Row]:
            if names is not None and len(names) <= _MOST_NAMES:
                return list(self.rows(self.by_reference(name, names, share), file))
            return list(self.rows(self.by_walk(name, file, names, share), file))

        return self.merged(in_processes(self._shares(), rows))

    def _shares(self) -> list[Share]:
        """Return the parts of .debug_info, as places of units, that may be searched apart from each other."""
        starts, size = self._data.starts, len(self._data.info)
        is_whole = self.shared_names is not None or self._data.is_split
        count = processes() if size >= _LARGE and not is_whole and not self._names.refers_across else 1
        cuts = [bisect_left(starts, size * number // count) for number in range(1, count)]
        places = [0, *(starts[cut] for cut in cuts if cut < len(starts)), _END]
        return list(pairwise(places))

    def merged(self, rows: Iterable[Row]) -> list[FunctionInfo]:
        """Return the functions of rows, one for each address where several units describe the same."""
        found: list[FunctionInfo] = []
        owners: dict[tuple[object, ...], int] = {}
        for unit, offset, is_inline, entry, after, ranges, *described in rows:
            name, linkage, file, line, is_external = described
            key = (entry, is_inline, name, linkage, os.path.basename(file), line)  # units write paths in their own ways
            if owners.setdefault(key, unit) == unit:
                found.append(
                    FunctionInfo(
                        name, linkage, file, line, entry, after, ranges, is_inline, is_external, self._die(offset)
                    )
                )
        return sorted(found, key=lambda info: (info.entry, info.is_inline))

    def _die(self, offset: int) -> Callable[[], Die]:
        def die() -> Die:
            found = self._data.die(offset)
            assert found is not None
            return found

        return die

    def rows(self, dies: Iterable[Die], file: str | None) -> Iterator[Row]:
        """Yield what is known of those of functions and instances that are real and of a source file, each once."""
        descriptions: dict[tuple[Unit, int], Description] = {}
        seen: set[Die] = set()
        for die in dies:
            ranges = tuple(ranges_of(die))
            entry = entry_of(die, ranges)
            if entry is None or die in seen:
                continue
            one = _description(die, descriptions)
            if (file is not None and not file_matches(one.file, file)) or not self._is_real(die, entry, ranges):
                continue
            seen.add(die)
            is_inline = die.tag == d.TAG_INLINED_SUBROUTINE
            after = entry if is_inline else prologue_end(die, entry, ranges)
            yield (
                die.unit.offset, die.offset, is_inline, entry, after, ranges, one.name, one.linkage_name, one.file,
                one.line, one.is_external,
            )  # fmt: skip

    def by_reference(self, name: str, names: Sequence[str], share: Share) -> Iterator[Die]:
        """Yield what has one of the names, and all that is defined or inlined of it; some of it may be chance."""
        found = (die for finder in self.finders for die in finder.with_names(names, _TAGS, share))
        return self._instances_of(die for die in found if "::" not in name or _is_named(die, name))

    def by_walk(self, name: str, file: str | None, names: Sequence[str] | None, share: Share) -> Iterator[Die]:
        """Yield the functions and instances with code that match, of all units; `names` are all that can match."""
        units = self._data.units
        if file is not None and self.shared_names is None and not self._names.refers_across:
            units = self._names.units_with_file(os.path.basename(file))
        strings = self._names.places(names) if names is not None else set()
        for unit in units:
            if not share[0] <= unit.offset < share[1]:
                continue
            for offset in self._with_code(unit, name, names, strings, file):
                die = unit.die(offset)
                if die is not None and (name == "*" or _is_named(die, name)):
                    yield die

    def _with_code(
        self, unit: Unit, name: str, names: Sequence[str] | None, strings: Collection[int], file: str | None
    ) -> Iterator[int]:
        """Yield the functions and inlined instances of a unit that have code and may be those that are wanted."""
        tests = []
        if file is not None and not is_pattern(file):
            tests.append(InheritedTest(unit, d.AT_DECL_FILE, _NUMBERS, _files(unit, file), lambda die: True))
        if names is not None:
            indexed = bool(self._data.string_offsets)
            values = self._names.string_indexes(unit, names) if indexed else strings
            forms = INDEXED if indexed else (d.FORM_STRP,)
            tests.append(InheritedTest(unit, d.AT_NAME, forms, values, lambda die: _is_named(die, name)))
        for offset in with_attributes(unit, _TAGS, _PLACED):
            if all(test.holds(offset) for test in tests):
                yield offset

    def _instances_of(self, found: Iterable[Die]) -> Iterator[Die]:
        """Yield functions and all that is defined or inlined of them."""
        level = list(found)
        seen: set[Die] = set()
        while level:
            fresh = [die for die in level if die not in seen]
            seen.update(fresh)
            yield from fresh
            abstract = [die for die in fresh if is_abstract(die)]
            across = self._names.refers_across
            level = [die for finder in self.finders for die in finder.referring(abstract, _TAGS, across)]

    def _is_real(self, die: Die, entry: int, ranges: Sequence[tuple[int, int]]) -> bool:
        """Tell whether what was found is a DIE, and no chance: its addresses are code, or a way leads to it."""
        if not self._code:
            return die.unit.paths.to(die.offset) is not None
        return any(low <= entry < high for low, high in self._code) and all(
            any(low <= first and last <= high for low, high in self._code) for first, last in ranges
        )

    @cached_property
    def _code(self) -> list[tuple[int, int]]:
        """The addresses that are code where the file is loaded; none in files that are linked when they are loaded."""
        return [
            (segment.address, segment.address + segment.memory_size)
            for segment in self._elf.segments
            if segment.type == PT_LOAD and segment.flags & PF_X
        ]


def _description(die: Die, known: dict[tuple[Unit, int], Description]) -> Description:
    """Return what a function is called and where it is declared; instances of one function have that in common."""
    if any(die.has(attribute) for attribute in (d.AT_NAME, d.AT_DECL_FILE, d.AT_DECL_LINE, d.AT_EXTERNAL)):
        return description(die)
    above = next((die.values[attribute] for attribute in _ABOVE if die.has(attribute)), None)
    if above is None or above[0] != d.FORM_REF4 or not isinstance(above[1], int):
        return description(die)
    key = (die.unit, above[1])
    found = known.get(key)
    if found is None:
        found = known[key] = description(die)
    return found


def _files(unit: Unit, pattern: str) -> frozenset[int]:
    """Return the numbers of the source files of a unit that match."""
    table = line_table(unit)
    paths = table.files if table is not None else ()
    return frozenset(index for index, path in enumerate(paths) if path and file_matches(path, pattern))


def _is_named(die: Die, pattern: str) -> bool:
    if not fnmatchcase(origin(die).name, pattern.rpartition("::")[2]):
        return False
    return "::" not in pattern or scope_matches(qualified_name(die), pattern)
