"""Abbreviations (.debug_abbrev): the shapes that the DIEs of a unit have.

code 12  ->  DW_TAG_subprogram, children, name as an offset in .debug_str, declared in a file and a line, ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from . import dwarf_constants as d
from .dwarf_forms import FIXED_SIZES, OFFSET_FORMS, READERS, ULEB_FORMS, Reader, sleb, uleb


class DwarfError(Exception):
    """The debugging information is damaged, or of a kind that is not understood."""


class Abbreviation:
    """The shape of DIEs: tag, whether children follow, and its attributes with their readers.

    `steps` skip over the attributes: a positive number of bytes, 0 for a number of variable length, -1 for a string, or
    the reader of another form. `sibling` is the place of DW_AT_sibling in it when that has a fixed one, else -1.
    """

    __slots__ = ("attributes", "fixed_size", "has_children", "sibling", "steps", "tag")

    def __init__(
        self, tag: int, has_children: bool, attributes: list[tuple[int, int, int | None]], offset_size: int
    ) -> None:
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

    def place(self, attribute: int, offset_size: int) -> tuple[int, int] | None:
        """Return where an attribute stands behind the code, and its form.

        None when there is no such attribute; the place is -1 where it differs from DIE to DIE.
        """
        at = 0
        for known, form, _, _ in self.attributes:
            if known == attribute:
                return at, form
            size = offset_size if form in OFFSET_FORMS else FIXED_SIZES.get(form)
            at = at + size if size is not None and at >= 0 else -1
        return None

    def has(self, attribute: int) -> bool:
        return any(known == attribute for known, _, _, _ in self.attributes)

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

    def with_tags(self, tags: Collection[int]) -> Iterator[tuple[int, Abbreviation]]:
        """Yield the abbreviations of DIEs with one of the tags, with their codes. Raises DwarfError."""
        for code, (tag, _) in self.places.items():
            if tag in tags:
                yield code, self[code]

    def __missing__(self, code: int) -> Abbreviation:
        place = self.places.get(code)
        if place is None:
            raise DwarfError(f"unknown abbreviation {code}")
        tag, at = place
        data = self._data
        has_children = data[at] != 0
        at += 1
        attributes: list[tuple[int, int, int | None]] = []
        while True:
            attribute, at = uleb(data, at)
            form, at = uleb(data, at)
            implicit: int | None = None
            if form == d.FORM_IMPLICIT_CONST:
                implicit, at = sleb(data, at)
            if not attribute and not form:
                break
            attributes.append((attribute, form, implicit))
        found = self[code] = Abbreviation(tag, has_children, attributes, self._offset_size)
        return found
