"""Each row is an expression and the same with every parenthesis, as SystemTap 4.8 prints it (`stap -p1`)."""

from __future__ import annotations

import pytest

from pystap.syntax import ast
from tests.syntax.helpers import expression, messages, shape

ROWS = [
    ("x = a . b + c", "x = (a . (b + c))"),
    ("x = a + b . c", "x = ((a + b) . c)"),
    ("x = a << b . c", "x = (a << (b . c))"),
    ("a . b == c . d", "(a . b) == (c . d)"),
    ("a & b . c", "a & (b . c)"),
    ('x = !x =~ "y"', 'x = ((!x) =~ "y")'),
    ("z = x ? y : z ? a : b", "z = (x ? y : (z ? a : b))"),
    ("z = x ? y ? 1 : 2 : b", "z = (x ? (y ? 1 : 2) : b)"),
    ("z = x ? y = 1 : b = 2", "z = ((x ? (y = 1) : b) = 2)"),
    ("a ? b : c || d", "a ? b : (c || d)"),
    ("a ? b : c = d", "(a ? b : c) = d"),
    ("a || b = d", "(a || b) = d"),
    ("z = a in b && c", "z = (([a] in b) && c)"),
    ("z = a + b in c", "z = ([(a + b)] in c)"),
    ("z = a < b in c", "z = ([(a < b)] in c)"),
    ("z = !a in c", "z = ([(!a)] in c)"),
    ("a | b in c", "a | ([b] in c)"),
    ("a in b | c", "([a] in b) | c"),
    ("a & b in c", "a & ([b] in c)"),
    ("[a,b] in c ? 3 : 4", "([a, b] in c) ? 3 : 4"),
    ("print(a) . b", "(print(a)) . b"),
    ("x = -9223372036854775808", "x = (-(9223372036854775808))"),
    ("x = a -1", "x = (a - 1)"),
    ("a <<< b <<< c", "a <<< (b <<< c)"),
    ("a <<< b + c", "a <<< (b + c)"),
    ("a = b = c", "a = (b = c)"),
    ("a += b -= c", "a += (b -= c)"),
    ("a - b - c", "(a - b) - c"),
    ("a | b ^ c & d == e < f << g + h * -i", "a | (b ^ (c & ((d == e) < (f << (g + (h * (-i)))))))"),
    ("a && b || c && d", "(a && b) || (c && d)"),
    ("a || b && c | d", "a || (b && (c | d))"),
    ("a < b == c", "(a < b) == c"),
    ("a == b == c", "(a == b) == c"),
    ("a >> b << c >>> d", "((a >> b) << c) >>> d"),
    ("a << b < c", "(a << b) < c"),
    ("++a + b++", "(++a) + (b++)"),
    ("-a++", "-(a++)"),
    ("a+++b", "(a++) + b"),
    ("- - a", "-(-(a))"),
    ("a % b * c / d", "((a % b) * c) / d"),
    ("a.b.c", "(a . b) . c"),
    ('a =~ "b" && c !~ "d"', '(a =~ "b") && (c !~ "d")'),
    ("a & &$x", "a & (&$x)"),
    ("[a]", "a"),
]


@pytest.mark.parametrize(("text", "explicit"), ROWS)
def test_precedence(text: str, explicit: str) -> None:
    assert shape(expression(text)) == shape(expression(explicit))
    assert shape(expression(text)) == shape(expression(f"({text})"))


@pytest.mark.parametrize(
    "text",
    ['a =~ "x" == c', 'a == b =~ "c"', "a == b in c == d", '-a =~ "y" . "z"', "!~-+a", "a++ ++", "++ ++a", "a =~ b"],
)
def test_what_may_not_be_combined(text: str) -> None:
    assert len(messages(f"probe begin {{ {text} }}")) == 1


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a[1]", ("Element", ("Name", "a"), (("Number", 1),))),
        ("a[1][2]", ("PathOf", ("Element", ("Name", "a"), (("Number", 1),)), (("Subscript", ("Number", 2)),), False)),
        ("(a)[1]", ("PathOf", ("Name", "a"), (("Subscript", ("Number", 1)),), False)),
        ("f()->m", ("PathOf", ("Call", "f", ()), (("Member", "m"),), False)),
        ("a[*, b]", ("Element", ("Name", "a"), (("Wildcard",), ("Name", "b")))),
        ("$x->next->if[i]$", (
            "TargetVariable", "$x",
            (("Member", "next"), ("Member", "if"), ("Subscript", ("Name", "i")), ("Pretty", 1)), False,
        )),
        ("$x->y$$", ("TargetVariable", "$x", (("Member", "y"), ("Pretty", 2)), False)),
        ("$$vars$", ("TargetVariable", "$$vars", (("Pretty", 1),), False)),
        ("&$x->y", ("TargetVariable", "$x", (("Member", "y"),), True)),
        ("&f(1)", ("PathOf", ("Call", "f", (("Number", 1),)), (), True)),
        ('&@cast(p, "t" "u")->y', (
            "Cast", ("Name", "p"), ("String", "tu"), None, (("Member", "y"),), True,
        )),
        ('@var("a@b", "m")[1]', (
            "AtVar", ("String", "a@b"), ("String", "m"), (("Subscript", ("Number", 1)),), False,
        )),
        ("@variance(x[1], 2)", (
            "StatisticOf", "variance", ("Element", ("Name", "x"), (("Number", 1),)), (("Number", 2),),
        )),
        ("@hist_linear(x, -1, 0x10, 2)[3]", (
            "Bucket",
            ("HistogramOf", "hist_linear", ("Name", "x"), (("Number", -1), ("Number", 16), ("Number", 2))),
            (("Number", 3),),
        )),
        ("print(@hist_log(x))", ("Print", "print", (("HistogramOf", "hist_log", ("Name", "x"), ()),))),
        ("3 in @hist_log(y)", ("In", (("Number", 3),), ("HistogramOf", "hist_log", ("Name", "y"), ()))),
        ("@entry($x + 1)", (
            "AtFunction", "entry", (("Binary", "+", ("TargetVariable", "$x", (), False), ("Number", 1)),),
        )),
        ("@errno", ("AtFunction", "errno", ())),
        ("@kderef(4, a)", ("AtFunction", "kderef", (("Number", 4), ("Name", "a")))),
        ("%{ 1 %}", ("EmbeddedExpression", " 1 ")),
        ('"a" "b"', ("String", "ab")),
    ],
)  # fmt: skip
def test_trees(text: str, tree: object) -> None:
    assert shape(expression(text)) == tree


def test_spans_cover_the_operands() -> None:
    node = expression("aa  + bb[1, 2]")
    assert isinstance(node, ast.Binary)
    text = node.span.source.text
    assert text[node.span.start : node.span.end] == "aa  + bb[1, 2]"
    assert text[node.right.span.start : node.right.span.end] == "bb[1, 2]"
