"""Counts are exact: no hit is lost or counted twice, however many CPUs count at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.command import run_stap

from .workload import in_guest

pytestmark = pytest.mark.guest(native=True)

THREADS = 2
CALLS = 20_000 if in_guest() else 1_000_000
RUNS = 2 if in_guest() else 10

# Other processes call getppid, too: what is not keyed by thread must ask whose call it is.
COUNTERS = {
    "scalar": """
        global n
        probe syscall.getppid { if (pid() == target()) n++ }
        probe end { println(n) }""",
    "scalar behind next": """
        global n
        probe syscall.getppid { if (pid() != target()) next; n += 1 }
        probe end { println(n) }""",
    "exclusive scalar": """
        global n, most
        probe syscall.getppid.return { if (pid() == target()) { n++; if (n > most) most = n } }
        probe end { printf("%d\\n", most) }""",
    "aggregate": """
        global n
        probe syscall.getppid { if (pid() == target()) n <<< 1 }
        probe end { println(@count(n)) }""",
    "read and cleared by a timer": """
        global n, all
        probe syscall.getppid { if (pid() == target()) n++ }
        probe timer.ms(7) { all += n; n = 0 }
        probe end { println(all + n) }""",
}
PER_THREAD = {
    "array by thread": """
        global c
        probe syscall.getppid { c[tid()]++ }
        probe end { foreach (thread in c) if (c[thread] >= $1) println(c[thread]) }""",
    "array by thread and name": """
        global c
        probe syscall.getppid { c[tid(), execname()] += 1 }
        probe end { foreach ([thread, name] in c) if (c[thread, name] >= $1) println(c[thread, name]) }""",
    "aggregate by thread": """
        global c
        probe syscall.getppid { c[tid()] <<< 3 }
        probe end { foreach (thread in c) if (@count(c[thread]) >= $1) println(@sum(c[thread]) / 3) }""",
}


def _counts(script: str, arguments: Sequence[str], calls: Path, folder: Path) -> tuple[list[int], str]:
    """Count the calls of the threads of the workload; returns the numbers printed and the messages."""
    command = f"{calls} getppid {THREADS} {CALLS}"
    result = run_stap("-e", script, "-c", command, *arguments, folder=folder, timeout=120)
    assert result.returncode == 0, result.stderr
    return [int(line) for line in result.stdout.split()], result.stderr


# Each alone once, the two shapes that everybody writes ten times in a row.
@pytest.mark.parametrize("name", COUNTERS)
def test_total_is_exact(name: str, calls: Path, session_folder: Path) -> None:
    for _ in range(RUNS if name == "scalar" else 1):
        numbers, messages = _counts(COUNTERS[name], (), calls, session_folder)
        if name == "exclusive scalar":  # a hit may find the lock taken: then it is counted as skipped
            numbers = [numbers[0] + _skipped(messages)]
        else:
            assert messages == ""
        assert numbers == [THREADS * CALLS]


@pytest.mark.parametrize("name", PER_THREAD)
def test_each_thread_is_exact(name: str, calls: Path, session_folder: Path) -> None:
    for _ in range(RUNS if name == "array by thread" else 1):
        result = _counts(PER_THREAD[name], [str(CALLS)], calls, session_folder)
        assert result == ([CALLS] * THREADS, "")


def _skipped(messages: str) -> int:
    """The hits that the summary calls skipped; it is the only message that may be there."""
    if not messages:
        return 0
    start = "WARNING: Number of errors: 0, skipped probes: "
    assert messages.startswith(start), messages
    assert messages.count("\n") == 1, messages
    return int(messages.removeprefix(start))
