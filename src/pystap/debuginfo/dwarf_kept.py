"""What was found in large programs, kept on disk by build id: the next search for the same is a read.

A file for each search: <cache>/elf/<build id>-<time of the debuginfo>.<what was asked for, hashed>.found
"""

from __future__ import annotations

import marshal
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from ..byte_code import write_whole
from .dwarf_functions import FunctionInfo
from .dwarf_statements import StatementInfo
from .dwarf_units import Die, DwarfData

_FORMAT = 3
_SMALLEST = 1 << 19
"""What has less debugging information (bytes) is searched again: that takes little longer than reading a file."""


Asked = tuple[Any, ...]
"""What was searched for, in values that marshal can write."""
Row = tuple[Any, ...]


class KeptSearches:
    """What searches of one file found; `folder` is where it is kept, "" for nowhere."""

    def __init__(self, data: DwarfData, build_id: str, folder: str) -> None:
        is_large = sum(section.size for section in data.elf.sections if section.name == ".debug_info") >= _SMALLEST
        self._data = data
        self._stem = ""
        if folder and build_id and is_large:
            with suppress(OSError):
                self._stem = f"{folder}/elf/{build_id}-{os.stat(data.elf.path).st_mtime_ns:x}"

    def functions(self, asked: Asked) -> list[FunctionInfo] | None:
        """Return the functions that a search found; None when it is not known."""
        rows = self._read(asked)
        return None if rows is None else [self._function(row) for row in rows]

    def keep_functions(self, asked: Asked, found: Sequence[FunctionInfo]) -> None:
        """Keep the functions that a search found. What cannot be written is no error."""
        if self._stem:
            self._write(asked, [_function_row(one) for one in found])

    def statements(self, asked: Asked) -> list[StatementInfo] | None:
        """Return the statements that a search found; None when it is not known."""
        rows = self._read(asked)
        if rows is None:
            return None
        functions: dict[Row, FunctionInfo] = {}
        for *_, row in rows:
            if row not in functions:
                functions[row] = self._function(row)
        return [StatementInfo(file, line, address, functions[row]) for file, line, address, row in rows]

    def keep_statements(self, asked: Asked, found: Sequence[StatementInfo]) -> None:
        """Keep the statements that a search found. What cannot be written is no error."""
        if self._stem:
            self._write(asked, [(one.file, one.line, one.address, _function_row(one.function)) for one in found])

    def offsets(self, asked: Asked) -> list[int] | None:
        """Return where the DIEs are that a search found; None when it is not known."""
        rows = self._read(asked)
        return None if rows is None else [row[0] for row in rows]

    def keep_offsets(self, asked: Asked, found: Sequence[int]) -> None:
        """Keep where the DIEs are that a search found. What cannot be written is no error."""
        if self._stem:
            self._write(asked, [(offset,) for offset in found])

    def _function(self, row: Row) -> FunctionInfo:
        *fields, offset = row

        def die() -> Die:
            found = self._data.die(offset)
            assert found is not None
            return found

        return FunctionInfo(*fields, die)  # type: ignore[call-arg]

    def _read(self, asked: Asked) -> list[Row] | None:
        if not self._stem:
            return None
        with suppress(OSError, ValueError, EOFError, TypeError), open(self._path(asked), "rb") as stream:
            version, known, rows = marshal.loads(stream.read())
            if version == _FORMAT and known == asked:
                return cast("list[Row]", rows)
        return None

    def _write(self, asked: Asked, rows: Sequence[Row]) -> None:
        with suppress(OSError):
            write_whole(self._path(asked), marshal.dumps((_FORMAT, asked, list(rows))))

    def _path(self, asked: Asked) -> str:
        return f"{self._stem}.{zlib.crc32(repr(asked).encode()):x}.found"


def _function_row(one: FunctionInfo) -> Row:
    return (
        one.name, one.linkage_name, one.file, one.line, one.entry, one.after_prologue, one.ranges, one.is_inline,
        one.is_external, one.die.offset,
    )  # fmt: skip
