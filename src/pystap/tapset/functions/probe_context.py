"""What a handler asks of its own probe, and what only i386 kernels and kernel modules need (tapset::context)."""

from __future__ import annotations

from ...arch import x86_64 as arch
from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ...source import Span
from ..services import Services
from .memory import expanded

L, S = Type.LONG, Type.STRING


def saved(field: str, span: Span) -> n.Expression:
    """Return a register by the name of its field in pt_regs."""
    return n.ContextValue(n.ContextKind.REGISTER, arch.PT_REGS_OFFSETS[field] // 8, span=span, type=L)


_LINES = (
    ("RIP", "ip"), ("RSP", "sp"), ("EFLAGS", "flags"), ("RAX", "ax"), ("RBX", "bx"), ("RCX", "cx"), ("RDX", "dx"),
    ("RSI", "si"), ("RDI", "di"), ("RBP", "bp"), ("R08", "r8"), ("R09", "r9"), ("R10", "r10"), ("R11", "r11"),
    ("R12", "r12"), ("R13", "r13"), ("R14", "r14"), ("R15", "r15"), ("CS", "cs"), ("SS", "ss"),
)  # fmt: skip


def print_regs(span: Span) -> n.Expression:
    """Return what prints all registers, three in a line."""
    pieces: list[n.FormatPiece] = []
    for index, (name, _) in enumerate(_LINES):
        pieces.append(n.FormatPiece("", f"{name}: "))
        pieces.append(n.FormatPiece("x", "", "0", 16))
        last = index % 3 == 2 or index == len(_LINES) - 1
        pieces.append(n.FormatPiece("", "\n" if last else " "))
    return n.Format(pieces, [saved(field, span) for _, field in _LINES], True, span=span, type=Type.UNKNOWN)


def nothing(rt: Services, *arguments: int) -> None:
    """Do nothing: on x86_64 arguments are where they are."""


def probe_text(rt: Services) -> str:
    return ""


def probe_number(rt: Services) -> int:
    return 0


def pn(rt: Services) -> str:
    return rt.probe_point


def eight(rt: Services) -> int:
    return 8


def module_name(rt: Services) -> str:
    """Return the name that the session's module would have: it is unique to the session."""
    import os

    return f"stap_{os.getpid()}"


def module_size(rt: Services) -> str:
    """Return "": there is no kernel module."""
    return ""


ROWS = (
    Builtin("print_regs", (), None, Effect.ACTION, expanded, expands=print_regs),
    Builtin("asmlinkage", (), None, Effect.ACTION, nothing),
    Builtin("fastcall", (), None, Effect.ACTION, nothing),
    Builtin("regparm", (("n", L),), None, Effect.ACTION, nothing),
    Builtin("pn", (), S, Effect.CONTEXT, pn),
    Builtin("pnlabel", (), S, Effect.CONTEXT, probe_text),
    Builtin("probe_type", (), S, Effect.CONTEXT, probe_text),
    Builtin("is_return", (), L, Effect.CONTEXT, probe_number),
    Builtin("user_mode", (), L, Effect.CONTEXT, probe_number),
    Builtin("returnval", (), L, Effect.CONTEXT, probe_number),
    Builtin("arch_bytes", (), L, Effect.PURE, eight),
    Builtin("module_name", (), S, Effect.PURE, module_name, varies=True, width=32),
    Builtin("module_size", (), S, Effect.PURE, module_size, varies=True, width=0),
)
