"""The canonical frame address (CFA) at an address, from call frame information (DWARF 5, 6.4; .eh_frame of the LSB).

0x1149 push %rbp       CFA = rsp + 8
0x114a mov %rsp,%rbp   CFA = rsp + 16
0x114d                 CFA = rbp + 16
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator

from ..program.variable_locations import NumberTerm, Operation, RegisterTerm, Term
from ..records import dataclass
from .dwarf_elf import ElfFile
from .dwarf_forms import sleb, uleb

_PC_RELATIVE, _DATA_RELATIVE, _OMIT = 0x10, 0x30, 0xFF
_SIZES = {0x00: (8, False), 0x02: (2, False), 0x03: (4, False), 0x04: (8, False), 0x0A: (2, True), 0x0B: (4, True),
          0x0C: (8, True)}  # fmt: skip

Evaluate = Callable[[bytes], Term | None]
"""Gives the value of a DWARF expression; None when it is not understood."""


@dataclass(frozen=True, slots=True)
class _Common:
    """A CIE: how the entries that refer to it are read."""

    code_alignment: int
    data_alignment: int
    encoding: int
    has_augmentation: bool
    instructions: bytes


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the two forms of call frame information."""

    data: bytes
    address: int
    is_eh: bool


class CallFrames:
    """The call frame information of a file (and of its separate debugging information)."""

    def __init__(self, files: list[ElfFile]) -> None:
        self._files = files
        self._tables: list[tuple[list[int], list[tuple[int, int, _Section]]]] | None = None
        self._known: dict[tuple[int, int], _Common] = {}

    def cfa(self, address: int, evaluate: Evaluate) -> Term | None:
        """Return the CFA at an address of the file; None when nothing tells it."""
        for section, at in self._descriptions(address):
            found = self._cfa(section, at, address, evaluate)
            if found is not None:
                return found
        return None

    def _descriptions(self, address: int) -> Iterator[tuple[_Section, int]]:
        """Yield the descriptions (FDE) that cover an address, by their place in a section."""
        if self._tables is None:
            self._tables = [self._table(section) for section in self._sections()]
        for starts, rows in self._tables:
            index = bisect_right(starts, address) - 1
            if index >= 0 and starts[index] <= address < starts[index] + rows[index][1]:
                yield rows[index][2], rows[index][0]

    def _sections(self) -> Iterator[_Section]:
        for elf in self._files:
            for name, is_eh in ((".eh_frame", True), (".debug_frame", False)):
                section = elf.section(name)
                if section is not None:
                    yield _Section(elf.content(name), section.address, is_eh)

    def _table(self, section: _Section) -> tuple[list[int], list[tuple[int, int, _Section]]]:
        """Return where the descriptions of a section begin, sorted, and their places and sizes of code."""
        found: list[tuple[int, int, int]] = []
        data, at = section.data, 0
        while at + 8 <= len(data):
            length, identity = struct.unpack_from("<II", data, at)
            if length == 0xFFFFFFFF:
                break  # the 64-bit format: not written by any compiler for these sections
            if length == 0:
                at += 4
                continue
            if identity != (0 if section.is_eh else 0xFFFFFFFF):
                common = self._common(section, at + 4 - identity if section.is_eh else identity)
                start, following = _pointer(section, at + 8, common.encoding)
                size, _ = _pointer(section, following, common.encoding & 0x0F)
                if size > 0:
                    found.append((start, size, at))
            at += 4 + length
        found.sort()
        return [row[0] for row in found], [(at, size, section) for _, size, at in found]

    def _common(self, section: _Section, at: int) -> _Common:
        key = (id(section.data), at)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _read_common(section, at)
        return known

    def _cfa(self, section: _Section, at: int, address: int, evaluate: Evaluate) -> Term | None:
        data = section.data
        length, identity = struct.unpack_from("<II", data, at)
        common = self._common(section, at + 4 - identity if section.is_eh else identity)
        start, following = _pointer(section, at + 8, common.encoding)
        _, following = _pointer(section, following, common.encoding & 0x0F)
        if common.has_augmentation:
            size, following = uleb(data, following)
            following += size
        machine = _Machine(common, start)
        if machine.run(common.instructions, address):
            machine.run(data[following : at + 4 + length], address)
        return machine.value(evaluate)


