"""Refuses what must not happen in a loop.

foreach (k in a) { a[k] = 2 }      variable 'a' modified during 'foreach' iteration
if (x) break                       'break' outside of a loop
"""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Diagnostics
from ..program import nodes as n
from ..program.symbols import Global
from .resolve_symbols import Resolved
from .walk import nested, statement_expressions, subexpressions


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
        if isinstance(statement, n.Delete):
            array = statement.target if isinstance(statement.target, Global) else statement.target.array
            self._changed(array, statement, iterated)
        for expression in statement_expressions(statement):
            for part in subexpressions(expression):
                if isinstance(part, n.Assign | n.Update | n.Aggregate) and isinstance(part.target, n.ElementValue):
                    self._changed(part.target.array, part.target, iterated)

    def _changed(self, array: Global, node: n.Node, iterated: tuple[Global, ...]) -> None:
        if array in iterated:
            message = f"variable '{array.name}' modified during 'foreach' iteration"
            self.diagnostics.error(message, node.span, f"identifier '{array.name}'")
