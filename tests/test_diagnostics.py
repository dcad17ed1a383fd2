"""How diagnostics show the source line."""

from __future__ import annotations

from pystap.diagnostics import Diagnostic, render
from pystap.source import SourceFile, Span


def lines(text: str, start: int, subject: str = "identifier 'x'", kind: str = "semantic error") -> list[str]:
    return render(Diagnostic(kind, "wrong", Span(SourceFile("a.stp", text), start, start + 1), subject)).splitlines()


def test_the_caret_stands_below_the_place() -> None:
    head, source, caret = lines("probe\tbegin { x }", 14)[:3]
    assert head == "semantic error: wrong: identifier 'x' at a.stp:1:15"
    assert source == "        source: probe\tbegin { x }"
    assert caret == "                     \t        ^"


def test_a_long_line_is_shown_around_the_place() -> None:
    text = "a" * 1000 + "X" + "b" * 1000
    _, source, caret = lines(text, 1000)[:3]
    assert len(source) < 270
    assert source[caret.index("^")] == "X"
    assert source.startswith("        source: ...a")
    assert source.endswith("b...")


def test_the_ends_of_a_long_line() -> None:
    for place in (0, 5, 499):
        text = "a" * place + "X" + "b" * (499 - place)
        _, source, caret = lines(text, place)[:3]
        assert source[caret.index("^")] == "X"


def test_what_has_no_glyph_is_not_sent_to_the_terminal() -> None:
    shown = lines("\ufeff\033[2J\udcfe x", 0, "saw: operator '\ufeff'", "parse error")
    assert "\n".join(shown).isascii()
    assert "\033" not in "\n".join(shown)
    assert shown[1] == "        saw: operator '\\ufeff' at a.stp:1:1"
    assert shown[2] == "     source: ??[2J? x"
