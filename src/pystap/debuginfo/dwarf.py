"""What debugging information tells of a program, a library or a kernel module, as one object.

info = open_debuginfo("/usr/bin/prog")
info.functions("work", "main.c")             where they begin, and where they are inlined
info.statements("main.c", 12)                the addresses of a line
info.scope(function, address).variables()    what the program has there, and where
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property

from ..program.c_types import CType
from ..program.variable_locations import InMemory, Term
from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError
from .dwarf_elf import SHF_COMPRESSED, ElfFile, open_elf, separate_debug_file
from .dwarf_finder import Finder
from .dwarf_frames import CallFrames
from .dwarf_functions import (
    FunctionInfo,
    address_ranges,
    entry_of,
    function_at_die,
    functions_of,
    is_optimised,
    ranges_of,
)  # fmt: skip
from .dwarf_kept import KeptSearches
from .dwarf_lines import line_table
from .dwarf_names import Names
from .dwarf_scopes import Evaluator, Variable, scopes_at, visible_dies
from .dwarf_search import FunctionSearch, file_matches, is_pattern, scope_matches
from .dwarf_split import SplitData, joined_data
from .dwarf_statements import SourcePattern, StatementInfo, Statements
from .dwarf_type_names import origin, qualified_name
from .dwarf_types import DwarfLayout
from .dwarf_units import Die, Unit


@dataclass(frozen=True, slots=True)
class Scope:
    """What a program has at an address: inside a function, or inside an inlined instance of one."""

    info: DebugInfo
    function: Die
    scopes: tuple[Die, ...]
    address: int

    def variables(self) -> Iterator[Variable]:
        """Yield parameters and locals, those of the innermost block first."""
        found: Iterator[Variable] = (
            self.info.evaluator.variable(die, self.address, self.function) for die in visible_dies(list(self.scopes))
        )
        if self._is_unprepared:
            from .dwarf_convention import returned_location
            from .dwarf_entry import at_entry

            result = self.return_type()
            hidden = result is not None and isinstance(returned_location(result, self.info.layout), InMemory)
            found = at_entry(found, self.info.layout, hidden)
        yield from found

    def names(self) -> list[tuple[str, bool]]:
        """Return the names of `variables`, and whether each is a parameter's."""
        dies = visible_dies(list(self.scopes))
        return [(origin(die).name, die.tag == d.TAG_FORMAL_PARAMETER) for die in dies]

    @property
    def _is_unprepared(self) -> bool:
        """Whether the place is at the entry of a function that has not yet put its parameters where they belong."""
        is_entry = len(self.scopes) == 1 and entry_of(self.function) == self.address
        return is_entry and not is_optimised(self.function)

    def variable(self, name: str) -> Variable | None:
        """Return a parameter, a local, or a variable of the unit by name; None when there is none."""
        if self._is_unprepared:
            found = next((variable for variable in self.variables() if variable.name == name), None)
            return found or self.info.unit_variable(self.function.unit, name)
        for die in visible_dies(list(self.scopes)):
            if origin(die).name == name:
                return self.info.evaluator.variable(die, self.address, self.function)
        return self.info.unit_variable(self.function.unit, name)

    def frame_address(self) -> Term | None:
        """Return the canonical frame address, just behind the return address of the call; None when it is not known."""
        return self.info.frames.cfa(self.address, lambda code: None)

    def return_type(self) -> CType | None:
        """Return what the function returns; None for nothing."""
        inner = next(die for die in reversed(self.scopes) if die.tag != d.TAG_LEXICAL_BLOCK)
        type_ = origin(inner, d.AT_TYPE).reference(d.AT_TYPE)
        return self.info.layout.type(type_) if type_ is not None else None


