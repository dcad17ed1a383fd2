"""Errors and warnings of a run on standard error, in SystemTap's form.

ERROR: division by 0 near operator '/' at hello.stp:1:27
WARNING: Number of errors: 1, skipped probes: 0
Pass 5: run failed.  [man error::pass5]
"""

from __future__ import annotations

import os

from ..lean import Callable

_RED, _YELLOW, _PLAIN = "\033[01;31m", "\033[00;33m", "\033[0m"
RUN_FAILED = "Pass 5: run failed.  [man error::pass5]"


def wants_color(when: str) -> bool:
    """Return whether messages are coloured: `when` is "always", "never" or "auto" (at a terminal)."""
    return when == "always" or (when == "auto" and os.isatty(2))


def write_error_text(text: str) -> None:
    """Write to standard error; it may be closed, and there is nothing to be done about that."""
    try:
        os.write(2, text.encode("latin-1"))
    except UnicodeEncodeError:
        os.write(2, text.encode(errors="surrogateescape"))
    except OSError:
        return


class Report:
    """Says what went wrong while a script ran, and keeps count.

    `before` is called in front of every message, so that output and messages keep their order at a terminal.
    """

    def __init__(self, color: bool = False, warnings: bool = True, suppress_errors: bool = False) -> None:
        self.errors = 0
        self.skipped = 0
        self.lost_events = 0
        self.lost_updates = 0
        self.failed = False
        self.before: Callable[[], None] = lambda: None
        self.mirror: Callable[[str], None] | None = None
        self._color = color
        self._warnings = warnings
        self._suppress_errors = suppress_errors

    def _say(self, kind: str, tone: str, text: str) -> None:
        self.before()
        head = f"{tone}{kind}:{_PLAIN}" if self._color else f"{kind}:"
        self.line(f"{head} {text}")

    def line(self, text: str) -> None:
        """Write a line to standard error, to the attached terminal of a session that was left running."""
        self._write(text + "\n")

    def _write(self, text: str) -> None:
        (self.mirror or write_error_text)(text)

    def log(self, text: str) -> None:
        """Write text, line end included, to standard error as it is (one character per byte)."""
        self.before()
        self._write(text)

    def warn(self, text: str) -> None:
        if self._warnings:
            self._say("WARNING", _YELLOW, text)

    def error(self, text: str) -> None:
        """Say an error that ends the run."""
        self.failed = True
        self._say("ERROR", _RED, text)

    def script_error(self, text: str) -> None:
        """Count a run-time error of a handler and say it, unless errors are suppressed."""
        self.errors += 1
        if not self._suppress_errors:
            self._say("ERROR", _RED, text)

    def summary(self) -> None:
        """Say at the end how much went wrong."""
        if self.errors or self.skipped:
            self.warn(f"Number of errors: {self.errors}, skipped probes: {self.skipped}")
        if self.lost_events:
            self.warn(f"There were {self.lost_events} transport failures.")
        if self.lost_updates:
            self.warn(f"There were {self.lost_updates} updates of globals that the kernel refused.")
