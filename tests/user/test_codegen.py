"""Programs built from nodes, generated, loaded and run: the meaning of each construct in user space."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystap.program import nodes as n
from pystap.program.builtins import Effect
from pystap.program.fault_messages import RuntimeFault
from pystap.program.limits import Limits
from pystap.program.types import Type
from pystap.source import Span
from pystap.user.errors import HandlerExit, describe

from . import build as b
from .build import AT, LONG, SCRIPT, STAT, STRING, Loaded, binary, do, el, gv, lv, num, program, run, show, text


def fault_of(body: Sequence[n.Statement], *variables: object, limits: Limits | None = None) -> str:
    with pytest.raises(RuntimeFault) as caught:
        run(body, *variables, limits=limits)  # type: ignore[arg-type]
    return describe(caught.value)


# ------------------------------------------------------------------------------------------------ expressions


def test_operators() -> None:
    x = b.local("x")
    body = [
        do(b.assign(lv(x), num(-7))),
        show(binary(lv(x), "/", num(2)), binary(lv(x), "%", num(2)), binary(lv(x), ">>", num(1))),
        show(binary(lv(x), ">>>", num(60)), binary(num(1), "<<", num(63)), binary(lv(x), "&", num(0xFF))),
        show(n.Unary("-", num(-(1 << 63)), span=AT, type=LONG), n.Unary("~", num(5), span=AT, type=LONG)),
        show(n.Unary("!", lv(x), span=AT, type=LONG), binary(text("a"), "<", text("b")), binary(lv(x), "==", num(-7))),
        show(n.Conditional(binary(lv(x), ">", num(0)), text("plus"), text("minus"), span=AT, type=STRING)),
    ]
    assert run(body, x) == "-3 -1 -4 15 -9223372036854775808 249 -9223372036854775808 -6 0 1 1 minus "


def test_only_the_deciding_side_is_evaluated() -> None:
    x = b.local("x")
    change = b.assign(lv(x), num(9))
    both = n.Logical("&&", num(0), change, span=AT, type=LONG)
    either = n.Logical("||", num(3), change, span=AT, type=LONG)
    assert run([show(both, either, lv(x))], x) == "0 1 0 "


def test_updates_give_the_old_or_the_new_value() -> None:
    x, g, a = b.local("x"), b.scalar("g"), b.array("a", [LONG, STRING])
    element = el(a, num(1), text("k"))
    targets: list[n.Assignable] = [lv(x), gv(g), element]
    body = [show(b.update(target, "+", num(1), gives_old=True), b.update(target, "+", num(5))) for target in targets]
    assert run([*body, show(*targets)], x, g, a) == "0 6 0 6 0 6 6 6 6 "


def test_the_value_is_evaluated_before_the_target_is_read() -> None:
    x, g = b.local("x"), b.scalar("g")
    for target in (lv(x), gv(g)):
        nested = b.update(target, "+", b.assign(target, num(10)))
        assert run([do(nested), show(target)], x, g) == "20 "
        assert run([show(nested), show(target)], x, g) == "20 20 "


def test_the_keys_of_an_element_are_evaluated_once_and_first() -> None:
    x, a = b.local("x"), b.array("a", [LONG])
    step = b.update(lv(x), "+", num(1), gives_old=True)
    body = [
        do(b.update(el(a, lv(x)), "+", b.assign(lv(x), num(5)))),
        do(b.update(el(a, step), "+", num(1))),
        show(el(a, num(0)), el(a, num(5)), lv(x)),
        show(b.update(el(a, step), "+", step), lv(x)),
    ]
    assert run(body, x, a) == "5 1 6 7 8 "


def test_strings_are_cut_at_maxstringlen() -> None:
    s = b.local("s", STRING, 7)
    limits = Limits(max_string=8)
    body = [do(b.assign(lv(s), text("abcde"))), do(b.update(lv(s), ".", text("fgh"))), show(lv(s))]
    assert run(body, s, limits=limits) == "abcdefg "
    assert run([show(binary(text("abcd"), ".", text("efgh")))], limits=limits) == "abcdefg "


def test_tables_and_memory() -> None:
    table = ("read", "write")
    entries = [n.TableText(table, num(i), "call_%d", span=AT, type=STRING, width=20) for i in (1, 2, -1)]
    address = num(-4096)
    signed = n.ReadMemory(address, 2, 1, True, span=AT, type=LONG)
    unsigned = n.ReadMemory(address, 2, 4, False, span=AT, type=LONG)
    string = n.ReadString(address, 64, span=AT, type=STRING, width=64)
    loaded = Loaded(program([show(*entries, signed, unsigned, string)]))
    loaded.session.areas[(1 << 64) - 4096] = b"ab\xfe\xff\xff\xff\0rest" + bytes(100)
    assert loaded.run() == "write call_2 call_-1 -2 4294967294 ab\xfe\xff\xff\xff "


def test_matches_keep_their_groups_only_for_who_asks() -> None:
    match = n.Match(text("an example string"), "str(ing)", False, span=AT, type=LONG)
    assert run([show(match, n.Match(text("x"), "y", True, span=AT, type=LONG))]) == "1 1 "
    asked = b.row("matched", matched_row, Effect.SESSION, STRING)
    assert run([show(match, b.builtin(asked, num(1)))]) == "1 ing "


def matched_row(rt: b.FakeSession, group: int) -> str:
    assert rt.matched_groups is not None
    return rt.matched_groups[group]


# ------------------------------------------------------------------------------------------------------ errors


def test_errors_name_their_place() -> None:
    x = b.local("x")
    assert fault_of([show(binary(num(1), "/", lv(x)))], x) == "division by 0 near operator '/' at t.stp:1:15"
    assert fault_of([do(b.update(lv(x), "%", num(0)))], x) == "division by 0 near operator '%=' at t.stp:1:15"
    s = b.scalar("s", STAT)
    empty = n.StatisticOf("min", gv(s), span=AT, type=LONG)
    assert fault_of([show(empty)], s) == "empty aggregate near operator '@min' at t.stp:1:15"
    full = b.array("a", [LONG], size=1)
    body = [do(b.assign(el(full, num(key)), num(0))) for key in (1, 1, 2)]
    assert fault_of(body, full) == "Array overflow, check size limit (1) near identifier 'a' at t.stp:1:15"


def test_the_place_of_a_division_is_its_operator() -> None:
    start = SCRIPT.text.index("a / b")
    left = n.LocalValue(b.local("x"), span=Span(SCRIPT, start, start + 1), type=LONG)
    quotient = n.Binary("/", left, num(0), span=Span(SCRIPT, start, start + 5), type=LONG)
    assert fault_of([show(quotient)]) == "division by 0 near operator '/' at t.stp:1:29"


def raising_row(rt: b.FakeSession, message: str) -> None:
    raise RuntimeFault(message)


def test_an_error_of_a_built_in_gets_the_place_of_its_call() -> None:
    error = b.row("error", raising_row, Effect.ACTION, None)
    body: list[n.Statement] = [show(num(1)), do(b.builtin(error, text("oops")))]
    assert fault_of(body) == "oops near identifier 'error' at t.stp:1:15"


def test_try_catch() -> None:
    message, x = b.local("m", STRING, 511), b.local("x")
    error = b.row("error", raising_row, Effect.ACTION, None)
    again: list[n.Statement] = [show(lv(message)), do(b.builtin(error, text("2")))]
    inner = n.TryCatch([show(binary(num(1), "/", lv(x)))], message, again, span=AT)
    outer = n.TryCatch([inner, show(text("not reached"))], message, [show(lv(message))], span=AT)
    silent = n.TryCatch([do(b.builtin(error, text("3")))], None, [], span=AT)
    assert run([outer, silent, show(text("on"))], message, x) == "division by 0 2 on "


# ----------------------------------------------------------------------------------------------------- control


def loop(condition: n.Expression | None, body: list[n.Statement], step: list[n.Statement] | None = None) -> n.Loop:
    return n.Loop(condition, body, step or [], span=AT)


def test_continue_runs_the_step_of_a_for_loop() -> None:
    i = b.local("i")
    odd = n.If(binary(lv(i), "%", num(2)), [n.Continue(span=AT)], [], span=AT)
    last = n.If(binary(lv(i), "==", num(6)), [n.Break(span=AT)], [], span=AT)
    step: list[n.Statement] = [do(b.update(lv(i), "+", num(1)))]
    assert run([loop(binary(lv(i), "<", num(10)), [odd, last, show(lv(i))], step)], i) == "0 2 4 "
    plain = loop(binary(lv(i), "<", num(3)), [show(lv(i))], step)
    assert run([plain], i) == "0 1 2 "
    inner = loop(None, [last, n.TryCatch([odd], None, [], span=AT), show(lv(i))], step)
    assert run([inner], i) == "0 2 4 "


def test_a_loop_that_never_ends_is_stopped() -> None:
    limits = Limits(max_action_user=1000)
    i = b.local("i")
    endless = loop(num(1), [do(b.update(lv(i), "+", num(1)))])
    assert fault_of([endless], i, limits=limits) == "MAXACTION exceeded near keyword 'while' at t.stp:1:15"
    loaded = Loaded(program([endless], locals_=[i], limits=Limits(suppress_time_limits=True)))
    loaded.session.interrupted = True
    with pytest.raises(HandlerExit):
        loaded.run()


def test_next_and_return_end_a_handler() -> None:
    for end in (n.Next(span=AT), n.Return(None, span=AT)):
        assert run([show(num(1)), n.If(num(1), [end], [], span=AT), show(num(2))]) == "1 "


def test_functions_recursion_and_its_limit() -> None:
    k = b.local("k")
    fib = b.function("fib", [k], [])
    small = n.If(binary(lv(k), "<", num(3)), [b.give(num(1))], [], span=AT)
    both = binary(b.call(fib, binary(lv(k), "-", num(1))), "+", b.call(fib, binary(lv(k), "-", num(2))))
    fib.body = [small, b.give(both)]
    assert run([show(b.call(fib, num(11)))]) == "89 "
    assert fault_of([show(b.call(fib, num(12)))]) == "MAXNESTING exceeded near identifier 'fib' at t.stp:1:15"
    caught = n.TryCatch([show(b.call(fib, num(12)))], None, [show(b.call(fib, num(5)))], span=AT)
    assert run([caught]) == "5 "


def test_next_goes_on_with_the_next_overload_and_the_same_arguments() -> None:
    p, q = b.local("x"), b.local("x")
    second = b.function("f_b", [q], [b.give(binary(lv(q), "+", num(100)))])
    first = b.function("f_a", [p], [do(b.assign(lv(p), num(50))), n.Next(span=AT)], next_overload=second)
    assert run([show(b.call(first, num(1)))]) == "101 "
    first.next_overload = None
    assert fault_of([show(b.call(first, num(1)))]) == "all functions exhausted near identifier 'f_a' at t.stp:1:15"


def test_a_function_without_return_gives_an_empty_value() -> None:
    number, string = b.function("f", [], []), b.function("f", [], [], return_type=STRING)
    assert run([show(b.call(number), b.call(string))]) == "0  "
    quiet = b.function("g", [], [show(num(7))], return_type=Type.UNKNOWN)
    assert run([do(b.call(quiet))]) == "7 "


# ------------------------------------------------------------------------------------------- arrays, statistics


def filled() -> tuple[list[n.Statement], object]:
    a = b.array("a", [STRING, LONG])
    rows = [("x", 3, 30), ("y", 1, 10), ("x", 2, 20), ("z", 10, 10)]
    return [do(b.assign(el(a, text(k), num(i)), num(v))) for k, i, v in rows], a


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "x3=30 y1=10 x2=20 z10=10"),
        ({"sort_by": n.SortBy.VALUE}, "y1=10 z10=10 x2=20 x3=30"),
        ({"sort_by": n.SortBy.VALUE, "descending": True}, "x3=30 x2=20 y1=10 z10=10"),
        ({"sort_by": n.SortBy.KEY, "sort_column": 1, "descending": True}, "z10=10 x3=30 x2=20 y1=10"),
        ({"sort_by": n.SortBy.KEY, "sort_column": 0}, "x3=30 x2=20 y1=10 z10=10"),
        ({"limit": num(2)}, "x3=30 y1=10"),
        ({"limit": num(-1)}, ""),
        ({"slice": [text("x"), None]}, "x3=30 x2=20"),
        ({"slice": [None, None], "limit": num(1)}, "x3=30"),
    ],
)
def test_foreach(options: dict[str, object], expected: str) -> None:
    start, a = filled()
    k, i, v = b.local("k", STRING, 20), b.local("i"), b.local("v")
    line = b.printf([b.piece("s"), b.piece("d"), b.words("="), b.piece("d"), b.words(" ")], lv(k), lv(i), lv(v))
    walk = b.foreach(a, [k, i], [line], value=v, **options)  # type: ignore[arg-type]
    assert run([*start, walk], a, k, i, v).strip() == expected  # type: ignore[arg-type]


def test_contains_and_delete_with_slices() -> None:
    start, a = filled()
    has = [n.Contains(a, [text(k), None], span=AT, type=LONG) for k in ("x", "q")]  # type: ignore[arg-type]
    exact = n.Contains(a, [text("y"), num(1)], span=AT, type=LONG)  # type: ignore[arg-type]
    body = [
        *start, show(*has, exact), n.Delete(el(a, text("x"), None), span=AT), show(*has),  # type: ignore[arg-type]
        n.Delete(el(a, text("y"), num(1)), span=AT), show(exact), n.Delete(a, span=AT),  # type: ignore[arg-type]
        show(n.Contains(a, [None, None], span=AT, type=LONG)),  # type: ignore[arg-type]
    ]  # fmt: skip
    assert run(body, a) == "1 0 1 0 0 0 0 "  # type: ignore[arg-type]


def test_a_wrapping_array_drops_its_oldest_element() -> None:
    a, k = b.array("a", [LONG], size=2, wraps=True), b.local("k")
    body = [do(b.assign(el(a, num(key)), num(key))) for key in (1, 2, 1, 3)]
    assert run([*body, b.foreach(a, [k], [show(lv(k))])], a, k) == "2 3 "


def test_reading_a_missing_element_makes_none() -> None:
    a = b.array("a", [LONG], STRING, 10)
    assert run([show(el(a, num(1)), n.Contains(a, [num(1)], span=AT, type=LONG))], a) == " 0 "


def test_statistics_of_scalars_and_arrays() -> None:
    shape = ("hist_linear", 1, 3, 1)
    s, a, k = b.scalar("s", STAT, histograms=[shape]), b.array("a", [STRING], STAT), b.local("k", STRING, 20)
    names = ["count", "sum", "min", "max", "avg"]
    body: list[n.Statement] = [do(n.Aggregate(gv(s), num(v), span=AT)) for v in (-100, 1, 2, 3, 100)]
    body.append(show(*(n.StatisticOf(f, gv(s), span=AT, type=LONG) for f in names)))  # type: ignore[arg-type]
    for key, value in (("p", 5), ("q", 1), ("q", 2)):
        body.append(do(n.Aggregate(el(a, text(key)), num(value), span=AT)))
    missing = n.StatisticOf("count", el(a, text("none")), span=AT, type=LONG)
    orders = (n.SortBy.COUNT, n.SortBy.SUM, n.SortBy.VALUE, n.SortBy.AVG)
    body += [b.foreach(a, [k], [show(lv(k))], sort_by=by, descending=True) for by in orders]
    index, count = b.local("i"), b.local("c")
    buckets = n.ForeachBucket(shape, gv(s), index, count, n.SortBy.NOTHING, False, None, [show(lv(index))], span=AT)
    bucket = n.BucketValue(shape, gv(s), num(4), span=AT, type=LONG)
    total = n.StatisticOf("sum", gv(s), span=AT, type=LONG)
    body += [show(missing), buckets, show(bucket), n.Delete(s, span=AT), show(total)]
    shown = run(body, s, a, k, index, count)
    assert shown == "5 6 -100 100 1 " + "q p p q q p p q " + "0 0 1 2 3 4 1 0 "
    outside = n.BucketValue(shape, gv(s), num(5), span=AT, type=LONG)
    fault = fault_of([do(n.Aggregate(gv(s), num(1), span=AT)), show(outside)], s)
    assert fault == "histogram index out of range near operator '@hist_linear' at t.stp:1:15"


def test_a_histogram_is_printed() -> None:
    s = b.scalar("s", STAT, histograms=[("hist_log",)])
    chart = n.HistogramText(("hist_log",), gv(s), span=AT, type=STRING)
    body = [do(n.Aggregate(gv(s), num(1), span=AT)), b.printf([b.piece("s")], chart)]
    assert run(body, s).splitlines()[1] == "    0 |" + " " * 51 + "0"


# ------------------------------------------------------------------------------------------------------- events


def record(layout: str, *values: object) -> bytes:
    return struct.pack("=II" + layout, 0, 0, *values)


def event(body: Sequence[n.Statement], types: list[Type], widths: list[int], **more: object) -> n.Event:
    return n.Event(3, types, widths, list(body), **more)  # type: ignore[arg-type]


def captured(index: int, kind: Type = LONG) -> n.Captured:
    return n.Captured(index, span=AT, type=kind)


def test_an_event_shows_what_was_captured() -> None:
    line = b.printf([b.piece("s"), b.words("("), b.piece("d"), b.words(")\n")], captured(1, STRING), captured(0))
    loaded = Loaded(program([], events=[event([line], [LONG, STRING], [0, 15])]))
    assert 'write(f"{c1}({c0})\\n")'.replace('"', "'") in loaded.code.source
    loaded.functions["event_3"](memoryview(record("q16s", -5, b"bash")))
    assert loaded.session.text == "bash(-5)\n"


def current_pid(rt: b.FakeSession) -> int:
    return 1


def test_functions_called_from_an_event_see_the_captured_context() -> None:
    pid = b.row("pid", current_pid, Effect.CONTEXT)
    f = b.function("f", [], [b.give(b.builtin(pid))])
    x = b.local("x")
    body = [show(b.call(f), lv(x))]
    sent = event(body, [LONG, LONG], [0, 0], context={"pid": 0}, restored={1: x}, locals=[x])
    loaded = Loaded(program(body, locals_=[x], events=[sent]))
    loaded.functions["event_3"](record("qq", 77, 88))
    assert loaded.session.context == {}
    assert loaded.run() == "77 88 1 0 "


# ------------------------------------------------------------------------------------------------------- module


def test_the_code_can_be_saved_and_is_readable() -> None:
    loaded = Loaded(program([show(num(1))]))
    assert marshal.loads(marshal.dumps(loaded.code.compile())) is not None
    assert "# probe begin, at t.stp:1:15\n    def handler_0():\n" in loaded.code.source
    assert loaded.code.handler_functions == {0: "handler_0"}


def test_what_cannot_stand_in_user_code_is_refused() -> None:
    other = event([], [], [])
    with pytest.raises(ValueError, match="kernel handlers only"):
        Loaded(program([n.SendEvent(other, [], span=AT)]))


LONGS = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-3, 3))


@given(st.sampled_from(["+", "-", "*", "&", "^", "|", "<<", ">>", ">>>"]), LONGS, LONGS)
def test_results_stay_in_64_bits(operator: str, left: int, right: int) -> None:
    assert -(1 << 63) <= int(run([show(binary(num(left), operator, num(right)))])) < 1 << 63


def test_a_long_chain_of_else_if_stays_flat() -> None:
    x = b.local("x")
    chain: list[n.Statement] = [show(text("none"))]
    for value in reversed(range(150)):
        chain = [n.If(binary(lv(x), "==", num(value)), [show(num(value))], chain, span=AT)]
    assert run([do(b.assign(lv(x), num(140))), *chain], x) == "140 "
    assert run([do(b.assign(lv(x), num(150))), *chain], x) == "none "


def test_the_variables_of_a_loop_that_never_ran_are_empty() -> None:
    a, k, v = b.array("a", [STRING]), b.local("k", STRING, 20), b.local("v")
    assert run([b.foreach(a, [k], [], value=v), show(lv(k), lv(v))], a) == " 0 "


def test_printing_is_one_expression() -> None:
    x = b.local("x", STRING, 9)
    lines = [
        (
            b.printf([b.piece("s"), b.words("{"), b.piece("s"), b.piece("d")], text("100%"), lv(x), num(-5)),
            "f'100%{{{l_x}-5'",
        ),
        (b.printf([b.piece("s")], lv(x)), "l_x"),
        (b.printf([b.piece("d"), b.words("%")], binary(num(6), "&", num(3))), "'%d%%' % ((6 & 3),)"),
    ]
    for statement, expected in lines:
        loaded = Loaded(program([statement]))
        assert f"        write({expected})\n" in loaded.code.source
        loaded.run()


def test_library_style_names_need_not_be_unique_in_python() -> None:
    one, two = b.function("a-b", [], [b.give(num(1))]), b.function("a_b", [], [b.give(num(2))])
    x, y = b.local("x"), b.local("x")
    body = [do(b.assign(lv(x), b.call(one))), do(b.assign(lv(y), b.call(two))), show(lv(x), lv(y))]
    assert run(body, x, y) == "1 2 "
