"""Chooses where each global lives, and which kernel handlers need a lock to be atomic.

global n, start, total
probe syscall.read        { start[pid()] = ktime_get_ns() }              one map write, atomic by itself, but
probe syscall.read.return { total += ktime_get_ns() - start[pid()]       here start is read and deleted:
                            delete start[pid()]; n++ }                   both handlers take lock 0
probe end                 { println(n, total) }

n, total: add-only (per CPU, no lock)       start: shared, lock 0 (none with tid(), see task_private)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..program import nodes as n
from ..program.attach import Phase
from ..program.program import Handler, Target
from ..program.symbols import Global, StorageKind
from ..program.types import Type
from ..records import dataclass
from .global_uses import Uses, uses_of
from .task_private import task_private


@dataclass(frozen=True, slots=True, eq=False)
class _KernelHandler:
    handler: Handler
    uses: Uses


def choose_storage(handlers: Sequence[Handler], events: Sequence[n.Event], variables: Iterable[Global]) -> int:
    """Set the storage and lock of every global, and each handler's lock, reads and writes; returns how many locks."""
    kernel: list[_KernelHandler] = []
    in_kernel, running = Uses(), Uses()
    for handler in handlers:
        uses = uses_of(handler.body, in_kernel=handler.target is Target.KERNEL)
        handler.reads, handler.writes = _sorted(uses.reads), _sorted(uses.writes)
        if handler.target is Target.KERNEL:
            kernel.append(_KernelHandler(handler, uses))
            in_kernel.add(uses)
        elif not isinstance(handler.attach, Phase):
            running.add(uses)
    for event in events:
        running.add(uses_of(event.body))
    for variable in variables:
        variable.storage = _storage(variable, in_kernel, running)
        variable.lock = None
    return _assign_locks(kernel, in_kernel, running, task_private(handlers))


def _storage(variable: Global, kernel: Uses, running: Uses) -> StorageKind:
    if variable not in kernel.touched:
        return StorageKind.USER
    if variable in kernel.reads or variable in kernel.assigns:
        return StorageKind.SHARED
    return StorageKind.DRAINED if variable in running.writes else StorageKind.ADD_ONLY


def _assign_locks(kernel: Sequence[_KernelHandler], in_kernel: Uses, running: Uses, private: set[Global]) -> int:
    written = in_kernel.writes | running.writes
    private = private - running.writes
    guarded = {v for v in in_kernel.touched if v.storage is StorageKind.SHARED and v in written} - private
    groups: list[set[Global]] = []
    for one in kernel:
        touched = one.uses.touched & guarded
        if touched and _needs_lock(one.uses, guarded):
            joined = set(touched)
            for group in [group for group in groups if group & touched]:
                joined |= group
                groups.remove(group)
            groups.append(joined)
    for number, group in enumerate(groups):
        for variable in group:
            variable.lock = number
    for one in kernel:
        locks = {v.lock for v in one.uses.touched & guarded if v.lock is not None and _must_exclude(v, one.uses)}
        one.handler.lock = min(locks) if locks else None
    return len(groups)


def _must_exclude(variable: Global, uses: Uses) -> bool:
    """Tell whether a handler's use of a locked global must keep others out: all but one read of a long."""
    return variable in uses.writes or uses.accesses[variable] > 1 or variable.type is Type.STRING


def _needs_lock(uses: Uses, guarded: set[Global]) -> bool:
    """Tell whether a handler does more with the guarded globals than one atomic operation."""
    touched = uses.touched & guarded
    accesses = sum(uses.accesses[variable] for variable in touched)
    if accesses > 1 and uses.writes & guarded:
        return True
    return any(variable in uses.compound or variable.type is Type.STRING for variable in touched)


def _sorted(variables: Iterable[Global]) -> list[Global]:
    return sorted(variables, key=lambda variable: variable.name)
