"""Lines, inlined functions, labels, calls and variables of a module that has debuginfo."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pystap.debuginfo.dwarf_elf import open_elf
from pystap.debuginfo.dwarf_kernel import kernel_dwarf

from ..command import run_stap
from ..vm.known_module import NAME, SOURCE, module_for

Stap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


@pytest.fixture(scope="module")
def module() -> Iterator[str]:
    """The module, loaded; gives how probe points name it."""
    path = module_for(os.uname().release)
    if path is None:
        pytest.skip("the headers of this kernel are not installed")
    subprocess.run(["insmod", str(path)], check=True)
    yield f'module("{path}")'
    subprocess.run(["rmmod", NAME], check=True)


def line(text: str) -> int:
    """The number of the line of the module's source that has a text."""
    return next(number for number, own in enumerate(SOURCE.read_text().splitlines(), 1) if text in own)


def test_places_and_variables(stap: Stap, module: str) -> None:
    """The module computes known_outer(7) and known_outer(2000) when its file is read."""
    file = f"{NAME}.c"
    script = f"""
    probe {module}.function("known_leaf") {{ printf("entry %s %d %d\\n", ppfunc(), $pair->first, $add) }}
    probe {module}.function("known_outer@{file}").return {{ printf("return %d of %d\\n", $return, $number) }}
    probe {module}.statement("known_leaf@{file}:{line("sum > 1000")}") {{ printf("line %d\\n", $sum) }}
    probe {module}.function("twice") {{ printf("inline %d %d\\n", $inlined, @var("calls")) }}
    probe {module}.function("known_leaf").label("big") {{ printf("label %d\\n", $sum) }}
    probe {module}.function("known_outer").callee("known_leaf") {{ printf("callee %d %s\\n", $add, $pair$) }}
    """
    done = stap("-e", script, "-c", f"cat /proc/{NAME}")
    assert done.returncode == 0, done.stderr
    expected = """entry known_leaf 7 5
callee 5 {.first=7, .second=0}
line 12
inline 7 0
return 26 of 7
entry known_leaf 2000 5
callee 5 {.first=2000, .second=0}
line 2005
label 2005
inline 2000 1
return 1995 of 2000
26 1995
"""
    assert sorted(done.stdout.splitlines()) == sorted(expected.splitlines())


def test_variables_where_nothing_of_the_module_is_probed(stap: Stap, module: str) -> None:
    path = module.partition('"')[2].rstrip('")')
    script = f"""
    probe begin {{ println(@var("calls@{NAME}.c", "{path}") % 2, " ", @defined(@var("nosuch", "{path}"))) }}
    global seen
    probe kernel.trace("sys_enter") {{ if (pid() == target() && !seen++) println(@var("calls", "{path}") % 2) }}"""
    done = stap("-e", script, "-c", "true")
    assert (done.stdout, done.stderr) == ("0 0\n0\n", "")


def test_all_functions_of_a_source_file(stap: Stap, module: str) -> None:
    script = f"""global n probe {module}.function("*@{NAME}.c") {{ n[ppfunc()]++ }}
    probe end {{ foreach (name+ in n) println(name, " ", n[name]) }}"""
    done = stap("-e", script, "-c", f"cat /proc/{NAME}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "26 1995\nknown_leaf 2\nknown_outer 2\nshow 1\ntwice 2\n"


def test_variables_at_an_address(stap: Stap, module: str) -> None:
    """An address of the file's section .text, of a statement or (.nearest, guru mode) inside one."""
    path = module.partition('"')[2].rpartition('"')[0]
    code = kernel_dwarf(NAME, path, "")
    assert code is not None
    [place] = code.source.statements(path, f"known_leaf@{NAME}.c:{line('sum > 1000')}", False) or ()
    [start] = (value for name, value, _ in open_elf(path).function_symbols() if name == "known_leaf")
    address = start - open_elf(path).section(".text").address + code.point(place).offset
    point = f"{module}.statement({address:#x})"
    script = f"""
    probe {point} {{ printf("there %s %d %d\\n", pp() == @1 ? "pp" : pp(), $sum, $pair->first) }}
    probe {module}.statement({address + 1:#x}).nearest {{ printf("nearest %d %s\\n", $sum, ppfunc()) }}"""
    done = stap("-e", script, point, "-c", f"cat /proc/{NAME}")
    assert done.returncode == 0, done.stderr
    expected = ["there pp 12 7", "there pp 2005 2000", "nearest 12 known_leaf", "nearest 2005 known_leaf", "26 1995"]
    assert sorted(done.stdout.splitlines()) == sorted(expected)
    done = stap("-e", f"probe {module}.statement({address + 1:#x}) {{ println($sum) }}")
    assert f"address {address + 1:#x} does not match the beginning of a statement (try {address:#x})" in done.stderr


@pytest.mark.guest(thorough=True)
def test_lines_and_calls(stap: Stap, module: str) -> None:
    """Ranges of lines, the nearest one, and what a function calls; 7 stays below the branch, 2000 takes it."""
    file, leaf = f"{NAME}.c", f'{module}.statement("known_leaf@{NAME}.c'
    first, last = line("int sum = "), line("return -sum")
    script = f"""global n
    probe {leaf}:{first},{last - 1}-{last}") {{ n["range"]++ }}
    probe {leaf}:{line("return sum")}").nearest {{ n["nearest"]++ }}
    probe {leaf}+2") {{ n["second line"]++ }}
    probe {module}.function("known_outer").callees {{ n[ppfunc()]++ }}
    probe {module}.function("known_leaf@{file}:{line("int known_leaf")}") {{ n["at line"]++ }}
    probe end {{ foreach (what+ in n) println(what, " ", n[what]) }}"""
    done = stap("-e", script, "-c", f"cat /proc/{NAME}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "26 1995\nat line 2\nknown_leaf 2\nnearest 2\nrange 4\nsecond line 2\ntwice 2\n"


def test_listing(stap: Stap, module: str) -> None:
    """What cannot be read there is left out: $sum has no value yet."""
    done = stap("-L", f'{module}.function("known_leaf@{NAME}.c")')
    assert done.stdout.startswith(f'{module}.function("known_leaf@')
    assert done.stdout.rstrip().endswith("$pair:struct pair* $add:int")


def test_errors(stap: Stap, module: str) -> None:
    done = stap("-e", f'probe {module}.function("twice").return {{ println(1) }}')
    assert "function 'twice' is inlined everywhere: it has no entry and no return of its own" in done.stderr
    done = stap("-e", f'probe {module}.function("thrice") {{ println(1) }}')
    assert f"no match for function 'thrice' in module '{NAME}': absent: identifier" in done.stderr
    done = stap("-e", f'probe {module}.function("known_leaf@{NAME}.c") {{ println($sum) }}')
    assert "'$sum' is not accessible at this place" in done.stderr
    done = stap("-e", f'probe {module}.statement("known_leaf@{NAME}.c:1") {{ println(1) }}')
    assert f"{NAME}.c:1" in done.stderr
    assert done.returncode == 1
