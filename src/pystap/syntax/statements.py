"""Statements: what stands in the body of a probe or function."""

from __future__ import annotations

from collections.abc import Callable

from ..lean import Final, Literal, cast
from . import ast
from .at_operators import EXTRACTORS
from .cursor import Cursor
from .expressions import parse_array, parse_expression, parse_keys
from .lexer import EOF, Token


def parse_block(c: Cursor) -> ast.Block:
    """Parse `{ ... }`."""
    first = c.expect("{")
    statements: list[ast.Statement] = []
    while c.tag != "}":
        if c.tag is EOF:
            c.fail("expected statement")
        statements.append(parse_statement(c))
    c.advance()
    return ast.Block(tuple(statements), span=c.span_from(first))


def parse_statement(c: Cursor) -> ast.Statement:
    """Parse one statement; a `;` that ends a simple one belongs to it."""
    tag = c.tag
    if tag == "{":
        c.deeper()
        block = parse_block(c)
        c.depth -= 1
        return block
    if tag == ";":
        return ast.Empty(span=c.advance().span)
    parse = _STATEMENTS.get(tag)
    if parse is not None:
        c.deeper()
        statement = parse(c, c.advance())
        c.depth -= 1
        return statement
    if tag in _NO_STATEMENT or tag is EOF:
        c.fail("expected statement")
    expression = parse_expression(c)
    c.accept(";")
    return ast.ExpressionStatement(expression, span=expression.span)


def _condition(c: Cursor) -> ast.Expression:
    c.expect("(")
    condition = parse_expression(c)
    c.expect(")")
    return condition


def _if(c: Cursor, token: Token) -> ast.Statement:
    condition = _condition(c)
    then = parse_statement(c)
    otherwise = parse_statement(c) if c.accept("else") else None
    return ast.If(condition, then, otherwise, span=c.span_from(token))


def _while(c: Cursor, token: Token) -> ast.Statement:
    condition = _condition(c)
    body = parse_statement(c)
    return ast.While(condition, body, span=c.span_from(token))


def _for(c: Cursor, token: Token) -> ast.Statement:
    c.expect("(")
    start = _unless(c, ";")
    condition = _unless(c, ";")
    step = _unless(c, ")")
    body = parse_statement(c)
    return ast.For(start, condition, step, body, span=c.span_from(token))


def _unless(c: Cursor, end: str) -> ast.Expression | None:
    """Parse an expression or nothing, and the token `end` behind it."""
    expression = None if c.tag == end else parse_expression(c)
    c.expect(end)
    return expression


def _foreach(c: Cursor, token: Token) -> ast.Statement:
    c.expect("(")
    value, value_sort, keys = _loop_variables(c)
    c.expect("in")
    array = parse_array(c)
    slice_keys = parse_keys(c) if c.tag == "[" else ()
    sorted_already = bool(value_sort) or any(key.sort for key in keys)
    sort_by: ast.Extractor | None = None
    if c.tag[0] == "@":
        if c.tag not in EXTRACTORS:
            c.fail("expected statistical operation")
        sort_by = cast("ast.Extractor", c.advance().tag[1:])
        if c.tag not in _SORTS:
            c.fail("expected sort directive")
    sort = _sort(c, sorted_already) or value_sort
    limit = parse_expression(c) if c.accept("limit") else None
    c.expect(")")
    body = parse_statement(c)
    return ast.Foreach(value, keys, array, slice_keys, sort, sort_by, limit, body, span=c.span_from(token))


def _loop_variables(c: Cursor) -> tuple[ast.Name | None, int, tuple[ast.ForeachKey, ...]]:
    """Parse `[v =] k` or `[v =] [k1, k2]`; return the value variable, its sort direction and the keys."""
    if c.tag == "[":
        return None, 0, _keys(c, False)
    name = c.identifier()
    # `v+=` is one token, but here it sorts and assigns.
    compound = {"+=": 1, "-=": -1}.get(c.tag, 0)
    sort = compound or _sort(c, False)
    if not compound and c.tag != "=":
        return None, 0, (ast.ForeachKey(name.text, sort, span=c.span_from(name)),)
    c.advance()
    return ast.Name(name.text, span=name.span), sort, _keys(c, bool(sort))


def _keys(c: Cursor, sorted_already: bool) -> tuple[ast.ForeachKey, ...]:
    """Parse one key variable, or several in brackets."""
    if not c.accept("["):
        return (_key(c, sorted_already),)
    keys = [_key(c, sorted_already)]
    while not c.accept("]"):
        if not c.accept(","):
            c.fail("expected one of '] ,'")
        keys.append(_key(c, sorted_already or any(key.sort for key in keys)))
    return tuple(keys)


def _key(c: Cursor, sorted_already: bool) -> ast.ForeachKey:
    name = c.identifier()
    sort = _sort(c, sorted_already)
    return ast.ForeachKey(name.text, sort, span=c.span_from(name))


def _sort(c: Cursor, sorted_already: bool) -> Literal[-1, 0, 1]:
    if c.tag not in _SORTS:
        return 0
    if sorted_already:
        c.fail("multiple sort directives")
    return 1 if c.advance().tag == "+" else -1


def _return(c: Cursor, token: Token) -> ast.Statement:
    if not c.in_function:
        c.fail("found 'return' not in function context", token)
    value = None if c.tag in (";", "}") else parse_expression(c)
    span = c.span_from(token)
    c.accept(";")
    return ast.Return(value, span=span)


def _delete(c: Cursor, token: Token) -> ast.Statement:
    target = parse_expression(c)
    span = c.span_from(token)
    c.accept(";")
    return ast.Delete(target, span=span)


def _next(c: Cursor, token: Token) -> ast.Statement:
    c.accept(";")
    return ast.Next(span=token.span)


def _break(c: Cursor, token: Token) -> ast.Statement:
    c.accept(";")
    return ast.Break(span=token.span)


def _continue(c: Cursor, token: Token) -> ast.Statement:
    c.accept(";")
    return ast.Continue(span=token.span)


def _try(c: Cursor, token: Token) -> ast.Statement:
    body = parse_block(c)
    c.expect("catch")
    message: ast.Name | None = None
    if c.accept("("):
        name = c.identifier()
        message = ast.Name(name.text, span=name.span)
        c.expect(")")
    handler = parse_block(c)
    return ast.TryCatch(body, message, handler, span=c.span_from(token))


_SORTS: Final = ("+", "-")
_STATEMENTS: Final[dict[str, Callable[[Cursor, Token], ast.Statement]]] = {
    "if": _if,
    "while": _while,
    "for": _for,
    "foreach": _foreach,
    "return": _return,
    "delete": _delete,
    "next": _next,
    "break": _break,
    "continue": _continue,
    "try": _try,
}
_NO_STATEMENT: Final = frozenset(
    ("probe", "global", "private", "function", "else", "in", "limit", "string", "long", "catch")
)
