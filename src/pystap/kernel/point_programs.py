"""Programs on kernel functions and tracepoints, and how their handlers get arguments and the return value.

    kernel.function("vfs_*") { A }                  one kprobe-multi program: A, for every function
    kernel.function("vfs_read") { B }               one fentry program: B
    kernel.function("vfs_*") { A } with $variables  one kprobe-multi program: switch cookie { vfs_read: A1; ... }

A program loads what its handlers read of its context at its start, into an array on the stack: `%regs` of a handler
points to that array (argument i at 8 * i, the number of the call's frame before the first), `%number` is the place
that fired, `%result` the value returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ..abi.image import POINT_CONSTANT, ProgramKind
from ..abi.session_image import ProgramAttachment
from ..arch import x86_64 as arch
from ..program.attach import FunctionPoint, KernelFunctions, Tracepoints
from ..program.nodes import ContextKind, ContextValue
from ..program.program import Handler
from ..records import dataclass
from .context import ProgramContext
from .handlers import HandlerCode, context_values, make_handler
from .ir import Code, Helper
from .planned import PlannedProgram

FEW_POINTS = 4
"""Up to so many functions are probed by fentry, whose hits are cheaper and whose attaching is dearer."""
MOST_HANDLERS = 100
HANDLER_SHIFT = 32
"""A cookie is the number of the place in its handler, and above it that of the handler in its program."""

_FENTRY_WORD = 8


@dataclass(frozen=True, slots=True)
class _Use:
    """What the handlers of a program read of its context."""

    arguments: frozenset[int]
    result: bool
    point: bool
    frame: bool
    registers: bool


def _use(handlers: Sequence[Handler]) -> _Use:
    values: list[ContextValue] = [value for handler in handlers for value in context_values(handler)]
    return _Use(
        frozenset(value.index for value in values if value.kind is ContextKind.ARGUMENT),
        any(value.kind is ContextKind.RETURN_VALUE for value in values),
        any(value.kind is ContextKind.POINT for value in values),
        any(value.kind is ContextKind.FRAME for value in values),
        any(value.kind is ContextKind.REGISTER for value in values),
    )


def point_programs(shared: ProgramContext, handlers: Sequence[Handler]) -> list[PlannedProgram]:
    """Generate the programs of all handlers on functions and tracepoints."""
    planned: list[PlannedProgram] = []
    functions = [handler for handler in handlers if isinstance(handler.attach, KernelFunctions)]
    few = sum(len(_functions(handler).points) for handler in functions) <= FEW_POINTS
    multi: list[Handler] = []
    for handler in handlers:
        match handler.attach:
            case Tracepoints(names=names):
                planned.append(_tracepoint_program(shared, handler, names))
            case KernelFunctions() as attach:
                kind = _mechanism(shared, handler, attach, few)
                if kind is ProgramKind.KPROBE_MULTI:
                    multi.append(handler)
                elif kind is ProgramKind.KPROBE:
                    planned.append(_kprobe_program(shared, handler, attach))
                else:
                    planned += _typed_programs(shared, handler, attach, kind)
            case _:
                pass
    for number, group in enumerate(_groups(multi)):
        planned.append(_multi_program(shared, group, number))
    return planned


def _functions(handler: Handler) -> KernelFunctions:
    assert isinstance(handler.attach, KernelFunctions)
    return handler.attach


def _mechanism(shared: ProgramContext, handler: Handler, attach: KernelFunctions, few: bool) -> ProgramKind:
    """Return the kind of program for a handler.

    Only fexit has a call's arguments still at its return, and follows any number of calls at a time (maxactive).
    Handlers that are paired by frame are either fentry and fexit or kprobes: where the stack pointer of a kprobe-multi
    program stands at the return has changed with kernels. Only kprobes have all registers.
    """
    facts, use = shared.facts, _use([handler])
    if use.registers:
        return ProgramKind.KPROBE
    typed = facts.fentry and all(point.btf_id and point.is_traceable and point.is_entry for point in attach.points)
    if typed and (few or use.frame or attach.maxactive or (attach.returns and use.arguments)):
        return ProgramKind.FEXIT if attach.returns else ProgramKind.FENTRY
    simple = all(point.is_entry and point.is_traceable for point in attach.points)
    if facts.kprobe_multi and simple and not use.frame:
        return ProgramKind.KPROBE_MULTI
    return ProgramKind.KPROBE


def _groups(handlers: Sequence[Handler]) -> list[list[Handler]]:
    """Share handlers out to programs: entries and returns apart, a function once in each program."""
    groups: list[tuple[bool, set[str], list[Handler]]] = []
    for handler in handlers:
        attach = _functions(handler)
        names = {point.name for point in attach.points}
        for returns, taken, group in groups:
            if returns is attach.returns and len(group) < MOST_HANDLERS and not taken & names:
                taken |= names
                group.append(handler)
                break
        else:
            groups.append((attach.returns, names, [handler]))
    return [group for _, _, group in groups]


def _tracepoint_program(shared: ProgramContext, handler: Handler, names: Sequence[str]) -> PlannedProgram:
    use = _use([handler])
    code = Code()
    saved = _saved(code, use, lambda index: _word(code, index))
    point = f"ptrtoint (ptr @{POINT_CONSTANT} to i64)" if use.point and len(names) > 1 else "0"
    if point != "0":
        shared.module.map(POINT_CONSTANT)
    made = make_handler(shared, handler, False, True)
    _call(code, made, saved, point, "0")
    return _planned(shared, code, f"tracepoint_{handler.index}", ProgramKind.RAW_TRACEPOINT, handler.attach, [handler])


def _kprobe_program(shared: ProgramContext, handler: Handler, attach: KernelFunctions) -> PlannedProgram:
    use = _use([handler])
    code = Code()
    saved, result = _registers(code, use, attach.returns)
    point = "0"
    if use.point and len(attach.points) > 1:
        if shared.facts.attach_cookies:
            point = code.helper("cookie", Helper.GET_ATTACH_COOKIE, "ptr %context")
        else:
            shared.module.map(POINT_CONSTANT)
            point = f"ptrtoint (ptr @{POINT_CONSTANT} to i64)"
    made = make_handler(shared, handler, False, True)
    _call(code, made, saved, point, result)
    return _planned(shared, code, f"function_{handler.index}", ProgramKind.KPROBE, attach, [handler])


def _typed_programs(
    shared: ProgramContext, handler: Handler, attach: KernelFunctions, kind: ProgramKind
) -> list[PlannedProgram]:
    """Make a fentry or fexit program for each function: it is verified against the function's prototype."""
    use = _use([handler])
    planned = []
    for number, point in enumerate(attach.points):
        code = Code()
        saved = _saved(code, use, partial(_parameter, code, point), partial(_typed_frame, code))
        result = _word(code, point.arguments) if use.result else "0"
        made = make_handler(shared, handler, False, True)
        _call(code, made, saved, str(number), result)
        own = KernelFunctions((point,), attach.returns)
        name = f"function_{handler.index}" + (f"_{number}" if number else "")
        planned.append(_planned(shared, code, name, kind, own, [handler], point))
    return planned


