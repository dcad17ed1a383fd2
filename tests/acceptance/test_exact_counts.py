"""Counts are exact: no hit is lost or counted twice, however many CPUs count at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.command import in_guest, run_stap

THREADS = 2
CALLS = 20_000 if in_guest() else 1_000_000
RUNS = 1 if in_guest() else 10

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
        probe end { foreach (thread in c) println(thread, " ", c[thread]) }""",
    "array by thread and name": """
        global c
        probe syscall.getppid { c[tid(), execname()] += 1 }
        probe end { foreach ([thread, name] in c) println(thread, " ", c[thread, name]) }""",
    "aggregate by thread": """
        global c
        probe syscall.getppid { c[tid()] <<< 3 }
        probe end { foreach (thread in c) println(thread, " ", @sum(c[thread]) / 3) }""",
}


def _run(script: str, calls: Path, folder: Path) -> tuple[set[str], list[list[str]], str]:
    """Count the calls of the workload; returns its threads, the words of each line printed, and the messages."""
    result = run_stap("-e", script, "-c", f"{calls} getppid {THREADS} {CALLS}", folder=folder, timeout=120)
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    threads = {line[1] for line in lines if line[0] == "thread"}
    assert len(threads) == THREADS
    return threads, [line for line in lines if line[0] != "thread"], result.stderr


def _in_guests(names: Iterable[str]) -> list[object]:
    """The first of each group runs in every guest."""
    return [
        pytest.param(name, marks=pytest.mark.guest(native=True, thorough=place > 0)) for place, name in enumerate(names)
    ]


# Each alone once, the two shapes that everybody writes ten times in a row.
@pytest.mark.parametrize("name", _in_guests(COUNTERS))
def test_total_is_exact(name: str, calls: Path, session_folder: Path) -> None:
    for _ in range(RUNS if name == "scalar" else 1):
        _, lines, messages = _run(COUNTERS[name], calls, session_folder)
        [[number]] = lines
        # A hit may find the lock of a longer handler taken; then it is counted as skipped.
        skipped = _skipped(messages) if name == "exclusive scalar" else 0
        assert int(number) + skipped == THREADS * CALLS
        assert messages == "" or skipped


@pytest.mark.parametrize("name", _in_guests(PER_THREAD))
def test_each_thread_is_exact(name: str, calls: Path, session_folder: Path) -> None:
    """Other processes' threads are counted as well: only the workload's own are looked at."""
    for _ in range(RUNS if name == "array by thread" else 1):
        threads, lines, messages = _run(PER_THREAD[name], calls, session_folder)
        counts = [int(count) for thread, count in lines if thread in threads]
        assert counts == [CALLS] * THREADS
        assert messages == ""


def _skipped(messages: str) -> int:
    """The hits that the summary calls skipped; it is the only message that may be there."""
    if not messages:
        return 0
    start = "WARNING: Number of errors: 0, skipped probes: "
    assert messages.startswith(start), messages
    assert messages.count("\n") == 1, messages
    return int(messages.removeprefix(start))
