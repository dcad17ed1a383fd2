"""Addresses as the kernel's and its modules' files have them, where they lie in the running kernel, and the other way.

A kernel is linked for one address and moved at boot (KASLR): all of its text by the same distance, which the symbol
`_text` tells. A module's file has addresses from 0 in each section; /sys/module/NAME/sections tells where those went.
"""

from __future__ import annotations

import os

from ..arch import x86_64 as arch
from .kernel_symbols import KernelSymbols, Located

_MAPS = ("/boot/System.map-{0}", "/lib/modules/{0}/System.map", "/usr/lib/debug/boot/System.map-{0}")


class KernelAddresses:
    """The addresses of the running kernel, found in its symbols."""

    def __init__(self, symbols: KernelSymbols, release: str) -> None:
        self._symbols = symbols
        self._release = release

    def in_file(self, address: int, module: str) -> tuple[str, int] | None:
        """Return the function that an address of the kernel's file ("") or of a module's section .text lies in, and the
        offset behind its start; None when it lies in none."""
        start = self._loaded_text(module)
        if start is None:
            return None
        if not module:
            address -= self._linked_text()
        found = self._function_at(start + address)
        return (found.symbol.name, found.offset) if found is not None and found.symbol.module == module else None

    def at(self, address: int) -> str:
        """Return the function at an address of the running kernel, "" when there is none."""
        found = self._function_at(address)
        return found.symbol.name if found is not None else ""

    def stable_place(self, address: int, name: str, offset: int, module: str) -> tuple[str, int]:
        """Return a symbol and an offset that mean a place of a file at every boot: ("", offset) for the function's own.

        Static functions of the kernel may share a name, so its places count from `_text`.
        """
        return ("", offset) if module else ("_text", address - self._linked_text())

    def _function_at(self, address: int) -> Located | None:
        if address < 0:
            return None
        found = self._symbols.locate(address)
        if found is None or not found.symbol.is_function or not 0 <= found.offset < (found.size or 1):
            return None
        return found

    def _loaded_text(self, module: str) -> int | None:
        if module:
            return _number_in(f"/sys/module/{module}/sections/.text")
        found = self._symbols.find("_text")
        return found.address or None if found is not None else None

    def _linked_text(self) -> int:
        """Return the address of `_text` in the kernel's file."""
        for pattern in _MAPS:
            try:
                with open(pattern.format(self._release), "rb") as file:
                    for line in file:
                        if line.endswith(b" _text\n"):
                            return int(line[:16], 16)
            except OSError:
                continue
        return arch.KERNEL_TEXT


def _number_in(path: str) -> int | None:
    try:
        with open(path, encoding="utf-8") as file:
            return int(file.read(), 16) or None
    except (OSError, ValueError):
        return None


def has_module_file(module: str, release: str, index: str = "modules.dep") -> bool:
    """Tell whether a module is among those installed for a kernel (with "modules.builtin": part of it)."""
    try:
        with open(f"/lib/modules/{release}/{index}", encoding="utf-8", errors="replace") as file:
            paths = [line.split(":", 1)[0].strip() for line in file]
    except OSError:
        return False
    return any(os.path.basename(path).split(".ko", 1)[0].replace("-", "_") == module for path in paths)
