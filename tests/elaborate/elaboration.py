"""Elaborating a script text in a test, and printing the outcome with its events."""

from __future__ import annotations

from pystap.diagnostics import Diagnostics, PassFailed
from pystap.elaborate import Inputs, elaborate
from pystap.elaborate.printer import print_program
from pystap.program.limits import Limits
from pystap.program.program import ElaboratedProgram
from pystap.registries import Builtins, Library, kernel_types, probe_kinds
from pystap.source import SourceFile
from pystap.syntax import PreprocessorFacts, parse_script


def facts() -> PreprocessorFacts:
    return PreprocessorFacts(
        kernel_release="6.1.0-1-amd64",
        arch="x86_64",
        systemtap_version="5.2",
        privilege="stapdev",
        guru_mode=False,
        config=lambda _: None,
        arguments=(),
        compatible="5.2",
    )


def elaborate_text(text: str, limits: Limits | None = None) -> tuple[ElaboratedProgram | None, Diagnostics]:
    """Return the elaborated program, None when it has errors, and what was said of it."""
    diagnostics = Diagnostics()
    script = parse_script(SourceFile("test.stp", text), facts(), diagnostics=diagnostics)
    try:
        diagnostics.stop_if_errors()
        library = Library(facts(), diagnostics)
        inputs = Inputs(script, library, probe_kinds(), Builtins(), kernel_types, limits or Limits(), diagnostics)
        return elaborate(inputs), diagnostics
    except PassFailed:
        return None, diagnostics


def described(program: ElaboratedProgram) -> str:
    """Return the program as `-p2 -v` prints it, and a line for each event: its fields and what it restores."""
    lines = [print_program(program, placement=True).rstrip("\n")]
    if program.events:
        lines.append("# events")
    for event in program.events:
        fields = [
            f"{kind}({width})" if width else str(kind) for kind, width in zip(event.types, event.widths, strict=True)
        ]
        restored = [f"{local.name}={index}" for index, local in event.restored.items()]
        context = [f"{name}()={index}" for name, index in event.context.items()]
        lines.append(f"{event.number}: [{', '.join(fields)}] {' '.join([*restored, *context])}".rstrip())
    return "\n".join(lines) + "\n"
