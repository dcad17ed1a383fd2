from __future__ import annotations

import pytest

from pystap.syntax import ast
from pystap.syntax.printer import print_point
from tests.syntax.helpers import messages, parse_well


def points(text: str) -> list[str]:
    (item,) = parse_well(f"probe {text} {{}}").items
    assert isinstance(item, ast.ProbeDeclaration)
    return [print_point(point) for point in item.points]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("a.b(0x10).c", ["a.b(16).c"]),
        ("begin(-1), end(10)", ["begin(-1)", "end(10)"]),
        ('a.b("c" "d").e', ['a.b("cd").e']),
        ("a*.*b.c*d.**", ["a*.*b.c*d.**"]),
        ("a.b? , c!", ["a.b?", "c!"]),
        ("a.return.end.next.global.in", ["a.return.end.next.global.in"]),
        ("probe", ["probe"]),
        ("a . b . c", ["a.b.c"]),
        ("a.{b,c}", ["a.b", "a.c"]),
        ('a.{b,c("x")}.d?', ["a.b.d?", 'a.c("x").d?']),
        ("a.{b,{c,d}}.e", ["a.b.e", "a.c.e", "a.d.e"]),
        ("{a.b,c}.{d,e}", ["a.b.d", "a.b.e", "c.d", "c.e"]),
        ("a.{b, c?}", ["a.b", "a.c?"]),
        ("{a,b}!", ["a!", "b!"]),
        ("{a,b} if (x)", ["a if (x)", "b if (x)"]),
        ("a? if (x > 3), b if (y)", ["a? if (x > 3)", "b if (y)"]),
    ],
)
def test_points(text: str, expanded: list[str]) -> None:
    assert points(text) == expanded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.{b?,c}.d", "'?', '!' or condition must only be specified in suffix"),
        ("{a?,b}!", "'?' or '!' respecified"),
        ("{a if (x), b} if (y)", "condition respecified"),
        ("a.b *c", "expected one of ', { } = +='"),
        ("a.b{c,d}", "expected literal string or number"),
        ("a.b?!", "expected one of ', { } = +='"),
        ("a.{b", "expected '}'"),
        ("a.b()", "expected literal string or number"),
        ("a..b", "expected identifier or '*' or '{'"),
        (".".join(["{a,b}"] * 20), "braces stand for more than 10000 probe points"),
    ],
)
def test_faulty_points(text: str, message: str) -> None:
    assert messages(f"probe {text} {{}}") == [message]


def test_aliases() -> None:
    script = parse_well("probe a.b = c?, d {x} probe e += f {} probe g = h = i {y}, {z}")
    plain, epilogue, both = script.items
    assert isinstance(plain, ast.AliasDeclaration)
    assert [print_point(p) for p in plain.names] == ["a.b"]
    assert [print_point(p) for p in plain.points] == ["c?", "d"]
    assert (plain.epilogue, plain.epilogue_body) == (False, None)
    assert isinstance(epilogue, ast.AliasDeclaration)
    assert epilogue.epilogue
    assert isinstance(both, ast.AliasDeclaration)
    assert [print_point(p) for p in both.names] == ["g", "h"]
    assert both.epilogue_body is not None
    assert len(both.epilogue_body.statements) == 1
