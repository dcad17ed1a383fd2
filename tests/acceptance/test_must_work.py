"""The two scripts that a newcomer types first, and how a session ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import STAP, environment, run_stap

from .running import Running, exists, wait_for

HELLO = """\
probe begin
{
  print ("hello world\\n")
  exit ()
}
"""
COUNT = """\
global counts
probe syscall.*
{
  counts[execname()] ++
}
probe end
{
  printf("==TOTAL==\\n")
  foreach (name in counts)
    printf("%s : %d \\n", name, counts[name])
}
"""


@pytest.mark.guest(native=True)
def test_hello(tmp_path: Path, session_folder: Path) -> None:
    (tmp_path / "hello.stp").write_text(HELLO)
    result = run_stap("hello.stp", folder=session_folder, cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("hello world\n", "", 0)


@pytest.mark.guest(native=True)
def test_count_until_interrupted(calls: Path, tmp_path: Path, session_folder: Path) -> None:
    (tmp_path / "count.stp").write_text(COUNT)
    with Running(session_folder, "-v", "count.stp", cwd=tmp_path) as stap:
        stap.wait_until_live()
        subprocess.run([calls, "getppid", "1", "4000"], check=True)
        stap.interrupt()
        status, output, messages = stap.end()
    assert status == 0, messages
    title, *lines = output.splitlines()
    assert title == "==TOTAL=="
    parsed = [re.fullmatch(r"(.*) : (\d+) ", line) for line in lines]
    assert all(parsed), output
    counts = {match[1]: int(match[2]) for match in parsed if match}
    assert len(counts) == len(lines)
    assert 4000 < counts["calls"] < 6000  # its own start and end make some more
    passes = [line for line in messages.splitlines() if line.startswith("Pass ")]
    assert [line[:6] for line in passes] == ["Pass 1", "Pass 2", "Pass 3", "Pass 4", "Pass 5", "Pass 5"]
    assert passes[0].startswith("Pass 1: parsed user script and ")
    assert re.fullmatch(r"Pass 5: run completed in \d+usr/\d+sys/\d+real ms\.", passes[-1])
    assert messages.splitlines() == passes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_with_the_end_probes(number: signal.Signals, session_folder: Path) -> None:
    script = 'probe begin { log("live") } probe timer.s(100) { } probe end { println("end probe") }'
    with Running(session_folder, "-e", script) as stap:
        assert stap.message() == "live\n"
        stap.process.send_signal(number)
        assert stap.end() == (0, "end probe\n", "")


def test_end_probe_may_take_its_time(session_folder: Path) -> None:
    script = """
        probe begin { log("live") }
        probe end { start = gettimeofday_ms(); while (gettimeofday_ms() - start < 600) n++; println("through") }"""
    with Running(session_folder, "-e", script) as stap:
        assert stap.message() == "live\n"
        stap.interrupt()
        assert stap.end() == (0, "through\n", "")


def test_second_interrupt_ends_at_once(session_folder: Path) -> None:
    script = """
        probe begin { log("live") }
        probe end { log("ending"); while (1) n++ }
        probe end(1) { println("too late") }"""
    with Running(session_folder, "-e", script) as stap:
        assert stap.message() == "live\n"
        stap.interrupt()
        assert stap.message() == "ending\n"
        stap.interrupt()
        start = time.monotonic()
        status, output, messages = stap.end()
        assert time.monotonic() - start < 5
    assert status != 0
    assert output == ""
    assert "Traceback" not in messages


@pytest.mark.parametrize("ending", [pytest.param("interrupt", marks=pytest.mark.guest(native=True)), "twice", "kill"])
def test_nothing_is_left_in_the_kernel(ending: str, session_folder: Path) -> None:
    script = "global n probe syscall.* { n[execname()]++ } probe timer.profile { n[execname()]++ } probe end { }"
    with Running(session_folder, "-e", script) as stap:
        stap.wait_until_live()
        wait_for(lambda: {kind for kind, _ in stap.kernel_objects()} == {"prog_id", "map_id", "link_id"})
        held = stap.kernel_objects()
        assert all(map(exists, held))
        if ending == "kill":
            stap.process.kill()
        else:
            stap.interrupt()
            if ending == "twice":
                stap.interrupt()
        stap.end()
    wait_for(lambda: not any(map(exists, held)), 20)  # the kernel frees programs a grace period later


def test_time_limit(session_folder: Path) -> None:
    script = 'probe timer.ms(300) { println("tick") } probe end { println("end") }'
    start = time.monotonic()
    result = run_stap("-T", "1", "-e", script, folder=session_folder)
    assert (result.stdout, result.stderr, result.returncode) == ("tick\ntick\ntick\nend\n", "", 0)
    assert time.monotonic() - start >= 1


def _status(folder: Path, *arguments: str) -> tuple[str, str, int]:
    result = run_stap(*arguments, folder=folder)
    assert "Traceback" not in result.stderr
    return result.stdout, result.stderr, result.returncode


@pytest.mark.guest(native=True)
def test_target_of_a_command(session_folder: Path) -> None:
    script = 'probe begin { printf("%d\\n", target() > 1) } probe end { println("end") }'
    assert _status(session_folder, "-e", script, "-c", "true") == ("1\nend\n", "", 0)


def test_output_of_a_command_and_of_the_script(session_folder: Path) -> None:
    """The command writes to the same standard output while the session runs."""
    output, messages, status = _status(
        session_folder, "-e", 'probe end { println("end") }', "-c", "echo 'a  b' $((1+2))"
    )
    assert (output, messages, status) == ("a  b 3\nend\n", "", 0)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("false", "WARNING: child process exited with status 1\n"),
        ("sh -c 'exit 7'", "WARNING: child process exited with status 7\n"),
        ("sh -c 'kill -9 $$'", "WARNING: child process exited with signal 9 (Killed)\n"),
    ],
)
def test_command_that_fails(command: str, says: str, session_folder: Path) -> None:
    """The end probes run; stap(1) leaves the exit status open, staprun(8) gives 1 when the command fails."""
    output, messages, status = _status(session_folder, "-e", 'probe end { println("end") }', "-c", command)
    assert (output, messages) == ("end\n", says + "Pass 5: run failed.  [man error::pass5]\n")
    assert status == 1


def test_command_that_does_not_exist(session_folder: Path) -> None:
    _, messages, status = _status(session_folder, "-e", "probe end { }", "-c", "/no/such/command")
    assert "/no/such/command" in messages
    assert status == 1


@pytest.mark.guest(native=True)
def test_process_that_does_not_exist(session_folder: Path) -> None:
    output, messages, status = _status(session_folder, "-e", 'probe begin { println("begin") }', "-x", "99999999")
    assert output == ""
    assert "99999999" in messages
    assert status == 1


def test_end_of_the_traced_process(session_folder: Path) -> None:
    """-x PID only sets target(): the session goes on (stap(1))."""
    script = 'probe begin { println(target()) } probe timer.ms(100) { println("on"); exit() }'
    result = _status(session_folder, "-e", script, "-x", str(os.getpid()))
    assert result == (f"{os.getpid()}\non\n", "", 0)


def test_output_file_and_empty_output(tmp_path: Path, session_folder: Path) -> None:
    target = tmp_path / "out"
    assert _status(session_folder, "-o", str(target), "-e", HELLO) == ("", "", 0)
    assert target.read_text() == "hello world\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-e", "probe begin { x = }"), "parse error"),
        (("-e", "probe begin { println(nosuch()) }"), "semantic error"),
        (("/no/such/file.stp",), "/no/such/file.stp"),
        (("-e", "probe no.such.point { }"), "semantic error"),
        ((), "script"),
        (("--no-such-option",), "option"),
        (("-e", "probe begin { println($1) }"), "argument"),
        (("-e", "probe begin { exit() }", "-o", "/no/such/folder/out"), "/no/such/folder/out"),
    ],
)
def test_what_cannot_start_says_so(arguments: tuple[str, ...], says: str, session_folder: Path) -> None:
    output, messages, status = _status(session_folder, *arguments)
    assert says in messages
    assert (output, status) == ("", 1)


@pytest.mark.guest(native=True)
def test_runtime_error_in_a_kernel_handler(calls: Path, session_folder: Path) -> None:
    """The error names its place; error probes run in place of end probes."""
    script = """global zero
probe syscall.getpgid { if (pid() == target()) println(100 / ($pid - 3 + zero)) }
probe never { zero = 1 }
probe end { println("no end probe") }
probe error { println("error probe") }"""
    output, messages, status = _status(session_folder, "-e", script, "-c", f"{calls} getpgid 1 100")
    assert output == "-33\n-50\n-100\nerror probe\n"
    assert messages.startswith("ERROR: division by 0 near operator '/' at <input>:2:60\n")
    assert "WARNING: Number of errors: 1, skipped probes: 0\n" in messages
    assert status == 1


def test_closed_standard_output(session_folder: Path) -> None:
    command = [*STAP, "-e", 'probe begin { println("x"); exit() }']
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],
        env=environment(session_folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr


def test_full_disk(session_folder: Path) -> None:
    script = 'probe begin { println("x"); exit() } probe end { println("end") }'
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*STAP, "-e", script], env=environment(session_folder), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60,
        )  # fmt: skip
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
