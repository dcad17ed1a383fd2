"""Prints an elaborated program the way `stap -p2` does: globals, functions, probes, with types.

# globals
counts:long [string]
# probes
syscall.* /* <- syscall.* */
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..program import nodes as n
from ..program.program import ElaboratedProgram, Handler, Target
from ..program.symbols import Global, Local, StorageKind
from ..program.types import Type
from .global_uses import shown_at_end


def print_program(program: ElaboratedProgram, placement: bool = False) -> str:
    """Return the text of `-p2`; with `placement` (from -v on) also where each global and handler lives."""
    return "\n".join(_lines(program, placement)) + "\n"


def _lines(program: ElaboratedProgram, placement: bool) -> Iterator[str]:
    if program.globals:
        yield "# globals"
        yield from (_global(variable, placement) for variable in program.globals)
    functions = [(row.name, [row.signature]) for row in program.builtins]
    functions += [(function.name, list(_function(function))) for function in program.functions]
    if functions:
        yield "# functions"
        for _, lines in sorted(functions, key=lambda function: function[0]):
            yield from lines
    if program.handlers:
        yield "# probes"
        for handler in program.handlers:
            yield from _handler(handler, placement)
        for variable in shown_at_end(program):
            yield from _display(variable)


def type_name(kind: Type) -> str:
    return str(kind)


def _global(variable: Global, placement: bool) -> str:
    size = f"[{variable.size}]" if variable.size is not None else ""
    wraps = "%" if variable.wraps else ""
    keys = f" [{', '.join(map(type_name, variable.key_types))}]" if variable.is_array else ""
    text = f"{variable.name}{size}{wraps}:{type_name(variable.type)}{keys}"
    if placement:
        lock = f", lock {variable.lock}" if variable.lock is not None else ""
        widths = [
            str(width) for i, width in enumerate(variable.key_widths) if width and i not in variable.rendered_keys
        ]
        keys_wide = f", key widths {' '.join(widths)}" if widths else ""
        columns = " and ".join(str(column + 1) for column in sorted(variable.rendered_keys))
        rendered = f", key {columns} rendered when it is read" if columns else ""
        text += f" /* {variable.storage.value}{lock}{keys_wide}{rendered} */"
    return text


def _function(function: n.Function) -> Iterator[str]:
    parameters = ", ".join(f"{p.name}:{type_name(p.type)}" for p in function.parameters)
    yield f"{function.label}:{type_name(function.return_type)} ({parameters})"
    yield from _locals(function.locals)


def _handler(handler: Handler, placement: bool) -> Iterator[str]:
    where = ""
    if placement:
        lock = f", lock {handler.lock}" if handler.lock is not None else ""
        reason = f", {handler.reason}" if handler.reason else ""
        where = f" /* {handler.target.value}{lock}{reason} */"
    yield f"{handler.point} /* <- {handler.written} */{where}"
    yield from _locals(handler.locals)


def _display(variable: Global) -> Iterator[str]:
    """Yield the end probe that shows a global which the script writes and never reads."""
    yield "end /* <- end */"
    if variable.is_array:
        yield "  # locals"
        yield from (f"  __idx{i}:{type_name(kind)}" for i, kind in enumerate(variable.key_types))
        if variable.type is not Type.STATISTIC:
            yield f"  __val:{type_name(variable.type)}"


def _locals(variables: Sequence[Local]) -> Iterator[str]:
    if variables:
        yield "  # locals"
        yield from (f"  {local.name}:{type_name(local.type)}" for local in variables)


def placement_notes(program: ElaboratedProgram) -> Iterator[str]:
    """Yield what `-v` says about handlers and globals that are not where one would expect them."""
    for handler in program.handlers:
        if handler.target is Target.KERNEL and handler.reason:
            yield f"probe {handler.point}: {handler.reason}"
    for variable in program.globals:
        if variable.storage is StorageKind.SHARED and variable.lock is not None:
            yield f"global {variable.name}: lock {variable.lock}"
