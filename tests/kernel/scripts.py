"""Elaborated programs by hand: short constructors of nodes, and a runner for handlers on a real kernel."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pystap.abi.event_layout import EVENTS_MAP, struct_format
from pystap.abi.map_layout import Counter, MapLayout, lay_out
from pystap.kernel import KernelCode, KernelFacts, generate
from pystap.loader.errors import KernelRefused
from pystap.loader.features import try_feature
from pystap.loader.image import LoadedImage, load_image
from pystap.loader.maps import possible_cpus
from pystap.loader.programs import Program
from pystap.loader.ringbuf import RingBuffer
from pystap.program.attach import AttachSpec, Syscalls
from pystap.program.builtins import Builtin, Effect, HelperValue, IrFunction
from pystap.program.features import Feature
from pystap.program.limits import Limits
from pystap.program.nodes import (
    Aggregate,
    Assign,
    Binary,
    BuiltinCall,
    Conditional,
    Constant,
    ContextKind,
    ContextValue,
    ElementValue,
    Evaluate,
    Event,
    Expression,
    Format,
    FormatPiece,
    Function,
    FunctionCall,
    GlobalValue,
    If,
    LocalValue,
    Logical,
    ReadString,
    SendEvent,
    Statement,
    TableText,
    Unary,
    Update,
)  # fmt: skip
from pystap.program.program import ElaboratedProgram, Handler, Target
from pystap.program.symbols import Global, Local, StorageKind
from pystap.program.types import Type, wrap_long
from pystap.records import dataclass, field, replace
from pystap.source import SourceFile, Span

SOURCE = SourceFile("test.stp", "counts here and there\n")
SPAN = Span(SOURCE, 0, 6)
WIDTH = 127

ALL_CALLS = Syscalls(returns=False, numbers=None)


def number(value: int) -> Constant:
    return Constant(span=SPAN, type=Type.LONG, value=wrap_long(value))


def string(value: str) -> Constant:
    return Constant(span=SPAN, type=Type.STRING, width=len(value), value=value)


def local(name: str, kind: Type = Type.LONG, width: int = 0) -> Local:
    return Local(name, SPAN, kind, width)


def value_of(variable: Local | Global) -> LocalValue | GlobalValue:
    if isinstance(variable, Local):
        return LocalValue(span=SPAN, type=variable.type, width=variable.width, local=variable)
    return GlobalValue(span=SPAN, type=variable.type, width=variable.width, variable=variable)


def element(array: Global, *keys: Expression) -> ElementValue:
    return ElementValue(span=SPAN, type=array.type, width=array.width, array=array, keys=list(keys))


def binary(left: Expression, operator: Any, right: Expression, width: int | None = None) -> Binary:
    if operator == ".":
        wide = min(left.width + right.width, WIDTH) if width is None else width
        return Binary(span=SPAN, type=Type.STRING, width=wide, operator=operator, left=left, right=right)
    return Binary(span=SPAN, type=Type.LONG, operator=operator, left=left, right=right)


def unary(operator: Any, operand: Expression) -> Unary:
    return Unary(span=SPAN, type=Type.LONG, operator=operator, operand=operand)


def logical(left: Expression, operator: Literal["&&", "||"], right: Expression) -> Logical:
    return Logical(span=SPAN, type=Type.LONG, operator=operator, left=left, right=right)


def conditional(condition: Expression, yes: Expression, no: Expression) -> Conditional:
    width = max(yes.width, no.width)
    return Conditional(span=SPAN, type=yes.type, width=width, condition=condition, yes=yes, no=no)


def assign(target: Any, value: Expression) -> Assign:
    return Assign(span=SPAN, type=value.type, width=value.width, target=target, value=value)


def update(target: Any, operator: Any, value: Expression, gives_old: bool = False) -> Update:
    return Update(
        span=SPAN, type=target.type, width=target.width, target=target, operator=operator, value=value,
        gives_old=gives_old,
    )  # fmt: skip


def increment(target: Any) -> Evaluate:
    return run(update(target, "+", number(1), gives_old=True))


def aggregate(target: Any, value: Expression) -> Evaluate:
    return run(Aggregate(span=SPAN, type=Type.LONG, target=target, value=value))


def run(expression: Expression) -> Evaluate:
    return Evaluate(span=SPAN, expression=expression)


def choose(condition: Expression, then: list[Statement], otherwise: list[Statement] | None = None) -> If:
    return If(span=SPAN, condition=condition, then=then, otherwise=otherwise or [])


def formatted(text: str, *arguments: Expression, width: int = WIDTH) -> Format:
    """A sprint form; `text` holds plain conversions only."""
    pieces: list[FormatPiece] = []
    rest = text
    while rest:
        before, percent, rest = rest.partition("%")
        if before:
            pieces.append(FormatPiece("", before))
        if percent:
            pieces.append(FormatPiece(rest[0]))
            rest = rest[1:]
    return Format(span=SPAN, type=Type.STRING, width=width, pieces=pieces, arguments=list(arguments), to_output=False)


def call(function: Function, *arguments: Expression) -> FunctionCall:
    return FunctionCall(
        span=SPAN, type=function.return_type, width=function.return_width, function=function, arguments=list(arguments)
    )


def context(kind: ContextKind, index: int = 0, name: str = "") -> ContextValue:
    return ContextValue(span=SPAN, type=Type.LONG, kind=kind, index=index, name=name)


def table(rows: tuple[str, ...], index: Expression, otherwise: str, width: int) -> TableText:
    return TableText(span=SPAN, type=Type.STRING, width=width, table=rows, index=index, otherwise=otherwise)


def user_string(address: Expression, limit: int = 63) -> ReadString:
    return ReadString(span=SPAN, type=Type.STRING, width=limit, address=address, limit=limit, user=True)


def own_name() -> str:
    """What execname() gives for this process's main thread."""
    with open("/proc/self/comm", encoding="latin-1") as file:
        return file.read().strip()


