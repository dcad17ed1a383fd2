"""Kernel symbols, modules and identity."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pystap.debuginfo.kernel_symbols import (
    KernelSymbol,
    KernelSymbols,
    build_id_from_notes,
    kernel_build_id,
    kernel_identity,
    loaded_modules,
)

SAMPLE = b"""ffffffff81000000 T _text
ffffffff81000100 D some_data
ffffffff81000100 T vfs_read
ffffffff81000200 t helper
ffffffff81000300 t helper
ffffffff81000300 t vfs_read_more
ffffffffc0001000 t dummy_xmit\t[dummy]
"""


@pytest.fixture
def symbols() -> KernelSymbols:
    return KernelSymbols(SAMPLE)


def test_find(symbols: KernelSymbols) -> None:
    assert symbols.find("vfs_read") == KernelSymbol("vfs_read", 0xFFFFFFFF81000100)
    assert symbols.find("vfs_rea") is None
    assert symbols.find("fs_read") is None
    assert [s.address & 0xFFF for s in symbols.find_all("helper")] == [0x200, 0x300]
    assert symbols.find("dummy_xmit") == KernelSymbol("dummy_xmit", 0xFFFFFFFFC0001000, "dummy")
    assert symbols.find("some_data") == KernelSymbol("some_data", 0xFFFFFFFF81000100, is_function=False)


def test_locate(symbols: KernelSymbols) -> None:
    located = symbols.locate(0xFFFFFFFF81000142)
    assert located is not None
    assert (located.symbol.name, located.offset, located.size) == ("vfs_read", 0x42, 0x100)
    assert symbols.locate(0x1000) is None
    last = symbols.locate(0xFFFFFFFFC0001004)
    assert last is not None
    assert (last.symbol.module, last.offset, last.size) == ("dummy", 4, 0)


@pytest.mark.parametrize(
    ("pattern", "module", "expected"),
    [
        ("vfs_*", "", ["vfs_read", "vfs_read_more"]),
        ("*", "", ["_text", "vfs_read", "helper", "helper", "vfs_read_more"]),
        ("*", "dummy", ["dummy_xmit"]),
        ("dummy*", "", []),
        ("h?lp[a-f]r", "", ["helper", "helper"]),
        ("h?lp[!a-f]r", "", []),
        ("v[f]s*e", "", ["vfs_read_more"]),
        ("vfs.read", "", []),
        ("some*", "", []),
        ("vfs_read", "", ["vfs_read"]),
    ],
)
def test_functions_like(symbols: KernelSymbols, pattern: str, module: str, expected: list[str]) -> None:
    assert symbols.functions_like(pattern, module) == expected


def test_functions_and_hidden_addresses(symbols: KernelSymbols) -> None:
    assert [s.name for s in symbols.functions()][:3] == ["_text", "vfs_read", "helper"]
    assert not symbols.addresses_hidden
    hidden = KernelSymbols(b"0000000000000000 T _text\n0000000000000000 T vfs_read\n")
    assert hidden.addresses_hidden
    assert hidden.locate(5) is None
    assert KernelSymbols.read("/no/such/file").addresses_hidden


@pytest.mark.guest(native=True)
def test_this_kernel() -> None:
    symbols = KernelSymbols.read()
    found = symbols.find("vfs_read")
    assert found is not None
    assert not symbols.addresses_hidden
    located = symbols.locate(found.address + 3)
    assert located is not None
    assert (located.symbol.name, located.offset) == ("vfs_read", 3)
    assert located.size > 3
    assert kernel_build_id() in kernel_identity()


def test_build_id_from_notes() -> None:
    other = struct.pack("<III", 6, 4, 1) + b"Linux\0\0\0" + b"abcd"
    own = struct.pack("<III", 4, 3, 3) + b"GNU\0" + b"\x01\x02\xff\0"
    assert build_id_from_notes(other + own) == "0102ff"
    assert build_id_from_notes(other) is None
    assert build_id_from_notes(b"") is None


def test_modules(tmp_path: Path) -> None:
    listing = tmp_path / "modules"
    listing.write_text("dummy 16384 0 - Live 0xffffffffc0001000\nfuse 200 3 a,b, Live 0x0000000000000000 (E)\n")
    modules = loaded_modules(str(listing))
    assert [(m.name, m.size, m.address) for m in modules] == [("dummy", 16384, 0xFFFFFFFFC0001000), ("fuse", 200, 0)]
    assert loaded_modules(str(tmp_path / "none")) == ()
