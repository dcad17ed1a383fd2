"""From where a variable is to an expression of a handler that gives its value.

InMemory(rbp - 4), int      CValue(register bp - 4, int, in memory)
InRegister(3), char         CValue(register bx & 0xff, char)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from ..arch import x86_64 as arch
from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.types import Type, wrap_long
from ..program.variable_locations import (
    Computed,
    ConstantBytes,
    EntryRegister,
    InMemory,
    InRegister,
    Load,
    NumberTerm,
    Operation,
    Pieces,
    RegisterTerm,
    StaticAddress,
    Term,
    ThreadLocal,
    Unavailable,
    VariableLocation,
)
from ..records import dataclass
from ..source import Span

_FIRST_VECTOR = 17
"""The DWARF number of xmm0."""

Source = Callable[[Span], n.Expression]


class NotThere(Exception):
    """The value cannot be had; the text says why ("optimized out")."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What expressions need of where the probe fires.

    `user` says whose memory it is. `shift` gives by how much the file's addresses were moved when it was loaded (None:
    by nothing). `thread_block` gives the address of the running thread's block of thread-local variables of the file;
    None where that is not known. `moved` gives where an address of the file is, where more than one distance counts:
    then it is what is asked.
    """

    user: bool
    shift: Source | None = None
    thread_block: Source | None = None
    moved: Callable[[int, Span], n.Expression] | None = None
    at_entry: bool = False
    """Whether the probe is at the entry of the function whose variables are asked for."""


def register(number: int, span: Span) -> n.Expression:
    """Return the content of a register, by its DWARF number. Raises NotThere for one that is not saved."""
    if number >= len(arch.DWARF_REGISTERS):
        vector = number - _FIRST_VECTOR
        which = f"the floating-point register xmm{vector}, which" if 0 <= vector < 16 else "a register that"
        raise NotThere(f"it is in {which} eBPF programs cannot read")
    word = arch.PT_REGS_OFFSETS[arch.DWARF_REGISTERS[number]] // 8
    return n.ContextValue(n.ContextKind.REGISTER, word, span=span, type=Type.LONG)


def _long(value: int, span: Span) -> n.Constant:
    return n.Constant(wrap_long(value), span=span, type=Type.LONG)


def _binary(operator: n.BinaryOperator, left: n.Expression, right: n.Expression, span: Span) -> n.Expression:
    return n.Binary(operator, left, right, span=span, type=Type.LONG)


def term_value(term: Term, around: Surroundings, span: Span) -> n.Expression:
    """Return the expression for a term. Raises NotThere."""
    match term:
        case RegisterTerm(number=number):
            return register(number, span)
        case EntryRegister(number=number):
            if not around.at_entry:
                raise NotThere("only its value at the entry of the function is known, which is not saved here")
            return register(number, span)
        case NumberTerm(value=value):
            return _long(value, span)
        case StaticAddress(address=address):
            if around.moved is not None:
                return around.moved(address, span)
            if around.shift is None:
                return _long(address, span)
            return _binary("+", around.shift(span), _long(address, span), span)
        case ThreadLocal(offset=offset):
            if around.thread_block is None:
                raise NotThere("it belongs to a thread, and where is not known here")
            return _binary("+", around.thread_block(span), term_value(offset, around, span), span)
        case Load(address=address, size=size):
            where = term_value(address, around, span)
            return n.ReadMemory(where, 0, size, False, around.user, span=span, type=Type.LONG)
        case Operation(operator=operator, left=left, right=right):
            first, second = term_value(left, around, span), term_value(right, around, span)
            return _binary(cast("n.BinaryOperator", operator), first, second, span)


def is_of_entry(location: VariableLocation) -> bool:
    """Tell whether a value follows from what registers had at the entry of the function, and from nothing else."""
    return isinstance(location, Computed) and _registers(location.value) == {True}


def _registers(term: Term) -> set[bool]:
    """Return for the parts of a term whether they are of the entry; numbers are of any time."""
    match term:
        case EntryRegister():
            return {True}
        case Operation(left=left, right=right):
            return _registers(left) | _registers(right)
        case NumberTerm():
            return set()
        case _:
            return {False}


def located_value(location: VariableLocation, type_: CType, around: Surroundings, span: Span) -> CValue:
    """Return the value of a variable. Raises NotThere."""
    match location:
        case InMemory(address=address):
            return CValue(term_value(address, around, span), type_, True, around.user)
        case Unavailable(reason=reason):
            raise NotThere(reason)
        case _ if type_.kind in (CKind.COMPOSITE, CKind.ARRAY):
            return CValue(_long(0, span), type_, False, around.user, parts=_parts(location, around))
        case _ if type_.kind is CKind.OTHER:
            raise NotThere("it is kept in registers")
        case _:
            word = _word(location, type_.size, around, span)
            return CValue(narrowed(word, type_, span), type_, user=around.user)


def _parts(location: VariableLocation, around: Surroundings) -> Callable[[int, int, Span], n.Expression]:
    """Return what gives numbers inside a struct or array that is not in memory."""

    def value(offset: int, size: int, span: Span) -> n.Expression:
        part = part_of(location, offset, size)
        try:
            if part is None:
                raise NotThere("it is spread over several registers")
            return _word(part, size, around, span)
        except NotThere as reason:
            semantic_error(f"this part of the value is not accessible at this place: {reason}", span, "operator '->'")

    return value


def _word(location: VariableLocation, size: int, around: Surroundings, span: Span) -> n.Expression:
    """Return the up to 8 bytes of a number that is not in memory."""
    match location:
        case InMemory(address=address):
            width = size if size in (1, 2, 4, 8) else 8
            where = term_value(address, around, span)
            return n.ReadMemory(where, 0, width, False, around.user, span=span, type=Type.LONG)  # type: ignore[arg-type]
        case InRegister(number=number):
            return register(number, span)
        case Computed(value=term):
            return term_value(term, around, span)
        case ConstantBytes(content=content):
            return _long(int.from_bytes(content[:8], "little"), span)
        case Unavailable(reason=reason):
            raise NotThere(reason)
        case Pieces(parts=parts):
            return _joined(parts, around, span)


def _joined(parts: tuple[tuple[VariableLocation, int], ...], around: Surroundings, span: Span) -> n.Expression:
    """Return the number that lies in pieces, the lowest bytes first."""
    whole: n.Expression | None = None
    shift = 0
    for part, size in parts:
        if shift >= 64:
            break
        word = _word(part, size, around, span)
        if size < 8:
            word = _binary("&", word, _long((1 << 8 * size) - 1, span), span)
        if shift:
            word = _binary("<<", word, _long(shift, span), span)
        whole = word if whole is None else _binary("|", whole, word, span)
        shift += 8 * size
    return whole if whole is not None else _long(0, span)


def part_of(location: VariableLocation, offset: int, size: int) -> VariableLocation | None:
    """Return where `size` bytes at an offset of a variable are; None where they are in several places."""
    match location:
        case ConstantBytes(content=content):
            return ConstantBytes(content[offset : offset + size])
        case Pieces(parts=parts):
            start = 0
            for part, length in parts:
                if start <= offset and offset + size <= start + length:
                    return part if offset == start and size == length else part_of(part, offset - start, size)
                start += length
            return None
        case InMemory(address=address):
            return InMemory(Operation("+", address, NumberTerm(offset)))
        case InRegister(number=number):
            return Computed(_shifted(RegisterTerm(number), offset))
        case Computed(value=term):
            return Computed(_shifted(term, offset))
        case Unavailable():
            return location


def _shifted(term: Term, offset: int) -> Term:
    return Operation(">>>", term, NumberTerm(8 * offset)) if offset else term
