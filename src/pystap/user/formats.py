"""The conversions of printf, one function each (man stap, "PRINTING"; what it leaves open is as in C's printf).

Values are longs and strings with one character per byte. A width or precision of `*` comes from an argument: a negative
width pads on the right, a negative precision counts as none. Both are cut to LONGEST_FIELD.
Arguments stand in the order in which a script evaluates them.
"""

from __future__ import annotations

from ..program.fault_messages import fill_in
from .errors import Fault, RuntimeFault
from .memory import read_bytes
from .protocol import UserRuntime

_MASK = (1 << 64) - 1

LONGEST_FIELD = 8192
"""No field is padded beyond this, SystemTap's own print buffer."""

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def pad(text: str, flags: str, width: int | None) -> str:
    """Return `text` padded with blanks to `width`, on the right with the flag `-` or a negative width."""
    if width is None:
        return text
    size = min(abs(width), LONGEST_FIELD)
    return text.ljust(size) if "-" in flags or width < 0 else text.rjust(size)


def integer(conversion: str, flags: str, width: int | None, precision: int | None, value: int) -> str:
    """Return a long as `d` and `i` (signed), `u`, `o`, `x`, `X` or `p` (unsigned) show it."""
    if precision is not None and precision < 0:
        precision = None
    signed = conversion in "di"
    number = abs(value) if signed else value & _MASK
    digits = _digits(number, conversion)
    if precision is not None:
        digits = "" if precision == 0 and number == 0 else digits.rjust(min(precision, LONGEST_FIELD), "0")
    prefix = _sign(value, flags) if signed else ""
    if conversion == "p" or ("#" in flags and conversion in "xX" and number):
        prefix = "0X" if conversion == "X" else "0x"
    if "#" in flags and conversion == "o" and digits[:1] != "0":
        digits = "0" + digits
    if width is not None and "0" in flags and "-" not in flags and precision is None and width > 0:
        digits = digits.rjust(min(width, LONGEST_FIELD) - len(prefix), "0")
    return pad(prefix + digits, flags, width)


def _digits(number: int, conversion: str) -> str:
    if conversion == "o":
        return f"{number:o}"
    if conversion == "X":
        return f"{number:X}"
    return f"{number:x}" if conversion in "xp" else str(number)


def _sign(value: int, flags: str) -> str:
    if value < 0:
        return "-"
    if "+" in flags:
        return "+"
    return " " if " " in flags else ""


def string(flags: str, width: int | None, precision: int | None, value: str) -> str:
    """Return a string, at most `precision` bytes of it, as `s` shows it."""
    if precision is not None and precision >= 0:
        value = value[:precision]
    return pad(value, flags, width)


def character(flags: str, width: int | None, value: int) -> str:
    """Return the byte with this code; with the flag `#` as an escape if it is not a printing one."""
    code = value & 0xFF
    text = chr(code)
    if "#" in flags and not 0x20 <= code < 0x7F:
        text = _ESCAPES.get(code) or f"\\{code:03o}"
    return pad(text, flags, width)


def binary(value: int, size: int) -> str:
    """Return the low `size` bytes of a long in the machine's byte order (`b`)."""
    import sys

    data = (value & ((1 << (8 * size)) - 1)).to_bytes(size, sys.byteorder)
    return data.decode("latin-1")


def memory(
    rt: UserRuntime, hexadecimal: bool, flags: str, width: int | None, size: int | None, address: int, fault: Fault
) -> str:
    """Return `size` bytes of memory as they are (`m`) or in hexadecimal (`M`); of user memory with the flag `#`.

    A negative size counts as none, which is 1. Raises `fault` with the address when it cannot be read.
    """
    count = 1 if size is None or size < 0 else min(size, LONGEST_FIELD)
    data = read_bytes(rt, address, count, "#" in flags) if count else b""
    if data is None:
        raise RuntimeFault(fill_in(fault[0], address), fault[1])
    return pad(data.hex() if hexadecimal else data.decode("latin-1"), flags, width)


def before_nul(text: str) -> str:
    """Return the part of a built text that a string can hold: up to its first NUL."""
    end = text.find("\0")
    return text if end < 0 else text[:end]
