"""Walks over program nodes, for the questions that code generation asks ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..program import nodes as n
from ..program.builtins import Effect
from ..program.symbols import Local
from ..records import field_names


def children(node: n.Node) -> Iterator[n.Node]:
    """Yield the nodes directly below one; of a built-in's call not its form for the kernel."""
    for name in field_names(node):
        if name == "kernel_form":
            continue
        value = getattr(node, name)
        if isinstance(value, n.Node):
            yield value
        elif isinstance(value, list):
            yield from (part for part in value if isinstance(part, n.Node))


def walk(roots: Iterable[n.Node]) -> Iterator[n.Node]:
    """Yield all nodes, each before those below it."""
    for node in roots:
        yield node
        yield from walk(children(node))


def called_functions(roots: Iterable[n.Node]) -> list[n.Function]:
    """Return the functions that these nodes can reach, through calls and `next`, each once."""
    found: list[n.Function] = []
    waiting = [node.function for node in walk(roots) if isinstance(node, n.FunctionCall)]
    while waiting:
        function = waiting.pop(0)
        if any(function is other for other in found):
            continue
        found.append(function)
        waiting.extend(node.function for node in walk(function.body) if isinstance(node, n.FunctionCall))
        if function.next_overload is not None:
            waiting.append(function.next_overload)
    return found


def has_loop(roots: Iterable[n.Node]) -> bool:
    """Return whether a loop stands among these nodes (functions that they call not counted)."""
    return any(isinstance(node, n.Loop | n.Foreach | n.ForeachBucket) for node in walk(roots))


def has_effect(node: n.Expression) -> bool:
    """Return whether evaluating an expression may change a variable that other expressions read."""
    for part in walk([node]):
        if isinstance(part, n.Assign | n.Update | n.Aggregate | n.FunctionCall):
            return True
        if isinstance(part, n.BuiltinCall) and part.builtin.effect in (Effect.SESSION, Effect.ACTION):
            return True
    return False


def assigned_locals(roots: Iterable[n.Node]) -> list[Local]:
    """Return the locals that these nodes assign, loop variables and caught messages among them."""
    found: list[Local] = []
    for node in walk(roots):
        match node:
            case n.Assign(target=n.LocalValue(local=local)) | n.Update(target=n.LocalValue(local=local)):
                found.append(local)
            case n.Foreach(keys=keys, value=value):
                found.extend(keys)
                found.extend([value] if value is not None else [])
            case n.ForeachBucket(key=key, value=value):
                found.extend([key, value] if value is not None else [key])
            case n.TryCatch(message=message) if message is not None:
                found.append(message)
            case _:
                pass
    return found


def used_locals(roots: Iterable[n.Node]) -> list[Local]:
    """Return the locals that these nodes read or assign, each once."""
    nodes = list(roots)
    found = [node.local for node in walk(nodes) if isinstance(node, n.LocalValue)] + assigned_locals(nodes)
    return list({id(local): local for local in found}.values())


def own_continue(body: Iterable[n.Statement]) -> bool:
    """Return whether a `continue` in a loop's body belongs to that loop."""
    for node in body:
        match node:
            case n.Continue():
                return True
            case n.If(then=then, otherwise=otherwise):
                if own_continue(then) or own_continue(otherwise):
                    return True
            case n.TryCatch(body=tried, handler=handler):
                if own_continue(tried) or own_continue(handler):
                    return True
            case _:
                pass
    return False


def statement_count(body: Iterable[n.Statement]) -> int:
    """Return how many statements one pass through a body counts for MAXACTION, inner loops' bodies not counted."""
    total = 0
    for node in body:
        total += 1
        match node:
            case n.If(then=then, otherwise=otherwise):
                total += statement_count(then) + statement_count(otherwise)
            case n.TryCatch(body=tried, handler=handler):
                total += statement_count(tried) + statement_count(handler)
            case _:
                pass
    return total
