"""No text, however broken, raises anything: errors are collected."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.diagnostics import render
from pystap.syntax.printer import print_script
from tests.syntax.helpers import messages, parse, parse_well, shape
from tests.syntax.test_round_trip import SCRIPT

_PIECES = (Path(__file__).parent / "pieces.txt").read_text().split(" ")


def survives(text: str) -> None:
    script, diagnostics = parse(text, "x", guru=True)
    for diagnostic in diagnostics.errors + diagnostics.warnings:
        assert render(diagnostic)
    if not diagnostics.errors:
        assert shape(parse_well(print_script(script), guru=True).items) == shape(script.items)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=25))
def test_tokens_in_any_order(pieces: list[str]) -> None:
    survives(" ".join(pieces))
    survives("probe a { " + "".join(pieces) + " }")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    survives(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SCRIPT)), st.integers(0, 20), st.sampled_from(_PIECES))
def test_a_script_with_a_hole(start: int, length: int, piece: str) -> None:
    survives(SCRIPT[:start] + piece + SCRIPT[start + length :])


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 50000,
        "x = " + "-" * 49999 + " 1",
        "x = " + "! " * 50000 + " 1",
        "x = " + "a ? " * 50000,
        "x = " + "1 ? 2 : " * 50000 + "3",
        "x = " * 50000 + "1",
        "x = " + "a[" * 50000,
        "x = " + "f(" * 50000,
        "x = " + "$x[" * 50000,
        "x = " + "1 . " * 50000 + "1",
        "x = " + "1 + " * 50000 + "1",
        "x = " + "1 || " * 50000 + "1",
        "x = " + "1 == " * 50000 + "1",
        "{" * 50000,
        "if (1) " * 50000,
        "if (1) ; else " * 50000,
        "while (1) " * 50000,
        "try { " * 50000,
        "%( 1 == 1 %? " * 50000,
        "x = " + "@count(" * 50000,
        "x = " + "@hist_log(" * 5000,
        "print(" + "@hist_log(" * 3000,
        "/* " * 50000,
        '"' * 50001,
    ],
    ids=lambda text: text[:12],
)
def test_depth_and_length_are_limited_by_errors(text: str) -> None:
    started = time.monotonic()
    assert messages("probe begin { " + text + " }")
    assert time.monotonic() - started < 20


def test_deep_macro_uses() -> None:
    assert messages("@define f(a) %( @a %) probe b { " + "@f(" * 20000)
    assert messages("@define f(a) %( @a %) probe b { " + "@f(" * 2000 + ")" * 2000 + " }")


def test_deep_probe_points() -> None:
    assert messages("probe " + "{" * 50000 + "a")
    assert len(parse_well("probe " + "a." * 5000 + "b {}").items) == 1


def test_permitted_depth_parses_and_prints() -> None:
    text = f"probe begin {{ x = {'(1 + ' * 300}1{')' * 300} . {' . '.join(['y'] * 1900)} }}"
    script = parse_well(text)
    assert shape(parse_well(print_script(script)).items) == shape(script.items)


def test_hopeless_files_are_left_early() -> None:
    assert len(messages("probe begin { if } " * 5000)) <= 60
