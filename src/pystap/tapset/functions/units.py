"""Amounts as text: times and sizes (man function::msecs_to_string, function::bytes_to_string)."""

from __future__ import annotations

import os

from ...program.builtins import Builtin, Effect, Expansion
from ...program.nodes import Binary, Constant, Expression
from ...program.types import Type, wrap_long
from ..services import Services

L, S = Type.LONG, Type.STRING


def _divide(value: int, by: int) -> tuple[int, int]:
    """Divide as C does, toward zero."""
    quotient = abs(value) // by
    if value < 0:
        quotient = -quotient
    return quotient, value - quotient * by


def _clock(value: int, per_second: int, digits: int) -> str:
    """Return XmY.ZZZs; each part of a negative time is negative, as "%d" shows it."""
    seconds, rest = _divide(value, per_second)
    minutes, seconds = _divide(seconds, 60)
    fraction = f"{'-' if rest < 0 else ''}{abs(rest):0{digits}d}"
    return f"{minutes}m{seconds}.{fraction}s"


def msecs_to_string(rt: Services, msecs: int) -> str:
    return _clock(msecs, 1000, 3)


def usecs_to_string(rt: Services, usecs: int) -> str:
    return _clock(usecs, 1_000_000, 6)


def nsecs_to_string(rt: Services, nsecs: int) -> str:
    return _clock(nsecs, 1_000_000_000, 9)


def cputime_to_msecs(rt: Services, cputime: int) -> int:
    """Convert CPU time, nanoseconds in every kernel since 4.11 (commit 5613fda9a503), to milliseconds."""
    return _divide(cputime, 1_000_000)[0]


def cputime_to_usecs(rt: Services, cputime: int) -> int:
    return _divide(cputime, 1000)[0]


def cputime_to_string(rt: Services, cputime: int) -> str:
    return msecs_to_string(rt, cputime_to_msecs(rt, cputime))


def bytes_to_string(rt: Services, count: int) -> str:
    """Return at least 5 characters: `  512`, ` 1.5K`, `  100M`; one decimal digit, cut off, below 100."""
    if count < 1024:
        return f"{count:5d}"
    if count < 1 << 20:
        shift, letter = 10, "K"
    else:
        shift, letter = (20, "M") if count < 1 << 30 else (30, "G")
    whole = count >> shift
    if whole >= 100:
        return f"{whole:4d}{letter}"
    return f"{whole:2d}.{(count - (whole << shift)) * 10 >> shift}{letter}"


def pages_to_string(rt: Services, pages: int) -> str:
    return bytes_to_string(rt, wrap_long(pages * os.sysconf("SC_PAGE_SIZE")))


def _quotient(divisor: int) -> Expansion:
    def expand(value: Expression) -> Expression:
        by = Constant(span=value.span, type=L, value=divisor)
        return Binary(span=value.span, type=L, operator="/", left=value, right=by)

    return Expansion(expand)


ROWS = (
    Builtin("msecs_to_string", (("msecs", L),), S, Effect.PURE, msecs_to_string, width=27),
    Builtin("usecs_to_string", (("usecs", L),), S, Effect.PURE, usecs_to_string, width=27),
    Builtin("nsecs_to_string", (("nsecs", L),), S, Effect.PURE, nsecs_to_string, width=27),
    Builtin("cputime_to_msecs", (("cputime", L),), L, Effect.PURE, cputime_to_msecs, _quotient(1_000_000)),
    Builtin("cputime_to_usecs", (("cputime", L),), L, Effect.PURE, cputime_to_usecs, _quotient(1000)),
    Builtin("cputime_to_string", (("cputime", L),), S, Effect.PURE, cputime_to_string, width=27),
    Builtin("bytes_to_string", (("bytes", L),), S, Effect.PURE, bytes_to_string, width=20),
    Builtin("pages_to_string", (("pages", L),), S, Effect.PURE, pages_to_string, width=20),
)
