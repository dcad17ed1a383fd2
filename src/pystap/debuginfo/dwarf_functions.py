"""The functions of a program by DWARF: where they begin, where their prologue ends, where they are inlined.

static inline int square(int v)   no code of its own; an instance in each function that it was inlined into
int work(struct node *n)          0x1149 to 0x11d0, prologue up to 0x1155
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_expressions import range_list
from .dwarf_lines import line_table
from .dwarf_type_names import origin, qualified_name
from .dwarf_units import Die, Unit


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """A function, or (`is_inline`) one place where it was inlined.

    `name` is without classes and namespaces; `linkage_name` is mangled, "" in C. `file` is a
    full path, `line` where the function is declared. `entry` is the address of its first instruction,
    `after_prologue` where its variables are in their places; both are addresses of the file. `ranges` are its code.
    """

    name: str
    linkage_name: str
    file: str
    line: int
    entry: int
    after_prologue: int
    ranges: tuple[tuple[int, int], ...]
    is_inline: bool
    is_external: bool
    described: Callable[[], Die]

    @property
    def die(self) -> Die:
        """The entry that describes it."""
        return self.described()

    @property
    def qualified(self) -> str:
        """The name with the classes and namespaces around the function."""
        return qualified_name(self.die)

    def contains(self, address: int) -> bool:
        return any(low <= address < high for low, high in self.ranges)


def ranges_of(die: Die) -> list[tuple[int, int]]:
    """Return the code of a function, a block or a unit: addresses of the first byte and behind the last."""
    low = die.address(d.AT_LOW_PC)
    if low is not None and die.has(d.AT_HIGH_PC):
        high = die.address(d.AT_HIGH_PC)
        size = die.number(d.AT_HIGH_PC) or 0
        return [(low, high if high is not None else low + size)] if (high or size) else []
    offset = die.number(d.AT_RANGES)
    if offset is None:
        return []
    return list(range_list(die.unit, die.form(d.AT_RANGES), offset))


def address_ranges(table: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the rows of .debug_aranges: first address, address behind the last, offset of the unit."""
    at = 0
    while at + 12 <= len(table):
        length, _, unit, size, segments = struct.unpack_from("<IHIBB", table, at)
        end = at + 4 + length
        if length >= 0xFFFFFFF0 or size != 8 or segments or end > len(table):
            return
        for low, count in struct.iter_unpack("<QQ", table[at + 16 : end - (end - at) % 16]):
            if count and low:
                yield low, low + count, unit
        at = end


def entry_of(die: Die, ranges: Sequence[tuple[int, int]] | None = None) -> int | None:
    """Return the address where a function or an inlined instance is entered; None when it has no code.

    `ranges` is what `ranges_of` gives, where that is known.
    """
    entry = die.address(d.AT_ENTRY_PC)
    if ranges is None:
        ranges = ranges_of(die)
    if entry is None and die.has(d.AT_ENTRY_PC) and ranges:
        entry = ranges[0][0] + (die.number(d.AT_ENTRY_PC) or 0)  # DWARF 5: an offset from the lowest address
    if entry is None:
        low = die.address(d.AT_LOW_PC)
        entry = low if low is not None and die.has(d.AT_HIGH_PC) else ranges[0][0] if ranges else None
    if entry and die.tag == d.TAG_INLINED_SUBROUTINE:
        return entry  # also of one that has no instruction left of its own
    # What the linker threw away has no ranges, or an address that nothing is loaded to.
    return entry if ranges and ranges[0][1] > ranges[0][0] and entry else None


def file_of(die: Die, attribute: int = d.AT_DECL_FILE) -> str:
    """Return the path of the file that a DIE names (of its declaration, of a call); "" when it names none."""
    owner = origin(die, attribute) if attribute == d.AT_DECL_FILE else die
    index = owner.number(attribute)
    if index is None:
        return ""
    table = line_table(owner.unit)
    return table.files[index] if table is not None and index < len(table.files) else ""


