"""Points of single places that are made when they are asked for: a listing wants the first of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..lean import overload
from ..program.extension import DerivedPoint


class MadePoints(Sequence[DerivedPoint]):
    """So many points, each as `make` gives it for its number."""

    def __init__(self, count: int, make: Callable[[int], DerivedPoint]) -> None:
        self._numbers = range(count)
        self._make = make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> DerivedPoint: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[DerivedPoint]: ...

    def __getitem__(self, index: int | slice) -> DerivedPoint | Sequence[DerivedPoint]:
        if isinstance(index, slice):
            return [self._make(number) for number in self._numbers[index]]
        return self._make(self._numbers[index])
