"""The way from the top of a unit to a DIE, by stepping over what lies beside it: GCC writes down where siblings begin.

Of a unit with a million DIEs some ten thousand are touched. Where nobody wrote siblings down (Clang) what is stepped
over is walked, once.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from .dwarf_forms import skipped, uleb

if TYPE_CHECKING:
    from .dwarf_units import Unit


class Paths:
    """Where the DIEs of one unit begin that have been stepped over so far."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._known: dict[int, list[int]] = {}

    def to(self, offset: int) -> list[int] | None:
        """Return the offsets of the DIEs around the one at an offset, the unit's own first; None where none begins."""
        around: list[int] = []
        current = self._unit.first
        while current != offset:
            children = self._children(current)
            index = bisect_right(children, offset) - 1
            if index < 0:
                return None
            around.append(current)
            current = children[index]
        return around

    def container(self, offset: int) -> int | None:
        """Return the DIE around the one at an offset; None for the unit's own."""
        around = self.to(offset)
        return around[-1] if around else None

    def _children(self, parent: int) -> list[int]:
        found = self._known.get(parent)
        if found is None:
            found = self._known[parent] = self._listed(parent)
        return found

    def _listed(self, parent: int) -> list[int]:
        unit = self._unit
        data, abbreviations, end, base, size = unit.info, unit.abbreviations, unit.end, unit.offset, unit.offset_size
        found: list[int] = []
        depth, at = 0, parent
        while at < end:
            start = at
            code = data[at]
            at += 1
            if code == 0:
                depth -= 1
                if depth <= 0:
                    break
                continue
            if code >= 0x80:
                code, at = uleb(data, start)
            abbreviation = abbreviations[code]
            if depth == 1:
                found.append(start)
            if abbreviation.has_children and depth:
                place = at + abbreviation.sibling
                if abbreviation.sibling >= 0:
                    at = base + int.from_bytes(data[place : place + 4], "little")
                    continue
            if abbreviation.fixed_size >= 0:
                at += abbreviation.fixed_size
            else:
                at = skipped(data, at, abbreviation.steps, size)
            if abbreviation.has_children:
                depth += 1
            elif depth == 0:
                break
        return found
