"""The counters that kernel handlers keep in the control map (abi/map_layout.py), and what they say of losses."""

from __future__ import annotations

from ..abi.map_layout import HANDLER_STRIDE, Counter
from ..abi.session_image import HandlerLayout
from ..lean import Sequence
from .probe_timing import RunTimes


class KernelCounters:
    """The counters of kernel handlers in the mapped control area (`words`: its 64-bit words)."""

    def __init__(self, words: memoryview[int], handlers_offset: int, count: int) -> None:
        self._words = words
        self._first = handlers_offset // 8
        self._count = count

    def value(self, handler: int, counter: Counter) -> int:
        return self._words[self._first + handler * (HANDLER_STRIDE // 8) + counter]

    def total(self, counter: Counter) -> int:
        """Return the sum over all handlers."""
        start = self._first + counter
        return sum(self._words[start : start + self._count * (HANDLER_STRIDE // 8) : HANDLER_STRIDE // 8])

    def times(self, handler: int) -> RunTimes:
        """Return the times of a handler; zero unless it was compiled with -t."""
        hits, total, least, most = (
            self.value(handler, which) for which in (Counter.HITS, Counter.TOTAL_NS, Counter.MIN_NS, Counter.MAX_NS)
        )
        return RunTimes(hits, total, least, most)


_REASONS = (
    (Counter.SKIPPED_LOCK, "another handler held the lock of its globals"),
    (Counter.SKIPPED_USER_LOCK, "the session held the lock of its globals"),
    (Counter.SKIPPED_SCRATCH, "handlers were nested too deeply"),
    (Counter.LOST_EVENTS, "the buffer was full (see -s): output lost"),
    (Counter.LOST_UPDATES, "the kernel refused to update a map"),
    (Counter.MISSED_ENTRIES, "too many calls were under way to follow one to its return"),
)


def loss_lines(handlers: Sequence[HandlerLayout], counters: KernelCounters) -> list[str]:
    """Return a line for every probe and every reason why hits of it were skipped or lost."""
    lines = []
    for handler in handlers:
        for counter, reason in _REASONS:
            number = counters.value(handler.index, counter)
            if number:
                lines.append(f"{handler.point} ({handler.place}): {number} times {reason}")
    return lines
