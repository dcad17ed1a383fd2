"""System V and POSIX interprocess communication.

Sources: linux/ipc.h, linux/shm.h, linux/msg.h, linux/sem.h, linux/mqueue.h.
"""

from __future__ import annotations

from . import Decoder, Memory, address
from .decode_basic import octal, quoted
from .names import MASK_32, MASK_64, SAME, Flags, Kept, Names, array, counted, signed, structure, values, widened

_COMMANDS = "IPC_RMID=0 IPC_SET=1 IPC_STAT=2 IPC_INFO=3 "
_MESSAGES = Names(_COMMANDS + "MSG_STAT=0xb MSG_INFO=0xc MSG_STAT_ANY=0xd")
_SEMAPHORES = Names(
    _COMMANDS
    + """
GETPID=0xb GETVAL=0xc GETALL=0xd GETNCNT=0xe GETZCNT=0xf SETVAL=0x10 SETALL=0x11 SEM_STAT=0x12 SEM_INFO=0x13
SEM_STAT_ANY=0x14
"""
)
_SHARED = Names(_COMMANDS + "SHM_LOCK=0xb SHM_UNLOCK=0xc SHM_STAT=0xd SHM_INFO=0xe SHM_STAT_ANY=0xf")
_IPC_64 = 0x100
"""Asks old kernels for the newer layout of structures; libraries set it, the kernel ignores it on x86-64."""


def _command(table: Names, value: int) -> str:
    number = value & MASK_32
    return ("IPC_64|" if number & _IPC_64 else "") + table[number & ~_IPC_64]


def message_command(value: int) -> str:
    return _command(_MESSAGES, value)


def semaphore_command(value: int) -> str:
    return _command(_SEMAPHORES, value)


def shared_command(value: int) -> str:
    return _command(_SHARED, value)


def ipc_key(value: int) -> str:
    """Return a key; 0 makes an object that no other process finds."""
    return f"0x{value & MASK_32:x}" if value & MASK_32 else "IPC_PRIVATE"


def _with_mode(flags: Flags, value: int) -> str:
    bits, mode = value & MASK_32 & ~0o777, octal(value & 0o777)
    return f"{flags[bits]}|{mode}" if bits else mode


_GET = Flags("IPC_CREAT=0x200 IPC_EXCL=0x400")
_GET_SHARED = Flags("IPC_CREAT=0x200 IPC_EXCL=0x400 SHM_HUGETLB=0x800 SHM_NORESERVE=0x1000")


@Kept
def ipc_flags(value: int) -> str:
    """Return the flags of msgget and semget: what to do, and the permissions."""
    return _with_mode(_GET, value)


@Kept
def shared_get_flags(value: int) -> str:
    """Return the flags of shmget; with SHM_HUGETLB the high bits are the binary logarithm of a page size."""
    size = value >> 26 & 0x3F if value & 0x800 else 0
    if not size:
        return _with_mode(_GET_SHARED, value)
    flags = _GET_SHARED[value & 0x3FFFE00]
    return f"{flags}|{size}<<SHM_HUGE_SHIFT|{octal(value & 0o777)}"


shared_attach_flags = Flags("SHM_RDONLY=0x1000 SHM_RND=0x2000 SHM_REMAP=0x4000 SHM_EXEC=0x8000")
ipc_message_flags = Flags("IPC_NOWAIT=0x800 MSG_NOERROR=0x1000 MSG_EXCEPT=0x2000 MSG_COPY=0x4000")
_OPERATION_FLAGS = Flags("IPC_NOWAIT=0x800 SEM_UNDO=0x1000")


@counted(96, each=6, narrow=SAME)
def semaphore_operations(data: bytes, count: int) -> str:
    """Return an array of struct sembuf: number, operation, flags."""
    shown = []
    for i in range(0, len(data) // 6 * 6, 6):
        number, flags = (int.from_bytes(data[j : j + 2], "little") for j in (i, i + 4))
        operation = int.from_bytes(data[i + 2 : i + 4], "little", signed=True)
        shown.append(f"{{sem_num={number}, sem_op={operation}, sem_flg={_OPERATION_FLAGS[flags]}}}")
    return array(shown, count)


@structure(32, narrow="llll")
def queue_attributes(data: bytes) -> str:
    """Return a struct mq_attr."""
    from .decode_files import open_flags

    flags, most, size, current = (signed(int.from_bytes(data[i : i + 8], "little"), 64) for i in (0, 8, 16, 24))
    shown = "0x0" if not flags else open_flags[flags].removeprefix("O_RDONLY|")
    return f"{{mq_flags={shown}, mq_maxmsg={most}, mq_msgsize={size}, mq_curmsgs={current}}}"


def attributes_if(value: int, flags: int, data: bytes | None) -> str | None:
    """Return the attributes of mq_open; None where no queue is to be made."""
    return queue_attributes.function(value, data) if flags & 0x40 else None


_SHOWN_BYTES = 32


def ipc_message(value: int, size: int, data: bytes | None) -> str:
    """Return a struct msgbuf: its type and the start of `size` bytes of text."""
    if data is None or len(data) < 8:
        return address(value)
    size &= MASK_64
    text = data[8 : 8 + min(size, _SHOWN_BYTES)]
    kind = int.from_bytes(data[:8], "little", signed=True)
    return f"{{mtype={kind}, mtext={quoted(text)}{'...' * (size > len(text))}}}"


def _message_32(value: int, size: int, data: bytes | None) -> str:
    return ipc_message(value, size, data and widened(data[:4], "l") + data[4:])


def _attributes_if_32(value: int, flags: int, data: bytes | None) -> str | None:
    return attributes_if(value, flags, data and widened(data, "llll"))


DECODERS = (
    *values(
        message_command=message_command, semaphore_command=semaphore_command, shared_command=shared_command,
        ipc_key=ipc_key, ipc_flags=ipc_flags, shared_get_flags=shared_get_flags,
        shared_attach_flags=shared_attach_flags, ipc_message_flags=ipc_message_flags,
    ),
    semaphore_operations, queue_attributes,
    Decoder(
        "queue_attributes_if", attributes_if, (Memory("bytes", 32),),
        compat=_attributes_if_32, compat_memory=(Memory("bytes", 16),),
    ),
    Decoder(
        "ipc_message", ipc_message, (Memory("bytes", 8 + _SHOWN_BYTES),),
        compat=_message_32, compat_memory=(Memory("bytes", 4 + _SHOWN_BYTES),),
    ),
)  # fmt: skip
