"""Values from the entry of a call, for the probe of its return: `@entry(e)`, and parameters after the function ended.

    probe kernel.function("f").return { println(@entry($count)) }

becomes two handlers and an array that only they use:

    probe kernel.function("f")        { __entry_0[thread, frame] = $count }
    probe kernel.function("f").return { if ([thread, frame] in __entry_0) { e = __entry_0[thread, frame]
                                                                            delete __entry_0[thread, frame] }
                                        else next
                                        println(e) }

`frame` is the same number at entry and return of one call, and another one for each call that is not over: nested and
recursive calls keep apart. A call whose entry was not seen runs no handler at its return; one whose return is missed
leaves an element, which the next call in the same place overwrites, or which is dropped when the array is full and its
thread has ended. Calls beyond what the array holds are counted as skipped.

A place inside a function does the same for variables that are nowhere there, but whose value follows from what
registers had at the entry (DW_OP_entry_value): the element stays, since the call goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from ..arch import x86_64 as arch
from ..diagnostics import semantic_error
from ..lean import TYPE_CHECKING
from ..program import nodes as n
from ..program.attach import KernelFunctions, Uprobes
from ..program.extension import DerivedPoint, VariableSource
from ..program.program import Handler
from ..program.symbols import Global, Local
from ..program.types import Type
from ..records import dataclass
from ..source import Span
from ..syntax import ast
from ..syntax.print_expressions import print_expression
from .scope import Names, Scope

if TYPE_CHECKING:
    from .resolve_expressions import ExpressionResolver

MOST_CALLS = 8192
"""How many calls may be under way at once."""


@dataclass(eq=False, slots=True)
class _Saved:
    array: Global
    local: Local
    value: n.Expression
    span: Span


class EntryValues:
    """What the handler of a return wants from the entry of its call; `resolver` makes the resolver of a scope."""

    def __init__(
        self,
        names: Names,
        point: Callable[[], DerivedPoint],
        resolver: Callable[[Names, Scope], ExpressionResolver],
        scope: Scope,
        frame: VariableSource | None = None,
    ) -> None:
        """`frame` is for a place inside a function: where the return address of the call lies."""
        self._names = names
        self._derive = point
        self._resolver = resolver
        self._outer = scope
        self._frame = frame
        self._point: DerivedPoint | None = None
        self._saved: dict[str, _Saved] = {}

    @property
    def at_return(self) -> bool:
        """Whether the values are for the return of the call, when it ends."""
        return self._frame is None

    def value(self, node: ast.Expression, span: Span) -> n.Expression:
        """Return what an expression was at the entry. Raises ScriptError."""
        key = print_expression(node)
        saved = self._saved.get(key)
        if saved is None:
            saved = self._saved[key] = self._save(node, span)
        return n.LocalValue(saved.local, span=span)

    def _save(self, node: ast.Expression, span: Span) -> _Saved:
        point = self._entry()
        scope = Scope(
            self._outer.source, offered=point.variables, targets=point.target_variables, functions=point.functions,
            blocks=self._outer.blocks, attach=point.attach,
        )  # fmt: skip
        value = self._resolver(self._names, scope).expression(node)
        if scope.locals:
            name = next(iter(scope.locals))
            semantic_error(
                f"'{name}' has no value at the entry: @entry is evaluated before the handler runs", span,
                "operator '@entry'",
            )  # fmt: skip
        number = sum(variable.per_call for variable in self._names.all_globals())
        name = f"__entry_{number}"
        keys = len(_keys(point, span))
        array = Global(
            name, span, size=MOST_CALLS, is_array=True, is_library=True, per_call=True,
            key_types=[Type.LONG] * keys, key_widths=[0] * keys,
        )  # fmt: skip
        self._names.globals[None, name] = array
        local = self._outer.local(f"__at_entry_{number}", span)
        return _Saved(array, local, value, span)

    def _entry(self) -> DerivedPoint:
        if self._point is None:
            self._point = self._derive()
        return self._point

    def restoring(self) -> list[n.Statement]:
        """Return the statements that the handler of the return begins with."""
        statements: list[n.Statement] = []
        for saved in self._saved.values():
            span = saved.span

            def element(saved: _Saved = saved, span: Span = span) -> n.ElementValue:
                return n.ElementValue(saved.array, [*self._place_keys(span)], span=span)

            local = n.LocalValue(saved.local, span=span)
            there = n.Contains(saved.array, [*self._place_keys(span)], span=span, type=Type.LONG)
            taken: list[n.Statement] = [n.Evaluate(n.Assign(local, element(), span=span), span=span)]
            if self.at_return:
                taken.append(n.Delete(element(), span=span))
            statements.append(n.If(there, taken, [n.Next(span=span)], span=span))
        return statements

    def _place_keys(self, span: Span) -> list[n.Expression]:
        keys = _keys(self._entry(), span, True)
        return keys if self._frame is None else [*keys[:-1], self._frame(span)]

    def companion(self, index: int, of: Handler) -> Handler | None:
        """Return the handler that saves the values, None when none is wanted."""
        if not self._saved:
            return None
        point = self._entry()
        body: list[n.Statement] = []
        for saved in self._saved.values():
            element = n.ElementValue(saved.array, [*_keys(point, saved.span)], span=saved.span)
            body.append(n.Evaluate(n.Assign(element, saved.value, span=saved.span), span=saved.span))
        return Handler(index, point.point, f"@entry <- {of.written}", of.span, point.attach, body)


def _keys(point: DerivedPoint, span: Span, at_return: bool = False) -> list[n.Expression]:
    """Return what tells one call of a thread from all others that are not over; it is in one system call at most."""
    keys: list[n.Expression] = [n.ContextValue(n.ContextKind.CURRENT_THREAD, span=span, type=Type.LONG)]
    if isinstance(point.attach, KernelFunctions):
        keys.append(n.ContextValue(n.ContextKind.FRAME, span=span, type=Type.LONG))
    elif isinstance(point.attach, Uprobes):
        keys.append(_stack_pointer(span, at_return))
    return keys


def _stack_pointer(span: Span, at_return: bool) -> n.Expression:
    """Return where the return address of a call in user space lies: when it has returned, that was popped."""
    word = arch.PT_REGS_OFFSETS[arch.STACK_POINTER] // 8
    pointer = n.ContextValue(n.ContextKind.REGISTER, word, span=span, type=Type.LONG)
    if not at_return:
        return pointer
    size = n.Constant(arch.STACK_ARGUMENTS_OFFSET, span=span, type=Type.LONG)
    return n.Binary("-", pointer, size, span=span, type=Type.LONG)
