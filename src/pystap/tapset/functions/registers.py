"""Registers of the code that a probe interrupted (man function::register, function::u_register, function::uaddr)."""

from __future__ import annotations

from ...arch import x86_64 as arch
from ...diagnostics import semantic_error, similar
from ...program import nodes as n
from ...program.builtins import Builtin, Effect, Expansion
from ...program.types import Type
from ...source import NO_SPAN, Span
from ..services import Services
from .memory import expanded

L, S = Type.LONG, Type.STRING


def _long(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=L)


def _register(name: str, signed: bool) -> Builtin:
    def expand(span: Span, register: n.Expression) -> n.Expression:
        if not isinstance(register, n.Constant):
            semantic_error(f"the name of a register must be a literal: {name}()", span, "function call")
        wanted = str(register.value)
        known = arch.REGISTER_NAMES.get(wanted) or arch.REGISTER_NAMES.get(wanted.removeprefix("x"))
        if known is None:
            semantic_error(f"unknown register '{wanted}'{similar(wanted, arch.REGISTER_NAMES)}", span, "function call")
        field, size = known
        value = n.ContextValue(n.ContextKind.REGISTER, arch.PT_REGS_OFFSETS[field] // 8, span=span, type=L)
        if size == 8:
            return value
        if not signed:
            return n.Binary("&", value, _long(0xFFFF_FFFF, span), span=span, type=L)
        raised = n.Binary("<<", value, _long(32, span), span=span, type=L)
        return n.Binary(">>", raised, _long(32, span), span=span, type=L)

    return Builtin(name, (("name", S),), L, Effect.CONTEXT, expanded, expands=expand)


def registers_valid(rt: Services) -> int:
    """Return 0: probes with registers give 1 in its place."""
    return 0


def uaddr(rt: Services) -> int:
    """Return 0: the stap process itself was not interrupted."""
    return 0


def _user_address() -> n.Expression:
    return n.ContextValue(n.ContextKind.USER_ADDRESS, span=NO_SPAN, type=L)


ROWS = (
    _register("register", signed=True),
    _register("u_register", signed=False),
    Builtin("registers_valid", (), L, Effect.CONTEXT, registers_valid),
    Builtin("uaddr", (), L, Effect.CONTEXT, uaddr, Expansion(_user_address)),
)
