"""Addresses, modules and the forms that need debuginfo, as far as they go without probing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap.arch.x86_64 import KERNEL_TEXT
from pystap.debuginfo.kernel_addresses import KernelAddresses
from pystap.debuginfo.kernel_symbols import KernelSymbols

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


SYMBOLS = b"""ffffffffa0000000 T _text
ffffffffa0000000 T _stext
ffffffffa0000040 T first
ffffffffa0000080 t twin
ffffffffa00000c0 t twin
ffffffffa0000100 D data
ffffffffa0000200 T _etext
"""


def test_addresses_of_the_file_are_moved() -> None:
    places = KernelAddresses(KernelSymbols(SYMBOLS), "no such release")
    assert places.in_file(KERNEL_TEXT + 0x44, "") == ("first", 4)
    assert places.in_file(KERNEL_TEXT + 0x104, "") is None
    assert places.in_file(0x4711, "") is None
    assert places.in_file(0, "no_such_module") is None
    assert places.at(0xFFFFFFFFA0000040) == "first"
    assert places.stable_place(KERNEL_TEXT + 0xC8, "twin", 8, "") == ("_text", 0xC8)


MESSAGES = [
    ('module("ext3").statement(0xdeadbeef)', "no match: module 'ext3' is not loaded"),
    ('module("/no/such/file.ko").function("x")', "no match: there is no module file '/no/such/file.ko'"),
    ('module("pystap_*").function("x")', "no match: no loaded module is named like 'pystap_*'"),
    ('kernel.statement("vfs_read@fs/read_write.c:450")', "lines of source are known by debuginfo alone; debuginfo"),
    ('kernel.statement("vfs_read@fs/read_write.c:450").nearest', "lines of source are known by debuginfo alone"),
    ('kernel.function("vfs_read").inline', "inlined functions are known by debuginfo alone; debuginfo would"),
    ('kernel.function("vfs_read").label("out")', "labels are known by debuginfo alone"),
    ('kernel.function("vfs_read").callee("*")', "what a function calls is known by debuginfo alone"),
    ('kernel.function("vfs_read").callees(2)', "what a function calls is known by debuginfo alone"),
    ("kernel.statement(0x4711)", "0x4711 lies in no function of the kernel's file"),
    ("kernel.statement(0xffffffff81000020).absolute", "absolute statement probe in unprivileged script; need stap -g"),
    ('kernel.function("vfs_read").return.maxactive(0)', "maxactive value out of range (1, 4096)"),
]  # fmt: skip


def test_messages(stap: Stap) -> None:
    """One run: a script's points are all resolved, and each error is said."""
    points = "\n".join(f"probe {point} {{}}" for point, _ in MESSAGES)
    done = stap("-e", points)
    assert done.returncode == 1
    for number, (point, message) in enumerate(MESSAGES, 1):
        errors = [line for line in done.stderr.splitlines() if f"at <input>:{number}:" in line and message in line]
        assert errors or "cannot be probed here" in done.stderr, point
    assert f"install linux-image-{os.uname().release}-dbg" in done.stderr


def test_an_address_means_its_function(stap: Stap) -> None:
    symbols = KernelSymbols.read()
    text, function = symbols.find("_text"), symbols.find("vfs_read")
    if symbols.addresses_hidden or text is None or function is None:
        pytest.skip("the kernel hides its addresses")
    address = KERNEL_TEXT + function.address - text.address + 9
    assert stap("-l", f"kernel.function({address:#x})").stdout == 'kernel.function("vfs_read")\n'
    assert stap("-l", f"kernel.statement({address:#x})").stdout == f"kernel.statement({address:#x})\n"


def test_functions_of_one_name_are_all_known() -> None:
    symbols = KernelSymbols(SYMBOLS)
    assert symbols.offsets_of("twin") == [0x80, 0xC0]
    assert symbols.offsets_of("first") == [0x40]
    assert symbols.offsets_of("data") == []
