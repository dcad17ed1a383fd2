"""The compiler's child process: results, LLVM's refusals, a death, and no child or descriptor left behind."""

from __future__ import annotations

import os

import pytest

from pystap.llvm import Compiler, CompilerError, compile_assembly

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


def test_large_module() -> None:
    functions = "".join(f"define i64 @f{i}(i64 %a) {{\n  ret i64 {i}\n}}\n" for i in range(4000))
    assert len(Compiler().to_object(functions)) > 100_000
