"""Byte order, device numbers, wait statuses, constants of the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ...program.builtins import Builtin, Effect
from ...program.types import Type, wrap_long
from ..ir import ir_function
from ..services import CLOCK_MONOTONIC_COARSE, Services

L = Type.LONG


def swap2(rt: Services, value: int) -> int:
    """Turn the low 2 bytes around and drop the others."""
    return int.from_bytes((value & 0xFFFF).to_bytes(2, "little"), "big")


def swap4(rt: Services, value: int) -> int:
    return int.from_bytes((value & 0xFFFF_FFFF).to_bytes(4, "little"), "big")


def swap8(rt: Services, value: int) -> int:
    return int.from_bytes(value.to_bytes(8, "little", signed=True), "big", signed=True)


def cut2(rt: Services, value: int) -> int:
    return value & 0xFFFF


def cut4(rt: Services, value: int) -> int:
    return value & 0xFFFF_FFFF


def cut8(rt: Services, value: int) -> int:
    return value


_SWAPS = {2: swap2, 4: swap4, 8: swap8}
_CUTS = {2: cut2, 4: cut4, 8: cut8}


def _swap_ir(size: int) -> str:
    if size == 8:
        return "  %r = call i64 @llvm.bswap.i64(i64 %x)\n  ret i64 %r\n"
    bits = 8 * size
    return (
        f"  %low = trunc i64 %x to i{bits}\n  %turned = call i{bits} @llvm.bswap.i{bits}(i{bits} %low)\n"
        f"  %r = zext i{bits} %turned to i64\n  ret i64 %r\n"
    )


def _swap_row(name: str, parameter: str, size: int) -> Builtin:
    code = ir_function("fn_" + name, "i64 %x", _swap_ir(size))
    return Builtin(name, ((parameter, L),), L, Effect.PURE, _SWAPS[size], code)


def _cut_row(name: str, size: int) -> Builtin:
    mask = -1 if size == 8 else (1 << 8 * size) - 1
    code = ir_function("fn_" + name, "i64 %x", f"  %r = and i64 %x, {mask}\n  ret i64 %r\n")
    return Builtin(name, (("val", L),), L, Effect.PURE, _CUTS[size], code)


def major(rt: Services, dev: int) -> int:
    """Return the major number of the kernel's dev_t: the bits from 20 on, as 32 bits (linux/kdev_t.h)."""
    return (dev >> 20) & 0xFFFF_FFFF


def minor(rt: Services, dev: int) -> int:
    return dev & 0xF_FFFF


def mkdev(rt: Services, major_number: int, minor_number: int) -> int:
    return wrap_long(major_number << 20 | minor_number)


def usrdev2kerndev(rt: Services, dev: int) -> int:
    """Turn the device number that system calls take into the kernel's (new_decode_dev in linux/kdev_t.h)."""
    return (dev & 0xF_FF00) >> 8 << 20 | (dev & 0xFF) | (dev >> 12 & 0xF_FF00)


def wifexited(rt: Services, status: int) -> int:
    return int(status & 0x7F == 0)


def wexitstatus(rt: Services, status: int) -> int:
    return status >> 8 & 0xFF


def wtermsig(rt: Services, status: int) -> int:
    return status & 0x7F


_HERTZ = round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE))
"""CONFIG_HZ: the coarse clocks advance with each tick, and their resolution says so."""


def hz(rt: Services) -> int:
    return _HERTZ


_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def mem_page_size(rt: Services) -> int:
    return _PAGE_SIZE


def af_inet(rt: Services) -> int:
    return 2


def af_inet6(rt: Services) -> int:
    return 10


def _constant_row(name: str, user: Callable[[Services], int], value: int) -> Builtin:
    return Builtin(name, (), L, Effect.PURE, user, ir_function("fn_" + name, "", f"  ret i64 {value}\n"))


ROWS = (
    _swap_row("htons", "x", 2),
    _swap_row("htonl", "x", 4),
    _swap_row("htonll", "x", 8),
    _swap_row("ntohs", "x", 2),
    _swap_row("ntohl", "x", 4),
    _swap_row("ntohll", "x", 8),
    _swap_row("big_endian2", "val", 2),
    _swap_row("big_endian4", "val", 4),
    _swap_row("big_endian8", "val", 8),
    _cut_row("little_endian2", 2),
    _cut_row("little_endian4", 4),
    _cut_row("little_endian8", 8),
    Builtin(
        "MAJOR", (("dev", L),), L, Effect.PURE, major,
        ir_function("fn_MAJOR", "i64 %d", "  %m = lshr i64 %d, 20\n  %r = and i64 %m, 4294967295\n  ret i64 %r\n"),
    ),
    Builtin(
        "MINOR", (("dev", L),), L, Effect.PURE, minor,
        ir_function("fn_MINOR", "i64 %d", "  %r = and i64 %d, 1048575\n  ret i64 %r\n"),
    ),
    Builtin(
        "MKDEV", (("major", L), ("minor", L)), L, Effect.PURE, mkdev,
        ir_function(
            "fn_MKDEV", "i64 %major, i64 %minor",
            "  %m = shl i64 %major, 20\n  %r = or i64 %m, %minor\n  ret i64 %r\n",
        ),
    ),
    Builtin(
        "usrdev2kerndev", (("dev", L),), L, Effect.PURE, usrdev2kerndev,
        ir_function(
            "fn_usrdev2kerndev", "i64 %d",
            "  %m = and i64 %d, 1048320\n  %major = shl i64 %m, 12\n  %low = and i64 %d, 255\n"
            "  %h = lshr i64 %d, 12\n  %high = and i64 %h, 1048320\n  %minor = or i64 %low, %high\n"
            "  %r = or i64 %major, %minor\n  ret i64 %r\n",
        ),
    ),
    Builtin(
        "WIFEXITED", (("f", L),), L, Effect.PURE, wifexited,
        ir_function(
            "fn_WIFEXITED", "i64 %f",
            "  %s = and i64 %f, 127\n  %is = icmp eq i64 %s, 0\n  %r = zext i1 %is to i64\n  ret i64 %r\n",
        ),
    ),
    Builtin(
        "WEXITSTATUS", (("f", L),), L, Effect.PURE, wexitstatus,
        ir_function("fn_WEXITSTATUS", "i64 %f", "  %s = lshr i64 %f, 8\n  %r = and i64 %s, 255\n  ret i64 %r\n"),
    ),
    Builtin(
        "WTERMSIG", (("f", L),), L, Effect.PURE, wtermsig,
        ir_function("fn_WTERMSIG", "i64 %f", "  %r = and i64 %f, 127\n  ret i64 %r\n"),
    ),
    _constant_row("HZ", hz, _HERTZ),
    _constant_row("mem_page_size", mem_page_size, _PAGE_SIZE),
    _constant_row("AF_INET", af_inet, 2),
    _constant_row("AF_INET6", af_inet6, 10),
)  # fmt: skip
