"""Small programs that tests compile and probe, and the `stap` command on them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]

CALLS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define PLAIN __attribute__((noinline, noclone))
PLAIN long many(long a, long b, long c, long d, long e, long f, long g, long h)
{ __asm__ volatile(""); return a + b + c + d + e + f + g + h; }
PLAIN int helper(int number, const char *text) { __asm__ volatile(""); return number * 2 + (text != NULL); }
PLAIN int helped(int number) { __asm__ volatile(""); return -number; }
static PLAIN int hidden(int number) { __asm__ volatile(""); return number; }
int main(int argc, char **argv)
{
    char text[16];
    int total = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "text %d", i);
        total += helper(i, text) + helped(i) + hidden(i);
    }
    many(1, 2, 3, 4, 5, 6, -7, 8);
    if (argc > 1 && fork() == 0) {
        helper(77, "child");
        _exit(0);
    }
    wait(NULL);
    return 0;
}
"""

WAITS = r"""
#include <unistd.h>
__attribute__((noinline)) int got(int letter) { __asm__ volatile(""); return letter; }
int main(void)
{
    char letter;
    while (read(0, &letter, 1) == 1)
        got(letter);
    return 0;
}
"""
"""Calls got() with every byte of its input."""


def compiled(folder: Path, source: str, name: str = "program", *options: str, suffix: str = ".c") -> Path:
    """Compile a program with gcc and return its path; `options` come behind -O2."""
    code = folder / (name + suffix)
    code.write_text(source)
    program = folder / name
    compiler = "g++" if suffix == ".cc" else "gcc"
    subprocess.run([compiler, "-O2", str(code), "-o", str(program), *options], check=True, capture_output=True)
    return program


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of the output of a run without errors or warnings."""
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def stap_in(folder: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=folder)
