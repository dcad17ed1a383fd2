"""The names of system calls: which calls a name means, and what a call is called.

A call is known by its number, COMPAT_CALL added to that of a call through a 32-bit entry.
"""

from __future__ import annotations

from functools import cache

from ...arch.x86_64_syscall_names import COMPAT, NATIVE, NOT_HERE, SHOWN
from ...arch.x86_64_syscalls import SYSCALLS, SYSCALLS_32
from ...program.user_memory import COMPAT_CALL
from .tables import Call, call, described


@cache
def call_names() -> tuple[str, ...]:
    """Return the names that `syscall.NAME` may have, sorted: SystemTap's, then also the kernel's own."""
    return tuple(sorted({*SYSCALLS, *NATIVE, *COMPAT, *_only_compat(), *NOT_HERE, *described()}))


def _only_compat() -> set[str]:
    """Return the kernel's names of 32-bit calls that no other name covers."""
    covered = {kernel for names in COMPAT.values() for kernel in names.split()}
    return {name for name in SYSCALLS_32 if name not in covered}


@cache
def call_numbers(name: str) -> frozenset[int] | None:
    """Return the calls that a name stands for on this machine; None when it is no name of a call."""
    if name in NOT_HERE:
        return frozenset()
    native = NATIVE.get(name, name if not name.startswith("compat_") else "").split()
    compat = COMPAT.get(name)
    if compat is None:  # the kernel's name, unless compat_NAME means it
        compat = "" if f"compat_{name}" in COMPAT or f"compat_sys_{name}" in COMPAT else name
    numbers = {SYSCALLS[kernel] for kernel in native if kernel in SYSCALLS}
    numbers |= {SYSCALLS_32[kernel] + COMPAT_CALL for kernel in compat.split() if kernel in SYSCALLS_32}
    return frozenset(numbers) if numbers or name in COMPAT or name in NATIVE else None


def _shown(kernel: str, compat: bool) -> str:
    name = SHOWN.get(kernel, kernel)
    if compat and name not in SYSCALLS:
        for suffix in ("_time64", "32", "64"):
            short = name.removesuffix(suffix)
            if short in SYSCALLS and name not in COMPAT:
                return short
    return name


@cache
def name_table(compat: bool) -> tuple[str, ...]:
    """Return the name of each number, `syscall_N` (`syscall32_N`) where there is none."""
    numbers = SYSCALLS_32 if compat else SYSCALLS
    unknown = "syscall32_" if compat else "syscall_"
    table = [f"{unknown}{number}" for number in range(max(numbers.values()) + 1)]
    for kernel, number in numbers.items():
        table[number] = _shown(kernel, compat)
    return tuple(table)


def shown_name(number: int) -> str:
    """Return what `name` is for a call: `syscall_N` or, through a 32-bit entry, `syscall32_N` where it has no name."""
    compat = number >= COMPAT_CALL
    table, index = name_table(compat), number - COMPAT_CALL if compat else number
    if 0 <= index < len(table):
        return table[index]
    return f"syscall32_{index}" if compat else f"syscall_{index}"


@cache
def _owners() -> dict[int, str]:
    """Return the described call that each number belongs to: that of its shown name, or a group that has it."""
    owners: dict[int, str] = {}
    for name in described():
        for number in call_numbers(name) or ():
            if number not in owners or shown_name(number) == name:
                owners[number] = name
    return owners


@cache
def call_of_number(number: int) -> Call | None:
    """Return the row of a call; None for one that has none."""
    name = _owners().get(number)
    return call(name, number >= COMPAT_CALL) if name is not None else None


@cache
def _kernel_names_32() -> dict[int, str]:
    return {number: name for name, number in SYSCALLS_32.items()}


_NEW = ("clock_gettime64", "clock_settime64", "clock_adjtime64", "timer_gettime64", "timer_settime64",
        "timerfd_gettime64", "timerfd_settime64")  # fmt: skip


def new_layout(number: int) -> bool:
    """Tell whether a 32-bit call has the structures of 64-bit calls: those with 64-bit times."""
    if number < COMPAT_CALL:
        return False
    name = _kernel_names_32().get(number - COMPAT_CALL, "")
    return name.endswith("_time64") or name in _NEW


_CHANGING = (
    "execve", "execveat",
    "adjtimex", "capget", "clock_adjtime", "copy_file_range", "io_uring_setup", "name_to_handle_at", "ppoll",
    "pselect6", "recvmmsg", "select", "sendfile", "sendfile64", "splice",
)  # fmt: skip
"""Calls that replace the program, and with it what their arguments point to, and that write to what they are passed."""


@cache
def changing() -> frozenset[int]:
    """Return the calls whose arguments cannot be read at their return any more, as they were passed."""
    native = {number for kernel, number in SYSCALLS.items() if _shown(kernel, False) in _CHANGING}
    compat = {number + COMPAT_CALL for kernel, number in SYSCALLS_32.items() if _shown(kernel, True) in _CHANGING}
    return frozenset(native | compat)
