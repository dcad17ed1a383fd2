"""Reads of memory that a deferred rest needs, made at the probe hit and sent: later the memory may be another's.

    foreach (...) ...; println($file->f_flags)     the kernel sends the flags, read before the rest is deferred

The rest may not come to a read (`if ($p) $p->x`), so a read that fails must not be an error before it does. It is sent
with two different values for unreadable memory; where the two differ the rest reads for itself, and fails at its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..program import nodes as n
from ..program.builtins import Effect
from ..program.symbols import Local
from ..program.types import Type
from ..records import replace
from .rewrite import rewrite_expression
from .walk import subexpressions

_UNREADABLE = "\x01\x02unreadable"


Known = Callable[[Local], bool]
"""Tells whether the kernel has a local's value where the rest is deferred."""


def is_capturable(node: n.ReadMemory | n.ReadString, known: Known) -> bool:
    """Tell whether memory is read at a place that follows from the probe's context alone."""
    return follows_from_context(subexpressions(node), known)


def follows_from_context(parts: Iterable[n.Expression], known: Known) -> bool:
    """Tell whether the parts of an expression, and with them its value, follow from the probe's context alone."""
    return all(_is_fixed(part, known) for part in parts)


def _is_fixed(node: n.Expression, known: Known) -> bool:
    match node:
        case n.LocalValue(local=local):
            return known(local)
        case n.ReadMemory() | n.ReadString() | n.Constant() | n.ContextValue():
            return True
        case n.Unary() | n.Logical() | n.Conditional():
            return True
        case n.Binary(operator=operator):
            return operator not in ("/", "%", ".")
        case n.BuiltinCall(builtin=builtin, arguments=arguments):
            return builtin.effect is Effect.CONTEXT and builtin.kernel is not None and not arguments
        case _:
            return False


def quiet(node: n.Expression, second: bool) -> n.Expression:
    """Return the read with a value for unreadable memory: one value, or another for the `second` read."""
    if isinstance(node, n.ReadString):
        text = n.Constant(_UNREADABLE if second else "", span=node.span, type=Type.STRING)
        text.width = len(str(text.value))
        width = max(node.width, text.width)
        return replace(node, address=_quiet_inside(node.address), otherwise=node.otherwise or text, width=width)
    assert isinstance(node, n.ReadMemory)
    otherwise = node.otherwise if node.otherwise is not None else int(second)
    return replace(node, address=_quiet_inside(node.address), otherwise=otherwise)


def _quiet_inside(address: n.Expression) -> n.Expression:
    """Return an address whose own reads fail quietly, which makes it one that cannot be read either."""

    def replacement(part: n.Expression) -> n.Expression | None:
        return quiet(part, False) if isinstance(part, n.ReadMemory | n.ReadString) else None

    return rewrite_expression(address, replacement)


def key_of(node: n.Expression) -> str:
    """Return a text that is the same for reads of the same place."""
    parts: list[str] = []
    for part in subexpressions(node):
        match part:
            case n.Constant(value=value):
                parts.append(repr(value))
            case n.ContextValue(kind=kind, index=index, name=name):
                parts.append(f"{kind.name}{index}{name}")
            case n.LocalValue(local=local):
                parts.append(f"local {local.name}")
            case n.ReadMemory():
                parts.append(f"read{part.offset},{part.size},{part.signed},{part.user},{part.otherwise}")
            case n.ReadString(limit=limit, user=user):
                parts.append(f"text{limit},{user}")
            case n.Unary(operator=operator) | n.Binary(operator=operator):
                parts.append(operator)
            case n.Logical(operator=operator):
                parts.append(operator)
            case n.Conditional():
                parts.append("?:")
            case n.BuiltinCall(builtin=builtin):
                parts.append(builtin.name)
            case _:
                parts.append("?")
    return " ".join(parts)
