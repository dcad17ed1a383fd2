"""The few bpf(2) calls that tell from outside when a tool's program runs (include/uapi/linux/bpf.h)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterator

_NR_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
_PROG_GET_NEXT_ID, _PROG_GET_FD_BY_ID, _OBJ_GET_INFO_BY_FD, _ENABLE_STATS = 11, 13, 15, 32
_INFO_SIZE = 208  # of struct bpf_prog_info, up to and with run_cnt
_RUN_COUNT_OFFSET = 200

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = _libc.syscall(_NR_BPF, command, buffer, 128)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result, buffer.raw


def last_program_id() -> int:
    """The highest id of a loaded program; later ones get higher ids."""
    return max(program_ids(0), default=0)


def program_ids(after: int) -> Iterator[int]:
    """The ids of the loaded programs above `after`, ascending."""
    while True:
        try:
            after = struct.unpack_from("=4xI", _bpf(_PROG_GET_NEXT_ID, struct.pack("=I", after))[1])[0]
        except FileNotFoundError:
            return
        yield after


def run_count(program: int) -> int:
    """How often a program ran while `run_statistics` were on; 0 when it is gone."""
    try:
        descriptor, _ = _bpf(_PROG_GET_FD_BY_ID, struct.pack("=I", program))
    except FileNotFoundError:
        return 0
    try:
        info = ctypes.create_string_buffer(_INFO_SIZE)
        _bpf(_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", descriptor, _INFO_SIZE, ctypes.addressof(info)))
        return int(struct.unpack_from("=Q", info, _RUN_COUNT_OFFSET)[0])
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def run_statistics() -> Iterator[None]:
    """Have the kernel count program runs. It costs time at every run: never on while a cost is measured."""
    descriptor, _ = _bpf(_ENABLE_STATS, struct.pack("=I", 0))
    try:
        yield
    finally:
        os.close(descriptor)


def held_programs(session: int) -> set[int]:
    """The ids of the programs that the processes of a session hold, directly or by a link or perf event."""
    held: set[int] = set()
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.getsid(int(process)) == session:
                for descriptor in os.listdir(f"/proc/{process}/fdinfo"):
                    held.update(_program_of(f"/proc/{process}/fdinfo/{descriptor}"))
    return held


def _program_of(fdinfo: str) -> list[int]:
    with contextlib.suppress(OSError), open(fdinfo) as stream:
        return [int(line.split()[1]) for line in stream if line.startswith("prog_id:")]
    return []
