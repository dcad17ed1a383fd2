"""Debuginfo of a kernel module's file, without a kernel that has it loaded."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pystap.debuginfo.dwarf_kernel import KernelDwarf, kernel_dwarf
from pystap.program.nodes import Binary, ContextValue
from pystap.source import NO_SPAN

SOURCE = """
struct pair { int first; long second; };
int calls = 3;
int zero;
static inline __attribute__((always_inline)) int twice(int inlined) { calls++; zero += inlined; return inlined * 2; }
__attribute__((noinline)) int leaf(struct pair *pair, int add) {
  int sum = pair->first + add;
  return sum;
}
int outer(int number) {
  struct pair local = { number, 0 };
  return leaf(&local, 5) + twice(number);
}
__attribute__((section(".init.text"))) int start(void) { return calls; }
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> KernelDwarf:
    """A module's file is what the compiler gives: not linked, its addresses count from 0 in each section."""
    folder = tmp_path_factory.mktemp("module")
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (folder / "small.c").write_text(SOURCE)
    subprocess.run([compiler, "-c", "-g", "-O2", "-o", folder / "small.ko", folder / "small.c"], check=True)
    found = kernel_dwarf("pystap_no_such", str(folder / "small.ko"), "release")
    assert found is not None
    return found


def test_places_are_symbols_and_offsets(module: KernelDwarf) -> None:
    source = module.source
    [leaf] = source.functions(module.path, "leaf@small.c", "call") or ()
    point = module.point(leaf)
    assert (point.base, point.offset, point.module, point.is_entry) == ("leaf", 0, "pystap_no_such", False)
    assert {"$pair", "$add"} <= set(leaf.variables())
    [twice] = source.functions(module.path, "twice", "inline") or ()
    inlined = module.point(twice)
    assert [module.symbol(place) for place in (leaf, twice)] == ["leaf", ""]
    assert (inlined.name, inlined.base) == ("twice", "outer")
    assert inlined.offset > 0
    line = SOURCE.splitlines().index("  return sum;") + 1
    places = source.statements(module.path, f"leaf@small.c:{line}", False) or ()
    assert [module.point(place).base for place in places] == ["leaf"]


def test_what_only_initialises_is_not_kept(module: KernelDwarf) -> None:
    places = module.source.functions(module.path, "*@small.c", "call") or ()
    assert {place.name: module.is_kept(place) for place in places} == {"leaf": True, "outer": True, "start": False}


def test_variables_lie_in_sections_that_are_loaded_anywhere(module: KernelDwarf) -> None:
    [outer] = module.source.functions(module.path, "outer", "call") or ()
    assert outer.program is not None
    for name, section in (("calls", ".data"), ("zero", ".bss")):
        variable = outer.program.global_variable(name, None)
        assert variable is not None
        place = variable.value(NO_SPAN).expression
        assert isinstance(place, Binary)
        assert isinstance(place.left, ContextValue)
        assert place.left.name == f"pystap_no_such:{section}"


def test_a_file_without_debuginfo(tmp_path: Path) -> None:
    assert kernel_dwarf("pystap_no_such", str(tmp_path / "none.ko"), "release") is None
