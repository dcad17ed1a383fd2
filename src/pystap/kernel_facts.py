"""What code for the running kernel depends on: loaded when a script has handlers in the kernel."""

from __future__ import annotations

from collections.abc import Sequence

from . import registries
from .arch import x86_64 as arch
from .elaborate.walk import all_expressions
from .kernel import KernelFacts, TaskLayout
from .kernel.handlers import context_values
from .kernel.process_tracking import LAYOUT, OFFSETS, limit_of
from .lean import Any
from .loader.maps import possible_cpus
from .program.attach import KernelFunctions, ProcessEvents, Syscalls, Uprobes
from .program.features import Feature, KernelFeatures
from .program.nodes import ContextKind, ContextValue
from .program.program import ElaboratedProgram, Handler, Target

OUTPUT_BUFFER = 1 << 24
"""Bytes of the ring buffer of a script whose kernel handlers send output; -s sets another size."""
ERROR_BUFFER = 1 << 18
"""The same where they only report errors."""


def kernel_facts(program: ElaboratedProgram, timing: bool) -> KernelFacts:
    """Return what the kernel code generator must know of this machine, found by trying what the program needs.

    Without the privilege to try, the answers of a current kernel are assumed: who runs the image will see.
    """
    kernel_handlers = [handler for handler in program.handlers if handler.target is Target.KERNEL]
    if not kernel_handlers:
        return KernelFacts(possible_cpus=1)
    features = registries.features_here()
    typed = None
    reads = any(_reads_call_registers(handler) for handler in kernel_handlers)
    if reads and registries.has(features, Feature.TYPED_TRACEPOINT):
        entry, exit_ = (registries.type_id(f"btf_trace_sys_{way}", "typedef") for way in ("enter", "exit"))
        typed = (entry, exit_) if entry is not None and exit_ is not None else None
    calls = registries.has(features, Feature.FUNCTION_CALLS)
    return KernelFacts(
        possible_cpus=max(possible_cpus()) + 1,
        fetching_atomics=registries.has(features, Feature.FETCHING_ATOMICS),
        function_calls=calls,
        bpf_loop=calls and registries.has(features, Feature.BPF_LOOP),
        typed_syscall_tracepoints=typed,
        thread_status_offset=_thread_status_offset(kernel_handlers),
        timing=timing,
        **_function_mechanisms(kernel_handlers, features),
        ringbuf_bytes=OUTPUT_BUFFER if program.events or _context_kinds(kernel_handlers) & _STACKS else ERROR_BUFFER,
        task=_task_layout(features) if _context_kinds(kernel_handlers) & _USER_MODE else None,
        **_process_members(kernel_handlers),
    )


_USER_MODE = {ContextKind.USER_STACK, ContextKind.USER_ADDRESS, ContextKind.ADDRESS_SPACE}
_STACKS = _USER_MODE | {ContextKind.KERNEL_STACK}


def _context_kinds(handlers: Sequence[Handler]) -> set[ContextKind]:
    """Return the kinds of context values that handlers read, in functions that they call too."""
    return {value.kind for handler in handlers for value in context_values(handler)}


def _task_layout(features: KernelFeatures) -> TaskLayout:
    """Return where the kernel keeps what a process is in user mode."""

    def offset(kind: str, *path: str) -> int:
        return registries.kernel_types().member_address(kind, path)[1]

    return TaskLayout(
        mm=offset("task_struct", "mm"),
        exec_id=offset("task_struct", "self_exec_id"),
        stack=offset("task_struct", "stack"),
        thread_pointer=offset("task_struct", *arch.THREAD_POINTER_FIELD),
        start_code=offset("mm_struct", "start_code"),
        end_code=offset("mm_struct", "end_code"),
        start_stack=offset("mm_struct", "start_stack"),
        mmap_base=offset("mm_struct", "mmap_base"),
        has_registers_helper=registries.has(features, Feature.TASK_REGISTERS),
    )


def _thread_status_offset(handlers: Sequence[Handler]) -> int | None:
    if not any(isinstance(handler.attach, Syscalls) for handler in handlers):
        return None
    try:
        return registries.kernel_types().member_address("task_struct", ("thread_info", "status"))[1]
    except LookupError:
        return None


def _function_mechanisms(handlers: Sequence[Handler], features: KernelFeatures) -> dict[str, Any]:
    if any(isinstance(handler.attach, Uprobes) for handler in handlers):
        mechanisms = {
            "uprobe_multi": registries.has(features, Feature.UPROBE_MULTI),
            "sleepable_uprobes": registries.has(features, Feature.SLEEPABLE_UPROBE),
            "attach_cookies": registries.has(features, Feature.ATTACH_COOKIE),
        }
    else:
        mechanisms = {}
    points = [point for one in handlers if isinstance(one.attach, KernelFunctions) for point in one.attach.points]
    if not points:
        return mechanisms
    return mechanisms | {
        "fentry": any(point.btf_id for point in points) and registries.has(features, Feature.FENTRY),
        "kprobe_multi": registries.has(features, Feature.KPROBE_MULTI),
        "attach_cookies": registries.has(features, Feature.ATTACH_COOKIE),
    }


def _process_members(handlers: Sequence[Handler]) -> dict[str, Any]:
    """Return the kernel facts that process tracking needs, if a handler is about processes or limited to some."""
    if not any(limit_of(handler) != (0, "") or isinstance(handler.attach, ProcessEvents) for handler in handlers):
        return {}
    types = registries.kernel_types()
    return {
        "process_layout": {name: tuple(types.member_loads(*place)) for name, place in LAYOUT.items()},
        "process_offsets": {name: types.member_address(*place)[1] for name, place in OFFSETS.items()},
    }


def _reads_call_registers(handler: Handler) -> bool:
    """Tell whether a handler needs the saved registers of a system call: its arguments, or the number at return."""
    if not isinstance(handler.attach, Syscalls):
        return False
    returns = handler.attach.returns
    for expression in all_expressions(handler.body):
        if isinstance(expression, ContextValue):
            if expression.kind is ContextKind.SYSCALL_ARGUMENT:
                return True
            if returns and expression.kind is ContextKind.SYSCALL_NUMBER:
                return True
    return returns and handler.attach.numbers is not None
