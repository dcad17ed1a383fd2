"""Where handlers hang: a closed set, one class per mechanism. Probe kinds return them, the runtime attaches them."""

from __future__ import annotations

from ..lean import Iterable, Literal
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """`begin`, `end` and `error` probes, run in user space in the order of their sequence numbers."""

    phase: Literal["begin", "end", "error"]
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Timer:
    """Every `nanoseconds`, plus a random part of up to +-`randomize` nanoseconds."""

    nanoseconds: int
    randomize: int = 0


@dataclass(frozen=True, slots=True)
class PerfClock:
    """A clock in the kernel that interrupts what runs: on every CPU, or on one.

    `nanoseconds` is the period. It is a software event (PERF_COUNT_SW_CPU_CLOCK).
    """

    nanoseconds: int
    every_cpu: bool


@dataclass(frozen=True, slots=True)
class PerfSamples:
    """Samples of a perf event (perf_event_open(2)), one every `period` events or, with `frequency`, so many a second.

    `process` None means every process, "" the session's target and its children, a path those that run this program.
    """

    type: int
    config: int
    period: int
    frequency: int = 0
    process: str | None = None


@dataclass(frozen=True, slots=True)
class PerfCounter:
    """A perf event that only counts, for `@perf("name")`. No handler runs. `process` as in PerfSamples."""

    type: int
    config: int
    name: str
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Watchpoint:
    """Accesses to `length` bytes of kernel memory, at an address or at a symbol; only writes, or reads too.

    With a `pid` it is memory of that process (or TARGET) and of those that it starts, at `address`; where there is a
    `program` that counts from where its file is loaded.
    """

    symbol: str
    address: int
    length: int
    writes_only: bool
    pid: int = 0
    program: str = ""


SYSCALL_FAMILIES = ("syscall", "nd_syscall", "dw_syscall", "tp_syscall")
"""SystemTap's families of system call probes differ in how they find the kernel's code; here they are the same."""


@dataclass(frozen=True, slots=True)
class Syscalls:
    """Entry to or return from system calls; `numbers` None means all of them.

    `pid` and `program` limit it to processes as in `Uprobes`.
    """

    returns: bool
    numbers: frozenset[int] | None
    pid: int = 0
    program: str = ""


@dataclass(frozen=True, slots=True)
class Tracepoints:
    """Static tracepoints of the kernel, by name without their system; one handler may serve several."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionPoint:
    """A kernel function. `btf_id` is its id in the BTF of `module` ("" the kernel), 0 when fentry cannot be used on it;
    `arguments` counts those of its prototype; at `indirect` are pointers to what is no structure.

    `is_traceable` is False where the kernel is known to refuse ftrace (and so kprobe-multi and fentry) on it. `offset`
    is a place inside, in bytes: from the start of the symbol `base` where that is given, from the function's own
    otherwise. `address` is one of this boot, and all there is then.
    """

    name: str
    btf_id: int = 0
    arguments: int = 0
    module: str = ""
    is_traceable: bool = True
    offset: int = 0
    base: str = ""
    address: int = 0
    indirect: frozenset[int] = frozenset()

    @property
    def is_entry(self) -> bool:
        """Whether the place is the start of the function that is named."""
        return not (self.offset or self.base or self.address)


@dataclass(frozen=True, slots=True)
class KernelFunctions:
    """Entry to or return from kernel functions; one handler may serve several.

    `cookies` are what a program gets with each point where the kernel hands them out; () means the numbers of the
    points. `maxactive` is how many calls the script wants to be followed to their return at a time, 0 where it does not
    say.
    """

    points: tuple[FunctionPoint, ...]
    returns: bool
    cookies: tuple[int, ...] = ()
    maxactive: int = 0


TARGET = -1
"""In place of a process id: the target (-c, -x) and the processes that descend from it."""


@dataclass(frozen=True, slots=True)
class UserPlaces:
    """Places in one file that processes execute: `offsets` in bytes from the file's start.

    `semaphores` has for each the file offset of a counter that is raised while the place is probed (SDT), 0 for none;
    () when none has one.
    """

    path: str
    offsets: tuple[int, ...]
    semaphores: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Uprobes:
    """Places in user code, or with `returns` the returns from the functions that start there.

    They are numbered through all `files`. `pid` is the process they are limited to: 0 for none, or TARGET; `program`
    the executable that the processes run, "" for any. `cookies` are what a program gets with each place; () means their
    numbers.
    """

    files: tuple[UserPlaces, ...]
    returns: bool
    pid: int = 0
    program: str = ""
    cookies: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return sum(len(places.offsets) for places in self.files)


@dataclass(frozen=True, slots=True)
class ProcessEvents:
    """Processes or threads that begin (at fork or exec, and those that are there at the start) or end.

    `pid` and `program` limit it to processes as in `Uprobes`.
    """

    event: Literal["begin", "end", "thread begin", "thread end"]
    pid: int = 0
    program: str = ""


@dataclass(frozen=True, slots=True)
class Tracking:
    """What keeps account of the processes that the script is limited to (abi/process_map), and runs no handlers.

    `programs` are the executables that it is limited to, in the order of their bits. "watch" and "existing" hang
    nowhere: the session runs them, to make a file known and for each process that is there at the start.
    """

    event: Literal["fork", "exec", "exit", "watch", "existing"]
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcFile:
    """A named pipe that others read from or write to while the session runs; the handler fills or gets its text.

    `path` is below the session's folder, `mode` the file's permissions, `size` the longest text in bytes (0:
    that of a string).
    """

    path: str
    direction: Literal["read", "write"]
    mode: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class StandardInput:
    """What comes in on the standard input, character by character or line by line."""

    unit: Literal["char", "line"]


@dataclass(frozen=True, slots=True)
class NetfilterHook:
    """Packets of a protocol family (NFPROTO_...) at a hook of netfilter, in the order of priorities."""

    family: int
    hook: int
    priority: int


VERDICT = "__verdict"
"""The local of a handler on a NetfilterHook whose value is the verdict: 0 drops the packet."""


@dataclass(frozen=True, slots=True)
class Never:
    """`never`: checked like any handler and run at no time."""


AttachSpec = (
    Phase
    | Timer
    | PerfClock
    | PerfSamples
    | PerfCounter
    | Watchpoint
    | NetfilterHook
    | Syscalls
    | Tracepoints
    | KernelFunctions
    | Uprobes
    | ProcessEvents
    | Tracking
    | ProcFile
    | StandardInput
    | Never
)


def perf_counters(attached: Iterable[AttachSpec]) -> list[str]:
    """Return the names of a script's perf counters: a name's place is its counter's number."""
    return list(dict.fromkeys(attach.name for attach in attached if isinstance(attach, PerfCounter)))
