"""Pass 2: from a parsed script to an `ElaboratedProgram`. The order of the passes stands in `elaborate`."""

from __future__ import annotations

from ..diagnostics import Diagnostics
from ..program.program import ElaboratedProgram
from .check_loops import check_loops
from .check_verdicts import check_verdicts
from .choose_storage import choose_storage
from .context import Inputs, LibrarySource
from .derive_probes import derive_probes
from .infer_string_widths import infer_string_widths
from .infer_types import infer_types
from .inline_returns import inline_returns
from .kernel_forms import resolve_kernel_forms
from .place_handlers import Placed, place_handlers
from .remove_unused import remove_unused
from .resolve_symbols import mark_recursion, resolve_symbols
from .walk import called_builtins

__all__ = ["Inputs", "LibrarySource", "elaborate"]


def elaborate(inputs: Inputs) -> ElaboratedProgram:
    """Return the elaborated program; raises PassFailed with everything that is wrong with the script."""
    diagnostics = inputs.diagnostics
    probes = derive_probes(inputs)
    resolved = resolve_symbols(inputs, probes)
    check_loops(resolved, diagnostics)
    mark_recursion(resolved.functions)
    inline_returns(resolved)
    remove_unused(resolved, diagnostics)
    resolved.names.warn_of_unassigned(resolved.handlers, resolved.functions)
    if not probes and not diagnostics.errors:
        diagnostics.error("no probes found", None)
    diagnostics.stop_if_errors()
    repeated = diagnostics.repeated_errors
    infer_types(resolved, diagnostics)
    diagnostics.repeated_errors = repeated  # its rounds find the same error several times
    diagnostics.stop_if_errors()
    infer_string_widths(resolved, inputs.limits.max_width)
    variables = resolved.names.used_globals(resolved.handlers, resolved.functions)
    builtins = called_builtins([*(h.body for h in resolved.handlers), *(f.body for f in resolved.functions)])
    placed = place_handlers(resolved, inputs.limits, inputs.deferred)
    _warn_of_late_reads(placed, diagnostics)
    check_verdicts(placed.events, diagnostics)
    resolve_kernel_forms(resolved.handlers, inputs.types, diagnostics, inputs.limits.max_width)
    locks = choose_storage(resolved.handlers, placed.events, variables)
    diagnostics.stop_if_errors()
    return ElaboratedProgram(
        inputs.script.source.name,
        variables,
        resolved.functions,
        resolved.handlers,
        placed.events,
        inputs.limits,
        locks,
        builtins,
    )


def _warn_of_late_reads(placed: Placed, diagnostics: Diagnostics) -> None:
    for handler, (read, rest) in placed.late.items():
        message = f"memory is read after the hit, when it may be another's: user space runs the handler from {rest} on"
        diagnostics.warn(message, read, f"probe '{handler.written}', a read")
