"""Decoders that many families use: strings, buffers, addresses, plain numbers in another base."""

from __future__ import annotations

from . import Decoder, Memory, address, s32

_AT_FDCWD = -100
"""include/uapi/linux/fcntl.h"""
_LONGEST_PATH = 256
_LONGEST_BUFFER = 32
_ESCAPES = {0x07: "\\a", 0x08: "\\b", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x0B: "\\v",
            0x22: '\\"', 0x5C: "\\\\"}  # fmt: skip
_SHOWN = tuple(_ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in range(256))
"""Each byte as it is shown in quotes."""


def quoted(data: bytes, most: int = 0) -> str:
    """Return bytes in quotes, escapes as in C; with `most`, at most so many of them, "..." behind what was cut."""
    shown = data[:most] if most else data
    text = shown.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    if not (text.isascii() and text.isprintable()):  # what is left takes longer
        text = "".join(map(_SHOWN.__getitem__, shown))
    return f'"{text}"' + ("..." if len(shown) < len(data) else "")


def path(value: int, data: bytes | None) -> str:
    """Return a string of the task in quotes."""
    if data is None:
        return address(value)
    return quoted(data, _LONGEST_PATH - 1)


def text(value: int, data: bytes | None) -> str:
    """Return a string of the task as it is."""
    return address(value) if data is None else data.decode("latin-1")


def buffer(value: int, size: int, data: bytes | None) -> str:
    """Return the first bytes of a buffer of `size` bytes in quotes."""
    if data is None:
        return address(value)
    size &= 0xFFFF_FFFF_FFFF_FFFF
    return quoted(data) + ("..." if size > len(data) else "")


def octal(value: int) -> str:
    """Return permissions, with a leading zero."""
    value &= 0xFFFF_FFFF
    return f"0{value:o}" if value else "0"


def hex32(value: int) -> str:
    return f"0x{value & 0xFFFF_FFFF:x}"


def owner(value: int) -> str:
    """Return a user or group id; -1 stands for no change."""
    number = value & 0xFFFF_FFFF
    return "-1" if number == 0xFFFF_FFFF else str(number)


def device(value: int) -> str:
    """Return a device number as it is passed from user space (new_decode_dev in linux/kdev_t.h)."""
    major, minor = value >> 8 & 0xFFF, value & 0xFF | value >> 12 & 0xFFF00
    return f"makedev({major:#x}, {minor:#x})"


def hexadecimal(value: int) -> str:
    return f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}"


def dirfd(value: int) -> str:
    """Return a file descriptor of a directory."""
    value = s32(value)
    return "AT_FDCWD" if value == _AT_FDCWD else str(value)


_LONGEST_NAME = 64
"""__NEW_UTS_LEN of linux/utsname.h"""


def host_name(value: int, size: int, data: bytes | None) -> str:
    """Return the name of a machine, of `size` bytes; its address where the size is none that the kernel takes."""
    return address(value) if data is None or not 0 <= s32(size) <= _LONGEST_NAME else quoted(data)


DECODERS = (
    Decoder("path", path, (Memory("text", _LONGEST_PATH),)),
    Decoder("text", text, (Memory("text", _LONGEST_PATH),)),
    Decoder("buffer", buffer, (Memory("bytes", _LONGEST_BUFFER, count=1),)),
    Decoder("host_name", host_name, (Memory("bytes", _LONGEST_NAME, count=1),)),
    Decoder("address_str", address, width=18),
    Decoder("octal", octal, width=12),
    Decoder("hex", hexadecimal, width=18),
    Decoder("hex32", hex32, width=10),
    Decoder("owner", owner, width=10),
    Decoder("device", device, width=27),
    Decoder("dirfd", dirfd, width=11),
)
