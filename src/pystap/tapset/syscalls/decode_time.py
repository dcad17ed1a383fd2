"""Clocks, times and timers.

Sources: linux/time.h, linux/time_types.h, linux/timex.h, linux/timerfd.h, linux/utime.h.
"""

from __future__ import annotations

from .names import MASK_32, SAME, Flags, Kept, Names, signed, structure, values

_CLOCKS = Names("""
CLOCK_REALTIME=0 CLOCK_MONOTONIC=1 CLOCK_PROCESS_CPUTIME_ID=2 CLOCK_THREAD_CPUTIME_ID=3 CLOCK_MONOTONIC_RAW=4
CLOCK_REALTIME_COARSE=5 CLOCK_MONOTONIC_COARSE=6 CLOCK_BOOTTIME=7 CLOCK_REALTIME_ALARM=8 CLOCK_BOOTTIME_ALARM=9
CLOCK_SGI_CYCLE=0xa CLOCK_TAI=0xb
""")
_CPU_CLOCKS = ("CPUCLOCK_PROF", "CPUCLOCK_VIRT", "CPUCLOCK_SCHED", "CLOCKFD")


@Kept
def clock(value: int) -> str:
    """Return the name of a clock; negative numbers are made from a process or a descriptor (posix-timers.h)."""
    number = signed(value)
    if number >= 0:
        return _CLOCKS[number]
    if number & 7 == 3:
        return f"FD_TO_CLOCKID({~(number >> 3)})"
    thread = "THREAD" if number & 4 else "PROCESS"
    return f"MAKE_{thread}_CPUCLOCK({~(number >> 3)}, {_CPU_CLOCKS[number & 3]})"


timer_flags = Flags("TIMER_ABSTIME=1")
timerfd_flags = Flags("TFD_CLOEXEC=0x80000 TFD_NONBLOCK=0x800")
timerfd_set_flags = Flags("TFD_TIMER_ABSTIME=1 TFD_TIMER_CANCEL_ON_SET=2")
interval_timer = Names("ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF")
_SPECIAL = {(1 << 30) - 1: "UTIME_NOW", (1 << 30) - 2: "UTIME_OMIT"}


def _numbers(data: bytes, count: int) -> list[int]:
    return [int.from_bytes(data[i : i + 8], "little", signed=True) for i in range(0, 8 * count, 8)]


def _seconds(seconds: int, rest: int, unit: str) -> str:
    return f"{{tv_sec={seconds}, tv_{unit}={rest}}}"


@structure(16, narrow="ll")
def timespec(data: bytes) -> str:
    number, rest = _numbers(data, 2)
    return _seconds(number, rest, "nsec")


@structure(16, narrow="ll")
def timeval(data: bytes) -> str:
    number, rest = _numbers(data, 2)
    return _seconds(number, rest, "usec")


@structure(32, narrow="llll")
def timespecs(data: bytes) -> str:
    """Return the two times of utimensat; either may be UTIME_NOW or UTIME_OMIT."""
    numbers = _numbers(data, 4)
    return "[" + ", ".join(_SPECIAL.get(rest) or _seconds(s, rest, "nsec") for s, rest in _by_two(numbers)) + "]"


@structure(32, narrow="llll")
def timevals(data: bytes) -> str:
    """Return the two times of utimes."""
    return "[" + ", ".join(_seconds(s, rest, "usec") for s, rest in _by_two(_numbers(data, 4))) + "]"


def _by_two(numbers: list[int]) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@structure(32, narrow="llll")
def itimerspec(data: bytes) -> str:
    interval, value = (_seconds(s, rest, "nsec") for s, rest in _by_two(_numbers(data, 4)))
    return f"{{it_interval={interval}, it_value={value}}}"


@structure(32, narrow="llll")
def itimerval(data: bytes) -> str:
    interval, value = (_seconds(s, rest, "usec") for s, rest in _by_two(_numbers(data, 4)))
    return f"{{it_interval={interval}, it_value={value}}}"


@structure(16, narrow="ll")
def utimbuf(data: bytes) -> str:
    access, change = _numbers(data, 2)
    return f"{{actime={access}, modtime={change}}}"


@structure(8, narrow=SAME)
def timezone(data: bytes) -> str:
    west, summer = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (0, 4))
    return f"{{tz_minuteswest={west}, tz_dsttime={summer}}}"


@structure(8, narrow="l")
def seconds(data: bytes) -> str:
    """Return a time_t that is passed by its address."""
    return f"[{_numbers(data, 1)[0]}]"


_ADJUST = Flags("""
ADJ_OFFSET_SS_READ=0xa001 ADJ_OFFSET_SINGLESHOT=0x8001 ADJ_OFFSET=1 ADJ_FREQUENCY=2 ADJ_MAXERROR=4 ADJ_ESTERROR=8
ADJ_STATUS=0x10 ADJ_TIMECONST=0x20 ADJ_TAI=0x80 ADJ_SETOFFSET=0x100 ADJ_MICRO=0x1000 ADJ_NANO=0x2000 ADJ_TICK=0x4000
""")
_CLOCK_STATUS = Flags("""
STA_PLL=1 STA_PPSFREQ=2 STA_PPSTIME=4 STA_FLL=8 STA_INS=0x10 STA_DEL=0x20 STA_UNSYNC=0x40 STA_FREQHOLD=0x80
STA_PPSSIGNAL=0x100 STA_PPSJITTER=0x200 STA_PPSWANDER=0x400 STA_PPSERROR=0x800 STA_CLOCKERR=0x1000 STA_NANO=0x2000
STA_MODE=0x4000 STA_CLK=0x8000
""")


@structure(96, narrow="i_lllli_llllll")
def timex(data: bytes) -> str:
    """Return the start of a struct timex: what to change, and the values that it can change."""
    modes, status = int.from_bytes(data[0:4], "little"), int.from_bytes(data[40:44], "little")
    offset, frequency, most, estimated = _numbers(data[8:], 4)
    constant, precision, tolerance, second, fraction, tick = _numbers(data[48:], 6)
    return (
        f"{{modes={_ADJUST[modes & MASK_32]}, offset={offset}, freq={frequency}, maxerror={most}, "
        f"esterror={estimated}, status={_CLOCK_STATUS[status]}, constant={constant}, precision={precision}, "
        f"tolerance={tolerance}, time={_seconds(second, fraction, 'usec')}, tick={tick}}}"
    )


DECODERS = (
    *values(
        clock=clock, timer_flags=timer_flags, timerfd_flags=timerfd_flags, timerfd_set_flags=timerfd_set_flags,
        interval_timer=interval_timer,
    ),
    timespec, timeval, timespecs, timevals, itimerspec, itimerval, utimbuf, timezone, seconds, timex,
)  # fmt: skip
