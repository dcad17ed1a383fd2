"""printf, both the general functions and what the specialiser makes, against the C library's snprintf."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pystap.program.limits import Limits
from pystap.program.nodes import FormatPiece
from pystap.user.errors import RuntimeFault
from pystap.user.formats import character, integer, pad

from .build import STRING, Loaded, assign, do, local, lv, num, piece, printf, program, run, sprintf, text, words

LIBC = ctypes.CDLL(None)


def c_printf(template: str, *values: object) -> str:
    buffer = ctypes.create_string_buffer(4096)
    LIBC.snprintf(buffer, 4096, template.encode(), *values)
    return buffer.value.decode("latin-1")


FLAGS = st.lists(st.sampled_from("-+ #0"), max_size=4, unique=True).map("".join)
SIZES = st.one_of(st.none(), st.integers(0, 30))
LONGS = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-9, 9))


def template(conversion: str, flags: str, width: int | None, precision: int | None, length: str = "") -> str:
    return f"%{flags}{'' if width is None else width}{'' if precision is None else f'.{precision}'}{length}{conversion}"


@given(st.sampled_from("diuoxX"), FLAGS, SIZES.filter(lambda n: n != 0), SIZES, LONGS)
@example("o", "#", None, 0, 0)
@example("x", "#0", 10, None, 255)
@settings(max_examples=400)
def test_integers_as_in_c(kind: str, flags: str, width: int | None, precision: int | None, value: int) -> None:
    expected = c_printf(template(kind, flags, width, precision, "ll"), ctypes.c_longlong(value))
    assert integer(kind, flags, width, precision, value) == expected
    one = FormatPiece(kind, "", flags, width, precision)
    x = local("x")
    body = [do(assign(lv(x), num(value))), printf([words("<"), one, words("%>")], lv(x))]
    assert run(body, x) == f"<{expected}%>"


@given(st.sampled_from(["", "-"]), SIZES.filter(lambda n: n != 0), SIZES, st.text("ab%{}\\\"'\xe9", max_size=8))
def test_strings_as_in_c(flags: str, width: int | None, precision: int | None, value: str) -> None:
    expected = c_printf(template("s", flags, width, precision), value.encode("latin-1"))
    one = FormatPiece("s", "", flags, width, precision)
    assert run([printf([words("{"), one, words("}")], text(value))]) == "{" + expected + "}"


@given(st.integers(-40, 40), st.integers(-3, 20), LONGS)
def test_stars_as_in_c(width: int, precision: int, value: int) -> None:
    expected = c_printf("%*.*lld", ctypes.c_int(width), ctypes.c_int(precision), ctypes.c_longlong(value))
    body = [printf([piece("d", width="*", precision="*")], num(width), num(precision), num(value))]
    assert run(body) == expected


def test_the_examples_of_the_manual_page() -> None:
    p, j = 0x1234ABCD, -1
    pieces = [piece("c"), words(" is "), piece("s"), words("; "), piece("x"), words(" or "), piece("X"), words(" or "),
              piece("p"), words("; "), piece("d"), words(" or "), piece("u")]  # fmt: skip
    shown = run([printf(pieces, num(97), text("alice"), num(p), num(p), num(p), num(j), num(j))])
    assert shown == "a is alice; 1234abcd or 1234ABCD or 0x1234abcd; -1 or 18446744073709551615"
    alternate = [piece("o", flags="#"), words(" "), piece("x", flags="#"), words(" "), piece("X", flags="#")]
    assert run([printf(alternate, num(1), num(2), num(3))]) == "01 0x2 0X3"
    escaped = [piece("c", flags="#"), words(" "), piece("c", flags="#"), words(" "), piece("c", flags="#")]
    assert run([printf(escaped, num(0), num(9), num(42))]) == "\\000 \\t *"


def test_binary_as_in_the_language_reference() -> None:
    shown = run([printf([piece("b"), piece("b", size=8)], num(0xC0DEDBAD), num(0x12345678))])
    assert shown.encode("latin-1") == bytes.fromhex("addbdec000000000 7856341200000000")
    hello = [piece("b", size=1), piece("b", size=1), words("lo")]
    assert run([printf(hello, num(72), num(101 + 256))]) == "Helo"


def test_a_field_is_not_padded_without_end() -> None:
    assert len(pad("x", "", 1 << 40)) == 8192
    assert len(run([printf([piece("d", width=1 << 40)], num(1))])) == 8192
    assert character("", 3, 65) == "  A"


def test_memory_is_read_through_the_session() -> None:
    pieces = [piece("m", width=10, precision=4), words("|"), piece("M", width=10, precision=4), words("|"), piece("M")]
    loaded = Loaded(program([printf(pieces, num(0x1000), num(0x1000), num(0x1001))]))
    loaded.session.areas[0x1000] = b"abcd"
    assert loaded.run() == "      abcd|  61626364|62"


def test_memory_that_cannot_be_read_is_an_error_with_its_address() -> None:
    loaded = Loaded(program([printf([piece("M", precision="*")], num(4), num(-1))]))
    with pytest.raises(RuntimeFault) as caught:
        loaded.run()
    assert str(caught.value) == (
        "read fault [man error::fault] at 0xffffffffffffffff (addr) near keyword 'while' at t.stp:1:15"
    )


def test_sprintf_gives_a_string_that_ends_at_nul_and_at_maxstringlen() -> None:
    s = local("s", STRING, 511)
    body = [do(assign(lv(s), sprintf([words("ab"), piece("c"), words("cd")], num(0)))), printf([piece("s")], lv(s))]
    assert run(body, s) == "ab"
    limits = Limits(max_string=5)
    long = sprintf([piece("s"), piece("d")], text("abc"), num(1234567), width=4)
    assert run([printf([piece("s")], long)], limits=limits) == "abc1"


def test_output_keeps_nul_and_is_not_cut() -> None:
    assert run([printf([piece("c"), piece("s")], num(0), text("x" * 600))]) == "\0" + "x" * 600
    assert run([printf([words("100%")])]) == "100%"
