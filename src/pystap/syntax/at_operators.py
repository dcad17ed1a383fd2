"""The operators written with an `@`, and the paths `->member[index]$` that follow a pointer."""

from __future__ import annotations

from collections.abc import Callable

from ..lean import Final, cast
from . import ast
from .cursor import Cursor
from .lexer import IDENTIFIER, Token

ParseExpression = Callable[[Cursor], ast.Expression]

HISTOGRAMS: Final = frozenset(("@hist_log", "@hist_linear"))
EXTRACTORS: Final = frozenset(("@count", "@sum", "@min", "@max", "@avg", "@variance"))


def parse_at_operator(c: Cursor, expression: ParseExpression) -> ast.Expression:
    """Parse the `@` operator that stands here, no histogram; its name must be one of AT_OPERATORS."""
    token = c.token
    if token.tag in _PRIVILEGED and not c.permissive:
        c.fail(f"using {token.tag} operator not permitted; need stap -g")
    c.advance()
    return AT_OPERATORS[token.tag](c, token, expression)


def parse_path(c: Cursor, expression: ParseExpression) -> tuple[ast.PathStep, ...]:
    """Parse `->member`, `[index]` and a closing `$` or `$$`, as many as follow."""
    steps: list[ast.PathStep] = []
    while True:
        first = c.token
        if c.tag == "->":
            c.advance()
            member = c.name()
            name = member.text.rstrip("$")
            if not name:
                c.fail("expected identifier", member)
            steps.append(ast.Member(name, span=c.span_from(first)))
            if name != member.text:
                steps.append(_pretty(c, member, len(member.text) - len(name)))
                return _ended(c, steps)
        elif c.tag == "[":
            c.advance()
            index = expression(c)
            c.expect("]")
            steps.append(ast.Subscript(index, span=c.span_from(first)))
        elif c.tag is IDENTIFIER and first.text in ("$", "$$"):
            c.advance()
            steps.append(_pretty(c, first, len(first.text)))
            return _ended(c, steps)
        else:
            return tuple(steps)


def _ended(c: Cursor, steps: list[ast.PathStep]) -> tuple[ast.PathStep, ...]:
    """Return a path that has its closing `$`: nothing may follow it."""
    if c.tag == "->" or c.tag == "[":
        c.fail("-> and [ are not accepted for a pretty-printing variable")
    return tuple(steps)


def _pretty(c: Cursor, token: Token, depth: int) -> ast.Pretty:
    match depth:
        case 1:
            return ast.Pretty(1, span=token.span)
        case 2:
            return ast.Pretty(2, span=token.span)
        case _:
            raise c.error("expected '$' or '$$' at most behind a member", token)


