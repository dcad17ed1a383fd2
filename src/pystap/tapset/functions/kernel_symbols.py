"""Kernel addresses by name (man function::symname, function::symdata, function::modname); only user space knows."""

from __future__ import annotations

from ...arch import x86_64 as arch
from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ...source import Span
from ..services import Services
from ..stack_text import hexadecimal, no_stack, place_text

L, S = Type.LONG, Type.STRING


def symname(rt: Services, address: int) -> str:
    found = rt.kernel_symbol(address)
    return found[0] if found is not None and found[0] else hexadecimal(address)


def symdata(rt: Services, address: int) -> str:
    """Return "vfs_read+0x10/0x340 [kernel]", with the module's name in brackets."""
    return place_text(address, rt.kernel_symbol(address))


def modname(rt: Services, address: int) -> str:
    found = rt.kernel_symbol(address)
    if found is None:
        raise RuntimeFault(f"No module name available for address {hexadecimal(address)}")
    return found[3]


def symfile(rt: Services, address: int) -> str:
    line = rt.kernel_line(address)
    return line[0] if line is not None else hexadecimal(address)


def symline(rt: Services, address: int) -> str:
    line = rt.kernel_line(address)
    return str(line[1]) if line is not None else hexadecimal(address)


def symfileline(rt: Services, address: int) -> str:
    line = rt.kernel_line(address)
    return f"{line[0]}:{line[1]}" if line is not None else hexadecimal(address)


def no_module(rt: Services) -> str:
    """Return "": a probe in a module says which in its place."""
    return ""


def _interrupted(span: Span) -> n.Expression:
    return n.ContextValue(
        n.ContextKind.REGISTER, arch.PT_REGS_OFFSETS[arch.INSTRUCTION_POINTER] // 8, span=span, type=L
    )


ROWS = (
    Builtin("symname", (("addr", L),), S, Effect.PURE, symname, varies=True),
    Builtin("symdata", (("addr", L),), S, Effect.PURE, symdata, varies=True),
    Builtin("modname", (("addr", L),), S, Effect.PURE, modname, varies=True, raises=False),
    Builtin("symfile", (("addr", L),), S, Effect.PURE, symfile, varies=True),
    Builtin("symline", (("addr", L),), S, Effect.PURE, symline, varies=True),
    Builtin("symfileline", (("addr", L),), S, Effect.PURE, symfileline, varies=True),
    Builtin("addr", (), L, Effect.CONTEXT, no_stack, expands=_interrupted),
    Builtin("probemod", (), S, Effect.CONTEXT, no_module),
)
