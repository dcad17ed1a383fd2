"""Elements that a condition found, for the code of its branch: it needs no look-up of its own.

    if (tid() in start) { total += now - start[tid()]; delete start[tid()] }       one look-up

That holds while nobody takes the element away: the handler has the lock of the array, or the element belongs to its
thread. What may change the array ends it.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from ..program.nodes import (
    BuiltinCall,
    Constant,
    Contains,
    ContextKind,
    ContextValue,
    ElementValue,
    Expression,
    LocalValue,
    Statement,
)
from ..program.symbols import Global, Local, StorageKind
from ..records import dataclass, field
from .analysis import assigned_locals

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class HeldElement:
    """An element of a map: where its key lies, and the element itself, which is there."""

    key: str
    pointer: str


@dataclass(slots=True)
class HeldElements:
    """The elements that are known where code is being made."""

    _found: dict[tuple[Global, _Key], HeldElement] = field(default_factory=dict)

    def hold(self, condition: Contains, key: str, pointer: str) -> None:
        """Keep the element that a condition found."""
        self._found[condition.array, _identity(condition)] = HeldElement(key, pointer)

    def release(self, condition: Contains) -> None:
        """The branch of a condition ends."""
        self._found.pop((condition.array, _identity(condition)), None)

    def find(self, element: ElementValue) -> HeldElement | None:
        """Return an element that is known, None when it must be looked up."""
        return self._found.get((element.array, _identity(element))) if self._found else None

    def forget(self, array: Global) -> None:
        """Some element of an array changes."""
        for known in [known for known in self._found if known[0] is array]:
            del self._found[known]


def can_hold(condition: Contains, then: Sequence[Statement], lock: int | None) -> bool:
    """Tell whether the element of `k in a` stays the same through a branch of a handler that holds a lock (or none)."""
    array = condition.array
    if array.storage is not StorageKind.SHARED or array.wraps:
        return False
    if array.lock is not None:
        is_own = array.lock == lock
    else:
        is_own = array.per_call or any(map(_is_thread, condition.keys))
    set_inside = assigned_locals(then)
    return is_own and all(key is not None and _stays(key, set_inside) for key in condition.keys)


def _is_thread(key: Expression | None) -> bool:
    return isinstance(key, BuiltinCall) and key.builtin.name == "tid"


def _stays(key: Expression, set_inside: Container[Local]) -> bool:
    match key:
        case Constant():
            return True
        case ContextValue(kind=kind):
            return kind is not ContextKind.PERF_COUNTER
        case LocalValue(local=local):
            return local not in set_inside
        case BuiltinCall(builtin=builtin, arguments=arguments):
            return builtin.task_context and not arguments
        case _:
            return False


def _identity(element: Contains | ElementValue) -> _Key:
    """Return what is the same for elements of one key. (Keys that do not stay are the same as no other.)"""
    return tuple(map(_key_identity, element.keys))


def _key_identity(key: Expression | None) -> object:
    match key:
        case Constant(value=value):
            return value
        case ContextValue(kind=kind, index=index, name=name):
            return kind, index, name
        case LocalValue(local=local):
            return local
        case BuiltinCall(builtin=builtin, arguments=[]):
            return builtin.name
        case _:
            return key
