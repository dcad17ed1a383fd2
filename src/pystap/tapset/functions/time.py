"""Clocks and dates (tapset::timestamp, tapset::ctime, tapset::tzinfo)."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...program.builtins import Builtin, Effect, HelperValue
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..ir import KTIME_GET_NS, helper, ir_function
from ..services import CLOCK_MONOTONIC_COARSE, Services

L, S = Type.LONG, Type.STRING
_JIFFIES64 = 118
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CTIME_WIDTH = 24


def ktime_get_ns(rt: Services) -> int:
    return time.monotonic_ns()


def get_cycles(rt: Services) -> int:
    """Return the nanoseconds of the monotonic clock in place of processor cycles.

    No BPF helper reads the cycle counter (kernels only lately have a kfunc for it). Differences are right as times,
    in nanoseconds, and unlike cycles comparable across processors; as cycles they would need the counter's frequency.
    """
    return time.monotonic_ns()


def jiffies(rt: Services) -> int:
    """Return the ticks since boot, from the start value that the kernel gives them: -300 s as 32 bits."""
    hertz = round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE))
    ticks = time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) * hertz // 1_000_000_000
    return (1 << 32) - 300 * hertz + ticks


def gettimeofday_s(rt: Services) -> int:
    return time.time_ns() // 1_000_000_000


def gettimeofday_ms(rt: Services) -> int:
    return time.time_ns() // 1_000_000


def gettimeofday_us(rt: Services) -> int:
    return time.time_ns() // 1000


def gettimeofday_ns(rt: Services) -> int:
    return time.time_ns()


def local_clock_s(rt: Services) -> int:
    return time.monotonic_ns() // 1_000_000_000


def local_clock_ms(rt: Services) -> int:
    return time.monotonic_ns() // 1_000_000


def local_clock_us(rt: Services) -> int:
    return time.monotonic_ns() // 1000


def local_clock_ns(rt: Services) -> int:
    return time.monotonic_ns()


def cpu_clock_s(rt: Services, cpu: int) -> int:
    return time.monotonic_ns() // 1_000_000_000


def cpu_clock_ms(rt: Services, cpu: int) -> int:
    return time.monotonic_ns() // 1_000_000


def cpu_clock_us(rt: Services, cpu: int) -> int:
    return time.monotonic_ns() // 1000


def cpu_clock_ns(rt: Services, cpu: int) -> int:
    return time.monotonic_ns()


def _scaled(divisor: int) -> str:
    return f"  %r = udiv i64 %now, {divisor}\n  ret i64 %r\n" if divisor > 1 else "  ret i64 %now\n"


def _wall(unit: str, divisor: int, user: Callable[[Services], int]) -> Builtin:
    """Return the row of the wall clock: the monotonic clock and the offset that the session keeps."""
    name = "gettimeofday_" + unit
    code = ir_function(
        "fn_" + name,
        "",
        f"  %monotonic = call i64 {helper(KTIME_GET_NS)}()\n"
        "  %word = getelementptr i8, ptr @control, i64 16\n"
        "  %offset = load volatile i64, ptr %word, align 8\n"
        "  %now = add i64 %monotonic, %offset\n" + _scaled(divisor),
    )
    return Builtin(name, (), L, Effect.CONTEXT, user, code)


def _clock(name: str, divisor: int, user: Callable[..., int], *parameters: tuple[str, Type]) -> Builtin:
    """Return the row of a clock of one CPU: the monotonic clock, which advances evenly on all of them.

    Programs cannot read sched_clock().
    """
    code = ir_function(
        "fn_" + name,
        ", ".join(f"i64 %{parameter}" for parameter, _ in parameters),
        f"  %now = call i64 {helper(KTIME_GET_NS)}()\n" + _scaled(divisor),
    )
    return Builtin(name, parameters, L, Effect.CONTEXT, user, code)


def _date(seconds: int) -> str:
    """Return "Wed Jun 30 21:49:08 1993" for seconds since 1970 in UTC.

    An error outside 32 bits (man function::ctime).
    """
    if not -(1 << 31) <= seconds < 1 << 31:
        raise RuntimeFault(f"ctime: {seconds} is not a time within 32 bits of seconds")
    t = time.gmtime(seconds)
    clock = f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"
    return f"{_DAYS[t.tm_wday]} {_MONTHS[t.tm_mon - 1]} {t.tm_mday:2d} {clock} {t.tm_year}"


def ctime(rt: Services, epochsecs: int) -> str:
    return _date(epochsecs)


def ctime_now(rt: Services) -> str:
    """Return the date of now, as the session sees it: not a value of the hit, which ctime(gettimeofday_s()) gives."""
    return _date(int(time.time()))


class Zone:
    """The local time zone, read once a session: seconds east of UTC and its name."""

    def __init__(self) -> None:
        now = time.localtime()
        self.east = now.tm_gmtoff
        self.name = now.tm_zone


def tz_gmtoff(rt: Services) -> int:
    """Return the seconds west of UTC."""
    return -rt.state(Zone).east


def tz_name(rt: Services) -> str:
    return rt.state(Zone).name


def tz_ctime(rt: Services, epochsecs: int) -> str:
    zone = rt.state(Zone)
    return f"{_date(epochsecs + zone.east)} {zone.name}"


ROWS = (
    _wall("s", 1_000_000_000, gettimeofday_s),
    _wall("ms", 1_000_000, gettimeofday_ms),
    _wall("us", 1000, gettimeofday_us),
    _wall("ns", 1, gettimeofday_ns),
    _clock("local_clock_s", 1_000_000_000, local_clock_s),
    _clock("local_clock_ms", 1_000_000, local_clock_ms),
    _clock("local_clock_us", 1000, local_clock_us),
    _clock("local_clock_ns", 1, local_clock_ns),
    _clock("cpu_clock_s", 1_000_000_000, cpu_clock_s, ("cpu", L)),
    _clock("cpu_clock_ms", 1_000_000, cpu_clock_ms, ("cpu", L)),
    _clock("cpu_clock_us", 1000, cpu_clock_us, ("cpu", L)),
    _clock("cpu_clock_ns", 1, cpu_clock_ns, ("cpu", L)),
    Builtin("ktime_get_ns", (), L, Effect.CONTEXT, ktime_get_ns, HelperValue(KTIME_GET_NS)),
    Builtin("get_cycles", (), L, Effect.CONTEXT, get_cycles, HelperValue(KTIME_GET_NS)),
    Builtin("jiffies", (), L, Effect.CONTEXT, jiffies, HelperValue(_JIFFIES64)),
    Builtin("ctime", (("epochsecs", L),), S, Effect.PURE, ctime, width=CTIME_WIDTH),
    Builtin("ctime", (), S, Effect.PURE, ctime_now, width=CTIME_WIDTH, varies=True),
    Builtin("tz_ctime", (("epochsecs", L),), S, Effect.PURE, tz_ctime, width=CTIME_WIDTH + 1 + 40, varies=True),
    Builtin("tz_gmtoff", (), L, Effect.PURE, tz_gmtoff, varies=True),
    Builtin("tz_name", (), S, Effect.PURE, tz_name, width=40, varies=True),
)  # fmt: skip
