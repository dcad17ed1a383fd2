"""The records that kernel programs put into the ring buffer, byte by byte (native byte order).

    0   u32   event number; ERROR_EVENTS + i for entry i of the image's error table; GROUP_END
    4   u32   group: 0 for a record that stands alone, else the key of a handler run with several records
              (bits 0-30, never 0), GROUP_START set in its first
    8   ...   fields: a long is 8 bytes, a string its buffer_size(width), zeros behind the string
    ...       the blocks of memory (program/user_memory.py) among the fields, each as long as it is

The records of one handler run are shown together although other CPUs' records lie between them. A GROUP_END record
closes a group; its one long field says how many records the group has, so that a group that lost one is recognised.
An error event has one long field, the value that its message may name (an address, an index).
"""

from __future__ import annotations

from ..lean import Sequence
from ..program.types import BLOCK_WIDTH, Type, buffer_size

HEADER_SIZE = 8
ERROR_EVENTS = 0x4000_0000
GROUP_END = 0x7FFF_FFFF
GROUP_START = 0x8000_0000

EVENTS_MAP = "events"
"""The name of the ring buffer map."""


def _size(kind: Type, width: int) -> int:
    if width == BLOCK_WIDTH:
        return 0
    return buffer_size(width) if kind is Type.STRING else 8


def field_sizes(types: Sequence[Type], widths: Sequence[int]) -> list[int]:
    """Return the bytes that each field takes in the fixed part of a record: none for a block."""
    return [_size(kind, width) for kind, width in zip(types, widths, strict=True)]


def record_size(types: Sequence[Type], widths: Sequence[int]) -> int:
    """Return the bytes of a whole record with these fields, without blocks."""
    return HEADER_SIZE + sum(field_sizes(types, widths))


def struct_format(types: Sequence[Type], widths: Sequence[int]) -> str:
    """Return the `struct` format of a record, its header skipped: longs as q, string buffers as Ns, blocks left out."""
    sizes = field_sizes(types, widths)
    return "=8x" + "".join(f"{n}s" if kind is Type.STRING else "q" for kind, n in zip(types, sizes, strict=True) if n)
