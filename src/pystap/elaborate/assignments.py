"""Which locals statements set."""

from __future__ import annotations

from collections.abc import Sequence

from ..program import nodes as n
from ..program.symbols import Local
from .walk import all_expressions, all_statements


def assignments(statements: Sequence[n.Statement]) -> dict[Local, int]:
    """Return how many places set each local."""
    found: dict[Local, int] = {}

    def note(local: Local | None) -> None:
        if local is not None:
            found[local] = found.get(local, 0) + 1

    for expression in all_expressions(statements):
        if isinstance(expression, n.Assign | n.Update) and isinstance(expression.target, n.LocalValue):
            note(expression.target.local)
    for statement in all_statements(statements):
        match statement:
            case n.Foreach(keys=keys, value=value):
                for key in (*keys, value):
                    note(key)
            case n.ForeachBucket(key=key, value=value):
                note(key)
                note(value)
            case n.TryCatch(message=Local() as message):
                note(message)
            case _:
                pass
    return found
