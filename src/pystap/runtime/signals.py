"""What signals mean to a session: end, end at once, leave running, next output file.

Python's own handlers run between two bytecodes of the main thread, so a loop in a user handler cannot hold a signal
up; the wake-up descriptor lets the event loop wait for descriptors and signals together.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` wraps it in enums, which take 3 ms to make
import os

from ..lean import Any, Callable, FrameType

GRACE = 0.25
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndAtOnce(BaseException):
    """A second signal while the session was ending already: no end probes, no waiting."""


class SignalWatch:
    """Catches the session's signals while it is open.

    `ending` counts the signals that ask for the end (SIGINT, SIGTERM, SIGHUP); from the second on `EndAtOnce` is raised
    wherever the main thread is. `on_end` runs at the first one, `on_patience` GRACE seconds later: a handler that still
    runs then is cut short. `detach` is set by SIGQUIT, `switch` by SIGUSR2; who acts on them clears them.
    """

    def __init__(self, on_end: Callable[[], None], on_patience: Callable[[], None]) -> None:
        self.ending = 0
        self.detach = False
        self.switch = False
        self._on_end = on_end
        self._on_patience = on_patience
        self._old: dict[int, Any] = {}
        self._old_wakeup = -1
        self._read = self._write = -1

    def open(self) -> SignalWatch:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*_ENDING, signal.SIGQUIT, signal.SIGUSR2, signal.SIGALRM):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup
            self._old[number] = signal.signal(number, self._handle)
        return self

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGQUIT:
            self.detach = True
        elif number == signal.SIGUSR2:
            self.switch = True
        elif number == signal.SIGALRM:
            self._on_patience()
        else:
            self.ending += 1
            if self.ending > 1:
                raise EndAtOnce
            signal.setitimer(signal.ITIMER_REAL, GRACE)
            self._on_end()

    def fileno(self) -> int:
        """A descriptor that becomes readable when a signal has come; `clear` makes it wait again."""
        return self._read

    def clear(self) -> None:
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            return

    def rest(self) -> None:
        """Cut nothing short for the signals so far: the end handlers that they asked for may take their time."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def close(self) -> None:
        """Give the signals back."""
        if self._read < 0:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._old.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self._read)
        os.close(self._write)
        self._read = -1

    def __enter__(self) -> SignalWatch:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()
