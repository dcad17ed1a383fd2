"""Strings: length, parts, search, conversion (man function::strlen and its like, tapset::string)."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.types import Type, wrap_long
from ..services import Services
from . import strings_ir as ir

L, S = Type.LONG, Type.STRING


def strlen(rt: Services, s: str) -> int:
    return len(s)


def substr(rt: Services, text: str, start: int, length: int) -> str:
    """Return at most `length` characters from `start` on; "" for a negative start or length."""
    if start < 0 or length <= 0:
        return ""
    return text[start : start + length]


def stringat(rt: Services, text: str, pos: int) -> int:
    """Return the character at `pos` as an unsigned byte, 0 outside the string."""
    return ord(text[pos]) if 0 <= pos < len(text) else 0


def isinstr(rt: Services, s1: str, s2: str) -> int:
    return int(s2 in s1)


def strpos(rt: Services, s1: str, s2: str) -> int:
    return s1.find(s2)


def str_replace(rt: Services, text: str, search: str, replacement: str) -> str:
    """Replace every occurrence, left to right; an empty `search` changes nothing."""
    return text.replace(search, replacement)[: rt.max_string] if search else text


def isdigit(rt: Services, text: str) -> int:
    return int("0" <= text[:1] <= "9")


def strtol(rt: Services, text: str, base: int) -> int:
    """Convert as the kernel's simple_strtol does (lib/vsprintf.c, lib/kstrtox.c).

    One `-`, no white space, no `+`; base 0 reads 0x and 0 prefixes, base 16 skips 0x; digits are 0-9a-f. It stops at
    the first character that is no digit and wraps on overflow. The base is taken as an unsigned 32-bit number.
    """
    base &= 0xFFFF_FFFF
    negative = text.startswith("-")
    at = int(negative)
    hexadecimal = text[at : at + 2] in ("0x", "0X")
    if base == 0:
        if text[at : at + 1] != "0":
            base = 10
        else:
            base = 16 if hexadecimal and _digit(text[at + 2 : at + 3]) < 16 else 8
    if base == 16 and hexadecimal:
        at += 2
    value = 0
    while (digit := _digit(text[at : at + 1])) < base and digit < 16:
        value = (value * base + digit) & 0xFFFF_FFFF_FFFF_FFFF
        at += 1
    return wrap_long(-value if negative else value)


def _digit(character: str) -> int:
    """Return the value of a digit, 16 for anything else."""
    if "0" <= character <= "9":
        return ord(character) - 48
    return "abcdef".find(character.lower()) + 10 if character and character in "abcdefABCDEF" else 16


def _first(width: int, *_: int) -> int:
    return width


ROWS = (
    Builtin("strlen", (("s", S),), L, Effect.PURE, strlen, ir.STRLEN),
    Builtin(
        "substr", (("str", S), ("start", L), ("length", L)), S, Effect.PURE, substr, ir.SUBSTR, width=_first
    ),
    Builtin("stringat", (("str", S), ("pos", L)), L, Effect.PURE, stringat, ir.STRINGAT),
    Builtin("isinstr", (("s1", S), ("s2", S)), L, Effect.PURE, isinstr, ir.ISINSTR),
    Builtin("strpos", (("s1", S), ("s2", S)), L, Effect.PURE, strpos, ir.STRPOS),
    Builtin(
        "str_replace", (("prnt_str", S), ("srch_str", S), ("rplc_str", S)), S, Effect.PURE, str_replace,
        width=lambda text, search, replacement: text * max(replacement, 1),
    ),
    Builtin("isdigit", (("str", S),), L, Effect.PURE, isdigit, ir.ISDIGIT),
    Builtin("strtol", (("str", S), ("base", L)), L, Effect.PURE, strtol, ir.STRTOL),
)  # fmt: skip
