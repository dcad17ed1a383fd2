"""Signals and resource limits by name (tapset::signal, man function::rlimit_from_str).

Numbers: asm/signal.h and asm-generic/signal-defs.h, asm-generic/resource.h.
"""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ..services import Services
from ..tables import name_of, table_expansion, table_width

L, S = Type.LONG, Type.STRING

_NAMES = """
SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM
SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR
SIGSYS
"""
_REAL_TIME = ("SIGRTMIN", *(f"SIGRTMIN+{i}" for i in range(1, 32)), "SIGRTMAX")
SIGNALS = ("0", *_NAMES.split(), *_REAL_TIME)
"""By number, 0 to 64. The kernel's SIGRTMIN is 32."""
_UNKNOWN = "%d"

_FLAGS = (
    (0x1, "SA_NOCLDSTOP"),
    (0x2, "SA_NOCLDWAIT"),
    (0x4, "SA_SIGINFO"),
    (0x04000000, "SA_RESTORER"),
    (0x08000000, "SA_ONSTACK"),
    (0x10000000, "SA_RESTART"),
    (0x40000000, "SA_NODEFER"),
    (0x80000000, "SA_RESETHAND"),
)
_HANDLERS = {0: "SIG_DFL", 1: "SIG_IGN", -1: "SIG_ERR"}
_LIMITS = """
CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME
"""
LIMITS = {"RLIMIT_" + name: number for number, name in enumerate(_LIMITS.split())}


def flags_text(flags: tuple[tuple[int, str], ...], value: int) -> str:
    """Return the names of the bits that are set, in the order of `flags`, joined by `|`; the rest in hexadecimal."""
    names = [name for bit, name in flags if value & bit]
    rest = value & ~sum(bit for bit, _ in flags) & 0xFFFF_FFFF_FFFF_FFFF
    return "|".join([*names, f"0x{rest:x}"] if rest or not names else names)


def flags_width(flags: tuple[tuple[int, str], ...]) -> int:
    return sum(len(name) + 1 for _, name in flags) + 18


def signal_str(rt: Services, num: int) -> str:
    return name_of(SIGNALS, _UNKNOWN, num)


def sa_flags_str(rt: Services, value: int) -> str:
    return flags_text(_FLAGS, value)


def sa_handler_str(rt: Services, handler: int) -> str:
    """Return SIG_DFL, SIG_IGN or SIG_ERR, else the address of the handler."""
    return _HANDLERS.get(handler) or f"0x{handler & 0xFFFF_FFFF_FFFF_FFFF:x}"


def sigset_mask_str(rt: Services, mask: int) -> str:
    """Return the names of the signals in a set, joined by `|`; bit 0 stands for signal 1."""
    return "|".join(name_of(SIGNALS, _UNKNOWN, bit + 1) for bit in range(64) if mask >> bit & 1)


def rlimit_from_str(rt: Services, name: str) -> int:
    """Return 0 for RLIMIT_CPU and so on, -1 for an unknown name."""
    return LIMITS.get(name, -1)


ROWS = (
    Builtin(
        "signal_str", (("num", L),), S, Effect.PURE, signal_str,
        table_expansion(SIGNALS, _UNKNOWN), width=table_width(SIGNALS, _UNKNOWN),
    ),
    Builtin("sa_flags_str", (("sa_flags", L),), S, Effect.PURE, sa_flags_str, width=flags_width(_FLAGS)),
    Builtin("sa_handler_str", (("handler", L),), S, Effect.PURE, sa_handler_str, width=18),
    Builtin("sigset_mask_str", (("mask", L),), S, Effect.PURE, sigset_mask_str),
    Builtin("rlimit_from_str", (("lim_str", S),), L, Effect.PURE, rlimit_from_str),
)  # fmt: skip
