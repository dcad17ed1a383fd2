"""Types and enumeration constants of a program by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..program.c_types import CType, pointer_to
from . import dwarf_constants as d
from .dwarf_finder import Finder
from .dwarf_type_names import qualified_name
from .dwarf_units import Die, Unit

if TYPE_CHECKING:
    from .dwarf import DebugInfo

_STRUCTS = (d.TAG_STRUCTURE_TYPE, d.TAG_CLASS_TYPE)
_KEYWORDS = {"struct": _STRUCTS, "class": _STRUCTS, "union": (d.TAG_UNION_TYPE,), "enum": (d.TAG_ENUMERATION_TYPE,)}
_ANY = (*_STRUCTS, d.TAG_UNION_TYPE, d.TAG_TYPEDEF, d.TAG_ENUMERATION_TYPE, d.TAG_BASE_TYPE)
_INTEGERS = {
    "short": ("short int", "short"), "unsigned short": ("short unsigned int", "unsigned short"),
    "unsigned": ("unsigned int",), "signed": ("int",), "long": ("long int", "long"),
    "unsigned long": ("long unsigned int", "unsigned long"), "long long": ("long long int", "long long"),
    "unsigned long long": ("long long unsigned int", "unsigned long long"), "bool": ("_Bool", "bool"),
}  # fmt: skip
"""How C may write a type without `int` -> how GCC and Clang name it."""


def named_type(info: DebugInfo, text: str) -> CType | None:
    """Return the type that C text names; None when there is none."""
    base = text.rstrip("*& \t")
    stars = text[len(base) :].count("*")
    words = [word for word in base.split() if word not in ("const", "volatile")]
    found = _base(info, words)
    if found is None:
        return None
    for _ in range(stars):
        found = pointer_to(found)
    return found


def _base(info: DebugInfo, words: Sequence[str]) -> CType | None:
    if not words:
        return None
    if words == ["void"]:
        return info.layout.type(None)
    if words[0] in _KEYWORDS:
        die = type_die(info, " ".join(words[1:]), _KEYWORDS[words[0]])
        return info.layout.type(die) if die is not None else None
    name = " ".join(words)
    plain = name.removesuffix(" int") if name != "int" else name
    for known in (*_INTEGERS.get(plain, ()), name):
        die = type_die(info, known, _ANY)
        if die is not None:
            return info.layout.type(die)
    return None


def type_die(info: DebugInfo, name: str, tags: Sequence[int], first: Unit | None = None) -> Die | None:
    """Return the definition of a type; `first` is searched before the other units."""
    last = name.rpartition("::")[2]
    if not last:
        return None
    if set(tags) & set(_STRUCTS):
        tags = (*tags, *_STRUCTS)
    wanted = tuple(dict.fromkeys(tags))
    if first is not None and first.info is info.data.info:
        found = _defined(info.finders[0].named(last, wanted, first), name)
        if found is not None:
            return found
    key = (name, wanted)
    if key not in info.types:
        info.types[key] = _of_file(info, name, wanted)
    return info.types[key]


def _of_file(info: DebugInfo, name: str, tags: tuple[int, ...]) -> Die | None:
    asked = ("type", name, tags)
    known = info.kept.offsets(asked)
    if known is not None:
        return info.data.die(known[0]) if known else None
    last = name.rpartition("::")[2]
    found = next((die for finder in info.finders if (die := _defined(finder.named(last, tags), name))), None)
    if found is None:
        found = _defined((die for die in info.data.apart() if die.tag in tags and die.name == last), name)
    if found is None or found.unit.data is info.data:
        info.kept.keep_offsets(asked, [found.offset] if found is not None else [])
    return found


def _defined(dies: Iterable[Die], name: str) -> Die | None:
    """Return the first type of a name, with the scopes that it names, that is not only declared."""
    for die in dies:
        if (
            not die.has(d.AT_DECLARATION)
            and Finder.is_die(die)
            and ("::" not in name or qualified_name(die).endswith(name))
        ):
            return die
    return None


def enumerator(info: DebugInfo, name: str) -> int | None:
    """Return the value of an enumeration constant; None when there is none."""
    for finder in info.finders:
        for die in finder.named(name.rpartition("::")[2], (d.TAG_ENUMERATOR,)):
            if finder.is_die(die):
                return die.signed(d.AT_CONST_VALUE)
    return None
