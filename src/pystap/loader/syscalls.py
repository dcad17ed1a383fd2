"""The system calls that Python has no name for: bpf(2), perf_event_open(2), ioctl(2) with numbers, membarrier(2).

Layouts and command numbers come from the kernel's linux/bpf.h and linux/perf_event.h (its stable user-space
interface). A call that fails raises `OSError`; callers that know what was being tried turn it into `KernelRefused`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from ..arch import x86_64 as machine
from ..lean import IntEnum, suppress

ATTR_SIZE = 168
"""Bytes of `union bpf_attr` passed. The kernel accepts a longer one than its own if the rest is zero."""


class Command(IntEnum):
    """`enum bpf_cmd`."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    PROG_LOAD = 5
    PROG_TEST_RUN = 10
    PROG_GET_NEXT_ID = 11
    MAP_GET_NEXT_ID = 12
    OBJ_GET_INFO_BY_FD = 15
    RAW_TRACEPOINT_OPEN = 17
    BTF_LOAD = 18
    BTF_GET_FD_BY_ID = 19
    MAP_LOOKUP_AND_DELETE_ELEM = 21
    MAP_FREEZE = 22
    BTF_GET_NEXT_ID = 23
    MAP_LOOKUP_BATCH = 24
    MAP_LOOKUP_AND_DELETE_BATCH = 25
    LINK_CREATE = 28
    LINK_GET_NEXT_ID = 31
    ENABLE_STATS = 32


PERF_EVENT_IOC_ENABLE = 0x2400
PERF_EVENT_IOC_DISABLE = 0x2401
PERF_EVENT_IOC_SET_BPF = 0x40042408
PERF_FLAG_FD_CLOEXEC = 8
PERF_ATTR_SIZE = 128
MEMBARRIER_CMD_GLOBAL = 1
_ARRAY, _ARRAY_OF_MAPS = 2, 12
_EAGAIN_LIMIT = 10

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall3 = ctypes.CFUNCTYPE(
    ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_long, use_errno=True
)(("syscall", _libc))
_BPF = machine.SYSCALL_BPF


def raise_errno() -> None:
    """Raise the `OSError` of the last failed call."""
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code))


def bpf_buffer(command: int, attr: ctypes.Array[ctypes.c_char], size: int) -> int:
    """Make the bpf(2) call `command` on a prepared attribute buffer; output fields are written back into it.

    Tries again while the kernel says EAGAIN: the verifier gives up so when a signal is pending. Raises `OSError`.
    """
    for _ in range(_EAGAIN_LIMIT):
        result: int = _syscall3(_BPF, command, attr, size)
        if result >= 0:
            return result
        if ctypes.get_errno() != errno.EAGAIN:
            break
    raise_errno()
    return -1


def bpf(command: int, attr: bytes) -> int:
    """Make the bpf(2) call `command` with an attribute whose output nobody reads. Raises `OSError`."""
    return bpf_buffer(command, ctypes.create_string_buffer(attr, ATTR_SIZE), ATTR_SIZE)


def address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    """Return where a buffer lies; the caller keeps it alive for as long as the kernel may use it."""
    return ctypes.addressof(buffer)


def perf_event_open(attr: bytes, pid: int, cpu: int, group_fd: int = -1) -> int:
    """Open a perf event, close-on-exec; returns the descriptor. Raises `OSError`."""
    buffer = ctypes.create_string_buffer(attr, PERF_ATTR_SIZE)
    result: int = _syscall(
        ctypes.c_long(machine.SYSCALL_PERF_EVENT_OPEN),
        buffer,
        ctypes.c_long(pid),
        ctypes.c_long(cpu),
        ctypes.c_long(group_fd),
        ctypes.c_ulong(PERF_FLAG_FD_CLOEXEC),
    )
    if result < 0:
        raise_errno()
    return result


def ioctl(fd: int, request: int, argument: int = 0) -> None:
    """Make an ioctl(2) call with a number for an argument. Raises `OSError`."""
    if _libc.ioctl(fd, ctypes.c_ulong(request), ctypes.c_ulong(argument)) < 0:
        raise_errno()


def wait_for_running_programs() -> None:
    """Return when every (non-sleepable) BPF program that was running at the call has ended.

    membarrier(MEMBARRIER_CMD_GLOBAL) waits for an RCU grace period, inside which such programs run; 8-16 ms. A kernel
    with nohz_full CPUs refuses it: there a change of a map of maps, which waits in the same way, stands in.
    """
    if _syscall(ctypes.c_long(machine.SYSCALL_MEMBARRIER), ctypes.c_long(MEMBARRIER_CMD_GLOBAL), ctypes.c_long(0)) < 0:
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise_errno()
        wait_by_map_of_maps()


def wait_by_map_of_maps() -> None:
    """Wait for an RCU grace period: the kernel does before it returns from an update of a map of maps."""
    fds = [bpf(Command.MAP_CREATE, struct.pack("<IIII", _ARRAY, 4, 4, 1))]
    try:
        fds.append(bpf(Command.MAP_CREATE, struct.pack("<IIIIII", _ARRAY_OF_MAPS, 4, 4, 1, 0, fds[0])))
        key = ctypes.create_string_buffer(4)
        value = ctypes.create_string_buffer(struct.pack("<i", fds[0]), 4)
        bpf(Command.MAP_UPDATE_ELEM, struct.pack("<IIQQQ", fds[1], 0, address(key), address(value), 0))
    finally:
        for fd in fds:
            os.close(fd)


def next_id(command: Command, start: int) -> int | None:
    """Return the object id after `start` (0 for the first) for a *_GET_NEXT_ID command; None at the end."""
    attr = ctypes.create_string_buffer(start.to_bytes(4, "little"), ATTR_SIZE)
    try:
        bpf_buffer(command, attr, ATTR_SIZE)
    except FileNotFoundError:
        return None
    return int.from_bytes(attr.raw[4:8], "little")


_memlock_raised = False


def raise_memlock_limit() -> None:
    """Lift RLIMIT_MEMLOCK once: kernels before 5.11 count map and program memory against it."""
    global _memlock_raised
    if _memlock_raised:
        return
    _memlock_raised = True
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))


def raise_file_limit(count: int) -> None:
    """Let this process have `count` more open files than its soft limit says, as far as it may."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + count
    for most in (max(hard, wanted), hard):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))
            return
