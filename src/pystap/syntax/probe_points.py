"""Probe points: `kernel.{function("a*"),module("m")}.return ? if (on)`.

Braces are expanded here, so that nothing behind the parser knows them:

    probe syscall.{read, write.return} !    ->    syscall.read !, syscall.write.return !
"""

from __future__ import annotations

from ..lean import Final
from ..records import dataclass, replace
from . import ast
from .cursor import Cursor
from .expressions import parse_expression
from .lexer import IDENTIFIER, KEYWORDS, STRING, Token

MAX_POINTS: Final = 10000
"""How many probe points one use of braces may stand for."""

_EXPECTED: Final = "identifier or '*' or '{'"


@dataclass(frozen=True, slots=True)
class _Point:
    """A probe point while its braces are expanded; `first` is the token that it begins with."""

    first: Token
    components: tuple[ast.PointComponent, ...] = ()
    optional: bool = False
    sufficient: bool = False
    condition: ast.Expression | None = None

    @property
    def has_suffix(self) -> bool:
        return self.optional or self.condition is not None

    def then(self, rest: _Point) -> _Point:
        """Return this point with `rest` behind it, whose suffix counts."""
        components = self.components + rest.components
        return _Point(self.first, components, rest.optional, rest.sufficient, rest.condition)


def parse_points(c: Cursor) -> list[ast.ProbePoint]:
    """Parse one probe point as written and return all that its braces stand for, in order."""
    first = c.token
    points = _points(c)
    span = c.span_from(first)
    return [ast.ProbePoint(p.components, p.optional, p.sufficient, p.condition, span=span) for p in points]


def _points(c: Cursor) -> list[_Point]:
    first = c.token
    points: list[_Point] = []
    while True:
        group = _braces(c) if c.tag == "{" else [_Point(c.token, (_component(c),))]
        if points and (wrong := next((point for point in points if point.has_suffix), None)) is not None:
            c.fail("'?', '!' or condition must only be specified in suffix", wrong.first, "at")
        if len(points) * len(group) > MAX_POINTS:
            c.fail(f"braces stand for more than {MAX_POINTS} probe points", first)
        points = [head.then(tail) for head in points for tail in group] if points else group
        if not c.accept("."):
            break
    return _suffix(c, points)


def _suffix(c: Cursor, points: list[_Point]) -> list[_Point]:
    """Parse `?` or `!` and `if (condition)`, and give them to every point."""
    optional = c.tag in ("?", "!")
    sufficient = c.tag == "!"
    if optional:
        if any(point.optional for point in points):
            c.fail("'?' or '!' respecified")
        c.advance()
        points = [replace(point, optional=True, sufficient=sufficient) for point in points]
    if c.accept("if"):
        if any(point.condition is not None for point in points):
            c.fail("condition respecified")
        c.expect("(")
        condition = parse_expression(c)
        c.expect(")")
        points = [replace(point, condition=condition) for point in points]
    return points


def _braces(c: Cursor) -> list[_Point]:
    c.deeper()
    c.expect("{")
    points = _points(c)
    while c.accept(","):
        points += _points(c)
        if len(points) > MAX_POINTS:
            c.fail(f"braces stand for more than {MAX_POINTS} probe points")
    c.expect("}")
    c.depth -= 1
    return points


def _component(c: Cursor) -> ast.PointComponent:
    """Parse `name` or `name(literal)`; names may be keywords and hold `*`, written without spaces."""
    first = c.token
    if not _may_name(first):
        c.fail(f"expected {_EXPECTED}")
    c.advance()
    name = first.text
    while c.token.glued and _may_name(c.token):
        name += c.advance().text
    argument: ast.Number | ast.String | None = None
    if c.accept("("):
        if c.tag is STRING:
            text, place = c.string()
            argument = ast.String(text, span=place)
        else:
            value, place = c.number("literal string or number")
            argument = ast.Number(value, span=place)
        c.expect(")")
    return ast.PointComponent(name, argument, span=c.span_from(first))


def _may_name(token: Token) -> bool:
    return token.tag is IDENTIFIER or token.tag == "*" or token.tag in KEYWORDS
