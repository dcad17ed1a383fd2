"""How C and C++ write the types that DWARF describes, as SystemTap lists them: `struct node*`, `char const*`."""

from __future__ import annotations

from . import dwarf_constants as d
from .dwarf_units import Die

_WORDS = {
    d.TAG_STRUCTURE_TYPE: "struct ", d.TAG_CLASS_TYPE: "class ", d.TAG_UNION_TYPE: "union ",
    d.TAG_ENUMERATION_TYPE: "enum ",
}  # fmt: skip
_QUALIFIERS = {d.TAG_CONST_TYPE: "const", d.TAG_VOLATILE_TYPE: "volatile", d.TAG_RESTRICT_TYPE: "restrict",
               d.TAG_ATOMIC_TYPE: "_Atomic"}  # fmt: skip
_SIGNS = {d.TAG_POINTER_TYPE: "*", d.TAG_REFERENCE_TYPE: "&", d.TAG_RVALUE_REFERENCE_TYPE: "&&"}
_SCOPES = (d.TAG_NAMESPACE, d.TAG_CLASS_TYPE, d.TAG_STRUCTURE_TYPE, d.TAG_UNION_TYPE)
_MAX_DEPTH = 64


def origin(die: Die, attribute: int = d.AT_NAME) -> Die:
    """Return the DIE that has an attribute: this one, or what it is an instance or the definition of."""
    found = die
    for _ in range(_MAX_DEPTH):
        if found.has(attribute):
            return found
        following = found.reference(d.AT_ABSTRACT_ORIGIN) or found.reference(d.AT_SPECIFICATION)
        if following is None:
            return found
        found = following
    return found


def whole_type(die: Die) -> Die:
    """Return the DIE with all of a type that is in a unit of its own (-fdebug-types-section); others as they are."""
    return (die.reference(d.AT_SIGNATURE) or die) if die.has(d.AT_SIGNATURE) else die


def declaration_of(die: Die) -> Die:
    """Return the DIE that stands where the source declares something: inside its class or namespace."""
    found = die
    for _ in range(_MAX_DEPTH):
        following = found.reference(d.AT_ABSTRACT_ORIGIN) or found.reference(d.AT_SPECIFICATION)
        if following is None:
            return found
        found = following
    return found


def qualified_name(die: Die) -> str:
    """Return a name with the classes and namespaces around it: `geometry::Circle::area`."""
    own = declaration_of(die)
    parts = [origin(die).name]
    parent = own.parent
    while parent is not None and parent.tag in _SCOPES:
        parts.append(parent.name or "{...}")
        parent = parent.parent
    return "::".join(reversed(parts))


def type_name(die: Die | None) -> str:
    """Return how C writes a type; None is void."""
    return _declare(die, "", 0)


def _declare(die: Die | None, inner: str, depth: int) -> str:
    """Write a type around `inner`, what C has already written next to the declared name ("*", "(*)(int)")."""
    if die is None or depth > _MAX_DEPTH:
        return _join("void", inner)
    tag = die.tag
    if tag in _WORDS:
        die = whole_type(die)
        return _join(_WORDS[tag] + (qualified_name(die) if origin(die).name else "{...}"), inner)
    if tag in _QUALIFIERS:
        return _qualify(die, _QUALIFIERS[tag], inner, depth)
    if tag in _SIGNS:
        return _pointer(die.reference(d.AT_TYPE), _SIGNS[tag], inner, depth)
    if tag == d.TAG_ARRAY_TYPE:
        lengths = "".join(f"[{length or ''}]" for length in array_lengths(die))
        return _declare(die.reference(d.AT_TYPE), inner + lengths, depth + 1)
    if tag == d.TAG_SUBROUTINE_TYPE:
        kinds = (d.TAG_FORMAL_PARAMETER, d.TAG_UNSPECIFIED_PARAMETERS)
        names = [
            "..." if child.tag == d.TAG_UNSPECIFIED_PARAMETERS else _declare(child.reference(d.AT_TYPE), "", depth + 1)
            for child in die.child_dies() if child.tag in kinds
        ]  # fmt: skip
        return _declare(die.reference(d.AT_TYPE), f"{inner}({', '.join(names)})", depth + 1)
    return _join(qualified_name(die) or "?", inner)


def _join(name: str, inner: str) -> str:
    return f"{name} {inner}" if inner.startswith("(") else name + inner


def _qualify(die: Die, word: str, inner: str, depth: int) -> str:
    target = die.reference(d.AT_TYPE)
    if target is not None and target.tag in _SIGNS:
        return _pointer(target.reference(d.AT_TYPE), f"{_SIGNS[target.tag]} {word}", inner, depth)
    return _join(f"{type_name(target)} {word}", inner)


def _pointer(target: Die | None, sign: str, inner: str, depth: int) -> str:
    if target is not None and target.tag in (d.TAG_SUBROUTINE_TYPE, d.TAG_ARRAY_TYPE):
        return _declare(target, f"({sign}{inner})", depth + 1)
    return _declare(target, f"{sign}{inner}", depth + 1)


def array_lengths(die: Die) -> list[int]:
    """Return the number of elements of each dimension; 0 where it is not known."""
    lengths = []
    for child in die.child_dies():
        if child.tag == d.TAG_SUBRANGE_TYPE:
            count, bound = child.number(d.AT_COUNT), child.signed(d.AT_UPPER_BOUND)
            known = child.form(d.AT_UPPER_BOUND) not in (d.FORM_REF4, d.FORM_EXPRLOC, d.FORM_LOCLISTX)
            lengths.append(count if count is not None else bound + 1 if bound is not None and known else 0)
    return lengths
