"""Finds the longest string that each variable, key and expression can hold, in bytes.

    global c
    probe syscall.* { c[execname()]++ }      the key of c is 15 bytes wide, not MAXSTRINGLEN

Widths only grow; a variable that still grows after a few rounds (s .= "x" in a loop) gets the full length.
"""

from __future__ import annotations

from ..program import nodes as n
from ..program.symbols import Global, Local
from ..program.types import Type
from .resolve_symbols import Resolved
from .walk import nested, statement_expressions

ROUNDS_BEFORE_FULL = 4
_LONG_DIGITS = 20
_NUMBER_WIDTHS = {"d": 20, "i": 20, "u": 20, "o": 22, "x": 16, "X": 16, "p": 18, "c": 1, "b": 8}


def infer_string_widths(program: Resolved, max_width: int) -> None:
    """Fill in the widths of the program; none exceeds `max_width` bytes."""
    widths = _Widths(max_width)
    for variable in program.names.all_globals():
        if isinstance(variable.initial, str):
            variable.initial = variable.initial[:max_width]
            variable.width = max_width  # -G and staprun may set it to any string
    while widths.changed:
        widths.changed = False
        widths.rounds += 1
        for handler in program.handlers:
            widths.function = None
            widths.statements(handler.body)
        for function in program.functions:
            widths.function = function
            widths.statements(function.body)


class _Widths:
    def __init__(self, max_width: int) -> None:
        self.max = max_width
        self.changed = True
        self.rounds = 0
        self.function: n.Function | None = None

    def _grown(self, old: int, new: int) -> int:
        if new <= old:
            return old
        self.changed = True
        return min(new, self.max) if self.rounds <= ROUNDS_BEFORE_FULL else self.max

    def _symbol(self, symbol: Global | Local, width: int) -> None:
        symbol.width = self._grown(symbol.width, min(width, self.max))

    def _target(self, target: n.Assignable, width: int) -> None:
        match target:
            case n.LocalValue(local=local):
                self._symbol(local, width)
            case n.GlobalValue(variable=variable) | n.ElementValue(array=variable):
                self._symbol(variable, width)

    def _keys(self, array: Global, keys: list[n.Expression | None]) -> None:
        for i, key in enumerate(keys):
            if key is not None:
                width = self.expression(key)
                if array.key_types[i] is Type.STRING:
                    array.key_widths[i] = self._grown(array.key_widths[i], min(width, self.max))

    def expression(self, node: n.Expression) -> int:
        """Return the width of an expression after noting it there; 0 for what is not a string."""
        width = min(self._width(node), self.max)
        node.width = self._grown(node.width, width) if node.type is Type.STRING else 0
        return node.width

    def _width(self, node: n.Expression) -> int:
        match node:
            case n.Constant(value=str() as text):
                node.value = text[: self.max]  # a literal is cut as any other string is
                return len(text)
            case n.Constant():
                return 0
            case n.LocalValue(local=local):
                return local.width
            case n.GlobalValue(variable=variable):
                return variable.width
            case n.ElementValue(array=array):
                self._keys(array, node.keys)
                return array.width
            case n.Unary(operand=operand):
                self.expression(operand)
            case n.Binary(left=left, right=right):
                both = self.expression(left) + self.expression(right)
                return both if node.operator == "." else 0
            case n.Logical(left=left, right=right):
                self.expression(left)
                self.expression(right)
            case n.Match(text=text):
                self.expression(text)
            case n.Conditional():
                self.expression(node.condition)
                return max(self.expression(node.yes), self.expression(node.no))
            case n.Contains():
                self._keys(node.array, node.keys)
            case n.Assign():
                width = self.expression(node.value)
                self.expression(node.target)
                self._target(node.target, width)
                return width
            case n.Update():
                added = self.expression(node.value)
                width = self.expression(node.target) + added
                if node.operator == ".":
                    self._target(node.target, width)
                    return width
            case n.Aggregate():
                self.expression(node.target)
                self.expression(node.value)
            case n.StatisticOf(statistic=statistic):
                self.expression(statistic)
            case n.HistogramText(statistic=statistic):
                self.expression(statistic)
                return self.max
            case n.BucketValue():
                self.expression(node.statistic)
                self.expression(node.bucket)
            case n.FunctionCall():
                return self._call(node)
            case n.BuiltinCall():
                return self._builtin(node)
            case n.Format():
                return self._format(node)
            case n.TableText():
                self.expression(node.index)
                return max(len(node.otherwise) + _LONG_DIGITS, *(len(text) for text in node.table))
            case n.ReadMemory(address=address):
                self.expression(address)
            case n.ReadString(address=address, limit=limit, otherwise=otherwise):
                self.expression(address)
                return limit if otherwise is None else max(limit, self.expression(otherwise))
            case n.Captured():
                return node.width
            case n.ReadBlock():
                return 0  # its bytes are no string of the language
            case n.ContextValue():
                pass
        return 0

    def _call(self, node: n.FunctionCall) -> int:
        widths = [self.expression(argument) for argument in node.arguments]
        function: n.Function | None = node.function
        longest = 0
        while function is not None:
            for parameter, width in zip(function.parameters, widths, strict=True):
                self._symbol(parameter, width)
            longest = max(longest, function.return_width)
            function = function.next_overload
        return longest

    def _builtin(self, node: n.BuiltinCall) -> int:
        widths = [self.expression(argument) for argument in node.arguments]
        rule = node.builtin.width
        if node.builtin.returns is not Type.STRING:
            return 0
        if rule is None:
            return self.max
        return rule if isinstance(rule, int) else rule(*widths)

    def _format(self, node: n.Format) -> int:
        widths = [self.expression(argument) for argument in node.arguments]
        arguments = iter(widths)
        total = 0
        for piece in node.pieces:
            if not piece.conversion:
                total += len(piece.text)
                continue
            stars = (piece.width == "*") + (piece.precision == "*")
            for _ in range(stars):
                next(arguments)
            own = next(arguments)
            if stars or piece.conversion in ("m", "M"):
                own = self.max
            elif piece.conversion == "s":
                own = min(own, piece.precision) if isinstance(piece.precision, int) else own
            else:
                own = _NUMBER_WIDTHS[piece.conversion] + len(piece.flags)
                own = max(own, piece.precision + 3) if isinstance(piece.precision, int) else own
            total += max(own, piece.width) if isinstance(piece.width, int) else own
        return total

    def statements(self, body: list[n.Statement]) -> None:
        for statement in body:
            for expression in statement_expressions(statement):
                self.expression(expression)
            match statement:
                case n.Foreach():
                    for i, key in enumerate(statement.keys):
                        self._symbol(key, statement.array.key_widths[i])
                    if statement.value is not None:
                        self._symbol(statement.value, statement.array.width)
                case n.TryCatch(message=Local() as message):
                    self._symbol(message, self.max)
                case n.Return(value=value) if value is not None and self.function is not None:
                    self.function.return_width = self._grown(self.function.return_width, value.width)
                case _:
                    pass
            for inner in nested(statement):
                self.statements(inner)
