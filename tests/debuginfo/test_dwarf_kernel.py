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


def test_an_address_has_the_variables_of_its_statement(module: KernelDwarf) -> None:
    """Addresses count from the start of section .text, where a module's file has no other."""
    line = SOURCE.splitlines().index("  return leaf(&local, 5) + twice(number);") + 1
    places = module.source.statements(module.path, f"outer@small.c:{line}", False) or ()
    outer = module.point(places[0])
    symbols = subprocess.run(["nm", module.path], check=True, capture_output=True, text=True).stdout
    start = next(int(row.split()[0], 16) for row in symbols.splitlines() if row.endswith(" T outer"))
    address = start + outer.offset
    found = module.at_address(address, "statement")
    assert found is not None
    assert (found[0].name, found[1]) == ("outer", address)
    assert module.point(found[0]) == outer
    assert {"$local", "$number"} <= set(found[0].variables()) == set(places[0].variables())


def test_an_address_inside_a_statement(module: KernelDwarf) -> None:
    [leaf] = module.source.functions(module.path, "leaf", "call") or ()
    base = leaf.offset - module.point(leaf).offset
    text = next(one.address for one in module._info.data.elf.sections if one.name == ".text")
    inside = next(
        at for at in range(base - text, base - text + 64)
        if (near := module.at_address(at, "nearest")) is not None and near[1] != at
    )  # fmt: skip
    nearest = module.at_address(inside, "nearest")
    assert nearest is not None
    assert nearest[1] < inside
    with pytest.raises(LookupError, match=f"{inside:#x} does not match the beginning.*try {nearest[1]:#x}"):
        module.at_address(inside, "statement")
    found = module.at_address(inside, "any")
    assert found is not None
    assert found[1] == inside
    assert module.at_address(0x40000, "nearest") is None


def test_a_file_without_debuginfo(tmp_path: Path) -> None:
    assert kernel_dwarf("pystap_no_such", str(tmp_path / "none.ko"), "release") is None
