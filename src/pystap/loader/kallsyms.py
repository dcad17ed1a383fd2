"""Addresses of the running kernel's symbols, for what is attached by address. They differ at every boot."""

from __future__ import annotations

import errno

from ..kallsyms import PATH, symbols_text
from ..lean import Iterator, Sequence
from .errors import KernelRefused

_NAME_AT = 19
_FUNCTIONS = b"tTwW"
_SHORTEST = 3


def symbol_addresses(names: frozenset[str], module: str = "", path: str = PATH) -> dict[str, int]:
    """Return the address of the first symbol of each name in the kernel ("") or in a module, as far as there is one.

    Raises `KernelRefused` where the kernel hides its addresses.
    """
    text = symbols_text(path)
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


def function_addresses(names: Sequence[str], module: str = "", path: str = PATH) -> dict[str, list[int]]:
    """Return the addresses of all functions that have one of many names; nothing where the kernel hides addresses."""
    text = symbols_text(path)
    end = f"\t[{module}]".encode() if module else b""
    wanted = {name.encode() + end: name for name in names}
    found: dict[str, list[int]] = {}
    for line in _lines_with(text, _shared_start(names).encode()):
        name = wanted.get(line[19:])
        address = int(line[:16], 16)
        if name is not None and address and line[17] in _FUNCTIONS:
            found.setdefault(name, []).append(address)
    return found


def _shared_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def _lines_with(text: bytes, start: bytes) -> Iterator[bytes]:
    """Yield the lines of symbols that begin like that: all of them where it is too short to search for."""
    if len(start) < _SHORTEST:
        yield from text.split(b"\n")[:-1]
        return
    at = -1
    while (at := text.find(b" " + start, at + 1)) >= 0:
        begin = text.rfind(b"\n", 0, at) + 1
        if at - begin == _NAME_AT - 1:
            yield text[begin : text.find(b"\n", at)]


def load_address(name: str) -> int:
    """Return where the kernel's text ("") or a section of a module ("module:section") is. Raises `KernelRefused`."""
    if not name:
        return symbol_addresses(frozenset({"_text"}))["_text"]
    module, _, section = name.partition(":")
    try:
        with open(f"/sys/module/{module}/sections/{section}", encoding="utf-8") as file:
            return int(file.read(), 16)
    except OSError as error:
        detail = f"module {module} has no section {section}, or is not loaded"
        raise KernelRefused(f"find section {section} of module {module}", error.errno or 0, detail=detail) from None
