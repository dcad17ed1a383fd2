"""Programs: which handlers run in which, and how they get their context.

    probe syscall.open { A }   probe syscall.* { B }   ->   sys_enter:  switch number { open: A; B }  default: { B }

The handlers on system calls of one direction are one program, with a switch on the number, up to MOST_HANDLERS. Each
perf event has its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..abi.image import ProgramKind
from ..abi.session_image import ProgramAttachment
from ..arch import x86_64 as arch
from ..program.attach import (
    AttachSpec,
    KernelFunctions,
    NetfilterHook,
    PerfClock,
    PerfSamples,
    ProcessEvents,
    Syscalls,
    Tracepoints,
    Uprobes,
    Watchpoint,
)
from ..program.program import ElaboratedProgram, Handler, Target
from .context import InternalError, ProgramContext
from .handlers import VERDICT_OFFSET, HandlerCode, context_use, make_handler
from .ir import Code, Helper
from .planned import PlannedProgram
from .point_programs import point_programs
from .process_programs import process_programs
from .process_tracking import branch_unless_meant, current_process, limit_of, tracking_programs
from .syscall_dispatch import Dispatch, is_called_once, numbers_of
from .user_programs import user_programs

MOST_HANDLERS = 100
"""How many handlers go into one program: a program has at most 256 functions (BPF_MAX_SUBPROGS), and is verified in at
most a million steps. Programs on one tracepoint run in the order in which they were attached."""
_INLINE_STACK = 160
"""How much stack the inlined handlers of a program may take together, in bytes."""
_INLINE_LINES = 3000
"""How many lines of IR they may have together."""


def kernel_handlers(program: ElaboratedProgram) -> list[Handler]:
    return [handler for handler in program.handlers if handler.target is Target.KERNEL]


def make_programs(shared: ProgramContext) -> list[PlannedProgram]:
    """Generate all programs."""
    planned = []
    handlers = kernel_handlers(shared.program)
    for returns in (False, True):
        group = [h for h in handlers if isinstance(h.attach, Syscalls) and h.attach.returns is returns]
        planned += [
            _syscall_program(shared, group[start : start + MOST_HANDLERS], returns, start)
            for start in range(0, len(group), MOST_HANDLERS)
        ]
    for handler in handlers:
        match handler.attach:
            case Syscalls() | Tracepoints() | KernelFunctions() | Uprobes() | ProcessEvents():
                pass
            case NetfilterHook():
                planned.append(_netfilter_program(shared, handler))
            case PerfClock() | PerfSamples() | Watchpoint():
                planned.append(_perf_program(shared, handler))
            case other:
                raise InternalError(f"a kernel handler on {other}")
    planned += [
        *point_programs(shared, handlers),
        *process_programs(shared, handlers),
        *user_programs(shared, handlers),
    ]
    return [*tracking_programs(shared), *planned]


def _syscall_program(shared: ProgramContext, handlers: list[Handler], returns: bool, start: int) -> PlannedProgram:
    name = ("syscall_return" if returns else "syscall_entry") + (f"_{start}" if start else "")
    uses = {handler.index: context_use(handler) for handler in handlers}
    dispatches = any(numbers_of(handler) is not None for handler in handlers)
    wants_arguments = any(use.arguments for use in uses.values())
    wants_number = dispatches or wants_arguments or any(use.number for use in uses.values())
    wants_registers = wants_arguments or (returns and wants_number)
    typed = shared.facts.typed_syscall_tracepoints if wants_registers else None
    code = Code()
    registers = code.value("regs", "load volatile ptr, ptr %context, align 8") if wants_registers else "null"
    second = "0"
    if any(use.result for use in uses.values()) if returns else wants_number:
        second = code.value("second", f"load volatile i64, ptr {code.offset('%context', 8)}, align 8")
    number, result = (second, "0") if not returns else ("0", second)
    if returns and wants_number:
        number = _saved_number(code, registers, typed is not None)
    made = _make_all(shared, handlers, typed is not None)
    if any(limit_of(handler) != (0, "") for handler in handlers):
        process = current_process(code)
    else:
        process = ""

    def passed(value: str) -> str:
        # Where calls are not followed rightly, what the verifier found out in one handler must not lead it in the next.
        return value if shared.facts.function_calls or not value.startswith("%") else code.unknown(value)

    def call(handler: Handler, number: str) -> None:
        arguments = f"ptr %context, ptr {registers}, i64 {passed(number)}, i64 {passed(result)}"
        _call_limited(shared, code, handler, f"call void {made[handler.index].symbol}({arguments})", process)

    wants_call = {index: use.number or bool(use.arguments) for index, use in uses.items()}
    Dispatch(shared, code, handlers, call, wants_call, number).emit()
    _finish(shared, code, name)
    attach: AttachSpec = Syscalls(returns, _all_numbers(handlers))
    attachment = ProgramAttachment(name, attach, tuple(handler.index for handler in handlers))
    if typed is None:
        return PlannedProgram(ProgramKind.RAW_TRACEPOINT, 0, attachment)
    return PlannedProgram(ProgramKind.TYPED_TRACEPOINT, typed[returns], attachment)


def _saved_number(code: Code, registers: str, is_typed: bool) -> str:
    """Emit the reading of the system call's number at its return, where only the saved registers have it."""
    place = code.offset(registers, arch.PT_REGS_OFFSETS[arch.SYSCALL_NUMBER])
    if is_typed:
        return code.load("number", place)
    copy = code.alloca("number", "i64")
    code.helper("read", Helper.PROBE_READ_KERNEL, f"ptr {copy}, i32 8, ptr {place}")
    return code.load("number", copy)


