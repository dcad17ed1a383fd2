from __future__ import annotations

import pytest

from pystap.syntax import ast
from tests.syntax.helpers import messages, parse, parse_well, shape


def statements(text: str) -> tuple[object, ...]:
    (item,) = parse_well(f"function f() {{ {text} }}").items
    assert isinstance(item, ast.FunctionDeclaration)
    assert isinstance(item.body, ast.Block)
    return tuple(shape(s) for s in item.body.statements)


def name(text: str) -> tuple[str, str]:
    return ("Name", text)


def of(text: str) -> tuple[str, tuple[str, str]]:
    return ("ExpressionStatement", name(text))


@pytest.mark.parametrize(
    ("text", "trees"),
    [
        ("a b; ; c", [of("a"), of("b"), ("Empty",), of("c")]),
        ("if (a) b; else c", [("If", name("a"), of("b"), of("c"))]),
        ("if (a) if (b) c else d", [("If", name("a"), ("If", name("b"), of("c"), of("d")), None)]),
        ("if (a) ; b", [("If", name("a"), ("Empty",), None), of("b")]),
        ("while (a) {b}", [("While", name("a"), ("Block", (of("b"),)))]),
        ("for (;;) a", [("For", None, None, None, of("a"))]),
        ("for (a; b; c) ;", [("For", name("a"), name("b"), name("c"), ("Empty",))]),
        ("return; return a", [("Return", None), ("Return", name("a"))]),
        ("delete a next break continue;", [("Delete", name("a")), ("Next",), ("Break",), ("Continue",)]),
        ("try {a} catch (m) {b}", [("TryCatch", ("Block", (of("a"),)), name("m"), ("Block", (of("b"),)))]),
        ("try {} catch {}", [("TryCatch", ("Block", ()), None, ("Block", ()))]),
    ],
)
def test_statements(text: str, trees: list[object]) -> None:
    assert statements(text) == tuple(trees)


@pytest.mark.parametrize(
    ("text", "value", "keys", "slice_keys", "sort", "sort_by", "limit"),
    [
        ("a in b", None, [("a", 0)], (), 0, None, None),
        ("a+ in b", None, [("a", 1)], (), 0, None, None),
        ("[a, c-] in b limit 5", None, [("a", 0), ("c", -1)], (), 0, None, ("Number", 5)),
        ("v = [a, c+] in b[1, *]", "v", [("a", 0), ("c", 1)], (("Number", 1), ("Wildcard",)), 0, None, None),
        ("v- = a in b", "v", [("a", 0)], (), -1, None, None),
        ("a in b- limit x", None, [("a", 0)], (), -1, None, name("x")),
        ("a in b[c] @count+", None, [("a", 0)], (name("c"),), 1, "count", None),
        ("a in b @variance-", None, [("a", 0)], (), -1, "variance", None),
    ],
)
def test_foreach(
    text: str, value: str | None, keys: list[object], slice_keys: object, sort: int, sort_by: str | None, limit: object
) -> None:
    (tree,) = statements(f"foreach ({text}) ;")
    assert tree == (
        "Foreach", name(value) if value else None, tuple(("ForeachKey", *key) for key in keys),  # type: ignore[misc]
        name("b"), slice_keys, sort, sort_by, limit, ("Empty",),
    )  # fmt: skip


def test_foreach_over_a_histogram() -> None:
    (tree,) = statements("foreach (a in @hist_log(b[1])) ;")
    assert isinstance(tree, tuple)
    assert tree[3][0] == "HistogramOf"


def test_globals() -> None:
    script = parse_well('global a, b = -3, c = "x" "y"; global d[10], e%, f%[20] private g private global h = 0x10')
    rows = [
        (v.name, v.size, v.wraps, v.initialiser and v.initialiser.value, v.private)
        for item in script.items
        if isinstance(item, ast.GlobalDeclaration)
        for v in item.variables
    ]
    assert rows == [
        ("a", None, False, None, False), ("b", None, False, -3, False), ("c", None, False, "xy", False),
        ("d", 10, False, None, False), ("e", None, True, None, False), ("f", 20, True, None, False),
        ("g", None, False, None, True), ("h", None, False, 16, True),
    ]  # fmt: skip


def test_functions() -> None:
    script = parse_well("function f:long(a:string, b,) : 3 {return} private function g() %{ C %}", guru=True)
    f, g = script.items
    assert shape(f) == (
        "FunctionDeclaration", "f", (("Parameter", "a", "string"), ("Parameter", "b", None)), "long",
        ("Block", (("Return", None),)), 3, False,
    )  # fmt: skip
    assert shape(g) == ("FunctionDeclaration", "g", (), None, ("EmbeddedC", " C "), None, True)


def test_raw_code_needs_guru_mode_or_a_library() -> None:
    text = 'function f() %{ %} %{ %} probe begin { x = %{ 1 %} } probe end { x = @const("Y") }'
    assert messages(text) == [
        "embedded code in unprivileged script; need stap -g",
        "embedded expression code in unprivileged script; need stap -g",
        "using @const operator not permitted; need stap -g",
    ]
    assert messages("%{ %} probe begin {}") == ["embedded code in unprivileged script; need stap -g"]
    assert messages(text, guru=True) == []
    assert parse(text, library=True)[1].errors == []


def test_a_script_must_hold_something_and_a_library_need_not() -> None:
    assert messages("# nothing\n") == ["Input file 'input.stp' is empty."]
    assert messages("%( 1 == 2 %? probe begin {} %)") == ["Input file 'input.stp' is empty after preprocessing."]
    assert parse("", library=True)[1].errors == []
