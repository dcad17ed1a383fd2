"""Which places single kprobes are put in, with a kernel in place that refuses some names."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest

from pystap.abi.image import ProgramKind, ProgramSpec
from pystap.loader.errors import KernelRefused
from pystap.loader.links import KprobeSpec
from pystap.program.attach import FunctionPoint, KernelFunctions
from pystap.runtime import attach_functions

PROGRAM = SimpleNamespace(spec=ProgramSpec("p", ProgramKind.KPROBE, b""))
REFUSED = {"twin": errno.EADDRNOTAVAIL, "black": errno.EINVAL, "mod:twin": errno.EADDRNOTAVAIL}
ADDRESSES = {"": {"twin": [0x10, 0x20]}, "mod": {"twin": [0x30, 0x40]}}


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> list[KprobeSpec]:
    """What was attached so far."""
    done: list[KprobeSpec] = []

    def attach(program: object, spec: KprobeSpec, cookie: int | None) -> KprobeSpec:
        if spec.symbol in REFUSED or spec.address == 0x40:
            raise KernelRefused("attach", REFUSED.get(spec.symbol, errno.EINVAL))
        done.append(spec)
        return spec

    monkeypatch.setattr(attach_functions, "attach_kprobe", attach)
    monkeypatch.setattr(
        attach_functions, "function_addresses", lambda names, module: {n: ADDRESSES[module][n] for n in names}
    )
    return done


def attach(*points: FunctionPoint) -> int:
    functions = KernelFunctions(points, returns=False)
    return len(list(attach_functions.attach_functions(PROGRAM, functions, lambda number: PROGRAM)))  # type: ignore


def test_functions_of_one_name_are_all_probed(attached: list[KprobeSpec]) -> None:
    points = [FunctionPoint("one"), FunctionPoint("black"), FunctionPoint("twin"), FunctionPoint("twin", module="mod")]
    assert attach(*points, FunctionPoint("last")) == 5
    assert [spec.symbol for spec in attached] == ["one", "last", "", "", ""]
    assert [spec.address for spec in attached[2:]] == [0x10, 0x20, 0x30]


def test_none_left_is_an_error(attached: list[KprobeSpec]) -> None:
    with pytest.raises(KernelRefused, match="black is blacklisted"):
        attach(FunctionPoint("black"))
    assert attached == []
