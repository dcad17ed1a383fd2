"""Arguments of the probed function by their number (man function::int_arg and its like)."""

from __future__ import annotations

from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ...source import Span
from .memory import expanded

L = Type.LONG
_MOST = 6
"""Arguments that a number known only at run time may mean; a constant one may be any."""


def _number(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=L)


def _register(index: int, span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.ARGUMENT, index, span=span, type=L)


def _chosen(number: n.Expression, span: Span) -> n.Expression:
    """Return the argument that a number means, counted from 1; 0 outside."""
    if isinstance(number, n.Constant) and isinstance(number.value, int):
        return _register(number.value - 1, span) if number.value > 0 else _number(0, span)
    value = _number(0, span)
    for index in reversed(range(_MOST)):
        is_it = n.Binary("==", number, _number(index + 1, span), span=span, type=L)
        value = n.Conditional(is_it, _register(index, span), value, span=span, type=L)
    return value


def _row(name: str, size: int, signed: bool) -> Builtin:
    def expand(span: Span, number: n.Expression) -> n.Expression:
        value = _chosen(number, span)
        if size == 8:
            return value
        if not signed:
            return n.Binary("&", value, _number(0xFFFF_FFFF, span), span=span, type=L)
        shift = _number(32, span)
        return n.Binary(">>", n.Binary("<<", value, shift, span=span, type=L), shift, span=span, type=L)

    return Builtin(name, (("argnum", L),), L, Effect.CONTEXT, expanded, expands=expand)


ROWS = (
    _row("int_arg", 4, True),
    _row("uint_arg", 4, False),
    _row("s32_arg", 4, True),
    _row("u32_arg", 4, False),
    *(_row(f"{kind}_arg", 8, True) for kind in ("long", "ulong", "longlong", "ulonglong", "pointer", "s64", "u64")),
)
