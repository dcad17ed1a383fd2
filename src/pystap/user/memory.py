"""Reads of kernel and user memory in user handlers."""

from __future__ import annotations

import sys

from ..program.fault_messages import fill_in
from .errors import Fault, RuntimeFault
from .protocol import UserRuntime

_MASK = (1 << 64) - 1
_PAGE = 4096
"""The smallest page: a string may end right before a page that cannot be read."""


def read_bytes(rt: UserRuntime, address: int, size: int, user: bool) -> bytes | None:
    """Return `size` bytes at an address (any 64-bit value), None when they cannot be read."""
    read = rt.read_user_memory if user else rt.read_kernel_memory
    return read(address & _MASK, size)


def read_integer(rt: UserRuntime, address: int, size: int, signed: bool, user: bool, fault: Fault) -> int:
    """Return the integer of `size` bytes at an address; a 64-bit one is signed always, as all longs are."""
    data = read_bytes(rt, address, size, user)
    if data is None:
        raise RuntimeFault(fill_in(fault[0], address), fault[1])
    return int.from_bytes(data, sys.byteorder, signed=signed or size == 8)


def read_integer_or(rt: UserRuntime, address: int, size: int, signed: bool, user: bool, otherwise: int) -> int:
    """Return the integer at an address, `otherwise` where it cannot be read."""
    data = read_bytes(rt, address, size, user)
    return otherwise if data is None else int.from_bytes(data, sys.byteorder, signed=signed or size == 8)


def read_string(rt: UserRuntime, address: int, limit: int, user: bool, fault: Fault) -> str:
    """Return the string at an address, at most `limit` bytes. Raises `fault` where it cannot be read."""
    found = b""
    while len(found) < limit:
        at = (address + len(found)) & _MASK
        size = min(limit - len(found), _PAGE - at % _PAGE)
        data = read_bytes(rt, at, size, user)
        if data is None:
            raise RuntimeFault(fill_in(fault[0], at), fault[1])
        end = data.find(b"\0")
        if end >= 0:
            return (found + data[:end]).decode("latin-1")
        found += data
    return found.decode("latin-1")


def read_string_or(rt: UserRuntime, address: int, limit: int, user: bool, otherwise: str) -> str:
    """Return the string at an address, `otherwise` where it cannot be read."""
    try:
        return read_string(rt, address, limit, user, ("", ""))
    except RuntimeFault:
        return otherwise
