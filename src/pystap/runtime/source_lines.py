"""Source files and lines of addresses, by the debug information of a file or of the kernel."""

from __future__ import annotations

import os

from ..debuginfo.dwarf import open_debuginfo
from ..debuginfo.dwarf_abbreviations import DwarfError
from ..debuginfo.dwarf_lines import line_table
from ..debuginfo.elf_image import DEBUG_FOLDER, ElfImage, NotElf
from ..debuginfo.kernel_symbols import kernel_build_id


class SourceLines:
    """The lines of one file; addresses are those of the file. None where it has no debug information."""

    def __init__(self, path: str) -> None:
        self._info = open_debuginfo(path)
        self._known: dict[int, tuple[str, int] | None] = {}

    def find(self, address: int) -> tuple[str, int] | None:
        """Return the file and line of an address; None where nothing tells."""
        if self._info is None:
            return None
        if address not in self._known:
            self._known[address] = self._read(address)
        return self._known[address]

    def _read(self, address: int) -> tuple[str, int] | None:
        assert self._info is not None
        try:
            unit = self._info.unit_of(address)
            table = line_table(unit) if unit is not None else None
            row = table.row_at(address) if table is not None else None
        except DwarfError:
            return None
        return (table.files[row[1]], row[2]) if table is not None and row is not None and row[2] else None


class KernelLines:
    """The lines of the running kernel. `start` is where the symbol _stext is now."""

    def __init__(self, start: int, path: str | None = None) -> None:
        path = path or _kernel_file()
        self._lines = SourceLines(path) if path else None
        self._shift = start - _address_of(path, "_stext") if path else 0

    def find(self, address: int) -> tuple[str, int] | None:
        """Return the file and line of an address; None without debug information."""
        return self._lines.find(address - self._shift) if self._lines is not None else None


def _kernel_file() -> str | None:
    """Return the file with the running kernel's debug information; None where it is not installed."""
    build_id, release = kernel_build_id() or "-", os.uname().release
    for path in (
        f"{DEBUG_FOLDER}/.build-id/{build_id[:2]}/{build_id[2:]}.debug",
        f"{DEBUG_FOLDER}/boot/vmlinux-{release}",
        f"{DEBUG_FOLDER}/lib/modules/{release}/vmlinux",
        f"/lib/modules/{release}/build/vmlinux",
    ):
        try:
            if os.path.exists(path) and ElfImage.open(path).build_id == build_id:
                return path
        except NotElf:
            continue
    return None


def _address_of(path: str, symbol: str) -> int:
    image = ElfImage.open(path)
    for address, _, _, name in image.functions(".symtab"):
        if image.text_at(name) == symbol:
            return address
    return 0
