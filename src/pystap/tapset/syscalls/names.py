"""Values by name: enumerations and sets of bits as text, and the ways to declare decoders that use them.

Tables are text, `NAME=value` separated by blanks, in the order in which names are shown; each says which headers of the
kernel (include/uapi, arch/x86/include/uapi, 6.1 to 6.18) it is from. What has no name is shown in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable

from ...records import replace
from . import Decoder, Memory, address

MASK_32 = 0xFFFF_FFFF
MASK_64 = 0xFFFF_FFFF_FFFF_FFFF
_CACHED = 4096
"""Texts that a table keeps; a program that passes ever new values must not fill the memory."""
_STRUCTURES_CACHED = 512
"""Texts that a decoder of structures keeps: programs pass the same times, masks and addresses again and again."""


def pairs(text: str, prefix: str = "") -> list[tuple[str, int]]:
    """Return the (name, value) pairs of a table, `prefix` put before each name.

    A name without a value is one more than the name before it, the first is 0.
    """
    result: list[tuple[str, int]] = []
    value = -1
    for token in text.split():
        name, _, number = token.partition("=")
        value = int(number, 0) if number else value + 1
        result.append((prefix + name, value))
    return result


def signed(value: int, bits: int = 32) -> int:
    """Return the low `bits` of a register as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Names(dict[int, str]):
    """An enumeration; called with a value, it gives its name.

    `bits` is the width of the argument in C: what is above it in the register does not count.
    """

    def __init__(self, text: str, bits: int = 32, prefix: str = "") -> None:
        super().__init__()
        self.bits = bits
        self.names: dict[int, str] = {}
        for name, value in pairs(text, prefix):
            self.names.setdefault(value & (1 << bits) - 1, name)

    def __missing__(self, value: int) -> str:
        known = value & (1 << self.bits) - 1
        return _keep(self, value, self.names.get(known) or f"0x{known:x}")

    def __call__(self, value: int) -> str:
        return self[value]


class Flags(dict[int, str]):
    """A set of bits; called with a value, it gives the names of its bits joined by `|`.

    `field` is a part of the value, given by its mask, that is a number and not bits (the access mode of open); it comes
    first. `zero` is shown for no bit set. Names of several bits stand before those of their parts.
    """

    def __init__(self, text: str, zero: str = "0x0", bits: int = 32, field: tuple[int, Names] | None = None) -> None:
        super().__init__()
        self.bits, self.zero, self.field = bits, zero, field
        self.flags = [(name, value & (1 << bits) - 1) for name, value in pairs(text)]
        assert all(bit for _, bit in self.flags), "a name without a bit"

    def __missing__(self, value: int) -> str:
        rest = value & (1 << self.bits) - 1
        parts = []
        if self.field is not None:
            mask, names = self.field
            if rest & mask or 0 in names.names:
                parts.append(names[rest & mask])
            rest &= ~mask
        for name, bit in self.flags:
            if rest & bit == bit:
                parts.append(name)
                rest &= ~bit
        if rest:
            parts.append(f"0x{rest:x}")
        return _keep(self, value, "|".join(parts) or self.zero)

    def __call__(self, value: int) -> str:
        return self[value]


class Kept(dict[int, str]):
    """A function of one value that keeps its texts; a decorator."""

    def __init__(self, make: Callable[[int], str]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, value: int) -> str:
        return _keep(self, value, self.make(value))

    def __call__(self, value: int) -> str:
        return self[value]


def _keep(table: dict[int, str], value: int, text: str) -> str:
    if len(table) >= _CACHED:
        table.clear()
    table[value] = text
    return text


def values(**functions: Callable[..., str | None]) -> tuple[Decoder, ...]:
    """Return decoders that read no memory, by their names."""
    return tuple(Decoder(name, function) for name, function in functions.items())


Text = Callable[..., str]
"""Called with the bytes at the address, then the other arguments of the decoder; "" for what it cannot show."""


