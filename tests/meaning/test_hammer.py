"""A handler is atomic: two CPUs hammer it, and the globals are what so many runs one after the other leave.

A run that did not get the lock is skipped and counted; none is lost, and none is half done.
"""

from __future__ import annotations

import os
from contextlib import suppress

import pytest

from pystap import api
from pystap.options import Options
from pystap.program.types import wrap_long
from pystap.runtime.session import Session

CALLS = 20_000
"""System calls of each of the two processes."""

SCRIPT = """
global x = 1, y = 7, n
global a[16]
probe syscall.getsid {
  if ($pid == %d) {
    x = x * 3 + y
    y = x ^ y
    a[n & 7] = a[(n + 3) & 7] * 5 + x
    n++
  }
}
"""


def _replay(count: int) -> dict[str, object]:
    x, y, elements = 1, 7, dict[int, int]()
    for n in range(count):
        x = wrap_long(x * 3 + y)
        y ^= x
        elements[n & 7] = wrap_long(elements.get((n + 3) & 7, 0) * 5 + x)
    return {"x": x, "y": y, "n": count, "a": elements}


def _hammer(magic: int, cpu: int, ready: int, others: tuple[int, ...]) -> int:
    """Start a process that makes the calls on one CPU once the pipe `ready` ends; returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        for fd in others:
            os.close(fd)
        os.sched_setaffinity(0, {cpu})
        os.read(ready, 1)
        for _ in range(CALLS):
            with suppress(ProcessLookupError):
                os.getsid(magic)
    finally:
        os._exit(0)


def _two_cpus() -> list[int]:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("needs two CPUs")
    return allowed[:2]


def _misses(session: Session) -> int:
    """How often the kernel itself left the program out; those runs may have been for any system call."""
    assert session._kernel is not None
    return sum(program.info().recursion_misses for program in session._kernel._loaded.programs.values())


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=pytest.mark.guest(native=True, thorough=run > 1)) for run in range(10)]
)
def test_final_state_is_that_of_a_serial_replay(run: int) -> None:
    cpus = _two_cpus()
    magic = 0x7000_0000 + run  # above the kernel's highest process id
    image = api.compile(SCRIPT % magic, options=Options(limits=(("max_skipped", 1 << 30),)))
    assert not any(event for event in image.events), "the handler must run in the kernel"
    start, go = os.pipe()
    children = [_hammer(magic, cpu, start, (go,)) for cpu in cpus]
    os.close(start)
    with Session(image) as session:
        session.start()
        os.close(go)
        for child in children:
            os.waitpid(child, 0)
        session.end()
        misses = _misses(session)
        assert session.finish() == 0
        values = {name: getattr(value, "elements", value) for name, value in session.read_globals().items()}
        skipped = session.report.skipped
    count = values["n"]
    assert isinstance(count, int)
    assert count > CALLS // 2
    assert values == _replay(count)
    calls = len(cpus) * CALLS
    assert count + skipped - misses <= calls <= count + skipped
