"""Searches for functions in programs of several units: both ways find the same, and each place of a function once."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from pystap.debuginfo import dwarf_search, shares
from pystap.debuginfo.dwarf import DebugInfo, open_debuginfo
from pystap.debuginfo.dwarf_search import FunctionSearch
from pystap.debuginfo.dwarf_statements import SourcePattern

from .programs import COMPILERS, has

HEADER = r"""
#include <stdio.h>
struct Counter {
  int value;
  __attribute__((noinline)) int twice(int x) { value += x; return value * 2; }
  __attribute__((always_inline)) int mixed(int x) { asm volatile("nop"); value ^= x; return value; }
  __attribute__((noinline)) int outer(int x) { return mixed(x) + 1; }
};
namespace deep {
template <int N> __attribute__((noinline)) int templated(int x) { asm volatile("nop"); return x + N; }
}
"""
UNIT = r"""
#include "shared.h"
namespace { __attribute__((noinline)) int hidden(int x) { asm volatile("nop"); return x - NUMBER; } }
int CALL(int n) { Counter c{n}; return c.twice(n) + c.outer(n) + c.mixed(n) + hidden(n) + deep::templated<NUMBER>(n); }
"""
MAIN = r"""
#include "shared.h"
int unit1(int); int unit2(int); int unit3(int); int unit4(int);
int main() { printf("%d\n", unit1(3) + unit2(4) + unit3(5) + unit4(6)); return 0; }
"""
NAMES = ("twice", "mixed", "outer", "hidden", "templated<3>", "main", "unit*", "*", "deep::*", "Counter::twice", "none")
VARIANTS = [
    pytest.param(compiler, options, marks=pytest.mark.skipif(not has(compiler), reason=f"no {compiler}"))
    for compiler in COMPILERS
    for options in (("-gdwarf-4", "-O2"), ("-gdwarf-5", "-O0"), ("-gdwarf-5", "-O2"))
] + [("gcc", ("-O2", "-flto"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    (folder / "shared.h").write_text(HEADER)
    (folder / "main.cc").write_text(MAIN)
    for number in range(1, 5):
        text = UNIT.replace("NUMBER", str(number)).replace("CALL", f"unit{number}")
        (folder / f"unit{number}.cc").write_text(text)
    return folder


def built(folder: Path, compiler: str, options: tuple[str, ...]) -> Path:
    program = folder / "_".join((compiler, *options))
    if not program.exists():
        units = [f"unit{number}.cc" for number in range(1, 3)]
        units += [str(folder / f"unit{number}.cc") for number in range(3, 5)]  # Clang writes down whole paths then
        command = [{"gcc": "g++", "clang": "clang++"}[compiler], "-g", *options, "-o", program.name, *units, "main.cc"]
        subprocess.run(command, check=True, cwd=folder)
    return program


def opened(program: Path) -> DebugInfo:
    info = open_debuginfo(str(program))
    assert info is not None
    return info


def entries(search: FunctionSearch, name: str, walk: bool) -> set[tuple[int, str]]:
    """Return addresses and names of what one of the two ways of searching finds."""
    whole = (0, 1 << 62)
    last = name.rpartition("::")[2]
    found = search.by_walk(name, None, None, whole) if walk else search.by_reference(name, [last], whole)
    return {(info.entry, info.qualified) for info in search.merged(search.rows(found, None))}


@pytest.mark.parametrize(("compiler", "options"), VARIANTS)
def test_references_lead_to_what_a_walk_finds(folder: Path, compiler: str, options: tuple[str, ...]) -> None:
    info = opened(built(folder, compiler, options))
    search = FunctionSearch(info.elf, info.data, info.names)
    for name in NAMES:
        if "*" not in name:
            assert entries(search, name, walk=False) == entries(search, name, walk=True), name
    assert entries(search, "twice", walk=True)
    assert not entries(search, "none", walk=True)


@pytest.mark.skipif(not has("dwz"), reason="no dwz")
def test_references_in_files_that_dwz_made_smaller(folder: Path) -> None:
    info = opened(built(folder, "gcc", ("-gdwarf-5", "-O2")))
    search = FunctionSearch(info.elf, info.data, info.names)
    expected = {name: entries(search, name, walk=True) for name in NAMES}
    small = folder / "small"
    subprocess.run(["dwz", "-o", str(small), info.elf.path], check=True)
    other = opened(small)
    search = FunctionSearch(other.elf, other.data, other.names)
    for name in NAMES:
        assert entries(search, name, walk=True) == expected[name], name
        if "*" not in name:
            assert entries(search, name, walk=False) == expected[name], name


@pytest.mark.parametrize(("compiler", "options"), VARIANTS)
def test_a_function_of_a_header_file_is_found_once(folder: Path, compiler: str, options: tuple[str, ...]) -> None:
    info = opened(built(folder, compiler, options))
    for name in ("twice", "outer"):
        functions = [function for function in info.functions(name) if not function.is_inline]
        assert len(functions) == len({function.entry for function in functions})
    (outer,) = {function.entry for function in info.functions("outer")}
    inside = info.function_at(outer)
    assert inside is not None
    instances = [one.entry for one in info.functions("mixed") if inside.contains(one.entry)]
    assert len(instances) == len(set(instances))
    line = HEADER.splitlines().index("  int value;") + 2
    addresses = [one.address for one in info.statements(SourcePattern.parse(f"twice@shared.h:{line}"))]
    assert len(addresses) == len(set(addresses)) == 1


@pytest.mark.parametrize(("compiler", "options"), VARIANTS)
def test_functions_of_a_source_file(folder: Path, compiler: str, options: tuple[str, ...]) -> None:
    info = opened(built(folder, compiler, options))
    everything = info.functions("*")
    for file in ("unit2.cc", "unit3.cc", "shared.h", "main.cc", "unit?.cc"):
        expected = {(one.entry, one.name) for one in everything if Path(one.file).match(file)}
        assert {(one.entry, one.name) for one in info.functions("*", file)} == expected
        assert expected
    assert {one.name for one in info.functions("*", "unit3.cc")} >= {"unit3", "hidden"}


@pytest.mark.parametrize(("compiler", "options"), VARIANTS)
def test_processes_find_what_one_finds(
    folder: Path, compiler: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each searches a part of the units; one that fails has its part done by the first."""
    info = opened(built(folder, compiler, options))
    search = FunctionSearch(info.elf, info.data, info.names)
    expected = {name: search.find(name, None) for name in NAMES}
    monkeypatch.setattr(dwarf_search, "_LARGE", 0)
    monkeypatch.setattr(dwarf_search, "processes", lambda: 3)
    forked = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())  # type: ignore[func-returns-value]
    for name in NAMES:
        again = search.find(name, None)
        assert [(one.entry, one.name, one.ranges) for one in again] == [
            (one.entry, one.name, one.ranges) for one in expected[name]
        ]
    assert bool(forked) is ("-flto" not in options)
    own = os.getpid()
    marshal = shares.marshal.dumps
    monkeypatch.setattr(shares.marshal, "dumps", lambda rows: marshal(rows) if os.getpid() == own else 1 / 0)
    assert len(search.find("twice", None)) == len(expected["twice"])

    def refused() -> int:
        raise OSError(errno.EAGAIN, "no process")

    monkeypatch.setattr(os, "fork", refused)
    assert len(search.find("twice", None)) == len(expected["twice"])
