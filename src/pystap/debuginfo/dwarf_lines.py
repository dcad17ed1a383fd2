"""Line tables (.debug_line, DWARF 2 to 5): which address belongs to which line of which file.

main.c:12  ->  0x1149 (is_stmt), 0x1156
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from . import dwarf_constants as d
from .dwarf_abbreviations import DwarfError
from .dwarf_forms import READERS, sleb, text_at, uleb
from .dwarf_units import DwarfData, Unit

_LNCT_PATH, _LNCT_DIRECTORY = 1, 2

Row = tuple[int, int, int, bool, bool, bool]
"""Address, index of the file, line, whether a statement begins here, end of a sequence, end of a prologue."""


class LineTable:
    """The line table of a unit. `files` are full paths (None for indexes that are not used)."""

    def __init__(self, data: DwarfData, offset: int, folder: str) -> None:
        """Read the header at `offset` of .debug_line; `folder` is where the unit was compiled. Raises DwarfError."""
        self._data = data
        self._section = section = data.section(".debug_line")
        length = int.from_bytes(section[offset : offset + 4], "little")
        at, self._size = offset + 4, 4
        if length == 0xFFFFFFFF:
            length, at, self._size = int.from_bytes(section[at : at + 8], "little"), at + 8, 8
        self._end = at + length
        self.version = int.from_bytes(section[at : at + 2], "little")
        if not 2 <= self.version <= 5 or self._end > len(section):
            raise DwarfError(f"line table of version {self.version} at {offset:#x}")
        at += 4 if self.version >= 5 else 2
        header = int.from_bytes(section[at : at + self._size], "little")
        at += self._size
        self._program = at + header
        self._minimum = section[at]
        at += 2 if self.version >= 4 else 1
        self._default_stmt = section[at] != 0
        self._line_base = section[at + 1] - 256 if section[at + 1] >= 128 else section[at + 1]
        self._line_range, self._opcode_base = section[at + 2], section[at + 3]
        self._operands = section[at + 4 : at + 3 + self._opcode_base]
        at += 3 + self._opcode_base
        self.files: list[str] = (self._files5(at) if self.version >= 5 else self._files4(at, folder))  # fmt: skip

    def _files4(self, at: int, folder: str) -> list[str]:
        section = self._section
        folders = [folder]
        while section[at]:
            text = text_at(section, at)
            at = section.find(b"\0", at) + 1
            folders.append(_joined(folder, text))
        at += 1
        files = [""]
        while at < self._program and section[at]:
            name = text_at(section, at)
            index, at = uleb(section, section.find(b"\0", at) + 1)
            _, at = uleb(section, at)
            _, at = uleb(section, at)
            files.append(_joined(folders[index] if index < len(folders) else folder, name))
        return files

    def _files5(self, at: int) -> list[str]:
        rows, at = self._entries(at)
        folders = [path for path, _ in rows]
        folders = [_joined(folders[0], path) for path in folders]
        rows, _ = self._entries(at)
        return [_joined(folders[index] if index < len(folders) else "", path) for path, index in rows]

    def _entries(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """Read a list of folders or files of version 5: path and index of the folder."""
        section = self._section
        count, at = section[at], at + 1
        formats = []
        for _ in range(count):
            content, at = uleb(section, at)
            form, at = uleb(section, at)
            formats.append((content, form))
        total, at = uleb(section, at)
        rows = []
        for _ in range(total):
            path, folder = "", 0
            for content, form in formats:
                value, at = READERS[form](section, at, self._size)
                if content == _LNCT_PATH:
                    path = self._text(form, value)
                elif content == _LNCT_DIRECTORY and isinstance(value, int):
                    folder = value
            rows.append((path, folder))
        return rows, at

    def _text(self, form: int, value: int | bytes) -> str:
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        return text_at(self._data.line_strings if form == d.FORM_LINE_STRP else self._data.strings, value)

    @cached_property
    def rows(self) -> list[Row]:
        """All rows, in the order of the table; each sequence is sorted by address and ends with a row of its own."""
        rows: list[Row] = []
        add = rows.append
        section, at, end = self._section, self._program, self._end
        base, span, start, minimum = self._line_base, self._line_range, self._opcode_base, self._minimum
        address, file, line, stmt, prologue = 0, 1, 1, self._default_stmt, False
        skip = (255 - start) // span * minimum
        while at < end:
            opcode = section[at]
            at += 1
            if opcode >= start:
                opcode -= start
                address += opcode // span * minimum
                line += base + opcode % span
                add((address, file, line, stmt, False, prologue))
                prologue = False
            elif opcode == 1:
                add((address, file, line, stmt, False, prologue))
                prologue = False
            elif opcode == 2:
                value, at = uleb(section, at)
                address += value * minimum
            elif opcode == 3:
                value, at = sleb(section, at)
                line += value
            elif opcode == 6:
                stmt = not stmt
            elif opcode == 8:
                address += skip
            elif opcode == 4:
                file, at = uleb(section, at)
            elif opcode == 0:
                length, at = uleb(section, at)
                kind = section[at]
                if kind == 1:
                    add((address, file, line, stmt, True, False))
                    address, file, line, stmt, prologue = 0, 1, 1, self._default_stmt, False
                elif kind == 2:
                    address = int.from_bytes(section[at + 1 : at + length], "little")
                at += length
            elif opcode == 10:
                prologue = True
            elif opcode == 9:
                address += int.from_bytes(section[at : at + 2], "little")
                at += 2
            else:
                for _ in range(self._operands[opcode - 1]):
                    _, at = uleb(section, at)
        return rows

    @cached_property
    def _sorted(self) -> tuple[list[int], list[Row]]:
        """The rows by address; where a sequence ends and another begins, its end comes first."""
        ordered = sorted(self.rows, key=lambda row: (row[0], not row[4]))
        return [row[0] for row in ordered], ordered

    def row_at(self, address: int) -> Row | None:
        """Return the row that an address belongs to."""
        addresses, rows = self._sorted
        index = bisect_right(addresses, address) - 1
        return rows[index] if index >= 0 and not rows[index][4] else None

    def rows_between(self, low: int, high: int) -> list[Row]:
        """Return the rows from an address up to another one, which is left out."""
        addresses, rows = self._sorted
        return [row for row in rows[bisect_right(addresses, low - 1) : bisect_right(addresses, high - 1)] if not row[4]]


def _joined(folder: str, name: str) -> str:
    if name.startswith("/") or not folder:
        return name
    while name.startswith("./"):
        name = name[2:]
    return f"{folder}/{name}" if name not in ("", ".") else folder


def line_table(unit: Unit) -> LineTable | None:
    """Return the line table of a unit; None when it has none."""
    unit = unit.home
    known = unit.data.line_tables.get(unit.offset)
    if known is None:
        offset = unit.top.number(d.AT_STMT_LIST)
        if offset is None:
            return None
        known = unit.data.line_tables[unit.offset] = LineTable(unit.data, offset, unit.top.text(d.AT_COMP_DIR))
    assert isinstance(known, LineTable)
    return known
