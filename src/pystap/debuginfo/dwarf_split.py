"""Debugging information that was split off to .dwo files (-gsplit-dwarf), seen as if it were in the program.

The program has for each unit a skeleton: addresses, the line table, and the name of the file with all else. The units
of those files, or of the one that dwp(1) joined them to, are put behind the program's own, each with its skeleton at
hand and the sections of its own file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property

from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError
from .dwarf_elf import ElfFile, open_elf
from .dwarf_packages import Package
from .dwarf_units import Die, DwarfData, Unit


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
        package = self._package = _package(elf.path)
        for unit in own.units:
            if not is_skeleton(unit):
                rows.append((unit.offset, self, None))
                continue
            found = _split_unit(unit, elf.path, package)
            if found is None:
                self.lacking.append(_file_name(unit))
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

    def apart(self) -> Iterator[Die]:
        if self._package is not None:
            yield from self._package.types()
        for _, data, skeleton in self._rows:
            if skeleton is None:
                continue
            yield from data.apart()
            for unit in data.units:
                die = unit.type_die
                if die is not None:
                    yield die

    @cached_property
    def units(self) -> list[Unit]:
        made = []
        for offset, data, skeleton in self._rows:
            unit = Unit(data, self._joined, offset)
            unit.skeleton = skeleton
            made.append(unit)
        return sorted(made, key=lambda unit: unit.offset)


def _split_unit(skeleton: Unit, program: str, package: Package | None) -> Unit | None:
    """Return the unit that a skeleton stands for, in the data of its own file; None where that is not to be had."""
    identity = skeleton.identity
    try:
        packed = package.unit(int.from_bytes(identity, "little")) if package is not None else None
    except (DwarfError, IndexError):
        packed = None
    if packed is not None:
        return packed
    name = _file_name(skeleton)
    folder, beside = skeleton.top.text(d.AT_COMP_DIR), os.path.dirname(os.path.realpath(program))
    for path in (os.path.join(folder, name), os.path.join(beside, name), os.path.join(beside, os.path.basename(name))):
        elf = open_elf(path) if name else None
        if elf is None:
            continue
        try:
            for unit in DwarfData(elf, ".dwo").units:
                if unit.kind in (0, d.UT_SPLIT_COMPILE) and unit.identity == identity:
                    return unit
        except (DwarfError, IndexError):
            continue
    return None


def _file_name(skeleton: Unit) -> str:
    return skeleton.top.text(d.AT_DWO_NAME) or skeleton.top.text(d.AT_GNU_DWO_NAME)


def _package(program: str) -> Package | None:
    """Return what dwp made for a program: it lies beside it."""
    elf = open_elf(os.path.realpath(program) + ".dwp")
    return Package(elf) if elf is not None else None


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
