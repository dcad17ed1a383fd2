"""The kernel's stream of what processes do to their memory: fork, exec, mappings of code, exit (perf_event_open(2)).

One dummy software event on each CPU writes records into a buffer of its own; they carry times of CLOCK_MONOTONIC.
Layouts: the kernel's include/uapi/linux/perf_event.h.
"""

from __future__ import annotations

import mmap
import os
import struct
from time import monotonic_ns

from ..lean import Iterable
from ..records import dataclass
from .errors import CAP_PERFMON, refusal
from .links import TYPE_SOFTWARE
from .syscalls import PERF_ATTR_SIZE, PERF_EVENT_IOC_ENABLE, ioctl, perf_event_open

_DUMMY = 9
_SAMPLE_TID, _SAMPLE_TIME = 1 << 1, 1 << 2
_DISABLED, _MMAP, _COMM, _TASK, _ID_ALL, _MMAP2, _COMM_EXEC, _CLOCK = (1 << n for n in (0, 8, 9, 13, 18, 23, 24, 25))
_CLOCK_MONOTONIC = 1
_ATTR = struct.Struct("<IIQQQQQIIQQQQIi")
_PAGES = 64
_HEAD, _TAIL = 1024, 1032
_HEADER = struct.Struct("=IHH")
_LOST, _COMM_RECORD, _EXIT, _FORK, _MMAP2_RECORD = 2, 3, 4, 7, 10
_EXEC_MARK = 1 << 13
_IDS = struct.Struct("=II")
_FORK_BODY = struct.Struct("=IIII")
_MMAP_BODY = struct.Struct("=IIQQQIIQQII")
_TIME = struct.Struct("=Q")


@dataclass(frozen=True, slots=True)
class Forked:
    time: int
    pid: int
    parent: int


@dataclass(frozen=True, slots=True)
class Executed:
    time: int
    pid: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """A process has mapped code: `length` bytes at `start`, from byte `offset` of the file `path`."""

    time: int
    pid: int
    start: int
    length: int
    offset: int
    path: str


@dataclass(frozen=True, slots=True)
class Missed:
    """The buffer was full: `count` records are missing before this time."""

    time: int
    count: int


ProcessEvent = Forked | Executed | Mapped | Missed


class ProcessEvents:
    """The stream of one session. Raises `KernelRefused`."""

    def __init__(self, cpus: Iterable[int]) -> None:
        flags = _DISABLED | _MMAP | _COMM | _TASK | _ID_ALL | _MMAP2 | _COMM_EXEC | _CLOCK
        attr = _ATTR.pack(
            TYPE_SOFTWARE, PERF_ATTR_SIZE, _DUMMY, 0, _SAMPLE_TID | _SAMPLE_TIME, 0, flags, 0, 0, 0, 0, 0, 0, 0,
            _CLOCK_MONOTONIC,
        )  # fmt: skip
        self._rings: list[tuple[int, mmap.mmap]] = []
        self._waiting: list[ProcessEvent] = []
        try:
            for cpu in cpus:
                fd = perf_event_open(attr, -1, cpu)
                try:
                    ring = mmap.mmap(
                        fd, (1 + _PAGES) * mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
                    )
                except OSError:
                    os.close(fd)
                    raise
                self._rings.append((fd, ring))
            for fd, _ in self._rings:
                ioctl(fd, PERF_EVENT_IOC_ENABLE)
        except OSError as error:
            self.close()
            raise refusal("follow the mappings of processes", error.errno or 0, (CAP_PERFMON,)) from None

    def read(self) -> list[ProcessEvent]:
        """Return what has happened, in the order of time; what is newer than the call waits for the next."""
        until = monotonic_ns()
        for _, ring in self._rings:
            self._read_ring(ring)
        self._waiting.sort(key=lambda event: event.time)
        done = [event for event in self._waiting if event.time < until]
        self._waiting = self._waiting[len(done) :]
        return done

    def _read_ring(self, ring: mmap.mmap) -> None:
        (head,) = _TIME.unpack_from(ring, _HEAD)
        (tail,) = _TIME.unpack_from(ring, _TAIL)
        size, page = _PAGES * mmap.PAGESIZE, mmap.PAGESIZE
        while tail < head:
            start = tail % size
            kind, misc, length = _HEADER.unpack_from(ring, page + start)
            record = ring[page + start : page + min(start + length, size)]
            if start + length > size:
                record += ring[page : page + start + length - size]
            event = _event(kind, misc, record)
            if event is not None:
                self._waiting.append(event)
            tail += length
        _TIME.pack_into(ring, _TAIL, tail)

    def close(self) -> None:
        """End the stream. May be called again."""
        while self._rings:
            fd, ring = self._rings.pop()
            ring.close()
            os.close(fd)


def _event(kind: int, misc: int, record: bytes) -> ProcessEvent | None:
    """Return what a record says; None where it does not matter: threads, exits, new names."""
    (time,) = _TIME.unpack_from(record, len(record) - 8)
    if kind == _MMAP2_RECORD:
        pid, _, start, length, offset, *_ = _MMAP_BODY.unpack_from(record, 8)
        name = record[8 + _MMAP_BODY.size : -16].partition(b"\0")[0]
        return Mapped(time, pid, start, length, offset, os.fsdecode(name))
    if kind == _FORK:
        pid, parent, _, _ = _FORK_BODY.unpack_from(record, 8)
        return Forked(time, pid, parent) if pid != parent else None
    if kind == _COMM_RECORD and misc & _EXEC_MARK:
        return Executed(time, _IDS.unpack_from(record, 8)[0])
    if kind == _LOST:
        return Missed(time, _TIME.unpack_from(record, 16)[0])
    return None
