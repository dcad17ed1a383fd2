"""DWARF expressions and location lists, turned into where a variable is (`program.variable_locations`).

DW_OP_fbreg -20, frame base DW_OP_call_frame_cfa, CFA rbp + 16  ->  InMemory(rbp - 4)

The stack holds terms, not numbers: registers are known when the probe fires. Sources: DWARF 5, 2.5, 2.6 and 7.7; the
GNU extensions as GCC writes them for DWARF 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..program.variable_locations import (
    Computed,
    ConstantBytes,
    EntryRegister,
    InMemory,
    InRegister,
    Load,
    NumberTerm,
    Operation,
    Pieces,
    RegisterTerm,
    StaticAddress,
    Term,
    TermOperator,
    ThreadLocal,
    Unavailable,
    VariableLocation,
)  # fmt: skip
from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_forms import sleb, uleb
from .dwarf_units import Unit

OPTIMIZED_OUT = "optimized out"
_MASK = 0xFFFFFFFFFFFFFFFF

_BINARY: dict[int, TermOperator] = {
    0x1A: "&", 0x1B: "/", 0x1C: "-", 0x1D: "%", 0x1E: "*", 0x21: "|", 0x22: "+", 0x24: "<<", 0x25: ">>>", 0x26: ">>",
    0x27: "^", 0x29: "==", 0x2A: ">=", 0x2B: ">", 0x2C: "<=", 0x2D: "<", 0x2E: "!=",
}  # fmt: skip
_CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True), 0x0C: (4, False), 0x0D: (4, True),
              0x0E: (8, False), 0x0F: (8, True)}  # fmt: skip


class _Unknown(Exception):
    """The expression cannot be evaluated; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression is evaluated.

    `address` is that of the instruction; `entry` tells whether it is the first of its function, where registers still
    have what they had at the call. `frame_base` and `cfa` give their values, None when they cannot be known.
    """

    unit: Unit
    address: int
    entry: bool
    frame_base: Callable[[], Term | None]
    cfa: Callable[[], Term | None]


def signed(value: int) -> int:
    """Return a number as 64 bits with a sign."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def operation(operator: TermOperator, left: Term, right: Term) -> Term:
    """Return an operation, computed where that is possible."""
    match operator, left, right:
        case "+", _, NumberTerm(0):
            return left
        case "+", StaticAddress(address), NumberTerm(offset):
            return StaticAddress(address + offset)
        case "+", NumberTerm(), _ if not isinstance(right, NumberTerm):
            return operation("+", right, left)
        case "-", _, NumberTerm(value):
            return operation("+", left, NumberTerm(-value))
        case "+", Operation("+", inner, NumberTerm(first)), NumberTerm(second):
            return operation("+", inner, NumberTerm(first + second))
        case _, NumberTerm(first), NumberTerm(second):
            computed = _computed(operator, first, second)
            return Operation(operator, left, right) if computed is None else NumberTerm(signed(computed))
        case _:
            return Operation(operator, left, right)


def _computed(operator: TermOperator, left: int, right: int) -> int | None:
    match operator:
        case "+":
            return left + right
        case "*":
            return left * right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "<<":
            return left << (right & 63)
        case ">>":
            return left >> (right & 63)
        case ">>>":
            return (left & _MASK) >> (right & 63)
        case "==" | "!=":
            return int((left == right) is (operator == "=="))
        case _:
            return None


