"""The tables that the kernel matches with agree with Python's `re` on the same translated pattern."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.program.posix_regex import translate
from pystap.program.regex_automaton import MATCH, Automaton, NotRegular, compile_automaton

PATTERNS = [
    "^a+b", "a|b$", "^$", "", "x*y+z?", "[[:digit:]]{2,3}$", "^(foo|bar)+baz", "a.c", "[^abc]$", "(a|b)*c(d|e)$",
    r"\.", "^[a-m]", "a{0}b", "(^a|b$)", "(a$|^b)c?", r"\w+\W", "[]x]", "a{,2}b{2,}",
]  # fmt: skip


def matches(automaton: Automaton, text: str) -> bool:
    state = automaton.start
    for byte in text.encode("latin-1") + b"\0":
        state = automaton.next_states[state << automaton.class_bits | automaton.classes[byte]]
    return state == MATCH


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="abcdefoxyz019.br]- \xe9", max_size=9))
def test_same_answer_as_re(pattern: str, text: str) -> None:
    expected = re.search(translate(pattern), text, re.DOTALL | re.ASCII) is not None
    assert matches(compile_automaton(pattern), text) == expected


def test_the_outcome_stays_behind_the_end_of_the_string() -> None:
    automaton = compile_automaton("^ab?$")
    for text in ("a", "ab", "b", "abc"):
        assert matches(automaton, text) == matches(automaton, text + "\0x\0a")


@pytest.mark.parametrize("pattern", [r"\bword\b", "(a|b)*a" + "(a|b)" * 12, "x{65}"])
def test_what_tables_cannot_hold_is_refused(pattern: str) -> None:
    with pytest.raises(NotRegular):
        compile_automaton(pattern)
