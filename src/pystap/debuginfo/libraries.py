"""Which files a program's libraries are, found as the dynamic linker does (ld.so(8)) without running anything."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import cache

from ..lean import suppress
from .elf_file import NotElf, readable_elf

_CACHE = "/etc/ld.so.cache"
_MAGIC = b"glibc-ld.so.cache1.1"
_FOLDERS = ("/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")
_ENTRY = struct.Struct("<iIIIQ")
_LIBRARY_KIND, _X86_64 = 0xFF, 0x0300
"""Entry flags: the kind of file in the low byte, the ABI above it (x86-64: 3)."""


@cache
def known_libraries() -> tuple[tuple[str, str], ...]:
    """Return the name and path of every library of this machine's kind that ld.so.cache lists, in its order."""
    try:
        with open(_CACHE, "rb") as file:
            data = file.read()
    except OSError:
        return ()
    start = data.find(_MAGIC)
    if start < 0:
        return ()
    (count,) = struct.unpack_from("<I", data, start + len(_MAGIC))
    found = []
    for number in range(count):
        flags, name, path, _, _ = _ENTRY.unpack_from(data, start + 48 + number * _ENTRY.size)
        if flags & 0xFF00 == _X86_64:
            texts = [data[start + at : data.index(b"\0", start + at)].decode(errors="replace") for at in (name, path)]
            found.append((texts[0], texts[1]))
    return tuple(found)


def find_library(name: str) -> str:
    """Return the file of a library (`libc.so.6`), "" when there is none."""
    return _find(name, ())


def _find(name: str, folders: tuple[str, ...]) -> str:
    """The same; `folders` come first (RUNPATH)."""
    for folder in folders:
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    for known, path in known_libraries():
        if known == name and os.path.exists(path):
            return path
    return next((f"{folder}/{name}" for folder in _FOLDERS if os.path.exists(f"{folder}/{name}")), "")


def find_by_stem(name: str) -> str:
    """Return the file of the library that `libc` or `c` may mean: libc.so.6; "" when there is none."""
    for stem in (name, f"lib{name}"):
        for known, path in known_libraries():
            if known.startswith(stem + ".so") and os.path.exists(path):
                return path
    return ""


def linked_libraries(path: str) -> Iterator[tuple[str, str]]:
    """Yield name and real path of every library that a program is linked with, directly or through others.

    The dynamic linker itself is the last one.
    """
    seen: dict[str, str] = {}
    waiting = [path]
    interpreter = ""
    while waiting:
        with suppress(OSError, NotElf), readable_elf(waiting.pop(0)) as elf:
            interpreter = interpreter or elf.interpreter
            for name in elf.needed:
                if name not in seen:
                    file = name if "/" in name else _find(name, elf.library_folders)
                    seen[name] = os.path.realpath(file) if file else ""
                    if file:
                        waiting.append(file)
                        yield name, seen[name]
    if interpreter and os.path.realpath(interpreter) not in seen.values():
        yield os.path.basename(interpreter), os.path.realpath(interpreter)


def mapped_libraries(pid: int) -> list[tuple[str, str]]:
    """Return name and path of the files whose code a process has mapped, those that it opened itself included.

    Empty where it has gone or may not be looked at.
    """
    found: dict[str, None] = {}
    with suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.rstrip("\n").split(maxsplit=5)
            if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
                found[fields[5]] = None
    return [(os.path.basename(path), path) for path in found if not path.endswith(" (deleted)")]
