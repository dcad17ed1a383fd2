"""What handlers can find out of the running process in the kernel's structures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..arch import x86_64 as arch
from ..program import nodes as n
from ..program.extension import TypeSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """Expressions that follow members from the current task; `types` are the kernel's."""

    types: Callable[[], TypeSource]

    def thread_pointer(self, span: Span) -> n.Expression:
        """Return the thread pointer of the running thread, by which its thread-local variables are found."""
        return self._member(arch.THREAD_POINTER_FIELD, span)

    def code_start(self, span: Span) -> n.Expression:
        """Return where the first executable segment of the process's program lies."""
        return self._member(("mm", "start_code"), span)

    def auxiliary_vector(self, span: Span) -> n.Expression:
        """Return where the kernel has what it told the process at its start (auxv)."""
        loads, offset = self.types().member_address("task_struct", ("mm", "saved_auxv"))
        value: n.Expression = n.ContextValue(n.ContextKind.CURRENT_TASK, span=span, type=Type.LONG)
        for load in loads:
            value = n.ReadMemory(value, load.offset, 8, False, span=span, type=Type.LONG)
        return n.Binary("+", value, n.Constant(offset, span=span, type=Type.LONG), span=span, type=Type.LONG)

    def _member(self, path: Sequence[str], span: Span) -> n.Expression:
        value: n.Expression = n.ContextValue(n.ContextKind.CURRENT_TASK, span=span, type=Type.LONG)
        for load in self.types().member_loads("task_struct", path):
            value = n.ReadMemory(value, load.offset, 8, False, span=span, type=Type.LONG)
        return value
