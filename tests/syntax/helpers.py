"""Shared by the tests of the front end."""

from __future__ import annotations

from pystap.diagnostics import Diagnostics
from pystap.records import field_names
from pystap.source import SourceFile
from pystap.syntax import PreprocessorFacts, ast, parse_script, read_macros
from pystap.syntax.preprocess import Macro

FACTS = PreprocessorFacts(
    kernel_release="6.1.0-18-amd64",
    arch="x86_64",
    systemtap_version="5.2",
    config={"CONFIG_HZ": "250", "CONFIG_SMP": "y"}.get,
)


def facts(*arguments: str, guru: bool = False) -> PreprocessorFacts:
    return PreprocessorFacts(
        kernel_release=FACTS.kernel_release, config=FACTS.config, arguments=arguments, guru_mode=guru
    )


def parse(text: str, *arguments: str, guru: bool = False, library: bool = False) -> tuple[ast.ScriptFile, Diagnostics]:
    diagnostics = Diagnostics()
    source = SourceFile("input.stp", text, is_library=library)
    return parse_script(source, facts(*arguments, guru=guru), diagnostics=diagnostics), diagnostics


def parse_well(text: str, *arguments: str, guru: bool = False) -> ast.ScriptFile:
    script, diagnostics = parse(text, *arguments, guru=guru)
    assert [d.message for d in diagnostics.errors] == []
    return script


def messages(text: str, *arguments: str, guru: bool = False) -> list[str]:
    return [d.message for d in parse(text, *arguments, guru=guru)[1].errors]


def expression(text: str, guru: bool = True) -> ast.Expression:
    """Parse one expression as the only statement of a handler."""
    (probe,) = parse_well(f"probe begin {{ {text} }}", guru=guru).items
    assert isinstance(probe, ast.ProbeDeclaration)
    (statement,) = probe.body.statements
    assert isinstance(statement, ast.ExpressionStatement)
    return statement.expression


def macros(text: str, expect_errors: bool = False) -> dict[str, Macro]:
    diagnostics = Diagnostics()
    found = read_macros(SourceFile("library.stpm", text, is_library=True), FACTS, diagnostics=diagnostics)
    assert bool(diagnostics.errors) == expect_errors
    return found


def shape(node: object) -> object:
    """Return a tree without its spans, to be compared."""
    if isinstance(node, tuple):
        return tuple(shape(part) for part in node)
    if isinstance(node, ast.Node):
        return (type(node).__name__, *(shape(getattr(node, name)) for name in field_names(node) if name != "span"))
    return node
