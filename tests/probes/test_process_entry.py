"""Variables of optimised code that are nowhere at a place, but whose value at the entry of the call is known."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.debuginfo.programs import COMPILERS, build, has, line_of

from .programs import lines, stap_in

SOURCE = r"""
#include <stdio.h>
struct item { int id; const char *name; };
static long seen;
__attribute__((noinline)) int use(long v) { seen += v; return (int)seen; }
static inline __attribute__((always_inline)) long twice(int value)
{
  long doubled = use(value) + use(value);
  use(3); // INLINE
  return doubled;
}
__attribute__((noinline)) long work(struct item *it, int depth, unsigned char flags, const char *text)
{
  long r = use(it->id) + use(depth * 2) + use(flags) + use(text[0]);
  r += twice(depth);
  if (depth > 0) {
    struct item inner = { it->id + 1, "inner" };
    r += work(&inner, depth - 1, flags + 1, text + 1);
  }
  it->id += 100;
  r += use(1); // HERE
  printf("%d %d %s %d %s\n", depth, flags, text, it->id, it->name);
  return r;
}
int main(void) { struct item i = { 40, "outer" }; return work(&i, 3, 250, "abcdef") == 0; }
"""


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("compiler", [compiler for compiler in COMPILERS if has(compiler)])
def test_values_of_the_entry(tmp_path: Path, compiler: str, version: int) -> None:
    """What a pointer of the entry points to is what is there now; nested calls keep theirs apart."""
    program = build(tmp_path, "entry", SOURCE, "-O2", f"-gdwarf-{version}", compiler=compiler)
    values = '$depth, " ", $flags, " ", user_string($text), " ", $it->id, " ", user_string($it->name)'
    place = f'process("{program}").statement("work@entry.c:{line_of("// HERE", SOURCE)}")'
    inline = f'process("{program}").statement("twice@entry.c:{line_of("// INLINE", SOURCE)}")'
    script = f"probe {place} {{ println({values}) }} probe {inline} {{ println($value) }}"
    stap = stap_in(tmp_path)
    out = lines(stap("-e", script, "-c", f"{program} > /dev/null"))
    expected = subprocess.run([program], capture_output=True, text=True).stdout.splitlines()
    assert len(expected) == 4
    assert out == ["3", "2", "1", "0", *expected]
    outcome = stap("-p2", "-e", f"probe {place} {{ println(@entry($depth)) }}")
    assert "@entry is only valid in .return probes" in outcome.stderr
