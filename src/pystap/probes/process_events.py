"""`process(...).begin`, `.end`, `.thread.begin`, `.thread.end`, `.syscall`, `.syscall.return`: what processes do.

    process("/bin/ls").begin     fork of one that runs ls, exec of ls; at the start, one hit for each that is there
    process.syscall              of the target (-c, -x) and what it starts; of every process where there is none

At a fork and at the start the process in question is not the one that runs, so what a handler asks of the task (pid(),
execname(), ...) is read from the task that the event is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..diagnostics import semantic_error
from ..lean import Literal, cast
from ..program import nodes as n
from ..program.attach import AttachSpec, ProcessEvents, Syscalls
from ..program.extension import DerivedPoint, MemberLoad, PointPart, TargetSource, TypeSource, VariableSource
from ..program.types import COMM_WIDTH, Type
from ..records import dataclass
from ..source import Span
from .programs import Limit, Programs

EVENTS = ("begin", "end", "thread.begin", "thread.end", "syscall", "syscall.return")
_NUMBERS: Mapping[str, tuple[str | int, ...]] = {
    "pid": ("tgid",),
    "tid": ("pid",),
    "ppid": ("real_parent", "tgid"),
    "pgrp": ("signal", "pids", 2, "numbers", 0, "nr"),
    "sid": ("signal", "pids", 3, "numbers", 0, "nr"),
    "uid": ("cred", "uid", "val"),
    "euid": ("cred", "euid", "val"),
    "gid": ("cred", "gid", "val"),
    "egid": ("cred", "egid", "val"),
}
"""The functions that ask for a number of the task, and where it has that (2 and 3 are PIDTYPE_PGID and PIDTYPE_SID)."""
_TEXTS: Mapping[str, tuple[str | int, ...]] = {"execname": ("comm",), "pexecname": ("real_parent", "comm")}
_ARGUMENTS = 6


@dataclass(frozen=True, slots=True)
class ProcessEventForm:
    """The forms for `EVENTS`; `types` knows struct task_struct."""

    programs: Programs
    types: Callable[[], TypeSource]

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        event = ".".join(part.name for part in parts[1:])
        return [self._point(first, limit, parts, event) for first, limit in self._limits(parts[0])]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for first, _ in self._limits(parts[0]):
            yield [first, *parts[1:]]

    def _limits(self, part: PointPart) -> list[tuple[PointPart, Limit]]:
        """Return the processes that are meant: the component as it is shown, and the limit."""
        match part.argument:
            case None:
                return [(part, self.programs.target_limit())]
            case int(pid):
                if pid <= 0:
                    semantic_error(f"no process can have the id {pid}", part.span, f"identifier '{part.name}'")
                return [(part, Limit(pid))]
            case _:
                return [(file.listed[0], Limit(0, file.path)) for file in self.programs.executables(part)]

    def _point(self, first: PointPart, limit: Limit, parts: Sequence[PointPart], event: str) -> DerivedPoint:
        shown = ".".join(map(str, (first, *parts[1:])))
        attach: AttachSpec
        if event.startswith("syscall"):
            returns = event.endswith("return")
            attach = Syscalls(returns, None, limit.pid, limit.program)
            functions: dict[str, VariableSource] = {"returnval": _returned} if returns else {}
            return DerivedPoint(shown, attach, {}, _call_targets(returns), functions)
        kind = cast('Literal["begin", "end", "thread begin", "thread end"]', event.replace(".", " "))
        attach = ProcessEvents(kind, limit.pid, limit.program)
        return DerivedPoint(shown, attach, {}, {}, self._functions())

    def _functions(self) -> dict[str, VariableSource]:
        """Return the functions that ask for the task, as they ask for the one that the event is about."""
        functions: dict[str, VariableSource] = {"task_current": _subject}

        def number(path: Sequence[str | int]) -> VariableSource:
            return lambda span: _followed(self.types().member_loads("task_struct", path), span)

        def text(path: Sequence[str | int]) -> VariableSource:
            def value(span: Span) -> n.Expression:
                loads, offset = self.types().member_address("task_struct", path)
                at = n.Binary("+", _followed(loads, span), _long(offset, span), span=span, type=Type.LONG)
                return n.ReadString(at, COMM_WIDTH, span=span, type=Type.STRING)

            return value

        functions.update((name, number(path)) for name, path in _NUMBERS.items())
        functions.update((name, text(path)) for name, path in _TEXTS.items())
        return functions


def _long(value: int, span: Span) -> n.Constant:
    return n.Constant(value, span=span, type=Type.LONG)


def _subject(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.ARGUMENT, 0, span=span, type=Type.LONG)


def _followed(loads: Sequence[MemberLoad], span: Span) -> n.Expression:
    value = _subject(span)
    for load in loads:
        size = cast("Literal[1, 2, 4, 8]", load.size)
        value = n.ReadMemory(value, load.offset, size, load.signed, span=span, type=Type.LONG)
    return value


def _returned(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_RETURN, span=span, type=Type.LONG)


def _call_targets(returns: bool) -> dict[str, TargetSource]:
    def number(span: Span) -> n.Expression:
        return n.ContextValue(n.ContextKind.SYSCALL_NUMBER, span=span, type=Type.LONG)

    def argument(index: int) -> VariableSource:
        return lambda span: n.ContextValue(n.ContextKind.SYSCALL_ARGUMENT, index, span=span, type=Type.LONG)

    targets = {"$syscall": TargetSource.number(number, "other")}
    targets |= {f"${f'arg{index + 1}'}": TargetSource.number(argument(index)) for index in range(_ARGUMENTS)}
    if returns:
        targets["$return"] = TargetSource.number(_returned, "return")
    return targets


@dataclass(frozen=True, slots=True)
class InstructionForm:
    """`.insn` and `.insn.block`, which need single-stepping."""

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        part = next(part for part in parts if part.name == "insn")
        semantic_error(
            "probes on every instruction or block are not available: eBPF programs cannot single-step a process; "
            "probe functions or statements", part.span, f"identifier '{part.name}'",
        )  # fmt: skip

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return [parts]
