"""Tracing every call and return of a subsystem: balanced, and nothing is lost without being said."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
CALLS = 20_000
"""How many bytes are copied, each by a read and a write."""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def test_every_call_has_its_return(stap: Stap) -> None:
    """As para-callgraph does it: a line at each entry and each return, here of one process."""
    script = """global calls, returns
    probe kernel.function("vfs_*").call {
      if (execname() == "dd") { calls++; printf("%d > %s\\n", tid(), ppfunc()) }
    }
    probe kernel.function("vfs_*").return {
      if (execname() == "dd") { returns++; printf("%d < %s\\n", tid(), ppfunc()) }
    }
    probe end { printf("%d calls %d returns\\n", calls, returns) }"""
    done = stap("-s", "64", "-e", script, "-c", f"dd if=/dev/zero of=/dev/null bs=1 count={CALLS} status=none")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    found = re.fullmatch(r"(\d+) calls (\d+) returns", last)
    assert found is not None, last
    calls, returns = map(int, found.groups())
    skipped = sum(map(int, re.findall(r"skipped probes: (\d+)", done.stderr)))
    lost = sum(map(int, re.findall(r"There were (\d+) transport failures", done.stderr)))
    assert calls >= 2 * CALLS, done.stderr
    assert len(lines) + lost == calls + returns
    # The process ends inside no function that is traced, so what has no return was skipped by the kernel, and said.
    assert abs(calls - returns) <= skipped
    if not lost and not skipped:
        assert unbalanced(lines) == 0
    counted = Counter(line.split()[2] for line in lines if " > " in line)
    assert counted["vfs_read"] + counted["vfs_write"] + lost >= 2 * CALLS


def unbalanced(lines: list[str]) -> int:
    """Return how many returns do not belong to the last entry without one, and entries that have none."""
    stacks: dict[str, list[str]] = {}
    wrong = 0
    for line in lines:
        task, direction, function = line.split()
        stack = stacks.setdefault(task, [])
        if direction == ">":
            stack.append(function)
        elif not stack or stack.pop() != function:
            wrong += 1
    return wrong + sum(map(len, stacks.values()))
