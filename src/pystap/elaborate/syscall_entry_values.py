"""Values that a return probe of system calls takes at the entry: `@entry(e)`, and what its variables need from there.

A thread is in one system call at a time, so that it is the key; the handler of a return runs without an entry too.

    probe syscall.read.return            ->      probe at the entry { entry_0[tid()] = count }
      { println(@entry($count)) }                probe at the return { t = entry_0[tid()]; delete entry_0[tid()]
                                                                       println(t) }

A string of user memory that could not be read at the entry is read again at the return, when the call has brought it
into memory.
"""

from __future__ import annotations

from ..program import nodes as n
from ..program.attach import Syscalls
from ..program.builtins import Effect
from ..program.program import Handler
from ..program.symbols import Global
from ..program.types import Type
from ..records import dataclass, replace
from ..source import Span
from .kernel_capability import KernelCapability
from .rewrite import rewrite_expression
from .scope import Names, Scope
from .walk import subexpressions

_UNREADABLE = "\x01\x02unreadable"
_MOST_CALLS = 8192
"""How many calls may be under way at once: the oldest are dropped, such as those of threads that ended in one."""


@dataclass(eq=False)
class Taken:
    """One value: where it is taken, what it is, and the array that keeps it by thread until the return."""

    attach: Syscalls
    value: n.Expression
    array: Global


def taken_at_entry(names: Names, scope: Scope, value: n.Expression, where: Syscalls | None = None) -> n.Expression:
    """Return the value that an expression had at the entry: that of the probe, or `where`."""
    if where is None:
        assert isinstance(scope.attach, Syscalls)
        where = Syscalls(False, scope.attach.numbers)
    return _Taker(names, scope, where).value(value)


def with_entry_values(names: Names, scope: Scope, value: n.Expression) -> n.Expression:
    """Return an expression with all EntryValue in it replaced by what was taken at the entry."""

    def replacement(part: n.Expression) -> n.Expression | None:
        if isinstance(part, n.EntryValue):
            return taken_at_entry(names, scope, part.expression, part.attach)
        return None

    return rewrite_expression(value, replacement)


def entry_handlers(names: Names, first: int) -> list[Handler]:
    """Return the handlers at the entries, one for each place, numbered from `first` on."""
    handlers: list[Handler] = []
    places: dict[Syscalls, Handler] = {}
    for taken in names.taken:
        span = taken.value.span
        handler = places.get(taken.attach)
        if handler is None:
            point = "entry"
            handler = places[taken.attach] = Handler(first + len(handlers), point, point, span, taken.attach, [])
            handlers.append(handler)
        element = _element(names, taken.array, span)
        handler.body.append(n.Evaluate(n.Assign(element, taken.value, span=span), span=span))
    return handlers


def _element(names: Names, array: Global, span: Span) -> n.ElementValue:
    (thread,) = names.inputs.builtins.lookup("tid")
    return n.ElementValue(array, [n.BuiltinCall(thread, [], span=span, type=Type.LONG)], span=span)


class _Taker:
    def __init__(self, names: Names, scope: Scope, attach: Syscalls) -> None:
        self.names = names
        self.scope = scope
        self.attach = attach

    def value(self, value: n.Expression) -> n.Expression:
        """Return what stands in the return's handler for a value of the entry."""
        match value:
            case n.Constant():
                return value
            case n.ReadString(user=True):
                return self._text(value)
            case n.BuiltinCall(builtin=builtin) if builtin.effect is Effect.PURE and not _has_block(value):
                return replace(value, arguments=[self.value(argument) for argument in value.arguments])
            case _:
                return self._kept(value)

    def _text(self, read: n.ReadString) -> n.Expression:
        """Return a string, from the entry or, where it was not in memory then, from now."""
        span = read.span
        missing = n.Constant(_UNREADABLE, span=span, type=Type.STRING)
        kept = self._kept(replace(read, otherwise=missing))
        is_missing = n.Binary(
            "==", kept, n.Constant(_UNREADABLE, span=span, type=Type.STRING), span=span, type=Type.LONG
        )
        again = replace(read, address=self._kept(read.address))
        return n.Conditional(is_missing, again, kept, span=span, type=Type.STRING)

    def _kept(self, value: n.Expression) -> n.Expression:
        if isinstance(value, n.Constant):
            return value
        span, number = value.span, len(self.names.taken)
        array = Global(f"__call_{number}", span, value.type, size=_MOST_CALLS, is_array=True, per_call=True)
        array.key_types, array.key_widths = [Type.LONG], [0]
        self.names.globals[None, array.name] = array
        self.names.arities[array] = (1, span)
        self.names.taken.append(Taken(self.attach, value, array))
        if not KernelCapability(frozenset(), False, {}).expression(value):
            return _element(self.names, array, span)
        local = self.scope.local(array.name, span)
        here = n.LocalValue(local, span=span)
        take = n.Assign(here, _element(self.names, array, span), span=span)
        self.scope.prologue.append(n.Evaluate(take, span=span))
        self.scope.prologue.append(n.Delete(_element(self.names, array, span), span=span))
        return n.LocalValue(local, span=span)


def _has_block(value: n.Expression) -> bool:
    return any(isinstance(part, n.ReadBlock) for part in subexpressions(value))
