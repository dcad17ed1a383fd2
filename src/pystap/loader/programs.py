"""BPF programs: filling in relocations, loading, running one on demand, and what the kernel knows of them."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from ..abi.image import MACHINE_PREFIX, ProgramKind, ProgramSpec, Relocation, RelocationKind
from ..lean import Mapping
from ..records import dataclass
from .errors import CAP_BPF, CAP_PERFMON, KernelRefused, refusal
from .function_btf import function_btf
from .maps import Map, kernel_name
from .syscalls import ATTR_SIZE, Command, address, bpf, bpf_buffer, next_id, raise_memlock_limit

KERNEL_TYPES: dict[ProgramKind, tuple[int, int]] = {
    ProgramKind.RAW_TRACEPOINT: (17, 0),
    ProgramKind.TYPED_TRACEPOINT: (26, 23),
    ProgramKind.KPROBE: (2, 0),
    ProgramKind.KPROBE_MULTI: (2, 42),
    ProgramKind.PERF_EVENT: (7, 0),
    ProgramKind.TRACEPOINT: (5, 0),
    ProgramKind.FENTRY: (26, 24),
    ProgramKind.FEXIT: (26, 25),
    ProgramKind.UPROBE: (2, 0),
    ProgramKind.UPROBE_MULTI: (2, 48),
    ProgramKind.SYSCALL: (31, 0),
    ProgramKind.NETFILTER: (32, 45),
}
"""`enum bpf_prog_type` and the expected `enum bpf_attach_type` for each kind of program."""

_SLEEPABLE = 1 << 4
_PSEUDO_MAP_FD, _PSEUDO_MAP_VALUE = 1, 2
_LOAD_IMMEDIATE = 0x18
_LOAD_ATTR = struct.Struct("<IIQQIIQIi16sIIIIQIIQIIII")
_TEST_ATTR = struct.Struct("<IIIIQQIIIIQQIII")
_LICENSE = ctypes.create_string_buffer(b"GPL")
_LOG_STEPS, _LOG_VERDICT = 1, 4
"""Log levels: every step of the verifier, or its verdict and statistics alone (BPF_LOG_LEVEL1, BPF_LOG_STATS)."""
_LOGS = ((_LOG_STEPS, 1 << 16), (_LOG_STEPS, 1 << 20), (_LOG_STEPS, 1 << 24), (_LOG_VERDICT, 1 << 16))
"""What is tried in turn until a log fits its buffer. Of a program that is too large only the verdict matters: the log
of a million steps takes seconds."""
_INFO_SIZE = 232
_STATS_RUN_TIME = 0


@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What `bpf_prog_info` says. Times in ns; run time and count stay 0 unless run statistics are enabled."""

    id: int
    instructions: int
    jited_bytes: int
    run_time: int
    run_count: int
    recursion_misses: int
    verified_instructions: int


