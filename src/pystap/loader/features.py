"""Finding out what the running kernel can do, by trying it. Each probe leaves nothing behind.

The instructions of the small programs are written by hand, so that no compiler is needed; their encoding is in the
kernel's Documentation/bpf/standardization/instruction-set.rst, the helper numbers are in linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable

from ..abi.image import FunctionInfo, MapKind, MapSpec, ProgramKind, ProgramSpec, Relocation, RelocationKind
from ..byte_code import write_whole
from ..lean import suppress
from ..program.features import Feature, KernelFeatures
from .errors import KernelRefused, MissingPrivilege, lockdown_mode
from .links import (
    SW_CPU_CLOCK,
    TYPE_BREAKPOINT,
    TYPE_HARDWARE,
    TYPE_SOFTWARE,
    KprobeSpec,
    PerfEventSpec,
    attach_kprobe,
    attach_perf_event,
    attach_tracing,
    open_perf_event,
)
from .maps import create_map
from .programs import KERNEL_TYPES, context_buffer, load_program
from .syscalls import Command, bpf

TypeFinder = Callable[[str, str], int | None]
"""Given a name and "func" or "typedef", returns the id of that type in the kernel's BTF; None when it has none."""

_COMMON_FUNCTION = "vfs_read"
_NO_CODE = 4096
_COPY_FROM_USER = 148
_BPF_LOOP, _FOR_EACH_MAP_ELEM, _GET_FUNC_IP, _GET_ATTACH_COOKIE = 181, 164, 173, 174
_GET_CURRENT_TASK_BTF, _TASK_PT_REGS = 158, 175


def _insn(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("<BBhi", opcode, source << 4 | destination, offset, immediate)


def _set(register: int, value: int) -> bytes:
    return _insn(0xB7, register, immediate=value)


def _load_64(register: int, source: int, low: int) -> bytes:
    return _insn(0x18, register, source, 0, low) + _insn(0)


def _call(helper: int) -> bytes:
    return _insn(0x85, immediate=helper)


_EXIT = _insn(0x95)
_NOTHING = _set(0, 0) + _EXIT
_FRAME_WORD = _insn(0x7A, 10, offset=-8)
_FRAME_WORD_ZERO = _insn(0x7A, 10, offset=-8)
_FETCH_ADD = _set(1, 1) + _FRAME_WORD + _insn(0xDB, 10, 1, -8, 0x01) + _NOTHING
_COMPARE_AND_SWAP = _set(0, 0) + _set(1, 1) + _FRAME_WORD + _insn(0xDB, 10, 1, -8, 0xF1) + _NOTHING
_SIGNED_DIVISION = _set(0, 7) + _insn(0x37, 0, offset=1, immediate=2) + _NOTHING
_PSEUDO_FUNC = 4


def _jump_if(opcode: int, register: int, immediate: int, offset: int) -> bytes:
    return _insn(opcode, register, offset=offset, immediate=immediate)


_JUMP, _EQUAL, _GREATER = 0x05, 0x15, 0x65
_CHECKPOINT = _call(7) * 2 + _set(0, 0) * 6
"""Two jumps (calls of bpf_get_prandom_u32) and eight instructions: the verifier keeps its state at the next branch."""
_OWN_REGISTER = (
    _insn(0xBF, 7, 1) + _CHECKPOINT + _jump_if(_EQUAL, 7, 0, 1) + _set(6, 0)
    + _call(7) + _jump_if(_EQUAL, 0, 1, 1) + _set(0, 0) + _EXIT
)  # fmt: skip
"""A function that sets its own register 6 unless its argument is 0."""
_THREE_WAYS = (
    _call(7) + _set(6, 0) + _set(1, 0)
    + _jump_if(_GREATER, 0, 5, 6)  # the first way goes on, with 0 and 0 in registers 1 and 6
    + _insn(0x85, 0, 1, 0, 10)
    + _jump_if(_EQUAL, 6, 1, 2) + _set(0, 0) + _EXIT + _set(0, 2) + _EXIT
    + _set(1, 1) + _jump_if(_GREATER, 0, 9, 1) + _insn(_JUMP, offset=-9)  # the second, with 1 and 0
    + _set(6, 1) + _insn(_JUMP, offset=-11)  # the third, with 1 and 1
    + _OWN_REGISTER
)  # fmt: skip
"""Calls the function in three ways; what depends on register 6 behind the call differs in the third alone."""


def _spec(kind: ProgramKind, code: bytes = _NOTHING, **rest: int) -> ProgramSpec:
    return ProgramSpec("pystap_probe", kind, code, **rest)  # type: ignore[arg-type]


def _loads(kind: ProgramKind, code: bytes = _NOTHING, **rest: int) -> None:
    load_program(_spec(kind, code, **rest)).close()


def _calls_back(before: bytes, helper: int, arguments: int, relocations: tuple[Relocation, ...]) -> ProgramSpec:
    """A program that passes a callback, in register 2, to a helper."""
    tail = _set(3, 0) + _set(4, 0) + _call(helper) + _NOTHING
    start = len(before) // 8
    callback_at = start + 2 + len(tail) // 8
    code = before + _load_64(2, _PSEUDO_FUNC, callback_at - start - 1) + tail + _NOTHING
    functions = (FunctionInfo(0, "entry", 1, False), FunctionInfo(callback_at, "callback", arguments, True))
    return ProgramSpec("pystap_probe", ProgramKind.RAW_TRACEPOINT, code, relocations, functions)


def _bpf_loop() -> None:
    load_program(_calls_back(_set(1, 4), _BPF_LOOP, 2, ())).close()


def _for_each_map_element() -> None:
    relocation = Relocation(0, RelocationKind.MAP_FD, "m")
    with create_map(MapSpec("m", MapKind.ARRAY, 4, 8, 1)) as array:
        load_program(_calls_back(_load_64(1, 0, 0), _FOR_EACH_MAP_ELEM, 4, (relocation,)), {"m": array}).close()


def _fetching_atomics() -> None:
    _loads(ProgramKind.RAW_TRACEPOINT, _FETCH_ADD)
    _loads(ProgramKind.RAW_TRACEPOINT, _COMPARE_AND_SWAP)


def _perf_event() -> None:
    with load_program(_spec(ProgramKind.PERF_EVENT)) as program:
        spec = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_period=10**9, pid=0)
        attach_perf_event(program, spec).close()


