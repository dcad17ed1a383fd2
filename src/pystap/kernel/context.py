"""The state that code generation carries: for the whole program, for one handler, for one expanded function.

The modules for expressions, strings and statements need each other; they reach one another through `Generators`, which
handlers.py fills in.
"""

from __future__ import annotations

from ..abi.event_layout import ERROR_EVENTS
from ..abi.map_layout import CONTROL_MAP, Counter, MapLayout
from ..abi.session_image import ErrorPlace
from ..lean import TYPE_CHECKING, Mapping, Protocol
from ..program.extension import MemberLoad
from ..program.nodes import Expression, Statement
from ..program.program import ElaboratedProgram, Handler
from ..program.symbols import Global, Local
from ..records import dataclass, field
from .held_elements import HeldElements
from .ir import Code, Module

if TYPE_CHECKING:
    from .scratch import Temporaries


class InternalError(Exception):
    """Something stands in kernel code that elaboration should not have left there."""


@dataclass(frozen=True, slots=True)
class TaskLayout:
    """Where members lie, in bytes: `mm` to `thread_pointer` in task_struct, the others in mm_struct.

    `has_registers_helper`: bpf_task_pt_regs works (5.15).
    """

    mm: int
    exec_id: int
    stack: int
    thread_pointer: int
    start_code: int
    end_code: int
    start_stack: int
    mmap_base: int
    has_registers_helper: bool = True


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What the code generator must know of the kernel and of the run.

    `possible_cpus` is one more than the highest number that a CPU may have.
    `fetching_atomics`: compare-and-swap, exchange and fetch-and-add work (5.12). `function_calls`: the verifier
    follows values through calls, so that there may be functions. `bpf_loop`: the helper works with callbacks.
    `typed_syscall_tracepoints` are the BTF ids of `btf_trace_sys_enter` and `btf_trace_sys_exit` where typed
    tracepoints load, else None. `thread_status_offset` is that of `thread_info.status` in a task_struct, None where
    no call can come through a 32-bit entry. `timing` counts hits and times of every handler. `ringbuf_bytes` is a
    power of two pages. `fentry`, `kprobe_multi` and `attach_cookies` say by what kernel functions can be probed,
    besides kprobes, `uprobe_multi` whether many places in user code can be probed at once, `sleepable_uprobes`
    whether by programs that sleep. `task` is there where a handler asks for what a process is in user mode.
    `process_layout` and `process_offsets` have the members that process tracking needs, where a script needs that
    (see process_tracking).
    """

    possible_cpus: int
    fetching_atomics: bool = True
    function_calls: bool = True
    bpf_loop: bool = True
    typed_syscall_tracepoints: tuple[int, int] | None = None
    thread_status_offset: int | None = None
    timing: bool = False
    ringbuf_bytes: int = 1 << 22
    fentry: bool = False
    kprobe_multi: bool = False
    attach_cookies: bool = False
    task: TaskLayout | None = None
    uprobe_multi: bool = False
    sleepable_uprobes: bool = False
    process_layout: Mapping[str, tuple[MemberLoad, ...]] = field(default_factory=dict)
    process_offsets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A string in memory: `size` readable bytes (a multiple of 8, all zero behind the string), 8-byte aligned.

    `width` is the longest string it can be. `is_stable` says that nothing but the end of its statement changes it;
    `literal` is its content when that is known.
    """

    pointer: str
    size: int
    width: int
    is_stable: bool
    literal: bytes | None = None


class Generators(Protocol):
    """The code generators that call each other across modules."""

    def long(self, h: HandlerContext, expression: Expression) -> str:
        """Evaluate a long; returns its i64."""

    def text(self, h: HandlerContext, expression: Expression) -> Text:
        """Evaluate a string; returns where it is."""

    def text_into(self, h: HandlerContext, expression: Expression, pointer: str, width: int) -> None:
        """Evaluate a string into a buffer of buffer_size(width) bytes, filling it wholly."""

    def effect(self, h: HandlerContext, expression: Expression) -> None:
        """Evaluate an expression whose value nobody uses."""

    def joined_into(self, h: HandlerContext, texts: list[Text], target: Text) -> None:
        """Concatenate strings into a buffer."""

    def message_into(self, h: HandlerContext, message: str, value: str, target: Text) -> None:
        """Write an error message, `value` (i64) in place of its `%d` or `%#x`, into a buffer."""

    def block(self, h: HandlerContext, statements: list[Statement]) -> None:
        """Run statements."""


@dataclass(slots=True)
class ProgramContext:
    """What all handlers share. `errors` grows as code that may raise run-time errors is made."""

    program: ElaboratedProgram
    layout: MapLayout
    facts: KernelFacts
    generators: Generators
    module: Module = field(default_factory=Module)
    errors: list[ErrorPlace] = field(default_factory=list)
    scratch_bytes: int = 0
    can_stop: bool = False
    """Some kernel handler may end the session, so every one must look at `stopped` first."""

    @property
    def errors_stop(self) -> bool:
        """Whether the first error that nothing catches ends the session."""
        limits = self.program.limits
        return limits.max_errors == 0 and not limits.suppress_handler_errors


@dataclass(slots=True)
class Catch:
    """Where a run-time error goes: to `label`, after its message was put into the buffer `message`."""

    label: str
    message: Text | None


@dataclass(slots=True)
class Frame:
    """The locals of the handler or of one expansion of a function: alloca or buffer of each, and where control goes."""

    places: dict[Local, Text | str]
    return_label: str
    return_place: Text | str | None
    next_label: str


@dataclass(slots=True)
class HandlerContext:
    """The code of one handler while it is made.

    `%regs`, `%number` and `%result` are the arguments of a system call handler's function. `record` is the event record
    that is being filled, to be discarded when an error leaves it. `in_group` is the stack variable that counts the
    records of a handler which sends several.
    """

    shared: ProgramContext
    handler: Handler
    code: Code
    temporaries: Temporaries
    frame: Frame
    exit_label: str
    catch: Catch | None = None
    record: str | None = None
    record_count: str | None = None
    wake: str | None = None
    context_places: dict[str, str] = field(default_factory=dict)
    uses_generation: bool = False
    uses_row: bool = False
    expanding: list[str] = field(default_factory=list)
    held: HeldElements = field(default_factory=HeldElements)
    can_sleep: bool = False
    """User memory that is not there yet may be brought in (see sleeping)."""

    @property
    def generate(self) -> Generators:
        return self.shared.generators

    @property
    def module(self) -> Module:
        return self.shared.module

    @property
    def control(self) -> str:
        return self.module.map(CONTROL_MAP)

    def counter(self, counter: Counter) -> str:
        """Return the address of one of the handler's counters."""
        return self.code.offset(self.control, self.shared.layout.counter_offset(self.handler.index, counter))

    def count(self, counter: Counter) -> None:
        """Add one to a counter of the handler."""
        self.code.add_atomically(self.counter(counter), "1")

    def global_maps(self, variable: Global) -> tuple[str, ...]:
        """Return the symbols of the maps of an array or a statistic: one, or two buffers."""
        return tuple(self.module.map(name) for name in self.shared.layout.places[variable.name].maps)

    def error_number(self, message: str) -> int:
        """Return the event number for an error of this handler with this whole message."""
        place = ErrorPlace(message, self.handler.index)
        if place not in self.shared.errors:
            self.shared.errors.append(place)
        return ERROR_EVENTS + self.shared.errors.index(place)
