"""Linkage tables, libraries, stripped programs with separate debuginfo, C++, scripts: where code is found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .programs import CALLS, Stap, compiled, lines, stap_in

CPLUSPLUS = r"""
namespace fruit {
template <typename T> struct Basket {
    __attribute__((noinline)) long put(T item) { __asm__ volatile(""); return sum += item; }
    long sum = 0;
};
struct Seller {
    __attribute__((noinline)) int operator()(int price) { __asm__ volatile(""); return price; }
    __attribute__((noinline)) static int sell(int price) { __asm__ volatile(""); return price + 1; }
};
}
namespace { __attribute__((noinline)) int secret(int n) { __asm__ volatile(""); return n; } }
int main()
{
    fruit::Basket<int> basket;
    fruit::Basket<long> other;
    fruit::Seller seller;
    return basket.put(3) + other.put(4) + seller(5) + fruit::Seller::sell(6) + secret(7) == 26 ? 0 : 1;
}
"""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@pytest.mark.guest(native=True, thorough=True)
@pytest.mark.parametrize("options", [("-Wl,-z,lazy",), ("-fcf-protection", "-Wl,-z,now")], ids=["lazy", "now"])
def test_linkage_table(stap: Stap, tmp_path: Path, options: tuple[str, ...]) -> None:
    program = compiled(tmp_path, CALLS, "program", *options)
    script = """
    probe process.plt { printf("%s %s %s\\n", $$name, ppfunc(), pp()) }
    probe process.plt("fork").return { println("forked ", returnval() > 0) }
    probe process.plt("snprintf") { println("length ", long_arg(2), " ", user_string(pointer_arg(3), "")) }"""
    out = lines(stap("-e", script, "-c", f"{program} x"))
    assert f'fork fork process("{program}").plt("fork")' in out
    assert out.count(f'snprintf snprintf process("{program}").plt("snprintf")') == 3
    assert sum(line.startswith("length 16") for line in out) == 3
    assert "forked 1" in out
    assert "forked 0" in out
    listed = lines(stap("-l", f'process("{program}").plt("*f")'))
    assert listed == [f'process("{program}").plt("snprintf")']
    done = stap("-l", f'process("{program}").plt("frok")')
    assert "(similar functions: fork)" in done.stderr


@pytest.mark.guest(native=True, thorough=True)
def test_libraries(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, CALLS)
    listed = lines(stap("-l", f'process("{program}").library("libc.*").function("wait4").call'))
    assert listed[0].startswith(f'process("{program}").library("/')
    assert "libc.so.6" in listed[0]
    by_name = lines(stap("-l", 'process("libc").function("_exit"), process("libc.so.6").function("_exit")'))
    assert len(by_name) == 1
    done = stap("-l", f'process("{program}").library("libx.so").function("f")')
    assert "no library 'libx.so' (linked libraries: " in done.stderr
    done = stap("-l", f'process("{program}").function("wait4")')
    assert f"no match for function 'wait4' in '{program}' ('libc.so.6' has it: process(...).library(" in done.stderr


def test_stripped_programs(stap: Stap, tmp_path: Path) -> None:
    """By debug link beside it, in .debug, and with a link to other debuginfo, which is no match."""
    program = compiled(tmp_path, CALLS, "program", "-Wl,--build-id=none")
    debug = tmp_path / "program.debug"
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    point = f'process("{program}").function("hidden")'
    subprocess.run(["strip", program], check=True)
    assert "no match for function 'hidden'" in stap("-l", point).stderr
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", program], check=True)
    assert lines(stap("-l", point)) == [point]
    (tmp_path / ".debug").mkdir()
    debug.rename(tmp_path / ".debug" / "program.debug")
    assert lines(stap("-l", point)) == [point]
    (tmp_path / ".debug" / "program.debug").write_bytes(Path("/bin/true").read_bytes())
    assert "no match for function 'hidden'" in stap("-l", point).stderr


def test_cplusplus_by_symbols(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, CPLUSPLUS, "fruits", suffix=".cc")
    process = f'process("{program}")'
    script = f"""
    probe {process}.function("fruit::Basket<int>::put") {{ println("int ", ppfunc(), " ", int_arg(2)) }}
    probe {process}.function("Basket::put") {{ println("any ", ppfunc()) }}
    probe {process}.function("Seller::*") {{ println("seller ", ppfunc()) }}
    probe {process}.function("secret") {{ println(pp()) }}
    probe {process}.function("*ell*") {{ println("pattern ", ppfunc()) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == [
        "int fruit::Basket<int>::put 3",
        "any fruit::Basket<int>::put",
        "any fruit::Basket<long>::put",
        "seller fruit::Seller::operator()",
        "pattern fruit::Seller::operator()",
        "seller fruit::Seller::sell",
        "pattern fruit::Seller::sell",
        f'{process}.function("(anonymous namespace)::secret")',
    ]


def test_a_script_means_its_interpreter(stap: Stap, tmp_path: Path) -> None:
    interpreter = compiled(tmp_path, CALLS, "interpreter")
    script = tmp_path / "script"
    script.write_text(f"#!{interpreter} x\n")
    script.chmod(0o755)
    assert lines(stap("-l", f'process("{script}").function("helper")')) == [
        f'process("{interpreter}").function("helper")'
    ]
    out = lines(stap("-e", 'probe process.function("helped") { println(execname()) }', "-c", str(script)))
    assert out == ["script"] * 3