def _all_numbers(handlers: Sequence[Handler]) -> frozenset[int] | None:
    union: frozenset[int] = frozenset()
    for handler in handlers:
        numbers = numbers_of(handler)
        if numbers is None:
            return None
        union |= numbers
    return union


def _call_limited(shared: ProgramContext, code: Code, handler: Handler, line: str, process: str) -> None:
    """Emit the call of a handler, in the processes that it is limited to."""
    limit = limit_of(handler)
    if limit == (0, ""):
        code.line(line)
        return
    own, other = code.name("own"), code.name("other")
    branch_unless_meant(shared, code, process, limit, other, own)
    code.begin(own)
    code.line(line)
    code.jump(other)
    code.begin(other)


def _make_all(shared: ProgramContext, handlers: list[Handler], is_typed: bool) -> dict[int, HandlerCode]:
    """Generate the handlers: all inlined while they are small and called from one place each, else all as functions.

    Not some of each: the frames of the program and of a handler's function must fit the stack together.
    """
    inline = is_called_once(handlers)
    if inline and len(handlers) > 1:
        trials = [make_handler(_trial(shared), handler, is_typed, True) for handler in handlers]
        inline = (
            sum(trial.stack_bytes for trial in trials) <= _INLINE_STACK
            and sum(trial.lines for trial in trials) <= _INLINE_LINES
        )
    return {handler.index: make_handler(shared, handler, is_typed, inline) for handler in handlers}


def _trial(shared: ProgramContext) -> ProgramContext:
    """Return a context to generate a handler in only to see how large it gets."""
    return ProgramContext(shared.program, shared.layout, shared.facts, shared.generators, can_stop=shared.can_stop)


def _perf_program(shared: ProgramContext, handler: Handler) -> PlannedProgram:
    name = f"perf_event_{handler.index}"
    code = Code()
    made = make_handler(shared, handler, False, True)
    process = current_process(code) if limit_of(handler) != (0, "") else "0"
    _call_limited(shared, code, handler, f"call void {made.symbol}(ptr %context, ptr null, i64 0, i64 0)", process)
    code.ret("i32 0")
    _finish(shared, code, name)
    return PlannedProgram(ProgramKind.PERF_EVENT, 0, ProgramAttachment(name, handler.attach, (handler.index,)))


def _netfilter_program(shared: ProgramContext, handler: Handler) -> PlannedProgram:
    """Make a program over `struct bpf_nf_ctx { state, skb }`: its handler has the packet, the state and the verdict, a
    packet passes (1) unless the handler says 0."""
    name = f"netfilter_{handler.index}"
    code = Code()
    made = make_handler(shared, handler, False, True)
    words = code.alloca("words", "[24 x i8]")
    for place, offset in ((0, 8), (8, 0)):
        word = code.value("word", f"load volatile i64, ptr {code.offset('%context', offset)}, align 8")
        code.store(word, code.offset(words, place))
    verdict = code.offset(words, VERDICT_OFFSET)
    code.store("1", verdict)
    code.line(f"call void {made.symbol}(ptr %context, ptr {words}, i64 0, i64 0)")
    passes = code.value("passes", f"icmp ne i64 {code.load('verdict', verdict)}, 0")
    code.ret("i32 " + code.value("result", f"zext i1 {passes} to i32"))
    _finish(shared, code, name)
    return PlannedProgram(ProgramKind.NETFILTER, 0, ProgramAttachment(name, handler.attach, (handler.index,)))


def _finish(shared: ProgramContext, code: Code, name: str) -> None:
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
