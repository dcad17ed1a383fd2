"""C types of a program from its DWARF, as the compiler follows them (`program.c_types`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..program.c_types import CKind, CMember, CType
from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_type_names import array_lengths, origin, type_name, whole_type
from .dwarf_units import Die

_TRANSPARENT = (d.TAG_TYPEDEF, d.TAG_CONST_TYPE, d.TAG_VOLATILE_TYPE, d.TAG_RESTRICT_TYPE, d.TAG_ATOMIC_TYPE)
_POINTERS = (d.TAG_POINTER_TYPE, d.TAG_REFERENCE_TYPE, d.TAG_RVALUE_REFERENCE_TYPE)
_COMPOSITES = (d.TAG_STRUCTURE_TYPE, d.TAG_CLASS_TYPE, d.TAG_UNION_TYPE)
_SIGNED = (d.ATE_SIGNED, d.ATE_SIGNED_CHAR)
_CHARACTERS = (d.ATE_SIGNED_CHAR, d.ATE_UNSIGNED_CHAR, d.ATE_UTF)

Definition = Callable[[Die], Die | None]
"""Finds the definition of a type that is only declared where it is used."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A dimension of an array behind the first: what is left of the array's type when an index was followed."""

    array: Die
    depth: int


class DwarfLayout:
    """A `TypeLayout` over the types of a file. Handles are DIEs (None: void), or rows of arrays."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._types: dict[tuple[int, int], CType] = {}
        self._void = CType(self, None, "void", CKind.OTHER, 0)

    def type(self, die: Die | None) -> CType:
        """Return the type that a DIE describes."""
        if die is None:
            return self._void
        key = (id(die.unit), die.offset)
        found = self._types.get(key)
        if found is None:
            found = self._types[key] = self._described(die)
        return found

    def of(self, die: Die) -> CType:
        """Return the type of a variable, a member or a parameter; of a function, what it returns."""
        return self.type(origin(die, d.AT_TYPE).reference(d.AT_TYPE))

    def resolved(self, die: Die) -> Die | None:
        """Look through typedefs and qualifiers, and find the definition of what is only declared."""
        found: Die | None = die
        for _ in range(64):
            if found is None or found.tag not in _TRANSPARENT:
                break
            found = found.reference(d.AT_TYPE)
        found = whole_type(found) if found is not None else None
        if found is not None and found.has(d.AT_DECLARATION):
            return self._definition(found) or found
        return found

    def _described(self, die: Die) -> CType:
        name = type_name(die)
        found = self.resolved(die)
        if found is None:
            return CType(self, None, name, CKind.OTHER, 0)
        size = found.number(d.AT_BYTE_SIZE) or 0
        tag = found.tag
        if tag == d.TAG_BASE_TYPE:
            return self._base(die, found, name, size)
        if tag == d.TAG_ENUMERATION_TYPE:
            return CType(self, die, name, CKind.INTEGER, size or self._underlying(found), _is_signed_enum(found))
        if tag in _POINTERS:
            return CType(self, die, name, CKind.POINTER, size or 8)
        if tag == d.TAG_ARRAY_TYPE:
            return CType(self, die, name, CKind.ARRAY, size or self._array_size(found, 0))
        if tag in _COMPOSITES and not found.has(d.AT_DECLARATION):
            return CType(self, die, name, CKind.COMPOSITE, size)
        if tag == d.TAG_PTR_TO_MEMBER_TYPE:
            return CType(self, die, name, CKind.INTEGER, 8, True)
        if tag == d.TAG_UNSPECIFIED_TYPE:  # decltype(nullptr)
            return CType(self, die, name, CKind.INTEGER, size)
        return CType(self, die, name, CKind.OTHER, size)

    def _base(self, die: Die, base: Die, name: str, size: int) -> CType:
        encoding = base.number(d.AT_ENCODING)
        if size not in (1, 2, 4, 8):
            return CType(self, die, name, CKind.OTHER, size)
        is_char = size == 1 and encoding in _CHARACTERS
        # A floating-point number is its bits: what the fp_* functions take.
        is_float = size >= 4 and encoding == d.ATE_FLOAT
        return CType(self, die, name, CKind.INTEGER, size, encoding in _SIGNED, is_char, is_float)

    def _underlying(self, enumeration: Die) -> int:
        base = enumeration.reference(d.AT_TYPE)
        return self.type(base).size if base is not None else 4

    def _array_size(self, array: Die, depth: int) -> int:
        size = self.type(array.reference(d.AT_TYPE)).size
        for length in array_lengths(array)[depth:]:
            size *= length
        return size

    # --------------------------------------------------------------------------------------- TypeLayout

    def target(self, type_: CType) -> CType:
        """Return what a pointer points to, or the element of an array: of one with two dimensions a row."""
        handle = type_.handle
        array, depth = (handle.array, handle.depth) if isinstance(handle, _Row) else (self.resolved(handle), 0)
        assert array is not None
        element = array.reference(d.AT_TYPE)
        if array.tag == d.TAG_ARRAY_TYPE and depth + 1 < len(array_lengths(array)):
            lengths = "".join(f"[{length}]" for length in array_lengths(array)[depth + 1 :])
            name = type_name(element) + lengths
            return CType(self, _Row(array, depth + 1), name, CKind.ARRAY, self._array_size(array, depth + 1))
        return self.type(element)

    def length(self, array: CType) -> int:
        handle = array.handle
        found, depth = (handle.array, handle.depth) if isinstance(handle, _Row) else (self.resolved(handle), 0)
        lengths = array_lengths(found) if found is not None else []
        return lengths[depth] if depth < len(lengths) else 0

    def member(self, composite: CType, name: str) -> CMember | None:
        """Return a member by name: also of anonymous members and of base classes."""
        for member in self.members(composite):
            if member.name == name:
                return member
        for member in self.members(composite):
            if not member.name and member.type.kind is CKind.COMPOSITE:
                found = self.member(member.type, name)
                if found is not None:
                    return CMember(name, found.type, member.offset + found.offset, found.bits)
        return None

    def members(self, composite: CType) -> Sequence[CMember]:
        """Return the members; a base class is a member without a name."""
        found = self.resolved(composite.handle)
        if found is None:
            return ()
        members = []
        for child in found.child_dies():
            if child.tag in (d.TAG_MEMBER, d.TAG_INHERITANCE) and not child.has(d.AT_EXTERNAL):
                offset = _member_offset(child)
                if offset is not None:
                    name = child.name if child.tag == d.TAG_MEMBER else ""
                    members.append(CMember(name, self.of(child), offset, child.number(d.AT_BIT_SIZE) or 0))
        return members

    def enumerators(self, type_: CType) -> dict[int, str]:
        """Return the names of an enumeration's values; {} for other types."""
        found = self.resolved(type_.handle) if isinstance(type_.handle, Die) else None
        if found is None or found.tag != d.TAG_ENUMERATION_TYPE:
            return {}
        named = [child for child in found.child_dies() if child.tag == d.TAG_ENUMERATOR]
        return {child.signed(d.AT_CONST_VALUE) or 0: child.name for child in named}


