"""How DWARF writes attribute values: numbers of variable length, and one reader for each form (DWARF 5, 7.5.6)."""

from __future__ import annotations

from collections.abc import Callable

from . import dwarf_constants as d

Value = int | bytes
Reader = Callable[[bytes, int, int], tuple[Value, int]]
"""Takes the section, the place in it and the size of an offset (4 or 8); gives the value and the place behind it."""


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """Read an unsigned number of variable length; returns it and the place behind it."""
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def sleb(data: bytes, at: int) -> tuple[int, int]:
    """Read a signed number of variable length; returns it and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value - (1 << shift) if byte & 0x40 else value), at


def text_at(data: bytes, at: int) -> str:
    """Return the string that ends with a NUL."""
    return data[at : data.find(b"\0", at)].decode(errors="replace")


def _fixed(size: int) -> Reader:
    def read(data: bytes, at: int, _: int) -> tuple[Value, int]:
        return int.from_bytes(data[at : at + size], "little"), at + size

    return read


def _offset(data: bytes, at: int, size: int) -> tuple[Value, int]:
    return int.from_bytes(data[at : at + size], "little"), at + size


def _string(data: bytes, at: int, _: int) -> tuple[Value, int]:
    end = data.find(b"\0", at)
    return data[at:end], end + 1


def _block(size: int) -> Reader:
    def read(data: bytes, at: int, _: int) -> tuple[Value, int]:
        length = int.from_bytes(data[at : at + size], "little")
        return data[at + size : at + size + length], at + size + length

    return read


def _expression(data: bytes, at: int, _: int) -> tuple[Value, int]:
    length, at = uleb(data, at)
    return data[at : at + length], at + length


def _indirect(data: bytes, at: int, size: int) -> tuple[Value, int]:
    form, at = uleb(data, at)
    return READERS[form](data, at, size)


FIXED_SIZES: dict[int, int] = {
    d.FORM_ADDR: 8, d.FORM_DATA1: 1, d.FORM_DATA2: 2, d.FORM_DATA4: 4, d.FORM_DATA8: 8, d.FORM_DATA16: 16,
    d.FORM_FLAG: 1, d.FORM_FLAG_PRESENT: 0, d.FORM_IMPLICIT_CONST: 0, d.FORM_REF1: 1, d.FORM_REF2: 2, d.FORM_REF4: 4,
    d.FORM_REF8: 8, d.FORM_REF_SIG8: 8, d.FORM_REF_SUP4: 4, d.FORM_REF_SUP8: 8, d.FORM_STRX1: 1, d.FORM_STRX2: 2,
    d.FORM_STRX3: 3, d.FORM_STRX4: 4, d.FORM_ADDRX1: 1, d.FORM_ADDRX2: 2, d.FORM_ADDRX3: 3, d.FORM_ADDRX4: 4,
}  # fmt: skip
"""The forms of one size each, in bytes."""

OFFSET_FORMS = frozenset(
    (
        d.FORM_STRP, d.FORM_LINE_STRP, d.FORM_SEC_OFFSET, d.FORM_REF_ADDR, d.FORM_STRP_SUP, d.FORM_GNU_REF_ALT,
        d.FORM_GNU_STRP_ALT,
    )
)  # fmt: skip
"""The forms with the size of an offset: 4 bytes, or 8 in the 64-bit format."""

ULEB_FORMS = frozenset(
    (
        d.FORM_UDATA, d.FORM_SDATA, d.FORM_REF_UDATA, d.FORM_STRX, d.FORM_ADDRX, d.FORM_LOCLISTX, d.FORM_RNGLISTX,
        d.FORM_GNU_ADDR_INDEX, d.FORM_GNU_STR_INDEX,
    )
)  # fmt: skip

READERS: dict[int, Reader] = {
    **{form: _fixed(size) for form, size in FIXED_SIZES.items()},
    **dict.fromkeys(OFFSET_FORMS, _offset),
    **dict.fromkeys(ULEB_FORMS, lambda data, at, _: uleb(data, at)),
    d.FORM_SDATA: lambda data, at, _: sleb(data, at),
    d.FORM_STRING: _string,
    d.FORM_BLOCK1: _block(1),
    d.FORM_BLOCK2: _block(2),
    d.FORM_BLOCK4: _block(4),
    d.FORM_BLOCK: _expression,
    d.FORM_EXPRLOC: _expression,
    d.FORM_INDIRECT: _indirect,
}


def skipped(data: bytes, at: int, steps: list[int | Reader], offset_size: int) -> int:
    """Return the place behind the attributes that `steps` describe."""
    for step in steps:
        if step.__class__ is not int:
            at = step(data, at, offset_size)[1]  # type: ignore[operator]
        elif step > 0:
            at += step
        elif step:
            at = data.find(b"\0", at) + 1
        else:
            while data[at] >= 0x80:
                at += 1
            at += 1
    return at
