"""`process("a.out").function("pattern")` and what may follow it: functions of programs and their libraries.

    process("/bin/ls").function("main")               its entry
    process("a.out").function("*").return             the returns of all its functions, one program, one cookie each
    process("a.out").library("libm*").function("sin") in a library, in processes that run a.out

Where functions are is told by code sources, the best first: debuginfo, which knows lines, inlined functions and
variables, then the symbols that every program has. Without debuginfo a function has no $variables; its arguments are
read by number (long_arg(1)), its result by returnval().
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from ..arch import x86_64 as arch
from ..diagnostics import semantic_error
from ..lean import NoReturn, suppress
from ..program import nodes as n
from ..program.attach import Uprobes, UserPlaces
from ..program.extension import DerivedPoint, PointPart, VariableSource
from ..program.types import Type
from ..program.user_code import CodePlace, FunctionSource, SymbolNames, Which
from ..records import dataclass, field, replace
from ..source import Span
from .made_points import MadePoints
from .programs import Limit, ProgramFile, Programs


@dataclass(frozen=True, slots=True)
class Group:
    """The places of one file, and for whom."""

    file: ProgramFile
    places: tuple[CodePlace, ...]


@dataclass(frozen=True, slots=True)
class ProcessFunctionForm:
    """The `function(string)` forms. `refusal` is why user code cannot be probed, "" where it can.

    `known` has the places of points that were listed: whoever lists them with their variables derives each.
    """

    programs: Programs
    sources: Sequence[FunctionSource]
    symbols: SymbolNames
    refusal: str
    known: dict[tuple[str, str, Which], list[CodePlace]] = field(default_factory=dict)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        groups = self._groups(parts)
        if self.refusal:
            _fail(f"user code cannot be probed here: {self.refusal}", parts[0])
        by_limit: dict[Limit, list[Group]] = {}
        for group in groups:
            by_limit.setdefault(group.file.limit, []).append(group)
        return [point(parts, limit, together) for limit, together in by_limit.items()]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        which = _which(parts)
        for group in self._groups(parts):
            rest = parts[len(group.file.listed) :]
            for place in group.places:
                self.known.setdefault((group.file.path, place.shown, which), []).append(place)
            for place in sorted(group.places, key=lambda place: place.shown):
                yield [*group.file.listed, *(named(p, place) for p in rest)]

    def _groups(self, parts: Sequence[PointPart]) -> list[Group]:
        files = self.programs.files(parts)
        part = next(part for part in parts if part.name == "function")
        found: list[Group] = []
        near: dict[str, None] = {}
        for file in files:
            try:
                if isinstance(part.argument, int):
                    places = self._around(file.path, part.argument, _which(parts))
                else:
                    places = self._places(file.path, str(part.argument), _which(parts))
                if places:
                    found.append(Group(file, tuple(places)))
                elif len(files) == 1 and isinstance(part.argument, str):
                    near |= dict.fromkeys(self.symbols.near(file.path, str(part.argument).partition("@")[0]))
            except OSError as error:
                _fail(f"cannot read '{file.path}': {error.strerror}", parts[0])
            except LookupError as error:
                if len(files) == 1:
                    _fail(str(error.args[0]), part)
        if not found:
            self._absent(part, parts, files, list(near))
        return found

    def _around(self, path: str, address: int, which: Which) -> Sequence[CodePlace]:
        """Return the function that an address lies in; of several of its name the one that begins there."""
        found = self.symbols.enclosing(path, address)
        if found is None:
            return ()
        places = self._places(path, found[0], which)
        return [place for place in places if found[1] in (place.start, place.offset)]

    def _places(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace]:
        """Return the places that the sources know; of functions that have symbols alone, what those tell."""
        known = self.known.get((path, pattern, which))
        if known is not None:
            return known
        found: list[CodePlace] = []
        for source in self.sources:
            found += source.functions(path, pattern, which) or ()
        if which == "inline" or "@" in pattern or (found and not any(c in pattern for c in "*?[")):
            return found
        taken = {place.start for place in found}
        others = [place for place in self.symbols.functions(path, pattern, which) or () if place.offset not in taken]
        for source in self.sources:
            others = [source.described(path, place, which) for place in others]
        return [*found, *others]

    def _absent(
        self, part: PointPart, parts: Sequence[PointPart], files: Sequence[ProgramFile], near: Sequence[str]
    ) -> NoReturn:
        where = f"'{files[0].path}'" if len(files) == 1 else f"{len(files)} programs"
        if "@" in str(part.argument) or _which(parts) == "inline":
            what = "source files" if "@" in str(part.argument) else "inlined functions"
            _fail(f"no match for '{part.argument}': {what} are known by debuginfo (DWARF) alone, and {where} has none "
                  "that matches (install its debug symbols, or compile it with -g)", part)  # fmt: skip
        if isinstance(part.argument, int):
            _fail(f"no function at address {part.argument:#x} of {where}", part)
        hint = f" (similar functions: {', '.join(near)})" if near else ""
        library = self._library_with(files, str(part.argument), parts)
        if library:
            hint = f" ('{library}' has it: process(...).library(\"{library}\").function(...))"
        _fail(f"no match for function '{part.argument}' in {where}{hint}", part)

    def _library_with(self, files: Sequence[ProgramFile], pattern: str, parts: Sequence[PointPart]) -> str:
        """Return the name of a linked library that has the functions; "" for none."""
        if len(files) == 1 and not any(part.name == "library" for part in parts):
            for name, path in self.programs.linked(files[0]):
                with suppress(OSError, LookupError):
                    if self.symbols.functions(path, pattern, _which(parts)):
                        return name
        return ""


def _which(parts: Sequence[PointPart]) -> Which:
    names = {part.name for part in parts}
    choices: tuple[Which, ...] = ("inline", "exported", "return", "call")
    return next((which for which in choices if which in names), "all")


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")


# ------------------------------------------------------------------------------------------------- derived points


def point(parts: Sequence[PointPart], limit: Limit, groups: Sequence[Group]) -> DerivedPoint:
    """Return the derived point for places that have the same limit."""
    rows = [(group.file, place) for group in groups for place in group.places]
    returns = parts[-1].name == "return"
    files = tuple(UserPlaces(group.file.path, tuple(place.offset for place in group.places)) for group in groups)
    attach = Uprobes(files, returns, limit.pid, limit.program)
    functions = place_functions([file.path for file, _ in rows], [place.name for _, place in rows], returns)
    if len(rows) == 1:
        place = rows[0][1]
        call = place.call() if not returns else None
        at_entry = call[0] if call is not None else place.entry or replace(place, variables=dict)
        has_entry = returns or call is not None
        entry = partial(_entry, parts, limit, Group(rows[0][0], (at_entry,))) if has_entry else None
        return DerivedPoint(
            _shown(parts, *rows[0]), attach, {}, place.variables(), functions, entry=entry, program=place.program,
            guard=place.guard, frame=call[1] if call is not None else None,
        )  # fmt: skip
    functions["pp"] = row(lambda: [_shown(parts, file, place) for file, place in rows])

    def one(number: int) -> DerivedPoint:
        file, place = rows[number]
        return point(parts, limit, [Group(file, (place,))])

    def separately() -> Sequence[DerivedPoint]:
        return MadePoints(len(rows), one)

    return DerivedPoint(".".join(map(str, parts)), attach, {}, {}, functions, separately)


def _entry(parts: Sequence[PointPart], limit: Limit, group: Group) -> DerivedPoint:
    """Return the point of a function's entry for that of its return."""
    return point([part for part in parts if part.name != "return"], limit, [group])


