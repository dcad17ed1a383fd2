"""Debugging information that was split off to .dwo files (-gsplit-dwarf, DWARF 5), seen as if it were in the program.

The program has for each unit a skeleton: addresses, the line table, and the name of the file with all else. The units
of those files are put behind the program's own, each with its skeleton at hand and the sections of its own file.
"""

from __future__ import annotations

import os
from functools import cached_property

from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError
from .dwarf_elf import ElfFile, open_elf
from .dwarf_units import DwarfData, Unit


def is_skeleton(unit: Unit) -> bool:
    """Tell whether a unit stands for one in another file."""
    return unit.kind == d.UT_SKELETON or unit.top.has(d.AT_GNU_DWO_NAME)


class SplitData(DwarfData):
    """The units of a program, and those of its .dwo files in place of their skeletons."""

    is_split = True

    def __init__(self, elf: ElfFile) -> None:
        super().__init__(elf)
        own = DwarfData(elf)
        self.lacking: list[str] = []
        """The .dwo files that are not there, or do not fit."""
        pieces, at = [own.info], len(own.info)
        rows: list[tuple[int, DwarfData, Unit | None]] = []
        for unit in own.units:
            if not is_skeleton(unit):
                rows.append((unit.offset, self, None))
                continue
            found = _split_unit(unit, elf.path)
            if found is None:
                self.lacking.append(unit.top.text(d.AT_DWO_NAME) or unit.top.text(d.AT_GNU_DWO_NAME))
                continue
            data = found.data
            pieces.append(data.info)
            rows.append((at + found.offset, data, unit))
            at += len(data.info)
        self._rows = rows
        self._joined = b"".join(pieces)

    @property
    def info(self) -> bytes:
        return self._joined

    @cached_property
    def units(self) -> list[Unit]:
        made = []
        for offset, data, skeleton in self._rows:
            unit = Unit(data, self._joined, offset)
            unit.skeleton = skeleton
            made.append(unit)
        return sorted(made, key=lambda unit: unit.offset)


def _split_unit(skeleton: Unit, program: str) -> Unit | None:
    """Return the unit that a skeleton stands for, in the data of its own file; None where that is not to be had."""
    name = skeleton.top.text(d.AT_DWO_NAME)
    if not name:
        return None
    folder, beside = skeleton.top.text(d.AT_COMP_DIR), os.path.dirname(os.path.realpath(program))
    for path in (os.path.join(folder, name), os.path.join(beside, name), os.path.join(beside, os.path.basename(name))):
        elf = open_elf(path)
        if elf is None:
            continue
        try:
            for unit in DwarfData(elf, ".dwo").units:
                if unit.kind == d.UT_SPLIT_COMPILE and unit.identity == skeleton.identity:
                    return unit
        except (DwarfError, IndexError):
            continue
    return None


def joined_data(elf: ElfFile) -> DwarfData:
    """Return the debugging information of a file, with what was split off from it."""
    data = DwarfData(elf)
    if elf.section(".debug_addr") is None and elf.section(".zdebug_addr") is None:
        return data  # a skeleton has its addresses there; this spares reading the units of large files
    try:
        units = data.units
        # Before DWARF 5 the header does not tell, and reading all units takes long: the first stands for them.
        is_split = any(unit.kind == d.UT_SKELETON for unit in units) or any(map(is_skeleton, units[:1]))
    except IndexError:
        return data
    return SplitData(elf) if is_split else data
