"""Hanging an image's programs where their attach specifications say."""

from __future__ import annotations

from ..abi.image import ProgramKind
from ..abi.session_image import ProgramAttachment
from ..loader.image import LoadedImage
from ..loader.links import (
    SW_CPU_CLOCK,
    TYPE_SOFTWARE,
    Link,
    PerfEventSpec,
    attach_perf_event_on_cpus,
    attach_raw_tracepoint,
    attach_typed_tracepoint,
)
from ..loader.maps import parse_cpu_list
from ..program.attach import Never, PerfClock, Phase, Syscalls, Timer


def online_cpus() -> tuple[int, ...]:
    """Return the numbers of the CPUs that are switched on."""
    with open("/sys/devices/system/cpu/online", encoding="ascii") as file:
        return parse_cpu_list(file.read())


def attach(attachment: ProgramAttachment, loaded: LoadedImage) -> Link | None:
    """Attach a loaded program; None where there is nothing to attach. Raises `KernelRefused`."""
    program = loaded.programs[attachment.program]
    match attachment.attach:
        case Syscalls(returns=returns):
            if program.spec.kind is ProgramKind.TYPED_TRACEPOINT:
                return attach_typed_tracepoint(program)
            return attach_raw_tracepoint(program, "sys_exit" if returns else "sys_enter")
        case PerfClock(nanoseconds=period, every_cpu=every_cpu):
            cpus = online_cpus()
            event = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_period=period)
            return attach_perf_event_on_cpus(program, event, cpus if every_cpu else cpus[:1])
        case Phase() | Timer() | Never():
            return None