class _Stack:
    """The machine: a stack of terms, and what kind of place its top names."""

    def __init__(self, place: Place, initial: Term | None) -> None:
        self.place = place
        self.terms: list[Term] = [initial] if initial is not None else []
        self.register: int | None = None
        self.is_value = False
        self.content: bytes | None = None
        self.parts: list[tuple[VariableLocation, int]] = []

    def pop(self) -> Term:
        if not self.terms:
            raise _Unknown("a damaged location expression")
        return self.terms.pop()

    def push(self, term: Term) -> None:
        self.terms.append(term)

    def location(self) -> VariableLocation:
        """Return what was computed, and be ready for another piece."""
        register, is_value, content = self.register, self.is_value, self.content
        self.register, self.is_value, self.content = None, False, None
        if register is not None:
            return InRegister(register)
        if content is not None:
            return ConstantBytes(content)
        if not self.terms:
            return Unavailable(OPTIMIZED_OUT)
        top = self.terms.pop()
        return Computed(top) if is_value else InMemory(top)

    def run(self, code: bytes) -> None:
        at = 0
        while at < len(code):
            at = self._step(code, code[at], at + 1)

    def _step(self, code: bytes, opcode: int, at: int) -> int:
        if 0x30 <= opcode <= 0x4F:
            self.push(NumberTerm(opcode - 0x30))
        elif 0x50 <= opcode <= 0x6F:
            self.register = opcode - 0x50
        elif 0x70 <= opcode <= 0x8F:
            offset, at = sleb(code, at)
            self.push(operation("+", RegisterTerm(opcode - 0x70), NumberTerm(offset)))
        elif opcode in _BINARY:
            right, left = self.pop(), self.pop()
            self.push(operation(_BINARY[opcode], left, right))
        elif opcode in _CONSTANTS:
            size, is_signed = _CONSTANTS[opcode]
            self.push(NumberTerm(signed(int.from_bytes(code[at : at + size], "little", signed=is_signed))))
            at += size
        elif opcode < 0x90:
            return self._simple(code, opcode, at)
        else:
            return self._special(code, opcode, at)
        return at

    def _simple(self, code: bytes, opcode: int, at: int) -> int:
        """Run one of the operations on the stack and of the plain constants."""
        terms = self.terms
        match opcode:
            case 0x03:
                self.push(StaticAddress(int.from_bytes(code[at : at + 8], "little")))
                return at + 8
            case 0x06:
                self.push(Load(self.pop(), 8))
            case 0x10:
                value, at = uleb(code, at)
                self.push(NumberTerm(signed(value)))
            case 0x11:
                value, at = sleb(code, at)
                self.push(NumberTerm(value))
            case 0x12 | 0x14 | 0x15:
                depth, at = (code[at], at + 1) if opcode == 0x15 else (opcode == 0x14, at)
                if len(terms) <= depth:
                    raise _Unknown("a damaged location expression")
                self.push(terms[-1 - depth])
            case 0x13:
                self.pop()
            case 0x16:
                first, second = self.pop(), self.pop()
                terms += [first, second]
            case 0x17:
                first, second, third = self.pop(), self.pop(), self.pop()
                terms += [first, third, second]
            case 0x1F:
                self.push(operation("*", self.pop(), NumberTerm(-1)))
            case 0x20:
                self.push(operation("^", self.pop(), NumberTerm(-1)))
            case 0x23:
                value, at = uleb(code, at)
                self.push(operation("+", self.pop(), NumberTerm(value)))
            case 0x28 | 0x2F:
                return self._jump(code, opcode, at)
            case _:
                raise _Unknown(f"DWARF operation {opcode:#x}")
        return at

    def _jump(self, code: bytes, opcode: int, at: int) -> int:
        offset = int.from_bytes(code[at : at + 2], "little", signed=True)
        at += 2
        if opcode == 0x28:
            condition = self.pop()
            if not isinstance(condition, NumberTerm):
                raise _Unknown("a location that depends on a condition")
            return at + offset if condition.value else at
        if offset < 0:
            raise _Unknown("a location that is computed in a loop")
        return at + offset

    def _special(self, code: bytes, opcode: int, at: int) -> int:
        """Run one of the operations that name places, or need the surroundings."""
        match opcode:
            case 0x90:
                self.register, at = uleb(code, at)
            case 0x91:
                offset, at = sleb(code, at)
                self.push(operation("+", self._known(self.place.frame_base(), "frame base"), NumberTerm(offset)))
            case 0x92:
                number, at = uleb(code, at)
                offset, at = sleb(code, at)
                self.push(operation("+", RegisterTerm(number), NumberTerm(offset)))
            case 0x93:
                size, at = uleb(code, at)
                self.parts.append((self.location(), size))
            case 0x94:
                if code[at] not in (1, 2, 4, 8):
                    raise _Unknown("a location that reads an odd number of bytes")
                self.push(Load(self.pop(), code[at]))  # type: ignore[arg-type]
                at += 1
            case 0x96 | 0xF0:
                pass
            case 0x9B | 0xE0:
                self.push(ThreadLocal(self.pop()))
            case 0x9C:
                self.push(self._known(self.place.cfa(), "call frame"))
            case 0x9E:
                size, at = uleb(code, at)
                self.content = code[at : at + size]
                at += size
            case 0x9F:
                self.is_value = True
            case 0xA1 | 0xA2 | 0xFB | 0xFC:
                index, at = uleb(code, at)
                address = self.place.unit.address_at(index)
                self.push(StaticAddress(address) if opcode in (0xA1, 0xFB) else NumberTerm(signed(address)))
            case 0xA3 | 0xF3:
                size, at = uleb(code, at)
                self.push(self._entry_value(code[at : at + size]))
                at += size
            case _:
                return self._typed(code, opcode, at)
        return at

    @staticmethod
    def _known(term: Term | None, what: str) -> Term:
        if term is None:
            raise _Unknown(f"the {what} is not known here")
        return term

    def _entry_value(self, inner: bytes) -> Term:
        """Return what a register had when the function was called: itself while nothing of the function has run."""
        if len(inner) == 1 and 0x50 <= inner[0] <= 0x6F:
            number = inner[0] - 0x50
            return RegisterTerm(number) if self.place.entry else EntryRegister(number)
        if not self.place.entry:
            raise _Unknown(OPTIMIZED_OUT)
        machine = _Stack(self.place, None)
        machine.run(inner)
        found = machine.location()
        if isinstance(found, InMemory):
            return found.address
        raise _Unknown(OPTIMIZED_OUT)

    def _typed(self, code: bytes, opcode: int, at: int) -> int:
        """Run one of the operations on values with a base type; whole numbers only."""
        match opcode:
            case 0xA4 | 0xF4:
                _, at = uleb(code, at)
                size = code[at]
                self.push(NumberTerm(signed(int.from_bytes(code[at + 1 : at + 1 + size], "little", signed=True))))
                return at + 1 + size
            case 0xA5 | 0xF5:
                number, at = uleb(code, at)
                offset, at = uleb(code, at)
                self.push(RegisterTerm(number))
                self._convert(offset)
                return at
            case 0xA6 | 0xF6:
                size = code[at]
                offset, at = uleb(code, at + 1)
                if size not in (1, 2, 4, 8):
                    raise _Unknown(OPTIMIZED_OUT)
                self.push(Load(self.pop(), size))  # type: ignore[arg-type]
                self._convert(offset)
                return at
            case 0xA8 | 0xA9 | 0xF7 | 0xF9:
                offset, at = uleb(code, at)
                self._convert(offset)
                return at
            case _:
                raise _Unknown(OPTIMIZED_OUT)

    def _convert(self, offset: int) -> None:
        """Cut the top to the base type at an offset of the unit; 0 is the generic type."""
        base = self.place.unit.die(self.place.unit.offset + offset) if offset else None
        if base is None:
            return
        size = base.number(d.AT_BYTE_SIZE) or 8
        encoding = base.number(d.AT_ENCODING)
        if encoding == d.ATE_FLOAT or size > 8:
            raise _Unknown(OPTIMIZED_OUT)
        shift = NumberTerm(64 - 8 * size)
        if shift.value:
            back: TermOperator = ">>" if encoding in (d.ATE_SIGNED, d.ATE_SIGNED_CHAR) else ">>>"
            self.push(operation(back, operation("<<", self.pop(), shift), shift))


