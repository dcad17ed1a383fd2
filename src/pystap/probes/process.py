"""`process(...)`: everything in user programs; each kind of point in a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after
from .kernel import Form
from .process_events import EVENTS

ROOTS = ("process", "process(string)", "process(number)")
FUNCTION_SUFFIXES = ("", ".call", ".return", ".exported", ".exported.return", ".inline")


def function_forms(form: Form) -> dict[str, Form]:
    """Return the forms of points on functions."""
    places = [place for root in ROOTS for place in (root, f"{root}.library(string)")]
    return {f"{place}.function(string){suffix}": form for place in places for suffix in FUNCTION_SUFFIXES}


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
    """The probe kind; `by_form` has for each form, as it is printed, what resolves it."""

    by_form: Mapping[str, Form]
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
        return self.by_form[match_form(parts, self.by_form)].derive(parts)
