"""The source by DWARF for programs that may have none: what reads it is loaded for the first one that has.

Loading it takes as long as the rest of what a script on plain symbols needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ..lean import TYPE_CHECKING
from ..program.user_code import CodePlace, Exact, Which
from .elf_file import NotElf, readable_elf
from .elf_symbols import debug_file

if TYPE_CHECKING:
    from .dwarf_source import DwarfSource, ProcessFacts


@cache
def has_debuginfo(path: str) -> bool:
    """Tell whether a program has debugging information, or a file apart from it that may have."""
    try:
        with readable_elf(path) as elf:
            own = any(section.name in (".debug_info", ".zdebug_info") for section in elf.sections)
            return own or bool(debug_file(elf))
    except (OSError, NotElf):
        return False


class LateDwarf:
    """A `FunctionSource` and `PlaceSource`; methods as in `DwarfSource`, whose results are kept in `cache_folder`."""

    def __init__(self, process: ProcessFacts, cache_folder: str) -> None:
        self._process = process
        self._folder = cache_folder
        self._source: DwarfSource | None = None

    def _of(self, path: str) -> DwarfSource | None:
        if self._source is None and has_debuginfo(path):
            from .dwarf import keep_in
            from .dwarf_source import DwarfSource

            keep_in(self._folder)
            self._source = DwarfSource(self._process)
        return self._source

    def functions(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace] | None:
        source = self._of(path)
        return source.functions(path, pattern, which) if source is not None else None

    def described(self, path: str, place: CodePlace, which: Which) -> CodePlace:
        source = self._of(path)
        return source.described(path, place, which) if source is not None else place

    def statements(self, path: str, pattern: str, nearest: bool) -> Sequence[CodePlace] | None:
        source = self._of(path)
        return source.statements(path, pattern, nearest) if source is not None else None

    def at_address(self, path: str, address: int, exact: Exact = "statement") -> Sequence[CodePlace] | None:
        source = self._of(path)
        return source.at_address(path, address, exact) if source is not None else None

    def labels(self, path: str, pattern: str, label: str) -> Sequence[CodePlace] | None:
        source = self._of(path)
        return source.labels(path, pattern, label) if source is not None else None

    def callees(self, path: str, pattern: str, callee: str, depth: int) -> Sequence[CodePlace] | None:
        source = self._of(path)
        return source.callees(path, pattern, callee, depth) if source is not None else None
