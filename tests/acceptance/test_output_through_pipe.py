"""What kernel handlers print arrives whole and in order, and what does not fit is counted."""

from __future__ import annotations

import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.command import STAP, environment, in_guest, run_stap

THREADS = 2
CALLS = 5_000 if in_guest() else 150_000

# The program's calls are numbered by their argument, so that the lines show by themselves which call is missing.
ONE_LINE = 'probe syscall.getpgid { if (pid() == target()) printf("%d %d\\n", tid(), $pid) }'
SEVERAL_PRINTS = """
    probe syscall.getpgid {
      if (pid() != target()) next
      printf("%d:%d", tid(), $pid)
      for (i = 0; i < 3; i++) printf(" %d", i)
      if ($pid % 2) print(" odd")
      println("")
    }"""
LINE = re.compile(r"(\d+) (\d+)")
JOINED_LINE = re.compile(r"(\d+):(\d+) 0 1 2( odd)?")


def _by_thread(lines: list[str], shape: re.Pattern[str]) -> dict[str, list[int]]:
    """The call numbers of each thread in the order of the lines, every one of which must be whole."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        match = shape.fullmatch(line)
        assert match, f"torn line {line!r}"
        numbers[match[1]].append(int(match[2]))
    return numbers


def _piped(script: str, command: str, folder: Path, *options: str, delay: float = 0) -> tuple[list[str], str]:
    """Run a script with its output in a pipe that is read after `delay` seconds; returns lines and messages."""
    with subprocess.Popen(
        [*STAP, *options, "-e", script, "-c", command],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as stap:
        time.sleep(delay)
        output, messages = stap.communicate(timeout=120)
        assert stap.returncode == 0, messages
    assert output.endswith("\n")
    return output.splitlines(), messages


@pytest.mark.guest(native=True)
def test_every_line_arrives_in_order(calls: Path, session_folder: Path) -> None:
    lines, messages = _piped(ONE_LINE, f"{calls} getpgid {THREADS} {CALLS}", session_folder)
    numbers = _by_thread(lines, LINE)
    assert [len(found) for found in numbers.values()] == [CALLS] * THREADS
    assert all(found == list(range(CALLS)) for found in numbers.values())
    assert messages == ""


def test_order_of_one_thread_across_handlers(calls: Path, session_folder: Path) -> None:
    script = """
        probe syscall.getpgid { if (pid() == target()) printf("in %d\\n", $pid) }
        probe syscall.getpgid.return { if (pid() == target()) println("out") }"""
    count = CALLS // 10
    lines, messages = _piped(script, f"{calls} getpgid 1 {count}", session_folder)
    assert lines == [line for i in range(count) for line in (f"in {i}", "out")]
    assert messages == ""


@pytest.mark.guest(native=True)
def test_prints_of_one_hit_stay_together(calls: Path, session_folder: Path) -> None:
    count = CALLS // 10
    lines, messages = _piped(SEVERAL_PRINTS, f"{calls} getpgid {THREADS} {count} 500", session_folder, "-s", "16")
    numbers = _by_thread(lines, JOINED_LINE)
    assert [len(found) for found in numbers.values()] == [count] * THREADS
    assert all(found == list(range(count)) for found in numbers.values())
    assert messages == ""


@pytest.mark.parametrize(("script", "shape"), [(ONE_LINE, LINE), (SEVERAL_PRINTS, JOINED_LINE)], ids=["one", "several"])
def test_losses_are_counted_exactly(script: str, shape: re.Pattern[str], calls: Path, session_folder: Path) -> None:
    """A buffer of 1 MB and a reader that does not read: the pipe fills, then the buffer."""
    sent = CALLS * 2  # of 16 bytes or more each
    lines, messages = _piped(script, f"{calls} getpgid 2 {sent}", session_folder, "-s", "1", delay=2)
    numbers = _by_thread(lines, shape)
    assert all(found == sorted(set(found)) for found in numbers.values()), "out of order"
    assert len(numbers) == 2
    match = re.fullmatch(r"WARNING: There were (\d+) transport failures\.\n", messages)
    assert match, messages
    received, lost = sum(map(len, numbers.values())), int(match[1])
    assert 0 < received < 2 * sent
    if script is ONE_LINE:
        assert received + lost == 2 * sent
    else:  # a hit sends several records, and each one that was lost is counted
        assert received + lost >= 2 * sent


def test_reader_that_leaves_ends_the_session_quietly(calls: Path, session_folder: Path) -> None:
    script = 'probe syscall.getpgid { if (pid() == target()) println($pid) } probe end { print("") }'
    shell = f"{' '.join(STAP)} -e '{script}' -c '{calls} getpgid 1 100000 100' | head -1"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell}; echo ${{PIPESTATUS[0]}}"],
        env=environment(session_folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    first, status = result.stdout.split()
    assert first == "0"
    assert int(status) in (0, 1)
    assert "Traceback" not in result.stderr
    assert "rror" not in result.stderr


def test_long_strings_and_zero_bytes_stay_whole(calls: Path, session_folder: Path) -> None:
    script = """
        probe syscall.getpgid {
          if (pid() != target()) next
          s = ""
          for (i = 0; i < 10; i++) s .= "0123456789"
          printf("%d|%s|%1b|%5s|\\n", $pid, s, 0, execname())
        }"""
    result = run_stap("-e", script, "-c", f"{calls} getpgid 1 100", folder=session_folder)
    assert result.stdout.splitlines() == [f"{i}|{'0123456789' * 10}|\0|calls|" for i in range(100)]
    assert result.stderr == ""
