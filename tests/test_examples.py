"""Each script of examples/ runs on this kernel and prints what its first comment promises; so do README's commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, environment, run_stap

EXAMPLES = ROOT / "examples"
#: A command that reads, writes and opens files, fails to open one, starts a program and sleeps.
WORK = "cat /etc/passwd /nowhere >/dev/null 2>&1; sleep 0.15; true"

#: The words behind the script's name, and the pattern that the whole output must match.
CASES = {
    "hello": ((), r"hello world\n"),
    "count": (("-c", WORK), r"==TOTAL==\n(?s:.*)^cat : \d+ \n(?s:.*)"),
    "cpu_profile": (("-T", "1"), r"( *\d+\.\d% .+\[\d+\]\n)+"),
    "failed_calls": (("-c", "exec cat /nowhere 2>/dev/null"), r"(\S.{15} .{20} E\w+ +\d+\n)+"),
    "io_by_process": (("-c", WORK), r"PROCESS +PID +READ +WRITTEN\n(?s:.*)^cat +\d+ +\d+ +\d+\n(?s:.*)"),
    "process_tree": (("-c", WORK), r"(?s:.*): sh\[\d+\] started cat\[\d+\]\n(?s:.*)"),
    "slow_calls": (("-c", WORK, "100"), r"(?s:.*)sleep\[\d+\] clock_nanosleep = 0 <\d+\.\d{3} ms>\n(?s:.*)"),
    "syscall_latency": (
        ("-c", "exec cat /etc/passwd"),
        r"(?s:.*)^openat: \d+ calls, \d+ us on average, \d+ us at most\nvalue \|-+ count\n( *\d+ \|@* +\d+\n)+(?s:.*)",
    ),
    "top_syscalls": (
        ("-T", "2", "1"),
        r"every 1 s; end with Ctrl-C\n\nCALL +PROCESS +CALLS/S\n(?s:.*)\w+ +\S.* +\d+\n(?s:.*)",
    ),
}


def test_every_example_is_tested() -> None:
    assert sorted(CASES) == sorted(path.stem for path in EXAMPLES.glob("*.stp"))


@pytest.mark.parametrize("name", CASES)
def test_example(name: str, tmp_path: Path) -> None:
    words, pattern = CASES[name]
    done = run_stap(f"{EXAMPLES}/{name}.stp", *words, folder=tmp_path)
    allowed = done.returncode == 0 or name in ("failed_calls",)  # whose target fails, as it must
    assert allowed, done.stderr
    assert re.fullmatch(pattern, done.stdout, re.MULTILINE), done.stdout
    assert "ERROR" not in done.stderr


@pytest.mark.parametrize("name", CASES)
def test_an_example_can_be_started_by_its_name(name: str) -> None:
    path = EXAMPLES / f"{name}.stp"
    assert path.read_text().startswith("#!/usr/bin/env stap\n")
    assert os.access(path, os.X_OK)


def test_a_command_of_readme_counts_on_the_live_kernel(tmp_path: Path) -> None:
    """scripts/run without arguments, with the environment that runs the tests; the set-up itself needs the network."""
    venv = Path(sys.executable).parent.parent
    if not (venv / "bin" / "stap").exists():
        pytest.skip("stap is not installed in the environment of the tests")
    words = [str(ROOT / "scripts" / "run"), "-v", str(EXAMPLES / "count.stp"), "-T", "1"]
    stamps = [venv / ".installed", venv / ".installed[dev]"]
    if not any(stamp.exists() for stamp in stamps):
        pytest.skip("the environment of the tests was not made by scripts/setup.sh")
    done = subprocess.run(
        words, env=environment(tmp_path) | {"PYSTAP_VENV": str(venv)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.startswith("==TOTAL==\n")
    assert "Pass 5: run completed" in done.stderr


def test_the_blocks_of_readme_name_what_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:examples|docs|scripts|bench)/[\w.]+", text))
    missing = [name for name in named if not (ROOT / name.rstrip(".")).exists()]
    assert not missing
