"""What probes on user programs are made of: loaded when a script has one, a part of `registries`."""

from __future__ import annotations

import os
from collections.abc import Callable

from .debuginfo import libraries
from .debuginfo.dwarf_late import LateDwarf
from .debuginfo.elf_symbols import SymbolSource, VariableSymbols
from .debuginfo.plt import PltSource
from .debuginfo.sdt import SdtMarks
from .probes.process import ProcessKind, event_forms, function_forms, mark_forms, place_forms, plt_forms
from .probes.process_data import PROCESS_DATA_FORMS, ProcessDataForm
from .probes.process_events import InstructionForm, ProcessEventForm
from .probes.process_facts import ProcessFacts
from .probes.process_functions import ProcessFunctionForm
from .probes.process_marks import ProcessMarkForm
from .probes.process_places import SUFFIXES, ProcessPlaceForm
from .probes.process_plt import ProcessPltForm
from .probes.programs import Programs, RunTarget
from .program import nodes as n
from .program.extension import TypeSource
from .source import Span


def process_kind(
    command: str,
    pid: int,
    types: Callable[[], TypeSource],
    cache_folder: str,
    refusal: str,
    watchpoint_refusal: Callable[[], str],
) -> ProcessKind:
    """Return the probe kind `process`; `refusal` is why user code cannot be probed here, "" when it can."""
    programs = Programs(RunTarget(command, pid), os.environ.get("PATH", os.defpath).split(":"), libraries)
    symbols = SymbolSource(cache_folder)
    debuginfo = LateDwarf(ProcessFacts(types), cache_folder)
    function = ProcessFunctionForm(programs, (debuginfo,), symbols, refusal)
    places = place_forms(ProcessPlaceForm(programs, debuginfo, refusal), SUFFIXES)
    events = event_forms(ProcessEventForm(programs, types), InstructionForm())
    marks = mark_forms(ProcessMarkForm(programs, SdtMarks(), refusal))
    plt = plt_forms(ProcessPltForm(programs, PltSource(), refusal))
    data = dict.fromkeys(PROCESS_DATA_FORMS, ProcessDataForm(programs, VariableSymbols(), watchpoint_refusal))
    forms = {**events, **function_forms(function), **places, **marks, **plt, **data}
    return ProcessKind(forms, lambda path, span: errno_of(ProcessFacts(types), path, span))


def errno_of(facts: ProcessFacts, path: str, span: Span) -> n.Expression:
    """Return the errno of the running thread of a program. Raises LookupError."""
    from .debuginfo.libc_errno import Errno

    return Errno(facts, libraries).value(path, span)
