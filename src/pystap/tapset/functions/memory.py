"""Reading kernel and user memory (man function::kernel_long, function::user_string and their like).

A read is an operation of the language: rows expand to it, so that a kernel handler reads at the hit and a run-time
error has the place of the call.
"""

from __future__ import annotations

from typing import Literal

from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ...source import Span
from ..services import Services
from .text import string_quoted, text_strn

L, S = Type.LONG, Type.STRING
LONGEST = 1 << 16
"""More bytes than any string may have."""
_UNREADABLE = "\x01\x02unreadable"
"""What a string that could not be read is sent as, to be shown as its address."""


def expanded(rt: Services, *arguments: int | str) -> int:
    """Stands in rows that expand to another expression, which is evaluated instead."""
    raise AssertionError("an expanded function was called")


def _integer(name: str, size: Literal[1, 2, 4, 8], signed: bool, user: bool, otherwise: int | None) -> Builtin:
    def expand(span: Span, address: n.Expression) -> n.Expression:
        return n.ReadMemory(address, 0, size, signed, user, otherwise, span=span, type=L)

    return Builtin(name, (("addr", L),), L, Effect.CONTEXT, expanded, expands=expand)


def _limit(length: n.Expression | None) -> int:
    if isinstance(length, n.Constant) and isinstance(length.value, int) and length.value > 0:
        return length.value
    return LONGEST


def _read_text(
    span: Span, address: n.Expression, user: bool, length: n.Expression | None, otherwise: n.Expression | None
) -> n.Expression:
    """Return the string; a `length` that is not constant cuts what was read."""
    text = n.ReadString(address, _limit(length), user, otherwise, span=span, type=S)
    if length is None or isinstance(length, n.Constant):
        return text
    from . import lookup

    start = n.Constant(0, span=span, type=L)
    return n.BuiltinCall(lookup("substr")[0], [text, start, length], span=span, type=S)


def _text(name: str, user: bool, parameters: str, default: str | None = None) -> Builtin:
    """Return a row whose parameters are `addr`, then `n` if it is limited, then a text for unreadable memory."""
    names = parameters.split()
    limited = "n" in names
    message = names[-1] if names[-1].endswith("_msg") else ""

    def expand(span: Span, address: n.Expression, *rest: n.Expression) -> n.Expression:
        otherwise: n.Expression | None = n.Constant(default, span=span, type=S) if default is not None else None
        if message:
            otherwise = rest[-1]
        return _read_text(span, address, user, rest[0] if limited else None, otherwise)

    kinds = tuple((name, S if name == message else L) for name in names)
    return Builtin(name, kinds, S, Effect.CONTEXT, expanded, expands=expand)


def quoted_or_address(rt: Services, text: str, address: int, length: int) -> str:
    """Return text in quotes, at most `length` characters (0: as long as strings get), or the address it was not at."""
    if text == _UNREADABLE:
        return f"0x{address & (1 << 64) - 1:x}"
    return text_strn(rt, text, length, 1) if length else string_quoted(rt, text)


def _quoted(name: str, user: bool, parameters: str) -> Builtin:
    """Return a row for text in quotes; `n` or `inlen` limit what is read, `outlen` what is shown."""
    names = parameters.split()

    def expand(span: Span, address: n.Expression, *rest: n.Expression) -> n.Expression:
        from . import lookup

        unreadable = n.Constant(_UNREADABLE, span=span, type=S)
        text = _read_text(span, address, user, rest[0] if rest else None, unreadable)
        most = rest[1] if len(rest) > 1 else n.Constant(0, span=span, type=L)
        return n.BuiltinCall(lookup("_quoted_or_address")[0], [text, address, most], span=span, type=S)

    return Builtin(name, tuple((name, L) for name in names), S, Effect.CONTEXT, expanded, expands=expand)


_SIZES: tuple[tuple[str, Literal[1, 2, 4, 8], bool], ...] = (
    ("char", 1, True), ("short", 2, True), ("ushort", 2, False), ("int", 4, True), ("long", 8, True),
    ("ulong", 8, False), ("int8", 1, True), ("uint8", 1, False), ("int16", 2, True), ("uint16", 2, False),
    ("int32", 4, True), ("uint32", 4, False), ("int64", 8, True), ("uint64", 8, False),
)  # fmt: skip

ROWS = (
    _integer("kernel_char", 1, True, False, None),
    _integer("kernel_short", 2, True, False, None),
    _integer("kernel_int", 4, True, False, None),
    _integer("kernel_long", 8, True, False, None),
    _integer("kernel_pointer", 8, False, False, None),
    *(_integer(f"user_{name}", size, signed, True, 0) for name, size, signed in _SIZES),
    *(_integer(f"user_{name}_error", size, signed, True, None) for name, size, signed in _SIZES),
    _text("kernel_string", False, "addr"),
    _text("kernel_string", False, "addr err_msg"),
    _text("kernel_string2", False, "addr err_msg"),
    _text("kernel_string_n", False, "addr n"),
    _text("user_string", True, "addr"),
    _text("user_string", True, "addr err_msg"),
    _text("user_string2", True, "addr err_msg"),
    _text("user_string_n", True, "addr n"),
    _text("user_string_n", True, "addr n err_msg"),
    _text("user_string_n2", True, "addr n err_msg"),
    _text("user_string_nofault", True, "addr", ""),
    _text("user_string_n_nofault", True, "addr n", ""),
    _quoted("kernel_string_quoted", False, "addr"),
    _quoted("_kernel_string_n_quoted", False, "addr n"),
    _quoted("user_string_quoted", True, "addr"),
    _quoted("user_string_n_quoted", True, "addr n"),
    _quoted("user_string_n_quoted", True, "addr inlen outlen"),
    _quoted("user_string_n2_quoted", True, "addr inlen outlen"),
    Builtin(
        "_quoted_or_address", (("text", S), ("address", L), ("length", L)), S, Effect.PURE, quoted_or_address,
        width=lambda text, address, length: 4 * text + 20,
    ),
)  # fmt: skip
