"""Source lines as probe points name them, and the addresses where their statements begin.

work@main.c:12        line 12 of main.c, in work           *@main.c:*        every line of main.c
work@main.c+2         two lines behind work's declaration  work@main.c:10-14,20

As in SystemTap (stapprobes(3stap)) a line stands once for each function, or inlined instance of one, that has it: at
its lowest address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from ..records import dataclass
from .dwarf_functions import FunctionInfo, function_info
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
        every = self._all()
        pattern = self._pattern
        if not every or pattern.kind == "all":
            return every
        found: list[StatementInfo] = []
        for wanted in self._wanted(every):
            exact = [one for one in every if wanted[0] <= one.line <= wanted[1]]
            if not exact and len(pattern.ranges) == 1 and wanted[0] == wanted[1]:
                exact = self._near(every, wanted[0], nearest)
            found += exact
        return found

    def _wanted(self, every: list[StatementInfo]) -> list[tuple[int, int]]:
        if self._pattern.kind == "absolute":
            return list(self._pattern.ranges)
        starts = sorted({one.function.line for one in every})
        return [(start + low, start + high) for start in starts for low, high in self._pattern.ranges]

    def _near(self, every: list[StatementInfo], line: int, nearest: bool) -> list[StatementInfo]:
        lines = sorted({one.line for one in every})
        before = [known for known in lines if known < line][-1:]
        behind = [known for known in lines if known > line][:1]
        if not nearest:
            # A line behind the last one of the file is no slip of the pen.
            raise NoLine(every[0].file, line, tuple(before + behind) if behind else ())
        chosen = min(behind + before, key=lambda known: abs(known - line))
        return [one for one in every if one.line == chosen]

    def _all(self) -> list[StatementInfo]:
        """Return the statements of every line, each at its lowest address in a function."""
        found: dict[tuple[Die, str, int], StatementInfo] = {}
        rows = sorted(self._rows(), key=lambda row: (not row[3], row[0]))
        for address, file, line, _, unit in rows:
            die = self._function(unit, address)
            if die is None or (die, file, line) in found:
                continue
            info = function_info(die)
            if info is not None:
                found[die, file, line] = StatementInfo(file, line, address, info)
        return sorted(found.values(), key=lambda one: (one.file, one.line, one.address))

    def _rows(self) -> Iterator[tuple[int, str, int, bool, Unit]]:
        """Yield address, file, line and whether a statement begins, of the rows that may matter."""
        assert self._pattern.file is not None
        for unit, table, files in units_of_file(self._info, self._pattern.file):
            for address, index, line, is_statement, ends, _ in table.rows:
                if index in files and line and not ends:
                    yield address, files[index], line, is_statement, unit

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
    from .dwarf import file_matches

    for unit in info.names.units_with_file(pattern.rpartition("/")[2]):
        table = line_table(unit)
        if table is None:
            continue
        files = {index: path for index, path in enumerate(table.files) if path and file_matches(path, pattern)}
        if files:
            yield unit, table, files
