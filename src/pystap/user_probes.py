"""What probes on user programs are made of: loaded when a script has one, a part of `registries`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from .debuginfo import libraries
from .debuginfo.elf_symbols import SymbolSource
from .probes.process import ProcessKind, event_forms, function_forms
from .probes.process_events import InstructionForm, ProcessEventForm
from .probes.process_functions import ProcessFunctionForm
from .probes.programs import Programs, RunTarget
from .program.extension import TypeSource
from .program.user_code import CodeSource


def process_kind(
    command: str, pid: int, types: Callable[[], TypeSource], cache_folder: str, refusal: str
) -> ProcessKind:
    """Return the probe kind `process`; `refusal` is why user code cannot be probed here, "" when it can."""
    programs = Programs(RunTarget(command, pid), os.environ.get("PATH", os.defpath).split(":"), libraries)
    symbols = SymbolSource(cache_folder)
    function = ProcessFunctionForm(programs, code_sources(cache_folder), symbols, refusal)
    events = event_forms(ProcessEventForm(programs, types), InstructionForm())
    return ProcessKind({**events, **function_forms(function)})


def code_sources(cache_folder: str) -> Sequence[CodeSource]:
    """Return what knows more of user programs than their symbol tables, the best first."""
    return ()
