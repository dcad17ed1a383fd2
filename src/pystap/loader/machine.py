"""Numbers of this machine and this process that programs have as constants, found when a program is loaded."""

from __future__ import annotations

import os

from .errors import KernelRefused
from .kallsyms import load_address


def machine_number(name: str) -> int | None:
    """Return the number that a name stands for, None for an unknown one.

    `uid` is the user who loads, `pid_ns` the number of the process's pid namespace (its inode), `symbol.NAME` the
    address of a kernel symbol, `symbol.MODULE:SECTION` where a section of a module was loaded.
    """
    kind, _, rest = name.partition(".")
    match kind:
        case "uid":
            return os.getuid()
        case "pid_ns":
            return os.stat("/proc/self/ns/pid").st_ino
        case "symbol":
            return _symbol(rest)
        case _:
            return None


def _symbol(name: str) -> int | None:
    """Return the address of a kernel symbol or of a section of a module, None where it is not shown."""
    if ":" in name:
        try:
            return load_address(name)
        except KernelRefused:
            return None
    wanted = f" {name}\n".encode()
    with open("/proc/kallsyms", "rb") as file:
        for line in file:
            if line.endswith(wanted):
                return int(line.split(None, 1)[0], 16) or None
    return None
