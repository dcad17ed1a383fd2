"""Names of numbers and of bits: how decoders show flags and enumerations."""

from __future__ import annotations

from collections.abc import Mapping


def flags_text(value: int, names: Mapping[int, str], nothing: str = "0") -> str:
    """Return the names of the bits of a 64-bit value joined by `|`; what has no name follows in hexadecimal.

    A name may stand for several bits; it is used when all are set. Names come in the order of `names`.
    """
    value &= 0xFFFF_FFFF_FFFF_FFFF
    parts: list[str] = []
    for bits, name in names.items():
        if bits and value & bits == bits:
            parts.append(name)
            value &= ~bits
    if value:
        parts.append(f"0x{value:x}")
    return "|".join(parts) or names.get(0, nothing)


def name_of(value: int, names: Mapping[int, str]) -> str:
    """Return the name of a number, or the number in hexadecimal (in decimal below 10)."""
    name = names.get(value)
    if name is not None:
        return name
    return str(value) if -10 < value < 10 else f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}"
