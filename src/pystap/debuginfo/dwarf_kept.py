"""Functions that were found in large programs, kept on disk by build id: the next search for the same names is a read.

A file for each search: <cache>/elf/<build id>-<time of the debuginfo>.<name and source file, hashed>.functions
"""

from __future__ import annotations

import marshal
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress

from .dwarf_functions import FunctionInfo
from .dwarf_units import Die, DwarfData

_FORMAT = 2
_SMALLEST = 4 << 20
"""What has less debugging information (bytes) is searched again: that takes no longer than reading a file."""


class KeptFunctions:
    """What searches for functions of one file found; `folder` is where it is kept, "" for nowhere."""

    def __init__(self, data: DwarfData, build_id: str, folder: str) -> None:
        is_large = sum(section.size for section in data.elf.sections if section.name == ".debug_info") >= _SMALLEST
        self._data = data
        self._stem = ""
        if folder and build_id and is_large:
            with suppress(OSError):
                self._stem = f"{folder}/elf/{build_id}-{os.stat(data.elf.path).st_mtime_ns:x}"

    def read(self, name: str, file: str | None) -> list[FunctionInfo] | None:
        """Return what a search found; None when it is not known."""
        if not self._stem:
            return None
        with suppress(OSError, ValueError, EOFError, TypeError), open(self._path(name, file), "rb") as stream:
            version, asked, rows = marshal.loads(stream.read())
            if version == _FORMAT and asked == (name, file):
                return [self._made(row) for row in rows]
        return None

    def _made(self, row: tuple[object, ...]) -> FunctionInfo:
        *fields, offset = row

        def die() -> Die:
            found = self._data.die(offset)  # type: ignore[arg-type]
            assert found is not None
            return found

        return FunctionInfo(*fields, die)  # type: ignore[arg-type, call-arg]

    def write(self, name: str, file: str | None, found: Sequence[FunctionInfo]) -> None:
        """Keep what a search found. What cannot be written is no error."""
        if not self._stem or self._data.alternative is not None:
            return
        rows = [
            (one.name, one.linkage_name, one.file, one.line, one.entry, one.after_prologue, one.ranges, one.is_inline,
             one.is_external, one.die.offset)
            for one in found
        ]  # fmt: skip
        path = self._path(name, file)
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            temporary = f"{path}.{os.getpid()}"
            with open(temporary, "wb") as stream:
                stream.write(marshal.dumps((_FORMAT, (name, file), rows)))
            os.replace(temporary, path)

    def _path(self, name: str, file: str | None) -> str:
        return f"{self._stem}.{zlib.crc32(repr((name, file)).encode()):x}.functions"
