"""Static markers of programs (sys/sdt.h): the notes that their macros leave in .note.stapsdt.

A note has the marker's address, the address that .stapsdt.base had then (prelink may have moved it), the address of its
semaphore, then provider, name and arguments as text: `-4@%edx 8@-40(%rbp) -4@$42`. An argument is the size in bytes,
negative for signed, `f` behind it for floating point, and an operand as the assembler writes it.

Sources: the comments of sys/sdt.h, and the description of the format in the SystemTap wiki
(UserSpaceProbeImplementation).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from ..program.user_code import Mark, MarkArgument
from .elf_file import SHT_DYNSYM, SHT_SYMTAB, ElfFile, readable_elf

_NT_STAPSDT = 3
_ADDRESSES = struct.Struct("<QQQ")

_LEGACY = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")


def _register_names() -> dict[str, tuple[str, int]]:
    """Return the assembler's names of registers: the field of pt_regs, and the bit from which it counts."""
    names: dict[str, tuple[str, int]] = {"rip": ("ip", 0)}
    for name in _LEGACY:
        short = (f"{name[0]}l", f"{name}l")[name in ("si", "di", "bp", "sp")]
        names |= {f"r{name}": (name, 0), f"e{name}": (name, 0), name: (name, 0), short: (name, 0)}
    names |= {f"{letter}h": (f"{letter}x", 8) for letter in "abcd"}
    for number in range(8, 16):
        names |= {f"r{number}{suffix}": (f"r{number}", 0) for suffix in ("", "d", "w", "b")}
    return names


_REGISTERS = _register_names()
_ARGUMENT = r"(-?\d+)(f?)@(\S+)"
_SPLIT = r"-?\d+f?@(?:[^\s(]|\([^)]*\))+"
_MEMORY = (
    r"(?P<symbol>[A-Za-z_.$][\w.$@]*)?(?P<displacement>[-+]?(?:0x[0-9a-fA-F]+|\d+))?"
    r"\((?:%(?P<base>\w+))?(?:,\s*%(?P<index>\w+)(?:,\s*(?P<scale>\d+))?)?\)"
)
_NUMBER = r"\$?(-?(?:0x[0-9a-fA-F]+|\d+))"


class SdtMarks:
    """The markers of programs, by path; read once each."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Mark, ...]] = {}

    def marks(self, path: str) -> tuple[Mark, ...]:
        """Return the markers of a program in the order of their notes. Raises NotElf and OSError."""
        if path not in self._known:
            with readable_elf(path) as elf:
                self._known[path] = tuple(read_marks(elf))
        return self._known[path]


def read_marks(elf: ElfFile) -> list[Mark]:
    """Return the markers of an open program."""
    section = elf.section(".note.stapsdt")
    if section is None:
        return []
    base = elf.section(".stapsdt.base")
    symbols = _DataSymbols(elf)
    found = []
    for owner, kind, content in elf.notes(section):
        if owner != "stapsdt" or kind != _NT_STAPSDT or len(content) < _ADDRESSES.size:
            continue
        address, noted_base, semaphore = _ADDRESSES.unpack_from(content)
        provider, name, arguments = [*content[_ADDRESSES.size :].split(b"\0"), b"", b"", b""][:3]
        moved = base.address - noted_base if base is not None and noted_base else 0
        offset = elf.file_offset(address + moved)
        if offset is None:
            continue
        counter = elf.data_offset(semaphore + moved) if semaphore else 0
        texts = re.findall(_SPLIT, arguments.decode(errors="replace"))
        found.append(
            Mark(
                provider.decode(errors="replace"), name.decode(errors="replace"), address + moved, offset, counter or 0,
                tuple(parse_argument(text, symbols.address) for text in texts),
            )
        )  # fmt: skip
    return found


class _DataSymbols:
    """The addresses of symbols by name, read when an argument names one."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        self._known: dict[str, set[int]] | None = None

    def address(self, name: str) -> int | None:
        """Return the address of the one symbol of that name; None when there is none or more than one."""
        if self._known is None:
            self._known = {}
            for table in self._elf.sections:
                if table.type in (SHT_SYMTAB, SHT_DYNSYM):
                    strings = self._elf.sections[table.link].offset
                    for text, _, _, index, value, _ in self._elf.symbols(table):
                        if index and value:
                            self._known.setdefault(self._elf.text_at(strings + text), set()).add(value)
        found = self._known.get(name.partition("@")[0], set())
        return next(iter(found)) if len(found) == 1 else None


def parse_argument(text: str, symbol: Callable[[str], int | None]) -> MarkArgument:
    """Return where the argument of a note is; `symbol` gives the address of a symbol of the program."""
    match = re.fullmatch(_ARGUMENT, text)
    if match is None:
        return MarkArgument(8, False, problem=f"its operand '{text}' is not understood")
    size, is_signed = abs(int(match[1])), match[1].startswith("-")
    operand = match[3]
    if size not in (1, 2, 4, 8):
        return MarkArgument(8, False, problem=f"it has {size} bytes")
    number = re.fullmatch(_NUMBER, operand)
    if number is not None:
        return MarkArgument(size, is_signed, constant=_cut(int(number[1], 0), size, is_signed))
    if operand.startswith("%"):
        known = _REGISTERS.get(operand[1:])
        if known is None:
            return MarkArgument(size, is_signed, problem=f"it is in the register {operand}, which is not saved")
        return MarkArgument(size, is_signed, base=known[0], shift=known[1])
    return _memory(operand, size, is_signed, symbol)


def _cut(value: int, size: int, is_signed: bool) -> int:
    value &= (1 << 8 * size) - 1
    return value - (1 << 8 * size) if (is_signed or size == 8) and value >> (8 * size - 1) else value


def _memory(operand: str, size: int, is_signed: bool, symbol: Callable[[str], int | None]) -> MarkArgument:
    match = re.fullmatch(_MEMORY, operand)
    unknown = MarkArgument(size, is_signed, problem=f"its operand '{operand}' is not understood")
    if match is None:
        return unknown
    base, index = match["base"] or "", match["index"] or ""
    if (base and base not in _REGISTERS) or (index and index not in _REGISTERS):
        return unknown
    address: int | None = None
    if match["symbol"]:
        address = symbol(match["symbol"])
        if address is None:
            problem = f"its place '{match['symbol']}' is not in the program's symbols"
            return MarkArgument(size, is_signed, problem=problem)
        if base == "rip":
            base = ""
    displacement = int(match["displacement"] or "0", 0)
    fields = [_REGISTERS[name][0] if name else "" for name in (base, index)]
    return MarkArgument(
        size, is_signed, base=fields[0], index=fields[1], scale=int(match["scale"] or 1), displacement=displacement,
        in_memory=True, address=address,
    )  # fmt: skip
