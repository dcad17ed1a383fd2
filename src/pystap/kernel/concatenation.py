"""Building a string piece by piece: `.` and the sprint forms.

    comm . "/" . sprintf("%d", pid)   ->   pieces: text, literal, number

The pieces go one behind the other into a work buffer in scratch memory that is larger by the longest piece than the
result; the offset is masked before each write, which is what the verifier can follow. The result is truncated last.
"""

from __future__ import annotations

from ..program.nodes import Binary, BuiltinCall, Expression, Format
from ..program.types import Type, buffer_size
from ..records import dataclass
from . import strings
from .context import HandlerContext, InternalError, Text
from .ir import Helper
from .library import NUMBER_BYTES, NUMBER_START, number_text

_LONGEST_NUMBER = 20
_STORED_BY_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Piece:
    """A NUL-terminated string at `pointer`, of at most `width` bytes."""

    pointer: str
    width: int
    literal: bytes | None = None
    whole_size: int = 0
    """For a piece that is a whole zero-padded buffer: its size."""
    is_end: str | None = None
    """An i1: whether the string ends here, because the piece is a `%c` of 0."""


def build(h: HandlerContext, expression: Binary | Format) -> Text:
    """Evaluate a concatenation or a sprint form."""
    if isinstance(expression, Format):
        return _join(h, _format_pieces(h, expression, []), expression.width)
    return _join(h, _pieces(h, expression, []), expression.width)


def formatted(h: HandlerContext, text: str, value: str) -> Text:
    """Return a text with the i64 `value` in place of its one conversion (%d %i %u %x, %#x for 16 digits)."""
    for conversion in ("%#x", "%d", "%i", "%u", "%x"):
        before, found, behind = text.partition(conversion)
        if found:
            prefix = before + ("0x" if conversion == "%#x" else "")
            number = _address(h, value) if conversion == "%#x" else _number(h, value, conversion[-1])
            pieces = [_literal(h, prefix), number, _literal(h, behind)]
            return _join(h, pieces, len(prefix) + _LONGEST_NUMBER + len(behind))
    return strings.literal(h, text.encode("latin-1"))


def message_into(h: HandlerContext, message: str, value: str, target: Text) -> None:
    """Write an error message, with its value, into a buffer."""
    strings.copy_text(h, formatted(h, message, value), target.pointer, target.width)


def joined_into(h: HandlerContext, texts: list[Text], target: Text) -> None:
    """Concatenate strings into a buffer, truncated to its width."""
    joined = _join(h, [_Piece(t.pointer, t.width, t.literal, t.size) for t in texts], target.width)
    strings.copy_text(h, joined, target.pointer, target.width)


def _pieces(h: HandlerContext, expression: Expression, later: list[Expression]) -> list[_Piece]:
    """Evaluate an expression into pieces, left to right; `later` is evaluated before they are used."""
    match expression:
        case Binary() if expression.operator == ".":
            left = _operand_pieces(h, expression, expression.left, [expression.right, *later])
            return left + _operand_pieces(h, expression, expression.right, later)
        case Format() if any(piece.conversion == "c" for piece in expression.pieces):
            text = build(h, expression)  # a %c of 0 ends this part of the string alone
            return [_Piece(text.pointer, text.width, text.literal, text.size)]
        case Format() if not expression.to_output:
            return _format_pieces(h, expression, later)
        case BuiltinCall() if expression.kernel_form is not None:
            return _pieces(h, expression.kernel_form, later)
        case _:
            text = strings.operand_text(h, expression, later)
            return [_Piece(text.pointer, text.width, text.literal, text.size)]


def _operand_pieces(h: HandlerContext, whole: Binary, operand: Expression, later: list[Expression]) -> list[_Piece]:
    """Evaluate an operand of `.`: into pieces of its own unless it is truncated before the whole is."""
    if isinstance(operand, Format) and operand.width < whole.width and operand.arguments:
        cut = True
    else:
        cut = isinstance(operand, Binary) and operand.width < min(whole.width, operand.left.width + operand.right.width)
    if not cut:
        return _pieces(h, operand, later)
    text = build(h, operand) if isinstance(operand, Binary | Format) else strings.text_of(h, operand)
    return [_Piece(text.pointer, text.width, text.literal, text.size)]


def _format_pieces(h: HandlerContext, expression: Format, later: list[Expression]) -> list[_Piece]:
    result = []
    arguments = list(expression.arguments)
    for piece in expression.pieces:
        if not piece.conversion:
            result.append(_literal(h, piece.text))
            continue
        if piece.flags or piece.width is not None or piece.precision is not None:
            raise InternalError("a format with flags or widths in kernel code")
        value = arguments.pop(0)
        if value.type is Type.STRING:
            result += _pieces(h, value, [*arguments, *later])
        else:
            result.append(_number(h, h.generate.long(h, value), piece.conversion))
    return result


def _literal(h: HandlerContext, text: str) -> _Piece:
    constant = strings.literal(h, text.encode("latin-1"))
    return _Piece(constant.pointer, constant.width, constant.literal, constant.size)


