"""Pretty printing of C values: `$x$` with its members, `$x$$` with theirs, and `$$vars` and its like.

$path$     sprintf("{.mnt=%p, .dentry=%p}", ...)
$$parms    sprintf("file=%#x count=%#x", ...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagnostics import ScriptError, semantic_error
from ..program import nodes as n
from ..program.c_types import CKind, CValue
from ..program.types import Type
from ..source import Span
from .c_values import element_of, is_text, loaded, long, member_value

_MOST_ELEMENTS = 6
"""How many elements of an array are shown."""


Quoted = Callable[[CValue, Span], n.Expression]
"""Gives the text that an array of characters or a pointer to them holds, in quotes, or the address where none can be
read (`TargetResolver.quoted`)."""


class Text:
    """Pieces of a format with their arguments, as they are collected."""

    def __init__(self, quoted: Quoted) -> None:
        self.quoted = quoted
        self.pieces: list[n.FormatPiece] = []
        self.arguments: list[n.Expression] = []

    def literal(self, text: str) -> None:
        if self.pieces and not self.pieces[-1].conversion:
            self.pieces[-1].text += text
        else:
            self.pieces.append(n.FormatPiece("", text))

    def value(self, conversion: str, value: n.Expression, flags: str = "") -> None:
        self.pieces.append(n.FormatPiece(conversion, flags=flags))
        self.arguments.append(value)

    def expression(self, span: Span) -> n.Expression:
        return n.Format(self.pieces, self.arguments, False, span=span, type=Type.STRING)


def add_value(text: Text, value: CValue, depth: int, span: Span) -> None:
    """Append one value; structs and arrays are opened `depth` levels deep."""
    type_ = value.type
    if type_ is None:
        text.value("d", value.expression)
        return
    match type_.kind:
        case CKind.INTEGER if type_.is_char:
            text.literal("'")
            text.value("c", loaded(value, span))
            text.literal("'")
        case CKind.INTEGER if type_.is_float:
            text.value("s", text.quoted(value, span))
        case CKind.INTEGER:
            text.value("i" if type_.is_signed else "u", loaded(value, span))
        case CKind.POINTER | CKind.ARRAY if is_text(type_):
            text.value("s", text.quoted(value, span))
        case CKind.POINTER:
            text.value("p", loaded(value, span))
        case CKind.ARRAY:
            _add_array(text, value, depth, span)
        case CKind.COMPOSITE:
            _add_members(text, value, depth, span)
        case CKind.OTHER:
            text.literal("?")


def _add_array(text: Text, value: CValue, depth: int, span: Span) -> None:
    assert value.type is not None
    length = value.type.source.length(value.type)
    if depth <= 0:
        text.literal("[...]")
        return
    text.literal("[")
    for i in range(min(length, _MOST_ELEMENTS)):
        if i:
            text.literal(", ")
        add_value(text, element_of(value, long(i, span), span), depth - 1, span)
    text.literal(", ...]" if length > _MOST_ELEMENTS else "]")


def _add_members(text: Text, value: CValue, depth: int, span: Span) -> None:
    if depth <= 0:
        text.literal("{...}")
        return
    text.literal("{")
    _add_member_list(text, value, depth, span, True)
    text.literal("}")


def _add_member_list(text: Text, value: CValue, depth: int, span: Span, first: bool) -> bool:
    """Append the members; those of anonymous ones stand among them. Returns whether none was written yet."""
    assert value.type is not None
    for member in value.type.source.members(value.type):
        try:
            inner = member_value(value, member, span)
        except ScriptError:  # a part of a struct in registers that was optimised out
            text.literal(("" if first else ", ") + f".{member.name}=?")
            first = False
            continue
        if not member.name and member.type.kind is CKind.COMPOSITE:
            first = _add_member_list(text, inner, depth, span, first)
            continue
        if not member.name:
            continue
        text.literal(("" if first else ", ") + f".{member.name}=")
        first = False
        add_value(text, inner, depth - 1, span)
    return first


def _opened(value: CValue, span: Span) -> CValue:
    """Return the struct that a pointer points to; other values as they are."""
    if value.type is None or value.type.kind is not CKind.POINTER:
        return value
    target = value.type.source.target(value.type)
    return CValue(loaded(value, span), target, True, value.user) if target.kind is CKind.COMPOSITE else value


def pretty(value: CValue, depth: int, span: Span, quoted: Quoted) -> n.Expression:
    """Return the text of `$x$` (depth 1) or `$x$$` (2); a pointer to a struct is followed."""
    text = Text(quoted)
    type_ = value.type
    if type_ is not None and type_.kind is CKind.POINTER:
        target = type_.source.target(type_)
        if target.kind is CKind.OTHER and target.name != "void":
            semantic_error(f"cannot pretty-print type '{type_.name}'", span, "operator '$'")
    add_value(text, _opened(value, span), depth, span)
    return text.expression(span)


def group(
    values: Sequence[tuple[str, CValue | None]], depth: int, span: Span, quoted: Quoted, number: Quoted = loaded
) -> n.Expression:
    """Return the text of `$$vars` and its like: names (without `$`) and values, `depth` of a pretty form or 0.

    A value of None cannot be read. `number` gives a value as a long.
    """
    text = Text(quoted)
    for i, (name, value) in enumerate(values):
        text.literal((" " if i else "") + name + "=")
        if value is None:
            text.literal("?")
            continue
        type_ = value.type
        if depth:
            add_value(text, _opened(value, span), depth, span)
        elif type_ is not None and type_.kind is CKind.COMPOSITE:
            text.literal("{...}")
        elif type_ is not None and type_.kind is CKind.OTHER:
            text.literal("?")
        else:
            text.value("x", number(value, span), "#")
    if not text.pieces:
        return n.Constant("", span=span, type=Type.STRING)
    return text.expression(span)
