"""The compiler's child process: results, LLVM's refusals, a death, and no child or descriptor left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pystap.llvm import TRIPLE, Compiler, CompilerError, compile_assembly
from pystap.llvm_library import TRIED, find_library

GOOD = 'define i32 @f(ptr %c) section "p" {\n  ret i32 7\n}\n'
DEADLY = "define i64 @f(i64 %a, i64 %b) {\n  %q = sdiv i64 %a, %b\n  ret i64 %q\n}\n"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_object_and_assembly() -> None:
    before = descriptors()
    assert Compiler().to_object(GOOD)[:4] == b"\x7fELF"
    assert "w0 = 7" in compile_assembly(GOOD)
    assert descriptors() == before


@pytest.mark.parametrize(("text", "words"), [("nonsense", "expected top-level entity"), (DEADLY, "unsupported signed")])
def test_refusal_and_death_are_an_exception(text: str, words: str) -> None:
    before = descriptors()
    with pytest.raises(CompilerError, match=words):
        Compiler().to_object(text)
    assert descriptors() == before


def test_unused_compiler_ends() -> None:
    before = descriptors()
    with Compiler() as compiler:
        child = compiler._child
    compiler.close()
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def test_errand_before_compiling() -> None:
    before = descriptors()
    large = b"found" * 1_000_000
    compiler = Compiler(lambda: large)
    assert compiler.errand_result() == large
    assert compiler.errand_result() == b""
    assert compiler.to_object(GOOD)[:4] == b"\x7fELF"
    with Compiler(lambda: large) as unused:
        assert unused.to_object(GOOD)[:4] == b"\x7fELF"
    assert unused.errand_result() == b""
    compiler = Compiler(lambda: bytes(1 // 0))
    assert compiler.errand_result() == b""
    assert compiler.to_object(GOOD)[:4] == b"\x7fELF"
    assert descriptors() == before


def test_large_module() -> None:
    functions = "".join(f"define i64 @f{i}(i64 %a) {{\n  ret i64 {i}\n}}\n" for i in range(4000))
    assert len(Compiler().to_object(functions)) > 100_000


IN_A_CHILD = """
import sys
from pystap import llvm, llvm_library
translate = llvm_library.Library(llvm_library.find_library()).translate if sys.argv[1] == "library" else None
assert "llvmlite.binding" not in sys.modules
if translate is None:
    import llvmlite.binding as binding
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    translate = llvm.translate_publicly
ir, output = sys.stdin.read(), sys.stdout.buffer
for is_object in (True, False):
    output.write(translate(ir, llvm.TRIPLE, llvm.CPU, is_object))
"""
TYPICAL = """
define i64 @f(ptr %c) section "p" {
  %p = getelementptr i64, ptr %c, i64 3
  %v = load i64, ptr %p
  %r = call i64 @g(i64 %v)
  ret i64 %r
}
define internal i64 @g(i64 %v) "no-builtins" {
  %x = udiv i64 %v, 7
  ret i64 %x
}
"""


@pytest.mark.skipif(not find_library(), reason="this version of llvmlite was not tried without its Python modules")
def test_library_alone_compiles_the_same() -> None:
    ir = f'target triple = "{TRIPLE}"\n{TYPICAL}'.encode()
    made = [
        subprocess.run([sys.executable, "-c", IN_A_CHILD, way], input=ir, capture_output=True, check=True).stdout
        for way in ("library", "publicly")
    ]
    assert made[0] == made[1]
    assert b"\x7fELF" in made[0]
    assert b"r0 /= 7" in made[0]


def test_library_of_another_version_is_left_alone(tmp_path: Path) -> None:
    assert bool(find_library()) == version("llvmlite").startswith(TRIED)
    library = tmp_path / "llvmlite" / "binding" / "libllvmlite.so"
    library.parent.mkdir(parents=True)
    library.touch()
    assert find_library([str(tmp_path), *sys.path]) == ""
    for known, found in ((TRIED[0] + "9", str(library)), ("0.44.0", ""), ("1.0", "")):
        (tmp_path / "llvmlite" / "_version.py").write_text(f"\nversion_version = '{known}'\n")
        assert find_library(["/nonexistent", str(tmp_path), *sys.path]) == found
    library.unlink()
    (tmp_path / "llvmlite" / "_version.py").write_text(f"version_version = '{TRIED[0]}1'\n")
    assert find_library([str(tmp_path), *sys.path]) == ""
