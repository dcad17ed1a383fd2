"""`process(...)`: everything in user programs; each kind of point in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.attach import AttachSpec, ProcessEvents, Syscalls, Uprobes
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass, replace
from ..source import Span
from .forms import match_form, names_after
from .kernel import Form
from .made_points import MadePoints
from .process_events import EVENTS

ROOTS = ("process", "process(string)", "process(number)")
FUNCTION_SUFFIXES = ("", ".call", ".return", ".exported", ".exported.return", ".inline")

ADDRESS_SUFFIXES = ("", ".call", ".return", ".exported")


def function_forms(form: Form) -> dict[str, Form]:
    """Return the forms of points on functions."""
    places = [place for root in ROOTS for place in (root, f"{root}.library(string)")]
    named = {f"{place}.function(string){suffix}": form for place in places for suffix in FUNCTION_SUFFIXES}
    return named | {f"{place}.function(number){suffix}": form for place in places for suffix in ADDRESS_SUFFIXES}


def mark_forms(form: Form) -> dict[str, Form]:
    """Return the forms of points on static markers."""
    places = [place for root in ROOTS for place in (root, f"{root}.library(string)")]
    return {f"{place}{middle}.mark(string)": form for place in places for middle in ("", ".provider(string)")}


def plt_forms(form: Form) -> dict[str, Form]:
    """Return the forms of points on the linkage table."""
    places = [place for root in ROOTS for place in (root, f"{root}.library(string)")]
    return {
        f"{place}.{plt}{end}": form for place in places for plt in ("plt", "plt(string)") for end in ("", ".return")
    }


def event_forms(event: Form, instruction: Form) -> dict[str, Form]:
    """Return the forms of points on what processes do."""
    forms = {f"{root}.{name}": event for root in ROOTS for name in EVENTS}
    return forms | {f"{root}.{name}": instruction for root in ROOTS for name in ("insn", "insn.block")}


def place_forms(form: Form, suffixes: Sequence[str]) -> dict[str, Form]:
    """Return the forms of points inside functions."""
    places = [place for root in ROOTS for place in (root, f"{root}.library(string)")]
    forms = {f"{place}.{suffix}": form for place in places for suffix in suffixes}
    return forms | {"process(number).statement(number).absolute": form}


@dataclass(frozen=True, slots=True)
class ProcessKind:
    """The probe kind; `by_form` has for each form, as it is printed, what resolves it.

    `errno` gives the errno of the running thread by the path of the program, and raises LookupError with a text.
    """

    by_form: Mapping[str, Form]
    errno: Callable[[str, Span], n.Expression]
    root: str = "process"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return self.by_form

    def aliases(self) -> Iterable[str]:
        return ()

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.by_form)

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return self.by_form[match_form(parts, self.by_form)].listed(parts)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        found = self.by_form[match_form(parts, self.by_form)].derive(parts)
        return [self._with_errno(point) for point in found]

    def _with_errno(self, point: DerivedPoint) -> DerivedPoint:
        """Return a point with what `@errno` means there."""
        separately = point.separately

        def each() -> Sequence[DerivedPoint]:
            points = separately() if separately is not None else ()
            return MadePoints(len(points), lambda number: self._with_errno(points[number]))

        path = _program(point.attach)

        def value(span: Span) -> n.Expression:
            try:
                return self.errno(path, span)
            except LookupError as error:
                semantic_error(str(error.args[0]), span, "operator '@errno'")

        functions = {**point.functions, "@errno": value}
        return replace(point, functions=functions, separately=each if separately is not None else None)


def _program(attach: AttachSpec) -> str:
    """Return the program that a point is about, as far as it says: a library stands for those that have it."""
    match attach:
        case Uprobes(program=program, files=files):
            return program or (files[0].path if files else "")
        case Syscalls(program=program) | ProcessEvents(program=program):
            return program
        case _:
            return ""
