"""What debuginfo adds to probes on the kernel and its modules: source files, lines, inlined functions, labels, calls.

kernel.function("*@fs/read_write.c")        kernel.function("f").inline, .label("out"), .callee("g"), .callees(2)
kernel.statement("f@fs/read_write.c:450")   module("m").statement("*@m.c:12").nearest

Without debuginfo each of these is an error that names the package that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from ..diagnostics import semantic_error
from ..lean import NoReturn, Protocol
from ..program import nodes as n
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..program.user_code import CodePlace, CodeSource, Exact, PlaceSource, Which
from ..records import dataclass, replace
from ..source import Span
from .kernel_functions import FunctionFacts
from .kernel_places import modules_of, needs_debuginfo, text_row

DEBUGINFO_SUFFIXES = (
    ".inline", ".label(string)", ".callees", ".callees(number)", ".callee(string)", ".callee(string).call",
    ".callee(string).return", ".nearest",
)  # fmt: skip
"""What may stand behind `function(string)` and needs debuginfo."""
_NEEDS = {
    "inline": "inlined functions are known by debuginfo alone",
    "label": "labels are known by debuginfo alone",
    "callee": "what a function calls is known by debuginfo alone",
    "callees": "what a function calls is known by debuginfo alone",
    "statement": "lines of source are known by debuginfo alone",
    "nearest": "lines of source are known by debuginfo alone",
}


class Source(CodeSource, PlaceSource, Protocol):
    """All that debuginfo tells of code."""


class KernelCode(Protocol):
    """The debuginfo of the kernel or a module: see debuginfo.dwarf_kernel."""

    @property
    def path(self) -> str: ...

    @property
    def source(self) -> Source: ...

    def point(self, place: CodePlace) -> FunctionPoint: ...

    def at_address(self, address: int, exact: Exact) -> tuple[CodePlace, int] | None: ...

    def symbol(self, place: CodePlace) -> str: ...

    def is_kept(self, place: CodePlace) -> bool: ...


Finder = Callable[[str, str], KernelCode | None]
"""Given a module ("" the kernel) and the path of its file ("": not given), returns what debuginfo tells of it."""


Found = tuple[str, KernelCode, CodePlace]
"""A place: its module, the debuginfo that knows it, and what that says."""


@dataclass(frozen=True, slots=True)
class DebuginfoForm:
    """The forms that only debuginfo can resolve. `check` as in FunctionForm."""

    facts: Callable[[], FunctionFacts]
    check: Callable[[], str]
    find: Finder

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        part = code_part(parts)
        for module, _, place in self._places(parts):
            yield [_named(one, part, module, place) for one in parts]

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        found = list(self._places(parts))
        part = code_part(parts)
        reason = self.check()
        if reason:
            semantic_error(f"kernel code cannot be probed here: {reason}", part.span, f"identifier '{part.name}'")
        if len(found) == 1 or any(place.guard for _, _, place in found):
            return [_derived(parts, *one) for one in found]
        # Entries of functions may be hung on all at once, what is inside others not.
        is_traceable = self.facts().is_traceable
        entries = [one for one in found if one[1].symbol(one[2])]
        inside = [one for one in found if not one[1].symbol(one[2])]
        return [_group(parts, group, is_traceable) for group in (entries, inside) if group]

    def is_there(self, parts: Sequence[PointPart], module: str) -> bool:
        """Tell whether there is debuginfo of a module that a point names."""
        return self.find(module, _path(parts)) is not None

    def knows(self, parts: Sequence[PointPart], module: str, name: str) -> bool:
        """Tell whether debuginfo has a function, inlined or not."""
        code = self.find(module, _path(parts))
        return code is not None and bool(code.source.functions(code.path, name, "all"))

    def at_address(
        self, parts: Sequence[PointPart], module: str, address: int, exact: Exact
    ) -> tuple[CodePlace, int] | None:
        """Return what debuginfo tells of an address, and the address of the statement there; None where it tells
        nothing. Raises ScriptError where no statement begins though one has to."""
        code = self.find(module, _path(parts))
        try:
            return code.at_address(address, exact) if code is not None else None
        except LookupError as error:
            _fail(str(error.args[0]), code_part(parts))

    def _places(self, parts: Sequence[PointPart]) -> list[Found]:
        facts = self.facts()
        part = code_part(parts)
        modules = modules_of(parts, facts)
        described = [(module, code) for module in modules if (code := self.find(module, _path(parts))) is not None]
        if not described:
            needs_debuginfo(facts, _why(parts), part, modules[0])
        found: list[Found] = []
        for module, code in described:
            try:
                asked = [place for place in _asked(code, parts, part) if code.is_kept(place)]
                found += [(module, code, place) for place in asked]
            except LookupError as error:
                if len(described) == 1:
                    _fail(str(error.args[0]), part)
        if not found:
            where = f" in {described[0][1].path}" if len(described) == 1 else ""
            _fail(f"no match for '{part.argument}'{where}", part)
        return found


def has_debuginfo_form(parts: Sequence[PointPart]) -> bool:
    """Tell whether a plain `function("...")` point names a source file."""
    part = code_part(parts)
    return isinstance(part.argument, str) and "@" in part.argument


def code_part(parts: Sequence[PointPart]) -> PointPart:
    """Return the component that says what code is meant."""
    return next(part for part in parts if part.name in ("function", "statement"))


def _path(parts: Sequence[PointPart]) -> str:
    named = next((str(part.argument) for part in parts if part.name == "module"), "")
    return named if "/" in named else ""


def _why(parts: Sequence[PointPart]) -> str:
    reasons = [_NEEDS[part.name] for part in reversed(parts) if part.name in _NEEDS]
    return reasons[0] if reasons else "source files are known by debuginfo alone"


def _asked(code: KernelCode, parts: Sequence[PointPart], part: PointPart) -> Sequence[CodePlace]:
    """Return the places that a point means. Raises LookupError."""
    pattern, last = str(part.argument), parts[-1]
    source = code.source
    if part.name == "statement":
        return source.statements(code.path, pattern, last.name == "nearest") or ()
    callee = next((one for one in parts if one.name.startswith("callee")), None)
    if callee is not None:
        wanted, depth = (str(callee.argument), 1) if callee.name == "callee" else ("*", int(callee.argument or 1))
        return source.callees(code.path, pattern, wanted, depth) or ()
    label = next((one for one in parts if one.name == "label"), None)
    if label is not None:
        return source.labels(code.path, pattern, str(label.argument)) or ()
    names = {one.name for one in parts}
    choices: tuple[Which, ...] = ("inline", "exported", "return", "call")
    which: Which = next((which for which in choices if which in names), "all")
    return source.functions(code.path, pattern, which) or ()


def _derived(parts: Sequence[PointPart], module: str, code: KernelCode, place: CodePlace) -> DerivedPoint:
    returns = parts[-1].name == "return"
    point = code.point(place)
    variables: Mapping[str, TargetSource] = place.variables()
    entry: Callable[[], DerivedPoint] | None = None
    shown = ".".join(str(_named(one, code_part(parts), module, place)) for one in parts)
    functions: dict[str, VariableSource] = {
        "ppfunc": text_row((place.name,)),
        "probefunc": text_row((place.name,)),
        "probemod": text_row((module or "kernel",)),
    }
    if returns:
        functions["returnval"] = _result
        own = {name: variables[name] for name in variables}
        variables = {name: one if one.role == "return" else replace(one, at_entry=True) for name, one in own.items()}
        entry = partial(_derived, [one for one in parts if one.name != "return"], module, code, place)
    else:
        variables = visible_inside(place)
    return DerivedPoint(
        shown, KernelFunctions((point,), returns), {}, variables, functions, program=place.program,
        guard=place.guard, entry=entry,
    )  # fmt: skip


def visible_inside(place: CodePlace) -> Mapping[str, TargetSource]:
    """Return the variables of a place that is no return."""
    variables = place.variables()
    if any(variables[name].role == "return" for name in variables):
        return {name: variables[name] for name in variables if variables[name].role != "return"}
    return variables


def _group(parts: Sequence[PointPart], found: Sequence[Found], is_traceable: Callable[[str], bool]) -> DerivedPoint:
    """Return one point for many places."""
    returns = parts[-1].name == "return"
    points = []
    for module, code, place in found:
        symbol = code.symbol(place)
        entry = FunctionPoint(symbol, 0, 0, module) if symbol and is_traceable(symbol) else None
        points.append(entry or code.point(place))
    asked = code_part(parts)
    shown = tuple(".".join(str(_named(one, asked, module, place)) for one in parts) for module, _, place in found)
    names = tuple(place.name for _, _, place in found)
    functions = {
        "pp": text_row(shown),
        "ppfunc": text_row(names),
        "probefunc": text_row(names),
        "probemod": text_row(tuple(module or "kernel" for module, _, _ in found)),
    }
    if returns:
        functions["returnval"] = _result

    def separately() -> Sequence[DerivedPoint]:
        return [_derived(parts, *one) for one in found]

    written = ".".join(map(str, parts))
    return DerivedPoint(written, KernelFunctions(tuple(points), returns), {}, {}, functions, separately)


def _named(part: PointPart, asked: PointPart, module: str, place: CodePlace) -> PointPart:
    """Return a component with the names of one place in place of patterns."""
    if part is asked:
        return PointPart(part.name, place.shown, part.span)
    if part.name == "module" and "/" not in str(part.argument):  # a file that is named may be the only one that tells
        return PointPart(part.name, module, part.span)
    if part.name in ("label", "callee") and place.detail:
        return PointPart(part.name, place.detail, part.span)
    return part


def _result(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.RETURN_VALUE, span=span, type=Type.LONG)


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")
