"""Call frame information: for an address in a program, how its caller's registers are found.

    rule(pc) of a function that has pushed rbx:    CFA = rsp + 16,  rbx at CFA - 16,  return address at CFA - 8

.eh_frame is looked up through the sorted table of .eh_frame_hdr, .debug_frame is read through once (DWARF 5, 6.4; Linux
Standard Base, "Exception Frames"). Rules are kept by address: programs return to the same places again and again.
"""

from __future__ import annotations

import struct
from bisect import bisect_right

from ..records import dataclass
from .elf_image import ElfImage

AT_CFA, IS_CFA, AT_EXPRESSION, IS_EXPRESSION, IN_REGISTER, SAME, UNDEFINED = range(7)
"""How a register of the caller is found: saved at CFA + n, equal to CFA + n, by an expression, in a register."""

_MASK = (1 << 64) - 1
_OMITTED = 0xFF
_SIZES = {2: ("<H", 2), 3: ("<I", 4), 4: ("<Q", 8), 10: ("<h", 2), 11: ("<i", 4), 12: ("<q", 8), 0: ("<Q", 8)}
_STEPS = {2: ("<B", 1), 3: ("<H", 2), 4: ("<I", 4)}
_PC_RELATIVE, _DATA_RELATIVE, _INDIRECT = 0x10, 0x30, 0x80


@dataclass(frozen=True, slots=True)
class FrameRule:
    """The rules at an address. `saved` has (register, how, number or expression) for registers that change.

    `is_signal`: the frame belongs to a signal handler's return, so the caller was interrupted and did not call.
    """

    cfa_register: int
    cfa_offset: int
    cfa_expression: bytes | None
    saved: tuple[tuple[int, int, int | bytes], ...]
    return_column: int
    is_signal: bool


@dataclass(frozen=True, slots=True)
class _Common:
    """A CIE."""

    code_factor: int
    data_factor: int
    return_column: int
    instructions: tuple[int, int]
    encoding: int
    is_signal: bool
    has_augmentation: bool


@dataclass(frozen=True, slots=True)
class _Function:
    """An FDE."""

    common: _Common
    start: int
    size: int
    instructions: tuple[int, int]


class Reader:
    """Reads numbers at a position of a section; `address` is where the section's file offset 0 would be in memory."""

    __slots__ = ("at", "base", "data")

    def __init__(self, data: memoryview, at: int, base: int = 0) -> None:
        self.data, self.at, self.base = data, at, base

    def number(self, form: str, size: int) -> int:
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += size
        return int(value)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def sleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value - (1 << shift) if byte & 64 else value

    def block(self) -> bytes:
        size = self.uleb()
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    def pointer(self, encoding: int, data_base: int = 0) -> int:
        """Read an encoded pointer (DW_EH_PE_*); one that is stored elsewhere reads as where it is stored."""
        if encoding == _OMITTED:
            return 0
        place = self.at + self.base
        kind = encoding & 15
        if kind == 1:
            value = self.uleb()
        elif kind == 9:
            value = self.sleb()
        else:
            value = self.number(*_SIZES[kind])
        if value and encoding & 0x70 == _PC_RELATIVE:
            value += place
        elif encoding & 0x70 == _DATA_RELATIVE:
            value += data_base
        return value & _MASK


