"""What probes on user programs are made of: loaded when a script has one, a part of `registries`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .debuginfo import libraries
from .debuginfo.elf_symbols import SymbolSource
from .probes.process import ProcessKind, function_forms
from .probes.process_functions import ProcessFunctionForm
from .probes.programs import Programs, RunTarget
from .program.user_code import CodeSource


def process_kind(command: str, pid: int, cache_folder: str, refusal: str) -> ProcessKind:
    """Return the probe kind `process`; `refusal` is why user code cannot be probed here, "" when it can."""
    programs = Programs(RunTarget(command, pid), os.environ.get("PATH", os.defpath).split(":"), libraries)
    symbols = SymbolSource(cache_folder)
    function = ProcessFunctionForm(programs, code_sources(cache_folder), symbols, refusal)
    return ProcessKind(function_forms(function))


def code_sources(cache_folder: str) -> Sequence[CodeSource]:
    """Return what knows more of user programs than their symbol tables, the best first."""
    return ()
