"""A line at the terminal that says how far something is which takes more than a second."""

from __future__ import annotations

import os
from time import monotonic

PATIENCE = 1.0
"""Seconds before the line appears."""
_INTERVAL = 0.2


class Progress:
    """Counts up to `total`: a context manager. It writes to standard error, and only where that is a terminal."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._next = monotonic() + PATIENCE
        self._length = 0

    def advance(self, count: int) -> None:
        """Note that `count` more are done."""
        self._done += count
        if monotonic() >= self._next and os.isatty(2):
            self._next = monotonic() + _INTERVAL
            text = f"{self._what}: {self._done} of {self._total}"
            self._write(text.ljust(self._length))
            self._length = len(text)

    def _write(self, text: str) -> None:
        try:
            os.write(2, f"\r{text}".encode())
        except OSError:
            return

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._length:
            self._write(" " * self._length + "\r")
