"""Arithmetic against C's: ctypes for the wrapping, an independent definition for truncating division."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pystap.user import arithmetic as a
from pystap.user.errors import RuntimeFault

FAULT = ("division by 0", "near operator '/' at t.stp:1:1")
LONGS = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-70, 70), st.sampled_from([-(1 << 63), (1 << 63) - 1])
)


def c_long(value: int) -> int:
    return ctypes.c_int64(value).value


@given(LONGS, LONGS)
def test_wrapping_is_that_of_int64(x: int, y: int) -> None:
    assert a.wrap(x + y) == c_long(x + y)
    assert a.wrap(x - y) == c_long(x - y)
    assert a.wrap(x * y) == c_long(x * y)
    assert a.wrap(-x) == c_long(-x)


@given(LONGS, LONGS.filter(bool))
@example(-(1 << 63), -1)
@example(-7, 2)
def test_division_truncates_toward_zero(x: int, y: int) -> None:
    quotient, rest = a.divide(x, y, FAULT), a.remainder(x, y, FAULT)
    assert c_long(quotient * y + rest) == x
    assert abs(rest) < abs(y)
    assert rest == 0 or (rest < 0) == (x < 0)
    assert -(1 << 63) <= quotient < 1 << 63


@given(LONGS, LONGS)
def test_shifts_take_their_count_modulo_64(x: int, count: int) -> None:
    n = count % 64
    assert a.shift_left(x, count) == c_long(x << n)
    assert a.shift_right(x, count) == x // (1 << n)
    assert a.shift_right_unsigned(x, count) == c_long(ctypes.c_uint64(x).value // (1 << n))


@pytest.mark.parametrize("operation", [a.divide, a.remainder])
def test_division_by_zero_raises_the_given_fault(operation: object) -> None:
    assert callable(operation)
    with pytest.raises(RuntimeFault) as caught:
        operation(1, 0, FAULT)
    assert str(caught.value) == "division by 0 near operator '/' at t.stp:1:1"
    assert caught.value.message == "division by 0"
