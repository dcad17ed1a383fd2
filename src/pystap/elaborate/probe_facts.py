"""What a handler may ask of its own probe, whatever its kind: functions whose value the compiler knows."""

from __future__ import annotations

from collections.abc import Mapping

from ..program import nodes as n
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
from ..program.extension import VariableSource
from ..program.types import Type
from ..source import Span
from .context import DerivedProbe


def written_point(probe: DerivedProbe) -> str:
    """Return the point as the script has it, with wildcards resolved (man function::pn)."""
    written = probe.span.source.text[probe.span.start : probe.span.end].rstrip(" \t\n!?")
    written = written.partition(" if ")[0].rstrip(" ?!")
    return probe.point if any(c in written for c in "*[") else written


def _text(value: str) -> VariableSource:
    return lambda span: n.Constant(value, span=span, type=Type.STRING)


def _number(value: int) -> VariableSource:
    return lambda span: n.Constant(value, span=span, type=Type.LONG)


def _kind(attach: AttachSpec) -> tuple[str, bool, bool]:
    """Return what probe_type() says, whether the probe is of a return, and whether it has registers."""
    match attach:
        case Phase(phase=phase):
            return phase, False, False
        case Timer():
            return "timer", False, False
        case PerfClock():
            return "profile_timer", False, True
        case PerfSamples() | PerfCounter():
            return "perf", False, True
        case Watchpoint():
            return "hwbkpt", False, True
        case Syscalls(returns=returns):
            return "tracepoint", returns, False
        case Tracepoints():
            return "tracepoint", False, False
        case KernelFunctions(returns=returns):
            return "kretprobe" if returns else "kprobe", returns, True
        case Uprobes(returns=returns):
            return "uretprobe" if returns else "uprobe", returns, True
        case ProcessEvents() | Tracking():
            return "utrace", False, False
        case ProcFile(direction=direction):
            return f"procfs_{direction}", False, False
        case StandardInput():
            return "procfs_write", False, False
        case NetfilterHook():
            return "netfilter", False, False
        case Never():
            return "never", False, False


def kind_functions(attach: AttachSpec) -> Mapping[str, VariableSource]:
    """Return the functions that follow from where a handler hangs."""
    name, returns, registers = _kind(attach)
    is_sample = isinstance(attach, PerfClock | PerfSamples)
    return {
        "probe_type": _text(name),
        "is_return": _number(int(returns)),
        "registers_valid": _number(int(registers)),
        "user_mode": _interrupted_mode if is_sample else _number(int(isinstance(attach, Uprobes))),
    }


def _interrupted_mode(span: Span) -> n.Expression:
    from ..arch import x86_64 as arch

    field, bits = arch.USER_MODE_BITS
    saved = n.ContextValue(n.ContextKind.REGISTER, arch.PT_REGS_OFFSETS[field] // 8, span=span, type=Type.LONG)
    mask = n.Constant(bits, span=span, type=Type.LONG)
    level = n.Binary("&", saved, mask, span=span, type=Type.LONG)
    return n.Binary("!=", level, n.Constant(0, span=span, type=Type.LONG), span=span, type=Type.LONG)
