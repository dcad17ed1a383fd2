"""The records of the ring buffer on their way to the event functions (abi/event_layout.py).

Records are handled in the order in which they were reserved. Those of a group wait until the group is closed, then run
one behind the other, so that what one handler run prints is not torn apart by other CPUs. A group that lost a record is
left out as a whole and counted: what arrives is never half of a line.
"""

from __future__ import annotations

from struct import Struct

from ..abi.event_layout import ERROR_EVENTS, GROUP_END, GROUP_START, HEADER_SIZE
from ..abi.stack_records import FIRST_STACK_RECORD
from ..lean import Callable, Sequence
from ..loader.ringbuf import RingBuffer
from .event_loop import BATCH

_HEADER = Struct("=II")
_LONG = Struct("=q")
_KEY = GROUP_START - 1
_MOST_AHEAD = 16
"""How many batches are looked through at most: programs may send faster than they are read."""

Handler = Callable[[bytes], object]
"""Runs one event's body with its record; handles what the body raises."""


class EventStream:
    """Reads records and hands each to its handler, by event number; error events go to `on_error(number, value)`.

    `handlers` are indexed by event number. `stopped()` says that a handled record ended the session: what lies behind
    it in the buffer is not handled any more, except the rest of its group. `on_stack` gets the records of stacks.
    """

    def __init__(
        self,
        buffer: RingBuffer,
        handlers: Sequence[Handler | None],
        on_error: Callable[[int, int], None],
        stopped: Callable[[], bool],
        on_stack: Callable[[int, bytes], object] | None = None,
    ) -> None:
        self._buffer = buffer
        self._handlers = handlers
        self._on_error = on_error
        self._stopped = stopped
        self._on_stack = on_stack
        self._groups: dict[int, list[bytes]] = {}
        self._incomplete: set[int] = set()
        self._ahead: list[bytes] = []
        self.lost_records = 0
        """Records that arrived and were left out with their group; the kernel counts those that did not arrive."""

    def read(self) -> int:
        """Handle up to BATCH records; returns how many there were."""
        records, self._ahead = self._ahead, []
        count = len(records)
        if not records:
            count = self._buffer.read(records, BATCH)
        handlers, unpack = self._handlers, _HEADER.unpack_from
        for index, record in enumerate(records):
            number, group = unpack(record)
            if group:
                self._grouped(number, group, record)
            elif number < ERROR_EVENTS:
                handler = handlers[number]
                if handler is not None:
                    handler(record)
            else:
                self._other(number, record)
            if self._stopped():
                break
            if self._ahead:
                self._ahead = records[index + 1 :] + self._ahead
                break
        return count

    def look_ahead(self) -> None:
        """Take the stacks out of what has been sent and not read yet; the other records wait for `read`."""
        records: list[bytes] = []
        for _ in range(_MOST_AHEAD):
            if not self._buffer.read(records, BATCH):
                break
            for record in records:
                number, _ = _HEADER.unpack_from(record)
                if FIRST_STACK_RECORD <= number < GROUP_END:
                    self._other(number, record)
                else:
                    self._ahead.append(record)
            records.clear()

    def finish(self) -> None:
        """Forget the groups that were never closed and count them: no program runs any more."""
        for records in self._groups.values():
            self._leave_out(records, closed=False)
        self._groups.clear()

    def _leave_out(self, records: list[bytes], closed: bool) -> None:
        """Count a group's records as lost. The record that would have closed it is no output, but was counted."""
        self.lost_records += len(records) if closed else max(len(records) - 1, 0)

    def _other(self, number: int, record: bytes) -> None:
        if number >= FIRST_STACK_RECORD:
            if self._on_stack is not None:
                self._on_stack(number, record)
            return
        self._on_error(number - ERROR_EVENTS, _LONG.unpack_from(record, HEADER_SIZE)[0])

    def _one(self, number: int, record: bytes) -> None:
        if number >= ERROR_EVENTS:
            self._other(number, record)
            return
        handler = self._handlers[number]
        if handler is not None:
            handler(record)

    def _grouped(self, number: int, group: int, record: bytes) -> None:
        key = group & _KEY
        if number == GROUP_END:
            records = self._groups.pop(key, [])
            expected = _LONG.unpack_from(record, HEADER_SIZE)[0]
            if len(records) != expected or key in self._incomplete:
                self._incomplete.discard(key)
                self._leave_out(records, closed=True)
                return
            for waiting in records:
                self._one(_HEADER.unpack_from(waiting)[0], waiting)
            return
        if group & GROUP_START:
            if key in self._groups:  # the end of the run before was lost
                self._leave_out(self._groups[key], closed=False)
            self._incomplete.discard(key)
            self._groups[key] = [record]
        elif key in self._groups:
            self._groups[key].append(record)
        else:  # the first record was lost
            self._incomplete.add(key)
            self._groups[key] = [record]
