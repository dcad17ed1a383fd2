"""The commands of ioctl: by name where it is known, else by their parts (asm-generic/ioctl.h)."""

from __future__ import annotations

from .names import MASK_32, Names, values

_DIRECTIONS = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")
_commands: Names | None = None


def ioctl_command(value: int) -> str:
    """Return a command's name, or direction, type, number and size: `_IOC(_IOC_READ, 0x12, 0x34, 0x4)`."""
    global _commands
    if _commands is None:
        from .ioctl_names import IOCTLS

        _commands = Names(IOCTLS)
    number = value & MASK_32
    if number in _commands.names:
        return _commands[number]
    return f"_IOC({_DIRECTIONS[number >> 30]}, {number >> 8 & 0xFF:#x}, {number & 0xFF:#x}, {number >> 16 & 0x3FFF:#x})"


DECODERS = values(ioctl_command=ioctl_command)
