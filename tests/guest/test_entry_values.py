"""`@entry` and parameters at the return of kernel functions: by fentry and fexit, and by kprobes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_NO_FENTRY = """\
import sys, pystap.registries as registries
from pystap.program.features import Feature
has = registries._has
registries._has = lambda features, feature: feature is not Feature.FENTRY and has(features, feature)
from pystap.cli import main
sys.exit(main())
"""
"""Runs stap as on a kernel without fentry and fexit."""

_NESTED_EPOLL = """\
import os, select, sys
inner, keep = None, []
r, w = os.pipe()
for level in range(4):
    outer = select.epoll()
    outer.register(r if inner is None else inner, select.EPOLLIN)
    keep.append(outer)
    inner = outer
os.write(w, b"x")
sys.exit(0 if outer.poll(0) else 1)
"""
"""Each epoll wakes the one that it is in: ep_poll_callback calls itself."""


def run(script: str, command: str, folder: Path, fentry: bool) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-m", "pystap"] if fentry else [sys.executable, "-c", _NO_FENTRY]
    words = [*start, "-g", "-e", script, "-c", command]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("fentry", [True, False])
def test_values_of_the_entry(tmp_path: Path, fentry: bool) -> None:
    known = tmp_path / "known_file"
    known.write_bytes(b"y" * 50)
    script = """probe kernel.function("vfs_read").return {
      if (pid() == target() && kernel_string($file->f_path->dentry->d_iname) == "known_file")
        printf("%d %d %d %d %d\\n", $count, $return, @entry($pos ? @kderef(8, $pos) : 0), @kderef(8, @entry($pos)),
               ktime_get_ns() - @entry(ktime_get_ns()) > 0) }
    probe end { println("end") }"""
    done = run(script, f"exec dd if={known} of=/dev/null bs=20", tmp_path, fentry)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "20 20 0 20 1\n20 20 20 40 1\n20 10 40 50 1\n20 0 50 50 1\nend\n"


@pytest.mark.parametrize("fentry", [True, False])
def test_recursive_calls_keep_apart(tmp_path: Path, fentry: bool) -> None:
    script = """global depth, deepest, saved, right, wrong
    probe kernel.function("ep_poll_callback") {
      if (pid() == target()) { if (++depth > deepest) deepest = depth; saved[depth] = $wait } }
    probe kernel.function("ep_poll_callback").return {
      if (pid() == target()) {
        if (saved[depth] == $wait && $wait + 1 == @entry($wait + 1)) right++; else wrong++
        depth-- } }
    probe end { printf("%d %d %d %d\\n", deepest > 2, right >= deepest, wrong, depth) }"""
    program = tmp_path / "nested.py"
    program.write_text(_NESTED_EPOLL)
    done = run(script, f"{sys.executable} {program}", tmp_path, fentry)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 1 0 0\n"


def test_a_wildcard_without_variables(tmp_path: Path) -> None:
    script = """global n, bad
    probe kernel.function("vfs_re*").return {
      if (pid() != target()) next
      took = ktime_get_ns() - @entry(ktime_get_ns())
      n++
      if (took <= 0 || took > 10000000000) bad++
    }
    probe end { printf("%d %d\\n", n > 2, bad) }"""
    done = run(script, "cat /etc/passwd", tmp_path, True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 0"
