"""Gives every variable, function and expression its type: long, string or statistic.

    global names                              names: array [long] of string, because of the two uses
    probe begin { names[1] = "x" . argv }     argv: string

Passes over the whole program are repeated until nothing changes; then what is still unknown, or used both ways, is an
error at its place.
"""

from __future__ import annotations

from ..diagnostics import Diagnostic, Diagnostics
from ..program import nodes as n
from ..program.symbols import Global, Local
from ..program.types import Type
from ..source import Span
from .resolve_symbols import Resolved
from .walk import all_expressions, operands

Symbol = Global | Local | n.Function


def infer_types(program: Resolved, diagnostics: Diagnostics) -> None:
    """Fill in the types of the program; adds an error for each that is contradictory or cannot be known."""
    inference = _Inference(diagnostics)
    while inference.changed:
        inference.changed = False
        inference.program(program)
    if diagnostics.errors:
        return
    inference.final = True
    inference.program(program)
    for handler in program.handlers:
        _settle_formats(handler.body)
    for function in program.functions:
        _settle_formats(function.body)


def _settle_formats(body: list[n.Statement]) -> None:
    """Replace the `?` pieces of print() and its like, now that types are known."""
    for expression in all_expressions(body):
        if isinstance(expression, n.Format):
            arguments = iter(expression.arguments)
            for piece in expression.pieces:
                taken = (piece.width == "*") + (piece.precision == "*")
                for _ in range(taken):
                    next(arguments, None)
                if piece.conversion:
                    value = next(arguments, None)
                    if piece.conversion == "?":
                        piece.conversion = "s" if value is not None and value.type is Type.STRING else "d"


