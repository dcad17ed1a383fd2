"""Reads single attributes of DIEs from their places, without decoding the DIEs: many are looked at, few are wanted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal

from . import dwarf_constants as d
from .dwarf_abbreviations import place_of
from .dwarf_forms import FIXED_SIZES, OFFSET_FORMS, uleb
from .dwarf_units import Die, Unit

_ABOVE = (d.AT_ABSTRACT_ORIGIN, d.AT_SPECIFICATION)
SHORT_REFERENCES = (d.FORM_REF1, d.FORM_REF2, d.FORM_REF8, d.FORM_REF_UDATA)
"""The forms of references inside a unit that dwz(1) prefers to that of 4 bytes."""
_IN_UNIT = (d.FORM_REF4, *SHORT_REFERENCES)
INDEXED = (d.FORM_STRX1, d.FORM_STRX2, d.FORM_STRX3, d.FORM_STRX4)
"""The forms of strings that a unit names by number, which have one size each."""
_MAX_DEPTH = 8

Rule = tuple[Literal["known", "own", "above", "decoded"], int, int]
"""The answer; or how to find it: from the attribute at a place behind the code, with its size in bytes, from the DIE
that a reference there leads to, or from the decoded DIE."""


class InheritedTest:
    """Tells whether an attribute of DIEs, or of what they are instances or definitions of, has one of some values."""

    def __init__(
        self,
        unit: Unit,
        attribute: int,
        forms: Collection[int],
        values: Collection[int],
        otherwise: Callable[[Die], bool],
    ) -> None:
        """`values` are as they stand there in one of the forms; `otherwise` answers for attributes in other forms."""
        self._unit = unit
        self._attribute = attribute
        self._forms = forms
        self._values = values
        self._otherwise = otherwise
        self._rules: dict[int, Rule] = {}
        self._above: dict[int, bool] = {}

    def holds(self, offset: int, depth: int = 0) -> bool:
        """Tell it of the DIE at an offset."""
        unit = self._unit
        info = unit.info
        code, at = info[offset], offset + 1
        if code >= 0x80:
            code, at = uleb(info, offset)
        rule = self._rules.get(code)
        if rule is None:
            rule = self._rules[code] = self._rule(code)
        kind, place, size = rule
        if kind == "known":
            return bool(place)
        if kind == "decoded" or depth > _MAX_DEPTH:
            die = unit.die(offset)
            return die is not None and self._otherwise(die)
        at += place
        value = int.from_bytes(info[at : at + size], "little")
        if kind == "own":
            return value in self._values
        answer = self._above.get(value)
        if answer is None:
            answer = self._above[value] = self.holds(unit.offset + value, depth + 1)
        return answer

    def _rule(self, code: int) -> Rule:
        attributes, size = self._unit.abbreviations.attributes(code), self._unit.offset_size
        own = place_of(attributes, self._attribute, size)
        if own is not None:
            constant = next((value for name, _, value in attributes if name == self._attribute), None)
            if constant is not None:
                return "known", constant in self._values, 0
            is_plain = own[0] >= 0 and own[1] in self._forms
            width = size if own[1] in OFFSET_FORMS else FIXED_SIZES.get(own[1], 0)
            return ("own", own[0], width) if is_plain and width else ("decoded", 0, 0)
        above = next(
            (place for place in (place_of(attributes, name, size) for name in _ABOVE) if place is not None), None
        )
        if above is None:
            return "known", 0, 0
        return ("above", above[0], 4) if above[1] == d.FORM_REF4 and above[0] >= 0 else ("decoded", 0, 0)


def with_attributes(unit: Unit, tags: Sequence[int], attributes: Sequence[int]) -> Iterator[int]:
    """Yield the offsets of the DIEs of a unit that have one of the tags and one of the attributes."""
    wanted = {
        code
        for code, known in unit.abbreviations.attributes_of(tags)
        if any(attribute in attributes for attribute, _, _ in known)
    }
    info = unit.info
    for tag in tags:
        for offset in unit.tree.by_tag[tag]:
            code = info[offset]
            if (code if code < 0x80 else uleb(info, offset)[0]) in wanted:
                yield offset


def referring(unit: Unit, tags: Sequence[int], targets: Collection[int]) -> Iterator[Die]:
    """Yield the DIEs of a unit with one of the tags that are instances or definitions of DIEs at offsets in it."""
    places: dict[int, list[int]] = {}
    for code, attributes in unit.abbreviations.attributes_of(tags):
        every = (place_of(attributes, name, unit.offset_size) for name in _ABOVE)
        found = [place for place in every if place is not None]
        places[code] = [at if form == d.FORM_REF4 else -1 for at, form in found if form in _IN_UNIT]
    info = unit.info
    for offset in with_attributes(unit, tags, _ABOVE):
        code, at = uleb(info, offset)
        for place in places[code]:
            if place >= 0 and int.from_bytes(info[at + place : at + place + 4], "little") not in targets:
                continue
            die = unit.die(offset)
            if die is not None and any(die.number(name) in targets for name in _ABOVE):
                yield die
                break