def _multi_program(shared: ProgramContext, handlers: list[Handler], number: int) -> PlannedProgram:
    use = _use(handlers)
    returns = _functions(handlers[0]).returns
    code = Code()
    saved, result = _registers(code, use, returns)
    cookie = "0"
    if use.point or len(handlers) > 1:
        cookie = code.helper("cookie", Helper.GET_ATTACH_COOKIE, "ptr %context")
    point = code.value("point", f"and i64 {cookie}, {(1 << HANDLER_SHIFT) - 1}") if use.point else "0"
    inline = len(handlers) == 1
    made = [make_handler(shared, handler, False, inline) for handler in handlers]
    if inline:
        _call(code, made[0], saved, point, result)
    else:
        _switch(code, made, code.value("handler", f"lshr i64 {cookie}, {HANDLER_SHIFT}"), saved, point, result)
    points = tuple(point for handler in handlers for point in _functions(handler).points)
    cookies = tuple(
        slot << HANDLER_SHIFT | place
        for slot, handler in enumerate(handlers)
        for place in range(len(_functions(handler).points))
    )
    name = f"functions_{number}"
    attach = KernelFunctions(points, returns, cookies=cookies)
    return _planned(shared, code, name, ProgramKind.KPROBE_MULTI, attach, handlers)