class _Inference:
    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.changed = True
        self.final = False
        self.function: n.Function | None = None
        self.heads: dict[n.Function, n.Function] = {}
        """The first of the overloads that each function is one of: they return one type."""
        self.first: dict[tuple[int, int], tuple[Span, Symbol, str]] = {}
        """Where each got its type, and what a message calls the place."""

    def program(self, program: Resolved) -> None:
        for group in program.names.functions.values():
            self.heads.update(dict.fromkeys(group, group[0]) if group else {})
        for handler in program.handlers:
            self.function = None
            self.statements(handler.body)
        for function in program.functions:
            self.function = function
            self.statements(function.body)
        for function in program.functions:
            head = self.heads.get(function, function)
            if head.return_type is not function.return_type:
                self.changed |= function.return_type is Type.UNKNOWN
                function.return_type = head.return_type

    # ------------------------------------------------------------------------------------------ agreement

    def _agree(self, symbol: Symbol, slot: int, old: Type, new: Type, span: Span, subject: str) -> Type:
        """Return the type that a symbol has after a use as `new`; slot tells a value (-1) from key columns."""
        if new is Type.UNKNOWN or new is old:
            return old
        place = (id(symbol), slot)
        if old is Type.UNKNOWN:
            self.changed = True
            self.first[place] = (span, symbol, subject)
            return new
        before, of = (f"index {slot} ", f" of index {slot}") if slot >= 0 else ("", "")
        self.diagnostics.add(Diagnostic("semantic error", f"{before}type mismatch ({new})", span, subject))
        first = self.first.get(place)
        if first is not None:
            message = f"type{of} was first inferred here ({old})"
            self.diagnostics.add(Diagnostic("semantic error", message, first[0], first[2]))
        return old

    def symbol(self, symbol: Global | Local, wanted: Type, span: Span) -> Type:
        symbol.type = self._agree(symbol, -1, symbol.type, wanted, span, f"identifier '{symbol.name}'")
        if self.final and symbol.type is Type.UNKNOWN:
            self.diagnostics.error("unresolved type ", span, f"identifier '{symbol.name}'")
        return symbol.type

    def _global(self, variable: Global, span: Span) -> None:
        if self.final and variable.type is Type.UNKNOWN:
            self.diagnostics.error("unresolved type ", span, f"identifier '{variable.name}'")

    def keys(self, array: Global, keys: list[n.Expression | None]) -> None:
        for i, key in enumerate(keys):
            if key is not None:
                known = array.key_types[i]
                kind = self.expression(key, known if key.type is Type.UNKNOWN else Type.UNKNOWN)
                array.key_types[i] = self._agree(array, i, known, kind, key.span, subject_of(key))

    # ---------------------------------------------------------------------------------------- expressions

    def expression(self, node: n.Expression, wanted: Type) -> Type:
        """Infer an expression that should be of type `wanted` (UNKNOWN: anything); returns its type."""
        if _has_no_value(node):
            self.diagnostics.error(f"{subject_of(node)} gives no value", node.span, subject_of(node))
        before = len(self.diagnostics.errors)
        kind = self._infer(node, wanted)
        if kind is Type.STATISTIC:  # only its extractors are values
            if self.final:
                self.diagnostics.error("invalid type stats", node.span, subject_of(node))
            return Type.UNKNOWN
        if kind is not node.type and kind is not Type.UNKNOWN:
            node.type = kind
            self.changed = True
        is_variable = isinstance(node, n.LocalValue | n.GlobalValue | n.ElementValue)  # _agree speaks of these
        if Type.UNKNOWN not in (wanted, kind) and kind is not wanted and not is_variable:
            message = f"type mismatch: expected {wanted} but found {kind}"
            self.diagnostics.error(message, node.span, subject_of(node))
        said = len(self.diagnostics.errors) > before
        if self.final and kind is Type.UNKNOWN and not said and not isinstance(node, n.BuiltinCall | n.Format):
            self.diagnostics.error("unresolved type ", node.span, subject_of(node))
        return kind

    def _infer(self, node: n.Expression, wanted: Type) -> Type:
        match node:
            case n.Constant():
                return self._constant(node, wanted)
            case n.LocalValue(local=local):
                return self.symbol(local, wanted, node.span)
            case n.GlobalValue(variable=variable):
                return self.symbol(variable, wanted, node.span)
            case n.ElementValue(array=array):
                self.keys(array, node.keys)
                return self.symbol(array, wanted, node.span)
            case n.Unary():
                self.expression(node.operand, Type.LONG)
                return Type.LONG
            case n.Binary():
                return self._binary(node)
            case n.Logical():
                for operand in (node.left, node.right):
                    if isinstance(operand, n.BuiltinCall) and _has_no_value(operand):
                        self._infer(operand, Type.LONG)  # `last && exit()`: it counts as 0
                    else:
                        self.expression(operand, Type.LONG)
                return Type.LONG
            case n.Match():
                self.expression(node.text, Type.STRING)
                return Type.LONG
            case n.Conditional():
                self.expression(node.condition, Type.LONG)
                kind = self.expression(node.yes, wanted)
                return self.expression(node.no, kind if kind is not Type.UNKNOWN else wanted)
            case n.Contains():
                self.keys(node.array, node.keys)
                return Type.LONG
            case n.Assign():
                return self._assign(node, wanted)
            case n.Update():
                kind = Type.STRING if node.operator == "." else Type.LONG
                self.expression(node.target, kind)
                self.expression(node.value, kind)
                return kind
            case n.Aggregate():
                self._statistic(node.target)
                self.expression(node.value, Type.LONG)
                return Type.LONG
            case n.StatisticOf() | n.HistogramText():
                self._statistic(node.statistic)
                return Type.STRING if isinstance(node, n.HistogramText) else Type.LONG
            case n.BucketValue():
                self._statistic(node.statistic)
                self.expression(node.bucket, Type.LONG)
                return Type.LONG
            case n.FunctionCall():
                return self._call(node, wanted)
            case n.BuiltinCall():
                for argument, (_, kind) in zip(node.arguments, node.builtin.parameters, strict=True):
                    self.expression(argument, kind)
                return node.builtin.returns or Type.UNKNOWN
            case n.Format():
                self._format(node)
                return Type.UNKNOWN if node.to_output else Type.STRING
            case n.ReadMemory() | n.ReadString():
                self.expression(node.address, Type.LONG)
                if isinstance(node, n.ReadString) and node.otherwise is not None:
                    self.expression(node.otherwise, Type.STRING)
                return Type.STRING if isinstance(node, n.ReadString) else Type.LONG
            case n.TableText():
                self.expression(node.index, Type.LONG)
                return Type.STRING
            case n.EntryValue():
                return self.expression(node.expression, wanted)
            case n.ReadBlock():
                for operand in operands(node):
                    self.expression(operand, Type.LONG)
                return Type.STRING
            case n.ContextValue() | n.Captured():
                return Type.LONG if isinstance(node, n.ContextValue) else node.type

    def _constant(self, node: n.Constant, wanted: Type) -> Type:
        if node.type is Type.UNKNOWN and wanted is not Type.UNKNOWN:
            node.value = "" if wanted is Type.STRING else 0
            return wanted
        return node.type

    def _binary(self, node: n.Binary) -> Type:
        if node.operator == ".":
            self.expression(node.left, Type.STRING)
            self.expression(node.right, Type.STRING)
            return Type.STRING
        if node.operator not in ("<", ">", "<=", ">=", "==", "!="):
            self.expression(node.left, Type.LONG)
            self.expression(node.right, Type.LONG)
            return Type.LONG
        left, right = self.expression(node.left, Type.UNKNOWN) if not self.final else node.left.type, Type.UNKNOWN
        right = self.expression(node.right, left)
        self.expression(node.left, right)
        return Type.LONG

    def _assign(self, node: n.Assign, wanted: Type) -> Type:
        hint = wanted if wanted is not Type.UNKNOWN else node.target.type
        before = len(self.diagnostics.errors)
        kind = self.expression(node.value, hint if node.value.type is Type.UNKNOWN else Type.UNKNOWN)
        if len(self.diagnostics.errors) > before:
            return kind
        return self.expression(node.target, kind)

    def _statistic(self, node: n.GlobalValue | n.ElementValue) -> None:
        if isinstance(node, n.ElementValue):
            self.keys(node.array, node.keys)
            self.symbol(node.array, Type.STATISTIC, node.span)
        else:
            self.symbol(node.variable, Type.STATISTIC, node.span)
        node.type = Type.STATISTIC

    def _call(self, node: n.FunctionCall, wanted: Type) -> Type:
        function: n.Function | None = node.function
        kind = Type.UNKNOWN
        while function is not None:
            for argument, parameter in zip(node.arguments, function.parameters, strict=True):
                before = len(self.diagnostics.errors)
                kind = self.expression(argument, parameter.type)
                if len(self.diagnostics.errors) == before:
                    subject = f"identifier '{parameter.name}'"
                    parameter.type = self._agree(parameter, -1, parameter.type, kind, argument.span, subject)
            if node.type is not Type.UNKNOWN or wanted is not Type.UNKNOWN:
                use = node.type if node.type is not Type.UNKNOWN else wanted
                if function.return_type is Type.UNKNOWN:
                    function.return_type = use
                    self.changed = True
            function = function.next_overload
        return node.function.return_type

    def _format(self, node: n.Format) -> None:
        arguments = iter(node.arguments)
        for piece in node.pieces:
            for _ in range((piece.width == "*") + (piece.precision == "*")):
                self.expression(next(arguments), Type.LONG)
            if piece.conversion:
                text = piece.conversion == "s"
                either = piece.conversion == "?"
                self.expression(next(arguments), Type.UNKNOWN if either else Type.STRING if text else Type.LONG)

    # ----------------------------------------------------------------------------------------- statements

    def statements(self, body: list[n.Statement]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: n.Statement) -> None:
        match node:
            case n.Evaluate(expression=expression) if _has_no_value(expression):
                self._infer(expression, Type.UNKNOWN)
            case n.Evaluate(expression=n.FunctionCall() as call):
                call.type = self._infer(call, Type.UNKNOWN)  # whether or not it has a value
            case n.Evaluate(expression=expression):
                self.expression(expression, Type.UNKNOWN)
            case n.If():
                self.expression(node.condition, Type.LONG)
                self.statements(node.then)
                self.statements(node.otherwise)
            case n.Loop():
                if node.condition is not None:
                    self.expression(node.condition, Type.LONG)
                self.statements(node.body)
                self.statements(node.step)
            case n.Foreach():
                self._foreach(node)
            case n.ForeachBucket():
                self._statistic(node.statistic)
                for local in (node.key, node.value):
                    if local is not None:
                        self.symbol(local, Type.LONG, node.span)
                if node.limit is not None:
                    self.expression(node.limit, Type.LONG)
                self.statements(node.body)
            case n.Delete(target=target):
                if isinstance(target, n.ElementValue):
                    self.keys(target.array, target.keys)
                self._global(target if isinstance(target, Global) else target.array, node.span)
            case n.Return(value=value):
                self._return(node, value)
            case n.TryCatch():
                self.statements(node.body)
                if node.message is not None:
                    self.symbol(node.message, Type.STRING, node.span)
                self.statements(node.handler)
            case n.Break() | n.Continue() | n.Next() | n.SendEvent():
                pass

    def _foreach(self, node: n.Foreach) -> None:
        self.keys(node.array, node.slice)
        for i, key in enumerate(node.keys):
            kind = self.symbol(key, node.array.key_types[i], node.span) if not self.final else key.type
            node.array.key_types[i] = self._agree(
                node.array, i, node.array.key_types[i], kind, node.span, f"identifier '{node.array.name}'"
            )
            if self.final and key.type is Type.UNKNOWN:
                self.diagnostics.error("unresolved type ", node.span, f"identifier '{key.name}'")
        self._global(node.array, node.span)
        if node.value is not None and node.array.type is Type.STATISTIC:
            self.diagnostics.error("invalid type stats", node.value.span, f"identifier '{node.value.name}'")
        elif node.value is not None:
            kind = self.symbol(node.value, node.array.type, node.span)
            self.symbol(node.array, kind, node.span)
        if node.limit is not None:
            self.expression(node.limit, Type.LONG)
        self.statements(node.body)

    def _return(self, node: n.Return, value: n.Expression | None) -> None:
        if value is None or self.function is None:
            return
        function = self.heads.get(self.function, self.function)
        before = len(self.diagnostics.errors)
        kind = self.expression(value, function.return_type)
        if len(self.diagnostics.errors) == before:
            subject = f"identifier '{self.function.label}'"
            function.return_type = self._agree(function, -1, function.return_type, kind, value.span, subject)


def _has_no_value(node: n.Expression) -> bool:
    match node:
        case n.Format(to_output=to_output):
            return to_output
        case n.BuiltinCall(builtin=builtin):
            return builtin.returns is None
        case _:
            return False


def subject_of(node: n.Expression) -> str:
    """Return what a message about an expression calls it."""
    match node:
        case n.Constant(value=str() as text):
            return f"string '{text}'"
        case n.Constant(value=value):
            return f"number '{value}'"
        case n.LocalValue(local=local):
            return f"identifier '{local.name}'"
        case n.GlobalValue(variable=variable):
            return f"identifier '{variable.name}'"
        case n.ElementValue(array=array):
            return f"identifier '{array.name}'"
        case n.FunctionCall(function=function):
            return f"identifier '{function.label}'"
        case n.BuiltinCall(builtin=builtin):
            return f"identifier '{builtin.name}'"
        case n.Format():
            return "print()"
        case n.Binary(operator=operator) | n.Update(operator=operator) | n.Logical(operator=operator):
            return f"operator '{operator}'"
        case _:
            return "expression"
