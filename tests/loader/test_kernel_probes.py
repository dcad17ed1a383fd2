"""Kernel function probes, which only a guest allows: the kernel under the native tests is locked down."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pystap.abi.image import ProgramKind, ProgramSpec
from pystap.debuginfo.btf import Btf, BtfKind
from pystap.debuginfo.kernel_symbols import KernelSymbols
from pystap.loader.errors import KernelRefused
from pystap.loader.image import load_image
from pystap.loader.links import KprobeSpec, attach_kprobe, attach_kprobes, attach_tracing
from pystap.program.features import Feature

from .support import CELLS, body, helper, kernel_type, link_ir, only_program, skip_without

pytestmark = pytest.mark.guest


def _counter(kind: ProgramKind, value: str = "  %v = add i64 0, 0") -> ProgramSpec:
    """Counts this process's hits in cell 0 and leaves %v in cell 1."""
    ir = body(f"""
{value}
  %both = call i64 {helper(14)}()
  %pid = lshr i64 %both, 32
  %mine = icmp eq i64 %pid, {os.getpid()}
  br i1 %mine, label %go, label %out
go:
  %old = atomicrmw add ptr @cells, i64 1 monotonic
  %at = getelementptr i8, ptr @cells, i64 8
  store volatile i64 %v, ptr %at
  br label %out
out:""")
    type_id = kernel_type("vfs_read", BtfKind.FUNC) if kind in (ProgramKind.FENTRY, ProgramKind.FEXIT) else 0
    return only_program(link_ir(ir), kind, type_id)


@pytest.fixture
def read_once() -> Callable[[], None]:
    fd = os.open("/dev/zero", os.O_RDONLY)
    return lambda: len(os.read(fd, 1)) and None


def _address(name: str) -> int:
    found = KernelSymbols.read().find(name)
    assert found is not None
    return found.address


@pytest.mark.parametrize("returns", [False, True])
@pytest.mark.parametrize("by_address", [False, True])
def test_kprobe(returns: bool, by_address: bool, read_once: Callable[[], None]) -> None:
    spec = KprobeSpec(address=_address("vfs_read")) if by_address else KprobeSpec("vfs_read")
    spec = KprobeSpec(spec.symbol, 0, spec.address, returns)
    with load_image([CELLS], [_counter(ProgramKind.KPROBE)]) as image:
        words = image.maps["cells"].mapping().words
        image.add_link(attach_kprobe(image.programs["p"], spec))
        for _ in range(3):
            read_once()
        image.detach()
        read_once()
        assert words[0] == 3


def test_kprobe_cookie(read_once: Callable[[], None]) -> None:
    skip_without(Feature.ATTACH_COOKIE)
    program = _counter(ProgramKind.KPROBE, f"  %v = call i64 {helper(174)}(ptr %ctx)")
    with load_image([CELLS], [program]) as image:
        image.add_link(attach_kprobe(image.programs["p"], KprobeSpec("vfs_read"), cookie=1234))
        read_once()
        assert image.maps["cells"].mapping().words[1] == 1234


def test_unknown_function_is_named() -> None:
    with (
        load_image([CELLS], [_counter(ProgramKind.KPROBE)]) as image,
        pytest.raises(KernelRefused, match="the kernel function no_such_function"),
    ):
        attach_kprobe(image.programs["p"], KprobeSpec("no_such_function"))


@pytest.mark.parametrize("kind", [ProgramKind.FENTRY, ProgramKind.FEXIT])
def test_fentry(kind: ProgramKind, read_once: Callable[[], None]) -> None:
    with load_image([CELLS], [_counter(kind)]) as image:
        image.add_link(attach_tracing(image.programs["p"]))
        read_once()
        read_once()
        assert image.maps["cells"].mapping().words[0] == 2


def test_kprobe_multi(read_once: Callable[[], None]) -> None:
    skip_without(Feature.KPROBE_MULTI)
    program = _counter(ProgramKind.KPROBE_MULTI, f"  %v = call i64 {helper(174)}(ptr %ctx)")
    with load_image([CELLS], [program]) as image:
        places = [_address("vfs_read"), _address("vfs_write")]
        image.add_link(attach_kprobes(image.programs["p"], places, cookies=[7, 8]))
        read_once()
        assert list(image.maps["cells"].mapping().words[:2]) == [1, 7]


def test_module_fentry() -> None:
    """A program for a module's function finds the module's BTF by name."""
    import subprocess
    from pathlib import Path

    subprocess.run(["/sbin/modprobe", "dummy"], check=False)
    if not Path("/sys/kernel/btf/dummy").exists():
        pytest.skip("no module BTF here")
    btf = Btf.module("dummy", Btf.kernel())
    found = btf.find("dummy_xmit", BtfKind.FUNC)
    assert found is not None
    code = bytes.fromhex("b7000000000000009500000000000000")
    spec = ProgramSpec("m", ProgramKind.FENTRY, code, attach_btf_id=found, attach_module="dummy")
    with load_image([], [spec]) as image:
        image.add_link(attach_tracing(image.programs["m"]))
