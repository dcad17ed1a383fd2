"""A handler as a function: `void @handler_N(ptr %context, ptr %regs, i64 %number, i64 %result)`.

    entry    leave when the session is stopped; claim scratch memory; take the lock; addresses that the body uses
    body     the handler's statements
    exit     the end of its event group, release of lock and memory, times

Every way out of the body leads to the exit. The entry is made last, when it is known what the body needs.
"""

from __future__ import annotations

from ..abi.map_layout import GENERATION_OFFSET, STOPPED_OFFSET, Counter
from ..arch import x86_64 as arch
from ..program.attach import VERDICT, NetfilterHook
from ..program.nodes import ContextKind, ContextValue, Expression, FunctionCall, If, Statement
from ..program.program import Handler
from ..program.user_memory import COMPAT_CALL
from ..records import dataclass
from . import analysis, calls, concatenation, expressions, locks, records, scalars, scratch, statements, strings
from .context import Frame, HandlerContext, ProgramContext, Text
from .ir import Code, Helper
from .words import context_word

_UNLOCKED = "unlocked"
"""Where a handler goes on its way out when it does not hold its lock."""


class CodeGenerators:
    """The implementation of `context.Generators`."""

    def long(self, h: HandlerContext, expression: Expression) -> str:
        return expressions.long_of(h, expression)

    def text(self, h: HandlerContext, expression: Expression) -> Text:
        return strings.text_of(h, expression)

    def text_into(self, h: HandlerContext, expression: Expression, pointer: str, width: int) -> None:
        strings.text_into(h, expression, pointer, width)

    def effect(self, h: HandlerContext, expression: Expression) -> None:
        expressions.effect(h, expression)

    def joined_into(self, h: HandlerContext, texts: list[Text], target: Text) -> None:
        concatenation.joined_into(h, texts, target)

    def message_into(self, h: HandlerContext, message: str, value: str, target: Text) -> None:
        concatenation.message_into(h, message, value, target)

    def block(self, h: HandlerContext, statements_: list[Statement]) -> None:
        statements.block(h, statements_)


@dataclass(frozen=True, slots=True)
class HandlerCode:
    """What became of a handler: its function's symbol, the stack that it takes, the lines of IR that it has."""

    symbol: str
    stack_bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class ContextUse:
    """What handlers want of a system call's context: which of the six arguments, the number, the result."""

    arguments: frozenset[int]
    number: bool
    result: bool


def context_use(handler: Handler) -> ContextUse:
    """Find the context values that a handler reads, in functions that it calls too."""
    found = context_values(handler)
    return ContextUse(
        frozenset(value.index for value in found if value.kind is ContextKind.SYSCALL_ARGUMENT),
        any(value.kind is ContextKind.SYSCALL_NUMBER for value in found),
        any(value.kind is ContextKind.SYSCALL_RETURN for value in found),
    )


def context_values(handler: Handler) -> list[ContextValue]:
    """Return the context values that a handler reads, in functions that it calls too."""
    found: list[ContextValue] = []
    _collect(handler.body, found, set())
    return found


def _collect(body: list[Statement], found: list[ContextValue], seen: set[str]) -> None:
    for part in analysis.all_expressions(body):
        if isinstance(part, ContextValue):
            found.append(part)
        function = part.function if isinstance(part, FunctionCall) else None
        while function is not None and function.name not in seen:
            seen.add(function.name)
            _collect(analysis.body_of(function), found, seen)
            function = function.next_overload


def make_handler(
    shared: ProgramContext, handler: Handler, is_typed: bool, inline: bool, can_sleep: bool = False
) -> HandlerCode:
    """Generate a handler's function. `is_typed`: `%regs` may be followed directly, else it is read by a helper."""
    code = Code()
    exit_label = "exit"
    temporaries = scratch.Temporaries(code)
    frame = Frame({}, exit_label, None, exit_label)
    h = HandlerContext(shared, handler, code, temporaries, frame, exit_label, can_sleep=can_sleep)
    if analysis.sends_several(handler.body):
        temporaries.claim()
        h.record_count, h.wake = code.alloca("records", "i64"), code.alloca("wake", "i64")
    arguments = sorted(context_use(handler).arguments)
    h.context_places = {f"argument {index}": code.alloca("argument", "i64") for index in arguments}
    registers = sorted({value.index for value in context_values(handler) if value.kind is ContextKind.REGISTER})
    h.context_places |= {f"register {index}": code.alloca("register", "i64") for index in registers}
    code.begin("body")
    calls.make_locals(h, handler.locals)
    guard = analysis.guard(handler.body) if handler.lock is not None and not shared.facts.timing else None
    if guard is None:
        statements.block(h, handler.body)
    else:
        _guarded(h, guard)
    if handler.lock is not None and not shared.facts.fetching_atomics:
        temporaries.buffer(8)
    code.jump(exit_label)
    body = code.take()
    left = code.name("left")
    for index in registers:  # in the first block
        code.store(context_word(code, index), h.context_places[f"register {index}"])
    _entry(h, arguments, is_typed, left, locks_first=guard is None)
    code.append(body)
    code.begin(exit_label)
    _keep_verdict(h)
    _exit(h, left)
    shared.scratch_bytes = max(shared.scratch_bytes, temporaries.scratch_bytes if temporaries.is_claimed else 0)
    name = f"handler_{handler.index}"
    attribute = "alwaysinline" if inline else "noinline"
    parameters = "ptr %context, ptr %regs, i64 %number, i64 %result"
    text = code.function(f"internal void @{name}({parameters}) {attribute}")
    symbol = shared.module.function(name, text, stays=True)
    return HandlerCode(symbol, temporaries.stack_bytes, text.count("\n"))


