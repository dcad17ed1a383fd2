"""Waiting: for records, timers, signals, the end of the target and the time limit.

Kernel handlers submit records without waking anyone up, because a wake-up costs more than the record. So the buffer is
looked at every BUSY seconds while records come and every IDLE seconds else; only a record that ends the session wakes
the loop from an idle wait.
"""

from __future__ import annotations

import time
from select import POLLIN, poll
from time import monotonic_ns

from ..lean import Callable

BUSY, IDLE = 0.002, 0.025
BATCH = 8192
"""Records that are handled between two looks at signals and timers."""
_FOREVER = 3600.0


class EventLoop:
    """Waits for descriptors and times. `add` registers a descriptor and what is to be done when it is readable."""

    def __init__(self) -> None:
        self._poll = poll()
        self._actions: dict[int, Callable[[], object]] = {}

    def add(self, fd: int, action: Callable[[], object]) -> None:
        self._actions[fd] = action
        self._poll.register(fd, POLLIN)

    def has(self, fd: int) -> bool:
        return fd in self._actions

    def remove(self, fd: int) -> None:
        if self._actions.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def wait(self, until: int | None, at_most: float = _FOREVER) -> None:
        """Wait until a descriptor is readable, `until` (ns of CLOCK_MONOTONIC) has come, or `at_most` seconds passed.

        Runs the actions of readable descriptors.
        """
        seconds = at_most
        if until is not None:
            seconds = min(seconds, (until - monotonic_ns()) / 1e9)
        if seconds > 0.003:
            # poll(2) counts in milliseconds and Python rounds up: the last one is slept precisely.
            ready = self._poll.poll(seconds * 1000 - 1 if until is not None else seconds * 1000)
        else:
            ready = self._poll.poll(0)
            if not ready and seconds > 0:
                time.sleep(seconds)
                ready = self._poll.poll(0)
        for fd, _ in ready:
            action = self._actions.get(fd)
            if action is not None:
                action()
