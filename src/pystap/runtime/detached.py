"""Sessions that go on without their terminal: left running by SIGQUIT, `stap -F` or `staprun -L`.

A session that is left running goes on in a child process of its own session. It keeps the newest output in memory (a
flight recorder) and listens on a socket NAME.sock in its user's folder; `staprun -A NAME` gets what was kept, then what
comes, and `staprun -d NAME` ends the session. One that ends while nobody is attached waits for someone to fetch its
output.

On the socket the session sends frames: a kind (`o` output, `e` text for standard error, `x` exit status as text), the
length as u32, the bytes. The client sends single letters: `q` end the session, `k` end it and forget its output.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from contextlib import suppress
from select import POLLIN, poll
from struct import Struct

from .session import Session
from .signals import SignalWatch

KEPT_BYTES = 1 << 24
"""How much output a session keeps while nobody is attached, in bytes."""

_HEAD = Struct("=cI")
_SUFFIX = ".sock"
_SEND_SECONDS = 10.0


class NoSession(Exception):
    """There is no such session; the message says so."""


def socket_path(folder: str, name: str) -> str:
    return f"{folder}/{name}{_SUFFIX}"


class Keeper:
    """Holds the output of a session that was left running and serves whoever attaches. Raises `OSError` when made."""

    def __init__(self, session: Session, folder: str, name: str) -> None:
        self.name = name
        self._session = session
        self._path = socket_path(folder, name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(self._path)
            self._listener.listen(4)
        except OSError:
            self._listener.close()
            raise
        self._kept: deque[tuple[bytes, bytes]] = deque()
        self._kept_bytes = 0
        self._client: socket.socket | None = None
        self._forget = False

    def take_over(self) -> None:
        """Send messages, and output that has no file, here; serve the socket from the session's event loop."""
        if not self._session.options.output:
            self._session.output.mirror = lambda data: self._send(b"o", data)
        self._session.report.mirror = lambda text: self._send(b"e", text.encode(errors="replace"))
        self._session.watch(self._listener.fileno(), self._accept)

    def _send(self, kind: bytes, data: bytes) -> None:
        if self._client is not None:
            try:
                self._client.sendall(_HEAD.pack(kind, len(data)) + data)
                return
            except OSError:
                self._drop_client()
        self._kept.append((kind, data))
        self._kept_bytes += len(data)
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popleft()[1])

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.settimeout(_SEND_SECONDS)
        if self._client is not None:
            text = f"ERROR: someone is attached to {self.name} already\n".encode()
            with suppress(OSError), client:
                client.sendall(_HEAD.pack(b"e", len(text)) + text + _HEAD.pack(b"x", 1) + b"1")
            return
        self._client = client
        self._session.watch(client.fileno(), self._command)
        kept = list(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        for kind, data in kept:
            self._send(kind, data)

    def _command(self) -> None:
        assert self._client is not None
        try:
            word = self._client.recv(1)
        except OSError:
            word = b""
        if word in (b"q", b"k"):
            self._forget = word == b"k"
            self._session.end()
        elif not word:
            self._drop_client()

    def _drop_client(self) -> None:
        if self._client is not None:
            self._session.unwatch(self._client.fileno())
            self._client.close()
            self._client = None

    def finish(self, status: int, watch: SignalWatch) -> None:
        """Hand over what is kept and the exit status, waiting for someone to attach; then remove the socket."""
        try:
            while self._client is None and not self._forget and not watch.ending:
                waiting = poll()
                waiting.register(self._listener.fileno(), POLLIN)
                waiting.register(watch.fileno(), POLLIN)
                for fd, _ in waiting.poll():
                    if fd == self._listener.fileno():
                        self._accept()
                    else:
                        watch.clear()
            self._send(b"x", str(status).encode())
        finally:
            self.close()

    def close(self) -> None:
        """Remove the socket."""
        self._drop_client()
        self._listener.close()
        with suppress(OSError):
            os.unlink(self._path)


def leave_terminal() -> int:
    """Fork: returns 0 in the child, which has its own session and no terminal, and the child's pid in the parent."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
    return pid


def _connect(folder: str, name: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.connect(socket_path(folder, name))
    except OSError:
        client.close()
        if os.path.exists(socket_path(folder, name)):
            with suppress(OSError):  # its process is gone
                os.unlink(socket_path(folder, name))
        raise NoSession(f"there is no session '{name}' to attach to") from None
    return client


def session_names(folder: str) -> list[str]:
    """Return the names of the sessions that were left running."""
    try:
        return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX))
    except OSError:
        return []


def delete(folder: str, name: str) -> None:
    """End a session that was left running ("*": all of them) and forget its output. Raises `NoSession`."""
    if name != "*":
        _delete_one(folder, name)
        return
    for each in session_names(folder):
        with suppress(NoSession):
            _delete_one(folder, each)


def _delete_one(folder: str, name: str) -> None:
    with _connect(folder, name) as client, suppress(ConnectionError):  # one that has ended hangs up by itself
        client.sendall(b"k")
        while client.recv(1 << 16):
            pass


def attach(folder: str, name: str) -> int:
    """Show the output of a session that was left running until it ends; returns its exit status.

    Ctrl-C ends the session, SIGQUIT leaves it running again (status 0). Raises `NoSession`.
    """
    with _connect(folder, name) as client:

        def ask_for_end() -> None:
            with suppress(OSError):
                client.sendall(b"q")

        with SignalWatch(ask_for_end, lambda: None) as watch:
            frames = _Frames()
            waiting = poll()
            waiting.register(client.fileno(), POLLIN)
            waiting.register(watch.fileno(), POLLIN)
            while frames.status is None:
                for fd, _ in waiting.poll():
                    if fd == watch.fileno():
                        watch.clear()
                    elif not frames.receive(client):
                        return 1
                if watch.detach:
                    return 0
            return frames.status


class _Frames:
    """Takes the stream of a session apart and shows it."""

    def __init__(self) -> None:
        self._data = b""
        self.status: int | None = None

    def receive(self, client: socket.socket) -> bool:
        """Handle what has come; False when the session has gone."""
        received = client.recv(1 << 16)
        self._data += received
        while len(self._data) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._data)
            end = _HEAD.size + length
            if len(self._data) < end:
                break
            payload, self._data = self._data[_HEAD.size : end], self._data[end:]
            if kind == b"x":
                self.status = int(payload)
            else:
                _write_all(2 if kind == b"e" else 1, payload)
        return bool(received)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
