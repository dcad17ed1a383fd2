"""Types and global variables of programs, as `@cast`, `@var` and `@enum` ask for them."""

from __future__ import annotations

import os
import shutil

from ..diagnostics import semantic_error
from ..program.c_types import CType, CValue
from ..program.extension import TargetSource
from ..source import Span
from .dwarf import DebugInfo, open_debuginfo
from .dwarf_values import NotThere, Surroundings, located_value


class Program:
    """The `ProgramTypes` of a file. `around` says where it is in memory; None where that is not known."""

    def __init__(self, info: DebugInfo, around: Surroundings | None) -> None:
        self._info = info
        self._around = around

    def global_variable(self, name: str, file: str | None) -> TargetSource | None:
        variable = self._info.variable(name, file)
        if variable is None:
            return None
        found = variable

        def value(span: Span) -> CValue:
            if self._around is None:
                semantic_error(
                    f"'{name}' is a variable of '{self._info.elf.path}', which may be anywhere in memory here; probe "
                    "the program to read it", span, "operator '@var'",
                )  # fmt: skip
            try:
                return located_value(found.location, found.type, self._around, span)
            except NotThere as reason:
                semantic_error(f"'{name}' is not accessible: {reason}", span, "operator '@var'")

        return TargetSource(value, variable.type, "other")

    def named_type(self, name: str) -> CType | None:
        return self._info.named_type(name)

    def enum_value(self, name: str) -> int | None:
        return self._info.enumerator(name)


def program_types(name: str) -> Program | None:
    """Return the types of a program, by its path or its name in PATH; None when there is none with debuginfo."""
    path = name if "/" in name else shutil.which(name) or ""
    info = open_debuginfo(path) if path and os.path.isfile(path) else None
    return Program(info, None if info.elf.is_shared else Surroundings(True)) if info is not None else None
