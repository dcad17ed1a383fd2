"""Turns a format into one Python expression.

    printf("%s(%d) %#5.2x\\n", a, b, c)   ->   "%s(%d) %s\\n" % (a, b, integer("x", "#", 5, 2, c))

Conversions that Python's `%` does as C does stay in the template; the others become calls of formats.
"""

from __future__ import annotations

from collections import deque

from ..program.fault_messages import read_fault
from ..program.nodes import Constant, Expression, FormatPiece
from ..records import dataclass
from ..source import Span
from .formats import LONGEST_FIELD
from .module import Module

_UNSIGNED = "0xFFFFFFFFFFFFFFFF"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: its source text and its node."""

    source: str
    node: Expression


def format_source(module: Module, pieces: list[FormatPiece], arguments: list[Argument], span: Span) -> str:
    """Return the source of an expression that gives the text of a format."""
    queue = deque(arguments)
    template: list[str] = []
    conversions: list[str] = []
    values: list[str] = []
    for piece in pieces:
        if not piece.conversion:
            template.append(piece.text.replace("%", "%%"))
            continue
        plain = piece.width is None and piece.precision is None and not piece.flags
        first = queue[0].node
        if plain and piece.conversion in ("s", "d") and isinstance(first, Constant):
            queue.popleft()
            template.append(str(first.value).replace("%", "%%"))
            continue
        part, value = _conversion(module, piece, queue, span)
        template.append(part)
        conversions.append(part)
        values.append(value)
    text = "".join(template)
    if not values:
        return ascii(text.replace("%%", "%"))
    if text == "%s" and len(values) == 1:
        return values[0]
    if text == "%d" and len(values) == 1:
        return f"str({values[0]})"
    if all(value.isidentifier() for value in values) and all(part in _PLAIN for part in conversions):
        return _f_string(template, values)
    operand = f"({', '.join(values)})" if len(values) > 1 else f"({values[0]},)"
    return f"{text!a} % {operand}"


_PLAIN = ("%s", "%d")


def _f_string(template: list[str], values: list[str]) -> str:
    """Return an f-string, the fastest form, for names that are shown without width or flags."""
    queue = iter(values)
    text = "".join(
        f"{{{next(queue)}}}" if part in _PLAIN else part.replace("%%", "%").replace("{", "{{").replace("}", "}}")
        for part in template
    )
    return f"f{text!a}"


def _conversion(module: Module, piece: FormatPiece, queue: deque[Argument], span: Span) -> tuple[str, str]:
    """Return what stands in the template for a conversion, and the source of its value."""
    width = queue.popleft().source if piece.width == "*" else _number(piece.width)
    precision = queue.popleft().source if piece.precision == "*" else _number(piece.precision)
    argument = queue.popleft()
    starred = "*" in (piece.width, piece.precision)
    if not starred:
        direct = _direct(piece, argument)
        if direct is not None:
            return direct
    return "%s", _call(module, piece, argument.source, width, precision, span)


def _number(value: int | str | None) -> str:
    return "None" if value is None else str(min(int(value), LONGEST_FIELD))


def _direct(piece: FormatPiece, argument: Argument) -> tuple[str, str] | None:
    """Return a conversion of Python's `%` that gives the same text as C's, None where there is none."""
    if (piece.width is not None and int(piece.width) > LONGEST_FIELD) or (
        piece.precision is not None and int(piece.precision) > LONGEST_FIELD
    ):
        return None
    kind, flags = piece.conversion, piece.flags
    width = "" if piece.width is None else str(piece.width)
    precise = "" if piece.precision is None else f".{piece.precision}"
    zero_clash = piece.precision is not None and (piece.precision == 0 or "0" in flags)
    left = "-" if "-" in flags else ""
    if kind in ("d", "i") and not zero_clash:
        return "%" + flags.replace("#", "") + width + precise + "d", argument.source
    if kind in ("u", "x", "X", "o") and not zero_clash and ("#" not in flags or kind == "u"):
        plain = "".join(c for c in flags if c in "-0")
        return "%" + plain + width + precise + ("d" if kind == "u" else kind), unsigned_source(argument)
    if kind == "p" and not flags and not width and not precise:
        return "0x%x", unsigned_source(argument)
    if kind == "s":
        return "%" + left + width + precise + "s", argument.source
    if kind == "c" and "#" not in flags:
        return "%" + left + width + "s", f"chr({argument.source} & 255)"
    return None


def unsigned_source(argument: Argument) -> str:
    """Return the source of a long taken as unsigned."""
    node = argument.node
    if isinstance(node, Constant) and isinstance(node.value, int) and node.value >= 0:
        return argument.source
    return f"{argument.source} & {_UNSIGNED}"


def _call(module: Module, piece: FormatPiece, value: str, width: str, precision: str, span: Span) -> str:
    kind, flags = piece.conversion, ascii(piece.flags)
    match kind:
        case "d" | "i" | "u" | "o" | "x" | "X" | "p":
            return f"{module.helper('integer')}({kind!r}, {flags}, {width}, {precision}, {value})"
        case "s":
            return f"{module.helper('string')}({flags}, {width}, {precision}, {value})"
        case "c":
            return f"{module.helper('character')}({flags}, {width}, {value})"
        case "b":
            return f"{module.helper('binary')}({value}, {piece.size or 8})"
        case "m" | "M":
            size = str(piece.size) if precision == "None" and piece.size else precision
            fault = module.fault(read_fault(span))
            return f"{module.helper('memory')}(rt, {kind == 'M'}, {flags}, {width}, {size}, {value}, {fault})"
        case _:
            raise ValueError(f"a format has no conversion %{kind}")
