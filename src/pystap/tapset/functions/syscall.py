"""How system call probes show arguments and results (`argstr`, `retstr`); internal names start with an underscore."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ..services import Services

_NEGATIVE_ERRNO_LIMIT = -4095
"""Results from here to -1 are error numbers (MAX_ERRNO in include/linux/err.h)."""


def argument_count(number: int) -> int:
    """Return how many arguments a system call takes; 6 where the number has no entry."""
    global _counts
    if not _counts:
        from ...arch.x86_64_syscall_arguments import ARGUMENTS
        from ...arch.x86_64_syscalls import SYSCALLS

        _counts = {SYSCALLS[name]: len(arguments) for name, arguments in ARGUMENTS.items()}
    return _counts.get(number, 6)


_counts: dict[int, int] = {}


def _value(value: int) -> str:
    return str(value) if -4096 <= value < 65536 else hex(value & (1 << 64) - 1)


def syscall_argstr(rt: Services, number: int, *arguments: int) -> str:
    """Return the arguments of a call as text, untyped: small numbers in decimal, others in hex."""
    return ", ".join(map(_value, arguments[: argument_count(number)]))


def syscall_retstr(rt: Services, result: int) -> str:
    """Return the result of a call as text, an error with its name: `-2 (ENOENT)`."""
    if _NEGATIVE_ERRNO_LIMIT <= result < 0:
        from .errno import errno_name

        name = errno_name(-result)
        return f"{result} ({name})" if name else str(result)
    return _value(result)


_LONGS = tuple((name, Type.LONG) for name in ("number", "a0", "a1", "a2", "a3", "a4", "a5"))

ROWS = (
    Builtin("_syscall_argstr", _LONGS, Type.STRING, Effect.PURE, syscall_argstr, width=6 * 22),
    Builtin("_syscall_retstr", (("result", Type.LONG),), Type.STRING, Effect.PURE, syscall_retstr, width=40),
)
