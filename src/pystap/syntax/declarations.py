"""What stands at the top level of a script: probes, aliases, functions, globals, embedded C."""

from __future__ import annotations

from . import ast
from .cursor import Cursor
from .lexer import EMBEDDED, IDENTIFIER, STRING, Token
from .probe_points import parse_points
from .statements import parse_block

MAX_ARRAY_SIZE = (1 << 31) - 1
"""The largest number of elements that a global may be declared with."""


def parse_item(c: Cursor, globals_seen: set[str]) -> ast.Item:
    """Parse one item; `globals_seen` are the names of the globals declared so far in this file."""
    tag = c.tag
    if tag == "probe":
        return _probe(c)
    if tag == "function":
        return _function(c, c.token, False)
    if tag == "global":
        return _globals(c, c.advance(), globals_seen, False)
    if tag == "private":
        first = c.advance()
        if c.tag == "function":
            return _function(c, first, True)
        if not c.accept("global") and c.tag is not IDENTIFIER:
            c.fail("expected 'function' or identifier")
        return _globals(c, first, globals_seen, True)
    if tag is EMBEDDED:
        return _embedded(c)
    raise c.error("expected 'probe', 'global', 'private', 'function', or '%{'")


def _embedded(c: Cursor) -> ast.EmbeddedC:
    if not c.permissive:
        c.fail("embedded code in unprivileged script; need stap -g")
    token = c.advance()
    return ast.EmbeddedC(token.text, span=token.span)


def _probe(c: Cursor) -> ast.ProbeDeclaration | ast.AliasDeclaration:
    first = c.advance()
    names: list[ast.ProbePoint] = []
    assignment = ""
    start = c.token
    points = parse_points(c)
    while c.tag in ("=", "+="):
        names.append(_alias_name(c, start, points))
        assignment = c.advance().tag
        start = c.token
        points = parse_points(c)
    while c.accept(","):
        points += parse_points(c)
        if c.tag in ("=", "+="):
            c.fail("expected probe point specifier")
    if c.tag != "{":
        c.fail("expected one of ', { } = +='")
    body = parse_block(c)
    if not names:
        return ast.ProbeDeclaration(tuple(points), body, span=c.span_from(first))
    epilogue_body: ast.Block | None = None
    if c.tag == ",":
        if assignment == "+=":
            c.fail("Combined prologue and epilogue cannot be defined with '+='")
        c.advance()
        epilogue_body = parse_block(c)
    return ast.AliasDeclaration(
        tuple(names), assignment == "+=", tuple(points), body, epilogue_body, span=c.span_from(first)
    )


def _alias_name(c: Cursor, start: Token, points: list[ast.ProbePoint]) -> ast.ProbePoint:
    """Return the one point that may stand before `=`; it began at `start`."""
    if len(points) != 1:
        c.fail("expected probe point specifier")
    if points[0].optional:
        c.fail("probe point alias name cannot be optional nor sufficient", start, "at")
    return points[0]


def _function(c: Cursor, first: Token, private: bool) -> ast.FunctionDeclaration:
    c.expect("function")
    name = c.identifier()
    return_type = _type(c)
    c.expect("(")
    parameters = _parameters(c)
    priority: int | None = None
    if c.accept(":"):
        priority, _ = c.number("literal string or number")
        if priority < 1:
            c.fail("specified priority must be > 0", c.previous())
    body: ast.Block | ast.EmbeddedC
    if c.tag is EMBEDDED:
        body = _embedded(c)
    else:
        c.in_function = True
        body = parse_block(c)
        c.in_function = False
    return ast.FunctionDeclaration(name.text, parameters, return_type, body, priority, private, span=c.span_from(first))


def _parameters(c: Cursor) -> tuple[ast.Parameter, ...]:
    """Parse parameters up to and with the closing parenthesis; a comma may stand before it."""
    parameters: dict[str, ast.Parameter] = {}
    while not c.accept(")"):
        name = c.identifier()
        if name.text in parameters:
            c.fail("duplicate parameter names", name)
        kind = _type(c)
        parameters[name.text] = ast.Parameter(name.text, kind, span=c.span_from(name))
        if c.tag != ")" and not c.accept(","):
            c.fail("expected ',' or ')'")
    return tuple(parameters.values())


def _type(c: Cursor) -> ast.TypeName | None:
    if not c.accept(":"):
        return None
    if c.accept("string"):
        return "string"
    if c.accept("long"):
        return "long"
    raise c.error("expected 'string' or 'long'")


def _globals(c: Cursor, first: Token, seen: set[str], private: bool) -> ast.GlobalDeclaration:
    variables: list[ast.GlobalVariable] = []
    while True:
        name = c.identifier()
        if name.text in seen:
            c.fail("duplicate global name", name)
        seen.add(name.text)
        variables.append(_global(c, name, private))
        if not c.accept(","):
            break
    span = c.span_from(first)
    c.accept(";")
    return ast.GlobalDeclaration(tuple(variables), span=span)


def _global(c: Cursor, name: Token, private: bool) -> ast.GlobalVariable:
    """Parse what follows the name of a global: `%`, `[size]`, `= literal`."""
    wraps = c.accept("%")
    size: int | None = None
    if c.accept("["):
        token = c.token
        size, _ = c.number()
        if not 1 <= size <= MAX_ARRAY_SIZE:
            c.fail("array size out of range", token)
        c.expect("]")
    initialiser: ast.Number | ast.String | None = None
    if c.tag == "=":
        if size is not None or wraps:
            c.fail("only scalar globals can be initialized")
        c.advance()
        if c.tag is STRING:
            text, place = c.string()
            initialiser = ast.String(text, span=place)
        else:
            value, place = c.number("literal string or number")
            initialiser = ast.Number(value, span=place)
    return ast.GlobalVariable(name.text, size, wraps, initialiser, private, span=c.span_from(name))
