"""Small run-time functions that generated code calls."""

from __future__ import annotations

from struct import Struct

from ..lean import Any, Sequence
from .errors import Fault, HandlerExit, RuntimeFault
from .protocol import UserRuntime

_LONG = Struct("=q")


def set_global(holder: Any, name: str, value: Any) -> Any:
    """Assign an attribute inside an expression; return the value."""
    setattr(holder, name, value)
    return value


def stop_loop(rt: UserRuntime, fault: Fault) -> None:
    """End a loop: quietly when the user interrupts it, with `fault` when it ran for too long."""
    if rt.interrupted:
        raise HandlerExit
    raise RuntimeFault(*fault)


def table_text(table: Sequence[str], index: int, otherwise: str) -> str:
    """Return the entry of a table; outside it `otherwise`, in which a `%d` or its like takes the index."""
    if 0 <= index < len(table):
        return table[index]
    return otherwise % index if "%" in otherwise else otherwise


def buckets(counts: Sequence[int], by_count: bool, descending: bool, limit: int | None) -> list[tuple[int, int]]:
    """Return the numbers and counts of a histogram's buckets for a foreach, all of them, in the order asked for."""
    pairs = list(enumerate(counts))
    if by_count:
        pairs.sort(key=lambda pair: pair[1], reverse=descending)
    elif descending:
        pairs.reverse()
    return pairs if limit is None else pairs[: max(limit, 0)]


def split_blocks(record: bytes, start: int, count: int) -> list[bytes]:
    """Return the blocks that follow one another in a record from the offset `start` on."""
    blocks = []
    for _ in range(count):
        end = start + 8 + _LONG.unpack_from(record, start)[0]
        blocks.append(record[start:end])
        start = end
    return blocks
