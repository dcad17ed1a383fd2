"""Finds DIEs by name, or by what they refer to, without walking the units that they are in.

work  ->  the bytes 11 47 00 00 at 0x8123 of .debug_info  ->  the byte before is 0x2e, an abbreviation of functions
          whose first attribute is the name, in a table of strings  ->  there may be a DIE at 0x8122

Nearly all abbreviations have an attribute of this kind at a fixed place, so the place of a DIE follows from that of the
attribute. That may still be chance: `is_die` follows the way from the top of the unit to be sure, for those that are
really wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError, place_of
from .dwarf_names import Names, places, references, string_places
from .dwarf_raw import INDEXED, SHORT_REFERENCES, InheritedTest, referring
from .dwarf_units import Die, Unit

_OWN_STRINGS, _SHARED_STRINGS = (d.FORM_STRP,), (d.FORM_STRP_SUP, d.FORM_GNU_STRP_ALT)
_SHARED_DIES = (d.FORM_GNU_REF_ALT, d.FORM_REF_SUP4)
_REFERENCES = (d.AT_ABSTRACT_ORIGIN, d.AT_SPECIFICATION)
_MOST_TARGETS = 64
"""Of more DIEs of a unit a walk through it finds the instances faster."""

Shapes = dict[int, tuple[frozenset[int], frozenset[int]]]
"""The number of bytes between the code of a DIE and an attribute -> the codes of one byte and of two for which."""


class Finder:
    """Finds the DIEs of one file."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._data = names.data
        self._known: dict[tuple[object, ...], Shapes | None] = {}

    # ------------------------------------------------------------------------------------------------- by name

    def named(self, name: str, tags: Sequence[int], inside: Unit | None = None) -> Iterator[Die]:
        """Yield what may be DIEs of a name with one of the tags; with `inside` those of that unit."""
        low, high = (inside.offset, inside.end) if inside is not None else (0, len(self._data.info))
        return self._named_between([name], tags, low, high)

    def with_names(self, names: Collection[str], tags: Sequence[int], share: tuple[int, int]) -> Iterator[Die]:
        """Yield what may be DIEs with one of the names and one of the tags, each once, of a part of .debug_info."""
        return self._named_between(names, tags, *share)

    def _named_between(self, names: Collection[str], tags: Sequence[int], low: int, high: int) -> Iterator[Die]:
        data, seen = self._data, set[int]()
        walked: set[int] = set()
        if data.is_split:
            for name in names:
                for unit in self._names.stream(name):
                    yield from _walked(unit, (name,), tags, seen)
            return
        for place, forms in self._mentions(names, low, high):
            found = data.unit_at(place)
            if found is None or found.offset in walked:
                continue
            unit = found
            shapes = self._shapes(unit, (d.AT_NAME,), forms, tags)
            if shapes is None:
                walked.add(unit.offset)
                yield from _walked(unit, names, tags, seen)
                continue
            for die in _around(unit, place, shapes):
                if die.offset not in seen and die.name in names:
                    seen.add(die.offset)
                    yield die
        if data.string_offsets:
            for unit in self._names.units_with_indexes(names):
                if low <= unit.offset < high and unit.offset not in walked:
                    yield from _walked(unit, names, tags, seen, self._names.string_indexes(unit, names))

    def _mentions(self, names: Collection[str], low: int, high: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield where a string, or a reference to it, stands in .debug_info, and the forms that it may have there."""
        data = self._data
        texts = [name.encode() + b"\0" for name in names]
        strings = [string_places(data.strings, text) for text in texts]
        for place in references(data.info, [at for found in strings for at in found], low, high):
            yield place, _OWN_STRINGS
        if data.alternative is not None:
            shared = [at for text in texts for at in string_places(data.alternative.strings, text)]
            for place in references(data.info, shared, low, high):
                yield place, _SHARED_STRINGS
        for text, found in zip(texts, strings, strict=True):
            if len(text) <= 4 or not found:  # not worth a reference
                for place in places(data.info, text, low, high):
                    yield place, (d.FORM_STRING,)

    @staticmethod
    def is_die(die: Die) -> bool:
        """Tell whether a DIE that was found is one, and no chance."""
        return die.unit.paths.to(die.offset) is not None

    # ------------------------------------------------------------------------------------------------ by reference

    def referring(self, targets: Sequence[Die], tags: Sequence[int], across: bool) -> Iterator[Die]:
        """Yield what may be DIEs with one of the tags that are instances, or definitions, of one of the targets.

        `across` tells to look for them in other units than the targets', too.
        """
        own: dict[int, tuple[Unit, set[int]]] = {}
        for die in targets:
            if die.unit.data is self._data or self._data.is_split:
                own.setdefault(die.unit.offset, (die.unit, set()))[1].add(die.offset - die.unit.offset)
        for unit, offsets in own.values():
            yield from self._referring_in(unit, offsets, tags)
        if across:
            local = {die.offset for die in targets if die.unit.data is self._data}
            yield from self._referring_across(local, (d.FORM_REF_ADDR,), tags)
        shared = {die.offset for die in targets if die.unit.data is self._data.alternative}
        yield from self._referring_across(shared, _SHARED_DIES, tags)

    def _referring_in(self, unit: Unit, offsets: Collection[int], tags: Sequence[int]) -> Iterator[Die]:
        shapes = self._shapes(unit, _REFERENCES, (d.FORM_REF4,), tags)
        if shapes is None or len(offsets) > _MOST_TARGETS:
            yield from referring(unit, tags, offsets)
            return
        seen: set[int] = set()
        for place in references(unit.info, sorted(offsets), unit.first, unit.end):
            for die in _around(unit, place, shapes):
                if die.offset not in seen and _refers(die, offsets):
                    seen.add(die.offset)
                    yield die

    def _referring_across(self, offsets: Collection[int], forms: tuple[int, ...], tags: Sequence[int]) -> Iterator[Die]:
        seen: set[int] = set()
        for place in references(self._data.info, sorted(offsets)):
            unit = self._data.unit_at(place)
            shapes = self._shapes(unit, _REFERENCES, forms, tags) if unit is not None else None
            if unit is None or shapes is None:
                continue
            for die in _around(unit, place, shapes):
                if die.offset not in seen and _refers(die, offsets):
                    seen.add(die.offset)
                    yield die

    # ------------------------------------------------------------------------------------------------------ shapes

    def _shapes(
        self, unit: Unit, attributes: tuple[int, ...], forms: tuple[int, ...], tags: Sequence[int]
    ) -> Shapes | None:
        """Return where DIEs with one of the tags have one of the attributes in one of the forms.

        None when one of the abbreviations has it at no fixed place, and only a walk helps.
        """
        key = (id(unit.abbreviations), attributes, forms, tuple(tags))
        if key not in self._known:
            self._known[key] = _shapes(unit, attributes, forms, tags)
        return self._known[key]


def dies_with_tags(unit: Unit, tags: Sequence[int]) -> Iterator[Die]:
    """Yield the DIEs of a unit with one of the tags, by a walk through it."""
    for tag in tags:
        for offset in unit.tree.by_tag[tag]:
            die = unit.die(offset)
            if die is not None:
                yield die


def _walked(
    unit: Unit, names: Collection[str], tags: Sequence[int], seen: set[int], indexes: Collection[int] | None = None
) -> Iterator[Die]:
    """Yield the DIEs of a unit that have one of the names; with `indexes` these names have these numbers in it."""
    test: InheritedTest | None = None
    if indexes is not None:
        test = InheritedTest(unit, d.AT_NAME, INDEXED, indexes, lambda die: die.has(d.AT_NAME) and die.name in names)
    for tag in tags:
        for offset in unit.tree.by_tag[tag]:
            if offset in seen or (test is not None and not test.holds(offset)):
                continue
            die = unit.die(offset)
            if die is not None and die.has(d.AT_NAME) and die.name in names:
                seen.add(offset)
                yield die


def _refers(die: Die, offsets: Collection[int]) -> bool:
    """Tell whether a DIE is an instance or the definition of one at the offsets, which are as its references are."""
    return any(die.number(attribute) in offsets for attribute in _REFERENCES)


def _around(unit: Unit, place: int, shapes: Shapes) -> Iterator[Die]:
    """Yield the DIEs that may have an attribute at a place."""
    info, first = unit.info, unit.first
    for size, (short, long) in shapes.items():
        at = place - size - 1
        if at < first:
            continue
        if info[at] not in short:
            at -= 1
            if at < first or info[at] | info[at + 1] << 8 not in long:
                continue
        try:
            die = unit.die(at)
        except (DwarfError, IndexError, KeyError):
            continue
        if die is not None:
            yield die


def _shapes(unit: Unit, attributes: tuple[int, ...], forms: tuple[int, ...], tags: Sequence[int]) -> Shapes | None:
    found: dict[int, tuple[set[int], set[int]]] = {}
    for code, known in unit.abbreviations.attributes_of(tags):
        for attribute in attributes:
            place = place_of(known, attribute, unit.offset_size)
            if place is None:
                continue
            if place[1] not in forms:
                if d.FORM_REF4 in forms and place[1] in SHORT_REFERENCES:
                    return None
                continue
            if place[0] < 0 or code >= 1 << 14:
                return None
            short, long = found.setdefault(place[0], (set(), set()))
            if code < 0x80:
                short.add(code)
            else:
                long.add((code & 0x7F | 0x80) | code >> 7 << 8)
    return {size: (frozenset(short), frozenset(long)) for size, (short, long) in found.items()}
