"""The constants that `@const("NAME")` knows.

SystemTap compiles the text as C against kernel headers. Here a name is looked up in the modules of Python that carry
the C library's constants (errno, signal, socket, fcntl, mmap, os, resource, stat, select), in a table for those that
Python lacks, and among the kernel's enumerators; `|`, `+` and `<<` of names and numbers are computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_MODULES = ("errno", "signal", "socket", "fcntl", "mmap", "os", "resource", "stat", "select")

_MORE = {
    # include/uapi/linux/sched.h
    "CLONE_VM": 0x100, "CLONE_FS": 0x200, "CLONE_FILES": 0x400, "CLONE_SIGHAND": 0x800, "CLONE_PIDFD": 0x1000,
    "CLONE_PTRACE": 0x2000, "CLONE_VFORK": 0x4000, "CLONE_PARENT": 0x8000, "CLONE_THREAD": 0x10000,
    "CLONE_NEWNS": 0x20000, "CLONE_SYSVSEM": 0x40000, "CLONE_SETTLS": 0x80000, "CLONE_NEWCGROUP": 0x2000000,
    "CLONE_NEWUTS": 0x4000000, "CLONE_NEWIPC": 0x8000000, "CLONE_NEWUSER": 0x10000000, "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000, "CLONE_IO": 0x80000000,
    # include/uapi/linux/futex.h
    "FUTEX_WAIT": 0, "FUTEX_WAKE": 1, "FUTEX_FD": 2, "FUTEX_REQUEUE": 3, "FUTEX_CMP_REQUEUE": 4, "FUTEX_WAKE_OP": 5,
    "FUTEX_LOCK_PI": 6, "FUTEX_UNLOCK_PI": 7, "FUTEX_TRYLOCK_PI": 8, "FUTEX_WAIT_BITSET": 9, "FUTEX_WAKE_BITSET": 10,
    "FUTEX_PRIVATE_FLAG": 128, "FUTEX_CLOCK_REALTIME": 256,
    # include/linux/sched.h
    "TASK_RUNNING": 0, "TASK_INTERRUPTIBLE": 1, "TASK_UNINTERRUPTIBLE": 2, "TASK_COMM_LEN": 16,
    # include/uapi/linux/limits.h
    "PATH_MAX": 4096, "NAME_MAX": 255,
    # include/uapi/asm-generic/fcntl.h (64 bit)
    "S_IFMT": 0o170000, "O_PATH": 0o10000000, "O_TMPFILE": 0o20200000, "AT_FDCWD": -100,
}  # fmt: skip


def constant(text: str, enumerator: Callable[[str], int | None] = lambda _: None) -> int | None:
    """Return the value of a constant expression of names, numbers and `| + <<`; None for what is not known.

    `enumerator` knows names that are not found here.
    """
    total: int | None = None
    for operator, term in re.findall(r"(^|\||\+|<<)\s*([^|+<]+)", text.strip()):
        value = _term(term.strip().strip("()").strip(), enumerator)
        if value is None:
            return None
        if total is None:
            total = value
        elif operator == "|":
            total |= value
        elif operator == "+":
            total += value
        else:
            total <<= value
    return total


def _term(name: str, enumerator: Callable[[str], int | None]) -> int | None:
    number = re.fullmatch(r"(-?(?:0[xX][0-9a-fA-F]+|\d+))[uUlL]*", name)
    if number:
        digits = number[1]
        return int(digits, 8) if re.fullmatch(r"-?0[0-7]+", digits) else int(digits, 0)
    if name in _MORE:
        return _MORE[name]
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        return None
    from importlib import import_module

    for module in _MODULES if name.isupper() else ():
        value = getattr(import_module(module), name, None)
        if isinstance(value, int):
            return int(value)
    return enumerator(name)