def place_functions(paths: Sequence[str], names: Sequence[str], returns: bool) -> dict[str, VariableSource]:
    """Return the functions whose value follows from the place that was hit."""
    functions: dict[str, VariableSource] = {
        "ppfunc": row(lambda: names),
        "probefunc": row(lambda: names),
        "probemod": row(lambda: [path.rpartition("/")[2] for path in paths]),
        "uaddr": register("ip"),
        "registers_valid": lambda span: n.Constant(1, span=span, type=Type.LONG),
    }
    if returns:
        functions["returnval"] = lambda span: n.ContextValue(
            n.ContextKind.RETURN_VALUE, span=span, type=Type.LONG
        )  # fmt: skip
    return functions


def _shown(parts: Sequence[PointPart], file: ProgramFile, place: CodePlace) -> str:
    """Return what pp() gives: the file that has the code, the function or statement, what follows."""
    first = PointPart("process", file.path, parts[0].span)
    return ".".join(map(str, (first, *(named(part, place) for part in parts[1:] if part.name != "library"))))


def named(part: PointPart, place: CodePlace) -> PointPart:
    """Return a component with what it means at a place."""
    match part.name:
        case "function" | "statement" if isinstance(part.argument, str):
            return PointPart(part.name, place.shown, part.span)
        case "label" | "callee":
            return PointPart(part.name, place.detail, part.span)
        case "callees":
            return PointPart("callee", place.detail, part.span)
        case _:
            return part


def register(name: str) -> VariableSource:
    """Return the value of a register of the interrupted code, by its name in struct pt_regs."""
    word = arch.PT_REGS_OFFSETS[name] // 8
    return lambda span: n.ContextValue(n.ContextKind.REGISTER, word, span=span, type=Type.LONG)


def row(texts: Callable[[], Sequence[str]]) -> VariableSource:
    """Return the text of the place that fired; `texts` gives those of all places."""

    def value(span: Span) -> n.Expression:
        every = tuple(texts())
        if len(set(every)) == 1:
            return n.Constant(every[0], span=span, type=Type.STRING)
        place = n.ContextValue(n.ContextKind.POINT, span=span, type=Type.LONG)
        return n.TableText(every, place, "", span=span, type=Type.STRING)

    return value
