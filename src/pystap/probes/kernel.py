"""`kernel.*`: what stands behind the component that names the kernel, each form in a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..lean import Protocol
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after


class Form(Protocol):
    """The points whose second component has one name."""

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]: ...

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]: ...


@dataclass(frozen=True, slots=True)
class RootKind:
    """A probe kind made of forms; `by_form` has for each form, as it is printed, what resolves it."""

    root: str
    by_form: Mapping[str, Form]
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
