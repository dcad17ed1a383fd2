"""`timer.*`: intervals in several units, with a random part, and the profiling clock (man stapprobes, TIMER PROBES)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ..diagnostics import Diagnostic, ScriptError
from ..program.attach import PerfClock, Timer
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after

_UNITS = {
    "s": 1_000_000_000,
    "sec": 1_000_000_000,
    "ms": 1_000_000,
    "msec": 1_000_000,
    "us": 1_000,
    "usec": 1_000,
    "ns": 1,
    "nsec": 1,
}

CLOCK_MONOTONIC_COARSE = 6
"""Its number in include/uapi/linux/time.h; the time module does not name it."""
PROFILE_NS = 1_000_000
"""The period of timer.profile: a thousand ticks a second on each CPU."""
MAX_SECONDS = 86_400


def jiffy_ns() -> int:
    """Return the length of a jiffy in ns.

    The kernel's own HZ is not exported; the resolution of CLOCK_MONOTONIC_COARSE is one tick (clock_getres(2)).
    """
    return round(time.clock_getres(CLOCK_MONOTONIC_COARSE) * 1e9)


@dataclass(frozen=True, slots=True)
class TimerKind:
    root: str = "timer"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        for unit in ("jiffies", *_UNITS):
            yield f"timer.{unit}(number)"
            yield f"timer.{unit}(number).randomize(number)"
        yield from ("timer.hz(number)", "timer.profile", "timer.profile.tick")
        yield from ("timer.profile.freq", "timer.profile.freq.hz(number)")

    def aliases(self) -> Iterable[str]:
        return ("timer.profile = timer.profile.tick", "timer.profile.freq = perf.sw.cpu_clock")

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        form = match_form(parts, self.forms())
        point = ".".join(map(str, parts))
        if form.startswith("timer.profile"):
            rate = parts[-1].argument
            period = 1_000_000_000 // rate if isinstance(rate, int) and rate > 0 else PROFILE_NS
            return [DerivedPoint(point, PerfClock(period, every_cpu=True))]
        amount = parts[1].argument
        assert isinstance(amount, int)
        if parts[1].name == "hz":
            return [DerivedPoint(point, Timer(_period_of(amount, parts[1])))]
        unit = jiffy_ns() if parts[1].name == "jiffies" else _UNITS[parts[1].name]
        _check(1 <= amount <= MAX_SECONDS * 1_000_000_000 // unit, unit, parts[1])
        spread = parts[2].argument if len(parts) > 2 else 0
        assert isinstance(spread, int)
        if not 0 <= spread <= amount:
            raise ScriptError(
                Diagnostic("semantic error", f"randomize value out of range (0, {amount})", parts[2].span)
            )
        return [DerivedPoint(point, Timer(amount * unit, spread * unit))]


def _period_of(frequency: int, part: PointPart) -> int:
    if not 1 <= frequency <= 1_000_000:
        raise ScriptError(Diagnostic("semantic error", "frequency out of range (1, 1000000)", part.span))
    return 1_000_000_000 // frequency


def _check(fits: bool, unit: int, part: PointPart) -> None:
    if not fits:
        most = MAX_SECONDS * 1_000_000_000 // unit
        message = f"interval value out of range (1, {most})"
        raise ScriptError(Diagnostic("semantic error", message, part.span, f"identifier '{part.name}'"))