def _opens(type_: int, config: int, **rest: int) -> None:
    os.close(open_perf_event(PerfEventSpec(type_, config, pid=0, exclude_kernel=True, **rest)))  # type: ignore[arg-type]


def _breakpoint() -> None:
    word = ctypes.c_uint64()
    _opens(TYPE_BREAKPOINT, 0, sample_period=1, config1=ctypes.addressof(word), config2=8, breakpoint_type=2)


def _kprobe() -> None:
    """Ask for a kprobe where there is no code. Whether kprobes are allowed is looked at before; to put a real one
    somewhere and take it away again takes up to 0.1 s."""
    with load_program(_spec(ProgramKind.KPROBE)) as program:
        try:
            attach_kprobe(program, KprobeSpec(address=_NO_CODE)).close()
        except KernelRefused as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):  # up to 5.17, since 5.18
                raise


def _uprobe() -> None:
    try:
        with open("/sys/bus/event_source/devices/uprobe/type", encoding="utf-8"):
            pass
    except FileNotFoundError:
        detail = "it was built without uprobe events"
        raise KernelRefused("use uprobes", errno.EOPNOTSUPP, detail=detail) from None
    _loads(ProgramKind.UPROBE)


def _copies_from_user() -> bytes:
    """A program that copies nothing from user memory: bpf_copy_from_user into its stack, size 0."""
    to_stack = _insn(0xBF, 1, 10) + _insn(0x07, 1, immediate=-8)
    return _FRAME_WORD_ZERO + to_stack + _set(2, 1) + _set(3, 0) + _call(_COPY_FROM_USER) + _NOTHING


