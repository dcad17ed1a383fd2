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

#: A program with functions to probe, compiled by the test of an example that has `{program}` in its words.
PROGRAM = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) int nap(int milliseconds) { return usleep(milliseconds * 1000); }
__attribute__((noinline)) long spin(long n)
{
    for (long i = 0; i < 200000000; i++)
        __asm__ volatile("" : "+r"(n));
    return n;
}
__attribute__((noinline)) int add(int a, int b)
{
    int sum = a;
    sum += b;
    return sum;
}
int main(void)
{
    nap(30);
    nap(0);
    spin(add(1, 2));
    return 0;
}
"""

#: The words behind the script's name, and the pattern that the whole output must match.
CASES = {
    "hello": ((), r"hello world\n"),
    "calls_by_process": (
        ("-c", WORK),
        r" +PID PROCESS +CALLS +FAILED +MOST OFTEN\n(?s:.*)^ *\d+ cat +\d+ +\d+  openat(?: \w+){2}\n(?s:.*)",
    ),
    "count": (("-c", WORK), r"==TOTAL==\n(?s:.*)^cat : \d+ \n(?s:.*)"),
    "cpu_profile": (("-T", "1"), r"( *\d+\.\d% .+\[\d+\]\n)+"),
    "failed_opens": (
        ("-c", "cat /nowhere 2>/dev/null; true"),
        r"(\S+\[\d+\] \"/\S+\" E\w+\n)*cat\[\d+\] \"/nowhere\" ENOENT\n(?s:.*)",
    ),
    "failed_calls": (("-c", "exec cat /nowhere 2>/dev/null"), r"(\S.{15} .{20} E\w+ +\d+\n)+"),
    "flame_graph": (("-c", "{program}"), r"program;_start;\S*;main;spin \d+\n(?s:.*)"),
    "malloc_sizes": (
        ("-c", WORK),
        r"\d+ calls, \d+ bytes on average, \d+ at most\n *value \|-+ count\n(?s:.*)^cat +\d+ calls +\d+ bytes\n(?s:.*)",
    ),
    "io_by_process": (("-c", WORK), r"PROCESS +PID +READ +WRITTEN\n(?s:.*)^cat +\d+ +\d+ +\d+\n(?s:.*)"),
    "process_tree": (("-c", WORK), r"(?s:.*): sh\[\d+\] started cat\[\d+\]\n(?s:.*)"),
    "python_imports": (
        ("{python}", "-c", "{python} -I -c 'import json'"),
        r"(?s:.*)^ *\d+ us   json.decoder\n *\d+ us   json.encoder\n *\d+ us json\n(?s:.*)",
    ),
    "slow_calls": (("-c", WORK, "100"), r"(?s:.*)sleep\[\d+\] clock_nanosleep\(.*\) = 0 <\d+\.\d{3} ms>\n(?s:.*)"),
    "slow_functions": (("-c", "{program}", "{program}", "nap", "20000"), r"program\[\d+\] nap = 0 <\d+ us>\n"),
    "strace": (
        ("-G", "times=1", "-G", "errors=1", "-c", "cat /nowhere 2>/dev/null; true"),
        (
            r"(?s:.*)^\[\d+\] openat\(AT_FDCWD, \"/nowhere\", O_RDONLY\) = -2 \(ENOENT\) <0\.\d{6}>\n"
            r"(?s:.*)^\[\d+\] \+\+\+ exited with 1 \+\+\+\n\[\d+\] --- SIGCHLD ---\n"
            r"(?s:.*)^\[\d+\] \+\+\+ exited with 0 \+\+\+\n"
        ),
    ),
    "syscall_latency": (
        ("-c", "exec cat /etc/passwd"),
        r"(?s:.*)^openat: \d+ calls, \d+ us on average, \d+ us at most\nvalue \|-+ count\n( *\d+ \|@* +\d+\n)+(?s:.*)",
    ),
    "trace_lines": (
        ("-c", "{program}", "{program}", "add@*:*"),
        r"(process\(\S+\)\.statement\(\"add@\S+program\.c:\d+\"\)  a=.*\n){3,}(?<=a=0x1 b=0x2 sum=0x3\n)",
    ),
    "top_syscalls": (
        ("-T", "2", "1"),
        r"every 1 s; end with Ctrl-C\n\nCALL +PROCESS +CALLS/S\n(?s:.*)\w+ +\S.* +\d+\n(?s:.*)",
    ),
}


def test_every_example_is_tested() -> None:
    assert sorted(CASES) == sorted(path.stem for path in EXAMPLES.glob("*.stp"))


def _filled(word: str, folder: Path) -> str:
    """Return a word of a command with the program, or an interpreter that has markers, in its place."""
    if "{python}" in word:
        pythons = [path for path in Path("/usr/bin").glob("python3.*[0-9]") if b"function__entry" in path.read_bytes()]
        if not pythons:
            pytest.skip("no Python interpreter with markers")
        return word.replace("{python}", str(pythons[0]))
    if "{program}" in word:
        program = folder / "program"
        (folder / "program.c").write_text(PROGRAM)
        command = ["gcc", "-g", "-O0", str(folder / "program.c"), "-o", str(program)]
        subprocess.run(command, check=True, capture_output=True)
        return word.replace("{program}", str(program))
    return word


@pytest.mark.parametrize("name", CASES)
def test_example(name: str, tmp_path: Path) -> None:
    words, pattern = CASES[name]
    words = tuple(_filled(word, tmp_path) for word in words)
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
