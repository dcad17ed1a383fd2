"""Reads the formats of the print family into pieces (language reference, "printf").

printf("%-8s|%5d\\n", s, n)   ->   s with flag - and width 8, text "|", d with width 5, text "\\n"
"""

from __future__ import annotations

from typing import Literal

from ..diagnostics import Diagnostic, ScriptError
from ..program.nodes import FormatPiece
from ..source import Span

_CONVERSIONS = "diuxXopscbmM"
_SIZES = {"1": 1, "2": 2, "4": 4, "8": 8}


def text_piece(text: str) -> FormatPiece:
    return FormatPiece("", text)


def value_piece() -> FormatPiece:
    """Return the piece that shows a value by its type; inference turns `?` into `d` or `s`."""
    return FormatPiece("?")


def read_format(text: str, span: Span) -> list[FormatPiece]:
    """Return the pieces of a format; raises ScriptError for one that is not valid."""
    pieces: list[FormatPiece] = []
    literal = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char != "%":
            literal += char
            at += 1
        elif text[at + 1 : at + 2] == "%":
            literal += "%"
            at += 2
        else:
            if literal:
                pieces.append(text_piece(literal))
                literal = ""
            piece, at = _conversion(text, at + 1, span)
            pieces.append(piece)
    if literal:
        pieces.append(text_piece(literal))
    return pieces


def _conversion(text: str, at: int, span: Span) -> tuple[FormatPiece, int]:
    flags = ""
    while at < len(text) and text[at] in "-+ #0":
        flags += text[at]
        at += 1
    width, at = _number(text, at)
    precision: int | Literal["*"] | None = None
    if text[at : at + 1] == ".":
        precision, at = _number(text, at + 1)
        precision = 0 if precision is None else precision
    while text[at : at + 1] in ("l", "h", "j", "z", "t", "q", "L") and text[at : at + 1]:
        at += 1
    conversion = text[at : at + 1]
    if not conversion or conversion not in _CONVERSIONS:
        raise ScriptError(Diagnostic("parse error", "invalid or missing conversion specifier", span, "format string"))
    size = 0
    if conversion in "b" and isinstance(width, int) and width not in (0, 1, 2, 4, 8):
        message = "invalid width for %b (1, 2, 4 or 8)"
        raise ScriptError(Diagnostic("parse error", message, span, "format string"))
    if conversion == "b" and isinstance(width, int):
        size = width
    return FormatPiece(conversion, "", flags, width, precision, size), at + 1


def _number(text: str, at: int) -> tuple[int | Literal["*"] | None, int]:
    if text[at : at + 1] == "*":
        return "*", at + 1
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    return (int(text[at:end]) if end > at else None), end
