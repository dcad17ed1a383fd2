"""Decoders of calls on files."""

from __future__ import annotations

from . import Decoder, u32
from .decode_basic import octal
from .names import flags_text

_ACCESS = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")
_O_CREAT, _TMPFILE = 0o100, 0o20000000
_OPEN = {
    0o100: "O_CREAT", 0o200: "O_EXCL", 0o400: "O_NOCTTY", 0o1000: "O_TRUNC", 0o2000: "O_APPEND", 0o4000: "O_NONBLOCK",
    0o4010000: "O_SYNC", 0o10000: "O_DSYNC", 0o20000: "O_ASYNC", 0o40000: "O_DIRECT", 0o100000: "O_LARGEFILE",
    0o20200000: "O_TMPFILE", 0o200000: "O_DIRECTORY", 0o400000: "O_NOFOLLOW", 0o1000000: "O_NOATIME",
    0o2000000: "O_CLOEXEC", 0o10000000: "O_PATH",
}  # fmt: skip
"""include/uapi/asm-generic/fcntl.h"""


def open_flags(value: int) -> str:
    """Return the flags of open(2): the access mode, then the others."""
    value = u32(value)
    access = _ACCESS[value & 3]
    rest = value & ~3
    return f"{access}|{flags_text(rest, _OPEN)}" if rest else access


def open_mode(mode: int, flags: int) -> str | None:
    """Return the mode of open(2), which counts only for a file that may be made."""
    return octal(mode) if flags & (_O_CREAT | _TMPFILE) else None


DECODERS = (Decoder("open_flags", open_flags), Decoder("open_mode", open_mode, width=12))
