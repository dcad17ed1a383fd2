"""Text made safe to print, and cut into tokens (man function::text_str, function::tokenize)."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..services import Services

L, S = Type.LONG, Type.STRING
_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\"
}  # fmt: skip


def _escaped(character: str) -> str:
    """Return a printable ASCII character as it is, others as a C escape: two characters or three octal digits."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if " " <= character <= "~" else f"\\{ord(character):03o}"


def _printable(rt: Services, text: str, length: int, quoted: bool) -> str:
    """Return `text` escaped, at most `length` characters; quoted and cut short it ends in `"...`."""
    if not 0 < length <= rt.max_string:
        length = rt.max_string
    room = max(length, 5) - 2 if quoted else length
    result = ""
    complete = True
    for character in text:
        piece = _escaped(character)
        if len(result) + len(piece) > room:
            complete = False
            break
        result += piece
    if not quoted:
        return result
    return f'"{result}"' if complete else f'"{result[: room - 3]}"...'


def text_str(rt: Services, text: str) -> str:
    return _printable(rt, text, 0, False)


def text_strn(rt: Services, text: str, length: int, quoted: int) -> str:
    return _printable(rt, text, length, quoted != 0)


def string_quoted(rt: Services, text: str) -> str:
    return _printable(rt, text, 0, True)


class Tokens:
    """What tokenize() has left of the last string it was given."""

    def __init__(self) -> None:
        self.rest = ""


def tokenize_next(rt: Services, delimiters: str) -> str:
    """Return the next token that is not empty of the string given before; "" when there is none."""
    tokens = rt.state(Tokens)
    rest = tokens.rest.lstrip(delimiters)
    end = next((i for i, character in enumerate(rest) if character in delimiters), len(rest))
    tokens.rest = rest[end + 1 :]
    return rest[:end]


def tokenize(rt: Services, text: str, delimiters: str) -> str:
    """Start over with `text` unless it is empty, then return the next token."""
    if text:
        rt.state(Tokens).rest = text
    return tokenize_next(rt, delimiters)


def _groups(rt: Services) -> tuple[str, ...]:
    if rt.matched_groups is None:
        raise RuntimeFault("last regex match failed")
    return rt.matched_groups


def matched(rt: Services, n: int) -> str:
    """Return group `n` of the last match, 0 for all of it; an error without a match or such a group."""
    groups = _groups(rt)
    if not 0 <= n < len(groups):
        raise RuntimeFault(f"no subexpression {n} in the last regex match")
    return groups[n]


def matched_str(rt: Services) -> str:
    return _groups(rt)[0]


def ngroups(rt: Services) -> int:
    """Return the number of groups of the last match, the whole match counted (man stap: 2 for "str(ing)")."""
    return len(_groups(rt))


ROWS = (
    Builtin("text_str", (("input", S),), S, Effect.PURE, text_str, width=lambda width: 4 * width),
    Builtin(
        "text_strn", (("input", S), ("len", L), ("quoted", L)), S, Effect.PURE, text_strn,
        width=lambda width, _len, _quoted: 4 * width + 5,
    ),
    Builtin("string_quoted", (("str", S),), S, Effect.PURE, string_quoted, width=lambda width: 4 * width + 2),
    Builtin("tokenize", (("delim", S),), S, Effect.SESSION, tokenize_next),
    Builtin("tokenize", (("input", S), ("delim", S)), S, Effect.SESSION, tokenize),
    Builtin("matched", (("n", L),), S, Effect.SESSION, matched),
    Builtin("matched_str", (), S, Effect.SESSION, matched_str),
    Builtin("ngroups", (), L, Effect.SESSION, ngroups),
)  # fmt: skip
