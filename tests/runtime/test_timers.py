"""Which timers are due when."""

from __future__ import annotations

import pytest

from pystap.program.attach import Timer
from pystap.runtime import timers
from pystap.runtime.timers import TimerQueue


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = [0]
    monkeypatch.setattr(timers, "monotonic_ns", lambda: now[0])
    return now


def test_timers_come_in_the_order_in_which_they_fall_due(clock: list[int]) -> None:
    queue = TimerQueue([(Timer(30), 0), (Timer(20), 1)])
    assert queue.next_due() == 20
    clock[0] = 30
    assert queue.take_due() == [1, 0]
    assert queue.next_due() == 40


def test_a_late_timer_runs_once_and_goes_on_from_now(clock: list[int]) -> None:
    queue = TimerQueue([(Timer(10), 0)])
    clock[0] = 95
    assert queue.take_due() == [0]
    assert queue.next_due() == 105


def test_the_random_part_is_drawn_anew_each_time(clock: list[int]) -> None:
    drawn = iter([5, -5, 0])
    queue = TimerQueue([(Timer(100, randomize=10), 0)], offset=lambda width: next(drawn))
    assert queue.next_due() == 105
    clock[0] = 105
    assert queue.take_due() == [0]
    assert queue.next_due() == 200


def test_no_timers_are_never_due() -> None:
    assert TimerQueue(()).next_due() is None
