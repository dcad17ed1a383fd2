"""Expressions, by precedence.

From loosest to tightest, as SystemTap 4.8 prints its parse tree: assignment and `<<<` (right), `?:` (right), `||`,
`&&`, `|`, `^`, `&`, `in`, comparison and matching (one level; a match takes no further comparison), shifts, `.`,
`+ -`, `* / %`, unary operators, `++ --`.
"""

from __future__ import annotations

from ..lean import Final, cast
from . import ast
from .at_operators import AT_OPERATORS, HISTOGRAMS, parse_at_operator, parse_bucket, parse_histogram, parse_path
from .cursor import MAX_CHAIN, Cursor
from .formats import BadFormat, read_format
from .lexer import EMBEDDED, EOF, IDENTIFIER, NUMBER, STRING, Token, number_value

ASSIGNMENTS: Final = frozenset(("=", "<<<", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", ">>>=", "&=", "^=", "|=", ".="))
LOGIC: Final = {"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5}
COMPARISONS: Final = frozenset(("<", ">", "<=", ">=", "==", "!="))
ARITHMETIC: Final = {"<<": 1, ">>": 1, ">>>": 1, ".": 2, "+": 3, "-": 3, "*": 4, "/": 4, "%": 4}
PRINT_FAMILY: Final = frozenset(
    ("print", "println", "printd", "printdln", "printf", "sprint", "sprintln", "sprintd", "sprintdln", "sprintf")
)
_UNARY: Final = frozenset(("-", "+", "!", "~"))
_EXPECTED: Final = "expected literal string or number"


def parse_expression(c: Cursor) -> ast.Expression:
    """Parse one expression of any precedence."""
    c.deeper()
    left = _conditional(c)
    if c.tag in ASSIGNMENTS:
        operator = cast("ast.AssignOperator", c.advance().tag)
        value = parse_expression(c)
        left = ast.Assign(operator, left, value, span=c.end_of(left.span))
    c.depth -= 1
    return left


def _conditional(c: Cursor) -> ast.Expression:
    condition = _logic(c, 1)
    if c.tag != "?":
        return condition
    c.deeper()
    c.advance()
    yes = parse_expression(c)
    c.expect(":")
    no = _conditional(c)
    c.depth -= 1
    return ast.Conditional(condition, yes, no, span=c.end_of(condition.span))


def _logic(c: Cursor, lowest: int) -> ast.Expression:
    left = _membership(c)
    links = 0
    while (level := LOGIC.get(c.tag, 0)) >= lowest:
        operator = cast("ast.BinaryOperator", c.advance().tag)
        right = _logic(c, level + 1)
        left = ast.Binary(operator, left, right, span=c.end_of(left.span))
        links = _count(c, links)
    return left


def _count(c: Cursor, links: int) -> int:
    if links >= MAX_CHAIN:
        c.fail(f"more than {MAX_CHAIN} operators in a row")
    return links + 1


def _membership(c: Cursor) -> ast.Expression:
    """Parse `key in array` or `[key, key] in array`, or what binds tighter."""
    if c.tag != "[":
        key = _comparison(c)
        if c.tag != "in":
            return key
        c.advance()
        return ast.In((key,), parse_array(c), span=c.end_of(key.span))
    first = c.token
    keys = parse_keys(c)
    if c.tag != "in" and len(keys) == 1 and not isinstance(keys[0], ast.Wildcard):
        return keys[0]
    if not c.accept("in"):
        c.fail("unexpected comma-separated expression list")
    array = parse_array(c)
    return ast.In(keys, array, span=c.span_from(first))


def parse_keys(c: Cursor) -> tuple[ast.Expression, ...]:
    """Parse `[key, key]`; a `*` that stands alone is a Wildcard."""
    c.expect("[")
    keys: list[ast.Expression] = []
    while True:
        if c.tag == "*" and c.peek().tag in (",", "]"):
            keys.append(ast.Wildcard(span=c.advance().span))
        else:
            keys.append(parse_expression(c))
        if c.accept("]"):
            return tuple(keys)
        if not c.accept(","):
            c.fail("expected one of '] ,'")


def parse_array(c: Cursor) -> ast.Name | ast.HistogramOf:
    """Parse what `in` may look into: the name of an array, or a histogram."""
    if c.tag in HISTOGRAMS:
        return parse_histogram(c, parse_expression)
    token = c.identifier("identifier or statistical operation")
    return ast.Name(token.text, span=token.span)


def _comparison(c: Cursor) -> ast.Expression:
    left = _arithmetic(c, 1)
    if c.tag in ("=~", "!~"):
        operator = cast("ast.BinaryOperator", c.advance().tag)
        text, place = c.string()
        right = ast.String(text, span=place)
        return ast.Binary(operator, left, right, span=c.end_of(left.span))
    links = 0
    while c.tag in COMPARISONS:
        operator = cast("ast.BinaryOperator", c.advance().tag)
        operand = _arithmetic(c, 1)
        left = ast.Binary(operator, left, operand, span=c.end_of(left.span))
        links = _count(c, links)
    return left


def _arithmetic(c: Cursor, lowest: int) -> ast.Expression:
    left = _unary(c)
    links = 0
    while (level := ARITHMETIC.get(c.tag, 0)) >= lowest:
        operator = cast("ast.BinaryOperator", c.advance().tag)
        right = _arithmetic(c, level + 1)
        left = ast.Binary(operator, left, right, span=c.end_of(left.span))
        links = _count(c, links)
    return left


def _unary(c: Cursor) -> ast.Expression:
    tag = c.tag
    if tag in _UNARY:
        first = c.advance()
        c.deeper()
        operand = _unary(c)
        c.depth -= 1
        return ast.Unary(cast("ast.UnaryOperator", tag), operand, span=c.span_from(first))
    if tag == "++" or tag == "--":
        first = c.advance()
        target = _value(c)
        return ast.Increment(cast("ast.IncrementOperator", tag), True, target, span=c.span_from(first))
    value = _value(c)
    if c.tag == "++" or c.tag == "--":
        operator = cast("ast.IncrementOperator", c.advance().tag)
        return ast.Increment(operator, False, value, span=c.end_of(value.span))
    return value


def _value(c: Cursor) -> ast.Expression:
    """Parse a value and the path that follows it, with an `&` before it or not."""
    if c.tag != "&":
        return _pointed(c)
    first = c.advance()
    value = _pointed(c)
    span = c.span_from(first)
    match value:
        case ast.TargetVariable(name=variable, path=path, address_of=False):
            return ast.TargetVariable(variable, path, True, span=span)
        case ast.AtVar(name=name, module=module, path=path, address_of=False):
            return ast.AtVar(name, module, path, True, span=span)
        case ast.Cast(operand=operand, type_name=type_name, module=module, path=path, address_of=False):
            return ast.Cast(operand, type_name, module, path, True, span=span)
        case ast.PathOf(base=base, path=path, address_of=False):
            return ast.PathOf(base, path, True, span=span)
        case _:
            if isinstance(value, ast.TargetVariable | ast.AtVar | ast.Cast | ast.PathOf):
                c.fail("cannot take address more than once", first, "at")
            return ast.PathOf(value, (), True, span=span)


def _pointed(c: Cursor) -> ast.Expression:
    """Parse a value; `->` or `[` behind it follows a pointer whose type is inferred."""
    value = _primary(c)
    if c.tag == "->" or c.tag == "[":
        path = parse_path(c, parse_expression)
        return ast.PathOf(value, path, span=c.end_of(value.span))
    return value


def _primary(c: Cursor) -> ast.Expression:
    token = c.token
    tag = token.tag
    if tag is IDENTIFIER:
        return _named(c)
    if tag is NUMBER:
        value = number_value(token.text)
        if value is None:
            c.fail("number invalid or out of range")
        c.advance()
        return ast.Number(value, span=token.span)
    if tag is STRING:
        text, place = c.string()
        return ast.String(text, span=place)
    if tag == "(":
        c.advance()
        inner = parse_expression(c)
        c.expect(")")
        return inner
    if tag in HISTOGRAMS:
        return _bucket(c)
    if tag[0] == "@":
        if tag not in AT_OPERATORS:
            c.fail(f"unknown operator {tag}")
        return parse_at_operator(c, parse_expression)
    if tag is EMBEDDED:
        if not c.permissive:
            c.fail("embedded expression code in unprivileged script; need stap -g")
        c.advance()
        return ast.EmbeddedExpression(token.text, span=token.span)
    raise c.error(_EXPECTED)


def _named(c: Cursor) -> ast.Expression:
    """Parse what begins with a name: a variable, a target variable, an element, a call, a print."""
    token = c.advance()
    name = token.text
    if name[0] == "$":
        return _target_variable(c, token)
    if name in PRINT_FAMILY:
        return _print(c, token)
    if c.tag == "(":
        c.advance()
        arguments = _arguments(c)
        return ast.Call(name, arguments, span=c.span_from(token))
    variable = ast.Name(name, span=token.span)
    if c.tag == "[":
        keys = parse_keys(c)
        return ast.Element(variable, keys, span=c.span_from(token))
    return variable


def _bucket(c: Cursor) -> ast.Bucket:
    """Parse a histogram with the number of a bucket behind it."""
    token = c.token
    histogram = parse_histogram(c, parse_expression)
    if c.tag != "[":
        c.fail("base histogram operator where expression expected", token, "at")
    return parse_bucket(c, token, histogram, parse_expression)


def _target_variable(c: Cursor, token: Token) -> ast.Expression:
    # `$x$` is one token: `$` belongs to names. Only what trails it asks for pretty printing.
    name = token.text.rstrip("$")
    if not name:
        c.fail(_EXPECTED, token)
    trailing = len(token.text) - len(name)
    if trailing > 2:
        c.fail("expected '$' or '$$' at most behind a target variable", token)
    if trailing:
        path: tuple[ast.PathStep, ...] = (ast.Pretty(1 if trailing == 1 else 2, span=token.span),)
        if c.tag == "->" or c.tag == "[":
            c.fail("-> and [ are not accepted for a pretty-printing variable")
    else:
        path = parse_path(c, parse_expression)
    return ast.TargetVariable(name, path, span=c.span_from(token))


def _arguments(c: Cursor) -> tuple[ast.Expression, ...]:
    """Parse arguments up to and with the closing parenthesis; the opening one is behind."""
    if c.accept(")"):
        return ()
    return _more_arguments(c, parse_expression(c))


def _more_arguments(c: Cursor, first: ast.Expression) -> tuple[ast.Expression, ...]:
    arguments = [first]
    while not c.accept(")"):
        if not c.accept(","):
            c.fail("expected one of ', )'")
        arguments.append(parse_expression(c))
    return tuple(arguments)


def _print(c: Cursor, token: Token) -> ast.Print:
    """Parse a call of the print family; format and delimiter must be literal strings."""
    name = token.text
    c.expect("(")
    kind = name if name[0] == "p" else name[1:]
    if kind in ("printf", "printd", "printdln"):
        text, place = c.string()
        if kind == "printf":
            _check_format(c, text)
        arguments = _more_arguments(c, ast.String(text, span=place))
        if kind != "printf" and len(arguments) < 3:
            c.fail(f"{name} needs a delimiter and at least two values", c.previous())
    elif c.tag in HISTOGRAMS and _is_whole_histogram(c):
        arguments = (parse_histogram(c, parse_expression),)
        c.expect(")")
    else:
        if kind == "print" and c.tag == ")":
            c.fail(_EXPECTED)
        arguments = _arguments(c)
    return ast.Print(name, arguments, span=c.span_from(token))


def _check_format(c: Cursor, text: str) -> None:
    try:
        list(read_format(text))
    except BadFormat as error:
        c.fail(str(error))


def _is_whole_histogram(c: Cursor) -> bool:
    """Return whether no `[` follows the histogram that begins here: then it is printed, not one of its buckets."""
    depth = 0
    ahead = 1
    while (tag := c.peek(ahead).tag) is not EOF:
        if tag == "(":
            depth += 1
        elif tag == ")":
            depth -= 1
            if depth <= 0:
                return c.peek(ahead + 1).tag != "["
        ahead += 1
    return True
