"""The units of .debug_info and their entries (DIEs), decoded one by one as they are asked for.

A DIE is known by its unit and its offset in the section. Nothing walks a whole section: dwarf_names.py finds the units
that matter, `Unit.tree` walks one unit.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property

from . import dwarf_constants as d
from .dwarf_abbreviations import Abbreviations, DwarfError
from .dwarf_elf import ElfFile, supplementary_file
from .dwarf_forms import FIXED_SIZES, Reader, Value, skipped, text_at, uleb
from .dwarf_paths import Paths

_STRX = frozenset((d.FORM_STRX, d.FORM_STRX1, d.FORM_STRX2, d.FORM_STRX3, d.FORM_STRX4, d.FORM_GNU_STR_INDEX))
_ADDRX = frozenset((d.FORM_ADDRX, d.FORM_ADDRX1, d.FORM_ADDRX2, d.FORM_ADDRX3, d.FORM_ADDRX4, d.FORM_GNU_ADDR_INDEX))
_NOTHING: tuple[int, Value] = (0, b"")
_UNIT_REFERENCES = frozenset((d.FORM_REF1, d.FORM_REF2, d.FORM_REF4, d.FORM_REF8, d.FORM_REF_UDATA))
_SUPPLEMENTARY = frozenset((d.FORM_REF_SUP4, d.FORM_REF_SUP8, d.FORM_GNU_REF_ALT))


class Die:
    """One debugging information entry; `children` is where its children begin, 0 when it has none."""

    __slots__ = ("children", "end", "offset", "tag", "unit", "values")

    def __init__(
        self, unit: Unit, offset: int, tag: int, values: dict[int, tuple[int, Value]], end: int, children: int
    ) -> None:
        self.unit, self.offset, self.tag, self.values, self.end, self.children = (
            unit, offset, tag, values, end, children,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Die) and self.offset == other.offset and self.unit is other.unit

    def __hash__(self) -> int:
        return self.offset

    def has(self, attribute: int) -> bool:
        return attribute in self.values

    def form(self, attribute: int) -> int:
        """Return the form of an attribute, 0 when it is not there."""
        found = self.values.get(attribute)
        return found[0] if found is not None else 0

    def number(self, attribute: int) -> int | None:
        """Return a constant, a flag or an offset; None when it is not there or is an expression."""
        found = self.values.get(attribute)
        return found[1] if found is not None and isinstance(found[1], int) else None

    def signed(self, attribute: int) -> int | None:
        """Return a constant whose fixed-size forms are taken as signed."""
        form, value = self.values.get(attribute, _NOTHING)
        if not isinstance(value, int):
            return None
        size = FIXED_SIZES.get(form, 0)
        if form in (d.FORM_DATA1, d.FORM_DATA2, d.FORM_DATA4, d.FORM_DATA8) and value >= 1 << (8 * size - 1):
            return value - (1 << 8 * size)
        return value

    def block(self, attribute: int) -> bytes | None:
        """Return an expression or a block; None when the attribute is not there or something else."""
        found = self.values.get(attribute)
        return found[1] if found is not None and isinstance(found[1], bytes) else None

    def text(self, attribute: int) -> str:
        """Return a string; "" when it is not there."""
        found = self.values.get(attribute)
        return self.unit.string(*found) if found is not None else ""

    def address(self, attribute: int) -> int | None:
        """Return an address; None when it is not there or a constant (DW_AT_high_pc as a size)."""
        form, value = self.values.get(attribute, _NOTHING)
        if not isinstance(value, int):
            return None
        if form == d.FORM_ADDR:
            return value
        return self.unit.address_at(value) if form in _ADDRX else None

    def reference(self, attribute: int) -> Die | None:
        """Return the DIE that an attribute refers to; None when it is not there or that is not installed."""
        form, value = self.values.get(attribute, _NOTHING)
        if not isinstance(value, int):
            return None
        if form in _UNIT_REFERENCES:
            return self.unit.die(self.unit.offset + value)
        if form == d.FORM_REF_ADDR:
            return self.unit.data.die(value)
        if form in _SUPPLEMENTARY:
            return self.unit.data.alternative.die(value) if self.unit.data.alternative is not None else None
        if form == d.FORM_REF_SIG8:
            return self.unit.data.type_of_signature(value)
        return None

    @property
    def parent(self) -> Die | None:
        """The DIE around this one; None for a unit's own."""
        container = self.unit.container(self.offset)
        return self.unit.die(container) if container is not None else None

    def child_dies(self) -> Iterator[Die]:
        """Yield the children in their order."""
        at = self.children
        while at:
            child = self.unit.die(at)
            if child is None:
                return
            yield child
            at = self.unit.after(child)

    @property
    def name(self) -> str:
        return self.text(d.AT_NAME)


