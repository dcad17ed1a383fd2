"""Addresses of the running kernel's symbols, for what is attached by address. They differ at every boot."""

from __future__ import annotations

import errno

from .errors import KernelRefused


def symbol_addresses(names: frozenset[str], module: str = "", path: str = "/proc/kallsyms") -> dict[str, int]:
    """Return the address of the first symbol of each name in the kernel ("") or in a module, as far as there is one.

    Raises `KernelRefused` where the kernel hides its addresses.
    """
    with open(path, "rb") as file:
        text = b"\n" + file.read()
    found: dict[str, int] = {}
    for name in names:
        pattern = b" " + name.encode() + (f"\t[{module}]".encode() if module else b"") + b"\n"
        at = text.find(pattern)
        while at >= 0:
            start = text.rfind(b"\n", 0, at) + 1
            if at - start == 18:
                found[name] = int(text[start : start + 16], 16)
                break
            at = text.find(pattern, at + 1)
    if found and not any(found.values()):
        reason = "it hides its addresses (kernel.kptr_restrict)"
        raise KernelRefused("find the addresses of its symbols", errno.EPERM, detail=reason)
    return found


def load_address(name: str) -> int:
    """Return where the kernel's text ("") or a section of a module ("module:section") is. Raises `KernelRefused`."""
    if not name:
        return symbol_addresses(frozenset({"_text"}))["_text"]
    module, _, section = name.partition(":")
    try:
        with open(f"/sys/module/{module}/sections/{section}", encoding="ascii") as file:
            return int(file.read(), 16)
    except OSError as error:
        detail = f"module {module} has no section {section}, or is not loaded"
        raise KernelRefused(f"find section {section} of module {module}", error.errno or 0, detail=detail) from None
