"""Names and numbers of system calls (tapset::syscall_table), as the kernel and SystemTap have them."""

from __future__ import annotations

from ...arch import x86_64 as arch
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ..services import Services

L, S = Type.LONG, Type.STRING


def syscall_name(rt: Services, num: int) -> str:
    """Return the name of a system call, "" for an unknown number."""
    from ...arch.x86_64_syscalls import SYSCALL_NAMES

    return SYSCALL_NAMES.get(num, "")


def syscall_num(rt: Services, name: str) -> int:
    """Return the number of a system call, -1 for an unknown name."""
    number = arch.syscall_number(name)
    return -1 if number is None else number


ROWS = (
    Builtin("syscall_name", (("num", L),), S, Effect.PURE, syscall_name, width=32),
    Builtin("syscall_num", (("name", S),), L, Effect.PURE, syscall_num),
)