def _links_at_all(kind: ProgramKind, attr: Callable[[int, int], bytes], expected: int) -> None:
    """Make a link that cannot succeed: a kernel that knows this kind of link refuses it with `expected`."""
    _, attach_type = KERNEL_TYPES[kind]
    with load_program(_spec(kind)) as program:
        try:
            os.close(bpf(Command.LINK_CREATE, attr(program.fd, attach_type)))
        except OSError as error:
            if error.errno != expected:
                raise KernelRefused("create such a link", error.errno or 0) from None


def _kprobe_multi() -> None:
    name = ctypes.create_string_buffer(b"pystap_no_such_function")
    names = (ctypes.c_uint64 * 1)(ctypes.addressof(name))

    def attr(fd: int, attach_type: int) -> bytes:
        return struct.pack("<IIIIIIQQQ", fd, 0, attach_type, 0, 0, 1, ctypes.addressof(names), 0, 0)

    _links_at_all(ProgramKind.KPROBE_MULTI, attr, errno.ESRCH)


def _uprobe_multi() -> None:
    path = ctypes.create_string_buffer(b"/")  # a folder cannot be probed
    offsets = (ctypes.c_uint64 * 1)(0)

    def attr(fd: int, attach_type: int) -> bytes:
        return struct.pack("<IIIIQQQQIII", fd, 0, attach_type, 0, ctypes.addressof(path), ctypes.addressof(offsets),
                           0, 0, 1, 0, 0)  # fmt: skip

    _links_at_all(ProgramKind.UPROBE_MULTI, attr, errno.EBADF)


def _run_on_demand() -> None:
    with load_program(_spec(ProgramKind.RAW_TRACEPOINT)) as program:
        try:
            program.run(context_buffer(1))
        except OSError as error:
            raise KernelRefused("run a program on demand", error.errno or 0) from None


def _map_batch() -> None:
    with create_map(MapSpec("m", MapKind.HASH, 4, 8, 4)) as table:
        table.update(bytes(4), bytes(8))
        if table._batched(Command.MAP_LOOKUP_BATCH) is None:
            raise KernelRefused("read a map in batches", errno.EOPNOTSUPP)


def _function_calls() -> None:
    """Find out whether the verifier drops code that runs (Linux 6.2 and 6.3, and 5.10 and 6.1 with their changes).

    Before it takes two states for the same it must know which values of the callers matter. Looking for that in the
    instructions of a called function it takes that function's registers for the caller's, misses what matters, and
    removes the branch of the third way as dead. Linux 6.4 keeps the frames apart ("bpf: support precision
    propagation in the presence of subprogs").
    """
    with load_program(_spec(ProgramKind.RAW_TRACEPOINT, _THREE_WAYS)) as program:
        if program.info().instructions < len(_THREE_WAYS) // 8:
            detail = "its verifier removes code behind calls that is not dead"
            raise KernelRefused("call functions", errno.EOPNOTSUPP, detail=detail)


def _typed(kind: ProgramKind, type_id: int | None, attach: bool) -> None:
    if type_id is None:
        raise KernelRefused("probe by type", errno.ENOENT, detail="it has no BTF for what is probed")
    with load_program(_spec(kind, attach_btf_id=type_id)) as program:
        if attach:
            attach_tracing(program).close()