class FrameRules:
    """The rules of one file. `rule` gives None where the file says nothing about an address."""

    def __init__(self, image: ElfImage) -> None:
        self._image = image
        self._rules: dict[int, FrameRule | None] = {}
        self._commons: dict[tuple[int, bool], _Common | None] = {}
        self._functions: dict[int, _Function | None] = {}
        self._starts: list[int] = []
        self._entries: list[tuple[int, bool]] = []
        self._base = 0
        self._read_header()
        self._debug: FrameRules | None = None
        self._has_debug = False

    def rule(self, pc: int) -> FrameRule | None:
        """Return the rule at an address of the file."""
        try:
            return self._rules[pc]
        except KeyError:
            found = self._rules[pc] = self._find(pc)
            return found

    def _find(self, pc: int) -> FrameRule | None:
        try:
            function = self._function_at(pc)
            if function is not None and function.start <= pc < function.start + function.size:
                return _Machine(self._image.data, function).run(pc)
        except (struct.error, IndexError, KeyError, ValueError):
            return None
        return self._from_debug_frame(pc)

    def _from_debug_frame(self, pc: int) -> FrameRule | None:
        if not self._has_debug:
            self._has_debug = True
            self._debug = _debug_frame_rules(self._image)
        return self._debug.rule(pc) if self._debug is not None and self._debug is not self else None

    def _function_at(self, pc: int) -> _Function | None:
        index = bisect_right(self._starts, pc) - 1
        if index < 0:
            return None
        at, is_eh = self._entries[index]
        if at not in self._functions:
            self._functions[at] = self._read_function(at, is_eh)
        return self._functions[at]

    # reading the sections

    def _read_header(self) -> None:
        """Read .eh_frame_hdr: a sorted table of function addresses and their entries."""
        image = self._image
        address = image.eh_frame_header
        offset = image.offset_of(address) if address is not None else None
        section = image.sections.get(".eh_frame")
        if address is None or offset is None:
            if section is not None and not section.is_empty:
                self._scan(section.offset, section.size, section.address - section.offset, True)
            return
        reader = Reader(image.data, offset, address - offset)
        _, frame_encoding, count_encoding, table_encoding = (reader.byte() for _ in range(4))
        reader.pointer(frame_encoding, address)
        count = reader.pointer(count_encoding, address)
        if table_encoding != 0x3B or count_encoding == _OMITTED:  # never seen: signed 4 bytes, relative to the table
            if section is not None:
                self._scan(section.offset, section.size, section.address - section.offset, True)
            return
        words = struct.unpack_from(f"<{2 * count}i", image.data, reader.at)
        self._starts = [address + word for word in words[::2]]
        first = image.offset_of(address + words[1]) if count else None
        shift = (first - words[1] - address) if first is not None and count else 0
        self._entries = [(address + word + shift, True) for word in words[1::2]]
        self._base = -shift

    def _scan(self, offset: int, size: int, base: int, is_eh: bool) -> None:
        """Read a whole section for where its functions are."""
        self._base = base
        data, at, found = self._image.data, offset, []
        while at + 4 <= offset + size:
            (length,) = struct.unpack_from("<I", data, at)
            if not length:
                break
            (identity,) = struct.unpack_from("<I", data, at + 4)
            if identity != (0 if is_eh else 0xFFFFFFFF):
                function = self._read_function(at, is_eh, offset)
                if function is not None:
                    self._functions[at] = function
                    found.append((function.start, at))
            at += length + 4
        found.sort()
        self._starts = [start for start, _ in found]
        self._entries = [(place, is_eh) for _, place in found]

    def _read_function(self, at: int, is_eh: bool, section: int = 0) -> _Function | None:
        reader = Reader(self._image.data, at, self._base)
        length = reader.number("<I", 4)
        if length == 0xFFFFFFFF:
            return None  # 64-bit DWARF: no compiler makes it for these sections
        end = reader.at + length
        here = reader.at
        pointer = reader.number("<I", 4)
        common = self._common(here - pointer if is_eh else section + pointer, is_eh)
        if common is None:
            return None
        start = reader.pointer(common.encoding)
        size = reader.pointer(common.encoding & 15)
        if common.has_augmentation:
            reader.at += reader.uleb()
        return _Function(common, start, size, (reader.at, end))

    def _common(self, at: int, is_eh: bool) -> _Common | None:
        key = (at, is_eh)
        if key not in self._commons:
            self._commons[key] = self._read_common(at)
        return self._commons[key]

    def _read_common(self, at: int) -> _Common | None:
        reader = Reader(self._image.data, at, self._base)
        end = reader.number("<I", 4) + reader.at
        reader.at += 4
        version = reader.byte()
        start = reader.at
        while reader.byte():
            pass
        augmentation = bytes(reader.data[start : reader.at - 1]).decode("ascii", "replace")
        if augmentation.startswith("eh") or version not in (1, 3, 4):
            return None
        if version == 4:
            reader.at += 2
        code, factor = reader.uleb(), reader.sleb()
        column = reader.byte() if version == 1 else reader.uleb()
        encoding, is_signal = 0, "S" in augmentation
        if augmentation.startswith("z"):
            behind = reader.uleb() + reader.at
            for letter in augmentation[1:]:
                if letter == "R":
                    encoding = reader.byte()
                elif letter == "P":
                    reader.pointer(reader.byte())
                elif letter == "L":
                    reader.byte()
            reader.at = behind
        return _Common(code, factor, column, (reader.at, end), encoding, is_signal, augmentation.startswith("z"))