def _unused(*_: object) -> None:
    raise AssertionError("not called in the kernel")


EXECNAME = Builtin(
    "execname", (), Type.STRING, Effect.CONTEXT, _unused,
    IrFunction(
        "builtin_execname",
        "define internal i64 @builtin_execname(ptr %out, i64 %size) {\n"
        # 6.1 leaves what is behind the name as it was.
        "  store i64 0, ptr %out\n"
        "  %behind = getelementptr i8, ptr %out, i64 8\n"
        "  store i64 0, ptr %behind\n"
        "  %r = call i64 inttoptr (i64 16 to ptr)(ptr %out, i32 16)\n"
        "  ret i64 0\n}",
    ),
    width=15,
)  # fmt: skip
PID = Builtin("pid", (), Type.LONG, Effect.CONTEXT, _unused, HelperValue(14, shift=32))
TID = Builtin("tid", (), Type.LONG, Effect.CONTEXT, _unused, HelperValue(14, bits=32))


def builtin(row: Builtin, *arguments: Expression) -> BuiltinCall:
    width = row.width if isinstance(row.width, int) else 0
    return BuiltinCall(span=SPAN, type=row.returns or Type.UNKNOWN, width=width, builtin=row, arguments=list(arguments))


def execname() -> BuiltinCall:
    return builtin(EXECNAME)


def scalar(name: str, storage: StorageKind = StorageKind.SHARED, kind: Type = Type.LONG, width: int = 0) -> Global:
    return Global(name, SPAN, kind, width, storage=storage)


def array(
    name: str, *keys: int, storage: StorageKind = StorageKind.SHARED, kind: Type = Type.LONG, width: int = 0,
    size: int | None = None,
) -> Global:  # fmt: skip
    """An array; a key of 0 is a long, any other a string of that width."""
    types = [Type.STRING if key else Type.LONG for key in keys]
    return Global(name, SPAN, kind, width, True, types, list(keys), size, storage=storage)


@dataclass
class Script:
    """Collects what makes a program, with events numbered as they are asked for."""

    globals: list[Global] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    locks: int = 0
    limits: Limits = field(default_factory=Limits)

    def handler(
        self, *body: Statement, locals: Iterable[Local] = (), attach: AttachSpec = ALL_CALLS, lock: int | None = None
    ) -> Handler:
        made = Handler(
            len(self.handlers), "point", "point", SPAN, attach, list(body), list(locals), Target.KERNEL, lock
        )  # fmt: skip
        self.handlers.append(made)
        return made

    def send(self, *values: Expression, ends: bool = False, stops: bool = False) -> SendEvent:
        event = Event(len(self.events), [v.type for v in values], [v.width for v in values], [])
        self.events.append(event)
        return SendEvent(span=SPAN, event=event, values=list(values), ends_handler=ends, stops_session=stops)

    def program(self) -> ElaboratedProgram:
        return ElaboratedProgram(
            "test", self.globals, self.functions, self.handlers, self.events, self.limits, self.locks
        )


@dataclass
class Record:
    """A record of the ring buffer: its event number, group word and fields."""

    number: int
    group: int
    fields: list[int | str]


