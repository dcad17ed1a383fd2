"""Probes that the language has and this implementation has not: one error says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from ..diagnostics import semantic_error
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after

_JAVA = "java probes need an agent inside the virtual machine, which there is none of; its own USDT marks can be probed"
_PYTHON = "python probes need a module inside the interpreter, which there is none of; its own USDT marks can be probed"
_PYTHON_FORMS = tuple(
    f"module(string).function(string){suffix}" for suffix in ("", ".call", ".return")
)  # fmt: skip
FORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "python2": (tuple(f"python2.{form}" for form in _PYTHON_FORMS), _PYTHON),
    "python3": (tuple(f"python3.{form}" for form in _PYTHON_FORMS), _PYTHON),
    "java": (
        tuple(
            f"java({who}).class(string).method(string){suffix}"
            for who in ("number", "string")
            for suffix in ("", ".return")
        ),
        _JAVA,
    ),
}


@dataclass(frozen=True, slots=True)
class RefusedKind:
    """A kind whose points are checked and refused."""

    root: str
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return FORMS[self.root][0]

    def aliases(self) -> Iterable[str]:
        return ()

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        self._refuse(parts)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        match_form(parts, self.forms())
        self._refuse(parts)

    def _refuse(self, parts: Sequence[PointPart]) -> NoReturn:
        semantic_error(FORMS[self.root][1], parts[0].span, f"identifier '{self.root}'")
