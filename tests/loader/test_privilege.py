"""What a user without rights is told: tried in a child process that has become nobody."""

from __future__ import annotations

import encodings.ascii  # noqa: F401 - nobody may not be able to read Python's own folder, so load it before
import os
import resource  # noqa: F401
from collections.abc import Callable

import pytest

from pystap.abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec
from pystap.loader import errors
from pystap.loader.errors import ENOTSUPP, KernelRefused, MissingPrivilege, refusal
from pystap.loader.links import SW_CPU_CLOCK, TYPE_SOFTWARE, PerfEventSpec, open_perf_event
from pystap.loader.maps import create_map
from pystap.loader.programs import load_program

NOBODY = 65534
EMPTY = ProgramSpec("empty", ProgramKind.RAW_TRACEPOINT, bytes.fromhex("b7000000000000009500000000000000"))


def as_nobody(action: Callable[[], object]) -> str:
    """Run `action` in a child without capabilities; returns the type and text of what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            action()
            text = "nothing"
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def test_map_without_privilege() -> None:
    text = as_nobody(lambda: create_map(MapSpec("h", MapKind.HASH, 8, 8, 8)))
    assert text.startswith("MissingPrivilege: the kernel refused to create the map h (hash, 8 entries): ")
    assert "this needs the capability CAP_BPF (or root)" in text


def test_program_without_privilege() -> None:
    text = as_nobody(lambda: load_program(EMPTY))
    assert text.startswith("MissingPrivilege: the kernel refused to load the program empty: ")
    assert "CAP_BPF and CAP_PERFMON" in text


def test_perf_event_without_privilege() -> None:
    text = as_nobody(lambda: open_perf_event(PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_freq=99, cpu=0)))
    assert "MissingPrivilege" in text
    assert "CAP_PERFMON" in text


def test_lockdown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t0\n",
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
    }
    monkeypatch.setattr(errors, "_read", lambda path: files.get(path, ""))
    refused = refusal("load the program p", 1)
    assert isinstance(refused, MissingPrivilege)
    assert refused.missing == ()
    assert str(refused) == "the kernel refused to load the program p: kernel lockdown is in integrity mode (EPERM)"


def test_a_container_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_read", lambda path: "CapEff:\t0\nSeccomp:\t2\n" if "status" in path else "")
    refused = refusal("create the map m", 1, (errors.CAP_BPF,))
    assert isinstance(refused, MissingPrivilege)
    assert refused.missing == ("CAP_BPF",)
    assert "seccomp" in str(refused)


def test_a_verdict_is_not_a_missing_right() -> None:
    log = "0: R1=ctx()\n0: (79) r1 = *(u64 *)(r1 +8192)\ninvalid access\nprocessed 1 insns\n"
    refused = refusal("load the program p", 13, log=log)
    assert type(refused) is KernelRefused
    assert refused.reason == "invalid access"
    assert refused.instruction == 0


def test_error_numbers_have_texts() -> None:
    assert str(KernelRefused("do it", ENOTSUPP)).endswith("Operation not supported by this kernel (ENOTSUPP)")
    assert str(KernelRefused("do it", 22)) == "the kernel refused to do it: Invalid argument (EINVAL)"
