"""Small eBPF programs written by hand, on a system call that hardly anything makes."""

from __future__ import annotations

import ctypes
import struct

from pystap.abi.event_layout import EVENTS_MAP
from pystap.abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec, Relocation, RelocationKind
from pystap.abi.map_layout import ADDS_MAP, CONTROL_MAP

RARE_SYSCALL = 148
"""sched_rr_get_interval."""

CONTROL = MapSpec(CONTROL_MAP, MapKind.ARRAY, 4, 4096, 1, mmapable=True)


def events_map(size: int) -> MapSpec:
    return MapSpec(EVENTS_MAP, MapKind.RINGBUF, 0, 0, size)


def adds_map(cpus: int) -> MapSpec:
    return MapSpec(ADDS_MAP, MapKind.ARRAY, 4, 2 * cpus * 64, 1, mmapable=True)


def make_rare_calls(count: int) -> None:
    call = ctypes.CDLL(None).syscall
    for _ in range(count):
        call(RARE_SYSCALL, 0, 0)


def _i(code: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("<BBhi", code, source << 4 | destination, offset, immediate)


def _assemble(parts: list[bytes | Relocation]) -> tuple[bytes, tuple[Relocation, ...]]:
    """Join instructions; a Relocation stands in front of the load it belongs to."""
    code, relocations = b"", []
    for part in parts:
        if isinstance(part, Relocation):
            relocations.append(Relocation(len(code), part.kind, part.symbol, part.addend))
        else:
            code += part
    return code, tuple(relocations)


def counting_program(cpus: int) -> ProgramSpec:
    """Adds 1 to cell 0 of its CPU's row of `adds` at every rare system call; `cpus` is a power of two."""
    code, relocations = _assemble([
        _i(0x79, 2, 1, 8), _i(0x55, 2, 0, 9, RARE_SYSCALL),
        _i(0x85, immediate=8), _i(0x57, 0, immediate=cpus - 1), _i(0x67, 0, immediate=6),
        Relocation(0, RelocationKind.MAP_VALUE, ADDS_MAP), _i(0x18, 3), bytes(8), _i(0x0F, 3, 0),
        _i(0xB7, 2, immediate=1), _i(0xDB, 3, 2), _i(0xB7, 0), _i(0xB7, 0), _i(0x95),
    ])  # fmt: skip
    return ProgramSpec("counting", ProgramKind.RAW_TRACEPOINT, code, relocations)


def sending_program() -> ProgramSpec:
    """Sends event 0 with the thread's pid_tgid at every rare system call, without a wake-up.

    A full buffer is counted as handler 0's LOST_EVENTS (control area, handlers at 1024).
    """
    code, relocations = _assemble([
        _i(0x79, 2, 1, 8), _i(0x55, 2, 0, 19, RARE_SYSCALL),
        Relocation(0, RelocationKind.MAP_FD, EVENTS_MAP), _i(0x18, 1), bytes(8),
        _i(0xB7, 2, immediate=16), _i(0xB7, 3), _i(0x85, immediate=131),
        _i(0x15, 0, 0, 9),
        _i(0xBF, 6, 0), _i(0x7A, 6, 0, 0, 0), _i(0x85, immediate=14), _i(0x7B, 6, 0, 8),
        _i(0xBF, 1, 6), _i(0xB7, 2, immediate=1), _i(0x85, immediate=132), _i(0xB7, 0), _i(0x95),
        Relocation(0, RelocationKind.MAP_VALUE, CONTROL_MAP, 1024 + 8 * 3), _i(0x18, 1), bytes(8),
        _i(0xB7, 2, immediate=1), _i(0xDB, 1, 2), _i(0xB7, 0), _i(0x95),
    ])  # fmt: skip
    return ProgramSpec("sending", ProgramKind.RAW_TRACEPOINT, code, relocations)