def location_of(code: bytes, place: Place, initial: Term | None = None) -> VariableLocation:
    """Return where an expression says that a variable is; `initial` stands on the stack at the start."""
    stack = _Stack(place, initial)
    try:
        stack.run(code)
    except _Unknown as error:
        return Unavailable(str(error))
    except IndexError:
        return Unavailable("a damaged location expression")
    if stack.parts:
        return stack.parts[0][0] if len(stack.parts) == 1 else Pieces(tuple(stack.parts))
    return stack.location()


def value_of(code: bytes, place: Place) -> Term | None:
    """Return the value of an expression that computes an address; None when it is not known."""
    match location_of(code, place):
        case InMemory(address=term) | Computed(value=term):
            return term
        case InRegister(number=number):
            return RegisterTerm(number)
        case _:
            return None


# ------------------------------------------------------------------------------------------- lists by address


def location_list(unit: Unit, form: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the entries of a location list: first address, address behind the last, expression.

    The entry for all other addresses has the addresses 0 and 2**64.
    """
    if unit.version >= 5:
        yield from _entries5(unit, form, offset, ".debug_loclists", d.AT_LOCLISTS_BASE, True)
    elif unit.skeleton is not None:
        yield from _split_entries(unit, offset)
    else:
        yield from _entries4(unit, unit.data.section(".debug_loc"), offset, True)


def range_list(unit: Unit, form: int, offset: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of addresses of a range list: first address, address behind the last."""
    if unit.version >= 5:
        entries = _entries5(unit, form, offset, ".debug_rnglists", d.AT_RNGLISTS_BASE, False)
    else:
        # What was split off counts from the place that its skeleton names.
        start = (unit.skeleton.top.number(d.AT_GNU_RANGES_BASE) or 0) if unit.skeleton is not None else 0
        entries = _entries4(unit, unit.home.data.section(".debug_ranges"), start + offset, False)
    for low, high, _ in entries:
        if low < high:
            yield low, high


def _split_entries(unit: Unit, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield a location list that GCC or Clang split off before DWARF 5 had a form for that."""
    data = unit.data.section(".debug_loc")
    base = unit.home.top.address(d.AT_LOW_PC) or 0
    while at < len(data) and data[at]:
        kind = data[at]
        at += 1
        low, high = base, base
        if kind in (1, 2, 3):
            index, at = uleb(data, at)
            low = unit.address_at(index)
        if kind == 1:
            base = low
            continue
        if kind == 2:
            index, at = uleb(data, at)
            high = unit.address_at(index)
        elif kind == 3:
            high, at = low + int.from_bytes(data[at : at + 4], "little"), at + 4
        elif kind == 4:
            low += int.from_bytes(data[at : at + 4], "little")
            high += int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8
        else:
            return
        size = int.from_bytes(data[at : at + 2], "little")
        yield low, high, data[at + 2 : at + 2 + size]
        at += 2 + size


def _entries4(unit: Unit, data: bytes, at: int, with_code: bool) -> Iterator[tuple[int, int, bytes]]:
    base = unit.home.top.address(d.AT_LOW_PC) or 0
    while at + 16 <= len(data):
        low = int.from_bytes(data[at : at + 8], "little")
        high = int.from_bytes(data[at + 8 : at + 16], "little")
        at += 16
        if not low and not high:
            return
        if low == _MASK:
            base = high
            continue
        code = b""
        if with_code:
            size = int.from_bytes(data[at : at + 2], "little")
            code = data[at + 2 : at + 2 + size]
            at += 2 + size
        yield low + base, high + base, code


def _entries5(
    unit: Unit, form: int, offset: int, section: str, base_attribute: int, with_code: bool
) -> Iterator[tuple[int, int, bytes]]:
    data = unit.data.section(section)
    if form in (d.FORM_LOCLISTX, d.FORM_RNGLISTX):
        table = unit.top.number(base_attribute) or 12
        size = unit.offset_size
        offset = table + int.from_bytes(data[table + size * offset : table + size * (offset + 1)], "little")
    at, base = offset, unit.home.top.address(d.AT_LOW_PC) or 0
    # Location lists have a default entry (5), by which the later numbers are one higher than in range lists.
    default, shift = (5, 1) if with_code else (-1, 0)
    while at < len(data):
        kind = data[at]
        at += 1
        low = high = 0
        if kind == 0:
            return
        if kind in (1, 2, 3):
            index, at = uleb(data, at)
            low = unit.address_at(index)
            if kind == 1:
                base = low
                continue
            second, at = uleb(data, at)
            high = unit.address_at(second) if kind == 2 else low + second
        elif kind == 4:
            low, at = uleb(data, at)
            high, at = uleb(data, at)
            low, high = low + base, high + base
        elif kind == default:
            low, high = 0, 1 << 64
        elif kind == 5 + shift:
            base, at = int.from_bytes(data[at : at + 8], "little"), at + 8
            continue
        elif kind in (6 + shift, 7 + shift):
            low = int.from_bytes(data[at : at + 8], "little")
            at += 8
            if kind == 6 + shift:
                high, at = int.from_bytes(data[at : at + 8], "little"), at + 8
            else:
                size, at = uleb(data, at)
                high = low + size
        else:
            return
        code = b""
        if with_code:
            size, at = uleb(data, at)
            code = data[at : at + size]
            at += size
        yield low, high, code
