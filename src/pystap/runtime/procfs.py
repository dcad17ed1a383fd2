"""The files of procfs probes, as named pipes, and the standard input of input probes.

A pipe that a handler fills is looked at every POLL_NS: opening it for writing succeeds once somebody waits to read.
Each reader has a pipe of its own, because a new one takes the path before the first is filled: what it reads is whole,
and ends. A pipe that others write to stays open here, so that the event loop sees when there is something in it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from time import monotonic_ns

from ..abi.session_image import HandlerLayout
from ..lean import Callable, Sequence, suppress
from ..program.attach import ProcFile, StandardInput
from ..program.open_file import OpenFile
from .event_loop import EventLoop

POLL_NS = 20_000_000
_CHUNK = 65536


class SessionFiles:
    """The pipes below `folder` and the standard input, for the handlers that are about them.

    `run` runs a handler; it reads and fills `open_file`. `size` is the longest text where a probe does not say. Raises
    OSError when a pipe cannot be made.
    """

    def __init__(
        self,
        handlers: Sequence[HandlerLayout],
        folder: str,
        size: int,
        open_file: OpenFile,
        run: Callable[[HandlerLayout], object],
    ) -> None:
        self.folder = folder
        self._size = size
        self._open_file = open_file
        self._run = run
        self._read: list[tuple[str, int, HandlerLayout]] = []
        self._made: list[str] = []
        self._descriptors: list[int] = []
        self._inputs: list[tuple[str, HandlerLayout]] = []
        self._line = ""
        self._terminal: object = None
        self._next = monotonic_ns()
        self._written: list[tuple[int, HandlerLayout]] = []
        files: dict[str, int] = {}
        for handler in handlers:
            match handler.attach:
                case ProcFile(path=path, mode=mode):
                    files[path] = files.get(path, 0) | mode
                case StandardInput(unit=unit):
                    self._inputs.append((unit, handler))
                case _:
                    pass
        for path, mode in files.items():
            self._make(path, mode)
        for handler in handlers:
            if isinstance(handler.attach, ProcFile):
                self._open(f"{folder}/{handler.attach.path}", files[handler.attach.path], handler)

    def _make(self, path: str, mode: int) -> None:
        whole = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(whole), mode=0o755, exist_ok=True)
        with suppress(FileNotFoundError):
            os.unlink(whole)
        _make_pipe(whole, mode)
        self._made.append(whole)

    def _open(self, path: str, mode: int, handler: HandlerLayout) -> None:
        attach = handler.attach
        assert isinstance(attach, ProcFile)
        if attach.direction == "read":
            self._read.append((path, mode, handler))
            return
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # also a writer: no end when others have gone
        self._descriptors.append(fd)
        self._written.append((fd, handler))

    def watch(self, loop: EventLoop) -> None:
        """Let the event loop wait for what is written and typed."""
        for fd, handler in self._written:
            loop.add(fd, lambda fd=fd, handler=handler: self._take(fd, handler))  # type: ignore[misc]
        if self._inputs:
            self._terminal = _one_by_one(0)
            loop.add(0, lambda: self._take_input(loop))

    def _take(self, fd: int, handler: HandlerLayout) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        attach = handler.attach
        assert isinstance(attach, ProcFile)
        size = attach.size or self._size
        *lines, rest = data.split(b"\n")  # several commands may have come since the pipe was looked at
        for line in (*(line + b"\n" for line in lines), rest):
            for start in range(0, len(line), size):
                self._open_file.text = line[start : start + size].decode("latin-1")
                self._run(handler)

    def _take_input(self, loop: EventLoop) -> None:
        try:
            data = os.read(0, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            loop.remove(0)
        for byte in data:
            character = chr(byte)
            self._give_input("char", character)
            if len(self._line) < self._size - 1 or character == "\n":
                self._line += character
            if character == "\n":
                self._give_input("line", self._line)
                self._line = ""

    def _give_input(self, unit: str, text: str) -> None:
        for wanted, handler in self._inputs:
            if wanted == unit:
                self._open_file.text = text
                self._run(handler)

    # ------------------------------------------------------------------------------------------- reading

    def next_due(self) -> int | None:
        """Return when `serve` is to be called next, in ns of CLOCK_MONOTONIC; None: never."""
        return self._next if self._read else None

    def serve(self) -> None:
        """Fill the pipes that somebody waits to read."""
        if not self._read or monotonic_ns() < self._next:
            return
        for path, mode, handler in self._read:
            try:
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno in (errno.ENXIO, errno.ENOENT):  # nobody reads; somebody removed it
                    continue
                raise
            try:
                self._fill(fd, path, mode, handler)
            finally:
                os.close(fd)
        self._next = monotonic_ns() + POLL_NS

    def _fill(self, fd: int, path: str, mode: int, handler: HandlerLayout) -> None:
        _make_pipe(path, mode)
        attach = handler.attach
        assert isinstance(attach, ProcFile)
        file = self._open_file
        file.text, file.size = "", attach.size or self._size
        self._run(handler)
        data = file.text.encode("latin-1", "replace")
        with suppress(OSError):
            if len(data) > _CHUNK:
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, len(data))
        with suppress(BrokenPipeError, BlockingIOError):
            os.write(fd, data)

    def close(self) -> None:
        """Remove the pipes, and give the terminal its ways back."""
        for fd in self._descriptors:
            os.close(fd)
        self._descriptors.clear()
        folders = {os.path.dirname(path) for path in self._made} | {self.folder}
        for path in self._made:
            with suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # whoever still waits to read finds the end
            with suppress(OSError):
                os.unlink(path)
        self._made.clear()
        for folder in sorted(folders, key=len, reverse=True):
            with suppress(OSError):
                os.rmdir(folder)
        if self._terminal is not None:
            import termios

            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, self._terminal)  # type: ignore[arg-type]
            self._terminal = None


def _make_pipe(path: str, mode: int) -> None:
    """Make a pipe, or put a new one in the place of an old one."""
    new = f"{path}.new"
    os.mkfifo(new)
    os.chmod(new, mode)
    os.rename(new, path)


def _one_by_one(fd: int) -> object:
    """Have a terminal pass on each character as it is typed; returns how it was set, None for what is no terminal."""
    if not os.isatty(fd):
        return None
    import termios

    old = termios.tcgetattr(fd)
    new = [*old]
    new[3] &= ~termios.ICANON
    termios.tcsetattr(fd, termios.TCSADRAIN, new)
    return old


def files_folder(name: str) -> str:
    """Return the folder for the files of a session: one that only this user can write to."""
    user = os.geteuid()
    base = "/run" if user == 0 else os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    return f"{base}/pystap/{name}"
