"""Programs that tests compile to look at their debugging information."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

COMPILERS = ("gcc", "clang")

SOURCE = r"""
#include <stdio.h>
enum color { RED, GREEN = 5, BLUE };
struct inner { int a; short b; };
struct node {
  struct node *next; int value; char name[16]; unsigned low:3; unsigned high:5; signed tiny:4; enum color color;
  struct inner in; union { int u1; char u2[4]; }; double real; int array[4]; int grid[2][3];
};
int counter = 7;
static long hidden = -3;
__thread int per_thread = 42;
static inline __attribute__((always_inline)) int square(int v) { int w = v * v; return w + counter; }
__attribute__((noinline)) int work(struct node *n, int k, const char *text)
{
  int local = k * 2;
  int i;
  for (i = 0; i < 3; i++)
    local += square(n->value + i);
  hidden += local;
  printf("work local=%d k=%d value=%d text=%s i=%d\n", local, k, n->value, text, i);
again:
  per_thread++;
  return local;
}
int main(int argc, char **argv)
{
  struct node n = { 0, 3, "hello", 5, 17, -2, BLUE, { 11, 12 }, { 99 }, 2.5, { 1, 2, 3, 4 }, { { 5, 6, 7 }, { 8 } } };
  int total = 0;
  for (int j = 0; j < 3; j++) {
    n.value = j + 10;
    total += work(&n, j, "text!");
  }
  printf("total=%d hidden=%ld\n", total, hidden);
  return 0;
}
"""


def line_of(text: str, source: str = SOURCE) -> int:
    """Return the number of the first line with a text."""
    return next(number for number, line in enumerate(source.splitlines(), 1) if text in line)


@cache
def has(tool: str) -> bool:
    return shutil.which(tool) is not None


def build(folder: Path, name: str, source: str, *options: str, compiler: str = "gcc", suffix: str = ".c") -> Path:
    """Compile a source text to a program; the source lies beside it."""
    file = folder / (name + suffix)
    if not file.exists() or file.read_text() != source:
        file.write_text(source)
    made = folder / "_".join([name, compiler, *(option.strip("-") for option in options if "/" not in option)])
    if suffix != ".c":
        compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    subprocess.run([compiler, "-g", *options, str(file), "-o", str(made)], check=True)
    return made
