"""Probes on kernel functions, against a program that reads files whose names and sizes the test knows."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap.program.features import Feature
from pystap.registries import features_here

from ..command import STAP, environment, run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
NAME = "pystap_known_file"
THOROUGH = pytest.mark.guest(thorough=True)
SIZES = (17, 18, 19, 20, 21)


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


@pytest.fixture
def known_file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"x" * 19)
    return path


def reader(path: Path) -> str:
    """Return a command that reads the file in pieces of SIZES bytes, once each, by a program called dd."""
    sizes = " ".join(map(str, SIZES))
    return f"sh -c 'for n in {sizes}; do dd if={path} of=/dev/null bs=$n count=1 2>/dev/null; done'"


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if NAME in line]


def test_entry_with_arguments(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_read") {
      if (execname() == "dd")
        printf("%s %s %d\\n", execname(), kernel_string($file->f_path->dentry->d_iname), $count) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    assert [row[2] for row in _rows(done.stdout)] == ["17", "18", "19", "20", "21"]
    assert {row[0] for row in _rows(done.stdout)} == {"dd"}
    assert done.stderr == ""


def test_return_with_arguments(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_read").return {
      if (execname() == "dd")
        printf("%s %d %d %s\\n", kernel_string($file->f_path->dentry->d_name->name), $count, $return, $$return) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    expected = [["17", "17"], ["18", "18"], ["19", "19"], ["20", "19"], ["21", "19"]]
    assert [row[1:3] for row in _rows(done.stdout)] == expected
    assert _rows(done.stdout)[0][3] == "return=0x11"


def test_wildcard_with_one_program(stap: Stap, known_file: Path) -> None:
    script = """global n, seen
    probe kernel.function("vfs_*") { if (execname() == "dd") { n[ppfunc()]++; if (!seen[pp()]++) println(pp()) } }
    probe end { foreach (f in n) printf("%s=%d\\n", f, n[f]) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^vfs_read=\d+$", done.stdout, re.M)
    assert re.search(r"^vfs_open=\d+$", done.stdout, re.M)
    assert 'kernel.function("vfs_read")\n' in done.stdout


@THOROUGH
def test_wildcard_with_variables(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_r*").call {
      if (execname() == "dd" && @defined($count)) printf("%s %d\\n", probefunc(), $count) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    for size in SIZES:
        assert f"vfs_read {size}\n" in done.stdout


@THOROUGH
def test_wildcard_return(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_*").return {
      if (execname() == "dd") printf("%s %d %s\\n", ppfunc(), returnval(), pp()) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    assert re.search(r'^vfs_read \d+ kernel.function\("vfs_read"\).return$', done.stdout, re.M)


def test_old_name_of_a_system_call(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("sys_openat") {
      if (execname() == "dd") printf("%s %d %s\\n", user_string($filename, "?"), $flags, ppfunc()) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    assert f"{known_file} 0 __x64_sys_openat\n" in done.stdout


@THOROUGH
def test_arguments_by_number(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_read") {
      if (execname() == "dd") printf("%d %d %d\\n", ulong_arg(3), int_arg(3), pointer_arg(1) == $file) }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert done.returncode == 0, done.stderr
    assert "17 17 1\n" in done.stdout


def test_bad_address_is_a_run_time_error(stap: Stap, known_file: Path) -> None:
    script = """probe kernel.function("vfs_read") {
      try { println(@cast(16, "file")->f_flags) } catch (m) { println(m); exit() } }"""
    done = stap("-e", script, "-c", reader(known_file))
    assert "read fault [man error::fault] at 0x00000000000000" in done.stdout
    done = stap("-e", 'probe kernel.function("vfs_read") { println(kernel_long(8)) }', "-c", reader(known_file))
    assert "ERROR: read fault [man error::fault] at 0x0000000000000008" in done.stderr
    assert done.returncode == 1


def test_unknown_function(stap: Stap) -> None:
    done = stap("-e", 'probe kernel.function("vfs_raed") {}')
    assert done.returncode == 1
    assert "no match for function 'vfs_raed': absent or inlined (similar functions: vfs_read" in done.stderr


@THOROUGH
def test_progress_is_shown_at_a_terminal(tmp_path: Path) -> None:
    """Single kprobes take so long that a line counts them; it is taken away again."""
    if features_here().has(Feature.KPROBE_MULTI):
        pytest.skip("kprobe-multi is quick")
    script = 'global n probe kernel.function("vfs_*") { n++ } probe timer.ms(1) { exit() } probe end { println(n > 0) }'
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*STAP, "-e", script], stdout=subprocess.DEVNULL, stderr=theirs, env=environment(tmp_path)
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert process.wait(60) == 0, shown
    rows = [row for row in shown.split(b"\r") if row]
    found = [re.fullmatch(rb"attaching probes: (\d+) of (\d+)", row) for row in rows[:-1]]
    assert found, shown
    assert all(found), shown
    counts = [int(match[1]) for match in found if match]
    assert counts == sorted(set(counts))
    assert not rows[-1].strip()


@THOROUGH
def test_many_functions_at_once(stap: Stap) -> None:
    if not features_here().has(Feature.KPROBE_MULTI):
        pytest.skip("no kprobe-multi: single kprobes take 0.1 s each")
    script = """global n probe kernel.function("*_read*") { n++ } probe timer.ms(300) { exit() }
    probe end { println(n > 0) }"""
    done = stap("-v", "-e", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"
