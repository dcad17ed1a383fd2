"""Strings: where a value is, copies, comparison, and building one piece by piece.

A string value is a `Text`: a buffer that is zero behind the string. Only concatenation and formats know lengths; they
build in scratch memory, because a helper writes there at a variable offset.
"""

from __future__ import annotations

from ..program.fault_messages import string_fault
from ..program.nodes import (
    Assign,
    Binary,
    BuiltinCall,
    Conditional,
    Constant,
    ElementValue,
    Expression,
    Format,
    FunctionCall,
    GlobalValue,
    LocalValue,
    ReadString,
    TableText,
    Update,
)
from ..program.types import buffer_size
from . import analysis, arrays, calls, concatenation, scalars
from .context import HandlerContext, InternalError, Text
from .errors import raise_error
from .ir import Helper
from .library import compare_words

_INLINE_WORDS = 4


def literal(h: HandlerContext, data: bytes) -> Text:
    """Return a constant string."""
    size = buffer_size(len(data))
    return Text(h.module.constant(data.ljust(size, b"\0")), size, len(data), True, data)


def temporary(h: HandlerContext, width: int) -> Text:
    """Return a new buffer for strings of at most `width` bytes, with any content."""
    size = buffer_size(width)
    return Text(h.temporaries.buffer(size), size, width, True)


def text_of(h: HandlerContext, expression: Expression) -> Text:
    """Evaluate a string; returns where it is: in a variable, a constant, or a temporary."""
    match expression:
        case Constant():
            return literal(h, str(expression.value).encode("latin-1"))
        case LocalValue():
            place = h.frame.places[expression.local]
            assert isinstance(place, Text)
            return place
        case GlobalValue():
            return scalars.text_place(h, expression.variable)
        case Assign() | Update():
            return _assigned(h, expression)
        case FunctionCall():
            result = calls.expand(h, expression)
            assert isinstance(result, Text)
            return result
        case BuiltinCall() if expression.kernel_form is not None:
            return text_of(h, expression.kernel_form)
        case Binary() | Format():
            return concatenation.build(h, expression)
        case _:
            buffer = temporary(h, expression.width)
            _produce(h, expression, buffer)
            return buffer


def stable_text(h: HandlerContext, expression: Expression) -> Text:
    """Evaluate a string into a place that nothing evaluated afterwards changes."""
    text = text_of(h, expression)
    if text.is_stable:
        return text
    copy = temporary(h, text.width)
    copy_text(h, text, copy.pointer, copy.width)
    return copy


def operand_text(h: HandlerContext, expression: Expression, later: list[Expression]) -> Text:
    """Evaluate a string that is used after the `later` operands were evaluated."""
    if any(analysis.has_effects(other) for other in later):
        return stable_text(h, expression)
    return text_of(h, expression)


def text_into(h: HandlerContext, expression: Expression, pointer: str, width: int) -> None:
    """Evaluate a string into the buffer of buffer_size(width) bytes at `pointer`, truncating it to `width` bytes.

    The buffer must not be a variable that the expression reads.
    """
    match expression:
        case BuiltinCall() if expression.kernel_form is not None:
            text_into(h, expression.kernel_form, pointer, width)
        case Conditional() | ElementValue() | TableText() | BuiltinCall() | ReadString() if width >= expression.width:
            _produce(h, expression, Text(pointer, buffer_size(expression.width), expression.width, True))
            used = buffer_size(expression.width)
            h.code.zero(h.code.offset(pointer, used), buffer_size(width) - used)
        case _:
            copy_text(h, text_of(h, expression), pointer, width)


def may_fill_directly(value: Expression, target: LocalValue | GlobalValue) -> bool:
    """Whether a value may be evaluated into the variable itself: it does not read it, no error leaves half of it."""
    if isinstance(target, GlobalValue) or analysis.has_effects(value) or analysis.may_raise(value):
        return False
    return not analysis.mentions(value, target.local)


def copy_text(h: HandlerContext, text: Text, pointer: str, width: int) -> None:
    """Copy a string into a buffer of buffer_size(width) bytes, truncated to `width`, zeros behind it."""
    code, size = h.code, buffer_size(width)
    code.copy(pointer, text.pointer, min(size, text.size))
    if text.size < size:
        code.zero(code.offset(pointer, text.size), size - text.size)
    if text.width > width:
        truncate(h, pointer, width)


def truncate(h: HandlerContext, pointer: str, width: int) -> None:
    """Clear the bytes of a full buffer of buffer_size(width) bytes from `width` on: they are in its last word."""
    last = h.code.offset(pointer, buffer_size(width) - 8)
    kept = (1 << 8 * (width % 8)) - 1
    word = h.code.load("word", last)
    h.code.store(h.code.value("kept", f"and i64 {word}, {kept}"), last)


def compare(h: HandlerContext, expression: Binary) -> str:
    """Emit a comparison of two strings by unsigned bytes; returns an i1."""
    code = h.code
    left = operand_text(h, expression.left, [expression.right])
    right = text_of(h, expression.right)
    common = min(left.size, right.size) // 8
    if expression.operator in ("==", "!="):
        equal = _equal(h, left, right, common)
        return equal if expression.operator == "==" else code.value("differ", f"xor i1 {equal}, true")
    order = _compare_words(h, left, right, common)
    if left.size != right.size:
        longer, sign = (left, 1) if left.size > right.size else (right, -1)
        beyond = code.load("beyond", code.offset(longer.pointer, 8 * common))
        none = code.value("none", f"icmp eq i64 {beyond}, 0")
        tail = code.value("tail", f"select i1 {none}, i64 0, i64 {sign}")
        same = code.value("same", f"icmp eq i64 {order}, 0")
        order = code.value("order", f"select i1 {same}, i64 {tail}, i64 {order}")
    predicate = {"<": "slt", ">": "sgt", "<=": "sle", ">=": "sge"}[expression.operator]
    return code.value("is", f"icmp {predicate} i64 {order}, 0")


