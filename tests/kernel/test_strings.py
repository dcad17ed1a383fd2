"""Strings in kernel handlers: the same operations in Python on strings cut to their width."""

from __future__ import annotations

import ctypes

import pytest

from pystap.program.fault_messages import fill_in
from pystap.program.nodes import Function, Return
from pystap.program.types import Type

from .scripts import (
    SPAN,
    Running,
    Script,
    assign,
    binary,
    call,
    choose,
    conditional,
    evaluate,
    execname,
    formatted,
    local,
    number,
    own_name,
    run,
    string,
    table,
    update,
    user_string,
    value_of,
)  # fmt: skip

TEXTS = ("", "a", "b", "ab", "abcdefg", "abcdefgh", "abcdefgi", "abcdefgh1", "\xff", "x" * 31, "x" * 32, "x" * 40 + "y")


@pytest.mark.parametrize("sign", ["==", "!=", "<", ">", "<=", ">="])
def test_comparison(sign: str) -> None:
    from .test_longs import REFERENCE

    pairs = [(a, b) for a in TEXTS for b in TEXTS]
    for start in range(0, len(pairs), 24):
        part = pairs[start : start + 24]
        names = [(local(f"a{i}", Type.STRING, 47), local(f"b{i}", Type.STRING, 41)) for i in range(len(part))]
        before = [
            run(assign(value_of(variable), string(value)))
            for (x, y), (a, b) in zip(names, part, strict=True)
            for variable, value in ((x, a), (y, b))
        ]
        values = [binary(value_of(x), sign, value_of(y)) for x, y in names]
        values += [binary(value_of(x), sign, string(b)) for (x, _), (_, b) in zip(names, part, strict=True)]
        result = evaluate(*values, locals=[v for pair in names for v in pair], before=before)
        assert result == [int(REFERENCE[sign](a, b)) for a, b in part] * 2  # type: ignore[arg-type]


@pytest.mark.guest(native=True)
def test_concatenation() -> None:
    s = local("s", Type.STRING, 30)
    before = [run(assign(value_of(s), string("some text")))]
    values = [
        binary(value_of(s), ".", string("-")),
        binary(string("start:"), ".", value_of(s)),
        binary(binary(value_of(s), ".", value_of(s)), ".", binary(string("/"), ".", value_of(s))),
        binary(string(""), ".", string("")),
        binary(binary(string("12345678"), ".", string("abc")), ".", string("a literal of some length")),
        binary(value_of(s), ".", value_of(s), width=11),
        binary(binary(value_of(s), ".", value_of(s), width=12), ".", string("tail"), width=15),
    ]
    text = "some text"
    assert evaluate(*values, locals=[s], before=before) == [
        text + "-", "start:" + text, text * 2 + "/" + text, "", "12345678abca literal of some length", (text * 2)[:11],
        ((text * 2)[:12] + "tail")[:15],
    ]  # fmt: skip


def test_truncation_at_the_width_of_every_form() -> None:
    long_text = "0123456789" * 6
    for width in (1, 7, 8, 9, 15, 16, 17, 31, 40):
        s = local("s", Type.STRING, width)
        before = [run(assign(value_of(s), string(long_text)))]
        joined = binary(string("ab"), ".", binary(string(long_text), ".", string("z")), width=width)
        printed = formatted("%s%s", string(long_text[:5]), string(long_text), width=width)
        assert evaluate(value_of(s), joined, printed, locals=[s], before=before) == [
            long_text[:width], ("ab" + long_text)[:width], (long_text[:5] + long_text)[:width],
        ]  # fmt: skip


@pytest.mark.guest(native=True)
def test_longest_strings() -> None:
    text = "".join(chr(33 + i % 90) for i in range(255))
    s = local("s", Type.STRING, 511)
    before = [run(assign(value_of(s), binary(string(text), ".", string(text), width=511)))]
    values = [value_of(s), binary(value_of(s), ".", value_of(s), width=511), binary(value_of(s), "==", value_of(s))]
    assert evaluate(*values, locals=[s], before=before) == [text * 2, (text * 4)[:511], 1]


