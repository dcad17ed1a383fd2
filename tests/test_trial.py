"""A handler that is too much for eBPF runs in user space, by itself, and -v says why."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pystap import trial
from pystap.compiler import compile_scripts
from pystap.kernel import CompilerError, KernelCode, generate
from pystap.options import Options
from pystap.pass_lines import PassClock

from .command import run_stap

_VALUES = 150

_STACK = f"""
global sum
probe syscall.getsid {{
  if ($pid % 1000 != 7) next
  {" ".join(f"v{i} = $pid * {i * i + 3} ^ {i};" for i in range(_VALUES))}
  if (sum) next
  sum = {" ^ ".join(f"v{i} * v{i * 37 % _VALUES}" for i in range(_VALUES))}
}}
probe end {{ println("sum ", sum) }}
"""
"""More values at a time than 512 bytes hold."""

_STEPS = f"""
global text = "x", matches
probe syscall.getpgid {{
  if ($pid != 7) next
  {" ".join('if (text =~ "a*b[cd]+e$") matches++;' for _ in range(320))}
  matches++
}}
probe end {{ text = ""; println("matches ", matches) }}
"""
"""More steps than a verifier takes: each pattern walks through a whole string."""

_SMALL = """
global small
probe syscall.getpriority { if ($who == 7) small++ }
probe end { println("small ", small) }
"""

_CALLS = """
import ctypes
c = ctypes.CDLL(None)
for _ in range(3):
    c.getsid(7), c.getpgid(7), c.getpriority(0, 7)
"""


def _sum() -> int:
    values = [7 * (i * i + 3) ^ i for i in range(_VALUES)]
    total = 0
    for i in range(_VALUES):
        total ^= values[i] * values[i * 37 % _VALUES]
    return total


def test_only_what_is_too_much_is_deferred(tmp_path: Path) -> None:
    calls = tmp_path / "calls.py"
    calls.write_text(_CALLS)
    command = f"{sys.executable} {calls}"
    ended = run_stap("-v", "-e", _STACK + _STEPS + _SMALL, "-c", command, folder=tmp_path, timeout=120)
    refused = re.findall(r"probe (\S+) runs in user space, its eBPF program was refused: (.*)", ended.stderr)
    assert refused == [
        ("syscall.getsid", "it needs more than the 512 bytes of stack that eBPF has"),
        ("syscall.getpgid", "BPF program is too large. Processed 1000001 insn"),
    ]
    assert ended.stdout.splitlines() == [f"sum {_sum()}", "matches 3", "small 3"]
    assert ended.returncode == 0


def _compiled(script: str, messages: pytest.CaptureFixture[str]) -> list[str]:
    """Compile with -v; returns the lines that say what runs in user space."""
    compile_scripts([("<input>", script)], Options(verbose=(0, 0, 0, 1, 0)), PassClock((0, 0, 0, 1, 0)))
    return [line for line in messages.readouterr().err.splitlines() if "was refused" in line]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("LLVM ERROR: Branch target out of insn range", "a jump in it is longer than eBPF can express"),
        ("the compiler ended with status -6", "the compiler ended with status -6"),
    ],
)
def test_death_of_llvm(
    words: str, reason: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """LLVM does not say which handler it died of."""

    def dying(program: object, *rest: object) -> KernelCode:
        code = generate(program, *rest)  # type: ignore[arg-type]
        if "90210" in code.ir:
            raise CompilerError(words)
        return code

    monkeypatch.setattr(trial, "generate", dying)
    lines = _compiled("global n, m probe syscall.sync { n = n * 90210 } probe syscall.getsid { m = m * 3 }", capfd)
    assert lines == [f"Pass 4: probe syscall.sync runs in user space, its eBPF program was refused: {reason}"]


def test_handlers_that_are_too_much_together(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The largest gives way."""

    def dying(program: object, *rest: object) -> KernelCode:
        code = generate(program, *rest)  # type: ignore[arg-type]
        if "90210" in code.ir and "90211" in code.ir:
            raise CompilerError("too much")
        return code

    monkeypatch.setattr(trial, "generate", dying)
    script = "global n, m probe syscall.sync { n = n * 90210 } probe syscall.getsid { m = m * 90211; m = m * m }"
    (line,) = _compiled(script, capfd)
    assert line.startswith("Pass 4: probe syscall.getsid runs in user space")
    assert line.endswith("was refused: with others in one program: too much")