class Program:
    """A loaded program. Closing it lets the kernel remove it once no link uses it any more."""

    def __init__(self, spec: ProgramSpec, fd: int) -> None:
        self.spec = spec
        self.fd = fd
        self._attr = ctypes.create_string_buffer(ATTR_SIZE)

    def run(self, context: bytes | bytearray | ctypes.Array[ctypes.c_char], cpu: int | None = None) -> int:
        """Run a raw-tracepoint program on demand (BPF_PROG_TEST_RUN) and return its result as an unsigned number.

        `context` holds its arguments, 8 bytes each; give an array made by `context_buffer` to avoid a copy when
        this is done often (0.7 us). With `cpu` it runs on that CPU. Raises `OSError`.
        """
        if isinstance(context, ctypes.Array):
            buffer = context
        else:
            buffer = ctypes.create_string_buffer(bytes(context), len(context))
        _TEST_ATTR.pack_into(self._attr, 0, self.fd, 0, 0, 0, 0, 0, 0, 0, ctypes.sizeof(buffer), 0,
                             ctypes.addressof(buffer), 0, 0 if cpu is None else 1, cpu or 0, 0)  # fmt: skip
        bpf_buffer(Command.PROG_TEST_RUN, self._attr, _TEST_ATTR.size)
        result: int = struct.unpack_from("<I", self._attr, 4)[0]
        return result

    def info(self) -> ProgramInfo:
        """Return the kernel's record of the program. Raises `OSError`."""
        raw = object_info(self.fd, _INFO_SIZE)
        (identifier,) = struct.unpack_from("<I", raw, 4)
        jited, translated = struct.unpack_from("<II", raw, 16)
        run_time, run_count, misses, verified = struct.unpack_from("<QQQI", raw, 192)
        return ProgramInfo(identifier, translated // 8, jited, run_time, run_count, misses, verified)

    def fileno(self) -> int:
        return self.fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def context_buffer(words: int) -> ctypes.Array[ctypes.c_char]:
    """Return a zeroed context of `words` 64-bit arguments for `Program.run`; write it with `struct.pack_into`."""
    return ctypes.create_string_buffer(8 * words)


def relocate(
    spec: ProgramSpec, maps: Mapping[str, Map], constants: Mapping[str, int] | None = None
) -> ctypes.Array[ctypes.c_char]:
    """Return the program's instructions with every symbol filled in.

    Raises `KeyError` for a symbol that neither `maps` nor `constants` has, `ValueError` for a relocation that does
    not stand on a 64-bit load-immediate instruction.
    """
    code = ctypes.create_string_buffer(spec.code, len(spec.code))
    for item in spec.relocations:
        if code.raw[item.offset] != _LOAD_IMMEDIATE:
            raise ValueError(f"program {spec.name}: relocation of {item.symbol} at {item.offset} is not on a load")
        source, low, high = _relocated(item, maps, constants or {})
        destination = spec.code[item.offset + 1] & 15
        struct.pack_into("<B", code, item.offset + 1, destination | source << 4)
        struct.pack_into("<I", code, item.offset + 4, low)
        struct.pack_into("<I", code, item.offset + 12, high)
    return code


def _relocated(item: Relocation, maps: Mapping[str, Map], constants: Mapping[str, int]) -> tuple[int, int, int]:
    """Return the source register field and the two immediate words for a relocation."""
    match item.kind:
        case RelocationKind.MAP_FD:
            return _PSEUDO_MAP_FD, maps[item.symbol].fd, 0
        case RelocationKind.MAP_VALUE:
            return _PSEUDO_MAP_VALUE, maps[item.symbol].fd, item.addend
        case RelocationKind.CONSTANT:
            number = constants.get(item.symbol)
            if number is None and item.symbol.startswith(MACHINE_PREFIX):
                from .machine import machine_number

                number = machine_number(item.symbol.removeprefix(MACHINE_PREFIX))
                if number is None:
                    what = item.symbol.removeprefix(f"{MACHINE_PREFIX}symbol.")
                    raise KernelRefused(
                        "load program", errno.ENOENT, detail=f"the kernel has no symbol '{what}', or hides it"
                    )
            if number is None:
                raise KeyError(item.symbol)
            value = (number + item.addend) & 0xFFFF_FFFF_FFFF_FFFF
            return 0, value & 0xFFFF_FFFF, value >> 32


def load_program(
    spec: ProgramSpec,
    maps: Mapping[str, Map] | None = None,
    constants: Mapping[str, int] | None = None,
) -> Program:
    """Load a program that uses `maps` and `constants`.

    Raises `KernelRefused` with the verifier's log, `MissingPrivilege` where rights are missing.
    """
    raise_memlock_limit()
    code = relocate(spec, maps or {}, constants)
    type_fd = object_fd = -1
    try:
        records = ctypes.create_string_buffer(1)
        count = 0
        if len(spec.functions) > 1:
            blob, raw = function_btf(spec.functions)
            type_fd = load_btf(blob)
            records, count = ctypes.create_string_buffer(raw, len(raw)), len(spec.functions)
        if spec.attach_module:
            object_fd = module_btf_fd(spec.attach_module)
        fd = _load(spec, code, type_fd, records, count, object_fd)
    finally:
        for opened in (type_fd, object_fd):
            if opened >= 0:
                os.close(opened)
    return Program(spec, fd)


def _load(
    spec: ProgramSpec,
    code: ctypes.Array[ctypes.c_char],
    type_fd: int,
    records: ctypes.Array[ctypes.c_char],
    count: int,
    object_fd: int,
) -> int:
    """Load relocated code, at first without a log, which is quicker; once more for the log when it is refused."""

    def attempt(log: ctypes.Array[ctypes.c_char] | None, level: int = 0) -> int:
        kind, attach_type = KERNEL_TYPES[spec.kind]
        if spec.expected_attach_type is not None:
            attach_type = spec.expected_attach_type
        attr = _LOAD_ATTR.pack(
            kind, len(code) // 8, address(code), address(_LICENSE),
            level, len(log) if log is not None else 0, address(log) if log is not None else 0,
            0, _SLEEPABLE if spec.sleepable else 0, kernel_name(spec.name), 0, attach_type,
            max(type_fd, 0), 8 if count else 0, address(records) if count else 0, count, 0, 0, 0,
            spec.attach_btf_id, max(object_fd, 0), 0,
        )  # fmt: skip
        return bpf(Command.PROG_LOAD, attr)

    try:
        return attempt(None)
    except OSError as first:
        code_of_error, text = first.errno or 0, ""
    for level, size in _LOGS[-1:] if code_of_error == errno.E2BIG else _LOGS:
        log = ctypes.create_string_buffer(size)
        try:
            return attempt(log, level)
        except OSError as again:
            text = log.value.decode(errors="replace")
            if again.errno != errno.ENOSPC:
                code_of_error = again.errno or 0
                break
    needed = (CAP_BPF, CAP_PERFMON)
    raise refusal(f"load the program {spec.name}", code_of_error, needed, text)


def load_btf(blob: bytes) -> int:
    """Give type information to the kernel; returns its descriptor. Raises `KernelRefused`."""
    data = ctypes.create_string_buffer(blob, len(blob))
    try:
        return bpf(Command.BTF_LOAD, struct.pack("<QQIII", address(data), 0, len(blob), 0, 0))
    except OSError as error:
        log = ctypes.create_string_buffer(1 << 16)
        try:
            return bpf(Command.BTF_LOAD, struct.pack("<QQIII", address(data), address(log), len(blob), len(log), 1))
        except OSError:
            text = log.value.decode(errors="replace")
            raise refusal("load type information", error.errno or 0, (CAP_BPF,), text) from None


def module_btf_fd(module: str) -> int:
    """Return a new descriptor of a kernel module's BTF object. Raises `KernelRefused` (ENOENT) when it has none."""
    identifier: int | None = 0
    while (identifier := next_id(Command.BTF_GET_NEXT_ID, identifier or 0)) is not None:
        try:
            fd = bpf(Command.BTF_GET_FD_BY_ID, struct.pack("<I", identifier))
        except FileNotFoundError:
            continue
        name = ctypes.create_string_buffer(64)
        raw = object_info(fd, 32, struct.pack("<QIIQII", 0, 0, 0, address(name), len(name), 0))
        (is_kernel,) = struct.unpack_from("<I", raw, 28)
        if is_kernel and name.value.decode(errors="replace") == module:
            return fd
        os.close(fd)
    raise KernelRefused(f"find the BTF of module {module}", errno.ENOENT)


def object_info(fd: int, size: int, initial: bytes = b"") -> bytes:
    """Return the kernel's record of a map, program, BTF or link, at most `size` bytes. Raises `OSError`."""
    info = ctypes.create_string_buffer(initial, size)
    bpf(Command.OBJ_GET_INFO_BY_FD, struct.pack("<IIQ", fd, size, address(info)))
    return info.raw


class RunStatistics:
    """While open, the kernel counts and times every run of every program (BPF_ENABLE_STATS, 5.8; some 20 ns a run)."""

    def __init__(self) -> None:
        try:
            self._fd = bpf(Command.ENABLE_STATS, struct.pack("<I", _STATS_RUN_TIME))
        except OSError as error:
            raise refusal("enable run statistics", error.errno or 0, (21,)) from None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> RunStatistics:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
