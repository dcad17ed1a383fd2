"""Small eBPF programs that the session runs itself (BPF_PROG_TEST_RUN): taking a lock, reading kernel memory.

They are raw-tracepoint programs, loaded only when they are needed. The instructions are written by hand, so that no
compiler is needed at run time (kernel: Documentation/bpf/instruction-set.rst). An argument lies at 8 * its number
from the context pointer in r1.
"""

from __future__ import annotations

import os
import struct
import time

from ..abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec, Relocation, RelocationKind
from ..abi.map_layout import CONTROL_MAP, USER_HOLDS
from ..loader.image import LoadedImage
from ..loader.programs import Program, context_buffer

_PROBE_READ_KERNEL, _GET_CURRENT_TASK = 113, 35
_BUFFER_MAP, _BUFFER_SIZE = "read_buffer", 4096
_LOAD_DW, _LOAD_IMMEDIATE, _STORE_DW = 0x79, 0x18, 0x7B
_MOVE, _MOVE_IMMEDIATE = 0xBF, 0xB7
_JUMP_NOT_EQUAL, _JUMP_GREATER_IMMEDIATE = 0x5D, 0x25
_ATOMIC_DW, _COMPARE_EXCHANGE = 0xDB, 0xF1
_CALL, _EXIT = 0x85, 0x95


