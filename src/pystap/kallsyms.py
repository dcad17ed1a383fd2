"""The text of /proc/kallsyms: the kernel needs 40 ms to write it, so it is read once for all that a start asks of it.

A line is "ffffffff81000000 T _text" or "ffffffffc0001000 t name<tab>[module]".
"""

from __future__ import annotations

import os

PATH = "/proc/kallsyms"
_kept: dict[tuple[str, int], bytes] = {}
"""What was read, by path and the process that read it: one that was forked later may see other modules."""


def symbols_text(path: str = PATH) -> bytes:
    """Return the symbols as they were when they were first read; b"" where they cannot be read."""
    key = path, os.getpid()
    text = _kept.get(key)
    if text is None:
        try:
            with open(path, "rb", buffering=0) as file:
                text = file.readall()
        except OSError:
            return b""
        _kept[key] = text
    return text


def forget() -> None:
    """Let go of what was read: 10 MB that nobody asks for while a script runs, and that gets out of date."""
    _kept.clear()
