"""`syscall.NAME`, `syscall.*`, their `.return`, and the same names in the families nd_syscall, dw_syscall, tp_syscall.

All points of a script are served by one program for each direction, on the tracepoints sys_enter and sys_exit, with a
switch on the number. `syscall.*` is one point that stands for all numbers, also those that have no name here. A call
that came through a 32-bit entry has COMPAT_CALL added to its number (program/user_memory.py).

What a call offers is data in tapset/syscalls; this file makes expressions of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from ..diagnostics import semantic_error, similar
from ..lean import Protocol
from ..program import nodes as n
from ..program.attach import Syscalls
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..program.user_memory import COMPAT_CALL
from ..records import dataclass
from ..source import Span


class SyscallValues(Protocol):
    """The variables of some calls."""

    def variables(self, returns: bool) -> Mapping[str, VariableSource]:
        """Return those that all of the calls have, at entry or at return."""

    def argstr(self, span: Span) -> n.Expression: ...

    def retstr(self, span: Span) -> n.Expression: ...


class SyscallTables(Protocol):
    """What system calls there are. A call is a number, COMPAT_CALL added for one of a 32-bit entry."""

    def call_names(self) -> Sequence[str]:
        """Return the names that `syscall.NAME` may have."""

    def call_numbers(self, name: str) -> frozenset[int] | None:
        """Return the calls that a name stands for on this machine; None when it is no name of a call."""

    def name_table(self, compat: bool) -> Sequence[str]:
        """Return what each number is called."""

    def shown_name(self, number: int) -> str:
        """Return what a call is called."""

    def name(self, span: Span, returns: bool) -> n.Expression:
        """Return the name of the call that is made, or that returns."""

    def changing(self) -> frozenset[int]:
        """Return the calls whose arguments cannot be read at their return any more, as they were passed."""

    def is_one_of(self, changing: frozenset[int], span: Span) -> n.Expression:
        """Tell whether the call that returns is one of these, which are all of changing() or a part of them."""

    def values(self, numbers: frozenset[int] | None, name: str | None) -> SyscallValues:
        """Return the variables of these calls (None: of all), which are those that `name` means if it is given."""


@dataclass(frozen=True, slots=True)
class SyscallKind:
    """One family."""

    tables: SyscallTables
    root: str = "syscall"
    keeps_wildcards: bool = True

    def forms(self) -> Iterable[str]:
        return ()

    def aliases(self) -> Iterable[str]:
        for name in self.tables.call_names():
            yield f'{self.root}.{name} = kernel.trace("sys_enter")'
            yield f'{self.root}.{name}.return = kernel.trace("sys_exit")'

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        self._check(parts)
        return [[parts[0], PointPart(known, None, parts[1].span), *parts[2:]] for known in self._matching(parts[1])]

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return self.tables.call_names() if len(parts) == 1 else ("return",)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        returns = self._check(parts)
        name = parts[1].name
        written = ".".join(part.name for part in parts)
        if name == "*":
            return [_point(self.tables, written, self.root, returns, None, None)]
        matching = self._matching(parts[1])
        numbers = frozenset[int]().union(*(self.tables.call_numbers(known) or () for known in matching))
        return [_point(self.tables, written, self.root, returns, numbers, matching[0] if len(matching) == 1 else None)]

    def _matching(self, part: PointPart) -> Sequence[str]:
        """Return the names that a component stands for; raises ScriptError when there are none."""
        known_names = self.tables.call_names()
        if part.name in known_names:
            return [part.name]
        matching = [known for known in known_names if fnmatchcase(known, part.name)]
        if not matching:
            self._unknown(part)
        return matching

    def _check(self, parts: Sequence[PointPart]) -> bool:
        if len(parts) < 2:
            semantic_error("probe point mismatch", parts[0].span, f"identifier '{parts[0].name}'")
        for part in parts:
            if part.argument is not None:
                self._unknown(part)
        _check_return(parts, 2)
        return len(parts) == 3

    def _unknown(self, part: PointPart) -> None:
        message = f"probe point mismatch{similar(part.name, self.tables.call_names())}"
        semantic_error(message, part.span, f"identifier '{part.name}'")


@dataclass(frozen=True, slots=True)
class SyscallAnyKind:
    """`syscall_any` and `syscall_any.return`: all calls, by number and name alone."""

    tables: SyscallTables
    root: str = "syscall_any"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return ()

    def aliases(self) -> Iterable[str]:
        yield 'syscall_any = kernel.trace("sys_enter")'
        yield 'syscall_any.return = kernel.trace("sys_exit")'

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        _check_return(parts, 1)
        return [parts]

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return ("return",) if len(parts) == 1 else ()

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        _check_return(parts, 1)
        returns = len(parts) == 2
        variables: dict[str, VariableSource] = {
            "syscall_nr": _plain_number,
            "name": _name_source(self.tables, None, returns),
        }
        functions: dict[str, VariableSource] = {}
        if returns:
            variables["retval"] = functions["returnval"] = _returned
        return [DerivedPoint(".".join(p.name for p in parts), Syscalls(returns, None), variables, {}, functions)]


def _check_return(parts: Sequence[PointPart], place: int) -> None:
    """Raise ScriptError when anything but one `return` stands from `place` on."""
    if len(parts) > place and (parts[place].name != "return" or len(parts) > place + 1):
        wrong = parts[place] if parts[place].name != "return" else parts[place + 1]
        semantic_error("invalid suffix for probe", wrong.span, f"identifier '{wrong.name}'")


def _point(
    tables: SyscallTables, written: str, family: str, returns: bool, numbers: frozenset[int] | None, name: str | None
) -> DerivedPoint:
    """Return the point on these calls (None: all); `name` is the one name that it has, if it has one."""
    suffix = ".return" if returns else ""
    values = tables.values(numbers, name)
    variables: dict[str, VariableSource] = {"name": _name_source(tables, numbers, returns)}
    functions: dict[str, VariableSource] = {"pp": _name_source(tables, numbers, returns, f"{family}.", suffix)}
    targets = dict(_arguments(numbers))
    if returns:
        variables["retval"] = functions["returnval"] = _returned
        variables["retstr"] = values.retstr
        variables.update(values.variables(returns=True))
        targets["$return"] = TargetSource.number(_returned, "return", is_listed=False)
        hidden = {**values.variables(returns=False), "argstr": values.argstr}
        changed = tables.changing() if numbers is None else tables.changing() & numbers
        hidden = {
            known: _from_entry(tables, source, changed, numbers) if changed else source
            for known, source in hidden.items()
            if known not in variables
        }
    else:
        variables.update(values.variables(returns=False))
        variables["argstr"] = values.argstr
        hidden = {}
    return DerivedPoint(written, Syscalls(returns, numbers), variables, targets, functions, more_variables=hidden)


def _text(value: str, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=Type.STRING)


def _long(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=Type.LONG)


def _argument(index: int, span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_ARGUMENT, index, span=span, type=Type.LONG)


def _returned(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_RETURN, span=span, type=Type.LONG)


def _from_entry(
    tables: SyscallTables, source: VariableSource, changed: frozenset[int], numbers: frozenset[int] | None
) -> VariableSource:
    """Return a variable of a return probe: what it is now, but for the `changed` calls what it was at the entry."""

    def now_or_then(span: Span) -> n.Expression:
        now = source(span)
        then = n.EntryValue(now, Syscalls(False, changed), span=span, type=now.type)
        if changed == numbers:
            return then
        return n.Conditional(tables.is_one_of(changed, span), then, source(span), span=span, type=now.type)

    return now_or_then


def _number(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_NUMBER, span=span, type=Type.LONG)


def _is_compat(span: Span) -> n.Expression:
    return n.Binary(">=", _number(span), _long(COMPAT_CALL, span), span=span, type=Type.LONG)


def _plain_number(span: Span) -> n.Expression:
    """Return the number as the call was made with it."""
    low = n.Binary("-", _number(span), _long(COMPAT_CALL, span), span=span, type=Type.LONG)
    return n.Conditional(_is_compat(span), low, _number(span), span=span, type=Type.LONG)


def _name_source(
    tables: SyscallTables, numbers: frozenset[int] | None, returns: bool, before: str = "", behind: str = ""
) -> VariableSource:
    """Return what gives the name of the call, text around it."""
    shown = {tables.shown_name(number) for number in numbers} if numbers else set()

    def table(compat: bool) -> tuple[str, ...]:
        return tuple(f"{before}{known}{behind}" for known in tables.name_table(compat))

    def source(span: Span) -> n.Expression:
        if len(shown) == 1:
            return _text(f"{before}{next(iter(shown))}{behind}", span)
        if not before:
            return tables.name(span, returns)
        native = n.TableText(table(False), _number(span), f"{before}syscall_%d{behind}", span=span, type=Type.STRING)
        if numbers is not None and all(number < COMPAT_CALL for number in numbers):
            return native
        low = n.Binary("-", _number(span), _long(COMPAT_CALL, span), span=span, type=Type.LONG)
        compat = n.TableText(table(True), low, f"{before}syscall32_%d{behind}", span=span, type=Type.STRING)
        return n.Conditional(_is_compat(span), compat, native, span=span, type=Type.STRING)

    return source


def _arguments(numbers: frozenset[int] | None) -> Mapping[str, TargetSource]:
    """Return the `$names` that all the calls of a point have, in the same place."""
    from ..arch.x86_64_syscall_arguments import ARGUMENTS
    from ..arch.x86_64_syscalls import SYSCALLS, SYSCALLS_32

    native = [number for number in numbers or () if number < COMPAT_CALL]
    names = {number: name for name, number in (SYSCALLS if native else SYSCALLS_32).items()}
    common: set[tuple[int, str]] | None = None
    for number in native or numbers or ():
        own = set(enumerate(ARGUMENTS.get(names[number % COMPAT_CALL], ())))
        common = own if common is None else common & own

    def source(index: int) -> TargetSource:
        return TargetSource.number(lambda span: _argument(index, span), is_listed=False)

    return {f"${name}": source(index) for index, name in sorted(common or ())}