@pytest.mark.guest(native=True)
def test_append_and_assignment_between_widths() -> None:
    s, t = local("s", Type.STRING, 10), local("t", Type.STRING, 40)
    before = [
        run(assign(value_of(s), string("abc"))),
        run(update(value_of(s), ".", string("defgh"))),
        run(update(value_of(s), ".", value_of(s))),
        run(assign(value_of(t), string("long long long long text"))),
        run(assign(value_of(t), value_of(s))),
        run(assign(value_of(s), binary(value_of(t), ".", value_of(s)))),
    ]
    assert evaluate(value_of(s), value_of(t), locals=[s, t], before=before) == ["abcdefghab", "abcdefghab"]


def test_order_of_evaluation() -> None:
    """An operand keeps the value that it had when it was evaluated."""
    s = local("s", Type.STRING, 20)
    before = [run(assign(value_of(s), string("old")))]
    value = binary(value_of(s), ".", assign(value_of(s), string("new")))
    same = binary(value_of(s), "==", assign(value_of(s), string("other")))
    assert evaluate(value, same, value_of(s), locals=[s], before=before) == ["oldnew", 0, "other"]


@pytest.mark.parametrize("value", [0, 1, -1, 9, 10, 1234567890123, (1 << 63) - 1, -(1 << 63)])
def test_formats(value: int) -> None:
    x = local("x")
    before = [run(assign(value_of(x), number(value)))]
    values = [formatted("%d", value_of(x)), formatted("<%i|%u|%x>", value_of(x), value_of(x), value_of(x))]
    unsigned = value % (1 << 64)
    assert evaluate(*values, locals=[x], before=before) == [str(value), f"<{value}|{unsigned}|{unsigned:x}>"]


def test_format_of_strings_and_characters() -> None:
    values = [formatted("%s-%c%c-%s", string("ab"), number(65), number(0x142), string("")), formatted("plain")]
    assert evaluate(*values) == ["ab-AB-", "plain"]


@pytest.mark.guest(native=True)
def test_conditional_table_and_execname() -> None:
    rows = ("read", "write", "open")
    x = local("x")
    values = [
        conditional(number(0), string("yes"), string("no, not now")),
        table(rows, number(0), "call %d", 12), table(rows, number(2), "call %d", 12),
        table(rows, number(3), "call %d", 12), table(rows, number(-1), "call %d", 12), table(rows, number(9), "?", 5),
        table(rows, value_of(x), "", 7),
    ]  # fmt: skip
    comm = own_name()
    assert evaluate(execname(), *values, locals=[x], before=[run(assign(value_of(x), number(1)))]) == [
        comm, "no, not now", "read", "open", "call 3", "call -1", "?", "write",
    ]  # fmt: skip


@pytest.mark.guest(native=True)
def test_user_string_and_its_fault() -> None:
    memory = ctypes.create_string_buffer(b"/some/path/of/a/file")
    address = ctypes.addressof(memory)
    assert evaluate(
        user_string(number(address)), user_string(number(address), 10), user_string(number(address + 20), 7)
    ) == ["/some/path/of/a/file", "/some/path", ""]
    script = Script()
    script.handler(script.send(user_string(number(8))))
    with Running(script) as running:
        running.hit()
        record = running.records()[0]
        message = running.code.errors[record.number - 0x4000_0000].message
        assert isinstance(record.fields[0], int)
        assert fill_in(message, record.fields[0]) == (
            "user string copy fault at 0x0000000000000008 [man error::fault] near identifier 'counts' at test.stp:1:1"
        )


def function(name: str, parameters: list, body: list, returns: Type, width: int = 0, **more: object) -> Function:  # type: ignore[type-arg]
    return Function(name, SPAN, parameters, [], body, returns, width, **more)  # type: ignore[arg-type]


@pytest.mark.guest(native=True)
def test_functions_take_and_give_strings() -> None:
    a, b = local("a", Type.STRING, 40), local("n")
    twice = function(
        "twice", [a, b],
        [
            choose(binary(value_of(b), ">", number(1)), [
                Return(span=SPAN, value=binary(value_of(a), ".", value_of(a), width=40))
            ]),
            run(assign(value_of(a), binary(value_of(a), ".", string("!"), width=40))),
            Return(span=SPAN, value=value_of(a)),
        ],
        Type.STRING, 40,
    )  # fmt: skip
    s = local("s", Type.STRING, 10)
    before = [run(assign(value_of(s), string("ab")))]
    nested = call(twice, call(twice, value_of(s), number(2)), number(2))
    values = [call(twice, value_of(s), number(1)), nested, value_of(s)]
    assert evaluate(*values, locals=[s], before=before) == ["ab!", "abababab", "ab"]
