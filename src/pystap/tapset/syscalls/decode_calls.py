"""Decoders that belong to single calls: what depends on another argument, and parts of a structure."""

from __future__ import annotations

from . import Decoder, Memory, address, s32, u32
from .decode_basic import device, owner, quoted
from .decode_futex import FUTEX_USES, futex_third
from .decode_signals import signal
from .decode_time import timespec
from .names import widened

_O_CREAT, _S_IFMT, _S_IFCHR, _S_IFBLK = 0o100, 0o170000, 0o020000, 0o060000
"""include/uapi/asm-generic/fcntl.h, include/uapi/linux/stat.h"""
_MREMAP_FIXED = 2
_INET, _INET6 = 2, 10
_SHOWN = 32
_MOST_GROUPS = 65536
"""NGROUPS_MAX of include/uapi/linux/limits.h: the kernel takes no more."""


def no_flags() -> str:
    return "0x0"


def mknod_device(value: int, mode: int) -> str | None:
    """Return the device of mknod, which only a device file has."""
    return device(value) if mode & _S_IFMT in (_S_IFCHR, _S_IFBLK) else None


def remap_address(value: int, flags: int) -> str | None:
    """Return the new address of mremap, which counts only with MREMAP_FIXED."""
    return address(value) if flags & _MREMAP_FIXED else None


# ---------------------------------------------------------------------------------------------------- execve


def _strings(data: bytes) -> tuple[list[bytes], bool]:
    """Return the strings of an array of pointers, and whether there are more."""
    if data.endswith(b"\1"):
        return data[:-1].split(b"\0")[:-1] if b"\0" in data else [], True
    return data.split(b"\0")[:-1], False


def strings(value: int, data: bytes | None) -> str:
    """Return an array of strings: `["ls", "-l"]`."""
    if data is None:
        return address(value)
    known, more = _strings(data)
    return "[" + ", ".join([*(quoted(one) for one in known), *(["..."] if more else [])]) + "]"


def environment(value: int, data: bytes | None) -> str:
    """Return the environment: its address, and how many variables it has where that is known."""
    if data is None:
        return address(value)
    count = int.from_bytes(data[:8], "little")
    if len(data) > 8:
        return f"{address(value)} /* {count} vars or more */"
    return f"{address(value)} /* {count} var{'s' * (count != 1)} */"


# ------------------------------------------------------------------------------------------ socket addresses


# ---------------------------------------------------------------------------------------------------- others


def group_list(value: int, count: int, data: bytes | None) -> str:
    """Return a list of group ids."""
    if data is None or not 0 <= s32(count) <= _MOST_GROUPS:
        return address(value)
    known = [owner(int.from_bytes(data[i : i + 4], "little")) for i in range(0, len(data) // 4 * 4, 4)]
    return "[" + ", ".join(known + ["..."] * (u32(count) > len(known))) + "]"


def wait_status(value: int, data: bytes | None) -> str:
    """Return what wait4 says of a process, by the macros of wait(2) that hold."""
    if data is None:
        return address(value)
    status = int.from_bytes(data[:4], "little")
    if status & 0x7F == 0:
        return f"[WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}]"
    if status & 0xFF == 0x7F:
        return f"[WIFSTOPPED(s) && WSTOPSIG(s) == {signal(status >> 8 & 0xFF)}]"
    if status == 0xFFFF:
        return "[WIFCONTINUED(s)]"
    core = " && WCOREDUMP(s)" if status & 0x80 else ""
    return f"[WIFSIGNALED(s) && WTERMSIG(s) == {signal(status & 0x7F)}{core}]"


def process_name(value: int) -> str:
    """Return the name of the process that a signal went to; "" for a group, and when it is gone by now."""
    number = s32(value)
    if number <= 0:
        return ""
    try:
        with open(f"/proc/{number}/comm", encoding="latin-1") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def _uses(operation: int) -> str:
    return FUTEX_USES.get(operation & 0x7F, "vta3")


def futex_timeout(value: int, operation: int, data: bytes | None) -> str | None:
    """Return the fourth argument of futex: a time, a number, or None for operations without it."""
    uses = _uses(operation)
    if "t" in uses:
        return timespec.function(value, data)
    return str(u32(value)) if "n" in uses else None


def futex_timeout_32(value: int, operation: int, data: bytes | None) -> str | None:
    return futex_timeout(value, operation, data and widened(data, "ll"))


def futex_address(value: int, operation: int) -> str | None:
    return address(value) if "a" in _uses(operation) else None


def futex_value(value: int, operation: int) -> str | None:
    uses = _uses(operation)
    return futex_third(value, operation) if "3" in uses or "w" in uses else None


def fsconfig_value(value: int, command: int, data: bytes | None) -> str:
    """Return the value of fsconfig: a text where the command (FSCONFIG_SET_STRING, _PATH, _PATH_EMPTY) takes one."""
    return quoted(data) if u32(command) in (1, 3, 4) and data is not None else address(value)


def sysfs_argument(value: int, option: int, data: bytes | None) -> str:
    """Return an argument of sysfs: the name of a file system for option 1."""
    return quoted(data) if s32(option) == 1 and data is not None else address(value)


_ADDRESS = (Memory("bytes", 128, count=1),)
_TEXT = (Memory("text", 256),)
_NAME = (Memory("bytes", 64, count=1),)

DECODERS = (
    Decoder("no_flags", no_flags, width=3),
    Decoder("mknod_device", mknod_device, width=27),
    Decoder("remap_address", remap_address, width=18),
    Decoder("strings", strings, (Memory("texts", 896),)),
    Decoder("environment", environment, (Memory("pointers", 8),)),
    Decoder("group_list", group_list, (Memory("bytes", 4 * _SHOWN, count=1, each=4),)),
    Decoder("wait_status", wait_status, (Memory("bytes", 4),), compat=wait_status),
    Decoder("process_name", process_name, width=15),
    Decoder(
        "futex_timeout", futex_timeout, (Memory("bytes", 16),),
        compat=futex_timeout_32, compat_memory=(Memory("bytes", 8),),
    ),
    Decoder("futex_address", futex_address, width=18),
    Decoder("futex_value", futex_value),
    Decoder("fsconfig_value", fsconfig_value, _TEXT),
    Decoder("sysfs_argument", sysfs_argument, _TEXT),
)  # fmt: skip
