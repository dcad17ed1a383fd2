"""The running kernel's symbols (/proc/kallsyms), its modules and its identity.

`/proc/kallsyms` has a line "ffffffff81000000 T _text" or "ffffffffc0001000 t name<tab>[module]" for each symbol. The
file of some 10 MB is read at once and split only when an address is looked up; a name is found by searching the text.
"""

from __future__ import annotations

import os
import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator

from ..kallsyms import symbols_text
from ..records import dataclass

_NT_GNU_BUILD_ID = 3
_FUNCTION_TYPES = b"tTwW"


@dataclass(frozen=True, slots=True)
class KernelSymbol:
    """`module` is "" for the kernel itself. `is_function` is told from the symbol's type letter (nm(1))."""

    name: str
    address: int
    module: str = ""
    is_function: bool = True


@dataclass(frozen=True, slots=True)
class Located:
    """An address as symbol and offset; `size` is the distance to the next symbol in bytes, 0 when unknown."""

    symbol: KernelSymbol
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class KernelModule:
    """A loaded module (/proc/modules); `address` is 0 when this process may not know it."""

    name: str
    size: int
    address: int


class KernelSymbols:
    """The symbols of one reading of kallsyms."""

    def __init__(self, text: bytes) -> None:
        self._text = text if text.endswith(b"\n") else text + b"\n"
        self._addresses: array[int] | None = None
        self._lines: list[bytes] = []

    @staticmethod
    def read(path: str = "/proc/kallsyms") -> KernelSymbols:
        """Read the kernel's symbols; an unreadable file gives none."""
        return KernelSymbols(symbols_text(path))

    @property
    def addresses_hidden(self) -> bool:
        """Whether the kernel shows zeros for addresses (kptr_restrict; needs CAP_SYSLOG)."""
        start = self.find("_text") or self.find("_stext")
        return start is None or start.address == 0

    def find_all(self, name: str) -> Iterator[KernelSymbol]:
        """Yield every symbol of that name; static functions of one name occur several times."""
        wanted = name.encode()
        for end in (b"\n", b"\t"):
            at = 0
            pattern = b" " + wanted + end
            while (at := self._text.find(pattern, at)) >= 0:
                start = self._text.rfind(b"\n", 0, at) + 1
                stop = self._text.find(b"\n", at + 1)
                if at - start == 18:
                    yield _symbol(self._text[start : stop if stop >= 0 else len(self._text)])
                at += len(pattern) - 1

    def find(self, name: str) -> KernelSymbol | None:
        """Return the first symbol of that name; None when there is none."""
        return next(self.find_all(name), None)

    def locate(self, address: int) -> Located | None:
        """Return the symbol that an address lies in; None before the first one, or when addresses are hidden.

        The first call sorts all symbols, in some 0.3 s for a kernel of 200,000.
        """
        addresses = self._sorted()
        index = bisect_right(addresses, address) - 1
        if index < 0 or not addresses[index]:
            return None
        size = addresses[index + 1] - addresses[index] if index + 1 < len(addresses) else 0
        return Located(_symbol(self._lines[index]), address - addresses[index], size)

    def has_function(self, name: str, module: str = "") -> bool:
        """Whether the kernel ("") or a module has a function of that name."""
        return any(symbol.is_function and symbol.module == module for symbol in self.find_all(name))

    def offsets_of(self, name: str) -> list[int]:
        """Return how far behind `_text` the kernel's own functions of a name are; none where addresses are hidden."""
        start = self.find("_text")
        if start is None or not start.address:
            return []
        own = {symbol.address for symbol in self.find_all(name) if symbol.is_function and not symbol.module}
        return sorted(address - start.address for address in own)

    def functions_like(self, pattern: str, module: str = "") -> list[str]:
        """Return the names of the functions of the kernel itself or of a module that match a pattern (fnmatch), in the
        order of addresses; one that several functions have stands as often."""
        end = rf"\t\[{re.escape(module)}\]\n" if module else r"\n"
        expression = f" [{_FUNCTION_TYPES.decode()}] ({_without_space(pattern)}){end}"
        found = re.findall(expression.encode(), self._text)
        return b"\n".join(found).decode(errors="replace").split("\n") if found else []

    def names_from(self, start: str) -> list[str]:
        """Return the names of all symbols that begin with `start`, functions and data."""
        mark, names, at = b" " + start.encode(), set(), 0
        while (at := self._text.find(mark, at)) >= 0:
            at += 1
            if self._text[at - 3 : at - 2] == b" ":
                names.add(re.split(rb"[\t\n]", self._text[at : at + 200], maxsplit=1)[0].decode(errors="replace"))
        return sorted(names)

    def exported_names(self) -> set[str]:
        """Return the names of what modules may use."""
        mark = b" __ksymtab_"
        lines = self._text.split(b"\n")
        return {line.partition(mark)[2].partition(b"\t")[0].decode() for line in lines if mark in line}

    def functions(self) -> Iterator[KernelSymbol]:
        """Yield all function symbols."""
        for line in self._text.split(b"\n"):
            if line[17:18] in _FUNCTION_TYPES and line:
                yield _symbol(line)

    def _sorted(self) -> array[int]:
        """Return the sorted distinct addresses; of the symbols at one address a function is kept before data."""
        if self._addresses is None:
            best: dict[int, bytes] = {}
            for line in self._text.split(b"\n"):
                if not line:
                    continue
                address = int(line[:16], 16)
                known = best.get(address)
                if known is None or (known[17] not in _FUNCTION_TYPES and line[17] in _FUNCTION_TYPES):
                    best[address] = line
            self._addresses = array("Q", sorted(best))
            self._lines = [best[address] for address in self._addresses]
        return self._addresses


