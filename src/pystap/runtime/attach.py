"""Hanging an image's programs where their attach specifications say."""

from __future__ import annotations

from ..abi.image import POINT_CONSTANT, ProgramKind, RelocationKind
from ..abi.session_image import ProgramAttachment
from ..lean import Iterator
from ..loader.image import LoadedImage
from ..loader.links import (
    SW_CPU_CLOCK,
    TYPE_SOFTWARE,
    Link,
    PerfEventSpec,
    attach_netfilter,
    attach_perf_event_on_cpus,
    attach_raw_tracepoint,
    attach_typed_tracepoint,
)
from ..loader.maps import parse_cpu_list
from ..loader.programs import Program
from ..program.attach import (
    AttachSpec,
    KernelFunctions,
    NetfilterHook,
    Never,
    PerfClock,
    PerfCounter,
    PerfSamples,
    Phase,
    ProcessEvents,
    ProcFile,
    StandardInput,
    Syscalls,
    Timer,
    Tracepoints,
    Tracking,
    Uprobes,
    Watchpoint,
)
from ..records import replace


def online_cpus() -> tuple[int, ...]:
    """Return the numbers of the CPUs that are switched on."""
    with open("/sys/devices/system/cpu/online", encoding="utf-8") as file:
        return parse_cpu_list(file.read())


def point_count(spec: AttachSpec) -> int:
    """Return in how many places a program will hang."""
    match spec:
        case KernelFunctions(points=points):
            return len(points)
        case Tracepoints(names=names):
            return len(names)
        case Uprobes() as code:
            return code.count
        case _:
            return 1


def attach(attachment: ProgramAttachment, loaded: LoadedImage, target_pid: int = 0) -> Iterator[Link]:
    """Attach a loaded program, yielding each attachment as it is made. Raises `KernelRefused`.

    `target_pid` is the process of -c or -x, 0 when there is none.
    """
    program = loaded.programs[attachment.program]
    match attachment.attach:
        case Syscalls(returns=returns):
            if program.spec.kind is ProgramKind.TYPED_TRACEPOINT:
                yield attach_typed_tracepoint(program)
            else:
                yield attach_raw_tracepoint(program, "sys_exit" if returns else "sys_enter")
        case PerfClock(nanoseconds=period, every_cpu=every_cpu):
            cpus = online_cpus()
            event = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_period=period)
            yield attach_perf_event_on_cpus(program, event, cpus if every_cpu else cpus[:1])
        case PerfSamples() as samples:
            from .attach_perf import attach_samples

            yield from attach_samples(program, samples, target_pid)
        case Watchpoint() as watchpoint:
            from .attach_perf import attach_watchpoint

            yield from attach_watchpoint(program, watchpoint, target_pid)
        case NetfilterHook(family=family, hook=hook, priority=priority):
            yield attach_netfilter(program, family, hook, priority)
        case Tracepoints(names=names):
            for number, name in enumerate(names):
                yield attach_raw_tracepoint(_copy_for(program, number, loaded), name)
        case KernelFunctions() as functions:
            from .attach_functions import attach_functions

            yield from attach_functions(program, functions, lambda number: _copy_for(program, number, loaded))
        case Tracking(event="fork" | "exec" | "exit" as event):
            yield attach_raw_tracepoint(program, f"sched_process_{event}")
        case Uprobes() as code:
            from .attach_user import attach_user_code

            yield from attach_user_code(program, code, lambda number: _copy_for(program, number, loaded))
        case Phase() | Timer() | PerfCounter() | ProcessEvents() | Tracking() | ProcFile() | StandardInput() | Never():
            return


def _copy_for(program: Program, number: int, loaded: LoadedImage) -> Program:
    """Return the program for a place: itself, or where it must know the number of the place a copy with that."""
    if number == 0 or not any(item.kind is RelocationKind.CONSTANT for item in program.spec.relocations):
        return program
    spec = replace(program.spec, name=f"{program.spec.name}_{number}")
    return loaded.add_program(spec, {POINT_CONSTANT: number})
