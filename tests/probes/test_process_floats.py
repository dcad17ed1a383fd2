"""Floating-point variables of programs: the bits of a double, and decimal numbers where a value is printed whole."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.debuginfo.programs import COMPILERS, build, has

from .programs import Stap, lines, stap_in

SOURCE = r"""
#include <stdio.h>
#include <string.h>
struct point { double x; float y; int n; float list[2]; };
const unsigned patterns[] = {
  0, 0x80000000, 1, 0x7fffff, 0x80000001, 0x400000, 0x800000, 0x3f800000, 0xc0490fdb, 0x7f7fffff, 0x7f800000,
  0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345,
};
__attribute__((noinline)) float show(float f) { asm volatile("" ::: "memory"); return f; }
__attribute__((noinline)) int use(struct point *p, double d) { asm volatile("" ::: "memory"); return p->n + (int)d; }
int main(void)
{
  for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    float f;
    memcpy(&f, patterns + i, sizeof f);
    show(f);
  }
  struct point p = { 1.5, 2.25f, 3, { 0.5f, -7 } };
  return use(&p, 3.25) - 6;
}
"""
PATTERNS = [int(text, 0) for text in re.findall(r"\b0x\w+|\b\d+(?=,)", SOURCE.partition("{\n  0")[2].partition("}")[0])]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@pytest.mark.parametrize("compiler", [name for name in COMPILERS if has(name)])
def test_floats_are_widened_where_the_handler_runs(stap: Stap, tmp_path: Path, compiler: str) -> None:
    """In the kernel (a key of an array) and in user space (printed), as the C language converts them."""
    program = build(tmp_path, "floats", SOURCE, "-O0", compiler=compiler)
    script = f"""
        global seen
        probe process("{program}").function("show") {{ seen[$f]++; printf("%x\\n", $f) }}
        probe end {{ foreach (bits+ in seen) printf("key %x\\n", bits) }}"""
    shown = lines(stap("-e", script, "-c", str(program)))
    printed = [int(line, 16) for line in shown if not line.startswith("key")]
    keys = {int(line[4:], 16) for line in shown if line.startswith("key")}
    values = [struct.unpack("<f", number.to_bytes(4, "little"))[0] for number in (0, *PATTERNS)]
    assert len(printed) == 15
    assert printed == [int.from_bytes(struct.pack("<d", value), "little") for value in values]
    assert keys == set(printed)


def test_numbers_in_structs_and_groups(stap: Stap, tmp_path: Path) -> None:
    program = build(tmp_path, "floats", SOURCE, "-O0")
    script = f"""probe process("{program}").function("use") {{
        println($p$$)
        println($$parms)
        println(fp_to_string($p->y, 2), " ", fp_to_string($p->list[1], 1), " ", fp_to_string($d, 3))
        println(fp_to_long(@cast($p, "struct point")->y, 3, 0)) }}"""
    shown = lines(stap("-e", script, "-c", str(program)))
    assert shown[0] == "{.x=1.500000, .y=2.250000, .n=3, .list=[0.500000, -7.000000]}"
    assert shown[1].endswith(" d=0x400a000000000000")
    assert shown[2] == "2.25 -7.0 3.250"


def test_numbers_in_registers_are_refused(stap: Stap, tmp_path: Path) -> None:
    program = build(tmp_path, "floats", SOURCE, "-O2")
    outcome = stap("-p2", "-e", f'probe process("{program}").function("use") {{ println($d) }}')
    assert outcome.returncode == 1
    assert "it is in the floating-point register xmm0, which eBPF programs cannot read; the program has $p here" in (
        outcome.stderr
    )
    assert subprocess.run([program], check=False).returncode == 0