def _instruction(code: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("<BBhi", code, source << 4 | destination, offset, immediate)


def lock_program(offset: int) -> ProgramSpec:
    """Return a program (expected, new) that sets the word at byte `offset` of the control map from one to the other.

    Its result is 1 when the word was `expected`, else 0.
    """
    code = b"".join([
        _instruction(_LOAD_DW, 0, 1, 0),
        _instruction(_LOAD_DW, 2, 1, 8),
        _instruction(_MOVE, 4, 0),
        _instruction(_LOAD_IMMEDIATE, 3), bytes(8),
        _instruction(_ATOMIC_DW, 3, 2, 0, _COMPARE_EXCHANGE),
        _instruction(_JUMP_NOT_EQUAL, 0, 4, 2),
        _instruction(_MOVE_IMMEDIATE, 0, immediate=1),
        _instruction(_EXIT),
        _instruction(_MOVE_IMMEDIATE, 0, immediate=0),
        _instruction(_EXIT),
    ])  # fmt: skip
    relocation = Relocation(24, RelocationKind.MAP_VALUE, CONTROL_MAP, offset)
    return ProgramSpec("stap_lock", ProgramKind.RAW_TRACEPOINT, code, (relocation,))


def read_program() -> ProgramSpec:
    """Return a program (address, size) that copies kernel memory into the buffer map; its result is 0 on success."""
    code = b"".join([
        _instruction(_LOAD_DW, 3, 1, 0),
        _instruction(_LOAD_DW, 2, 1, 8),
        _instruction(_JUMP_GREATER_IMMEDIATE, 2, 0, 4, _BUFFER_SIZE),
        _instruction(_LOAD_IMMEDIATE, 1), bytes(8),
        _instruction(_CALL, immediate=_PROBE_READ_KERNEL),
        _instruction(_EXIT),
        _instruction(_MOVE_IMMEDIATE, 0, immediate=-1),
        _instruction(_EXIT),
    ])  # fmt: skip
    relocation = Relocation(24, RelocationKind.MAP_VALUE, _BUFFER_MAP, 0)
    return ProgramSpec("stap_read", ProgramKind.RAW_TRACEPOINT, code, (relocation,))


def task_program() -> ProgramSpec:
    """Return a program that puts the address of the current task's task_struct into the buffer map."""
    code = b"".join([
        _instruction(_CALL, immediate=_GET_CURRENT_TASK),
        _instruction(_LOAD_IMMEDIATE, 1), bytes(8),
        _instruction(_STORE_DW, 1, 0),
        _instruction(_MOVE_IMMEDIATE, 0, immediate=0),
        _instruction(_EXIT),
    ])  # fmt: skip
    relocation = Relocation(8, RelocationKind.MAP_VALUE, _BUFFER_MAP, 0)
    return ProgramSpec("stap_task", ProgramKind.RAW_TRACEPOINT, code, (relocation,))


class SessionLock:
    """One of the locks that guard shared globals, as the session takes it.

    Where the kernel has no compare-and-swap (5.10), the lock is a BPF stack map `lock_N` that holds one token: who
    pops it holds the lock.
    """

    def __init__(self, image: LoadedImage, number: int, offset: int) -> None:
        self._image = image
        self._map = image.maps.get(f"lock_{number}")
        self._offset = offset
        self._program: Program | None = None
        self._take = context_buffer(2)
        self._token = b""
        struct.pack_into("<QQ", self._take, 0, 0, USER_HOLDS)

    def acquire(self, patience: float = 1.0) -> bool:
        """Take the lock; False when it could not be had within `patience` seconds.

        Kernel handlers hold it for microseconds, longer only when the task that runs one is preempted. Raises
        `KernelRefused` when the program cannot be loaded.
        """
        deadline = 0.0
        pause = 0.0
        while not self._try():
            now = time.monotonic()
            deadline = deadline or now + patience
            if now > deadline:
                return False
            time.sleep(pause)
            pause = min(pause + 0.0001, 0.005)
        return True

    def _try(self) -> bool:
        if self._map is not None and self._map.spec.kind is MapKind.STACK:
            token = self._map.pop()
            if token is None:
                return False
            self._token = token
            return True
        if self._program is None:
            self._program = self._image.add_program(lock_program(self._offset))
        return self._program.run(self._take) == 1

    def release(self, words: memoryview[int]) -> None:
        """Let go of the lock; `words` are the 64-bit words of the mapped control map."""
        if self._map is not None and self._map.spec.kind is MapKind.STACK:
            self._map.push(self._token)
        else:
            words[self._offset // 8] = 0


class MemoryReader:
    """Reads kernel memory through a program, and user memory through /proc/PID/mem."""

    def __init__(self) -> None:
        self._image: LoadedImage | None = None
        self._arguments = context_buffer(2)

    def _loaded(self) -> LoadedImage:
        if self._image is None:
            image = LoadedImage()
            try:
                image.add_map(MapSpec(_BUFFER_MAP, MapKind.ARRAY, 4, _BUFFER_SIZE, 1, mmapable=True))
                image.add_program(read_program())
            except BaseException:
                image.close()
                raise
            self._image = image
        return self._image

    def current_task(self) -> int:
        """Return the address of the caller's task_struct. Raises `KernelRefused`."""
        image = self._loaded()
        if "stap_task" not in image.programs:
            image.add_program(task_program())
        image.programs["stap_task"].run(self._arguments)
        return int.from_bytes(image.maps[_BUFFER_MAP].mapping().memory[:8], "little", signed=True)

    def read_kernel(self, address: int, size: int) -> bytes | None:
        """Return `size` bytes at an address, None when they cannot be read. Raises `KernelRefused` (no right)."""
        image = self._loaded()
        memory = image.maps[_BUFFER_MAP].mapping().memory
        run = image.programs["stap_read"].run
        pieces = []
        for start in range(0, size, _BUFFER_SIZE):
            part = min(size - start, _BUFFER_SIZE)
            struct.pack_into("<QQ", self._arguments, 0, (address + start) & 0xFFFF_FFFF_FFFF_FFFF, part)
            if run(self._arguments) != 0:
                return None
            pieces.append(memory[:part])
        return b"".join(pieces)

    def read_user(self, pid: int, address: int, size: int) -> bytes | None:
        """Return `size` bytes at an address of a process, None when they cannot be read (any more)."""
        try:
            fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            data = os.pread(fd, size, address)
        except (OSError, OverflowError):
            return None
        finally:
            os.close(fd)
        return data if len(data) == size else None

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
            self._image = None
