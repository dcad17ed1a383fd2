"""`kernel.function` as far as it goes without probing: listings, and what is said where functions cannot be probed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap.debuginfo.kernel_symbols import KernelSymbols
from pystap.probes import kernel_functions
from pystap.probes.kernel_functions import FunctionFacts
from pystap.program.features import Feature
from pystap.registries import function_refusal

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
LISTING_SECONDS = 10


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def test_listing_with_types(stap: Stap) -> None:
    done = stap("-L", 'kernel.function("vfs_read")')
    expected = 'kernel.function("vfs_read") $file:struct file* $buf:char* $count:size_t $pos:loff_t*\n'
    assert (done.stdout, done.stderr) == (expected, "")
    done = stap("-L", 'kernel.function("vfs_readlink").return')
    assert done.stdout.startswith('kernel.function("vfs_readlink").return ')
    assert done.stdout.endswith(" $return:int\n")


def test_listing_of_everything(stap: Stap) -> None:
    start = time.monotonic()
    names = stap("-l", 'kernel.function("*")').stdout.splitlines()
    assert time.monotonic() - start < LISTING_SECONDS
    assert len(names) > 10_000
    assert 'kernel.function("vfs_read")' in names
    assert not any(".cold" in name or "__pfx_" in name for name in names)


def test_old_name_of_a_system_call(stap: Stap) -> None:
    assert stap("-l", 'kernel.function("sys_open")').stdout == 'kernel.function("__x64_sys_open")\n'


def test_absent_function(stap: Stap) -> None:
    done = stap("-l", 'kernel.function("vfs_raed")')
    assert done.returncode == 1
    assert "no match for function 'vfs_raed': absent or inlined (similar functions: vfs_read" in done.stderr
    assert "debuginfo would tell more (install linux-image-" in done.stderr
    done = stap("-l", 'kernel.function("vfs_read@fs/read_write.c")')
    assert "source files are known by debuginfo alone" in done.stderr
    done = stap("-l", 'module("pystap_no_such").function("x")')
    assert "module 'pystap_no_such' is not loaded" in done.stderr


def test_refusal_names_the_features(stap: Stap) -> None:
    if not function_refusal():
        pytest.skip("functions can be probed here")
    done = stap("-e", 'probe kernel.function("vfs_read") {}')
    assert done.returncode == 1
    assert "kernel functions cannot be probed here" in done.stderr
    for feature in (Feature.KPROBE, Feature.KPROBE_MULTI, Feature.FENTRY):
        assert f"{feature.value} (refused: " in done.stderr
    done = stap("-e", 'probe kernel.function("vfs_read")?, timer.ms(1) { println("on"); exit() }')
    assert (done.returncode, done.stdout) == (0, "on\n")


@pytest.mark.parametrize(("at_once", "count", "found"), [(True, 3, 2), (False, 3, 3), (False, 400, 399)])
def test_what_ftrace_knows_is_read_where_it_matters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_once: bool, count: int, found: int
) -> None:
    """One function that ftrace cannot hook prevents all where they are probed at once; else the kernel refuses it."""
    names = [f"known_{number}" for number in range(count)]
    (tmp_path / "available_filter_functions").write_text("\n".join([*names[1:], "other [mod]"]) + "\n")
    monkeypatch.setattr(kernel_functions, "TRACEFS", (str(tmp_path / "none"), str(tmp_path)))
    symbols = KernelSymbols("".join(f"ffffffff8100{n:04x} T {name}\n" for n, name in enumerate(names)).encode())
    facts = FunctionFacts(
        lambda: pytest.fail("no types"), lambda: symbols, tuple, lambda: pytest.fail("no places"),
        lambda module, release, index: False, "6.1", lambda: at_once,
    )  # fmt: skip
    assert len(facts.matching("known_*", "", False)) == found
    assert facts.is_traceable_among(count, names[0]) is (found == count)
    assert facts.is_traceable_among(count, names[1])
