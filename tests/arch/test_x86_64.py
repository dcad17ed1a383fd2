"""The machine's facts, held against this machine's headers and running processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pystap.arch import x86_64
from pystap.arch.x86_64_syscalls import SYSCALL_NAMES, SYSCALLS, SYSCALLS_32
from pystap.debuginfo.btf import Btf, BtfKind

HEADERS = Path("/usr/include/x86_64-linux-gnu/asm")


@pytest.mark.parametrize(("file", "table"), [("unistd_64.h", SYSCALLS), ("unistd_32.h", SYSCALLS_32)])
def test_numbers_agree_with_the_headers(file: str, table: dict[str, int]) -> None:
    if not (HEADERS / file).exists():
        pytest.skip("no kernel headers for user space here")
    defined = re.findall(r"#define __NR_(\w+)\s+(\d+)", (HEADERS / file).read_text())
    assert len(defined) > 300
    assert {name: table.get(name) for name, _ in defined} == {name: int(number) for name, number in defined}


def test_names_are_unique() -> None:
    assert len(SYSCALL_NAMES) == len(SYSCALLS)


def test_systemtap_names() -> None:
    assert x86_64.syscall_number("getppid") == 110
    assert x86_64.syscall_number("pread") == SYSCALLS["pread64"] == 17
    assert x86_64.syscall_number("no_such_call") is None


def test_registers_are_where_the_kernel_says() -> None:
    btf = Btf.kernel()
    regs = btf.find("pt_regs", BtfKind.STRUCT)
    assert regs is not None
    for name, offset in x86_64.PT_REGS_OFFSETS.items():
        found = btf.member_path(regs, (name,))
        assert found is not None, name
        assert found[0] == offset * 8, name
    assert btf.size_of(regs) == x86_64.PT_REGS_SIZE


def test_every_named_register_exists() -> None:
    fields = set(x86_64.PT_REGS_OFFSETS)
    assert {field for field, _ in x86_64.REGISTER_NAMES.values()} <= fields
    assert x86_64.REGISTER_NAMES["rax"] == ("ax", 8)
    assert x86_64.REGISTER_NAMES["eip"] == ("ip", 4)
    assert x86_64.REGISTER_NAMES["r9d"] == ("r9", 4)
    for names in (x86_64.FUNCTION_ARGUMENTS, x86_64.SYSCALL_ARGUMENTS, x86_64.SYSCALL_ARGUMENTS_32):
        assert set(names) <= fields
    assert set(x86_64.DWARF_REGISTERS) <= fields
    assert len(x86_64.DWARF_REGISTERS) == 17


def test_arguments() -> None:
    assert [x86_64.function_argument(n) for n in (0, 1, 6, 7)] == [None, "di", "r9", None]
    assert x86_64.stack_argument_offset(7) == 8
    assert x86_64.stack_argument_offset(9) == 24
