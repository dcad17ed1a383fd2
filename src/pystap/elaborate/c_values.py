"""Following C values along members and indexes, as expressions that read memory.

$file->f_path->dentry     ReadMemory(ReadMemory-free: $file + offset of f_path + offset of dentry, 8 bytes)
"""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import near_names, semantic_error
from ..lean import Literal, NoReturn, cast
from ..program import nodes as n
from ..program.c_types import CKind, CMember, CType, CValue, narrowed, pointer_to
from ..program.types import Type, wrap_long
from ..source import Span
from .fold import fold


def long(value: int, span: Span) -> n.Constant:
    return n.Constant(value, span=span, type=Type.LONG)


def combined(operator: n.BinaryOperator, left: n.Expression, right: n.Expression, span: Span) -> n.Expression:
    return fold(n.Binary(operator, left, right, span=span, type=Type.LONG))


def moved(address: n.Expression, offset: int, span: Span) -> n.Expression:
    """Return an address that lies `offset` bytes behind another."""
    match address:
        case n.Binary(operator="+", left=left, right=n.Constant(value=int(known))):
            return moved(left, known + offset, span)
        case _ if offset == 0:
            return address
        case _:
            return combined("+", address, long(wrap_long(offset), span), span)


def loaded(value: CValue, span: Span) -> n.Expression:
    """Return the value as a long; a struct or an array gives its address. Raises ScriptError for what has neither."""
    if value.parts is not None:
        name = value.type.name if value.type is not None else "value"
        semantic_error(f"'{name}' lies in no memory here: the program keeps it in registers", span, "expression")
    if not value.in_memory or value.type is None:
        return value.expression
    if value.type.kind in (CKind.COMPOSITE, CKind.ARRAY):
        return value.expression
    size = value.type.size
    if value.type.kind is CKind.OTHER or size not in (1, 2, 4, 8):
        semantic_error(f"cannot read a value of type '{value.type.name}'", span, "expression")
    if value.bits:
        return _bit_field(value, value.type, span)
    return read(value.expression, size, value.type.is_signed, value.user, span)


def read(address: n.Expression, size: int, signed: bool, user: bool, span: Span) -> n.Expression:
    """Return the integer of `size` bytes at an address."""
    offset = 0
    match address:
        case n.Binary(operator="+", left=left, right=n.Constant(value=int(known))):
            address, offset = left, known
        case _:
            pass
    width = cast("Literal[1, 2, 4, 8]", size)
    return n.ReadMemory(address, offset, width, signed, user, span=span, type=Type.LONG)


def _bit_field(value: CValue, type_: CType, span: Span) -> n.Expression:
    """Read the whole unit that holds the bits, then shift them out."""
    unit = type_.size
    start = value.bit_offset // (8 * unit) * unit
    shift = value.bit_offset - 8 * start
    if shift + value.bits > 8 * unit:  # packed over the edge of a unit: the next larger one has it
        unit, start = 8, value.bit_offset // 8
        shift = value.bit_offset - 8 * start
    word = read(moved(value.expression, start, span), unit, False, value.user, span)
    left = combined("<<", word, long(64 - shift - value.bits, span), span)
    return combined(">>" if type_.is_signed else ">>>", left, long(64 - value.bits, span), span)


def address_of(value: CValue, span: Span) -> n.Expression:
    """Return the address where a value lies. Raises ScriptError when it lies in no memory."""
    if not value.in_memory or value.bits:
        semantic_error("cannot take address of a variable that is not in memory", span, "operator '&'")
    return value.expression


def member_of(value: CValue, name: str, span: Span) -> CValue:
    """Follow `->name`: through a pointer, or inside a struct. Raises ScriptError."""
    base = _behind(value, name, span)
    assert base.type is not None
    if base.type.kind is not CKind.COMPOSITE:
        semantic_error(f"invalid access '->{name}' vs '{base.type.name}'", span, "operator '->'")
    found = base.type.source.member(base.type, name)
    if found is None:
        _no_member(base.type, name, span)
    return member_value(base, found, span)