class Tree:
    """Where the DIEs with children of a unit begin and end, and which of its DIEs are functions and the like."""

    def __init__(self, unit: Unit) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.parents: list[int] = []
        self.by_tag: dict[int, list[int]] = {}
        """The offsets of the DIEs that code is made of, and of those that have names outside functions."""
        self._walk(unit)

    def _walk(self, unit: Unit) -> None:
        data, abbreviations, at, end = unit.info, unit.abbreviations, unit.first, unit.end
        wanted = {tag: self.by_tag.setdefault(tag, []).append for tag in _TREE_TAGS}
        known: dict[int, tuple[Callable[[int], None] | None, int, bool, list[int | Reader]]] = {}
        stack: list[int] = []
        starts, ends, parents = self.starts, self.ends, self.parents
        while at < end:
            start = at
            code = data[at]
            at += 1
            if code == 0:
                if stack:
                    ends[stack.pop()] = at
                if not stack:
                    break
                continue
            if code >= 0x80:
                code, at = uleb(data, start)
            try:
                found, size, has_children, steps = known[code]
            except KeyError:
                shape = abbreviations[code]
                found, size, has_children, steps = known[code] = (
                    wanted.get(shape.tag), shape.fixed_size, shape.has_children, shape.steps
                )  # fmt: skip
            if found is not None:
                found(start)
            if size >= 0:
                at += size
            else:
                at = skipped(data, at, steps, unit.offset_size)
            if has_children:
                parents.append(stack[-1] if stack else -1)
                stack.append(len(starts))
                starts.append(start)
                ends.append(end)

    def container(self, offset: int) -> int | None:
        """Return the DIE around the one at an offset."""
        index = bisect_right(self.starts, offset) - 1
        if index >= 0 and self.starts[index] == offset:
            index = self.parents[index]
        while index >= 0 and self.ends[index] <= offset:
            index = self.parents[index]
        return self.starts[index] if index >= 0 else None


_TREE_TAGS = (
    d.TAG_SUBPROGRAM, d.TAG_INLINED_SUBROUTINE, d.TAG_LABEL, d.TAG_VARIABLE, d.TAG_STRUCTURE_TYPE, d.TAG_CLASS_TYPE,
    d.TAG_UNION_TYPE, d.TAG_ENUMERATION_TYPE, d.TAG_TYPEDEF, d.TAG_BASE_TYPE, d.TAG_ENUMERATOR, d.TAG_IMPORTED_UNIT,
)  # fmt: skip


