"""Longs in kernel handlers, against Python's arithmetic wrapped to 64 bits."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest

from pystap.program.types import LONG_MAX, LONG_MIN, Type, wrap_long

from .scripts import assign, binary, conditional, evaluate, local, logical, number, run, unary, update, value_of

NUMBERS = (0, 1, -1, 2, 7, -7, 63, 64, 65, 1 << 31, -(1 << 31), (1 << 32) + 5, LONG_MAX, LONG_MIN, LONG_MIN + 1)


def truncated_quotient(a: int, b: int) -> int:
    sign = -1 if (a < 0) != (b < 0) else 1
    return sign * (abs(a) // abs(b))


REFERENCE: dict[str, Callable[[int, int], int]] = {
    "*": operator.mul,
    "+": operator.add,
    "-": operator.sub,
    "&": operator.and_,
    "^": operator.xor,
    "|": operator.or_,
    "<<": lambda a, b: a << (b % 64),
    ">>": lambda a, b: a >> (b % 64),
    ">>>": lambda a, b: (a % (1 << 64)) >> (b % 64),
    "/": truncated_quotient,
    "%": lambda a, b: a - b * truncated_quotient(a, b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
}


@pytest.mark.parametrize("sign", REFERENCE)
def test_binary_operator(sign: str) -> None:
    pairs = [(a, b) for a in NUMBERS for b in NUMBERS if b or sign not in "/%"]
    for start in range(0, len(pairs), 48):
        part = pairs[start : start + 48]
        variables = [(local(f"a{i}"), local(f"b{i}")) for i in range(len(part))]
        before = [
            run(assign(value_of(variable), number(value)))
            for (x, y), (a, b) in zip(variables, part, strict=True)
            for variable, value in ((x, a), (y, b))
        ]
        values = [binary(value_of(x), sign, value_of(y)) for x, y in variables]
        result = evaluate(*values, locals=[v for pair in variables for v in pair], before=before)
        assert result == [wrap_long(REFERENCE[sign](a, b)) for a, b in part]


@pytest.mark.guest(native=True)
def test_operators_on_values_that_the_compiler_cannot_know() -> None:
    """The division is emulated; what LLVM folds for constants must also hold at run time."""
    from pystap.program.nodes import ContextKind

    from .scripts import Running, Script, context

    script = Script()
    value = context(ContextKind.SYSCALL_NUMBER)
    script.handler(
        script.send(*[binary(value, sign, number(7)) for sign in REFERENCE], *[
            binary(number(1000003), sign, binary(value, "|", number(1))) for sign in REFERENCE
        ])
    )  # fmt: skip
    with Running(script) as running:
        for given in NUMBERS:
            running.hit(second=given)
            expected = [REFERENCE[sign](given, 7) for sign in REFERENCE]
            expected += [REFERENCE[sign](1000003, given | 1) for sign in REFERENCE]
            assert running.records()[0].fields == [wrap_long(v) for v in expected]


def test_unary_logical_and_conditional() -> None:
    x = local("x")
    values = [
        unary("-", number(LONG_MIN)), unary("~", number(5)), unary("!", number(0)), unary("!", number(-3)),
        logical(number(0), "&&", update(value_of(x), "+", number(1))),
        logical(number(2), "||", update(value_of(x), "+", number(1))),
        value_of(x),
        logical(number(2), "&&", number(-1)), logical(number(0), "||", number(0)),
        conditional(number(1), number(10), number(20)), conditional(number(0), number(10), number(20)),
    ]  # fmt: skip
    assert evaluate(*values, locals=[x]) == [LONG_MIN, -6, 1, 0, 0, 1, 0, 1, 0, 10, 20]


def test_update_gives_old_or_new_value() -> None:
    x = local("x")
    target = value_of(x)
    values = [
        assign(target, number(5)), update(target, "+", number(1), gives_old=True), update(target, "+", number(1)),
        update(target, "-", number(10)), update(target, "*", number(-3)), update(target, "<<", number(4)),
        update(target, "%", number(7)), value_of(x),
    ]  # fmt: skip
    assert evaluate(*values, locals=[x]) == [5, 5, 7, -3, 9, 144, 4, 4]


def test_locals_start_at_zero() -> None:
    x, s = local("x"), local("s", Type.STRING, 20)
    assert evaluate(value_of(x), value_of(s), locals=[x, s]) == [0, ""]