def _compare_words(h: HandlerContext, left: Text, right: Text, words: int) -> str:
    call = f"call i64 {compare_words(h.module)}(ptr {left.pointer}, ptr {right.pointer}, i64 {words})"
    return h.code.value("order", call)


def _equal(h: HandlerContext, left: Text, right: Text, common: int) -> str:
    code = h.code
    for text, other in ((left, right), (right, left)):
        if text.literal is not None and len(text.literal) > other.width:
            return "false"
        if text.literal is not None:
            common = min(common, buffer_size(len(text.literal)) // 8)
    differ: str | None = None
    if common <= _INLINE_WORDS:
        for index in range(common):
            differ = _or(h, differ, _word_difference(h, left, right, 8 * index))
    else:
        differ = _compare_words(h, left, right, common)
    longer = left if left.size > right.size else right
    if left.size != right.size:
        differ = _or(h, differ, code.load("beyond", code.offset(longer.pointer, 8 * common)))
    return code.value("equal", f"icmp eq i64 {differ}, 0")


def _word_difference(h: HandlerContext, left: Text, right: Text, offset: int) -> str:
    code = h.code
    one = code.load("word", code.offset(left.pointer, offset))
    other = code.load("word", code.offset(right.pointer, offset))
    return code.value("difference", f"xor i64 {one}, {other}")


def _or(h: HandlerContext, left: str | None, right: str) -> str:
    return right if left is None else h.code.value("either", f"or i64 {left}, {right}")


def _assigned(h: HandlerContext, expression: Assign | Update) -> Text:
    """Evaluate an assignment of a string whose value is used."""
    if isinstance(expression.target, ElementValue):
        return arrays.assign_text(h, expression.target, expression)
    h.generate.effect(h, expression)
    return text_of(h, expression.target)


def _produce(h: HandlerContext, expression: Expression, target: Text) -> None:
    """Evaluate an expression that writes its result into a buffer of exactly its own width."""
    match expression:
        case Conditional():
            _choose(h, expression, target)
        case ElementValue():
            arrays.read_text(h, expression, target)
        case TableText():
            _table_text(h, expression, target)
        case ReadString():
            _read_string(h, expression, target)
        case BuiltinCall():
            calls.builtin(h, expression, target)
        case _:
            raise InternalError(f"no string in kernel code: {type(expression).__name__}")


def _choose(h: HandlerContext, expression: Conditional, target: Text) -> None:
    code = h.code
    yes, no, done = code.name("yes"), code.name("no"), code.name("chosen")
    condition = h.generate.long(h, expression.condition)
    code.branch(code.value("true", f"icmp ne i64 {condition}, 0"), yes, no)
    code.begin(yes)
    text_into(h, expression.yes, target.pointer, target.width)
    code.jump(done)
    code.begin(no)
    text_into(h, expression.no, target.pointer, target.width)
    code.begin(done)


def _table_text(h: HandlerContext, expression: TableText, target: Text) -> None:
    code = h.code
    # Hidden from LLVM, so that what is compared is what is used: the verifier does not connect x with -x.
    index = code.opaque(h.generate.long(h, expression.index))
    rows = [row.encode("latin-1")[: target.width] for row in expression.table]
    inside, outside, done = code.name("inside"), code.name("outside"), code.name("found")
    table = h.module.constant(b"".join(row.ljust(target.size, b"\0") for row in rows) or bytes(target.size))
    code.branch(code.value("known", f"icmp ult i64 {index}, {len(rows)}"), inside, outside)
    code.begin(inside)
    row = code.offset(table, code.value("row", f"mul i64 {index}, {target.size}"))
    code.copy(target.pointer, row, target.size)
    code.jump(done)
    code.begin(outside)
    text = concatenation.formatted(h, expression.otherwise, index)
    copy_text(h, text, target.pointer, target.width)
    code.begin(done)


def _read_string(h: HandlerContext, expression: ReadString, target: Text) -> None:
    code = h.code
    address = h.generate.long(h, expression.address)
    source = code.value("source", f"inttoptr i64 {address} to ptr")
    code.zero(target.pointer, target.size)
    helper = Helper.PROBE_READ_USER_STR if expression.user else Helper.PROBE_READ_KERNEL_STR
    most = min(target.width, expression.limit) + 1
    result = code.helper("read", helper, f"ptr {target.pointer}, i32 {most}, ptr {source}")
    fault, done = code.name("fault"), code.name("done")
    code.branch(code.value("bad", f"icmp slt i64 {result}, 0"), fault, done)
    code.begin(fault)
    if h.can_sleep and expression.user:
        from .sleeping import bring_in

        fault = code.name("fault")
        bring_in(h, address, most)
        again = code.helper("read", helper, f"ptr {target.pointer}, i32 {most}, ptr {source}")
        code.branch(code.value("bad", f"icmp slt i64 {again}, 0"), fault, done)
        code.begin(fault)
    if expression.otherwise is None:
        raise_error(h, string_fault(expression.user, expression.span), address)
    else:
        text_into(h, expression.otherwise, target.pointer, target.width)
        code.jump(done)
    code.begin(done)
