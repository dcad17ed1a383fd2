"""Finds arrays whose elements each belong to one thread, so that no two handlers ever touch the same one at once.

    probe syscall.read        { start[tid()] = ktime_get_ns() }
    probe syscall.read.return { total += ktime_get_ns() - start[tid()]; delete start[tid()] }

Every use of `start` in the kernel has tid() in the same key column, and system call handlers of one thread never
interrupt each other: the elements need no lock although the second handler reads and deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..program import nodes as n
from ..program.attach import Phase, Syscalls
from ..program.program import Handler, Target
from ..program.symbols import Global
from .walk import all_expressions, all_statements, called_functions, kernel_bodies


def task_private(handlers: Sequence[Handler], placed: bool = True) -> set[Global]:
    """Return the arrays that kernel handlers only use with tid() as the same key, or by the call (see entry_values).

    Before handlers are `placed`, these are arrays that handlers of user space use at the begin and end only.
    """
    columns: dict[Global, set[int]] = {}
    excluded: set[Global] = set()
    for handler in handlers:
        if handler.target is not Target.KERNEL:
            if not placed and not isinstance(handler.attach, Phase):
                excluded.update(array for array, _ in _uses(_whole_bodies(handler)))
            continue
        for array, keys in _uses(kernel_bodies(handler.body) if placed else _whole_bodies(handler)):
            if array.per_call:
                columns[array] = {0}
                continue
            own = {i for i, key in enumerate(keys) if _is_tid(key)}
            columns[array] = columns.get(array, own) & own
            if not isinstance(handler.attach, Syscalls):
                excluded.add(array)
    return {array for array, found in columns.items() if found} - excluded


def _is_tid(key: n.Expression | None) -> bool:
    return isinstance(key, n.BuiltinCall) and key.builtin.name == "tid"


def _whole_bodies(handler: Handler) -> list[list[n.Statement]]:
    return [handler.body, *(function.body for function in called_functions(handler.body))]


def _uses(bodies: Sequence[list[n.Statement]]) -> Iterator[tuple[Global, Sequence[n.Expression | None]]]:
    for body in bodies:
        for expression in all_expressions(body):
            if isinstance(expression, n.ElementValue | n.Contains):
                yield expression.array, expression.keys
        for statement in all_statements(body):
            if isinstance(statement, n.Delete) and isinstance(statement.target, Global):
                yield statement.target, ()
            elif isinstance(statement, n.Foreach):
                yield statement.array, ()
