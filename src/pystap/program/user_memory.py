"""What a handler reads of a task's memory in one go, and the block of bytes that it sends (native byte order):

    0   u64   bytes that follow, a multiple of 8
    8   ...   for each read of the plan:  s64 length, or below 0 where memory could not be read;  the bytes, padded to 8

A read of "texts" gives the strings one behind the other, each with its NUL, one of "pointers" a long, their number; a
byte 1 ends both where more would follow.
"""

from __future__ import annotations

from struct import Struct

from ..lean import Literal, Sequence
from ..records import dataclass

_LONG = Struct("=q")


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that a decoder reads: at the address that its first argument holds, at most `size` bytes
    (512, of "texts" 896).

    "bytes": `size` bytes; with `count`, as many elements of `each` bytes as that argument of the decoder says, if that
    is less. "text": up to its NUL. "texts": the strings that an array of pointers names, up to its null pointer (argv).
    "pointers": how many pointers such an array has.

    With `at` the address is not the argument: it is the pointer at that offset of the bytes that the decoder's read
    before this one gave; `length_at` is the offset there of a long that limits the size.
    """

    kind: Literal["bytes", "text", "texts", "pointers"]
    size: int
    count: int | None = None
    each: int = 1
    at: int | None = None
    length_at: int | None = None


COMPAT_CALL = 1 << 32
"""Added to the number of a system call that came through a 32-bit entry."""


@dataclass(frozen=True, slots=True)
class UserRead:
    """A `Memory` with the numbers of the call's arguments in place of the decoder's: `address` and `count`.

    `word` is the size of a pointer and a long there, 8 or 4.
    """

    memory: Memory
    address: int
    count: int | None = None
    word: int = 8


def block_parts(block: bytes, reads: Sequence[UserRead]) -> list[bytes | None]:
    """Return what each read of a plan gave; None for what could not be read."""
    parts: list[bytes | None] = []
    offset, end = 8, 8 + _LONG.unpack_from(block)[0]
    for _ in reads:
        if offset >= end:
            parts.append(None)
            continue
        (length,) = _LONG.unpack_from(block, offset)
        offset += 8
        if length < 0:
            parts.append(None)
            continue
        parts.append(block[offset : offset + length])
        offset += (length + 7) & ~7
    return parts
