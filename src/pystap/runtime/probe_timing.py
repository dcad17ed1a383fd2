"""How often each probe ran and how long (stap -t).

----- probe hit report:
syscall.getpid, (count.stp:2:1), hits: 1204, ns: 41min/63avg/1290max, from: syscall.*, index: 0
"""

from __future__ import annotations

from ..abi.session_image import HandlerLayout
from ..lean import Sequence
from ..records import dataclass


@dataclass(slots=True)
class RunTimes:
    """How often something ran, and the time in ns: in all, least, most."""

    hits: int = 0
    total: int = 0
    least: int = 0
    most: int = 0

    def add(self, nanoseconds: int) -> None:
        self.least = nanoseconds if not self.hits else min(self.least, nanoseconds)
        self.most = max(self.most, nanoseconds)
        self.hits += 1
        self.total += nanoseconds

    def merge(self, other: RunTimes) -> None:
        if other.hits:
            self.least = min(self.least, other.least) if self.hits else other.least
            self.most = max(self.most, other.most)
            self.hits += other.hits
            self.total += other.total


def timing_report(handlers: Sequence[HandlerLayout], times: Sequence[RunTimes]) -> str:
    """Return the report of -t: a line for every probe that was hit."""
    lines = ["----- probe hit report: "]
    for handler, spent in zip(handlers, times, strict=True):
        if spent.hits:
            lines.append(
                f"{handler.point}, ({handler.place}), hits: {spent.hits}, "
                f"ns: {spent.least}min/{spent.total // spent.hits}avg/{spent.most}max, "
                f"from: {handler.written}, index: {handler.index}"
            )
    return "\n".join(lines) + "\n"
