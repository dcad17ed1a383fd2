"""Which handlers run for which system call.

    probe syscall.open { A }   probe syscall.* { B }   ->   switch number { 2: A; B  5: 32-bit? A; B  default: B }

The switch is on the number alone. Whether a call came through a 32-bit entry, where numbers mean other calls, is asked
only behind it: where the handlers differ for the two, or need to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..arch import x86_64 as arch
from ..program.attach import Syscalls
from ..program.program import Handler
from ..program.user_memory import COMPAT_CALL
from .context import ProgramContext
from .ir import Code, Helper

Group = tuple[Handler, ...]
"""Handlers that run together, in the program's order."""


def numbers_of(handler: Handler) -> frozenset[int] | None:
    assert isinstance(handler.attach, Syscalls)
    return handler.attach.numbers


def groups(handlers: list[Handler]) -> dict[int, tuple[Group, Group]]:
    """Return, for each number named, the handlers for its 64-bit and for its 32-bit call."""
    named = {number & COMPAT_CALL - 1 for h in handlers for number in numbers_of(h) or ()}

    def running(call: int) -> Group:
        return tuple(h for h in handlers if call in (numbers_of(h) or ()) or numbers_of(h) is None)

    return {number: (running(number), running(number | COMPAT_CALL)) for number in named}


def default_group(handlers: list[Handler]) -> Group:
    """Return the handlers for all numbers."""
    return tuple(h for h in handlers if numbers_of(h) is None)


def is_called_once(handlers: list[Handler]) -> bool:
    """Tell whether the code calls each handler in one place."""
    default = default_group(handlers)
    pairs = {*groups(handlers).values(), (default, default)}
    called = [group for pair in pairs for group in dict.fromkeys(pair)]
    return all(sum(handler in group for group in called) <= 1 for handler in handlers)


class Dispatch:
    """The code that calls the handlers for the system call `number`.

    `call` emits the call of a handler, given the system call: its number, and COMPAT_CALL for one of a 32-bit entry.
    `wants_call` says by index which handlers look at that or at arguments.
    """

    def __init__(
        self,
        shared: ProgramContext,
        code: Code,
        handlers: list[Handler],
        call: Callable[[Handler, str], None],
        wants_call: Mapping[int, bool],
        number: str,
    ) -> None:
        self.shared = shared
        self.code = code
        self.handlers = handlers
        self.call = call
        self.wants_call = wants_call
        self.number = number
        self.done = code.name("done")

    def emit(self) -> None:
        """Emit the switch and the calls; numbers with the same handlers share a case."""
        code = self.code
        by_number = groups(self.handlers)
        default = default_group(self.handlers)
        labels = {pair: code.name("case") for pair in by_number.values()}
        otherwise = labels.setdefault((default, default), code.name("default")) if default else self.done
        cases = [(number, labels[pair]) for number, pair in sorted(by_number.items()) if labels[pair] != otherwise]
        if cases:
            code.switch(self.number, otherwise, cases)
        else:
            code.jump(otherwise)
        for pair, label in labels.items():
            code.begin(label)
            self._pair(*pair)
        code.begin(self.done)
        code.ret("i32 0")

    def _pair(self, native: Group, compat: Group) -> None:
        """Emit the calls of a case: of the handlers for 64-bit entries, or of those for 32-bit ones."""
        code = self.code
        if native == compat and not any(self.wants_call[handler.index] for handler in native):
            self._calls(native, self.number)
            return
        bit = compat_bit(self.shared, code)
        low = code.value("low", f"and i64 {self.number}, {COMPAT_CALL - 1}")
        is_compat = code.value("compat", f"icmp ne i64 {bit}, 0")
        marked = code.value("marked", f"or i64 {low}, {COMPAT_CALL}")
        call = code.value("call", f"select i1 {is_compat}, i64 {marked}, i64 {self.number}")
        if native == compat:
            self._calls(native, call)
            return
        narrow, wide = code.name("narrow"), code.name("wide")
        code.branch(is_compat, narrow, wide)
        for label, group in ((narrow, compat), (wide, native)):
            code.begin(label)
            self._calls(group, call)

    def _calls(self, group: Group, call: str) -> None:
        for handler in group:
            self.call(handler, call)
        self.code.jump(self.done)


def compat_bit(shared: ProgramContext, code: Code) -> str:
    """Emit whether the current task's system call came through a 32-bit entry: not 0 where it did (TS_COMPAT)."""
    offset = shared.facts.thread_status_offset
    if offset is None:
        return "0"
    if shared.facts.fetching_atomics:  # from 5.12 on; bpf_get_current_task_btf from 5.11
        task = code.helper("task", Helper.GET_CURRENT_TASK_BTF, "", "ptr")
        status = code.value("status", f"load i32, ptr {code.offset(task, offset)}, align 4")
    else:
        task = code.helper("task", Helper.GET_CURRENT_TASK, "")
        copy = code.alloca("status", "i64")
        code.store("0", copy)
        place = code.value("place", f"inttoptr i64 {code.value('at', f'add i64 {task}, {offset}')} to ptr")
        code.helper("read", Helper.PROBE_READ_KERNEL, f"ptr {copy}, i32 4, ptr {place}")
        status = code.value("status", f"load i32, ptr {copy}, align 8")
    wide = code.value("status", f"zext i32 {status} to i64")
    return code.value("compat", f"and i64 {wide}, {arch.TASK_COMPAT_FLAG}")
