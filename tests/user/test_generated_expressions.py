"""Random expressions with assignments inside: generated code against a direct evaluation of the nodes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.program import nodes as n
from pystap.program.fault_messages import RuntimeFault
from pystap.program.symbols import Local

from . import build as b
from .build import AT, LONG, Loaded, binary, el, gv, lv, num, program, show

X, Y = b.local("x"), b.local("y")
G = b.scalar("g")
A = b.array("a", [LONG])
LONGS = st.one_of(st.integers(-4, 4), st.sampled_from([-(1 << 63), (1 << 63) - 1, 1 << 32]))
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "<", ">=", "==", "!="])
UPDATES = st.sampled_from(["+", "-", "*", "/", "^", "<<", ">>>"])
Values = dict[Any, int]


def targets(keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from([X, Y]).map(lv), st.just(gv(G)), keys.map(lambda key: el(A, key)))


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(binary, inner, OPERATORS, inner),
        st.builds(b.assign, targets(inner), inner),
        st.builds(b.update, targets(inner), UPDATES, inner, st.booleans()),
        st.builds(lambda op, x: n.Unary(op, x, span=AT, type=LONG), st.sampled_from("-!~"), inner),
        st.builds(
            lambda op, x, y: n.Logical(op, x, y, span=AT, type=LONG), st.sampled_from(["&&", "||"]), inner, inner
        ),
        st.builds(lambda c, x, y: n.Conditional(c, x, y, span=AT, type=LONG), inner, inner, inner),
        inner.map(lambda key: n.Contains(A, [key], span=AT, type=LONG)),
    )


LEAVES = st.one_of(LONGS.map(num), st.sampled_from([X, Y]).map(lv), st.just(gv(G)))
EXPRESSIONS = st.recursive(LEAVES, compound, max_leaves=14)


class DivisionByZero(Exception):
    pass


def long(value: int) -> int:
    return ctypes.c_int64(value).value


def apply(operator: str, x: int, y: int) -> int:
    if operator in "/%":
        if y == 0:
            raise DivisionByZero
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        return long(quotient if operator == "/" else x - quotient * y)
    count = y & 63
    table: dict[str, Callable[[], int]] = {
        "+": lambda: x + y, "-": lambda: x - y, "*": lambda: x * y, "&": lambda: x & y, "|": lambda: x | y,
        "^": lambda: x ^ y, "<<": lambda: x << count, ">>": lambda: x >> count,
        ">>>": lambda: ctypes.c_uint64(x).value >> count, "<": lambda: x < y, ">=": lambda: x >= y,
        "==": lambda: x == y, "!=": lambda: x != y,
    }  # fmt: skip
    return long(int(table[operator]()))


def place(target: n.Assignable, values: Values) -> Any:
    if isinstance(target, n.ElementValue):
        (key,) = target.keys
        assert key is not None
        return ("element", evaluate(key, values))
    return target.local if isinstance(target, n.LocalValue) else "g"


def evaluate(node: n.Expression, values: Values) -> int:
    match node:
        case n.Constant(value=int() as constant):
            return constant
        case n.LocalValue() | n.GlobalValue() | n.ElementValue():
            return values.get(place(node, values), 0)
        case n.Unary(operator=operator, operand=operand):
            x = evaluate(operand, values)
            return long({"-": -x, "!": int(x == 0), "~": ~x}[operator])
        case n.Binary(operator=operator, left=left, right=right):
            return apply(operator, evaluate(left, values), evaluate(right, values))
        case n.Logical(operator=operator, left=left, right=right):
            first = evaluate(left, values) != 0
            decided = first if operator == "||" else not first
            return int(first) if decided else int(evaluate(right, values) != 0)
        case n.Conditional(condition=condition, yes=yes, no=no):
            return evaluate(yes if evaluate(condition, values) else no, values)
        case n.Contains(keys=[key]) if key is not None:
            return int(("element", evaluate(key, values)) in values)
        case n.Assign(target=target, value=value):
            at = place(target, values)
            values[at] = evaluate(value, values)
            return values[at]
        case n.Update(target=target, operator=operator, value=value, gives_old=gives_old):
            at = place(target, values)
            change = evaluate(value, values)
            old = values.get(at, 0)
            values[at] = apply(operator, old, change)
            return old if gives_old else values[at]
        case _:
            raise AssertionError(node)


def elements(values: Values) -> dict[int, int]:
    return {key[1]: value for key, value in values.items() if isinstance(key, tuple)}


def locals_of(values: Values) -> list[int]:
    return [values.get(local, 0) for local in (X, Y)]


@given(EXPRESSIONS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_generated_code_means_what_the_nodes_mean(expression: n.Expression, as_statement: bool) -> None:
    values: Values = {}
    expected: list[int] | None = None
    try:
        result = evaluate(expression, values)
        expected = ([] if as_statement else [result]) + locals_of(values)
    except DivisionByZero:
        pass
    first: n.Statement = b.do(expression) if as_statement else show(expression)
    loaded = Loaded(program([first, show(lv(X), lv(Y))], [G, A], [X, Y]))
    if expected is None:
        with pytest.raises(RuntimeFault, match="division by 0"):
            loaded.run()
    else:
        assert [int(word) for word in loaded.run().split()] == expected
    assert loaded.globals.v_g == values.get("g", 0)
    assert loaded.globals.v_a.elements == elements(values)


def test_locals_are_told_apart_by_identity() -> None:
    assert isinstance(X, Local)
    assert locals_of({X: 1, Y: 2}) == [1, 2]
