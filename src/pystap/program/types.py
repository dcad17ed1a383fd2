"""The types of the language and the sizes that strings get."""

from __future__ import annotations

from ..lean import Enum


class Type(Enum):
    """What a value is. UNKNOWN stands only while types are being inferred."""

    UNKNOWN = "unknown"
    LONG = "long"
    STRING = "string"
    STATISTIC = "stats"

    def __str__(self) -> str:
        return self.value


LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1

COMM_WIDTH = 15
"""The longest name of a task in bytes (TASK_COMM_LEN - 1 in include/linux/sched.h)."""


BLOCK_WIDTH = -1
"""The width, among those of an event's fields, that marks a block of memory (program/user_memory.py)."""


def wrap_long(value: int) -> int:
    """Return `value` reduced to a signed 64-bit integer, as the hardware does."""
    return ((value + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def buffer_size(width: int) -> int:
    """Return the bytes that a kernel buffer for strings of at most `width` bytes takes: with a NUL, a multiple of 8.

    The rest of a buffer behind the string is always zero, so that buffers compare and hash as wholes.
    """
    return (width + 8) & ~7
