"""Tokens to a syntax tree: the items of a file, and going on behind an error."""

from __future__ import annotations

from ..diagnostics import Diagnostics, ScriptError
from ..lean import Final
from ..source import SourceFile
from . import ast
from .cursor import Cursor
from .declarations import parse_item
from .lexer import EOF, Token

MAX_ERRORS: Final = 50
"""After so many errors in one file the rest of it is not read: it is no script."""


def parse_tokens(source: SourceFile, tokens: list[Token], permissive: bool, diagnostics: Diagnostics) -> ast.ScriptFile:
    """Parse preprocessed tokens, an EOF token last.

    Errors are added to `diagnostics`; after each, parsing goes on at the next top-level keyword, so the tree holds
    the items that could be read. `permissive` allows embedded C and the raw operators.
    """
    cursor = Cursor(tokens, permissive)
    items: list[ast.Item] = []
    globals_seen: set[str] = set()
    errors = 0
    while cursor.tag is not EOF and errors < MAX_ERRORS:
        cursor.begin_item()
        try:
            items.append(parse_item(cursor, globals_seen))
        except ScriptError as error:
            errors += 1
            diagnostics.add(error.diagnostic)
            cursor.resume_at_item()
    return ast.ScriptFile(source, tuple(items))
