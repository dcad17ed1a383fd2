"""Addresses of functions by their names, of text as /proc/kallsyms has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pystap import kallsyms
from pystap.loader.kallsyms import function_addresses, symbol_addresses

SYMBOLS = """ffffffffa0000000 T vfs_first
ffffffffa0000010 t vfs_twin
ffffffffa0000020 D vfs_data
ffffffffa0000030 t vfs_twin
ffffffffa0000040 T not vfs_named
ffffffffa0000050 W other
ffffffffc0000000 t vfs_twin\t[mod]
ffffffffc0000010 t vfs_own\t[mod]
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    kallsyms.forget()
    (tmp_path / "kallsyms").write_text(SYMBOLS)
    return str(tmp_path / "kallsyms")


def addresses(*ends: int) -> list[int]:
    return [0xFFFFFFFF_A0000000 + end for end in ends]


def test_all_functions_of_a_name(path: str) -> None:
    wanted = ["vfs_first", "vfs_twin", "vfs_data", "vfs_own", "vfs_absent"]
    found = {"vfs_first": addresses(0), "vfs_twin": addresses(0x10, 0x30)}
    assert function_addresses(wanted, "", path) == found
    assert function_addresses([*wanted, "other"], "", path) == found | {"other": addresses(0x50)}
    in_module = {"vfs_twin": [0xFFFFFFFF_C0000000], "vfs_own": [0xFFFFFFFF_C0000010]}
    assert function_addresses(wanted, "mod", path) == in_module
    assert function_addresses(["vfs_own"], "other_mod", path) == {}


def test_hidden_addresses_are_none(path: str) -> None:
    Path(path).write_text("0000000000000000 T vfs_first\n0000000000000000 T other\n")
    assert function_addresses(["vfs_first", "other"], "", path) == {}


def test_the_text_is_read_once(path: str) -> None:
    assert symbol_addresses(frozenset({"vfs_data"}), "", path) == {"vfs_data": addresses(0x20)[0]}
    Path(path).write_text("")
    assert function_addresses(["vfs_first"], "", path) == {"vfs_first": addresses(0)}
    kallsyms.forget()
    assert function_addresses(["vfs_first"], "", path) == {}
    assert kallsyms.symbols_text("/nonexistent") == b""


def test_somebody_else_reads_them(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(kallsyms, "PATH", path)
    kallsyms.expect(lambda: b"ffffffffa0000060 T elsewhere\n")
    assert function_addresses(["elsewhere"], "", path) == {"elsewhere": addresses(0x60)}
    kallsyms.forget()
    kallsyms.expect(lambda: b"")
    assert function_addresses(["vfs_first"], "", path) == {"vfs_first": addresses(0)}
    kallsyms.forget()
