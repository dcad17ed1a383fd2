"""Kernel addresses by name (man function::symname, function::symdata, function::modname); only user space knows."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..services import Services

L, S = Type.LONG, Type.STRING


def _hex(address: int) -> str:
    return f"0x{address & (1 << 64) - 1:x}"


def symname(rt: Services, address: int) -> str:
    found = rt.kernel_symbol(address)
    return found[0] if found is not None else _hex(address)


def symdata(rt: Services, address: int) -> str:
    """Return "vfs_read+0x10/0x340", with the module in brackets behind it when it is not the kernel's own."""
    found = rt.kernel_symbol(address)
    if found is None:
        return _hex(address)
    name, offset, size, module = found
    place = f"{name}+{offset:#x}/{size:#x}" if size else f"{name}+{offset:#x}"
    return f"{place} [{module}]"


def modname(rt: Services, address: int) -> str:
    found = rt.kernel_symbol(address)
    if found is None:
        raise RuntimeFault(f"No module name available for address {_hex(address)}")
    return found[3]


ROWS = (
    Builtin("symname", (("addr", L),), S, Effect.PURE, symname, varies=True),
    Builtin("symdata", (("addr", L),), S, Effect.PURE, symdata, varies=True),
    Builtin("modname", (("addr", L),), S, Effect.PURE, modname, varies=True, raises=False),
)
