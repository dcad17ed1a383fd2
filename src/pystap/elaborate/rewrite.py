"""Copies of resolved nodes with some of them replaced; the originals stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..lean import Any, TypeVar, cast
from ..program import nodes as n
from ..records import field_names, replace

Replace = Callable[[n.Expression], n.Expression | None]
"""Gives what an expression is replaced by, or None to keep it and go on with its operands."""

NodeT = TypeVar("NodeT", bound=n.Node)

_KEPT = {"span", "function", "builtin", "event", "kernel_form", "local", "variable", "array", "key", "value_local"}


def rewrite_expression(expression: n.Expression, replacement: Replace) -> n.Expression:
    """Return a copy of an expression with the replacements made, outermost first."""
    replaced = replacement(expression)
    if replaced is not None:
        return replaced
    return _copy(expression, replacement)


def rewrite_statements(statements: Sequence[n.Statement], replacement: Replace) -> list[n.Statement]:
    """Return copies of statements with the replacements made in all their expressions."""
    return [_copy(statement, replacement) for statement in statements]


def _copy(node: NodeT, replacement: Replace) -> NodeT:
    changes: dict[str, Any] = {}
    for name in field_names(node):
        if name not in _KEPT:
            old = getattr(node, name)
            new = _value(old, replacement)
            if new is not old:
                changes[name] = new
    return replace(cast(Any, node), **changes) if changes else node


def _value(value: Any, replacement: Replace) -> Any:
    if isinstance(value, n.TypedNode):
        return rewrite_expression(cast(n.Expression, value), replacement)
    if isinstance(value, n.Node):
        return _copy(value, replacement)
    if isinstance(value, list) and value and any(isinstance(item, n.Node) for item in value):
        return [_value(item, replacement) for item in value]
    return value
