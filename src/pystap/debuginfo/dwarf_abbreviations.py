"""Abbreviations (.debug_abbrev): the shapes that the DIEs of a unit have.

code 12  ->  DW_TAG_subprogram, children, name as an offset in .debug_str, declared in a file and a line, ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from . import dwarf_constants as d
from .dwarf_forms import FIXED_SIZES, OFFSET_FORMS, READERS, ULEB_FORMS, Reader, sleb, uleb


class DwarfError(Exception):
    """The debugging information is damaged, or of a kind that is not understood."""


Attribute = tuple[int, int, int | None]
"""An attribute, its form, and its value where the abbreviation has that."""


class Abbreviation:
    """The shape of DIEs: tag, whether children follow, and its attributes with their readers.

    `steps` skip over the attributes: a positive number of bytes, 0 for a number of variable length, -1 for a string, or
    the reader of another form. `sibling` is the place of DW_AT_sibling in it when that has a fixed one, else -1.
    """

    __slots__ = ("attributes", "fixed_size", "has_children", "sibling", "steps", "tag")

    def __init__(self, tag: int, has_children: bool, attributes: list[Attribute], offset_size: int) -> None:
        self.tag = tag
        self.has_children = has_children
        self.attributes: list[tuple[int, int, Reader, int | None]] = []
        self.steps: list[int | Reader] = []
        self.sibling = -1
        known = 0
        for attribute, form, implicit in attributes:
            reader = READERS.get(form)
            if reader is None:
                raise DwarfError(f"unknown DWARF form {form:#x}")
            if attribute == d.AT_SIBLING and form == d.FORM_REF4 and known >= 0:
                self.sibling = known
            self.attributes.append((attribute, form, reader, implicit))
            known = self._add_step(form, reader, offset_size, known)
        self.fixed_size = known

    def _add_step(self, form: int, reader: Reader, offset_size: int, known: int) -> int:
        size = offset_size if form in OFFSET_FORMS else FIXED_SIZES.get(form)
        if size is not None:
            last = self.steps[-1] if self.steps else None
            if isinstance(last, int) and last > 0:
                self.steps[-1] = last + size
            elif size:
                self.steps.append(size)
            return known + size if known >= 0 else known
        self.steps.append(0 if form in ULEB_FORMS else -1 if form == d.FORM_STRING else reader)
        return -1


class Abbreviations(dict[int, Abbreviation]):
    """A table of abbreviations by their code, each decoded when it is asked for: of most units few are needed."""

    def __init__(self, data: bytes, at: int, offset_size: int) -> None:
        self._data = data
        self._offset_size = offset_size
        self._known: dict[int, list[Attribute]] = {}
        self.places: dict[int, tuple[int, int]] = {}
        """The tags of all codes, and where what follows the tag stands."""
        self._find(at)

    def _find(self, at: int) -> None:
        data, end = self._data, len(self._data)
        while at < end:
            code, at = uleb(data, at)
            if not code:
                return
            tag, at = uleb(data, at)
            self.places[code] = (tag, at)
            at += 1
            while True:
                attribute = data[at]
                form = data[at + 1]
                if attribute >= 0x80 or form >= 0x80:
                    attribute, at = uleb(data, at)
                    form, at = uleb(data, at)
                else:
                    at += 2
                if form == d.FORM_IMPLICIT_CONST:
                    while data[at] >= 0x80:
                        at += 1
                    at += 1
                elif not form and not attribute:
                    break

    def attributes_of(self, tags: Collection[int]) -> Iterator[tuple[int, list[Attribute]]]:
        """Yield the codes of DIEs with one of the tags, and what attributes these have."""
        for code, (tag, at) in self.places.items():
            if tag in tags:
                known = self._known.get(code)
                if known is None:
                    known = self._known[code] = self._attributes(at + 1)
                yield code, known

    def attributes(self, code: int) -> list[Attribute]:
        """Return the attributes of the DIEs of a code. Raises DwarfError."""
        return self._attributes(self._place(code)[1] + 1)

    def _place(self, code: int) -> tuple[int, int]:
        place = self.places.get(code)
        if place is None:
            raise DwarfError(f"unknown abbreviation {code}")
        return place

    def _attributes(self, at: int) -> list[Attribute]:
        data = self._data
        found: list[Attribute] = []
        while True:
            attribute, form = data[at], data[at + 1]
            if attribute >= 0x80 or form >= 0x80:
                attribute, at = uleb(data, at)
                form, at = uleb(data, at)
            else:
                at += 2
            implicit: int | None = None
            if form == d.FORM_IMPLICIT_CONST:
                implicit, at = sleb(data, at)
            elif not form and not attribute:
                return found
            found.append((attribute, form, implicit))

    def __missing__(self, code: int) -> Abbreviation:
        tag, at = self._place(code)
        found = self[code] = Abbreviation(tag, self._data[at] != 0, self._attributes(at + 1), self._offset_size)
        return found


def place_of(attributes: Sequence[Attribute], wanted: int, offset_size: int) -> tuple[int, int] | None:
    """Return where an attribute stands behind the code of a DIE, and its form.

    None when there is no such attribute; the place is -1 where it differs from DIE to DIE.
    """
    at = 0
    for attribute, form, _ in attributes:
        if attribute == wanted:
            return at, form
        size = offset_size if form in OFFSET_FORMS else FIXED_SIZES.get(form)
        at = at + size if size is not None and at >= 0 else -1
    return None
