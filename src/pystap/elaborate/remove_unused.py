"""Removes assignments to locals that nothing reads, and expressions without effect.

    probe begin { x = y; 1 + 2; println("hi") }      ->      println("hi")

Done before types are inferred: what nobody uses needs no type. The user is told of it in the script's own handlers and
functions, not in aliases, which offer variables that a handler may leave unused.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Diagnostics
from ..program import nodes as n
from ..program.attach import VERDICT
from ..program.builtins import Effect
from ..program.symbols import Local
from ..source import Span
from .infer_types import subject_of
from .resolve_symbols import Resolved
from .walk import all_expressions, all_statements, locals_of, nested, subexpressions


def remove_unused(program: Resolved, diagnostics: Diagnostics) -> None:
    """Remove what has no effect from all handlers and functions, until nothing more falls away."""
    for handler in program.handlers:
        handler.body = _clean(handler.body, diagnostics, program.body_spans[handler])
        used = locals_of(handler.body)
        handler.locals = [local for local in handler.locals if local in used]
    for function in program.functions:
        function.body = _clean(function.body, diagnostics, None)
        used = locals_of(function.body)
        function.locals = [local for local in function.locals if local in used]


def _clean(body: list[n.Statement], diagnostics: Diagnostics, own: Span | None) -> list[n.Statement]:
    remover = _Remover(diagnostics, own)
    while True:
        remover.read = _locals_read(body)
        remover.changed = False
        body = remover.statements(body)
        if not remover.changed:
            return body


def _locals_read(body: Sequence[n.Statement]) -> set[Local]:
    """Return the locals whose value is used: all that stand anywhere but alone on the left of an assignment."""
    # The verdict on a packet is read by the program that the handler is part of.
    targets = {
        id(statement.expression.target)
        for statement in all_statements(body)
        if isinstance(statement, n.Evaluate)
        and isinstance(statement.expression, n.Assign)
        and not (isinstance(target := statement.expression.target, n.LocalValue) and target.local.name == VERDICT)
    }
    return {
        expression.local
        for expression in all_expressions(body)
        if isinstance(expression, n.LocalValue) and id(expression) not in targets
    }


class _Remover:
    def __init__(self, diagnostics: Diagnostics, own: Span | None) -> None:
        self.diagnostics = diagnostics
        self.own = own
        self.read: set[Local] = set()
        self.changed = False

    def statements(self, body: list[n.Statement]) -> list[n.Statement]:
        kept: list[n.Statement] = []
        for statement in body:
            for inner in nested(statement):
                inner[:] = self.statements(inner)
            if not (isinstance(statement, n.Evaluate) and self._falls_away(statement)):
                kept.append(statement)
        return kept

    def _falls_away(self, statement: n.Evaluate) -> bool:
        """Tell whether a statement does nothing; an assignment whose value has an effect keeps that effect."""
        expression = statement.expression
        if isinstance(expression, n.Assign) and isinstance(expression.target, n.LocalValue):
            local = expression.target.local
            if local in self.read or not (_has_no_effect(expression.value) or _is_offered(expression)):
                return False
            self._say(f"Eliding assignment to '{local.name}'", statement, "operator '='")
            return True
        if not _has_no_effect(expression):
            return False
        self._say("Eliding side-effect-free expression ", statement, subject_of(expression))
        return True

    def _say(self, message: str, statement: n.Statement, subject: str) -> None:
        self.changed = True
        span, own = statement.span, self.own
        if span.source.is_library:
            return
        if own is None or (span.source is own.source and own.start <= span.start < own.end):
            self.diagnostics.warn(message, statement.span, subject)


_EFFECTS = (n.Assign, n.Update, n.Aggregate, n.FunctionCall, n.ReadMemory, n.ReadString, n.Match, n.StatisticOf)


def _is_offered(assignment: n.Assign) -> bool:
    """Tell whether an assignment of the library computes a variable that an alias offers, from values and memory alone.

    Who does not use the variable does not pay for it, nor meet the error of a read.
    """
    return assignment.span.source.is_library and _only_reads(assignment.value, set())


def _only_reads(expression: n.Expression, seen: set[n.Function]) -> bool:
    for part in subexpressions(expression):
        match part:
            case n.Assign() | n.Update() | n.Aggregate() | n.Match() | n.BucketValue() | n.HistogramText():
                return False
            case n.BuiltinCall(builtin=builtin) if builtin.raises or builtin.effect is Effect.ACTION:
                return False
            case n.Format(to_output=True):
                return False
            case n.FunctionCall(function=function) if not _is_harmless(function, seen):
                return False
            case _:
                pass
    return True


def _is_harmless(function: n.Function, seen: set[n.Function]) -> bool:
    """Tell whether a function of the library changes nothing but its own locals."""
    if not function.is_library or function.next_overload is not None:
        return False
    if function in seen:
        return True
    seen.add(function)
    for statement in all_statements(function.body):
        match statement:
            case n.Evaluate(expression=n.Assign(target=n.LocalValue(), value=value)):
                if not _only_reads(value, seen):
                    return False
            case n.Return(value=value):
                if value is not None and not _only_reads(value, seen):
                    return False
            case n.If(condition=condition):
                if not _only_reads(condition, seen):
                    return False
            case _:
                return False
    return True


def _has_no_effect(expression: n.Expression) -> bool:
    """Tell whether evaluating an expression changes nothing and cannot raise an error."""
    for part in subexpressions(expression):
        match part:
            case n.BuiltinCall(builtin=builtin) if builtin.effect not in (Effect.PURE, Effect.CONTEXT):
                return False
            case n.Binary(operator="/" | "%") | n.Format(to_output=True) | n.BucketValue() | n.HistogramText():
                return False
            case _ if isinstance(part, _EFFECTS):
                return False
            case _:
                pass
    return True
