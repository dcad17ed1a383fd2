"""Finds DIEs by name, or by what they refer to, without walking the units that they are in.

work  ->  the bytes 11 47 00 00 at 0x8123 of .debug_info  ->  the byte before is 0x2e, an abbreviation of functions
          whose first attribute is the name, in a table of strings  ->  there may be a DIE at 0x8122

Nearly all abbreviations have an attribute of this kind at a fixed place, so the place of a DIE follows from that of the
attribute. That may still be chance: `is_die` walks the unit to be sure, for those that are really wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from . import dwarf_constants as d
from .dwarf_forms import FIXED_SIZES, OFFSET_FORMS, uleb
from .dwarf_names import Names, places, references, string_places
from .dwarf_units import Die, DwarfError, Unit

_NAME_FORMS = (d.FORM_STRP, d.FORM_STRING)
_INDEXED = (d.FORM_STRX, d.FORM_STRX1, d.FORM_STRX2, d.FORM_STRX3, d.FORM_STRX4)


class Finder:
    """Finds the DIEs of one file."""

    def __init__(self, names: Names, is_shared: bool = False) -> None:
        """`is_shared` is for what dwz(1) moved to a file of its own."""
        self._names = names
        self._is_shared = is_shared
        self._data = names.data
        self._prefixes: dict[tuple[int, int, tuple[int, ...]], dict[int, tuple[int, int]] | None] = {}

    def named(self, name: str, tags: Sequence[int], first: Unit | None = None) -> Iterator[Die]:
        """Yield what may be DIEs of a name with one of the tags, those of the unit `first` before the others."""
        if first is not None and first.info is self._data.info:
            yield from self._named_between(name, tags, first.offset, first.end)
        yield from self._named_between(name, tags, 0, len(self._data.info))

    def _named_between(self, name: str, tags: Sequence[int], low: int, high: int) -> Iterator[Die]:
        data, seen = self._data, set[int]()
        walked: set[int] = set()
        if data.alternative is not None or self._is_shared or data.is_split:
            for unit in self._names.stream(name):
                yield from self._walked(unit, name, tags, seen)
            return
        for place in self._mentions(name, low, high):
            found = data.unit_at(place)
            if found is None or found.offset in walked:
                continue
            unit = found
            prefixes = self._of(unit, d.AT_NAME, _NAME_FORMS, tuple(tags))
            if prefixes is None:
                walked.add(unit.offset)
                yield from self._walked(unit, name, tags, seen)
                continue
            for die in _around(unit, place, prefixes):
                if die.offset not in seen and die.name == name:
                    seen.add(die.offset)
                    yield die
        if data.string_offsets:
            for unit in self._names.stream(name):
                if low <= unit.offset < high and unit.offset not in walked:
                    yield from self._walked(unit, name, tags, seen)

    def _mentions(self, name: str, low: int, high: int) -> Iterator[int]:
        """Yield where a string, or a reference to it, stands in .debug_info."""
        text = name.encode() + b"\0"
        strings = string_places(self._data.strings, text)
        yield from references(self._data.info, strings, low, high)
        if len(text) <= 4 or not strings:  # not worth a reference
            yield from places(self._data.info, text, low, high)

    @staticmethod
    def is_die(die: Die) -> bool:
        """Tell whether a DIE that was found is one, and no chance."""
        return die.unit.paths.to(die.offset) is not None

    def _walked(self, unit: Unit, name: str, tags: Sequence[int], seen: set[int]) -> Iterator[Die]:
        for tag in tags:
            for offset in unit.tree.by_tag[tag]:
                die = unit.die(offset)
                if die is not None and offset not in seen and die.name == name:
                    seen.add(offset)
                    yield die

    def referring(self, unit: Unit, targets: Collection[int], attribute: int, tags: Sequence[int]) -> Iterator[Die]:
        """Yield the DIEs of a unit with one of the tags that refer by an attribute to one of its DIEs, by offset."""
        prefixes = self._of(unit, attribute, (d.FORM_REF4,), tuple(tags))
        if prefixes is None:
            for tag in tags:
                for offset in unit.tree.by_tag[tag]:
                    die = unit.die(offset)
                    if die is not None and _offset_of(die.reference(attribute)) in targets:
                        yield die
            return
        wanted = sorted(target - unit.offset for target in targets)
        seen: set[int] = set()
        for place in references(unit.info, wanted, unit.first, unit.end):
            for die in _around(unit, place, prefixes):
                if die.offset in seen or _offset_of(die.reference(attribute)) not in targets or not self.is_die(die):
                    continue
                seen.add(die.offset)
                yield die

    def _of(
        self, unit: Unit, attribute: int, forms: Sequence[int], tags: tuple[int, ...]
    ) -> dict[int, tuple[int, int]] | None:
        """Return for each abbreviation with one of the tags the bytes before an attribute, and its form.

        None when one of them has the attribute at no fixed place, or in another form.
        """
        key = (unit.offset, attribute, tags)
        if key not in self._prefixes:
            self._prefixes[key] = _prefixes(unit, attribute, forms, tags)
        return self._prefixes[key]


def _offset_of(die: Die | None) -> int:
    return die.offset if die is not None else -1


def _around(unit: Unit, place: int, prefixes: dict[int, tuple[int, int]]) -> Iterator[Die]:
    """Yield the DIEs that may have an attribute at a place."""
    for prefix in {size for size, _ in prefixes.values()}:
        for length in (1, 2):
            start = place - prefix - length
            if start < unit.first:
                continue
            try:
                code, end = uleb(unit.info, start)
                die = unit.die(start) if end - start == length and code in prefixes else None
            except (DwarfError, IndexError):
                continue
            if die is not None and prefixes[code][0] == prefix:
                yield die


def _prefixes(
    unit: Unit, attribute: int, forms: Sequence[int], tags: tuple[int, ...]
) -> dict[int, tuple[int, int]] | None:
    found: dict[int, tuple[int, int]] = {}
    for code, abbreviation in unit.abbreviations.items():
        if abbreviation.tag not in tags:
            continue
        size = 0
        for known, form, _, _ in abbreviation.attributes:
            if known == attribute:
                if form in forms and size >= 0:
                    found[code] = (size, form)
                elif form not in _INDEXED and form not in _ELSEWHERE:
                    return None
                break
            own = unit.offset_size if form in OFFSET_FORMS else FIXED_SIZES.get(form)
            size = size + own if own is not None and size >= 0 else -1
    return found


_ELSEWHERE = (
    d.FORM_REF_ADDR,
    d.FORM_REF_SIG8,
    d.FORM_GNU_REF_ALT,
    d.FORM_REF_SUP4,
    d.FORM_STRP_SUP,
    d.FORM_GNU_STRP_ALT,
)
"""Forms of what lies in other units and files, which is not looked for here."""