def _is_signed_enum(enumeration: Die) -> bool:
    forms = (d.FORM_SDATA, d.FORM_IMPLICIT_CONST)
    for child in enumeration.child_dies():
        if child.form(d.AT_CONST_VALUE) in forms and (child.number(d.AT_CONST_VALUE) or 0) < 0:
            return True
    return False


def _member_offset(member: Die) -> int | None:
    """Return where a member begins, in bits; None for one whose place is computed (a virtual base) or static."""
    bits, own = member.number(d.AT_DATA_BIT_OFFSET), member.number(d.AT_DATA_MEMBER_LOCATION)
    if bits is not None:
        return bits
    block = member.block(d.AT_DATA_MEMBER_LOCATION)
    if block is not None:
        if block[:1] != b"\x23":  # DW_OP_plus_uconst, as DWARF 2 wrote offsets
            return None
        from .dwarf_forms import uleb

        own = uleb(block, 1)[0]
    offset = 8 * (own or 0)
    high = member.number(d.AT_BIT_OFFSET)  # counted from the highest bit of the storage (DWARF 2 and 3)
    size = member.number(d.AT_BIT_SIZE)
    if high is not None and size is not None:
        storage = member.number(d.AT_BYTE_SIZE) or _storage(member)
        offset += 8 * storage - high - size
    return offset


def _storage(member: Die) -> int:
    base = member.reference(d.AT_TYPE)
    while base is not None and base.tag in _TRANSPARENT:
        base = base.reference(d.AT_TYPE)
    return (base.number(d.AT_BYTE_SIZE) if base is not None else None) or 4
