"""The thread pointer of the running thread, by which its thread-local variables are found."""

from __future__ import annotations

from collections.abc import Callable

from ..arch import x86_64 as arch
from ..program import nodes as n
from ..program.extension import TypeSource, VariableSource
from ..program.types import Type
from ..source import Span


def thread_pointer(types: Callable[[], TypeSource]) -> VariableSource:
    """Return the value of the thread pointer (the base of the segment register fs), as the kernel keeps it."""

    def value(span: Span) -> n.Expression:
        loads, offset = types().member_address("task_struct", arch.THREAD_POINTER)
        assert not loads
        task = n.ContextValue(n.ContextKind.CURRENT_TASK, span=span, type=Type.LONG)
        return n.ReadMemory(task, offset, 8, False, span=span, type=Type.LONG)

    return value
