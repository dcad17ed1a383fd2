"""The library."""

from __future__ import annotations

import pytest

import pystap
from pystap.runtime.run_options import RunOptions


def test_output_and_globals_are_python_values() -> None:
    image = pystap.compile(
        'global n = 3, words, s probe begin { words["a", 1] = "x"; s <<< 4; s <<< 8; printf("%d\\n", n++); exit() }'
        " probe end { println(words[$1, 1], @count(s)) }",
        arguments=['"a"'],
    )
    with pystap.Session(image) as session:
        assert session.run() == "3\nx2\n"
        assert session.globals == {
            "n": 4,
            "words": {("a", 1): "x"},
            "s": pystap.Aggregate(2, 12, 4, 8, 6, {}),
        }


def test_events_come_as_they_happen() -> None:
    image = pystap.compile('probe begin { println("one") warn("two") } probe timer.ms(1) { error("three") }')
    with pystap.Session(image) as session:
        events = list(session.events())
    assert events[:2] == [pystap.Output("one\n"), pystap.Message("WARNING: two\n")]
    assert isinstance(events[2], pystap.Message)
    assert events[2].text.startswith("ERROR: three")
    assert events[-1] == pystap.Ended(1, 1, 0, 0)


def test_a_session_may_be_ended_from_outside() -> None:
    image = pystap.compile('global n probe timer.ms(1) { println("tick") n++ } probe end { println("end") }')
    with pystap.Session(image) as session:
        texts = []
        for event in session.events():
            if isinstance(event, pystap.Output):
                texts.append(event.text)
                assert session.globals["n"] in (1, 2)
                session.end()
    assert "".join(texts).endswith("end\nn=1\n")


def test_globals_can_be_given() -> None:
    image = pystap.compile("global n = 1 probe begin { println(n) exit() }")
    with pystap.Session(image, RunOptions(globals=(("n", "7"),))) as session:
        assert session.run() == "7\n"


def test_a_wrong_script_raises_what_stap_would_print() -> None:
    with pytest.raises(pystap.CompileError, match="semantic error: "):
        pystap.compile("probe begin { nosuch() }")