def _shown(text: Text, least: int) -> Callable[..., str]:
    known: dict[tuple[int | bytes | None, ...], str] = {}

    def make(rest: tuple[int | bytes | None, ...]) -> str:
        data = rest[-1]
        made = text(data, *rest[:-1]) if isinstance(data, bytes) and len(data) >= least else ""
        if len(known) >= _STRUCTURES_CACHED:
            known.clear()
        known[rest] = made
        return made

    def show(value: int, *rest: int | bytes | None) -> str:
        made = known.get(rest)
        if made is None:
            made = make(rest)
        return made or address(value)

    return show


SAME = "same"
"""Said of a structure that 32-bit calls lay out in the same way."""
_WIDTHS = {"l": (4, 8), "p": (4, 8), "m": (4, 8), "q": (8, 8), "i": (4, 4), "s": (2, 2), "_": (0, 4)}


def widened(data: bytes, layout: str) -> bytes:
    """Return a structure of a 32-bit call as a 64-bit one would be; "" where bytes are missing.

    `layout` has a letter for each member: `l` a signed long, `p` a pointer or unsigned long, `m` an unsigned long
    whose highest value stands for no limit, `q` 64 bits in both, `i` an int, `s` a short, `_` a hole that only the
    64-bit structure has.
    """
    result = b""
    offset = 0
    for letter in layout:
        narrow, wide = _WIDTHS[letter]
        part = data[offset : offset + narrow]
        if len(part) < narrow:
            return b""
        negative = (letter == "l" and part[-1] & 0x80) or (letter == "m" and part == b"\xff\xff\xff\xff")
        fill = b"\xff" if negative else b"\0"
        result += part.ljust(wide, fill)
        offset += narrow
    return result


def narrow_size(layout: str) -> int:
    """Return the bytes of a 32-bit structure."""
    return sum(_WIDTHS[letter][0] for letter in layout)


def _declared(text: Text, memory: Memory, least: int, narrow: str) -> Decoder:
    """Return the decoder, with its form for 32-bit calls if `narrow` says how they lay the structure out."""
    show = _shown(text, least)
    if not narrow or narrow == SAME:
        return Decoder(text.__name__, show, (memory,), compat=show if narrow else None)
    size = narrow_size(narrow)

    def shown(value: int, *rest: int | bytes | None) -> str:
        data = rest[-1]
        if isinstance(data, bytes):
            parts = [widened(data[i : i + size], narrow) for i in range(0, len(data), size)]
            if memory.count is None:
                parts[0] = parts[0].ljust(least, b"\0") if parts[0] else b""
            data = b"".join(parts)
        return show(value, *rest[:-1], data)

    narrowed = replace(memory, size=size if memory.count is None else memory.size, each=size if memory.each > 1 else 1)
    return Decoder(text.__name__, show, (memory,), compat=shown, compat_memory=(narrowed,))


def structure(size: int, least: int = 0, narrow: str = "") -> Callable[[Text], Decoder]:
    """Declare a decoder of a structure of `size` bytes, or at `least` so many.

    `narrow` is the layout in 32-bit calls (`widened`), SAME where it is the same; without it they show the address.
    """
    return lambda text: _declared(text, Memory("bytes", size), least or size, narrow)


def counted(most: int, each: int = 1, count: int = 1, least: int = 0, narrow: str = "") -> Callable[[Text], Decoder]:
    """Declare a decoder of as many elements of `each` bytes as the argument `count` says, up to `most` bytes in all."""
    return lambda text: _declared(text, Memory("bytes", most, count=count, each=each), least, narrow)


def array(shown: list[str], count: int) -> str:
    """Return an array of `count` elements of which these were read; "" where none was."""
    count &= MASK_32
    if count and not shown:
        return ""
    return "[" + ", ".join(shown + ["..."] * (count > len(shown))) + "]"