def _debug_frame_rules(image: ElfImage) -> FrameRules | None:
    """Return the rules of .debug_frame, in the file itself or in its debug file; None without."""
    for source in (image, image.debug_file()):
        section = source.sections.get(".debug_frame") if source is not None else None
        if source is None or section is None or section.is_empty:
            continue
        rules = FrameRules.__new__(FrameRules)
        rules._image, rules._base = source, 0
        rules._rules, rules._commons, rules._functions = {}, {}, {}
        rules._starts, rules._entries = [], []
        rules._debug, rules._has_debug = rules, True
        try:
            rules._scan(section.offset, section.size, 0, False)
        except (struct.error, IndexError, KeyError):
            continue
        return rules
    return None


class _Machine:
    """Runs the instructions of a function up to an address."""

    def __init__(self, data: memoryview, function: _Function) -> None:
        self.data = data
        self.function = function
        self.cfa: tuple[int, int, bytes | None] = (7, 8, None)
        self.saved: dict[int, tuple[int, int | bytes]] = {}
        self.initial: dict[int, tuple[int, int | bytes]] = {}
        self.stack: list[tuple[tuple[int, int, bytes | None], dict[int, tuple[int, int | bytes]]]] = []

    def run(self, pc: int) -> FrameRule:
        common = self.function.common
        self._run(common.instructions, pc, self.function.start)
        self.initial = dict(self.saved)
        self._run(self.function.instructions, pc, self.function.start)
        register, offset, expression = self.cfa
        saved = tuple((number, how, value) for number, (how, value) in self.saved.items() if how != SAME)
        return FrameRule(register, offset, expression, saved, common.return_column, common.is_signal)

    def _run(self, place: tuple[int, int], pc: int, location: int) -> None:
        reader, common = Reader(self.data, place[0]), self.function.common
        factor = common.data_factor
        while reader.at < place[1]:
            code = reader.byte()
            high, low = code & 0xC0, code & 0x3F
            step = 0
            if high == 0x40:
                step = low
            elif high == 0x80:
                self.saved[low] = (AT_CFA, reader.uleb() * factor)
            elif high == 0xC0:
                self._restore(low)
            elif code in (2, 3, 4):
                step = reader.number(*_STEPS[code])
            elif code == 1:
                location = reader.pointer(common.encoding)
                if location > pc:
                    return
            else:
                self._instruction(code, reader, factor)
            if step:
                location += step * common.code_factor
                if location > pc:
                    return

    def _restore(self, register: int) -> None:
        if register in self.initial:
            self.saved[register] = self.initial[register]
        else:
            self.saved.pop(register, None)

    def _save(self, register: int, how: int, value: int | bytes) -> None:
        self.saved[register] = (how, value)

    def _instruction(self, code: int, reader: Reader, factor: int) -> None:
        match code:
            case 0x00:
                pass
            case 0x05:
                self._save(reader.uleb(), AT_CFA, reader.uleb() * factor)
            case 0x06:
                self._restore(reader.uleb())
            case 0x07:
                self._save(reader.uleb(), UNDEFINED, 0)
            case 0x08:
                self._save(reader.uleb(), SAME, 0)
            case 0x09:
                self._save(reader.uleb(), IN_REGISTER, reader.uleb())
            case 0x0A:
                self.stack.append((self.cfa, dict(self.saved)))
            case 0x0B:
                self.cfa, self.saved = self.stack.pop()
            case 0x0C:
                self.cfa = (reader.uleb(), reader.uleb(), None)
            case 0x0D:
                self.cfa = (reader.uleb(), self.cfa[1], None)
            case 0x0E:
                self.cfa = (self.cfa[0], reader.uleb(), None)
            case 0x0F:
                self.cfa = (0, 0, reader.block())
            case 0x10:
                self._save(reader.uleb(), AT_EXPRESSION, reader.block())
            case 0x11:
                self._save(reader.uleb(), AT_CFA, reader.sleb() * factor)
            case 0x12:
                self.cfa = (reader.uleb(), reader.sleb() * factor, None)
            case 0x13:
                self.cfa = (self.cfa[0], reader.sleb() * factor, None)
            case 0x14:
                self._save(reader.uleb(), IS_CFA, reader.uleb() * factor)
            case 0x15:
                self._save(reader.uleb(), IS_CFA, reader.sleb() * factor)
            case 0x16:
                self._save(reader.uleb(), IS_EXPRESSION, reader.block())
            case 0x2E:
                reader.uleb()
            case 0x2F:
                self._save(reader.uleb(), AT_CFA, -reader.uleb() * factor)
            case _:
                raise ValueError(f"unknown call frame instruction {code:#x}")
