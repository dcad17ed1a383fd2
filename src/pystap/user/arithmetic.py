"""The language's integer arithmetic: signed 64-bit values that wrap, division that truncates toward zero, as in C."""

from __future__ import annotations

from .errors import Fault, RuntimeFault

_HIGH = 1 << 63
_MASK = (1 << 64) - 1
_MAX = _HIGH - 1


def wrap(value: int) -> int:
    """Return `value` reduced to a signed 64-bit integer."""
    if -_HIGH <= value <= _MAX:
        return value
    return ((value + _HIGH) & _MASK) - _HIGH


def divide(left: int, right: int, fault: Fault) -> int:
    """Return the quotient truncated toward zero; the smallest long divided by -1 wraps. Raises `fault` for 0."""
    if right == 0:
        raise RuntimeFault(*fault)
    quotient = abs(left) // abs(right)
    return wrap(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int, fault: Fault) -> int:
    """Return the remainder, which has the sign of `left`. Raises `fault` for 0."""
    if right == 0:
        raise RuntimeFault(*fault)
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def shift_left(value: int, count: int) -> int:
    """Return `value << count`, the count taken modulo 64."""
    return wrap(value << (count & 63))


def shift_right(value: int, count: int) -> int:
    """Return `value >> count` with the sign kept, the count taken modulo 64."""
    return value >> (count & 63)


def shift_right_unsigned(value: int, count: int) -> int:
    """Return `value >>> count`: zeros come in from above; the count is taken modulo 64."""
    return wrap((value & _MASK) >> (count & 63))