def _without_space(pattern: str) -> str:
    """Return the regular expression of an fnmatch pattern whose wildcards stand for what may be in a name."""
    parts = re.split(r"(\*|\?|\[!?\]?[^\]]*\])", pattern)
    for i in range(1, len(parts), 2):
        inside = parts[i][1:-1].replace("\\", "\\\\")
        negated = inside.startswith("!")
        choice = f"[^{inside[1:]}\t\n]" if negated else f"[{inside}]"
        parts[i] = {"*": r"[^\t\n]*", "?": r"[^\t\n]"}.get(parts[i], choice)
    parts[::2] = map(re.escape, parts[::2])
    return "".join(parts)


def _symbol(line: bytes) -> KernelSymbol:
    name, _, module = line[19:].partition(b"\t")
    return KernelSymbol(
        name.decode(errors="replace"), int(line[:16], 16), module.strip(b"[]\n ").decode(), line[17] in _FUNCTION_TYPES
    )


def loaded_modules(path: str = "/proc/modules") -> tuple[KernelModule, ...]:
    """Return the loaded kernel modules; none when the kernel has no modules."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return ()
    modules = []
    for line in lines:
        name, size, _, _, _, address = line.split()[:6]
        modules.append(KernelModule(name, int(size), int(address, 16)))
    return tuple(modules)


def build_id_from_notes(data: bytes) -> str | None:
    """Return the GNU build id, in hex, from the contents of ELF notes; None when there is none."""
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("<III", data, at)
        name = data[at + 12 : at + 12 + name_size].rstrip(b"\0")
        start = at + 12 + (name_size + 3) // 4 * 4
        if kind == _NT_GNU_BUILD_ID and name == b"GNU":
            return data[start : start + size].hex()
        at = start + (size + 3) // 4 * 4
    return None


def kernel_build_id() -> str | None:
    """Return the running kernel's build id in hex (/sys/kernel/notes); None when it is not shown."""
    return _notes("/sys/kernel/notes")


def module_build_id(name: str) -> str | None:
    """Return a loaded module's build id in hex; None when it is not shown."""
    return _notes(f"/sys/module/{name}/notes/.note.gnu.build-id")


def kernel_identity() -> str:
    """Return a text that is different for every kernel build: the build id, else release and version."""
    system = os.uname()
    return kernel_build_id() or f"{system.release} {system.version}"


def _notes(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return build_id_from_notes(file.read())
    except OSError:
        return None
