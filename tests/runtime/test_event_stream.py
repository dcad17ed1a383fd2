"""Records, groups and losses, without a kernel."""

from __future__ import annotations

import struct
from typing import cast

from pystap.abi.event_layout import ERROR_EVENTS, GROUP_END, GROUP_START
from pystap.loader.ringbuf import RingBuffer
from pystap.runtime.event_stream import EventStream


class Records:
    """Stands for a ring buffer that holds these records."""

    def __init__(self, *records: bytes) -> None:
        self.records = list(records)

    def read(self, into: list[bytes], max_records: int) -> int:
        count = min(max_records, len(self.records))
        into += self.records[:count]
        del self.records[:count]
        return count


def record(number: int, group: int, value: int) -> bytes:
    return struct.pack("=IIq", number, group, value)


def shown(*records: bytes, stop_at: int | None = None) -> tuple[list[int], int]:
    """Return the values that the handlers of events 0 and 1 got, and the number of records left out."""
    seen: list[int] = []

    def handler(raw: bytes) -> None:
        seen.append(struct.unpack_from("=q", raw, 8)[0])

    stream = EventStream(
        cast(RingBuffer, Records(*records)),
        [handler, handler],
        lambda number, value: seen.append(1000 * (number + 1) + value),
        lambda: stop_at in seen,
    )
    while stream.read():
        pass
    stream.finish()
    return seen, stream.lost_records


def test_records_keep_their_order_and_errors_stand_among_them() -> None:
    assert shown(record(0, 0, 1), record(ERROR_EVENTS + 2, 0, 5), record(1, 0, 2)) == ([1, 3005, 2], 0)


def test_a_group_is_shown_in_one_piece_when_it_is_closed() -> None:
    records = (
        record(0, GROUP_START | 7, 1),
        record(0, GROUP_START | 9, 10),
        record(1, 7, 2),
        record(0, 0, 100),
        record(GROUP_END, 7, 2),
        record(GROUP_END, 9, 1),
    )
    assert shown(*records) == ([100, 1, 2, 10], 0)


def test_a_group_that_lost_a_record_is_left_out() -> None:
    middle = (record(0, GROUP_START | 7, 1), record(GROUP_END, 7, 2))
    first = (record(0, 8, 1), record(GROUP_END, 8, 2))
    end = (record(0, GROUP_START | 9, 1), record(0, GROUP_START | 9, 4), record(GROUP_END, 9, 1))
    assert shown(*middle, *first, *end, record(0, GROUP_START | 3, 5)) == ([4], 2)


def test_what_lies_behind_the_end_of_the_session_is_not_shown() -> None:
    assert shown(record(0, 0, 1), record(0, 0, 2), record(0, 0, 3), stop_at=2)[0] == [1, 2]


def test_the_group_that_ends_the_session_is_shown_whole() -> None:
    records = (record(0, GROUP_START | 7, 1), record(0, 7, 2), record(GROUP_END, 7, 2), record(0, 0, 3))
    assert shown(*records, stop_at=1)[0] == [1, 2]
