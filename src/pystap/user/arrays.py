"""Associative arrays of user handlers.

A key is the value itself for an array with one key column and a tuple for one with several. Elements keep the order of
their insertion. A full array raises an error, or drops its oldest element if it wraps (man stap, "VARIABLES").
Iteration works on a list made before it starts: SystemTap refuses scripts that change an array inside a foreach over
it, so that no script can tell, and built-in code may do as it likes.
"""

from __future__ import annotations

from ..lean import Any, Callable
from .errors import Fault, RuntimeFault
from .statistics import Statistic

Pair = tuple[Any, Any]
Order = Callable[[Pair], Any]
Pattern = tuple[Any, ...]
"""A slice: one entry per key column, None for `*`."""

NOTHING = Statistic()
"""What a missing element of an array of statistics reads as; never written."""


class ScriptArray:
    """`elements` maps keys to ints, strings or Statistics.

    `default` is what a missing element reads as (0 or ""); `new` makes the statistic for a new element and is None for
    other arrays. `size` is the largest number of elements.
    """

    __slots__ = ("default", "elements", "new", "size", "wraps")

    def __init__(
        self, default: int | str, size: int, wraps: bool = False, new: Callable[[], Statistic] | None = None
    ) -> None:
        self.elements: dict[Any, Any] = {}
        self.default = default
        self.size = size
        self.wraps = wraps
        self.new = new

    def get(self, key: Any) -> Any:
        """Return the value of an element, the default for a missing one."""
        return self.elements.get(key, self.default)

    def put(self, key: Any, value: Any, fault: Fault) -> Any:
        """Set an element and return its value. Raises `fault` when a new one has no room."""
        elements = self.elements
        if key not in elements and len(elements) >= self.size:
            self._make_room(fault)
        elements[key] = value
        return value

    def statistic(self, key: Any) -> Statistic:
        """Return the statistic of an element for reading, an empty one for a missing element."""
        found: Statistic = self.elements.get(key, NOTHING)
        return found

    def aggregate(self, key: Any, sample: int, fault: Fault) -> int:
        """Add a sample to the statistic of an element and return it. Raises `fault` when a new one has no room."""
        found = self.elements.get(key)
        if found is None:
            assert self.new is not None
            found = self.put(key, self.new(), fault)
        found.add(sample)
        return sample

    def _make_room(self, fault: Fault) -> None:
        if not self.wraps or not self.elements:
            raise RuntimeFault(*fault)
        del self.elements[next(iter(self.elements))]

    def contains(self, key: Any) -> bool:
        """Return whether the array has this element."""
        return key in self.elements

    def delete(self, key: Any) -> None:
        """Remove an element; a missing one is no error."""
        self.elements.pop(key, None)

    def clear(self) -> None:
        """Remove all elements."""
        self.elements.clear()

    def contains_match(self, pattern: Pattern) -> bool:
        """Return whether an element's key matches a slice."""
        return any(_matches(key, pattern) for key in self.elements)

    def delete_match(self, pattern: Pattern) -> None:
        """Remove all elements whose keys match a slice."""
        for key in [key for key in self.elements if _matches(key, pattern)]:
            del self.elements[key]

    def select(
        self, pattern: Pattern | None = None, order: Order | None = None, descending: bool = False,
        limit: int | None = None,
    ) -> list[Pair]:  # fmt: skip
        """Return keys and values, those that match `pattern`, in the given order, at most `limit`.

        Without an order they come as they were inserted; elements that compare equal keep that order.
        """
        pairs = list(self.elements.items())
        if pattern is not None:
            pairs = [pair for pair in pairs if _matches(pair[0], pattern)]
        if order is not None:
            pairs.sort(key=order, reverse=descending)
        return pairs if limit is None else pairs[: max(limit, 0)]


def _matches(key: Any, pattern: Pattern) -> bool:
    if not isinstance(key, tuple):
        key = (key,)
    return all(wanted is None or wanted == have for have, wanted in zip(key, pattern, strict=True))


def by_key(pair: Pair) -> Any:
    """Order by the key of an array with one key column."""
    return pair[0]


def by_value(pair: Pair) -> Any:
    """Order by the value: numbers as numbers, strings by their bytes."""
    return pair[1]


def by_column(column: int) -> Order:
    """Order by one of several key columns, counted from 0."""

    def order(pair: Pair) -> Any:
        return pair[0][column]

    return order


def by_count(pair: Pair) -> int:
    count: int = pair[1].count
    return count


def by_sum(pair: Pair) -> int:
    total: int = pair[1].sum
    return total


def by_min(pair: Pair) -> int:
    low: int = pair[1].low
    return low


def by_max(pair: Pair) -> int:
    high: int = pair[1].high
    return high


_NO_FAULT: Fault = ("empty aggregate", "")


def by_avg(pair: Pair) -> int:
    average: int = pair[1].average(_NO_FAULT)
    return average


def by_variance(pair: Pair) -> int:
    variance: int = pair[1].variance(_NO_FAULT)
    return variance
