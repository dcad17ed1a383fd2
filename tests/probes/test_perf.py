"""`perf.*` and `@perf` on this kernel's software events, and what a counter that it lacks gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap.probes.perf import PerfKind, event_text
from pystap.program.attach import PerfCounter, PerfSamples
from pystap.program.extension import PointPart
from pystap.source import NO_SPAN

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def parts(*components: str | tuple[str, int | str]) -> list[PointPart]:
    pairs = [(part, None) if isinstance(part, str) else part for part in components]
    return [PointPart(name, argument, NO_SPAN) for name, argument in pairs]


def test_forms() -> None:
    kind = PerfKind(lambda type_, config: "")
    [misses] = kind.derive(parts("perf", "hw", "cache_misses"))
    assert misses.attach == PerfSamples(0, 3, 1_000_000)
    assert misses.point == "perf.type(0).config(3).sample(1000000)"
    [dtlb] = kind.derive(parts("perf", "hw_cache", "dtlb", "write", "miss", ("hz", 100)))
    assert dtlb.attach == PerfSamples(3, 65795, 0, 100)
    [mine] = kind.derive(parts("perf", ("type", 1), ("config", 2), ("process", "sh"), ("counter", "n")))
    assert mine.attach == PerfCounter(1, 2, "n", os.path.realpath("/bin/sh"))
    assert "perf.hw_cache.bpu.read.miss" in kind.forms()
    assert "perf.hw_cache.bpu.write.miss" not in kind.forms()
    assert event_text(4, 7) == "perf.type(4).config(7) (raw hardware event 7)"


def test_samples_and_counters(stap: Stap) -> None:
    """Page faults sampled one by one are as many as the counter of the same event counts."""
    script = """global faults, own, first, last, ticks, switches
    probe perf.sw.page_faults.sample(1) { if (pid() == target()) faults++ }
    probe perf.type(1).config(2).process.counter("faults") {}
    probe perf.sw.context_switches.counter("switches") {}
    probe perf.sw.cpu_clock.hz(500).process ?, perf.type(1).config(0).hz(500) { ticks++ }
    probe syscall.getppid {
      if (pid() == target()) {
        if (!first) { first = @perf("faults"); own = faults } else last = @perf("faults")
        own = last ? faults : own
        switches = @perf("switches")
      }
    }
    probe end { printf("%d %d %d %d\\n", last - first, faults, ticks > 20, switches > 0) }"""
    program = "import os, mmap; os.getppid(); m = mmap.mmap(-1, 1 << 22); m[:] = bytes(1 << 22); os.getppid()"
    work = f"{sys.executable} -c '{program}; sum(range(3000000))'"
    done = stap("-e", script, "-c", work)
    assert (done.returncode, done.stderr) == (0, "")
    counted, sampled, ticked, switched = map(int, done.stdout.split())
    assert 1024 <= counted <= sampled
    assert (ticked, switched) == (1, 1)


def test_samples_of_a_program(stap: Stap, tmp_path: Path) -> None:
    """Those of a program that the target starts, not those of the target itself."""
    program = tmp_path / "busy"
    shutil.copy(os.path.realpath("/bin/sh"), program)
    script = f"""global n probe perf.sw.cpu_clock.process("{program}") {{ n[execname()]++ }}
    probe end {{ foreach (name in n) println(name, n[name] > 5) }}"""
    loop = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"
    done = stap("-e", script, "-c", f"sh -c '{loop}; {program} -c \"{loop.replace('$', chr(92) + '$')}\"; true'")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "busy1\n"


def test_a_counter_of_another_task_is_an_error(stap: Stap) -> None:
    script = """probe perf.sw.task_clock.process.counter("clock") {}
    probe syscall.* {
      if (pid() != target()) { try { println(@perf("clock")) } catch (m) { println(m); exit() } }
    }"""
    done = stap("-e", script, "-c", "sleep 5")
    assert done.stdout == "perf counter 'clock' does not count here\n"


MISSING = [
    ("probe perf.hw.cache_misses { println(1) }",
     "this machine has no counter perf.hw.cache_misses (perf.type(0).config(3))"),
    ("probe perf.type(77).config(9) {}", "this machine has no counter perf.type(77).config(9) (unknown event 9)"),
    ("probe perf.sw.cpu_clok {}", "probe point mismatch (similar: cpu_clock"),
    ("probe perf.sw.cpu_clock.hz(0) {}", "hz value must be at least 1"),
    ('probe syscall.read { println(@perf("cz")) } probe perf.sw.cpu_clock.counter("cs") {}',
     "perf counter 'cz' is not defined by any probe"),
    ('probe begin { println(@perf("cs")) } probe perf.sw.cpu_clock.counter("cs") {}',
     "perf counters are read in the handlers of kernel and process probes only"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "message"), MISSING)
def test_errors(stap: Stap, script: str, message: str) -> None:
    if "perf.hw" in script:
        from pystap.registries import perf_refusal

        if not perf_refusal(0, 3):
            pytest.skip("this machine counts cache misses")
    done = stap("-e", script)
    assert done.returncode == 1
    assert message in done.stderr


def test_without_a_target(stap: Stap) -> None:
    done = stap("-e", "probe perf.sw.cpu_clock.process { println(1) }")
    assert done.returncode == 1
    assert "without a name needs -c or -x" in done.stderr


def test_optional_points_follow_their_rules(stap: Stap) -> None:
    done = stap("-e", "probe perf.type(77).config(9) ?, begin { println(pp()) exit() }")
    assert (done.returncode, done.stdout) == (0, "begin\n")
