"""Walks a user stack from saved registers and a copy of its memory, by call frame information.

    registers, bytes from the stack pointer on   ->   [pc, return address, return address, ...]

Where no file says how, the frame pointer is followed. A walk ends at a frame without a caller (its return address is
undefined: the start of a program or a thread), at what is no code, or at the end of the copy.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from ..arch import x86_64 as arch
from .frame_rules import (
    AT_CFA,
    AT_EXPRESSION,
    IN_REGISTER,
    IS_CFA,
    IS_EXPRESSION,
    SAME,
    UNDEFINED,
    FrameRule,
    FrameRules,
    Reader,
)

MOST_FRAMES = 512
_MASK = (1 << 64) - 1
_SP, _FP, _PC = 7, 6, 16
_ORDER = tuple(arch.PT_REGS_OFFSETS[name] // 8 for name in arch.DWARF_REGISTERS)
_REGISTERS = struct.Struct(f"={arch.PT_REGS_SIZE // 8}Q")

CodeFinder = Callable[[int], "tuple[FrameRules | None, int] | None"]
"""Gives for an address of a process the rules of the file that it lies in and what to subtract from it for the file's
own address; None for an address that is no code."""


class Unreadable(Exception):
    """An expression reads memory that was not copied."""


Used = list[tuple[int, bool, FrameRule]]
"""The addresses of a walk that a rule was found for, whether they are return addresses, and the rules."""


def walk(registers: bytes, stack: memoryview, code: CodeFinder, used: Used | None = None) -> list[int]:
    """Return the addresses of a stack, the innermost first. `registers` is a struct pt_regs; `used` gets the rules."""
    saved = _REGISTERS.unpack(registers)
    values: list[int | None] = [saved[index] for index in _ORDER]
    pc, bottom = saved[_ORDER[_PC]], saved[_ORDER[_SP]]
    words = stack[: len(stack) & ~7].cast("Q")
    frames, called = [pc], False
    while len(frames) < MOST_FRAMES:
        place = code(pc - called)
        if place is None:
            if len(frames) > 1:
                break
            caller = _at_return_address(values, words, bottom, code)
        else:
            rules, shift = place
            rule = rules.rule(pc - called - shift) if rules is not None else None
            if rule is not None:
                if used is not None:
                    used.append((pc, called, rule))
                caller, called = _by_rule(rule, values, words, bottom), not rule.is_signal
            else:
                caller, called = _by_frame_pointer(values, words, bottom, code), True
        if caller is None:
            break
        found = caller[_PC]
        sp, previous = caller[_SP], values[_SP]
        if not found or sp is None or (previous is not None and sp <= previous and called):
            break
        values, pc = caller, found
        frames.append(pc)
    while len(frames) > 1 and code(frames[-1] - 1) is None:
        frames.pop()
    return frames


Simple = tuple[int, int, bool, bool, int | None, bool, bool]


def simple_rule(rule: FrameRule) -> Simple | None:
    """Return a rule that needs no more than the stack and frame pointers; None for others.

    That is: how far the CFA is from its base, how far the saved frame pointer is from its own, whether the base is the
    frame pointer, whether the CFA is stored there; whether the frame pointer is saved, and if so from the frame pointer
    on instead of from the CFA; whether there is no caller.
    """
    saved = {register: (how, value) for register, how, value in rule.saved}
    how, value = saved.get(_PC, (None, 0))
    if how == UNDEFINED:
        return 0, 0, False, False, None, False, True
    if rule.is_signal or rule.return_column != _PC or (how, value) != (AT_CFA, -8):
        return None
    if rule.cfa_expression is None:
        if rule.cfa_register not in (_SP, _FP):
            return None
        offset, by_fp, stored = rule.cfa_offset, rule.cfa_register == _FP, False
    else:
        place = _from_frame_pointer(rule.cfa_expression, b"\x06")
        if place is None:
            return None
        offset, by_fp, stored = place, True, True
    how, value = saved.get(_FP, (SAME, 0))
    if how == SAME:
        return offset, 0, by_fp, stored, None, False, False
    if how == AT_CFA and isinstance(value, int):
        return offset, value, by_fp, stored, value, False, False
    if how == AT_EXPRESSION and isinstance(value, bytes):
        place = _from_frame_pointer(value, b"")
        return (offset, place, by_fp, stored, place, True, False) if place is not None else None
    return None


def _from_frame_pointer(expression: bytes, behind: bytes) -> int | None:
    """Return n of the expression `frame pointer + n`, followed by these bytes; None for any other."""
    if not expression or expression[0] != 0x70 + _FP:
        return None
    reader = Reader(memoryview(expression), 1)
    try:
        offset = reader.sleb()
    except IndexError:
        return None
    return offset if expression[reader.at :] == behind else None


def _word(words: memoryview, bottom: int, address: int) -> int | None:
    """Return a word of the copied memory; None for one outside."""
    offset = address - bottom
    if offset < 0 or offset >> 3 >= len(words):
        return None
    if offset & 7:
        raw = words.cast("B")[offset : offset + 8]
        return int.from_bytes(raw, "little") if len(raw) == 8 else None
    value: int = words[offset >> 3]
    return value


def _by_rule(rule: FrameRule, values: list[int | None], words: memoryview, bottom: int) -> list[int | None] | None:
    try:
        if rule.cfa_expression is None:
            base = values[rule.cfa_register]
            if base is None:
                return None
            cfa = base + rule.cfa_offset & _MASK
        else:
            cfa = evaluate(rule.cfa_expression, values, words, bottom, None)
        caller = values.copy()
        caller[_SP] = cfa
        caller[_PC] = None
        for register, how, value in rule.saved:
            found: int | None = None
            if how == AT_CFA:
                found = _word(words, bottom, cfa + value)  # type: ignore[operator]
            elif how == IS_CFA:
                found = cfa + value & _MASK  # type: ignore[operator]
            elif how == IN_REGISTER:
                found = values[value]  # type: ignore[index]
            elif how == AT_EXPRESSION:
                found = _word(words, bottom, evaluate(value, values, words, bottom, cfa))  # type: ignore[arg-type]
            elif how == IS_EXPRESSION:
                found = evaluate(value, values, words, bottom, cfa)  # type: ignore[arg-type]
            if register <= _PC:
                caller[register] = found
    except (Unreadable, IndexError, ValueError, ZeroDivisionError):
        return None
    if rule.return_column != _PC and rule.return_column < _PC:
        caller[_PC] = caller[rule.return_column]
    return caller


def _by_frame_pointer(
    values: list[int | None], words: memoryview, bottom: int, code: CodeFinder
) -> list[int | None] | None:
    frame = values[_FP]
    if frame is None:
        return None
    before, returns_to = _word(words, bottom, frame), _word(words, bottom, frame + 8)
    if before is None or not returns_to or code(returns_to - 1) is None:
        return None
    caller: list[int | None] = [None] * len(values)
    caller[_FP], caller[_SP], caller[_PC] = before, frame + 16, returns_to
    return caller


def _at_return_address(
    values: list[int | None], words: memoryview, bottom: int, code: CodeFinder
) -> list[int | None] | None:
    """Go on from a call of an address that is no code: the return address is what was pushed last."""
    sp = values[_SP]
    returns_to = _word(words, bottom, sp) if sp is not None else None
    if sp is None or not returns_to or code(returns_to - 1) is None:
        return None
    caller = values.copy()
    caller[_SP], caller[_PC] = sp + 8, returns_to
    return caller


def evaluate(expression: bytes, values: list[int | None], words: memoryview, bottom: int, initial: int | None) -> int:
    """Evaluate a DWARF expression over registers and copied memory. Raises `Unreadable`, ValueError, IndexError."""
    stack: list[int] = [] if initial is None else [initial]
    reader = Reader(memoryview(expression), 0)
    while reader.at < len(expression):
        code = reader.byte()
        if 0x30 <= code <= 0x4F:
            stack.append(code - 0x30)
        elif 0x70 <= code <= 0x8F:
            register = values[code - 0x70] if code - 0x70 < len(values) else None
            if register is None:
                raise Unreadable
            stack.append(register + reader.sleb() & _MASK)
        elif code in _CONSTANTS:
            stack.append(reader.number(*_CONSTANTS[code]) & _MASK)
        elif code in _OPERATORS:
            right, left = stack.pop(), stack.pop()
            stack.append(_OPERATORS[code](left, right) & _MASK)
        else:
            _other(code, reader, stack, words, bottom)
    return stack[-1]


def _other(code: int, reader: Reader, stack: list[int], words: memoryview, bottom: int) -> None:
    match code:
        case 0x06 | 0x94:
            value = _word(words, bottom, stack.pop())
            if value is None:
                raise Unreadable
            size = reader.byte() if code == 0x94 else 8
            stack.append(value & (1 << 8 * size) - 1)
        case 0x10:
            stack.append(reader.uleb())
        case 0x11:
            stack.append(reader.sleb() & _MASK)
        case 0x12:
            stack.append(stack[-1])
        case 0x13:
            stack.pop()
        case 0x14:
            stack.append(stack[-2])
        case 0x15:
            stack.append(stack[-1 - reader.byte()])
        case 0x16:
            stack[-1], stack[-2] = stack[-2], stack[-1]
        case 0x1F:
            stack[-1] = -stack[-1] & _MASK
        case 0x20:
            stack[-1] ^= _MASK
        case 0x23:
            stack[-1] = stack[-1] + reader.uleb() & _MASK
        case 0x28 | 0x2F:
            jump = reader.number("<h", 2)
            if code == 0x2F or stack.pop():
                reader.at += jump
        case 0x96:
            pass
        case _:
            raise ValueError(f"operation {code:#x} in a frame's expression")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_CONSTANTS = {
    0x03: ("<Q", 8), 0x08: ("<B", 1), 0x09: ("<b", 1), 0x0A: ("<H", 2), 0x0B: ("<h", 2), 0x0C: ("<I", 4),
    0x0D: ("<i", 4), 0x0E: ("<Q", 8), 0x0F: ("<q", 8),
}  # fmt: skip
_OPERATORS: dict[int, Callable[[int, int], int]] = {
    0x1A: lambda a, b: a & b,
    0x1B: lambda a, b: int(_signed(a) / _signed(b)),
    0x1C: lambda a, b: a - b,
    0x1D: lambda a, b: a % b,
    0x1E: lambda a, b: a * b,
    0x21: lambda a, b: a | b,
    0x22: lambda a, b: a + b,
    0x24: lambda a, b: a << b if b < 64 else 0,
    0x25: lambda a, b: a >> b if b < 64 else 0,
    0x26: lambda a, b: _signed(a) >> min(b, 63),
    0x27: lambda a, b: a ^ b,
    0x29: lambda a, b: int(_signed(a) == _signed(b)),
    0x2A: lambda a, b: int(_signed(a) >= _signed(b)),
    0x2B: lambda a, b: int(_signed(a) > _signed(b)),
    0x2C: lambda a, b: int(_signed(a) <= _signed(b)),
    0x2D: lambda a, b: int(_signed(a) < _signed(b)),
    0x2E: lambda a, b: int(_signed(a) != _signed(b)),
}