def member_value(base: CValue, member: CMember, span: Span) -> CValue:
    """Return a member of a struct."""
    if base.parts is not None:
        return _part(base.parts, member.type, member.offset, member.bits, base.user, span)
    if member.bits:
        return CValue(base.expression, member.type, True, base.user, member.offset, member.bits)
    return CValue(moved(base.expression, member.offset // 8, span), member.type, True, base.user)


def _part(
    parts: Callable[[int, int, Span], n.Expression], type_: CType, offset: int, bits: int, user: bool, span: Span
) -> CValue:
    """Return what lies at an offset (in bits) of a struct or array that is not in memory."""
    start = offset // 8
    if type_.kind in (CKind.COMPOSITE, CKind.ARRAY):
        return CValue(long(0, span), type_, False, user, parts=lambda at, size, where: parts(start + at, size, where))
    if not bits:
        return CValue(narrowed(parts(start, type_.size, span), type_, span), type_, False, user)
    shift = offset - 8 * start
    word = parts(start, (shift + bits + 7) // 8, span)
    left = combined("<<", word, long(64 - shift - bits, span), span)
    return CValue(combined(">>" if type_.is_signed else ">>>", left, long(64 - bits, span), span), type_, False, user)


def _behind(value: CValue, name: str, span: Span) -> CValue:
    """Return what a pointer points to; other values as they are."""
    type_ = value.type
    if type_ is None:
        semantic_error(f"invalid access '->{name}': the type of the value is not known", span, "operator '->'")
    if type_.kind is CKind.POINTER:
        return CValue(loaded(value, span), type_.source.target(type_), True, value.user)
    if type_.kind is CKind.ARRAY:
        if value.parts is not None:
            return _part(value.parts, type_.source.target(type_), 0, 0, value.user, span)
        return CValue(value.expression, type_.source.target(type_), True, value.user)
    return value


def _no_member(type_: CType, name: str, span: Span) -> NoReturn:
    known = list(member_names(type_))
    near = near_names(name, known) or known[:5]
    hint = f" (alternatives: {', '.join(near)})" if near else ""
    semantic_error(f"unable to find member '{name}' for {type_.name}{hint}", span, "operator '->'")


def member_names(type_: CType) -> list[str]:
    """Return the names that may follow `->`, those inside anonymous members included."""
    names: list[str] = []
    for member in type_.source.members(type_):
        if member.name:
            names.append(member.name)
        elif member.type.kind is CKind.COMPOSITE:
            names += member_names(member.type)
    return names


def element_of(value: CValue, index: n.Expression, span: Span) -> CValue:
    """Follow `[index]` of an array or a pointer. Raises ScriptError."""
    type_ = value.type
    if type_ is None or type_.kind not in (CKind.ARRAY, CKind.POINTER):
        name = type_.name if type_ is not None else "long"
        semantic_error(f"invalid access '[]' vs '{name}'", span, "operator '['")
    target = type_.source.target(type_)
    if value.parts is not None and type_.kind is CKind.ARRAY:
        if not (isinstance(index, n.Constant) and isinstance(index.value, int)):
            semantic_error("the array lies in registers here: its index must be a constant", span, "operator '['")
        return _part(value.parts, target, 8 * index.value * target.size, 0, value.user, span)
    base = loaded(value, span)
    size = target.size or 1
    if isinstance(index, n.Constant) and isinstance(index.value, int):
        place = moved(base, index.value * size, span)
    else:
        place = combined("+", base, combined("*", index, long(size, span), span), span)
    return CValue(place, target, True, value.user)


def cast_to(value: n.Expression, named: CType, user: bool) -> CValue:
    """Return what `@cast(value, "type")` is: a pointer, to `named` unless that is a pointer itself."""
    return CValue(value, named if named.kind is CKind.POINTER else pointer_to(named), user=user)


# ---------------------------------------------------------------------------------------------------- as text


def is_text(type_: CType) -> bool:
    """Tell whether a value is shown as text: an array of characters, or a pointer to them."""
    return type_.kind in (CKind.ARRAY, CKind.POINTER) and type_.source.target(type_).is_char
