"""Computes operations on constants, so that conditions that are known remove the code that cannot run.

if (@defined($x) && 2 > 1) A else B      ->      A or B alone
"""

from __future__ import annotations

from ..program import nodes as n
from ..program.types import Type, wrap_long


def fold(node: n.Expression) -> n.Expression:
    """Return a constant in place of an operation on constants, else the node itself."""
    match node:
        case n.Unary(operand=n.Constant(value=int() as value)):
            results = {"-": -value, "~": ~value, "!": int(not value)}
            return n.Constant(wrap_long(results[node.operator]), span=node.span, type=Type.LONG)
        case n.Logical(left=n.Constant(value=int() as left), right=n.Constant(value=int() as right)):
            both = bool(left) and bool(right) if node.operator == "&&" else bool(left) or bool(right)
            return n.Constant(int(both), span=node.span, type=Type.LONG)
        case n.Binary(left=n.Constant(value=int() as left), right=n.Constant(value=int() as right)):
            number = _long(node.operator, left, right)
            return node if number is None else n.Constant(number, span=node.span, type=Type.LONG)
        case n.Binary(left=n.Constant(value=str() as left), right=n.Constant(value=str() as right)):
            return _string(node, left, right)
        case _:
            return node


def _long(operator: str, left: int, right: int) -> int | None:
    compared = _compare(operator, left, right)
    if compared is not None:
        return compared
    match operator:
        case "+":
            return wrap_long(left + right)
        case "-":
            return wrap_long(left - right)
        case "*":
            return wrap_long(left * right)
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "<<":
            return wrap_long(left << (right & 63))
        case _:
            return None


def _compare(operator: str, left: int | str, right: int | str) -> int | None:
    assert isinstance(left, int) == isinstance(right, int)
    order = (left > right) - (left < right)  # type: ignore[operator]
    results = {"<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0, "==": order == 0, "!=": order != 0}
    return int(results[operator]) if operator in results else None


def _string(node: n.Binary, left: str, right: str) -> n.Expression:
    if node.operator == ".":
        return n.Constant(left + right, span=node.span, type=Type.STRING)
    compared = _compare(node.operator, left, right)
    return node if compared is None else n.Constant(compared, span=node.span, type=Type.LONG)