def _number(h: HandlerContext, value: str, conversion: str) -> _Piece:
    code = h.code
    if conversion == "c":
        byte = h.temporaries.buffer(8)
        code.store(code.value("byte", f"and i64 {value}, 255"), byte)
        return _Piece(byte, 1, None, 8, code.value("end", f"icmp eq i64 {code.load('byte', byte)}, 0"))
    if conversion not in ("d", "i", "u", "x"):
        raise InternalError(f"%{conversion} in kernel code")
    buffer = h.temporaries.scratch(NUMBER_BYTES)
    negative, magnitude = "0", value
    if conversion in ("d", "i"):
        is_negative = code.value("negative", f"icmp slt i64 {value}, 0")
        opposite = code.value("opposite", f"sub i64 0, {value}")
        magnitude = code.value("magnitude", f"select i1 {is_negative}, i64 {opposite}, i64 {value}")
        negative = code.value("sign", f"zext i1 {is_negative} to i64")
    base = 16 if conversion == "x" else 10
    arguments = f"ptr {buffer}, i64 {magnitude}, i64 {base}, i64 {negative}"
    code.line(f"call void {number_text(h.module)}({arguments})")
    start = code.value("start", f"load volatile i64, ptr {code.offset(buffer, NUMBER_START)}, align 8")
    masked = code.value("start", f"and i64 {code.opaque(start)}, {NUMBER_START - 1}")
    return _Piece(code.offset(buffer, masked), _LONGEST_NUMBER)


def _address(h: HandlerContext, value: str) -> _Piece:
    """Emit the 16 hexadecimal digits of a value."""
    buffer = h.temporaries.scratch(NUMBER_BYTES)
    for offset in range(0, NUMBER_START, 8):
        h.code.store(str(int.from_bytes(b"0" * 8, "little")), h.code.offset(buffer, offset))
    h.code.line(f"call void {number_text(h.module)}(ptr {buffer}, i64 {value}, i64 16, i64 0)")
    return _Piece(h.code.offset(buffer, NUMBER_START - 17), 16)


def _join(h: HandlerContext, pieces: list[_Piece], width: int) -> Text:
    pieces = [piece for piece in pieces if piece.literal != b""]
    if not pieces:
        return strings.literal(h, b"")
    code, size = h.code, buffer_size(width)
    room = 1 << (size - 1).bit_length()
    work = h.temporaries.scratch(room + max(max(buffer_size(p.width), p.whole_size) for p in pieces))
    code.zero(work, size)
    offset: str | int = 0
    ended: str | None = None
    truncates = sum(piece.width for piece in pieces) > width
    for index, piece in enumerate(pieces):
        if ended is not None:
            piece = _nothing_if(h, ended, piece)
        offset = _append(h, work, offset, piece, room, width if truncates else None, index + 1 == len(pieces))
        if piece.is_end is not None:
            ended = piece.is_end if ended is None else code.value("ended", f"or i1 {ended}, {piece.is_end}")
    if truncates:
        strings.truncate(h, work, width)
    return Text(work, size, width, True)


def _nothing_if(h: HandlerContext, ended: str, piece: _Piece) -> _Piece:
    """Return the piece, or an empty one once the string has ended."""
    empty = h.module.constant(bytes(8))
    pointer = h.code.value("piece", f"select i1 {ended}, ptr {empty}, ptr {piece.pointer}")
    return _Piece(pointer, piece.width, is_end=piece.is_end)


def _append(
    h: HandlerContext, work: str, offset: str | int, piece: _Piece, room: int, limit: int | None, is_last: bool
) -> str | int:
    """Write a piece at `offset` of the work buffer; returns the offset behind it, at most `limit`."""
    code = h.code
    at = _masked(h, work, offset, room)
    if piece.literal is not None and isinstance(at[0], int) and piece.whole_size and at[0] % 8 == 0:
        code.copy(at[1], piece.pointer, piece.whole_size)
        return _limited(h, at[0] + len(piece.literal), limit)
    if piece.literal is not None and len(piece.literal) <= _STORED_BY_BYTES:
        for index, byte in enumerate(piece.literal + b"\0"):
            code.line(f"store i8 {byte}, ptr {code.offset(at[1], index)}")
        return _advance(h, at[0], len(piece.literal), limit)
    source = f"ptr {at[1]}, i32 {piece.width + 1}, ptr {piece.pointer}"
    result = code.helper("copied", Helper.PROBE_READ_KERNEL_STR, source)
    if is_last:
        return 0
    copied = code.value("some", f"icmp sgt i64 {result}, 0")
    length = code.value("length", f"add i64 {result}, -1")
    return _advance(h, at[0], code.value("length", f"select i1 {copied}, i64 {length}, i64 0"), limit)


def _masked(h: HandlerContext, work: str, offset: str | int, room: int) -> tuple[str | int, str]:
    """Return an offset in the form that the verifier follows, and the address."""
    if isinstance(offset, int):
        return offset, h.code.offset(work, offset)
    masked = h.code.value("masked", f"and i64 {h.code.opaque(offset)}, {room - 1}")
    return masked, h.code.offset(work, masked)


def _advance(h: HandlerContext, offset: str | int, length: str | int, limit: int | None) -> str | int:
    if isinstance(offset, int) and isinstance(length, int):
        return _limited(h, offset + length, limit)
    return _limited(h, h.code.value("behind", f"add i64 {offset}, {length}"), limit)


def _limited(h: HandlerContext, offset: str | int, limit: int | None) -> str | int:
    if limit is None:
        return offset
    if isinstance(offset, int):
        return min(offset, limit)
    over = h.code.value("over", f"icmp ugt i64 {offset}, {limit}")
    return h.code.value("limited", f"select i1 {over}, i64 {limit}, i64 {offset}")
