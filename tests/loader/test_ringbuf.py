"""The ring buffer, filled by a program that runs on demand: one record a run, its arguments are size and number."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator

import pytest

from pystap.abi.image import MapKind, MapSpec
from pystap.loader.image import LoadedImage, load_image
from pystap.loader.programs import Program
from pystap.loader.ringbuf import RingBuffer

from .support import CELLS, body, helper, link_ir, u64

SIZE = 16384


def _send(name: str, size: int, ending: int = 132) -> str:
    """Reserves `size` bytes, writes the number, then the bytes' count; adds to cell 1 when there is no room."""
    return f"""
define i32 @{name}(ptr %ctx) "no-builtins" section "probe_{name}" {{
  %number = load i64, ptr %ctx
  %r = call ptr {helper(131)}(ptr @ring, i64 {size}, i64 0)
  %full = icmp eq ptr %r, null
  br i1 %full, label %lost, label %go
go:
  store i64 %number, ptr %r
  %end = getelementptr i8, ptr %r, i64 {size - 8}
  store i64 %number, ptr %end
  call void {helper(ending)}(ptr %r, i64 0)
  br label %out
lost:
  %cell = getelementptr i8, ptr @cells, i64 8
  %old = atomicrmw add ptr %cell, i64 1 monotonic
  br label %out
out:
  ret i32 0
}}
"""


LOOP = body(
    f"""
  %count = load i32, ptr %ctx
  %r = call i64 {helper(181)}(i32 %count, ptr @one, ptr null, i64 0)""",
    before=f"""
define internal i64 @one(i64 %i, ptr %c) "no-builtins" {{
  %r = call ptr {helper(131)}(ptr @ring, i64 16, i64 0)
  %full = icmp eq ptr %r, null
  br i1 %full, label %stop, label %go
go:
  store i64 %i, ptr %r
  %at = getelementptr i8, ptr %r, i64 8
  store i64 1, ptr %at
  call void {helper(132)}(ptr %r, i64 1)
  ret i64 0
stop:
  ret i64 1
}}""",
)


def _load(ir: str, size: int = SIZE) -> LoadedImage:
    linked = link_ir(ir, maps=("cells", "ring"), argument_counts={"one": 2})
    return load_image([CELLS, MapSpec("ring", MapKind.RINGBUF, 0, 0, size)], linked.programs.values())


@pytest.fixture
def image() -> Iterator[LoadedImage]:
    with _load(_send("small", 24) + _send("large", 1000) + _send("dropped", 40, ending=133)) as loaded:
        yield loaded


def _run(program: Program, number: int) -> None:
    program.run(u64(number))


def test_round_trip_with_wrap_around(image: LoadedImage) -> None:
    with RingBuffer(image.maps["ring"]) as ring:
        assert ring.pending == 0
        sent: list[tuple[int, int]] = []
        received: list[bytes] = []
        for number in range(400):  # 400 * (32 + 1008 + 48) bytes: around 26 times
            _run(image.programs["small"], number)
            _run(image.programs["dropped"], number)
            _run(image.programs["large"], number)
            sent += [(24, number), (1000, number)]
            if number % 10 == 9:
                passed = ring.read(received)
                assert passed == 30
        assert ring.pending == 0
        assert [(len(r), int.from_bytes(r[:8], "little")) for r in received] == sent
        assert all(r[:8] == r[-8:] for r in received)
        assert image.maps["cells"].mapping().words[1] == 0


def test_overflow_loses_the_new_and_keeps_the_old_whole(image: LoadedImage) -> None:
    with RingBuffer(image.maps["ring"]) as ring:
        for number in range(50):
            _run(image.programs["large"], number)
        lost = image.maps["cells"].mapping().words[1]
        received: list[bytes] = []
        ring.read(received)
        assert 0 < lost < 50
        assert [int.from_bytes(r[-8:], "little") for r in received] == list(range(50 - lost))
        _run(image.programs["large"], 99)
        received.clear()
        assert ring.read(received) == 1
        assert received[0][:8] == u64(99)


def test_reading_in_bounded_steps(image: LoadedImage) -> None:
    with RingBuffer(image.maps["ring"]) as ring:
        for number in range(10):
            _run(image.programs["small"], number)
        received: list[bytes] = []
        assert ring.read(received, max_records=4) == 4
        assert ring.pending == 6 * 32
        assert ring.read(received, max_records=4) == 4
        assert ring.read(received, max_records=4) == 2
        assert [r[0] for r in received] == list(range(10))


def test_scan_in_place(image: LoadedImage) -> None:
    with RingBuffer(image.maps["ring"]) as ring:
        for number in range(5):
            _run(image.programs["small"], number)
        seen: list[tuple[int, int]] = []
        ring.scan(lambda memory, at, length: seen.append((struct.unpack_from("<Q", memory, at)[0], length)))
        assert seen == [(number, 24) for number in range(5)]

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        _run(image.programs["small"], 1)
        with pytest.raises(ZeroDivisionError):
            ring.scan(fails)
        assert ring.pending == 0


def test_stops_at_a_record_that_is_being_written(image: LoadedImage) -> None:
    """The busy bit cannot be held from outside, so a copy of the buffer's memory is given one."""
    with RingBuffer(image.maps["ring"]) as ring:
        _run(image.programs["small"], 1)
        _run(image.programs["small"], 2)
        real = ring._headers
        words = list(real)
        second = (os.sysconf("SC_PAGESIZE") + 32) // 4
        words[second] |= 1 << 31
        ring._headers = words  # type: ignore[assignment]
        received: list[bytes] = []
        assert ring.read(received) == 1
        words[second] &= ~(1 << 31)
        assert ring.read(received) == 1
        assert [r[0] for r in received] == [1, 2]
        ring._headers = real


def test_wake_up_reaches_a_waiting_reader(image: LoadedImage) -> None:
    import select

    with RingBuffer(image.maps["ring"]) as ring:
        poller = select.epoll()
        poller.register(ring.fileno(), select.EPOLLIN)
        assert poller.poll(0) == []
        _run(image.programs["small"], 1)
        assert poller.poll(1) == [(ring.fileno(), select.EPOLLIN)]
        ring.read([])
        assert poller.poll(0) == []
        poller.close()


def test_speed() -> None:
    """A million small records a second are wanted; the bound leaves room for a busy machine."""
    with _load(LOOP, 1 << 21) as image, RingBuffer(image.maps["ring"]) as ring:
        best = 1e9
        for _ in range(5):
            image.programs["p"].run(u64(80_000))
            received: list[bytes] = []
            start = time.perf_counter()
            assert ring.read(received, 100_000) == 80_000
            best = min(best, (time.perf_counter() - start) / 80_000)
        assert received[-1] == u64(79_999, 1)
        assert best < 3e-6


def test_closing_twice(image: LoadedImage) -> None:
    ring = RingBuffer(image.maps["ring"])
    ring.close()
    ring.close()
