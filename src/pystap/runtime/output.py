"""Where a script's output goes: standard output, a file, or numbered files of a limited size (stap(1) -o, -S).

Output is text with one character per byte (latin-1). It is collected and written in large pieces: `flush` is called
whenever the session has nothing more to do, and in between when much has gathered.
"""

from __future__ import annotations

import errno
import os
from select import POLLERR, POLLHUP, POLLNVAL, POLLOUT, poll

from ..lean import Callable

FLUSH_SIZE = 1 << 16
"""Pieces that gather before they are written without being asked for."""

CLOSED_PIPE = (errno.EPIPE, errno.ECONNRESET)


class OutputClosed(Exception):
    """Nobody reads the output any more (`| head`): the session ends quietly."""


class OutputFailed(Exception):
    """The output cannot be written; the message names the file and the reason."""


def expand_time(name: str) -> str:
    """Replace the strftime(3) conversions of an output file's name by the local time now."""
    if "%" not in name:
        return name
    import time

    return time.strftime(name)


class DescriptorSink:
    """Writes bytes to an open descriptor, all of them, also to a pipe that does not block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, data: bytes) -> None:
        """Raises `OutputClosed`, `OutputFailed`."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:
                self._wait()
            except OSError as error:
                if error.errno in CLOSED_PIPE:
                    raise OutputClosed from None
                raise OutputFailed(f"cannot write the output: {error.strerror}") from None

    def _wait(self) -> None:
        waiting = poll()
        waiting.register(self.fd, POLLOUT)
        events = waiting.poll(1000)
        if events and events[0][1] & (POLLERR | POLLHUP | POLLNVAL):
            raise OutputClosed

    def close(self) -> None:
        """The descriptor belongs to whoever opened it."""


class FileSink:
    """Writes to a file named by `-o`; `switch` goes on to the next one, NAME.1, NAME.2 and so on.

    With `limit` (bytes) it switches before a file would grow past that; files are NAME.0, NAME.1, ... then, and only
    the newest `keep` stay (0: all). Conversions of strftime(3) in the name are replaced when the file is opened.
    """

    def __init__(self, name: str, limit: int = 0, keep: int = 0) -> None:
        self._name = name
        self._limit = limit
        self._keep = keep
        self._number = 0
        self._size = 0
        self._kept: list[str] = []
        self._sink = self._open()

    def _open(self) -> DescriptorSink:
        name = expand_time(self._name)
        if self._number or self._limit:
            name = f"{name}.{self._number}"
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputFailed(f"cannot open the output file {name}: {error.strerror}") from None
        self._size = 0
        self._kept.append(name)
        if self._keep and len(self._kept) > self._keep:
            oldest = self._kept.pop(0)
            if oldest not in self._kept:
                _remove(oldest)
        return DescriptorSink(fd)

    def switch(self) -> None:
        """Close the file and go on with the next one."""
        os.close(self._sink.fd)
        self._number += 1
        self._sink = self._open()

    def write(self, data: bytes) -> None:
        """Raises `OutputFailed`."""
        while self._limit and self._size + len(data) > self._limit:
            room = self._limit - self._size
            cut = data.rfind(b"\n", 0, room) + 1
            if not cut and not self._size:
                cut = room  # a line longer than a whole file
            self._sink.write(data[:cut])
            data = data[cut:]
            self.switch()
        self._sink.write(data)
        self._size += len(data)

    def close(self) -> None:
        if self._sink.fd >= 0:
            os.close(self._sink.fd)
            self._sink.fd = -1


class CallbackSink:
    """Hands every piece of output to a function."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write

    def close(self) -> None:
        """There is nothing to close."""


def _remove(name: str) -> None:
    try:
        os.unlink(name)
    except OSError:
        return


Sink = DescriptorSink | FileSink | CallbackSink


class Output:
    """The script's output stream. `write` takes text, `flush` brings it to the sink.

    When the sink fails, what comes later is thrown away and `on_failure` is called, once, with the reason ("" when the
    reader has gone). `mirror`, when it is set, gets the bytes instead of the sink (a session that was left running).
    """

    def __init__(self, sink: Sink, on_failure: Callable[[str], None]) -> None:
        self.sink = sink
        self.mirror: Callable[[bytes], None] | None = None
        self.closed = False
        self.held = False
        """Set while a lock is held: nothing is written then, because a slow reader would prolong it."""
        self._on_failure = on_failure
        self._pieces: list[str] = []
        self._count = 0

    def write(self, text: str) -> None:
        """Add text; it is written when much has gathered."""
        self._pieces.append(text)
        self._count += len(text) + 16
        if self._count > FLUSH_SIZE and not self.held:
            self.flush()

    def flush(self) -> None:
        """Write all that has gathered."""
        if not self._pieces:
            return
        data = "".join(self._pieces).encode("latin-1", "replace")
        self._pieces.clear()
        self._count = 0
        if self.closed:
            return
        try:
            if self.mirror is not None:
                self.mirror(data)
            else:
                self.sink.write(data)
        except OutputClosed:
            self._fail("")
        except OutputFailed as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        self.closed = True
        self._on_failure(reason)

    def switch_file(self) -> None:
        """Go on with the next output file; nothing happens for standard output."""
        self.flush()
        if isinstance(self.sink, FileSink) and not self.closed:
            try:
                self.sink.switch()
            except OutputFailed as error:
                self._fail(str(error))

    def close(self) -> None:
        self.sink.close()