def _read_common(section: _Section, at: int) -> _Common:
    data = section.data
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    version = data[at + 8]
    stop = data.find(b"\0", at + 9)
    augmentation = data[at + 9 : stop].decode(errors="replace")
    at = stop + 1
    if version >= 4:
        at += 2
    code, at = uleb(data, at)
    factor, at = sleb(data, at)
    _, at = (data[at], at + 1) if version == 1 else uleb(data, at)
    encoding = 0
    if augmentation.startswith("z"):
        size, at = uleb(data, at)
        inner, at = at, at + size
        for letter in augmentation[1:]:
            if letter == "R":
                encoding, inner = data[inner], inner + 1
            elif letter == "L":
                inner += 1
            elif letter == "P":
                _, inner = _pointer(section, inner + 1, data[inner])
    return _Common(code, factor, encoding, augmentation.startswith("z"), data[at:end])


def _pointer(section: _Section, at: int, encoding: int) -> tuple[int, int]:
    """Read a pointer in an encoding of .eh_frame; .debug_frame has encoding 0, a full address."""
    if encoding == _OMIT:
        return 0, at
    data = section.data
    kind = encoding & 0x0F
    if kind == 0x01:
        value, end = uleb(data, at)
    elif kind == 0x09:
        value, end = sleb(data, at)
    else:
        size, signed = _SIZES.get(kind, (8, False))
        value, end = int.from_bytes(data[at : at + size], "little", signed=signed), at + size
    if encoding & 0x70 == _PC_RELATIVE and section.is_eh:
        value += section.address + at
    return value & 0xFFFFFFFFFFFFFFFF, end


class _Machine:
    """Runs call frame instructions up to an address, and keeps the rule of the CFA only."""

    def __init__(self, common: _Common, start: int) -> None:
        self._common = common
        self._location = start
        self._register, self._offset = 7, 8
        self._expression: bytes | None = None
        self._saved: list[tuple[int, int, bytes | None]] = []

    def value(self, evaluate: Evaluate) -> Term | None:
        if self._expression is not None:
            return evaluate(self._expression)
        return Operation("+", RegisterTerm(self._register), NumberTerm(self._offset))

    def _advance(self, units: int, address: int) -> bool:
        """Move on; gives False when that leads behind the address that matters."""
        self._location += units * self._common.code_alignment
        return self._location <= address

    def run(self, code: bytes, address: int) -> bool:
        """Run instructions; gives False when the address was reached."""
        at = 0
        while at < len(code):
            opcode = code[at]
            at += 1
            high, low = opcode & 0xC0, opcode & 0x3F
            if high == 0x40:
                if not self._advance(low, address):
                    return False
            elif high == 0x80:
                _, at = uleb(code, at)
            elif high == 0:
                moved = self._low(low, code, at, address)
                if moved is None:
                    return False
                at = moved
        return True

    def _low(self, opcode: int, code: bytes, at: int, address: int) -> int | None:
        """Run one of the instructions without an operand in the opcode; None when the address was reached."""
        match opcode:
            case 0x01:
                self._location = int.from_bytes(code[at : at + 8], "little")
                return at + 8 if self._location <= address else None
            case 0x02 | 0x03 | 0x04:
                size = 1 << (opcode - 2)
                units = int.from_bytes(code[at : at + size], "little")
                return at + size if self._advance(units, address) else None
            case 0x0A:
                self._saved.append((self._register, self._offset, self._expression))
                return at
            case 0x0B:
                if self._saved:
                    self._register, self._offset, self._expression = self._saved.pop()
                return at
            case 0x0C | 0x12:
                self._register, at = uleb(code, at)
                self._expression = None
                return self._set_offset(code, at, opcode == 0x12)
            case 0x0D:
                self._register, at = uleb(code, at)
                self._expression = None
                return at
            case 0x0E | 0x13:
                return self._set_offset(code, at, opcode == 0x13)
            case 0x0F:
                size, at = uleb(code, at)
                self._expression = code[at : at + size]
                return at + size
            case 0x10 | 0x16:
                _, at = uleb(code, at)
                size, at = uleb(code, at)
                return at + size
            case 0x05 | 0x09 | 0x11 | 0x14 | 0x15 | 0x2F:
                _, at = uleb(code, at)
                return uleb(code, at)[1]
            case 0x06 | 0x07 | 0x08 | 0x2E:
                return uleb(code, at)[1]
            case _:
                return at

    def _set_offset(self, code: bytes, at: int, is_factored: bool) -> int:
        if is_factored:
            value, at = sleb(code, at)
            self._offset = value * self._common.data_alignment
        else:
            self._offset, at = uleb(code, at)
        return at