class DebugInfo:
    """The debugging information of one file. Addresses are those of the file (before it is loaded anywhere).

    Methods raise DwarfError for information that is damaged.
    """

    def __init__(self, elf: ElfFile, debug: ElfFile) -> None:
        self.elf = elf
        self.data = joined_data(debug)
        self.names = Names(self.data)
        self._known: list[tuple[str, str | None, list[FunctionInfo]]] = []
        """Names and files that were searched for, and what was found."""
        self.types: dict[tuple[str, tuple[int, ...]], Die | None] = {}
        """The types that were looked for by name in the whole file."""
        self._search = FunctionSearch(elf, self.data, self.names)
        self._code: dict[int, tuple[list[int], list[tuple[int, int, Die]]]] = {}
        self.layout = DwarfLayout(self._definition)
        self.frames = CallFrames([elf] if elf is debug else [elf, debug])
        self.evaluator = Evaluator(self.layout, self.frames)

    # ------------------------------------------------------------------------------------------ functions

    def functions(self, name: str, file: str | None = None) -> list[FunctionInfo]:
        """Return the functions (and inlined instances) that a name means; both patterns may have wildcards.

        A name with `::` is compared with the classes and namespaces around the function.
        """
        asked = ("functions", name, file)
        known = self._part_of_known(name, file)
        if known is None:
            known = self.kept.functions(asked)
            if known is None:
                known = self._search.find(name, file)
                self.kept.keep_functions(asked, known)
            self._known.append((name, file, known))
        return known

    def _part_of_known(self, name: str, file: str | None) -> list[FunctionInfo] | None:
        """Return functions of an earlier search that had to find all of these; None when there was none."""
        for pattern, files, found in self._known:
            if (name, file) == (pattern, files):
                return found
            if is_pattern(name) or "::" in name or "::" in pattern or not fnmatchcase(name, pattern):
                continue
            if files is None or (file is not None and file.startswith("/") and file_matches(file, files)):
                return [one for one in found if one.name == name and (file is None or file_matches(one.file, file))]
        return None

    @cached_property
    def kept(self) -> KeptSearches:
        """What was found before, in other sessions."""
        return KeptSearches(self.data, self.elf.build_id, _cache_folder)

    @property
    def finders(self) -> list[Finder]:
        """What finds DIEs by name, in the file and in what dwz(1) moved to another one."""
        return self._search.finders

    # ------------------------------------------------------------------------------------------ addresses

    def unit_of(self, address: int) -> Unit | None:
        """Return the unit whose code an address is."""
        starts, rows = self._unit_ranges
        index = bisect_right(starts, address) - 1
        return self.data.unit_at(rows[index][2]) if index >= 0 and address < rows[index][1] else None

    @cached_property
    def _unit_ranges(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """The code of the units, sorted: first address, address behind the last, the unit's offset.

        From the table that GCC writes for this; units that it lacks (those of Clang) are asked themselves.
        """
        table = self.data.section(".debug_aranges") if not self.data.is_split else b""
        found = list(address_ranges(table))
        listed = {offset for _, _, offset in found}
        for unit in self.data.units:
            if unit.offset not in listed and unit.kind != d.UT_TYPE and unit.top.tag == d.TAG_COMPILE_UNIT:
                found += [(low, high, unit.offset) for low, high in ranges_of(unit.home.top) if low]
        found.sort()
        return [row[0] for row in found], found

    def function_at(self, address: int) -> FunctionInfo | None:
        """Return the function (not an inlined one) that an address lies in."""
        unit = self.unit_of(address)
        around = self.functions_around(unit, address) if unit is not None else []
        return function_at_die(around[0]) if around else None

    def functions_around(self, unit: Unit, address: int) -> list[Die]:
        """Return the function that an address lies in, and the inlined ones in it, the outermost first."""
        code = self._code.get(unit.offset)
        if code is None:
            rows = functions_of(unit)
            code = self._code[unit.offset] = ([row[0] for row in rows], rows)
        starts, rows = code
        index = bisect_right(starts, address) - 1
        if index < 0 or address >= rows[index][1]:
            return []
        return [die for die in scopes_at(rows[index][2], address) if die.tag != d.TAG_LEXICAL_BLOCK]

    def labels(self, function: FunctionInfo) -> Iterator[tuple[str, int, int]]:
        """Yield name, line and address of the labels in a function."""
        for offset in function.die.unit.tree.by_tag[d.TAG_LABEL]:
            die = function.die.unit.die(offset)
            address = die.address(d.AT_LOW_PC) if die is not None else None
            if die is not None and address is not None and function.contains(address):
                yield origin(die).name, origin(die, d.AT_DECL_LINE).number(d.AT_DECL_LINE) or 0, address

    def statement_start(self, function: FunctionInfo, address: int) -> int | None:
        """Return where the statement that an address belongs to begins: at the address itself, or before it."""
        table = line_table(function.die.unit)
        if table is None:
            return None
        rows = [row for low, high in function.ranges if low <= address < high for row in table.rows_between(low, high)]
        return max((row[0] for row in rows if row[0] <= address and row[3]), default=None)

    def has_lines(self, function: FunctionInfo, first: int, last: int) -> bool:
        """Tell whether a function spans one of these lines of its file: from its declaration to the last with code."""
        if first <= function.line:
            return function.line <= last
        table = line_table(function.die.unit)
        if table is None:
            return False
        rows = [row for low, high in function.ranges for row in table.rows_between(low, high)]
        return first <= max((row[2] for row in rows if table.files[row[1]] == function.file), default=0)

    def statements(self, pattern: SourcePattern, nearest: bool = False) -> list[StatementInfo]:
        """Return the statements that a pattern with a file and lines means. Raises NoLine."""
        asked = ("statements", pattern.function, pattern.file, pattern.kind, pattern.ranges, nearest)
        found = self.kept.statements(asked)
        if found is None:
            found = Statements(self, pattern).find(nearest)
            self.kept.keep_statements(asked, found)
        return found

    def scope_at(self, address: int) -> Scope | None:
        """Return what the innermost function or inlined one has at an address; None where none is described."""
        function = self.function_at(address)
        if function is None:
            return None
        return Scope(self, function.die, tuple(scopes_at(function.die, address)), address)

    def scope(self, function: FunctionInfo, address: int) -> Scope:
        """Return what a function, or an inlined instance of one, has at an address in it.

        That of functions that were inlined into it there is not part of it: at its entry there often are some.
        """
        scopes = scopes_at(function.die, address, (d.TAG_LEXICAL_BLOCK,))
        if not function.is_inline:
            return Scope(self, function.die, tuple(scopes), address)
        around = [function.die]
        while around[-1].tag != d.TAG_SUBPROGRAM:
            parent = around[-1].parent
            if parent is None:
                break
            around.append(parent)
        outer = list(reversed(around))[:-1]
        return Scope(self, outer[0] if outer else function.die, (*outer, *scopes), address)

    # ------------------------------------------------------------------------------------ variables, types

    def unit_variable(self, unit: Unit, name: str) -> Variable | None:
        """Return a variable that is declared outside functions in a unit, where ever it is defined."""
        for die in self._variable_dies(unit, name):
            if not origin(die, d.AT_LOCATION).has(d.AT_LOCATION) and origin(die, d.AT_EXTERNAL).has(d.AT_EXTERNAL):
                defined = self.variable(name)
                if defined is not None:
                    return defined
            return self.evaluator.variable(die, 0, None)
        return None

    def variable(self, name: str, file: str | None = None) -> Variable | None:
        """Return a variable that is defined outside functions, by name and source file of its unit."""
        last = name.rpartition("::")[2]
        for unit in self.names.units(last):
            if file is not None and not file_matches(unit_path(unit), file):
                continue
            for die in self._variable_dies(unit, name):
                if origin(die, d.AT_LOCATION).has(d.AT_LOCATION) or origin(die, d.AT_CONST_VALUE).has(d.AT_CONST_VALUE):
                    return self.evaluator.variable(die, 0, None)
        return None

    def _variable_dies(self, unit: Unit, name: str) -> Iterator[Die]:
        """Yield the variables of that name outside functions; a definition before what it is the definition of."""
        last = name.rpartition("::")[2]
        found = []
        for offset in unit.tree.by_tag[d.TAG_VARIABLE]:
            die = unit.die(offset)
            if die is None or origin(die).name != last:
                continue
            parent = die.parent
            while parent is not None and parent.tag == d.TAG_NAMESPACE:
                parent = parent.parent
            if parent is None or parent.tag not in (d.TAG_COMPILE_UNIT, d.TAG_PARTIAL_UNIT):
                continue
            if "::" not in name or scope_matches(qualified_name(die), name):
                found.append(die)
        yield from sorted(found, key=lambda die: not die.has(d.AT_LOCATION))

    def named_type(self, text: str) -> CType | None:
        """Return the type that C text names (`struct node`, `unsigned long`, `ns::Thing *`); None when unknown."""
        from .dwarf_lookup import named_type

        return named_type(self, text)

    def enumerator(self, name: str) -> int | None:
        """Return the value of an enumeration constant."""
        from .dwarf_lookup import enumerator

        return enumerator(self, name)

    def _definition(self, declared: Die) -> Die | None:
        from .dwarf_lookup import type_die

        return type_die(self, origin(declared).name, (declared.tag,), declared.unit)


def unit_path(unit: Unit) -> str:
    """Return the full path of the source file that a unit was compiled from."""
    name, folder = unit.top.name, unit.home.top.text(d.AT_COMP_DIR)
    return name if name.startswith("/") or not folder else f"{folder}/{name}"


def open_debuginfo(path: str) -> DebugInfo | None:
    """Return the debugging information of a file, its own or that of a separate file; None when there is none."""
    return _open(os.path.realpath(path))


_LARGE = 16 << 20
_cache_folder = ""


def keep_in(folder: str) -> None:
    """Say where results of searches in large files are kept; "" for nowhere."""
    global _cache_folder
    _cache_folder = folder


_opened: dict[tuple[str, int, int], DebugInfo | None] = {}


def _open(path: str) -> DebugInfo | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    key = (path, status.st_mtime_ns, status.st_size)
    if key not in _opened:
        _opened[key] = _read(path)
    return _opened[key]


def unreadable(path: str) -> str:
    """Return why the debugging information that a file has cannot be read; "" where it has none, or it is read."""
    elf = open_elf(os.path.realpath(path))
    debug = _described_by(elf) if elf is not None else None
    if debug is None or open_debuginfo(path) is not None:
        return ""
    if debug.is_unreadable(".debug_info"):
        return f"the debugging information in '{debug.path}' is compressed with zstd: install the zstd command"
    data = joined_data(debug)
    if isinstance(data, SplitData) and data.lacking:
        name = data.lacking[0]
        return (
            f"the debugging information of '{path}' is in other files (-gsplit-dwarf), of which '{name}' is not there, "
            f"or not of the same compilation; nor is it in '{path}.dwp'"
        )
    return f"the debugging information in '{debug.path}' is damaged"


def _described_by(elf: ElfFile) -> ElfFile | None:
    has_own = elf.section(".debug_info") is not None or elf.section(".zdebug_info") is not None
    return elf if has_own else separate_debug_file(elf)


def _read(path: str) -> DebugInfo | None:
    elf = open_elf(path)
    debug = _described_by(elf) if elf is not None else None
    if elf is None or debug is None:
        return None
    try:
        info = DebugInfo(elf, debug)
        return info if _is_large(debug) or info.data.units else None
    except DwarfError:
        return None


def _is_large(debug: ElfFile) -> bool:
    """Tell whether a file has more than one wants to read only to see that it is not damaged."""
    section = debug.section(".debug_info")
    return section is not None and section.size >= _LARGE and not section.flags & SHF_COMPRESSED
