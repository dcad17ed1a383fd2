"""Programs on places in user code (uprobes), and how their handlers get registers, arguments and results.

    process("a.out").function("f*") { A }    one program for all places: A, the place's number from the attach cookie
    process("a.out").function("f*") { A } with $variables      one program: switch cookie { f1: A1; f2: A2; ... }

The context of such a program is the saved registers of the process. As in point_programs, `%regs` of a handler points
to the arguments that it reads (argument i at 8 * i), `%number` is the place, `%result` the value returned.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..abi.image import POINT_CONSTANT, ProgramKind
from ..abi.session_image import ProgramAttachment
from ..arch import x86_64 as arch
from ..program.attach import Uprobes, UserPlaces
from ..program.nodes import ContextKind
from ..program.program import Handler
from .context import ProgramContext
from .handlers import HandlerCode, context_values, make_handler
from .ir import Code, Helper
from .planned import PlannedProgram
from .process_tracking import branch_unless_meant, current_process, limit_of
from .sleeping import may_sleep
from .words import context_word

MOST_HANDLERS = 100
"""A program has at most 256 functions (BPF_MAX_SUBPROGS)."""
HANDLER_SHIFT = 32
"""A cookie is the number of the place in its handler, and above it that of the handler in its program."""


def user_programs(shared: ProgramContext, handlers: Sequence[Handler]) -> list[PlannedProgram]:
    """Generate the programs of all handlers on user code."""
    facts = shared.facts
    kind = ProgramKind.UPROBE_MULTI if facts.uprobe_multi else ProgramKind.UPROBE
    own = [handler for handler in handlers if isinstance(handler.attach, Uprobes)]
    groups = _groups(shared, own) if facts.attach_cookies else [[handler] for handler in own]
    planned = [_program(shared, group, kind, f"user_code_{number}") for number, group in enumerate(groups)]
    return planned[::-1]  # of the programs on one place the kernel runs the one first that was attached last


def _attach(handler: Handler) -> Uprobes:
    assert isinstance(handler.attach, Uprobes)
    return handler.attach


def _places(handler: Handler) -> set[tuple[str, int]]:
    return {(places.path, offset) for places in _attach(handler).files for offset in places.offsets}


def _groups(shared: ProgramContext, handlers: Sequence[Handler]) -> list[list[Handler]]:
    """Share handlers out to programs: entries and returns apart, each process apart, a place once in each program.

    Handlers for the same place run in the order of their programs, that of the script.
    """
    groups: list[tuple[tuple[bool, int, str, bool], set[tuple[str, int]], list[Handler]]] = []
    for handler in handlers:
        attach = _attach(handler)
        key = (attach.returns, attach.pid, attach.program, may_sleep(shared, handler))
        places = _places(handler)
        last = next((group for group in reversed(groups) if group[1] & places), None)
        start = groups.index(last) + 1 if last is not None else 0
        for known, taken, group in groups[start:]:
            if known == key and len(group) < MOST_HANDLERS:
                taken |= places
                group.append(handler)
                break
        else:
            groups.append((key, places, [handler]))
    return [group for _, _, group in groups]


def _program(shared: ProgramContext, handlers: list[Handler], kind: ProgramKind, name: str) -> PlannedProgram:
    values = [value for handler in handlers for value in context_values(handler)]
    wants_point = any(value.kind is ContextKind.POINT for value in values)
    arguments = frozenset(value.index for value in values if value.kind is ContextKind.ARGUMENT)
    code = Code()
    # What the handlers read of the context is loaded here, in the first block: see context_word.
    registers = {word: context_word(code, word) for word in sorted(_argument_words(arguments))}
    result = "0"
    if any(value.kind is ContextKind.RETURN_VALUE for value in values):
        result = context_word(code, arch.PT_REGS_OFFSETS[arch.RETURN_VALUE] // 8)
    _limit(shared, code, limit_of(handlers[0]))
    saved = _saved_arguments(code, arguments, registers)
    cookie = _cookie(shared, code, handlers, wants_point)
    inline, sleeps = len(handlers) == 1, may_sleep(shared, handlers[0])
    made = [make_handler(shared, handler, False, inline, sleeps) for handler in handlers]
    if inline:
        code.line(f"call void {made[0].symbol}(ptr %context, ptr {saved}, i64 {cookie}, i64 {result})")
        code.ret("i32 0")
    else:
        point = code.value("point", f"and i64 {cookie}, {(1 << HANDLER_SHIFT) - 1}") if wants_point else "0"
        slot = code.value("handler", f"lshr i64 {cookie}, {HANDLER_SHIFT}")
        _switch(code, made, slot, f"ptr %context, ptr {saved}, i64 {point}, i64 {result}")
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    attachment = ProgramAttachment(name, _together(handlers), tuple(handler.index for handler in handlers))
    return PlannedProgram(kind, 0, attachment, sleepable=sleeps)


def _limit(shared: ProgramContext, code: Code, limit: tuple[int, str]) -> None:
    """Leave at once in other processes than those that are meant."""
    if limit == (0, ""):
        return
    own, other = code.name("own"), code.name("other")
    branch_unless_meant(shared, code, current_process(code), limit, other, own)
    code.begin(other)
    code.ret("i32 0")
    code.begin(own)


def _cookie(shared: ProgramContext, code: Code, handlers: Sequence[Handler], wants_point: bool) -> str:
    """Return the number of the place that was hit."""
    several = len(handlers) > 1
    if not several and not (wants_point and _attach(handlers[0]).count > 1):
        return "0"
    if shared.facts.attach_cookies:
        return code.helper("cookie", Helper.GET_ATTACH_COOKIE, "ptr %context")
    shared.module.map(POINT_CONSTANT)
    return f"ptrtoint (ptr @{POINT_CONSTANT} to i64)"


def _argument_words(arguments: frozenset[int]) -> set[int]:
    """Return the words of the saved registers that are needed to find arguments at a function's entry."""
    names = (arch.function_argument(index + 1) or arch.STACK_POINTER for index in arguments)
    return {arch.PT_REGS_OFFSETS[name] // 8 for name in names}


def _saved_arguments(code: Code, arguments: frozenset[int], registers: dict[int, str]) -> str:
    """Put the arguments that are read into an array; returns its address. Unreadable ones on the stack are 0."""
    if not arguments:
        return "null"
    array = code.alloca("saved", f"[{8 * (max(arguments) + 1)} x i8]")
    for index in sorted(arguments):
        place = code.offset(array, 8 * index)
        name = arch.function_argument(index + 1)
        if name is not None:
            code.store(registers[arch.PT_REGS_OFFSETS[name] // 8], place)
            continue
        stack = registers[arch.PT_REGS_OFFSETS[arch.STACK_POINTER] // 8]
        address = code.value("address", f"add i64 {stack}, {arch.stack_argument_offset(index + 1)}")
        source = code.value("source", f"inttoptr i64 {address} to ptr")
        code.helper("read", Helper.PROBE_READ_USER, f"ptr {place}, i32 8, ptr {source}")
    return array


def _switch(code: Code, made: Sequence[HandlerCode], slot: str, arguments: str) -> None:
    done = code.name("done")
    labels = [code.name("handler") for _ in made]
    code.switch(slot, done, list(enumerate(labels)))
    for label, handler in zip(labels, made, strict=True):
        code.begin(label)
        code.line(f"call void {handler.symbol}({arguments})")
        code.jump(done)
    code.begin(done)
    code.ret("i32 0")


def _together(handlers: Sequence[Handler]) -> Uprobes:
    """Return one attach specification for the places of all handlers, those of one file together."""
    first = _attach(handlers[0])
    rows: dict[str, list[tuple[int, int, int]]] = {}
    for slot, handler in enumerate(handlers):
        number = 0
        for places in _attach(handler).files:
            semaphores = places.semaphores or (0,) * len(places.offsets)
            for offset, semaphore in zip(places.offsets, semaphores, strict=True):
                rows.setdefault(places.path, []).append((offset, semaphore, slot << HANDLER_SHIFT | number))
                number += 1
    files = tuple(
        UserPlaces(
            path, tuple(offset for offset, _, _ in found),
            tuple(semaphore for _, semaphore, _ in found) if any(row[1] for row in found) else (),
        )
        for path, found in rows.items()
    )  # fmt: skip
    cookies = tuple(cookie for found in rows.values() for _, _, cookie in found)
    return Uprobes(files, first.returns, first.pid, first.program, cookies)