def _statistic(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    """`@count(x)` and its like; `@variance` may take a bit shift."""
    c.expect("(")
    statistic = expression(c)
    parameters: tuple[ast.Number, ...] = ()
    if c.tag == ",":
        if token.tag != "@variance":
            c.fail("not more than 1 parameter allowed", place="at")
        c.advance()
        parameters = (_number(c),)
    c.expect(")")
    function = cast("ast.Extractor", token.tag[1:])
    return ast.StatisticOf(function, statistic, parameters, span=c.span_from(token))


def parse_histogram(c: Cursor, expression: ParseExpression) -> ast.HistogramOf:
    """Parse `@hist_log(x)` or `@hist_linear(x, low, high, width)`."""
    token = c.advance()
    c.expect("(")
    statistic = expression(c)
    parameters: list[ast.Number] = []
    for _ in range(3 if token.tag == "@hist_linear" else 0):
        c.expect(",")
        parameters.append(_number(c))
    c.expect(")")
    function = cast("ast.HistogramFunction", token.tag[1:])
    return ast.HistogramOf(function, statistic, tuple(parameters), span=c.span_from(token))


def parse_bucket(c: Cursor, token: Token, histogram: ast.HistogramOf, expression: ParseExpression) -> ast.Bucket:
    """Parse the `[bucket]` behind a histogram that began at `token`."""
    c.expect("[")
    keys = [expression(c)]
    while c.accept(","):
        keys.append(expression(c))
    c.expect("]")
    return ast.Bucket(histogram, tuple(keys), span=c.span_from(token))


def _number(c: Cursor) -> ast.Number:
    value, place = c.number()
    return ast.Number(value, span=place)


def _string(c: Cursor, what: str = "string") -> ast.String:
    value, place = c.string(what)
    return ast.String(value, span=place)


def _cast(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    c.expect("(")
    operand = expression(c)
    c.expect(",")
    type_name = _string(c)
    module = _string(c) if c.accept(",") else None
    c.expect(")")
    path = parse_path(c, expression)
    return ast.Cast(operand, type_name, module, path, span=c.span_from(token))


def _var(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    c.expect("(")
    name = _string(c)
    module = _string(c) if c.accept(",") else None
    c.expect(")")
    path = parse_path(c, expression)
    return ast.AtVar(name, module, path, span=c.span_from(token))


def _of_expression(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    """`@defined(e)`, `@entry(e)`."""
    c.expect("(")
    argument = expression(c)
    c.expect(")")
    return ast.AtFunction(token.tag[1:], (argument,), span=c.span_from(token))


def _choose_defined(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    c.expect("(")
    preferred = expression(c)
    c.expect(",")
    other = expression(c)
    c.expect(")")
    return ast.AtFunction("choose_defined", (preferred, other), span=c.span_from(token))


def _probewrite(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    c.expect("(")
    name = c.token
    argument: ast.Expression
    if name.tag is IDENTIFIER and not name.text.startswith("$"):
        c.advance()
        argument = ast.Name(name.text, span=name.span)
    elif name.tag is IDENTIFIER or name.tag in ("@var", "@cast"):
        argument = expression(c)
        if not isinstance(argument, ast.TargetVariable | ast.AtVar | ast.Cast):
            c.fail("expected variable", name)
    else:
        c.fail("expected identifier")
    c.expect(")")
    return ast.AtFunction("probewrite", (argument,), span=c.span_from(token))


def _of_strings(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    """`@perf("counter")`, `@const("NAME")`, `@enum("NAME", "module")`."""
    c.expect("(")
    arguments = [_string(c, "literal string")]
    if token.tag == "@enum" and c.accept(","):
        arguments.append(_string(c, "literal string"))
    c.expect(")")
    return ast.AtFunction(token.tag[1:], tuple(arguments), span=c.span_from(token))


def _dereference(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    """`@kderef(size, address)`, `@uderef(size, address)`."""
    c.expect("(")
    size = _number(c)
    c.expect(",")
    address = expression(c)
    c.expect(")")
    return ast.AtFunction(token.tag[1:], (size, address), span=c.span_from(token))


def _register(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    c.expect("(")
    number = _number(c)
    c.expect(")")
    return ast.AtFunction(token.tag[1:], (number,), span=c.span_from(token))


def _without_arguments(c: Cursor, token: Token, expression: ParseExpression) -> ast.Expression:
    return ast.AtFunction(token.tag[1:], (), span=token.span)


_PRIVILEGED: Final = frozenset(("@const", "@kderef", "@kregister"))

AT_OPERATORS: Final[dict[str, Callable[[Cursor, Token, ParseExpression], ast.Expression]]] = {
    **dict.fromkeys(sorted(EXTRACTORS), _statistic),
    "@cast": _cast,
    "@var": _var,
    "@defined": _of_expression,
    "@entry": _of_expression,
    "@choose_defined": _choose_defined,
    "@probewrite": _probewrite,
    "@perf": _of_strings,
    "@const": _of_strings,
    "@enum": _of_strings,
    "@kderef": _dereference,
    "@uderef": _dereference,
    "@kregister": _register,
    "@uregister": _register,
    "@errno": _without_arguments,
}