@dataclass(frozen=True, slots=True)
class Description:
    """What a function is called and where it is declared, as in `FunctionInfo`."""

    name: str
    linkage_name: str
    file: str
    line: int
    is_external: bool


def description(die: Die) -> Description:
    """Return what a function or an inlined instance is called and where it is declared."""
    linkage = origin(die, d.AT_LINKAGE_NAME).text(d.AT_LINKAGE_NAME)
    linkage = linkage or origin(die, d.AT_MIPS_LINKAGE_NAME).text(d.AT_MIPS_LINKAGE_NAME)
    line = origin(die, d.AT_DECL_LINE).number(d.AT_DECL_LINE) or 0
    is_external = origin(die, d.AT_EXTERNAL).has(d.AT_EXTERNAL)
    return Description(origin(die).name, linkage, file_of(die), line, is_external)


def function_at_die(die: Die) -> FunctionInfo | None:
    """Return what is known of a function with code, or of an inlined instance; None for a declaration."""
    ranges = ranges_of(die)
    entry = entry_of(die, ranges)
    return function_info(die, entry, ranges, description(die)) if entry is not None else None


def function_info(die: Die, entry: int, ranges: Sequence[tuple[int, int]], described: Description) -> FunctionInfo:
    """Return what is known of a function with code: its first address, its code, how it is described."""
    is_inline = die.tag == d.TAG_INLINED_SUBROUTINE
    code = tuple(ranges)
    return FunctionInfo(
        described.name, described.linkage_name, described.file, described.line, entry,
        entry if is_inline else prologue_end(die, entry, code), code, is_inline, described.is_external, lambda: die,
    )  # fmt: skip


def prologue_end(die: Die, entry: int, ranges: tuple[tuple[int, int], ...]) -> int:
    """Return where the variables of a function are in their places.

    Optimised code describes them from the first instruction on. Other code copies its arguments to the stack first: the
    line table marks the end of that, or (GCC) has a second row for the line where it begins.
    """
    if is_optimised(die):
        return entry
    table = line_table(die.unit)
    high = next((high for low, high in ranges if low <= entry < high), entry)
    rows = table.rows_between(entry, high) if table is not None else []
    for row in rows:
        if row[5] and row[0] > entry:
            return row[0]
    return next((row[0] for row in rows[1:] if row[0] > entry and row[3]), entry)


_FBREG, _FRAME_POINTER = b"\x91", b"\x56"
"""DW_OP_fbreg, DW_OP_reg6."""


def is_optimised(die: Die) -> bool:
    """Tell whether the code of a function was compiled with optimisation."""
    producer = die.unit.top.text(d.AT_PRODUCER)
    if producer.startswith("GNU"):
        words = producer.split()
        levels = [word for word in words if word.startswith("-O")]
        return bool(levels) and levels[-1] != "-O0"
    # Others (Clang, rustc) name no options: without optimisation no variable moves, and all are in the frame.
    children = list(die.child_dies())
    if any(child.form(d.AT_LOCATION) in (d.FORM_SEC_OFFSET, d.FORM_LOCLISTX) for child in children):
        return True
    in_frame = any((child.block(d.AT_LOCATION) or b"").startswith(_FBREG) for child in children)
    return not in_frame and die.block(d.AT_FRAME_BASE) != _FRAME_POINTER


def functions_of(unit: Unit) -> list[tuple[int, int, Die]]:
    """Return the code of the functions of a unit, sorted: first address, address behind the last, function."""
    found = []
    for offset in unit.tree.by_tag[d.TAG_SUBPROGRAM]:
        die = unit.die(offset)
        if die is not None:
            found += [(low, high, die) for low, high in ranges_of(die) if low]
    return sorted(found, key=lambda row: row[:2])


def is_abstract(die: Die) -> bool:
    """Tell whether a DIE describes a function whose code, if any, is described elsewhere."""
    return die.tag == d.TAG_SUBPROGRAM and not die.has(d.AT_LOW_PC) and not die.has(d.AT_RANGES)
