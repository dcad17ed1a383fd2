"""Source lines as probe points name them, and the addresses where their statements begin.

work@main.c:12        line 12 of main.c, in work           *@main.c:*        every line of main.c
work@main.c+2         two lines behind work's declaration  work@main.c:10-14,20

As in SystemTap (stapprobes(3stap)) a line stands once for each function, or inlined instance of one, that has it: at
its lowest address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ..records import dataclass
from .dwarf_functions import FunctionInfo, function_at_die
from .dwarf_lines import LineTable, line_table
from .dwarf_type_names import origin, qualified_name
from .dwarf_units import Die, Unit

if TYPE_CHECKING:
    from .dwarf import DebugInfo

_LINES = re.compile(r"(.+?)(?:([:+])(\*|\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourcePattern:
    """A function pattern as it is written in a probe point: `FUNCTION[@FILE[:LINES]]`.

    `file` is None when there is none. `ranges` are first and last lines; none of them with `kind` "all" is every line.
    "relative" lines count from the line where the function is declared.
    """

    function: str
    file: str | None
    kind: Literal["none", "absolute", "relative", "all"]
    ranges: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def parse(text: str) -> SourcePattern:
        """Read a pattern. Raises ValueError, its text saying what is wrong."""
        function, at, rest = text.partition("@")
        if not at:
            return SourcePattern(function, None, "none")
        found = _LINES.fullmatch(rest)
        if found is None:
            raise ValueError(f"missing file name in '{text}'")
        file, sign, lines = found.groups()
        if not sign:
            if re.search(r"[:+][^/]*$", file):
                raise ValueError(f"malformed line number in '{text}'")
            return SourcePattern(function, file, "none")
        if lines == "*":
            return SourcePattern(function, file, "all")
        ranges = []
        for part in lines.split(","):
            first, _, last = part.partition("-")
            ranges.append((int(first), int(last or first)))
            if ranges[-1][1] < ranges[-1][0]:
                raise ValueError(f"bad range of lines '{part}' in '{text}'")
        return SourcePattern(function, file, "absolute" if sign == ":" else "relative", tuple(ranges))


@dataclass(frozen=True, slots=True)
class StatementInfo:
    """A statement: its file (a full path) and line, its address, and the function (or inlined instance) it is in."""

    file: str
    line: int
    address: int
    function: FunctionInfo


class NoLine(Exception):
    """There is no code on a line. `lines` are the nearest lines before and behind it that have some."""

    def __init__(self, file: str, line: int, lines: tuple[int, ...]) -> None:
        super().__init__(f"no line records for {file}:{line}")
        self.file, self.line, self.lines = file, line, lines


class Statements:
    """The statements of the functions and files that a pattern means."""

    def __init__(self, info: DebugInfo, pattern: SourcePattern) -> None:
        """`pattern` has a file and lines."""
        self._info = info
        self._pattern = pattern

    def find(self, nearest: bool = False) -> list[StatementInfo]:
        """Return the statements; with `nearest` of the line that is nearest to the one that is wanted.

        Raises NoLine when a single line is wanted that has no code, in a function and file that there are.
        """
        pattern = self._pattern
        if pattern.kind == "all":
            return self._in_ranges(None)
        found: list[StatementInfo] = []
        for wanted in self._wanted():
            exact = self._in_ranges(wanted)
            if not exact and len(pattern.ranges) == 1 and wanted[0] == wanted[1]:
                exact = self._near(wanted[0], nearest)
            found += exact
        return found

    def _wanted(self) -> list[tuple[int, int]]:
        """Return the first and last lines that are wanted."""
        pattern = self._pattern
        if pattern.kind == "absolute":
            return list(pattern.ranges)
        starts = sorted({function.line for function in self._info.functions(pattern.function, pattern.file)})
        return [(start + low, start + high) for start in starts for low, high in pattern.ranges]

    def _near(self, line: int, nearest: bool) -> list[StatementInfo]:
        every = self._in_ranges(None)
        if not every:
            return []
        lines = sorted({one.line for one in every})
        before = [known for known in lines if known < line][-1:]
        behind = [known for known in lines if known > line][:1]
        if not nearest:
            # A line behind the last one of the file is no slip of the pen.
            raise NoLine(every[0].file, line, tuple(before + behind) if behind else ())
        chosen = min(behind + before, key=lambda known: abs(known - line))
        return [one for one in every if one.line == chosen]

    def _in_ranges(self, lines: tuple[int, int] | None) -> list[StatementInfo]:
        """Return the statements of the lines (None: of all), each at its lowest address in a function."""
        found: list[StatementInfo] = []
        seen: set[tuple[Die, str, int]] = set()
        owners: dict[tuple[str, int, int, str], Unit] = {}
        rows = [row for row in self._rows if lines is None or lines[0] <= row[2] <= lines[1]]
        for address, file, line, _, unit in sorted(rows, key=lambda row: (not row[3], row[0])):
            die = self._function(unit, address)
            if die is None or (die, file, line) in seen:
                continue
            seen.add((die, file, line))
            info = function_at_die(die)
            # Of a function that several units describe (of a header file, linked once), one description counts.
            if info is not None and owners.setdefault((os.path.basename(file), line, address, info.name), unit) is unit:
                found.append(StatementInfo(file, line, address, info))
        return sorted(found, key=lambda one: (one.file, one.line, one.address))

    @cached_property
    def _rows(self) -> list[tuple[int, str, int, bool, Unit]]:
        """Address, file, line and whether a statement begins, of the rows of the files that match."""
        assert self._pattern.file is not None
        return [
            (address, files[index], line, is_statement, unit)
            for unit, table, files in units_of_file(self._info, self._pattern.file)
            for address, index, line, is_statement, ends, _ in table.rows
            if index in files and line and not ends
        ]

    def _function(self, unit: Unit, address: int) -> Die | None:
        """Return the innermost function at an address whose name is wanted."""
        wanted = self._pattern.function
        for die in reversed(self._info.functions_around(unit, address)):
            name = qualified_name(die) if "::" in wanted else origin(die).name
            if fnmatchcase(name, wanted) or ("::" in wanted and name.endswith("::" + wanted)):
                return die
        return None


def units_of_file(info: DebugInfo, pattern: str) -> Iterator[tuple[Unit, LineTable, dict[int, str]]]:
    """Yield the units with code of the source files that match, their line tables, and the files by their index."""
    from .dwarf_search import file_matches

    for unit in info.names.units_with_file(pattern.rpartition("/")[2]):
        table = line_table(unit)
        if table is None:
            continue
        files = {index: path for index, path in enumerate(table.files) if path and file_matches(path, pattern)}
        if files:
            yield unit, table, files
