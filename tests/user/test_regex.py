"""Regular expressions: the syntax of POSIX, checked against the C library's regcomp, and matched() state."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.user.regex import Regex, translate

from .build import FakeSession

LIBC = ctypes.CDLL(None)
EXTENDED = 1


class Span(ctypes.Structure):
    _fields_ = [("start", ctypes.c_int), ("end", ctypes.c_int)]


def c_match(pattern: str, text: str) -> str | None:
    """Return what regexec finds, None for no match."""
    compiled = ctypes.create_string_buffer(256)
    assert LIBC.regcomp(compiled, pattern.encode(), EXTENDED) == 0, pattern
    spans = (Span * 1)()
    found = LIBC.regexec(compiled, text.encode(), 1, spans, 0)
    LIBC.regfree(compiled)
    return None if found else text[spans[0].start : spans[0].end]


def match(pattern: str, text: str) -> tuple[str, ...] | None:
    session = FakeSession()
    matched = Regex(pattern).match(session, text)
    assert matched == Regex(pattern).test(text)
    return session.matched_groups


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[[:digit:]]", "[]x-]", "\\.", "1"])
TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}"])


def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, TIMES).map(lambda pair: f"({pair[0]}){pair[1]}"),
    )


PATTERNS = st.tuples(
    st.sampled_from(["", "^"]),
    st.recursive(st.tuples(ATOMS, TIMES).map("".join), longer, max_leaves=6),
    st.sampled_from(["", "$"]),
).map("".join)


@given(PATTERNS, st.text("ab1.x]-", max_size=12))
@settings(max_examples=400, deadline=None)
def test_finds_what_the_c_library_finds(pattern: str, text: str) -> None:
    found = match(pattern, text)
    assert (found[0] if found else None) == c_match(pattern, text)


def test_groups_as_in_the_manual_page() -> None:
    assert match("str(ing)", "an example string") == ("string", "ing")
    assert match("a|(b)", "xa") == ("a", "")
    assert match("a", "b") is None


@pytest.mark.parametrize("pattern", ["(", ")", "[a", "a\\", "(a)\\1", "[[:nope:]]", "a{3,2}"])
def test_what_is_not_well_formed_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        translate(pattern)
