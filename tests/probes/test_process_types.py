"""C++ programs whose types are in units of their own, and functions that begin with code that was inlined into them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.debuginfo.programs import has

from .programs import Stap, lines, stap_in

SOURCE = r"""
#include <string>
#include <vector>
struct Item { std::string name; int number; Item *next; };
enum class Color { RED = 3, BLUE = 9 };
__attribute__((noinline)) int run(Item &item, Color color, std::vector<int> &weights)
{
  int total = 0;
  for (int weight : weights) total += weight * (int)color;
  return total + item.number + item.next->number;
}
int main()
{
  Item last{"last", 5, nullptr}, first{"first", 7, &last};
  std::vector<int> weights{1, 2, 3};
  return run(first, Color::BLUE, weights) - 66;
}
"""
APART = "-fdebug-types-section"
VARIANTS = [
    ("g++", "-O2", "-gdwarf-4", APART),
    ("g++", "-O0", "-gdwarf-5", APART, "-gsplit-dwarf"),
    ("g++", "-O0", "-gdwarf-4", APART, "-gsplit-dwarf"),
    ("clang++", "-O2", "-gdwarf-4"),
    ("clang++", "-O0", "-gdwarf-4", APART),
    ("clang++", "-O2", "-gdwarf-5", APART, "-gsplit-dwarf", "packed"),
]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@pytest.mark.parametrize("variant", VARIANTS, ids=" ".join)
def test_parameters_and_their_types_at_the_entry(stap: Stap, tmp_path: Path, variant: tuple[str, ...]) -> None:
    """Clang begins `run` with what it inlined of the vector, whose variables are not those of `run`."""
    compiler, *options = variant
    packed = "packed" in options
    if not has(compiler) or (packed and not has("llvm-dwp")):
        pytest.skip(f"no {compiler}")
    (tmp_path / "main.cc").write_text(SOURCE)
    for command in (
        [compiler, *(option for option in options if option != "packed"), "-c", "main.cc"],
        [compiler, "-o", "main", "main.o"],
        *([["llvm-dwp", "-e", "main", "-o", "main.dwp"], ["rm", "main.dwo"]] if packed else []),
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    program = tmp_path / "main"
    script = f"""probe process("{program}").function("run") {{
        println($item->number, " ", $item->next->number, " ", $color)
        println(@cast($item, "struct Item")->next->number) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == ["7 5 9", "5"]
    listed = stap("-L", f'process("{program}").function("run")').stdout
    assert "$item:struct Item& $color:enum Color $weights:" in listed
