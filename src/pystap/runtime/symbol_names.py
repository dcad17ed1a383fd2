"""The kernel's symbols by address (/proc/kallsyms), read when a script first asks for one."""

from __future__ import annotations

from array import array
from bisect import bisect_right

_FUNCTION_TYPES = b"tTwW"


class SymbolNames:
    """A sorted table of the symbols; none where the kernel does not show them (kptr_restrict)."""

    def __init__(self, path: str = "/proc/kallsyms") -> None:
        best: dict[int, bytes] = {}
        try:
            with open(path, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError:
            lines = []
        for line in lines:
            if not line:
                continue
            address = int(line[:16], 16)
            known = best.get(address)
            if known is None or (known[17] not in _FUNCTION_TYPES and line[17] in _FUNCTION_TYPES):
                best[address] = line
        best.pop(0, None)
        self._addresses = array("Q", sorted(best))
        self._lines = [best[address] for address in self._addresses]

    def address_of(self, name: str) -> int:
        """Return the address of the first symbol with a name; 0 for none."""
        wanted = name.encode()
        for address, line in zip(self._addresses, self._lines, strict=True):
            if line[19 : 19 + len(wanted)] == wanted and line[19:].partition(b"\t")[0] == wanted:
                return address
        return 0

    def locate(self, address: int) -> tuple[str, int, int, str] | None:
        """Return name, offset, size and module of the symbol that an address lies in; None for none."""
        index = bisect_right(self._addresses, address) - 1
        if index < 0 or index + 1 >= len(self._addresses):
            return None
        name, _, module = self._lines[index][19:].partition(b"\t")
        start, end = self._addresses[index], self._addresses[index + 1]
        return name.decode(errors="replace"), address - start, end - start, module.strip(b"[]\n ").decode() or "kernel"
