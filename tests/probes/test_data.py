"""Watchpoints on kernel memory: here on the name of a task that the test starts, which changes when told to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..command import STAP, environment, run_stap

PROGRAM = """
import ctypes, sys
libc = ctypes.CDLL(None)
while sys.stdin.readline():
    libc.prctl(15, b"watched", 0, 0, 0)  # PR_SET_NAME
    print(flush=True)
"""


class Poked:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.poke()

    def poke(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


@pytest.fixture
def poked() -> Iterator[Poked]:
    own = Poked()
    yield own
    own.process.communicate()


def output_after(poked: Poked, folder: Path, *arguments: str) -> str:
    """Run a script that prints "live" from a timer and pokes the process then; returns what else it prints."""
    with subprocess.Popen(
        [*STAP, "-x", str(poked.process.pid), *arguments], env=environment(folder), stdout=subprocess.PIPE, text=True
    ) as stap:
        assert stap.stdout is not None
        assert stap.stdout.readline() == "live\n"
        poked.poke()
        return stap.communicate(timeout=30)[0]


LIVE = ' global live probe timer.ms(50) { if (!live++) println("live") if (live > 20) exit() }'


def test_writes_and_reads(poked: Poked, tmp_path: Path) -> None:
    where = """probe syscall.prctl {
      if (pid() == target()) printf("%d\\n", &@cast(task_current(), "task_struct")->comm) }"""
    address = int(output_after(poked, tmp_path, "-e", where + LIVE).split()[0]) & (1 << 64) - 1
    script = f"""probe kernel.data({address:#x}).length(8).write {{
      printf("%s %d %s\\n", execname(), pid() == target(), pp()) }}
    global reads, writes
    probe kernel.data({address:#x}).length(8).rw {{ reads++ }} probe kernel.data({address:#x}).write {{ writes++ }}
    probe end {{ println(reads > 0, writes > 0) }}"""
    *rows, last = output_after(poked, tmp_path, "-e", script + LIVE).splitlines()
    assert set(rows) == {f"watched 1 kernel.data({address:#x}).length(8).write"}
    assert last == "11"


ERRORS = [
    ("kernel.data(0x1000).write", "0x1000 is no address of the kernel"),
    ("kernel.data(0xffffffff81000001).length(8).rw", "0xffffffff81000001 is not a multiple of the length 8"),
    ("kernel.data(0xffffffff81000000).length(3).rw", "length must be one of 1, 2, 4, 8"),
    ("kernel.data(0xffffffff81000000)", "probe point mismatch (similar: length, rw, write)"),
    ('kernel.data("no_such_symbol_at_all").write', "unable to find symbol 'no_such_symbol_at_all'"),
]


@pytest.mark.parametrize(("point", "message"), ERRORS)
def test_errors(tmp_path: Path, point: str, message: str) -> None:
    done = run_stap("-e", f"probe {point} {{}}", folder=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
