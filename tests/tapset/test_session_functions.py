"""Functions about the session and the probe's task that do something: signals, binary output, reports, the stack."""

from __future__ import annotations

import re
from pathlib import Path

from ..command import run_stap


def test_binary_output(tmp_path: Path) -> None:
    script = "probe oneshot { stp_print_binary(2, 65, 0x4342, 67, 68) println(stack_size()) }"
    result = run_stap("-e", script, folder=tmp_path)
    assert result.stdout == "A\0\0\0\0\0\0\0BC\0\0\0\0\0\x0016384\n"


def test_the_target_and_its_children_are_reported(tmp_path: Path) -> None:
    script = "probe timer.ms(200) { println(target()) target_set_report() exit() }"
    result = run_stap("-e", script, "-c", "sh -c 'sleep 2; true'", folder=tmp_path)
    lines = result.stdout.splitlines()
    assert lines[1] == "target set:"
    processes = [re.fullmatch(r"(\d+) \((\w+)\) child of (\d+)", line) for line in lines[2:]]
    names = {match[2]: (match[1], match[3]) for match in processes if match}
    assert names["sleep"][1] == lines[0]


def test_a_signal_ends_the_target(tmp_path: Path) -> None:
    script = 'probe process("/bin/sleep").syscall { if ($syscall == 230) raise(15) }'
    result = run_stap("-g", "-e", script, "-c", "sleep 30", folder=tmp_path)
    assert "exited with signal 15" in result.stderr


def test_raise_needs_guru_mode(tmp_path: Path) -> None:
    result = run_stap("-p2", "-e", 'probe kernel.trace("sched_switch") { raise(9) }', folder=tmp_path)
    assert result.returncode == 1
    assert "function 'raise' needs stap -g" in result.stderr


def test_the_kernel_stack_in_use(tmp_path: Path) -> None:
    script = """global n probe kernel.trace("sys_enter") { if (pid() != target()) next
        println(stack_used() + stack_unused(), " ", stack_used() > 100 && stack_used() < 12000)
        if (++n == 3) exit() }"""
    result = run_stap("-e", script, "-c", "cat /dev/null", folder=tmp_path)
    assert result.stdout.splitlines()[:3] == ["16384 1"] * 3, result.stderr
