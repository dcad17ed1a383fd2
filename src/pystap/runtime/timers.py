"""User-space timers: what is due when, in CLOCK_MONOTONIC nanoseconds."""

from __future__ import annotations

import heapq
from time import monotonic_ns

from ..lean import Callable, Iterable
from ..program.attach import Timer


def random_offset(width: int) -> int:
    """Return a random number of nanoseconds from -width to +width."""
    import random

    return random.randint(-width, width)


class TimerQueue:
    """Timers with an item each. A timer that is late by whole periods is not run once for each of them.

    `offset` gives the random part of timers that have one.
    """

    def __init__(self, timers: Iterable[tuple[Timer, int]], offset: Callable[[int], int] = random_offset) -> None:
        self._offset = offset
        now = monotonic_ns()
        self._heap: list[tuple[int, int, Timer]] = []
        for timer, item in timers:
            self._heap.append((now + self._period(timer), item, timer))
        heapq.heapify(self._heap)

    def _period(self, timer: Timer) -> int:
        period = timer.nanoseconds
        if timer.randomize:
            period += self._offset(timer.randomize)
        return max(period, 1)

    def next_due(self) -> int | None:
        """Return when the next timer is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def take_due(self) -> list[int]:
        """Return the items of the timers that are due now, in the order in which they fell due, and set them anew."""
        due: list[int] = []
        now = monotonic_ns()
        while self._heap and self._heap[0][0] <= now:
            at, item, timer = self._heap[0]
            due.append(item)
            following = at + self._period(timer)
            if following <= now:
                following = now + self._period(timer)
            heapq.heapreplace(self._heap, (following, item, timer))
        return due
