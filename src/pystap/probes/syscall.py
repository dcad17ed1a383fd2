"""`syscall.NAME`, `syscall.*`, and their `.return`: entry to and return from system calls.

All points of a script are served by one program for each direction, on the tracepoints sys_enter and sys_exit, with a
switch on the number. `syscall.*` is one point that stands for all numbers, also those that have no name here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from ..arch import x86_64 as arch
from ..diagnostics import semantic_error, similar
from ..program import nodes as n
from ..program.attach import Syscalls
from ..program.builtins import Builtin
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span

GROUPS = {
    "epoll_create": ("epoll_create", "epoll_create1"),
    "eventfd": ("eventfd", "eventfd2"),
    "getdents": ("getdents", "getdents64"),
    "inotify_init": ("inotify_init", "inotify_init1"),
    "mmap2": ("mmap",),
    "pipe": ("pipe", "pipe2"),
    "signalfd": ("signalfd", "signalfd4"),
    "dup2": ("dup2",),
}
"""Names of the language that stand for one or more of the kernel's calls, where they differ from the kernel's name."""

ONLY_32_BIT = frozenset(
    (
        "bdflush", "fadvise64_64", "fstatfs64", "ftruncate64", "gethostname", "llseek", "nice", "readdir", "recv",
        "send", "sgetmask", "sigaction", "signal", "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ssetmask",
        "statfs64", "stime", "truncate64", "waitpid",
    )
)  # fmt: skip
"""Calls that 32-bit processes alone have: their points resolve here and do not fire for 64-bit ones."""


def call_names() -> list[str]:
    """Return the names that `syscall.NAME` may have."""
    from ..arch.x86_64_syscalls import SYSCALLS

    return sorted({*SYSCALLS, *arch.SYSCALL_ALIASES, *GROUPS, *ONLY_32_BIT})


def call_numbers(name: str) -> frozenset[int] | None:
    """Return the numbers that a name stands for on this machine; None when it is no name of a call."""
    from ..arch.x86_64_syscalls import SYSCALLS

    if name in ONLY_32_BIT:
        return frozenset()
    kernel_names = GROUPS.get(name) or (arch.SYSCALL_ALIASES.get(name, name),)
    numbers = frozenset(SYSCALLS[kernel] for kernel in kernel_names if kernel in SYSCALLS)
    return numbers or None


def name_table() -> tuple[str, ...]:
    """Return the name of each number, "" where there is none."""
    from ..arch.x86_64_syscalls import SYSCALLS

    shown = {kernel: name for name, kernel in arch.SYSCALL_ALIASES.items() if name in ("pread", "pwrite", "umount")}
    table = [""] * (max(SYSCALLS.values()) + 1)
    for kernel, number in SYSCALLS.items():
        table[number] = shown.get(kernel, kernel)
    return tuple(table)


@dataclass(frozen=True, slots=True)
class SyscallKind:
    """The `syscall` family. `builtin` looks up the rows of the functions that render arguments and results."""

    builtin: Callable[[str], Builtin]
    root: str = "syscall"
    keeps_wildcards: bool = True

    def forms(self) -> Iterable[str]:
        return ()

    def aliases(self) -> Iterable[str]:
        for name in call_names():
            yield f'syscall.{name} = kernel.trace("sys_enter")'
            yield f'syscall.{name}.return = kernel.trace("sys_exit")'

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        self._check(parts)
        matching = [known for known in call_names() if fnmatchcase(known, parts[1].name)]
        if not matching:
            self._unknown(parts[1])
        return [[parts[0], PointPart(known, None, parts[1].span), *parts[2:]] for known in matching]

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return call_names() if len(parts) == 1 else ("return",)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        returns = self._check(parts)
        name = parts[1].name
        numbers: frozenset[int] | None
        if name == "*":
            numbers = None
        elif any(c in name for c in "*?["):
            matching = [known for known in call_names() if fnmatchcase(known, name)]
            if not matching:
                self._unknown(parts[1])
            numbers = frozenset().union(*(call_numbers(known) or () for known in matching))
        else:
            numbers = call_numbers(name)
            if numbers is None:
                self._unknown(parts[1])
        return [self._point(parts, returns, numbers)]

    def _check(self, parts: Sequence[PointPart]) -> bool:
        if len(parts) < 2:
            semantic_error("probe point mismatch", parts[0].span, f"identifier '{parts[0].name}'")
        for part in parts:
            if part.argument is not None:
                self._unknown(part)
        if len(parts) > 2 and (parts[2].name != "return" or len(parts) > 3):
            wrong = parts[2] if parts[2].name != "return" else parts[3]
            semantic_error("invalid suffix for probe", wrong.span, f"identifier '{wrong.name}'")
        return len(parts) == 3

    def _unknown(self, part: PointPart) -> None:
        message = f"probe point mismatch{similar(part.name, call_names())}"
        semantic_error(message, part.span, f"identifier '{part.name}'")

    def _point(self, parts: Sequence[PointPart], returns: bool, numbers: frozenset[int] | None) -> DerivedPoint:
        written = ".".join(part.name for part in parts)
        suffix = ".return" if returns else ""
        single = next(iter(numbers)) if numbers is not None and len(numbers) == 1 else None

        def name(span: Span) -> n.Expression:
            if single is not None:
                return _text(name_table()[single], span)
            return n.TableText(name_table(), _number(span), "syscall_%d", span=span, type=Type.STRING)

        def point(span: Span) -> n.Expression:
            if single is not None:
                return _text(f"syscall.{name_table()[single]}{suffix}", span)
            table = tuple(f"syscall.{known}{suffix}" if known else "" for known in name_table())
            return n.TableText(table, _number(span), f"syscall.syscall_%d{suffix}", span=span, type=Type.STRING)

        variables: dict[str, VariableSource] = {"name": name, "argstr": self._argstr}
        functions: dict[str, VariableSource] = {"pp": point}
        targets = dict(_arguments(numbers))
        if returns:
            variables["retstr"] = self._retstr
            variables["retval"] = _returned
            functions["returnval"] = _returned
            targets["$return"] = TargetSource.number(_returned, "return")
        return DerivedPoint(written, Syscalls(returns, numbers), variables, targets, functions)

    def _argstr(self, span: Span) -> n.Expression:
        arguments: list[n.Expression] = [_number(span), *(_argument(i, span) for i in range(6))]
        return n.BuiltinCall(self.builtin("_syscall_argstr"), arguments, span=span, type=Type.STRING)

    def _retstr(self, span: Span) -> n.Expression:
        return n.BuiltinCall(self.builtin("_syscall_retstr"), [_returned(span)], span=span, type=Type.STRING)


def _text(text: str, span: Span) -> n.Expression:
    return n.Constant(text, span=span, type=Type.STRING)


def _number(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_NUMBER, span=span, type=Type.LONG)


def _argument(index: int, span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_ARGUMENT, index, span=span, type=Type.LONG)


def _returned(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_RETURN, span=span, type=Type.LONG)


def _arguments(numbers: frozenset[int] | None) -> Mapping[str, TargetSource]:
    """Return the `$names` that all the calls of a point have, in the same place."""
    from ..arch.x86_64_syscall_arguments import ARGUMENTS
    from ..arch.x86_64_syscalls import SYSCALLS

    if not numbers:
        return {}
    names = {number: name for name, number in SYSCALLS.items()}
    common: set[tuple[int, str]] | None = None
    for number in numbers:
        own = set(enumerate(ARGUMENTS.get(names[number], ())))
        common = own if common is None else common & own

    def source(index: int) -> TargetSource:
        return TargetSource.number(lambda span: _argument(index, span))

    return {f"${name}": source(index) for index, name in sorted(common or ())}
