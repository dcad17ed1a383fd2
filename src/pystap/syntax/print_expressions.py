"""Expressions back to script text, with the fewest parentheses that keep their meaning."""

from __future__ import annotations

from collections.abc import Iterable

from ..lean import Final, assert_never
from . import ast
from .lexer import escape

_ASSIGN, _CONDITIONAL = 1, 2
_IN, _MATCH, _COMPARE, _UNARY, _STEP, _VALUE = 8, 9, 10, 15, 16, 17
_LEVELS: Final = {
    "||": 3, "&&": 4, "|": 5, "^": 6, "&": 7, "=~": _MATCH, "!~": _MATCH,
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), _COMPARE),
    "<<": 11, ">>": 11, ">>>": 11, ".": 12, "+": 13, "-": 13, "*": 14, "/": 14, "%": 14,
}  # fmt: skip


def print_expression(node: ast.Expression) -> str:
    """Return script text that parses to the same tree."""
    text, _ = _print(node)
    return text


def print_literal(node: ast.Number | ast.String) -> str:
    """Return a literal where only literals may stand: there a number may have a sign."""
    return str(node.value) if isinstance(node, ast.Number) else _quoted(node.value)


def print_list(nodes: Iterable[ast.Expression]) -> str:
    """Return expressions joined by commas."""
    return ", ".join([print_expression(node) for node in nodes])


def _at_least(node: ast.Expression, lowest: int) -> str:
    """Return the text of an operand, in parentheses if it binds looser than `lowest`."""
    text, level = _print(node)
    return text if level >= lowest else f"({text})"


def _quoted(value: str) -> str:
    return f'"{escape(value)}"'


def _print(node: ast.Expression) -> tuple[str, int]:
    """Return the text of a node and how tight its outermost operator binds."""
    match node:
        case ast.Assign(operator=operator, target=target, value=value):
            return f"{_at_least(target, _CONDITIONAL)} {operator} {_at_least(value, _ASSIGN)}", _ASSIGN
        case ast.Conditional(condition=condition, yes=yes, no=no):
            test = _at_least(condition, _CONDITIONAL + 1)
            return f"{test} ? {print_expression(yes)} : {_at_least(no, _CONDITIONAL)}", _CONDITIONAL
        case ast.Binary():
            return _binary(node)
        case ast.In(keys=keys, array=array):
            return f"[{print_list(keys)}] in {print_expression(array)}", _IN
        case ast.Unary(operator=unary, operand=operand):
            text = _at_least(operand, _UNARY)
            # `--`, `!~` and their like would be other operators.
            gap = " " if text[0] in "+-~" else ""
            return f"{unary}{gap}{text}", _UNARY
        case ast.Increment(operator=step, prefix=prefix, target=target):
            text = _at_least(target, _VALUE)
            return (f"{step}{text}" if prefix else f"{text}{step}"), _STEP
        case _:
            return _value(node), _VALUE


def _binary(node: ast.Binary) -> tuple[str, int]:
    level = _LEVELS[node.operator]
    lowest_left = _COMPARE + 1 if level == _MATCH else level
    # A chain leans to the left and may be long: walk down it instead of recursing.
    parts: list[str] = []
    left: ast.Expression = node
    while isinstance(left, ast.Binary) and _LEVELS[left.operator] == level and (level != _MATCH or not parts):
        parts.append(f" {left.operator} {_at_least(left.right, level + 1)}")
        left = left.left
    parts.append(_at_least(left, lowest_left))
    return "".join(reversed(parts)), level


def _value(
    node: ast.Number | ast.String | ast.Name | ast.Wildcard | ast.Element | ast.Call | ast.Print | ast.StatisticOf
    | ast.HistogramOf | ast.Bucket | ast.TargetVariable | ast.AtVar | ast.Cast | ast.PathOf | ast.AtFunction
    | ast.EmbeddedExpression,
) -> str:  # fmt: skip
    match node:
        case ast.Number(value=number):
            # In an expression a minus is an operator, so what wrapped around is written as it was.
            return str(number if number >= 0 else number + (1 << 64))
        case ast.String(value=value):
            return _quoted(value)
        case ast.Name(name=name):
            return name
        case ast.Wildcard():
            return "*"
        case ast.Element(array=array, keys=keys):
            return f"{array.name}[{print_list(keys)}]"
        case ast.Call(name=name, arguments=arguments) | ast.Print(name=name, arguments=arguments):
            return f"{name}({print_list(arguments)})"
        case ast.StatisticOf() | ast.HistogramOf():
            return _extraction(node)
        case ast.Bucket(histogram=histogram, keys=keys):
            return f"{_extraction(histogram)}[{print_list(keys)}]"
        case ast.AtFunction(name=name, arguments=arguments):
            return f"@{name}({_at_arguments(arguments)})" if arguments else f"@{name}"
        case ast.EmbeddedExpression(text=text):
            return f"%{{{text}%}}"
        case _:
            return _pointed(node)


def _at_arguments(arguments: tuple[ast.Expression, ...]) -> str:
    return ", ".join([print_literal(a) if isinstance(a, ast.Number) else print_expression(a) for a in arguments])


def _extraction(node: ast.StatisticOf | ast.HistogramOf) -> str:
    parameters = "".join([f", {print_literal(parameter)}" for parameter in node.parameters])
    return f"@{node.function}({print_expression(node.statistic)}{parameters})"


def _pointed(node: ast.TargetVariable | ast.AtVar | ast.Cast | ast.PathOf) -> str:
    address = "&" if node.address_of else ""
    match node:
        case ast.TargetVariable(name=variable):
            base = variable
        case ast.AtVar(name=name, module=module):
            where = f", {_quoted(module.value)}" if module is not None else ""
            base = f"@var({_quoted(name.value)}{where})"
        case ast.Cast(operand=operand, type_name=type_name, module=module):
            where = f", {_quoted(module.value)}" if module is not None else ""
            base = f"@cast({print_expression(operand)}, {_quoted(type_name.value)}{where})"
        case ast.PathOf(base=inner, path=path):
            direct = isinstance(inner, ast.Call | ast.Element) or (
                isinstance(inner, ast.Name) and bool(path) and isinstance(path[0], ast.Member)
            )
            base = print_expression(inner) if direct else f"({print_expression(inner)})"
        case _:
            assert_never(node)
    return address + base + "".join([_step(step) for step in node.path])


def _step(step: ast.PathStep) -> str:
    match step:
        case ast.Member(name=name):
            return f"->{name}"
        case ast.Subscript(index=index):
            return f"[{print_expression(index)}]"
        case ast.Pretty(depth=depth):
            return "$" * depth
