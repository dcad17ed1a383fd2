"""The text of /proc/kallsyms: the kernel needs 40 ms to write it, so it is read once for all that a start asks of it.

A line is "ffffffff81000000 T _text" or "ffffffffc0001000 t name<tab>[module]".
"""

from __future__ import annotations

import os

from .lean import Callable

PATH = "/proc/kallsyms"
_kept: dict[tuple[str, int], bytes] = {}
"""What was read, by path and the process that read it: one that was forked later may see other modules."""
_expected: list[Callable[[], bytes]] = []


def symbols_text(path: str = PATH) -> bytes:
    """Return the symbols as they were when they were first read; b"" where they cannot be read."""
    key = path, os.getpid()
    text = _kept.get(key)
    if text is None:
        text = _expected.pop()() if _expected and path == PATH else b""
        text = _kept[key] = text or read(path)
    return text


def read(path: str = PATH) -> bytes:
    """Return the symbols as they are now; b"" where they cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def expect(fetch: Callable[[], bytes]) -> None:
    """Let somebody else read the symbols: `fetch` waits for them and gives b"" when they are to be read here."""
    _expected[:] = [fetch]


def forget() -> None:
    """Let go of what was read: 10 MB that nobody asks for while a script runs, and that gets out of date."""
    _kept.clear()
    _expected.clear()