class Running:
    """A loaded script; `hit` runs its program for system call entries on demand. `constants` are the loader's."""

    def __init__(
        self, script: Script, facts: KernelFacts | None = None, constants: Mapping[str, int] | None = None
    ) -> None:
        self.script = script
        self.program = script.program()
        self.layout: MapLayout = lay_out(self.program)
        self.facts = facts or FACTS
        self.code: KernelCode = generate(self.program, self.layout, self.facts)
        self.image: LoadedImage = load_image(self.code.maps, self.code.programs, constants)
        self.ring = RingBuffer(self.image.maps[EVENTS_MAP]) if EVENTS_MAP in self.image.maps else None

    @property
    def entry(self) -> Program:
        return self.image.programs["syscall_entry"]

    def hit(self, first: int = 0, second: int = 0, cpu: int | None = None, program: str = "syscall_entry") -> None:
        self.image.programs[program].run(struct.pack("=QQ", first, second & (1 << 64) - 1), cpu)

    def counter(self, counter: Counter, handler: int = 0) -> int:
        return self.control(self.layout.counter_offset(handler, counter))

    def control(self, offset: int) -> int:
        return int(self.image.maps["control"].mapping().words[offset // 8])

    def set_control(self, offset: int, value: int) -> None:
        self.image.maps["control"].mapping().words[offset // 8] = value

    def scalar(self, name: str) -> int:
        return int(self.image.maps["globals"].mapping().words[self.layout.places[name].offset // 8])

    def text(self, name: str, size: int) -> bytes:
        start = self.layout.places[name].offset
        return bytes(self.image.maps["globals"].mapping().memory[start : start + size])

    def added(self, name: str) -> list[int]:
        """The sums of an add-only or drained scalar in both buffers."""
        words = self.image.maps["adds"].mapping().words
        stride, cell, cpus = self.layout.adds_stride // 8, self.layout.places[name].cell, self.facts.possible_cpus
        return [sum(words[(buffer * cpus + cpu) * stride + cell] for cpu in range(cpus)) for buffer in (0, 1)]

    def records(self) -> list[Record]:
        assert self.ring is not None
        raw: list[bytes] = []
        self.ring.read(raw)
        return [self._decode(data) for data in raw]

    def _decode(self, data: bytes) -> Record:
        event, group = struct.unpack_from("=II", data)
        if event >= 0x4000_0000:
            return Record(event, group, [struct.unpack_from("=q", data, 8)[0]])
        found = self.program.events[event]
        fields = struct.unpack(struct_format(found.types, found.widths), data)
        return Record(event, group, [_text(f) if isinstance(f, bytes) else f for f in fields])

    def close(self) -> None:
        if self.ring is not None:
            self.ring.close()
        self.image.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(field: bytes) -> str:
    """Decode a string field, which must be zero behind its string."""
    text, _, rest = field.partition(b"\0")
    assert not rest.strip(b"\0"), field
    return text.decode("latin-1")


def evaluate(
    *values: Expression, facts: KernelFacts | None = None, locals: Sequence[Local] = (),
    before: Sequence[Statement] = (), globals: Sequence[Global] = (),
) -> list[int | str]:  # fmt: skip
    """Run a handler that sends `values` (after the statements `before`) and return what arrived."""
    script = Script(globals=list(globals))
    script.handler(*before, script.send(*values), locals=locals)
    with Running(script, facts) as running:
        running.hit()
        records = running.records()
        assert len(records) == 1, records
        assert records[0].number == 0, running.code.errors[records[0].number - 0x4000_0000]
        return records[0].fields


def with_facts(**changes: Any) -> KernelFacts:
    return replace(FACTS, **changes)


def _detect() -> KernelFacts:
    """Find out by trying what the kernel that the tests run on can do."""
    calls = not try_feature(Feature.FUNCTION_CALLS, lambda name, kind: None)
    facts = KernelFacts(
        len(possible_cpus()), fetching_atomics=False, function_calls=calls, bpf_loop=False, ringbuf_bytes=1 << 16
    )
    n = scalar("n")
    script = Script(globals=[n])
    script.handler(choose(update(value_of(n), "+", number(1)), [increment(value_of(n))]))
    if not _loads(script, replace(facts, fetching_atomics=True)):
        return facts
    script = Script(locks=1)
    script.handler(lock=0)
    return replace(
        facts,
        fetching_atomics=True,
        bpf_loop=calls and _loads(script, replace(facts, fetching_atomics=True, bpf_loop=True)),
    )


def _loads(script: Script, facts: KernelFacts) -> bool:
    try:
        Running(script, facts).close()
    except KernelRefused:
        return False
    return True


FACTS: KernelFacts = _detect()
