"""Walking over syntax that is not resolved yet."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

from ..records import field_names
from ..syntax import ast

Declared = Callable[[str, int], Sequence[ast.FunctionDeclaration]]
"""Given a name and a number of arguments, the functions that a call may mean."""


def parts(node: object) -> Iterator[ast.Node]:
    """Yield all syntax below a node, outer before inner."""
    if isinstance(node, tuple):
        for item in node:
            yield from parts(item)
    elif isinstance(node, ast.Node):
        yield node
        for name in field_names(node):
            if name != "span":
                yield from parts(getattr(node, name))


def passes_on(body: ast.Node) -> bool:
    """Tell whether a function may leave a call to the next one of its name."""
    return any(isinstance(part, ast.Next) for part in parts(body))


def parts_with_calls(nodes: Sequence[ast.Node], declared: Declared) -> Iterator[ast.Node]:
    """Yield all syntax below some nodes, and below the functions that they may call."""
    waiting, seen = list(nodes), set[tuple[str, int]]()
    while waiting:
        for part in parts(waiting.pop()):
            yield part
            if isinstance(part, ast.Call) and (part.name, len(part.arguments)) not in seen:
                seen.add((part.name, len(part.arguments)))
                waiting += [declaration.body for declaration in declared(part.name, len(part.arguments))]


def reads_targets(blocks: Sequence[ast.Node], declared: Declared, known: Container[str]) -> bool:
    """Tell whether code reads variables of the probe's own (`$x`, `$$vars`) other than the `known` ones."""
    return any(
        isinstance(part, ast.TargetVariable) and part.name not in known for part in parts_with_calls(blocks, declared)
    )
