"""The line that says how far attaching is."""

from __future__ import annotations

import contextlib
import os
import pty
from collections.abc import Iterator

import pytest

from pystap.runtime import progress


@contextlib.contextmanager
def terminal_there() -> Iterator[int]:
    """A terminal in place of standard error; gives the end that reads what is written there."""
    master, slave = pty.openpty()
    saved = os.dup(2)
    os.dup2(slave, 2)
    os.close(slave)
    try:
        yield master
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(master)


def written(terminal: int) -> bytes:
    """Return what was written so far."""
    os.write(2, b"$")
    text = b""
    while not text.endswith(b"$"):
        text += os.read(terminal, 1000)
    return text[:-1]


def test_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    with terminal_there() as terminal:
        with progress.Progress("attaching probes", 1000) as slow:
            slow.advance(400)
            assert written(terminal) == b"\rattaching probes: 400 of 1000"
        assert written(terminal) == b"\r" + b" " * len("attaching probes: 400 of 1000") + b"\r"


def test_quick() -> None:
    with terminal_there() as terminal, progress.Progress("attaching probes", 3) as quick:
        quick.advance(3)
        assert written(terminal) == b""


def test_no_terminal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    with progress.Progress("attaching probes", 1000) as hidden:
        hidden.advance(400)
    assert capfd.readouterr().err == ""
