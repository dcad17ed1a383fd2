"""Tells what a kernel handler can do itself; the rest of the handler is left to user space from there on.

The set is what kernel/ generates code for. A function can run in the kernel when all of its body can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ..program import nodes as n
from ..program.builtins import Effect, IrFunction
from ..program.symbols import Global, RenderedKey
from .capture import can_capture
from .walk import all_expressions, called_functions, operands

_PLAIN_CONVERSIONS = "sdiuxc"
_MOST_BUCKETS = 256
"""Beyond so many the code that clears a statistic would grow too long."""


class KernelCapability:
    """What kernel code can do, given the globals that live in user space.

    `uses_groups` tells whether the program asks what a regular expression matched: the kernel only finds whether.
    """

    def __init__(
        self, user_globals: Set[Global], uses_groups: bool, rendered: Mapping[Global, Mapping[int, RenderedKey]]
    ) -> None:
        self.user_globals = user_globals
        self.uses_groups = uses_groups
        self.rendered = rendered
        self._functions: dict[n.Function, bool] = {}

    def statements(self, body: Sequence[n.Statement]) -> bool:
        return all(self.statement(statement) for statement in body)

    def statement(self, node: n.Statement) -> bool:
        """Tell whether a statement, with all that is in it, can run in the kernel."""
        match node:
            case n.Evaluate(expression=n.Update() | n.Aggregate() as change) if self.adds_rendered(change):
                return True
            case n.Evaluate(expression=expression):
                return self.expression(expression) or self.action(expression)
            case n.If():
                return (
                    self.expression(node.condition) and self.statements(node.then) and self.statements(node.otherwise)
                )
            case n.Delete(target=n.ElementValue() as target):
                return None not in target.keys and self.expression(target)
            case n.Delete(target=Global() as target):
                return not target.is_array and self._global(target) and _buckets(target) <= _MOST_BUCKETS
            case n.Return(value=value):
                return value is None or self.expression(value)
            case n.Next():
                return True
            case n.TryCatch():
                raises = may_raise(node.body)
                return not raises and self.statements(node.body) and self.statements(node.handler)
            case _:
                return False

    def adds_rendered(self, node: n.Update | n.Aggregate) -> bool:
        """Tell whether a statement only adds to an element whose key is stored as what its text is made from."""
        if not isinstance(node.target, n.ElementValue) or (isinstance(node, n.Update) and node.operator not in "+-"):
            return False
        columns = self.rendered.get(node.target.array)
        if not columns or not self._global(node.target.array) or not self.expression(node.value):
            return False
        return all(
            key is not None and (self.expression(key) if i not in columns else can_capture(key, self.expression))
            for i, key in enumerate(node.target.keys)
        )

    def action(self, node: n.Expression) -> bool:
        """Tell whether an expression is output or another action whose arguments can be sent as an event."""
        match node:
            case n.Format(to_output=True) | n.BuiltinCall():
                if isinstance(node, n.BuiltinCall) and node.builtin.effect is not Effect.ACTION:
                    return False
                return all(can_capture(argument, self.expression, self.user_globals) for argument in node.arguments)
            case _:
                return False

    def expression(self, node: n.Expression) -> bool:
        """Tell whether the kernel can compute an expression."""
        match node:
            case n.Match(pattern=pattern):
                if self.uses_groups or not _is_regular(pattern):
                    return False
            case n.HistogramText() | n.BucketValue() | n.StatisticOf() | n.Captured():
                return False
            case n.Format():
                if node.to_output or not all(_plain(piece) for piece in node.pieces):
                    return False
            case n.GlobalValue(variable=variable) | n.ElementValue(array=variable) | n.Contains(array=variable):
                keys = [] if isinstance(node, n.GlobalValue) else node.keys
                if None in keys or not self._global(variable) or variable in self.rendered:
                    return False
            case n.BuiltinCall(builtin=builtin):
                if builtin.kernel is None or builtin.effect in (Effect.ACTION, Effect.SESSION):
                    return False
                if isinstance(builtin.kernel, IrFunction) and not _fits(node.arguments, builtin.kernel.limits):
                    return False
            case n.FunctionCall(function=function):
                if not self.function(function):
                    return False
            case _:
                pass
        return all(self.expression(operand) for operand in operands(node))

    def function(self, function: n.Function) -> bool:
        """Tell whether a function and the overloads behind it can run in the kernel."""
        known = self._functions.get(function)
        if known is None:
            self._functions[function] = False  # a recursive call ends here: only user code recurses
            following = function.next_overload
            known = self.statements(function.body) and (following is None or self.function(following))
            self._functions[function] = known
        return known

    def _global(self, variable: Global) -> bool:
        return variable not in self.user_globals and not variable.wraps


def _plain(piece: n.FormatPiece) -> bool:
    if not piece.conversion:
        return True
    return (
        piece.conversion in _PLAIN_CONVERSIONS and not piece.flags and piece.width is None and piece.precision is None
    )


def _is_regular(pattern: str) -> bool:
    from ..program.regex_automaton import NotRegular, compile_automaton  # loads `re`, which few scripts need

    try:
        compile_automaton(pattern)
    except NotRegular:
        return False
    return True


def _fits(arguments: Sequence[n.Expression], limits: Sequence[int | None]) -> bool:
    """Tell whether no argument can be longer than the function's code takes."""
    return all(limit is None or argument.width <= limit for argument, limit in zip(arguments, limits, strict=False))


def _buckets(variable: Global) -> int:
    """Return how many buckets the histograms of a statistic have (abi/map_layout counts them exactly)."""
    return sum(
        128 if shape[0] == "hist_log" else (int(shape[2]) - int(shape[1])) // int(shape[3])
        for shape in variable.histograms
    )


def may_raise(body: Sequence[n.Statement]) -> bool:
    """Tell whether statements call error() or its like, in functions too."""
    bodies = [body, *(function.body for function in called_functions(body))]
    return any(
        isinstance(expression, n.BuiltinCall) and expression.builtin.raises
        for part in bodies
        for expression in all_expressions(part)
    )
