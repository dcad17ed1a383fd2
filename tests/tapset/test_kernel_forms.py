"""The kernel side of each built-in gives what its user side gives, on the kernel that runs the tests."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.program.builtins import Builtin, IrFunction
from pystap.program.types import LONG_MAX, LONG_MIN, Type
from pystap.tapset.functions import all_rows, lookup

from .kernel_call import KernelCall
from .runtime import Recorder

pytestmark = [pytest.mark.guest(native=True)] if os.environ.get("PYSTAP_ALL_IN_GUEST") else []
"""Compiling some hundred small programs takes ten minutes in an emulated guest: there only when asked for."""

LONGS = st.one_of(st.integers(-20, 600), st.integers(LONG_MIN, LONG_MAX), st.sampled_from([LONG_MIN, LONG_MAX, -1, 0]))
QUICK = settings(max_examples=100, deadline=None)


def strings(longest: int, alphabet: str = "") -> st.SearchStrategy[str]:
    any_byte = st.characters(min_codepoint=1, max_codepoint=255)
    letters = st.sampled_from(alphabet) if alphabet else st.one_of(st.sampled_from("ab0 "), any_byte)
    return st.text(letters, max_size=longest)


@pytest.fixture(scope="module")
def calls() -> Iterator[dict[tuple[object, ...], KernelCall]]:
    """Programs that several tests share, closed at the end."""
    with ExitStack() as stack:
        made: dict[tuple[object, ...], KernelCall] = {}
        yield made
        for call in made.values():
            stack.enter_context(call)


def the_call(
    calls: dict[tuple[object, ...], KernelCall], name: str, widths: Sequence[int], on_stack: bool = False
) -> KernelCall:
    key = (name, tuple(widths), on_stack)
    if key not in calls:
        (row,) = lookup(name)
        calls[key] = KernelCall(row, widths, on_stack)
    return calls[key]


def check(call: KernelCall, *arguments: int | str) -> None:
    assert call(*arguments) == call.row.user(Recorder(), *arguments)


STRING_PLACES = [(7, False), (15, False), (511, False), (7, True), (15, True), (39, True)]


@pytest.mark.parametrize(("width", "on_stack"), STRING_PLACES)
def test_strlen(calls: dict[tuple[object, ...], KernelCall], width: int, on_stack: bool) -> None:
    call = the_call(calls, "strlen", (width,), on_stack)
    for length in range(width + 1):
        check(call, "x" * length)


@pytest.mark.parametrize(("width", "on_stack"), STRING_PLACES)
def test_substr(calls: dict[tuple[object, ...], KernelCall], width: int, on_stack: bool) -> None:
    call = the_call(calls, "substr", (width, 0, 0), on_stack)
    text = "".join(chr(1 + i % 255) for i in range(width))
    for start, length in [(0, width), (1, 3), (width - 1, 5), (width, 1), (-1, 3), (0, -1), (0, 0), (2, LONG_MAX),
                          (LONG_MIN, 5), (LONG_MAX, 1), (1 << 32, 4)]:  # fmt: skip
        check(call, text, start, length)

    @QUICK
    @given(strings(width), LONGS, LONGS)
    def generated(text: str, start: int, length: int) -> None:
        check(call, text, start, length)

    generated()


@pytest.mark.parametrize(("width", "on_stack"), STRING_PLACES)
def test_stringat(calls: dict[tuple[object, ...], KernelCall], width: int, on_stack: bool) -> None:
    call = the_call(calls, "stringat", (width, 0), on_stack)
    for at in (-1, 0, 1, width - 1, width, width + 1, LONG_MIN, LONG_MAX, 1 << 32):
        check(call, "\xff" * width, at)

    @QUICK
    @given(strings(width), LONGS)
    def generated(text: str, at: int) -> None:
        check(call, text, at)

    generated()


def test_isdigit(calls: dict[tuple[object, ...], KernelCall]) -> None:
    call = the_call(calls, "isdigit", (7,))
    for code in range(1, 256):
        check(call, chr(code))
    check(call, "")


@pytest.mark.parametrize("name", ["isinstr", "strpos"])
@pytest.mark.parametrize(
    ("text_width", "needle_width", "on_stack"),
    [
        (7, 7, False),
        (511, 7, False),
        (511, 15, False),
        (511, 31, False),
        (15, 31, False),
        (63, 23, True),
        (39, 3, True),
        (15, 7, True),
        (7, 7, True),
    ],
)
def test_search(
    calls: dict[tuple[object, ...], KernelCall], name: str, text_width: int, needle_width: int, on_stack: bool
) -> None:
    call = the_call(calls, name, (text_width, needle_width), on_stack)
    check(call, "", "")
    check(call, "a", "")
    check(call, "", "a")
    for at in range(0, text_width - needle_width):
        check(call, "a" * at + "b" * needle_width + "c" * (text_width - needle_width - at), "b" * needle_width)

    @QUICK
    @given(st.data())
    def generated(data: st.DataObject) -> None:
        text = data.draw(strings(text_width, "ab"))
        start = data.draw(st.integers(0, max(0, len(text) - 1)))
        part = text[start : start + data.draw(st.integers(0, needle_width))]
        check(call, text, data.draw(st.one_of(st.just(part), strings(needle_width, "ab"))))

    generated()


@pytest.mark.parametrize(("width", "on_stack"), STRING_PLACES)
def test_strtol(calls: dict[tuple[object, ...], KernelCall], width: int, on_stack: bool) -> None:
    call = the_call(calls, "strtol", (width, 0), on_stack)
    texts = ["", "0", "10", "-10", "0x1f", "-0x1F", "0X", "0xg", "017", "018", "9f", "+5", " 5", "-", "--5", "zz", "a"]
    texts += ["9" * width, "-" + "9" * (width - 1), "0" * width]
    for text in texts:
        for base in (0, 1, 2, 8, 10, 16, 17, 36, -1, 1 << 32, (1 << 32) + 10):
            check(call, text[:width], base)

    @QUICK
    @given(strings(width, "0123456789abfxX-gA\xb0"), st.one_of(st.sampled_from([0, 2, 8, 10, 16]), LONGS))
    def generated(text: str, base: int) -> None:
        check(call, text, base)

    generated()


def test_addresses(calls: dict[tuple[object, ...], KernelCall]) -> None:
    v4 = the_call(calls, "ip_ntop", (0,))
    either = the_call(calls, "format_ipaddr", (0, 0))
    for octets in [
        (0, 0, 0, 0),
        (255, 255, 255, 255),
        (127, 0, 0, 1),
        (1, 22, 133, 9),
        (100, 99, 10, 9),
        (249, 100, 0, 10),
    ]:
        number = int.from_bytes(bytes(octets), "little")
        assert v4(number) == ".".join(map(str, octets))
        check(either, number, 2)
    check(either, 5, 3)
    assert either(8, 10) == ""  # an address that cannot be read

    @QUICK
    @given(LONGS)
    def generated(number: int) -> None:
        check(v4, number)

    generated()


PURE_LONGS = [
    row
    for row in all_rows()
    if isinstance(row.kernel, IrFunction)
    and row.returns is Type.LONG
    and row.effect.value == "pure"
    and not row.varies
    and all(kind is Type.LONG for _, kind in row.parameters)
]


@pytest.mark.parametrize("row", PURE_LONGS, ids=lambda row: row.name)
def test_arithmetic(row: Builtin) -> None:
    assert len(PURE_LONGS) > 20
    with KernelCall(row, (0,) * len(row.parameters)) as call:
        if not row.parameters:
            check(call)
            return

        @QUICK
        @given(st.tuples(*(LONGS for _ in row.parameters)))
        def generated(arguments: tuple[int, ...]) -> None:
            check(call, *arguments)

        generated()


def test_execname() -> None:
    (row,) = lookup("execname")
    old = Path("/proc/self/comm").read_text().rstrip("\n")
    prctl = ctypes.CDLL(None).prctl
    with KernelCall(row) as call:
        try:
            for name in ("x", "eightchr", "fifteen letters", "nine char"):
                prctl(15, name.encode(), 0, 0, 0)
                assert call() == name == row.user(Recorder())
        finally:
            prctl(15, old.encode(), 0, 0, 0)


def test_target() -> None:
    from pystap.abi.map_layout import TARGET_OFFSET

    (row,) = lookup("target")
    with KernelCall(row) as call:
        call.control.words[TARGET_OFFSET // 8] = 4711
        assert call() == 4711


def test_clocks() -> None:
    from pystap.abi.map_layout import WALL_CLOCK_OFFSET

    for unit, divisor in (("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)):
        (row,) = lookup("gettimeofday_" + unit)
        with KernelCall(row) as call:
            call.control.words[WALL_CLOCK_OFFSET // 8] = time.time_ns() - time.monotonic_ns()
            before = row.user(Recorder())
            now = call()
            assert isinstance(now, int)
            assert before - 10**6 // divisor <= now <= row.user(Recorder()) + 10**6 // divisor + 1
        (row,) = lookup("local_clock_" + unit)
        with KernelCall(row) as call:
            before = row.user(Recorder())
            assert before <= call() <= row.user(Recorder())
        (row,) = lookup("cpu_clock_" + unit)
        with KernelCall(row, (0,)) as call:
            before = row.user(Recorder(), 0)
            assert before <= call(0) <= row.user(Recorder(), 0)


def test_randint() -> None:
    (row,) = lookup("randint")
    with KernelCall(row, (0,)) as call:
        assert {call(3) for _ in range(200)} == {0, 1, 2}
        assert call(0) == call(-5) == 0
        assert {call(1 << 20) for _ in range(50)} != {0}


@pytest.mark.parametrize(
    ("name", "widths"),
    [("strlen", (511,)), ("isinstr", (511, 31)), ("strpos", (511, 31)), ("strtol", (511, 0)), ("substr", (511, 0, 0)),
     ("stringat", (511, 0)), ("ip_ntop", (0,)), ("format_ipaddr", (0, 0))],
)  # fmt: skip
def test_repeated_calls_cost_the_verifier_a_sum_not_a_product(name: str, widths: tuple[int, ...]) -> None:
    (row,) = lookup(name)
    with KernelCall(row, widths) as one, KernelCall(row, widths, times=4) as four:
        single, repeated = (call.program.info().verified_instructions for call in (one, four))
        assert single < 40_000
        assert repeated < 8 * single + 1000


def test_pid_of_the_helpers() -> None:
    """The numbers of HelperValue rows: the same helpers, called here by hand, give this process's values."""
    from pystap.program.builtins import HelperValue
    from pystap.tapset.ir import helper, ir_function

    expected = {"pid": os.getpid(), "uid": os.getuid(), "gid": os.getgid()}
    for name, value in expected.items():
        (row,) = lookup(name)
        form = row.kernel
        assert isinstance(form, HelperValue)
        body = (
            f"  %v = call i64 {helper(form.helper)}()\n  %s = lshr i64 %v, {form.shift}\n"
            f"  %r = and i64 %s, {(1 << form.bits) - 1}\n  ret i64 %r\n"
        )
        by_hand = Builtin(name, (), Type.LONG, row.effect, row.user, ir_function("fn_x", "", body))
        with KernelCall(by_hand) as call:
            assert call() == value