class Unit:
    """One unit. `offset` is its place in the section, `first` that of its first DIE, `end` the place behind it."""

    def __init__(self, data: DwarfData, info: bytes, offset: int) -> None:
        self.data = data
        self.info = info
        self.offset = offset
        self.offset_size = 4
        length = int.from_bytes(info[offset : offset + 4], "little")
        at = offset + 4
        if length == 0xFFFFFFFF:
            length, at, self.offset_size = int.from_bytes(info[at : at + 8], "little"), at + 8, 8
        self.end = at + length
        self._header = at
        self.skeleton: Unit | None = None
        self.version = int.from_bytes(info[at : at + 2], "little")

    @cached_property
    def _head(self) -> tuple[int, int, int, int, int]:
        """Type of unit, offset of the abbreviations, first DIE, signature and offset of the type of a type unit."""
        info, at, size = self.info, self._header + 2, self.offset_size
        if not 2 <= self.version <= 5:
            raise DwarfError(f"DWARF version {self.version} is not understood")
        kind = signature = type_offset = 0
        if self.version >= 5:
            kind = info[at]
            abbreviations = int.from_bytes(info[at + 2 : at + 2 + size], "little")
            at += 2 + size
            if kind in (d.UT_SKELETON, d.UT_SPLIT_COMPILE):
                at += 8
        else:
            abbreviations = int.from_bytes(info[at : at + size], "little")
            at += size + 1
        if kind in (d.UT_TYPE, d.UT_SPLIT_TYPE) or info is self.data.types:
            signature, type_offset = struct.unpack_from("<Q", info, at)[0], info[at + 8]
            type_offset = int.from_bytes(info[at + 8 : at + 8 + size], "little")
            at += 8 + size
        return kind, abbreviations, at, signature, type_offset

    @property
    def home(self) -> Unit:
        """The unit with the addresses and the line table: the skeleton of one that was split off, else itself."""
        return self.skeleton or self

    @property
    def identity(self) -> bytes:
        """What a skeleton and the unit that it stands for have in common."""
        if self.version < 5:
            return (self.top.number(d.AT_GNU_DWO_ID) or 0).to_bytes(8, "little")
        return self.info[self.first - 8 : self.first]

    @property
    def kind(self) -> int:
        return self._head[0]

    @property
    def first(self) -> int:
        return self._head[2]

    @property
    def signature(self) -> int:
        return self._head[3]

    @property
    def type_offset(self) -> int:
        return self._head[4]

    @property
    def type_die(self) -> Die | None:
        """The type that the unit was made for; None in a unit of another kind."""
        return self.die(self.offset + self.type_offset) if self.type_offset else None

    @cached_property
    def abbreviations(self) -> Abbreviations:
        return self.data.abbreviations(self._head[1], self.offset_size)

    @cached_property
    def top(self) -> Die:
        """The DIE of the whole unit. Raises DwarfError."""
        found = self.die(self.first)
        if found is None:
            raise DwarfError(f"empty unit at {self.offset:#x}")
        return found

    @cached_property
    def tree(self) -> Tree:
        return Tree(self)

    @cached_property
    def paths(self) -> Paths:
        return Paths(self)

    def container(self, offset: int) -> int | None:
        """Return the DIE around the one at an offset; None for the unit's own."""
        known = self.__dict__.get("tree")
        return known.container(offset) if known is not None else self.paths.container(offset)

    @cached_property
    def _dies(self) -> dict[int, Die]:
        return {}

    def die(self, offset: int) -> Die | None:
        """Return the DIE at an offset of the section; None for the entry that ends a list of children."""
        known = self._dies.get(offset)
        if known is not None:
            return known
        data = self.info
        code, at = uleb(data, offset)
        if not code:
            return None
        abbreviation = self.abbreviations[code]
        values: dict[int, tuple[int, Value]] = {}
        size = self.offset_size
        for attribute, form, reader, implicit in abbreviation.attributes:
            value, at = reader(data, at, size)
            values[attribute] = (form, value if implicit is None else implicit)
        made = Die(self, offset, abbreviation.tag, values, at, at if abbreviation.has_children else 0)
        self._dies[offset] = made
        return made

    def after(self, die: Die) -> int:
        """Return the offset behind a DIE and its children."""
        sibling = die.number(d.AT_SIBLING)
        if sibling is not None:
            return self.offset + sibling
        if not die.children:
            return die.end
        depth, at, data = 1, die.children, self.info
        while depth and at < self.end:
            start = at
            code, at = uleb(data, at)
            if not code:
                depth -= 1
                continue
            abbreviation = self.abbreviations[code]
            if abbreviation.has_children:
                if abbreviation.sibling >= 0:
                    place = at + abbreviation.sibling
                    at = self.offset + int.from_bytes(data[place : place + 4], "little")
                    continue
                depth += 1
            at = skipped(data, at, abbreviation.steps, self.offset_size)
            assert at > start
        return at

    def string(self, form: int, value: Value) -> str:
        """Return the text of a string attribute."""
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        data = self.data
        if form == d.FORM_STRP:
            return text_at(data.strings, value)
        if form == d.FORM_LINE_STRP:
            return text_at(data.line_strings, value)
        if form in _STRX:
            base = self.top.number(d.AT_STR_OFFSETS_BASE) or self._table_start
            at = base + value * self.offset_size
            return text_at(data.strings, int.from_bytes(data.string_offsets[at : at + self.offset_size], "little"))
        if form in (d.FORM_STRP_SUP, d.FORM_GNU_STRP_ALT):
            return text_at(data.alternative.strings, value) if data.alternative is not None else ""
        return ""

    @property
    def _table_start(self) -> int:
        """Where a table of offsets or addresses begins that no attribute points to: behind its head, if it has one."""
        return 8 if self.version >= 5 else 0

    def address_at(self, index: int) -> int:
        """Return an address of .debug_addr by its index."""
        home = self.home
        start = home.top.number(d.AT_ADDR_BASE) or home.top.number(d.AT_GNU_ADDR_BASE) or self._table_start
        at = start + 8 * index
        return int.from_bytes(home.data.addresses[at : at + 8], "little")


