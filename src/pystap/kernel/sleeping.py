"""Which handlers on user code may sleep, so that user memory that is not there yet can be brought in when they read it.

A string literal that a program passes at its first use is on a page that nobody has touched: a read that must not sleep
fails there. A program that sleeps may not touch what waits for running programs (drained globals), hold a lock for so
long, or use hashes that allocate as they go (the verifier's rule).
"""

from __future__ import annotations

from ..lean import Iterator, Sequence
from ..program.nodes import (
    ContextKind,
    ElementValue,
    Expression,
    FunctionCall,
    GlobalValue,
    ReadMemory,
    ReadString,
    Statement,
)
from ..program.program import Handler
from ..program.symbols import Global, StorageKind
from . import analysis, maps
from .context import HandlerContext, ProgramContext
from .handlers import context_values
from .ir import Helper

_STACKS = (ContextKind.KERNEL_STACK, ContextKind.USER_STACK)
_PAGE = 4096


def may_sleep(shared: ProgramContext, handler: Handler) -> bool:
    """Tell whether a handler reads user memory and does nothing that a sleeping program must not do."""
    if not shared.facts.sleepable_uprobes or handler.lock is not None:
        return False
    parts = list(_expressions(handler.body, set()))
    if not any(isinstance(part, ReadMemory | ReadString) and part.user for part in parts):
        return False
    if any(value.kind in _STACKS for value in context_values(handler)):
        return False
    touched = {variable for part in parts if (variable := _global_of(part)) is not None}
    return not any(
        variable.storage is StorageKind.DRAINED or maps.allocates_late(shared, variable) for variable in touched
    )


def _global_of(part: Expression) -> Global | None:
    match part:
        case GlobalValue(variable=variable):
            return variable
        case ElementValue(array=array):
            return array
        case _:
            return getattr(part, "array", None)


def _expressions(body: Sequence[Statement], seen: set[str]) -> Iterator[Expression]:
    """Yield the expressions of a body and of the functions that it calls."""
    for part in analysis.all_expressions(body):
        yield part
        function = part.function if isinstance(part, FunctionCall) else None
        while function is not None and function.name not in seen:
            seen.add(function.name)
            yield from _expressions(analysis.body_of(function), seen)
            function = function.next_overload


def bring_in(h: HandlerContext, address: str, last: int = 0) -> None:
    """Emit the reads that bring in the page of a user address (i64); with `last` the one where it ends, that far on."""
    code = h.code
    place = code.alloca("touched", "i64")
    places = [address]
    if last:
        end = code.value("end", f"add i64 {address}, {last}")
        places.append(code.value("edge", f"and i64 {end}, {-_PAGE}"))
    for at in places:
        source = code.value("source", f"inttoptr i64 {at} to ptr")
        code.helper("copied", Helper.COPY_FROM_USER, f"ptr {place}, i32 1, ptr {source}")
