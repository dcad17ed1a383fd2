"""Reads the formats of the print family into pieces (language reference, "printf").

printf("%-8s|%5d\\n", s, n)   ->   s with flag - and width 8, text "|", d with width 5, text "\\n"
"""

from __future__ import annotations

from collections.abc import Iterator

from ..lean import Literal

_CONVERSIONS = "diuxXopscbmM"
_SIZE_PREFIXES = "lhjztqL"


class BadFormat(ValueError):
    """A format that is not valid; the message says why."""


Piece = tuple[str, str, str, int | Literal["*"] | None, int | Literal["*"] | None, int]
"""Literal text, or a conversion of the next argument: the fields of `program.nodes.FormatPiece`, in their order."""


def read_format(text: str) -> Iterator[Piece]:
    """Yield the pieces of a format. Raises BadFormat."""
    literal = ""
    at = 0
    while at < len(text):
        if text[at] != "%":
            literal += text[at]
            at += 1
        elif text[at + 1 : at + 2] == "%":
            literal += "%"
            at += 2
        else:
            if literal:
                yield _text(literal)
                literal = ""
            piece, at = _conversion(text, at + 1)
            yield piece
    if literal:
        yield _text(literal)


def _text(literal: str) -> Piece:
    return ("", literal, "", None, None, 0)


def _conversion(text: str, at: int) -> tuple[Piece, int]:
    flags = ""
    while at < len(text) and text[at] in "-+ #0":
        flags += text[at]
        at += 1
    width, at = _number(text, at)
    precision: int | Literal["*"] | None = None
    if text[at : at + 1] == ".":
        precision, at = _number(text, at + 1)
        precision = 0 if precision is None else precision
    while at < len(text) and text[at] in _SIZE_PREFIXES:
        at += 1
    conversion = text[at : at + 1]
    if not conversion or conversion not in _CONVERSIONS:
        raise BadFormat("invalid or missing conversion specifier")
    size = 0
    if conversion == "b" and isinstance(width, int):
        if width not in (0, 1, 2, 4, 8):
            raise BadFormat("invalid width for %b (1, 2, 4 or 8)")
        size = width
    return (conversion, "", flags, width, precision, size), at + 1


def _number(text: str, at: int) -> tuple[int | Literal["*"] | None, int]:
    if text[at : at + 1] == "*":
        return "*", at + 1
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    return (int(text[at:end]) if end > at else None), end
