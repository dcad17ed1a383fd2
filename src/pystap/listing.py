"""`-l`, `-L` and the `--dump-...` options: what there is, one line each, on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping

from .diagnostics import Diagnostics, ScriptError, render
from .elaborate import Inputs
from .elaborate.derive_probes import listed_points, point_text
from .options import Options
from .options.checks import SYSTEMTAP_VERSION
from .program.extension import DerivedPoint, TargetSource
from .program.limits import Limits
from .program.types import Type
from .registries import Builtins, Library, kernel_types, probe_kinds
from .source import NO_SPAN, SourceFile
from .syntax import PreprocessorFacts, ast, parse_script
from .tapset import functions


def list_points(options: Options, environ: Mapping[str, str]) -> int:
    """Print what the options' action asks for; returns the exit status: 1 when a point matches nothing."""
    diagnostics = Diagnostics()
    facts = PreprocessorFacts(
        kernel_release=os.uname().release,
        systemtap_version=options.compatible or SYSTEMTAP_VERSION,
        privilege=options.privilege,
        guru_mode=options.guru,
        arguments=options.arguments,
        compatible=options.compatible or None,
    )
    library = Library(facts, diagnostics, options.tapset_folders)
    match options.action:
        case "dump-functions":
            lines = sorted({*(row.signature for row in functions.all_rows()), *_library_signatures(library)})
        case "dump-probe-aliases":
            lines = sorted(_aliases(library))
        case "dump-probe-types":
            lines = sorted(form for kind in probe_kinds(listing=True).values() for form in kind.forms())
        case _:
            source = SourceFile("<input>", f"probe {options.listing} {{}}")
            script = parse_script(source, facts, library.macros, diagnostics=diagnostics)
            with_variables = options.action == "list-variables"
            kinds = probe_kinds(listing=True, command=options.command or "", pid=options.pid or 0)
            inputs = Inputs(script, library, kinds, Builtins(), kernel_types, Limits(), diagnostics)
            lines = [] if diagnostics.errors else list(_points(inputs, with_variables))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    for error in diagnostics.errors:
        sys.stderr.write(render(error))
    return 0 if lines else 1


def _points(inputs: Inputs, with_variables: bool) -> Iterator[str]:
    known: dict[str, Callable[[], DerivedPoint]] = {}
    for written, derived in listed_points(inputs):
        known.setdefault(written, derived)  # several places, such as inlined instances, may be written alike
    for written, derived in known.items():
        yield written + (_variables(derived()) if with_variables else "")


def _variables(point: DerivedPoint) -> str:
    if point.separately is not None:  # places that differ in where their variables are have them in common by name
        point = point.separately()[0]
    shown = [f" {name}:{source(NO_SPAN).type}" for name, source in point.variables.items()]
    for name, source in point.target_variables.items():
        if not source.is_listed:
            continue
        if source.type is not None:
            if _can_be_read(source):
                shown.append(f" {name}:{source.type.name}")
        elif not name.startswith("$$"):
            value = source.value(NO_SPAN).expression
            shown.append(f" {name}:{'string' if value.type is Type.STRING else 'long'}")
    return "".join(shown)


def _can_be_read(source: TargetSource) -> bool:
    """Tell whether a variable has a value at the place, or was optimised out."""
    try:
        source.value(NO_SPAN)
    except ScriptError:
        return False
    return True


def _library_signatures(library: Library) -> Iterator[str]:
    for name in library.function_names():
        file = library.file_of_function(name)
        for item in file.items if file is not None else ():
            if isinstance(item, ast.FunctionDeclaration) and not item.private:
                parameters = ", ".join(f"{p.name}:{p.type or 'unknown'}" for p in item.parameters)
                yield f"{item.name}:{item.return_type or 'unknown'} ({parameters})"


def _written(point: ast.ProbePoint) -> str:
    return point_text(point.components) + ("?" if point.optional else "!" if point.sufficient else "")


def _aliases(library: Library) -> Iterator[str]:
    for alias in library.aliases("*"):
        sign = "+=" if alias.epilogue else "="
        points = ", ".join(_written(point) for point in alias.points)
        for name in alias.names:
            yield f"{point_text(name.components)} {sign} {points}"
    for kind in probe_kinds(listing=True).values():
        yield from kind.aliases()
