"""`begin`, `end`, `error`, with an optional sequence number, and `never`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..lean import Literal
from ..program.attach import Never, Phase
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after


@dataclass(frozen=True, slots=True)
class PhaseKind:
    """One of `begin`, `end` and `error`; probes of one phase run in the order of their numbers (0 by default)."""

    root: Literal["begin", "end", "error"]
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return (self.root, f"{self.root}(number)")

    def aliases(self) -> Iterable[str]:
        return ()

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        match_form(parts, self.forms())
        number = parts[0].argument
        sequence = number if isinstance(number, int) else 0
        return [DerivedPoint(str(parts[0]), Phase(self.root, sequence))]


@dataclass(frozen=True, slots=True)
class NeverKind:
    """`never`: its handler is checked and never runs."""

    root: str = "never"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return ("never",)

    def aliases(self) -> Iterable[str]:
        return ()

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        match_form(parts, self.forms())
        return [DerivedPoint("never", Never())]
