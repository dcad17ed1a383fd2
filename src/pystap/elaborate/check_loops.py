"""Refuses what must not happen in a loop.

foreach (k in a) { a[k] = 2 }      variable 'a' modified during 'foreach' iteration
foreach (k in a) { f() }           function call modifies var 'a' during 'foreach' iteration, where f does
if (x) break                       'break' outside of a loop
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..diagnostics import Diagnostics
from ..program import nodes as n
from ..program.symbols import Global
from ..source import Span
from .resolve_symbols import Resolved
from .walk import all_statements, called_functions, nested, statement_expressions, subexpressions


def check_loops(program: Resolved, diagnostics: Diagnostics) -> None:
    """Add an error for each change of an array inside a foreach over it, and for a break or continue outside loops."""
    checker = _Checker(diagnostics)
    for handler in program.handlers:
        checker.body(handler.body, (), False)
    for function in program.functions:
        checker.body(function.body, (), False)


class _Checker:
    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics

    def body(self, statements: Sequence[n.Statement], iterated: tuple[Global, ...], in_loop: bool) -> None:
        for statement in statements:
            self._statement(statement, iterated, in_loop)
            inner, looping = iterated, in_loop
            if isinstance(statement, n.Foreach):
                inner, looping = (*iterated, statement.array), True
            elif isinstance(statement, n.Loop | n.ForeachBucket):
                looping = True
            for part in nested(statement):
                self.body(part, inner, looping)

    def _statement(self, statement: n.Statement, iterated: tuple[Global, ...], in_loop: bool) -> None:
        if isinstance(statement, n.Break | n.Continue) and not in_loop:
            word = "break" if isinstance(statement, n.Break) else "continue"
            self.diagnostics.error(f"found '{word}' not in loop context", statement.span, "keyword", "parse error")
        if not iterated:
            return
        for array, place in _changed_elements(statement):
            if array in iterated:
                message = f"variable '{array.name}' modified during 'foreach' iteration"
                self.diagnostics.error(message, place, f"identifier '{array.name}'")
        for expression in statement_expressions(statement):
            for part in subexpressions(expression):
                if isinstance(part, n.FunctionCall):
                    self._call(part, iterated)

    def _call(self, call: n.FunctionCall, iterated: tuple[Global, ...]) -> None:
        inside = called_functions([n.Evaluate(call, span=call.span)])
        statements = (statement for function in inside for statement in all_statements(function.body))
        changed = {array for statement in statements for array, _ in _changed_elements(statement)}
        for array in iterated:
            if array in changed:
                message = f"function call modifies var '{array.name}' during 'foreach' iteration"
                self.diagnostics.error(message, call.span, f"identifier '{call.function.label}'")


def _changed_elements(statement: n.Statement) -> Iterator[tuple[Global, Span]]:
    """Yield the arrays of which a statement sets or deletes elements; clearing one as a whole is allowed."""
    if isinstance(statement, n.Delete) and isinstance(statement.target, n.ElementValue):
        yield statement.target.array, statement.target.span
    for expression in statement_expressions(statement):
        for part in subexpressions(expression):
            if isinstance(part, n.Assign | n.Update | n.Aggregate) and isinstance(part.target, n.ElementValue):
                yield part.target.array, part.target.span
