"""What the calling convention says of where values of a type are passed and returned (System V ABI for AMD64, 3.2.3).

struct { int a; long b; }      two words in registers for whole numbers
struct { double d; }           in a register for floating-point numbers, which eBPF programs cannot read
struct { long a[3]; }          in memory; what is returned so is at the address in rax
"""

from __future__ import annotations

from collections.abc import Iterator

from ..program.c_types import CKind, CType
from ..program.variable_locations import (
    InMemory,
    InRegister,
    Pieces,
    RegisterTerm,
    Unavailable,
    VariableLocation,
)
from . import dwarf_constants as d
from .dwarf_types import DwarfLayout
from .dwarf_units import Die

_RETURNED = (0, 1)
"""The DWARF numbers of rax and rdx."""
_BY_REFERENCE, _BY_VALUE = 4, 5
_LARGEST = 16
IN_VECTOR = Unavailable("it is in a floating-point register, which eBPF programs cannot read")

Words = tuple[bool, ...]
"""For each 8 bytes of a value: whether they are in a register for whole numbers (else in one of the others)."""


def is_float(type_: CType, layout: DwarfLayout) -> bool:
    """Tell whether a type is a floating-point number, or made of two (complex)."""
    base = layout.resolved(type_.handle) if isinstance(type_.handle, Die) else None
    floats = (d.ATE_FLOAT, d.ATE_COMPLEX_FLOAT)
    return base is not None and base.tag == d.TAG_BASE_TYPE and base.number(d.AT_ENCODING) in floats


def words_of(type_: CType, layout: DwarfLayout) -> Words | None:
    """Return the registers that a value of a type takes up; None when it is in memory."""
    if type_.kind is CKind.OTHER:
        return None if type_.size > 8 and is_float(type_, layout) else (True,) * (-(-type_.size // 8))
    if type_.kind not in (CKind.COMPOSITE, CKind.ARRAY):
        return (not is_float(type_, layout),)
    if type_.size > _LARGEST or _is_by_reference(type_, layout):
        return None
    words = [False] * (-(-type_.size // 8))
    for offset, size, floating in _scalars(type_, layout, 0):
        if offset % size or size > 8:
            return None  # packed, or a long double
        words[offset // 8] |= not floating
    return tuple(words)


def is_by_reference(type_: CType, layout: DwarfLayout) -> bool:
    """Tell whether what is passed is the address of a copy: C++ classes that say how they are copied."""
    return type_.kind is CKind.COMPOSITE and _is_by_reference(type_, layout)


def _scalars(type_: CType, layout: DwarfLayout, start: int) -> Iterator[tuple[int, int, bool]]:
    """Yield offset, size, and whether it is a floating-point number, of the scalars that a type is made of."""
    match type_.kind:
        case CKind.COMPOSITE:
            for member in layout.members(type_):
                if member.bits:
                    yield start + member.offset // 8, 1, False
                else:
                    yield from _scalars(member.type, layout, start + member.offset // 8)
        case CKind.ARRAY:
            element = layout.target(type_)
            for index in range(layout.length(type_)):
                yield from _scalars(element, layout, start + index * element.size)
        case _:
            yield start, max(type_.size, 1), is_float(type_, layout)


def _is_by_reference(type_: CType, layout: DwarfLayout) -> bool:
    found = layout.resolved(type_.handle) if isinstance(type_.handle, Die) else None
    if found is None:
        return False
    told = found.number(d.AT_CALLING_CONVENTION)
    if told in (_BY_REFERENCE, _BY_VALUE):
        return told == _BY_REFERENCE
    # Before DWARF 5 the class does not tell; one with a destructor or virtual functions is not copied byte by byte.
    functions = [child for child in found.child_dies() if child.tag == d.TAG_SUBPROGRAM]
    if any(child.has(d.AT_VIRTUALITY) or child.name.startswith("~") for child in functions):
        return True
    return any(
        _is_by_reference(member.type, layout)
        for member in layout.members(type_)
        if member.type.kind is CKind.COMPOSITE and member.type.handle != type_.handle
    )


def returned_location(type_: CType, layout: DwarfLayout) -> VariableLocation:
    """Return where a function leaves what it returns."""
    words = words_of(type_, layout)
    if words is None:
        if type_.kind is CKind.OTHER:
            return IN_VECTOR
        return InMemory(RegisterTerm(_RETURNED[0]))
    return in_registers(words, _RETURNED)


def in_registers(words: Words, registers: tuple[int, ...]) -> VariableLocation:
    """Return the place of a value whose words for whole numbers are in the first of some registers."""
    parts: list[VariableLocation] = []
    used = 0
    for is_whole in words:
        parts.append(InRegister(registers[used]) if is_whole else IN_VECTOR)
        used += is_whole
    return parts[0] if len(parts) == 1 else Pieces(tuple((part, 8) for part in parts))