def _switch(code: Code, made: Sequence[HandlerCode], slot: str, saved: str, point: str, result: str) -> None:
    done = code.name("done")
    labels = [code.name("handler") for _ in made]
    code.switch(slot, done, list(enumerate(labels)))
    for label, handler in zip(labels, made, strict=True):
        code.begin(label)
        code.line(f"call void {handler.symbol}(ptr %context, ptr {saved}, i64 {point}, i64 {result})")
        code.jump(done)
    code.begin(done)
    code.ret("i32 0")


def _call(code: Code, made: HandlerCode, saved: str, point: str, result: str) -> None:
    code.line(f"call void {made.symbol}(ptr %context, ptr {saved}, i64 {point}, i64 {result})")
    code.ret("i32 0")


def _saved(code: Code, use: _Use, load: Callable[[int], str], frame: Callable[[], str] = lambda: "0") -> str:
    """Save the arguments that are read in an array, the frame before them; returns the address of argument 0."""
    if not use.arguments and not use.frame:
        return "null"
    array = code.alloca("saved", f"[{8 * (max(use.arguments, default=-1) + 2)} x i8]")
    if use.frame:
        code.store(frame(), array)
    first = code.offset(array, 8)
    for index in sorted(use.arguments):
        code.store(load(index), code.offset(first, 8 * index))
    return first


def _typed_frame(code: Code) -> str:
    """Emit what tells the frames of fentry and fexit programs: they find their context in the same place of the stack,
    that of the trampoline which calls the function."""
    return code.value("frame", "ptrtoint ptr %context to i64")


def _parameter(code: Code, point: FunctionPoint, index: int) -> str:
    """Emit the load of a parameter from the context of fentry or fexit.

    The verifier wants to know what pointers lead to. That it is a number it understands from 5.17 on, that it is
    another pointer much later: these are read as what they are in memory, words.
    """
    if index not in point.indirect:
        return _word(code, index)
    return _memory_word(code, code.offset("%context", _FENTRY_WORD * index))


def _memory_word(code: Code, place: str) -> str:
    """Emit the reading of a word of kernel memory by the helper, 0 where it cannot be read."""
    copy = code.alloca("copy", "i64")
    code.store("0", copy)
    code.helper("read", Helper.PROBE_READ_KERNEL, f"ptr {copy}, i32 8, ptr {place}")
    return code.load("word", copy)


def _word(code: Code, index: int) -> str:
    """Emit the load of a word of the context; volatile, so that LLVM does not move it behind a branch."""
    place = code.offset("%context", _FENTRY_WORD * index)
    return code.value("word", f"load volatile i64, ptr {place}, align 8")


def _registers(code: Code, use: _Use, returns: bool) -> tuple[str, str]:
    """Emit what a kprobe's registers give: the saved arguments and the return value.

    The frame is where the return address lies; at the return it was taken from the stack already.
    """

    def argument(index: int) -> str:
        register = arch.function_argument(index + 1)
        if register is not None:
            return _word(code, arch.PT_REGS_OFFSETS[register] // 8)
        stack = _word(code, arch.PT_REGS_OFFSETS[arch.STACK_POINTER] // 8)
        address = code.value("address", f"add i64 {stack}, {arch.stack_argument_offset(index + 1)}")
        return _memory_word(code, code.value("source", f"inttoptr i64 {address} to ptr"))

    def frame() -> str:
        stack = _word(code, arch.PT_REGS_OFFSETS[arch.STACK_POINTER] // 8)
        return code.value("frame", f"sub i64 {stack}, {arch.RETURN_ADDRESS_SIZE}") if returns else stack

    saved = _saved(code, use, argument, frame)
    result = _word(code, arch.PT_REGS_OFFSETS[arch.RETURN_VALUE] // 8) if use.result else "0"
    return saved, result


def _planned(
    shared: ProgramContext,
    code: Code,
    name: str,
    kind: ProgramKind,
    attach: KernelFunctions | Tracepoints | object,
    handlers: Sequence[Handler],
    typed: FunctionPoint | None = None,
) -> PlannedProgram:
    assert isinstance(attach, KernelFunctions | Tracepoints)
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    attachment = ProgramAttachment(name, attach, tuple(handler.index for handler in handlers))
    if typed is None:
        return PlannedProgram(kind, 0, attachment)
    return PlannedProgram(kind, typed.btf_id, attachment, typed.module)