VERDICT_OFFSET = 16
"""Where `%regs` has the verdict of a handler on packets, behind the packet and the state."""


def _keep_verdict(h: HandlerContext) -> None:
    for local in h.handler.locals:
        if local.name == VERDICT and isinstance(h.handler.attach, NetfilterHook):
            place = h.frame.places[local]
            assert isinstance(place, str)
            h.code.store(h.code.load("verdict", place), h.code.offset("%regs", VERDICT_OFFSET))


def _guarded(h: HandlerContext, guard: If) -> None:
    """Generate a body that is one `if`, its condition in front of the lock: most hits may not pass it."""
    code = h.code
    passed = code.name("passed")
    condition = h.generate.long(h, guard.condition)
    code.branch(code.value("pass", f"icmp ne i64 {condition}, 0"), passed, _UNLOCKED)
    code.begin(passed)
    locks.acquire(h, _UNLOCKED)
    statements.block(h, guard.then)


def _entry(h: HandlerContext, arguments: list[int], is_typed: bool, left: str, locks_first: bool) -> None:
    code = h.code
    if h.shared.can_stop:
        running = code.name("running")
        at = code.offset(h.control, STOPPED_OFFSET)
        stopped = code.value("stopped", f"load volatile i64, ptr {at}, align 8")
        code.branch(code.value("go", f"icmp eq i64 {stopped}, 0"), running, left)
        code.begin(running)
    if h.shared.facts.timing:
        code.line(f"%started = {_time()}")
    if h.temporaries.is_claimed:
        _claim(h, left)
    if h.handler.lock is not None and locks_first:
        locks.acquire(h, _UNLOCKED)
    if h.uses_generation:
        at = code.offset(h.control, GENERATION_OFFSET)
        word = code.value("word", f"load volatile i64, ptr {at}, align 8")
        code.line(f"{scalars.GENERATION} = and i64 {word}, 1")
    if h.record_count is not None and h.wake is not None:
        code.store("0", h.record_count)
        code.store(str(records.NO_WAKEUP), h.wake)
    if h.uses_row:
        scalars.row_prologue(h)
    _read_arguments(h, arguments, is_typed)


def _time() -> str:
    return f"call i64 inttoptr (i64 {int(Helper.KTIME_GET_NS)} to ptr)()"


def _claim(h: HandlerContext, left: str) -> None:
    code, facts = h.code, h.shared.facts
    claimed, none = code.name("claimed"), code.name("none")
    function = scratch.claim_function(h.module, facts.possible_cpus, facts.fetching_atomics)
    code.line(f"{scratch.POINTER} = call ptr {function}()")
    code.branch(code.is_null(scratch.POINTER), none, claimed)
    code.begin(none)
    h.count(Counter.SKIPPED_SCRATCH)
    code.jump(left)
    code.begin(claimed)
    code.place_scratch(scratch.POINTER)


def _read_arguments(h: HandlerContext, arguments: list[int], is_typed: bool) -> None:
    """Put the arguments of a system call that the body reads into their places: by loads, or by one helper call."""
    if not arguments:
        return
    code = h.code
    wide, narrow = arch.SYSCALL_ARGUMENTS, arch.SYSCALL_ARGUMENTS_32
    pairs = {index: (arch.PT_REGS_OFFSETS[wide[index]], arch.PT_REGS_OFFSETS[narrow[index]]) for index in arguments}
    offsets = {offset for pair in pairs.values() for offset in pair}
    low = min(offsets)
    source, base = "%regs", 0
    if not is_typed:
        size = max(offsets) + 8 - low
        source, base = code.alloca("registers", f"[{size} x i8]"), low
        code.helper("read", Helper.PROBE_READ_KERNEL, f"ptr {source}, i32 {size}, ptr {code.offset('%regs', low)}")
    # Volatile: of two loads and a choice LLVM makes a choice of addresses and a load, which the verifier refuses.
    registers = {
        offset: code.value("register", f"load volatile i64, ptr {code.offset(source, offset - base)}, align 8")
        for offset in sorted(offsets)
    }
    is_compat = code.value("compat", f"icmp sge i64 %number, {COMPAT_CALL}")
    for index, (at, at_32) in pairs.items():
        half = code.value("half", f"and i64 {registers[at_32]}, 4294967295")
        value = code.value("argument", f"select i1 {is_compat}, i64 {half}, i64 {registers[at]}")
        code.store(value, h.context_places[f"argument {index}"])


def _exit(h: HandlerContext, left: str) -> None:
    code = h.code
    records.end_group(h)
    if h.handler.lock is not None:
        locks.release(h)
    if h.shared.facts.timing:
        _count_time(h)
    code.begin(_UNLOCKED)
    if h.temporaries.is_claimed:
        scratch.release_slot(code, h.module, h.shared.facts.fetching_atomics)
    code.begin(left)
    code.ret()


def _count_time(h: HandlerContext) -> None:
    """Count a hit and its time in ns. The extremes are plain stores: a hit that interrupts may lose its own."""
    code = h.code
    elapsed = code.value("elapsed", f"sub i64 {code.value('ended', _time())}, %started")
    h.count(Counter.HITS)
    code.add_atomically(h.counter(Counter.TOTAL_NS), elapsed)
    for counter, predicate in ((Counter.MIN_NS, "ult"), (Counter.MAX_NS, "ugt")):
        place = h.counter(counter)
        old = code.load("old", place)
        unset = code.value("unset", f"icmp eq i64 {old}, 0")
        beyond = code.value("beyond", f"icmp {predicate} i64 {elapsed}, {old}")
        new = code.value("new", f"or i1 {unset}, {beyond}")
        code.store(code.value("extreme", f"select i1 {new}, i64 {elapsed}, i64 {old}"), place)
