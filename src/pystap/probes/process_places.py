"""`process("a.out").statement("work@main.c:12")` and other places inside functions, which only debuginfo knows.

.statement("*@main.c:12")      a line, in every function that has it    .statement("work@main.c+2").nearest
.statement(0x1149)             an address of the program's file         process(PID).statement(ADDRESS).absolute
.function("work").label("out") a label
.function("work").callee("f")  the functions that it calls, and the inlined ones in it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..diagnostics import semantic_error
from ..lean import NoReturn
from ..program.extension import DerivedPoint, PointPart
from ..program.user_code import CodePlace, Exact, PlaceSource
from ..records import dataclass, field
from .process_functions import Group, named, point
from .programs import Limit, ProgramFile, Programs

SUFFIXES = (
    "statement(string)", "statement(string).nearest", "statement(number)", "statement(number).nearest",
    "function(string).label(string)", "function(string).callee(string)", "function(string).callee(string).call",
    "function(string).callees", "function(string).callees(number)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProcessPlaceForm:
    """The forms of places inside functions. `refusal` is why user code cannot be probed, "" where it can.

    `known` has the places of points that were listed, as in `ProcessFunctionForm`.
    """

    programs: Programs
    source: PlaceSource
    refusal: str
    known: dict[tuple[str, ...], list[CodePlace]] = field(default_factory=dict)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        groups = self._groups(parts)
        if self.refusal:
            _fail(f"user code cannot be probed here: {self.refusal}", parts[0])
        by_limit: dict[Limit, list[Group]] = {}
        for group in groups:
            by_limit.setdefault(group.file.limit, []).append(group)
        return [made for limit, together in by_limit.items() for made in _points(parts, limit, together)]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for group in self._groups(parts):
            rest = parts[len(group.file.listed) :]
            rows = [(place, [named(part, place) for part in rest]) for place in group.places]
            for place, exact in rows:
                self.known.setdefault((group.file.path, *map(str, exact)), []).append(place)
            for _, exact in rows:
                yield [*group.file.listed, *exact]

    def _groups(self, parts: Sequence[PointPart]) -> list[Group]:
        files = self.programs.files(parts)
        part = next(part for part in parts if part.name in ("statement", "function"))
        if parts[-1].name == "absolute":
            return [_in_memory(files[0], part)]
        found: list[Group] = []
        without: list[ProgramFile] = []
        for file in files:
            try:
                places = self._places(file, parts, part)
            except OSError as error:
                _fail(f"cannot read '{file.path}': {error.strerror}", parts[0])
            except LookupError as error:
                if len(files) == 1:
                    _fail(str(error.args[0]), part)
                continue
            if places is None:
                without.append(file)
            elif places:
                found.append(Group(file, tuple(places)))
        if not found:
            _absent(part, files, without)
        return found

    def _places(self, file: ProgramFile, parts: Sequence[PointPart], part: PointPart) -> Sequence[CodePlace] | None:
        known = self.known.get((file.path, *map(str, parts[len(file.listed) :])))
        if known is not None:
            return known
        last = parts[-1]
        if isinstance(part.argument, int):
            exact: Exact = "nearest" if last.name == "nearest" else "statement"
            return self.source.at_address(file.path, part.argument, exact)
        pattern = str(part.argument)
        if part.name == "statement":
            return self.source.statements(file.path, pattern, last.name == "nearest")
        if last.name == "label":
            return self.source.labels(file.path, pattern, str(last.argument))
        callee = next(part for part in parts if part.name.startswith("callee"))
        if callee.name == "callee":
            return self.source.callees(file.path, pattern, str(callee.argument), 1)
        return self.source.callees(file.path, pattern, "*", int(callee.argument or 1))


def _in_memory(program: ProgramFile, part: PointPart) -> Group:
    """Return the place at an address in the memory of a process. Raises ScriptError where it has no code."""
    pid, address = program.limit.pid, int(part.argument or 0)
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(None, 5) for line in file]
    except OSError as error:
        _fail(f"cannot read where process {pid} has its code: {error.strerror}", part)
    for row in rows:
        first, _, last = row[0].partition("-")
        if int(first, 16) <= address < int(last, 16) and "x" in row[1] and len(row) > 5 and row[5].startswith("/"):
            offset = address - int(first, 16) + int(row[2], 16)
            place = CodePlace("", f"{address:#x}", offset)
            return Group(ProgramFile(row[5], program.limit, program.listed), (place,))
    _fail(f"process {pid} has no code of a file at {address:#x}", part)


def _points(parts: Sequence[PointPart], limit: Limit, groups: Sequence[Group]) -> Sequence[DerivedPoint]:
    """Return the points for places with the same limit: one, or one for each where they have conditions."""
    if not any(place.guard for group in groups for place in group.places):
        return [point(parts, limit, groups)]
    return [point(parts, limit, [Group(group.file, (place,))]) for group in groups for place in group.places]


def _absent(part: PointPart, files: Sequence[ProgramFile], without: Sequence[ProgramFile]) -> NoReturn:
    where = f"'{files[0].path}'" if len(files) == 1 else f"{len(files)} programs"
    if len(without) == len(files):
        has = "has" if len(files) == 1 else "have"
        _fail(f"no match for '{part.argument}': {where} {has} no debuginfo (DWARF), which alone knows lines, labels "
              "and calls (install its debug symbols, or compile it with -g)", part)  # fmt: skip
    _fail(f"no match for '{part.argument}' in {where}", part)


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")
