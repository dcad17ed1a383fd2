"""Puts the value of a library function in the place of its call where the function is nothing but that value.

    function cmdline_str() { return _area_items(__arguments(), 0, -1, " ") }
    println(cmdline_str())                   ->      println(_area_items(__arguments(), 0, -1, " "))

A call runs in the kernel as a whole or not at all; of an expression the kernel sends the parts, and user space does the
rest when it prints.
"""

from __future__ import annotations

from ..program import nodes as n
from ..program.builtins import Effect
from ..program.fault_messages import RuntimeFault
from ..program.types import Type, wrap_long
from .resolve_symbols import Resolved
from .rewrite import rewrite_expression, rewrite_statements
from .walk import called_functions, subexpressions

_MOST_NODES = 120
"""How large an expression may become."""


def inline_returns(program: Resolved) -> None:
    """Replace the calls in all handlers and functions; functions that nothing calls any more are dropped."""
    for handler in program.handlers:
        handler.body = rewrite_statements(handler.body, _replacement)
    for function in program.functions:
        function.body = rewrite_statements(function.body, _replacement)
    used = {function for handler in program.handlers for function in called_functions(handler.body)}
    program.functions = [function for function in program.functions if function in used or not function.is_library]


def _replacement(part: n.Expression) -> n.Expression | None:
    if isinstance(part, n.BuiltinCall):
        return _known_number(part)
    if not isinstance(part, n.FunctionCall):
        return None
    value = _value(part.function)
    if value is None:
        return None
    arguments = [rewrite_expression(argument, _replacement) for argument in part.arguments]
    uses = [_uses(value, index, part.function) for index in range(len(arguments))]
    if not all(_fits(argument, count) for argument, count in zip(arguments, uses, strict=True)):
        return None
    places = dict(zip(part.function.parameters, arguments, strict=True))

    def placed(inner: n.Expression) -> n.Expression | None:
        return places.get(inner.local) if isinstance(inner, n.LocalValue) else None

    result = rewrite_expression(value, placed)
    if sum(1 for _ in subexpressions(result)) > _MOST_NODES:
        return None
    return rewrite_expression(result, _replacement)


def _known_number(call: n.BuiltinCall) -> n.Expression | None:
    """Return the number that a function gives for literal strings (`rlimit_from_str("RLIMIT_NOFILE")`), which needs no
    session; None for other calls."""
    row = call.builtin
    if row.effect is not Effect.PURE or row.varies or row.raises or row.expands or row.returns is not Type.LONG:
        return None
    values = [argument.value for argument in call.arguments if isinstance(argument, n.Constant)]
    if len(values) != len(call.arguments) or not any(isinstance(value, str) for value in values):
        return None
    try:
        number = row.user(None, *values)
    except (RuntimeFault, AttributeError, TypeError):
        return None
    return n.Constant(wrap_long(int(number)), span=call.span, type=Type.LONG)


def _value(function: n.Function) -> n.Expression | None:
    """Return the value that a function is, None when it is more than that."""
    if not function.is_library or function.is_recursive or function.next_overload is not None:
        return None
    match function.body:
        case [n.Return(value=value)] if value is not None:
            return value
        case _:
            return None


def _uses(value: n.Expression, index: int, function: n.Function) -> int:
    parameter = function.parameters[index]
    return sum(isinstance(part, n.LocalValue) and part.local is parameter for part in subexpressions(value))


def _fits(argument: n.Expression, uses: int) -> bool:
    """Tell whether an argument may be evaluated as often as the function names it, and where it names it."""
    return all(_is_harmless(part) for part in subexpressions(argument)) and (uses <= 1 or _size(argument) <= 8)


def _size(argument: n.Expression) -> int:
    return sum(1 for _ in subexpressions(argument))


def _is_harmless(part: n.Expression) -> bool:
    match part:
        case n.Assign() | n.Update() | n.Aggregate() | n.FunctionCall() | n.Format() | n.Match():
            return False
        case n.BuiltinCall(builtin=builtin):
            return builtin.effect in (Effect.PURE, Effect.CONTEXT) and not builtin.raises
        case _:
            return True
