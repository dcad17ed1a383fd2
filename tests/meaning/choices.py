"""Where a generator's decisions come from: a seeded stream, or hypothesis, which can shrink them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """A stream of decisions. 0 is the simplest answer: generators put the plainest form there."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        ...


class Seeded:
    """Decisions from a seed: the same seed gives the same program, on every machine."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)


class Drawn:
    """Decisions drawn from hypothesis; `draw_below(limit)` draws one."""

    def __init__(self, draw_below: Callable[[int], Any]) -> None:
        self._draw_below = draw_below

    def below(self, limit: int) -> int:
        return int(self._draw_below(limit))


def pick(choices: Choices, options: Sequence[T]) -> T:
    return options[choices.below(len(options))]


def chance(choices: Choices, one_in: int) -> bool:
    """True one time in `one_in`."""
    return choices.below(one_in) == one_in - 1