class DwarfData:
    """The DWARF sections of one file. Raises DwarfError for what is damaged."""

    is_split = False
    """Whether the units have data of their own, apart from that of the file (dwarf_split.py)."""

    def __init__(self, elf: ElfFile, suffix: str = "") -> None:
        """`suffix` stands behind the names of the sections."""
        self.elf = elf
        self._suffix = suffix
        self._tables: dict[tuple[int, int], Abbreviations] = {}
        self.line_tables: dict[int, object] = {}
        """What dwarf_lines.py has read, by unit."""

    @cached_property
    def info(self) -> bytes:
        return self.section(".debug_info")

    @cached_property
    def types(self) -> bytes:
        return self.section(".debug_types")

    @cached_property
    def strings(self) -> bytes:
        return self.section(".debug_str")

    @cached_property
    def line_strings(self) -> bytes:
        return self.section(".debug_line_str")

    @cached_property
    def string_offsets(self) -> bytes:
        return self.section(".debug_str_offsets")

    @cached_property
    def addresses(self) -> bytes:
        return self.section(".debug_addr")

    @cached_property
    def alternative(self) -> DwarfData | None:
        """What dwz(1) moved to another file."""
        other = supplementary_file(self.elf)
        return DwarfData(other) if other is not None else None

    def section(self, name: str) -> bytes:
        return self.elf.content(name + self._suffix)

    @cached_property
    def units(self) -> list[Unit]:
        """All units of .debug_info in their order."""
        return list(self._read_units(self.info))

    def _read_units(self, info: bytes) -> Iterator[Unit]:
        at, size = 0, len(info)
        while at + 11 < size:
            unit = Unit(self, info, at)
            if unit.end <= at or unit.end > size:
                return
            yield unit
            at = unit.end

    @cached_property
    def starts(self) -> list[int]:
        """Where the units begin."""
        return [unit.offset for unit in self.units]

    def unit_at(self, offset: int) -> Unit | None:
        """Return the unit that an offset of .debug_info lies in."""
        index = bisect_right(self.starts, offset) - 1
        return self.units[index] if index >= 0 and offset < self.units[index].end else None

    def die(self, offset: int) -> Die | None:
        """Return the DIE at an offset of .debug_info."""
        unit = self.unit_at(offset)
        return unit.die(offset) if unit is not None else None

    @cached_property
    def _signatures(self) -> dict[int, Unit]:
        found = {unit.signature: unit for unit in self.units if unit.version >= 5 and unit.signature}
        found.update({unit.signature: unit for unit in self._read_units(self.types)})
        return found

    def apart(self) -> Iterator[Die]:
        """Yield the types in units of their own that a search of .debug_info does not find."""
        for unit in self._read_units(self.types):
            die = unit.type_die
            if die is not None:
                yield die

    def type_of_signature(self, signature: int) -> Die | None:
        """Return the type of a type unit."""
        unit = self._signatures.get(signature)
        return unit.type_die if unit is not None else None

    def abbreviations(self, offset: int, offset_size: int) -> Abbreviations:
        """Return the abbreviations at an offset of .debug_abbrev, by their code."""
        known = self._tables.get((offset, offset_size))
        if known is None:
            known = Abbreviations(self.section(".debug_abbrev"), offset, offset_size)
            self._tables[offset, offset_size] = known
        return known
