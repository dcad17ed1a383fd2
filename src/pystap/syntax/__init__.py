"""Pass 1: script text to a syntax tree (`ast`), and a tree back to text (`printer`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ..diagnostics import Diagnostic, Diagnostics
from ..lean import Final
from ..source import SourceFile
from . import ast
from .conditions import PreprocessorFacts
from .lexer import EOF, tokenize
from .parser import parse_tokens
from .preprocess import Macro, library_definitions, preprocess

__all__ = ["Macro", "PreprocessorFacts", "parse_script", "read_macros"]

RECURSION_LIMIT: Final = 20000
"""Python's limit while trees of the permitted depth are walked; calls between Python functions use no C stack."""

NO_MACROS: Final[Mapping[str, Macro]] = {}


def parse_script(
    source: SourceFile,
    facts: PreprocessorFacts,
    library_macros: Mapping[str, Macro] = NO_MACROS,
    *,
    diagnostics: Diagnostics,
    used_arguments: set[int] | None = None,
) -> ast.ScriptFile:
    """Parse one script file.

    Errors and warnings are added to `diagnostics` (never raised); the tree then holds what could be read. The numbers
    of the command line arguments that the text mentions (`$1`, `@1` is 1) are added to `used_arguments`, so that the
    caller can warn about the others. Raises Python's recursion limit, for the passes that walk the tree too.
    """
    if sys.getrecursionlimit() < RECURSION_LIMIT:
        sys.setrecursionlimit(RECURSION_LIMIT)
    tokens = tokenize(source, facts.arguments, used_arguments)
    if tokens[0].tag is EOF and not source.is_library:
        diagnostics.add(Diagnostic("parse error", f"Input file '{source.name}' is empty."))
    written = len(tokens)
    tokens = preprocess(tokens, facts, library_macros, diagnostics)
    if tokens[0].tag is EOF and written > 1 and not source.is_library:
        diagnostics.add(Diagnostic("parse error", f"Input file '{source.name}' is empty after preprocessing."))
    return parse_tokens(source, tokens, facts.guru_mode or source.is_library, diagnostics)


def read_macros(
    source: SourceFile,
    facts: PreprocessorFacts,
    library_macros: Mapping[str, Macro] = NO_MACROS,
    *,
    diagnostics: Diagnostics,
) -> dict[str, Macro]:
    """Return the macros that a `.stpm` file defines, by name; errors are added to `diagnostics`.

    Macros of other files are found when they are used: files may be read in any order.
    """
    return library_definitions(tokenize(source, facts.arguments), facts, library_macros, diagnostics)