def _probe(feature: Feature, find_type: TypeFinder) -> None:
    """Try a feature; raises `KernelRefused` when it does not work."""
    match feature:
        case Feature.RAW_TRACEPOINT:
            _loads(ProgramKind.RAW_TRACEPOINT)
        case Feature.TYPED_TRACEPOINT:
            _typed(ProgramKind.TYPED_TRACEPOINT, find_type("btf_trace_sys_enter", "typedef"), attach=False)
        case Feature.SLEEPABLE_RAW_TRACEPOINT:
            _loads(ProgramKind.RAW_TRACEPOINT, sleepable=True)
        case Feature.PERF_EVENT:
            _perf_event()
        case Feature.HARDWARE_COUNTERS:
            _opens(TYPE_HARDWARE, 0)
        case Feature.HARDWARE_BREAKPOINTS:
            _breakpoint()
        case Feature.KPROBE:
            _kprobe()
        case Feature.KPROBE_MULTI:
            _kprobe_multi()
        case Feature.FENTRY:
            _typed(ProgramKind.FENTRY, find_type(_COMMON_FUNCTION, "func"), attach=True)
        case Feature.UPROBE:
            _uprobe()
        case Feature.SLEEPABLE_UPROBE:
            _loads(ProgramKind.UPROBE, _copies_from_user(), sleepable=True)
        case Feature.UPROBE_MULTI:
            _uprobe_multi()
        case Feature.ATTACH_COOKIE:
            _loads(ProgramKind.KPROBE, _call(_GET_ATTACH_COOKIE) + _NOTHING)
        case Feature.FUNCTION_ADDRESS:
            _loads(ProgramKind.KPROBE, _call(_GET_FUNC_IP) + _NOTHING)
        case Feature.BPF_LOOP:
            _bpf_loop()
        case Feature.FOR_EACH_MAP_ELEMENT:
            _for_each_map_element()
        case Feature.FETCHING_ATOMICS:
            _fetching_atomics()
        case Feature.RING_BUFFER:
            create_map(MapSpec("r", MapKind.RINGBUF, 0, 0, 4096)).close()
        case Feature.NETFILTER:
            _loads(ProgramKind.NETFILTER)
        case Feature.RUN_ON_DEMAND:
            _run_on_demand()
        case Feature.MAP_BATCH:
            _map_batch()
        case Feature.TASK_REGISTERS:
            task = _call(_GET_CURRENT_TASK_BTF) + _insn(0xBF, 1, 0)
            _loads(ProgramKind.RAW_TRACEPOINT, task + _call(_TASK_PT_REGS) + _NOTHING)
        case Feature.CPU_V4:
            _loads(ProgramKind.RAW_TRACEPOINT, _SIGNED_DIVISION)
        case Feature.FUNCTION_CALLS:
            _function_calls()


def try_feature(feature: Feature, find_type: TypeFinder) -> str:
    """Return "" when the kernel has a feature, else the reason it gave.

    Raises `MissingPrivilege` when this process lacks the capability to find out.
    """
    try:
        _probe(feature, find_type)
    except MissingPrivilege as error:
        if error.missing:
            raise
        return error.reason
    except KernelRefused as error:
        return error.reason
    return ""


def kernel_features(find_type: TypeFinder, kernel_identity: str, cache_folder: str = "") -> KernelFeatures:
    """Return the running kernel's features: each is tried when it is first asked for.

    With a `cache_folder` the answers are kept there in a small file, for this `kernel_identity` (a build id)
    under this lockdown mode.
    """
    key = f"{os.uname().release} {kernel_identity} {lockdown_mode() or 'unknown'}"
    file = f"{cache_folder}/kernel-features" if cache_folder else ""
    features = KernelFeatures(_read_answers(file, key))

    def probe(feature: Feature) -> str:
        answer = try_feature(feature, find_type)
        if file:
            _write_answers(file, key, {**features.answers, feature: answer})
        return answer

    return KernelFeatures(features.answers, probe)


def _read_answers(file: str, key: str) -> dict[Feature, str]:
    """Return what an earlier run found out on the same kernel; anything unreadable counts as nothing."""
    if not file:
        return {}
    try:
        with open(file, encoding="utf-8") as opened:
            kernel, *answers = opened.read().splitlines()
    except (OSError, ValueError):
        return {}
    if kernel != key:
        return {}
    named = (answer.partition(" ") for answer in answers)
    return {Feature[name]: reason for name, _, reason in named if name in Feature.__members__}


def _write_answers(file: str, key: str, answers: dict[Feature, str]) -> None:
    """Replace the file in one step: the kernel, then a line "FEATURE reason" for each answer.

    A cache folder that cannot be written is no error.
    """
    lines = [key, *(f"{feature.name} {' '.join(reason.split())}" for feature, reason in answers.items())]
    with suppress(OSError):
        write_whole(file, "\n".join(lines).encode())
