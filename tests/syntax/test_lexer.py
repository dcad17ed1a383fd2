from __future__ import annotations

import pytest

from pystap.source import SourceFile
from pystap.syntax.lexer import escape, number_value, string_value, tokenize


def tags(text: str, *arguments: str) -> list[str]:
    return [token.tag for token in tokenize(SourceFile("x", text), arguments)]


def texts(text: str, *arguments: str) -> list[str]:
    return [token.text for token in tokenize(SourceFile("x", text), arguments)][:-1]


def test_tags_say_what_the_parser_decides_by() -> None:
    assert tags('probe a { x = 0x1f . "s" @count $y %{ c %} }') == [
        "probe", "identifier", "{", "identifier", "=", "number", ".", "literal", "@count", "identifier",
        "embedded-code", "}", "EOF",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<<<", ">>>", "<<=", ">>=", "->", "=~", "!~", "==", "!=", "<=", ">=", "&&", "||", "++", "--", "+=", ".=", "%(",
        "%?", "%:", "%)", "^=", "|=", "&=", "%=", "<<", ">>",
    ],
)  # fmt: skip
def test_operators_of_more_than_one_character_are_one_token(text: str) -> None:
    assert tags(f"a{text}b") == ["identifier", text, "identifier", "EOF"]


def test_comments_of_three_kinds_are_skipped() -> None:
    assert texts("a # b\nc // d\ne /* f\n g */ h /* not ended") == ["a", "c", "e", "h"]


def test_arguments_are_no_comments() -> None:
    assert texts("$# @# x # y", "a", "b") == ["2", "2", "x"]


def test_spans_are_of_the_text() -> None:
    text = 'ab "cd" %{ e %}'
    spans = [text[t.start : t.end] for t in tokenize(SourceFile("x", text))]
    assert spans == ["ab", '"cd"', "%{ e %}", ""]


def test_a_dollar_belongs_to_names() -> None:
    assert texts("a$b $x$ $$vars$$ $") == ["a$b", "$x$", "$$vars$$", "$"]


def test_unended_text_becomes_junk_up_to_the_end_of_its_line() -> None:
    tokens = tokenize(SourceFile("x", 'a "b\nc'))
    assert [t.tag for t in tokens] == ["identifier", "junk", "identifier", "EOF"]
    assert tokens[1].text == "Could not find matching closing quote"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\n\t\"\\", '\n\t"\\'),
        (r"\101\x41\x4g\q", "AA\x04gq"),
        (r"\0\777\18", "\0\xff\x018"),
        (r"\xzz", "xzz"),
        ("é", "\xc3\xa9"),
        ("plain", "plain"),
    ],
)
def test_string_escapes(text: str, value: str) -> None:
    assert string_value(text) == value


@pytest.mark.parametrize("value", ["", "abc", 'a"b\\c\n\x00\x7f\xff1', "\x011"])
def test_escape_is_undone_by_string_value(value: str) -> None:
    assert string_value(escape(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("0755", 493),
        ("0x10", 16),
        ("0XfF", 255),
        ("9223372036854775808", -(1 << 63)),
        ("18446744073709551615", -1),
        ("18446744073709551616", None),
        ("089", None),
        ("0x", None),
        ("0b11", None),
        ("12abc", None),
        ("9" * 5000, None),
        ("0x" + "f" * 5000, None),
        ("0" * 5000 + "7", 7),
    ],
)
def test_numbers(text: str, value: int | None) -> None:
    assert number_value(text) == value


def test_pasted_arguments_join_what_they_touch() -> None:
    assert texts("a.$1b $1$2 @1a $1 b", "foo", "2") == ["a", ".", "foob", "foo2", "foo", "a", "foo", "b"]


def test_a_pasted_argument_is_tokens_and_a_string_is_not_read_again() -> None:
    assert texts("$1 @1", '5+"x"') == ["5", "+", "x", '5+\\"x\\"']
    assert texts('"$1"', "a") == ["$1"]


def test_text_outside_ascii_is_its_bytes() -> None:
    (literal, argument, _) = tokenize(SourceFile("x", '"é" @1'), ("é",))
    assert string_value(literal.text) == string_value(argument.text) == "\xc3\xa9"
    assert string_value(b"\xff".decode("utf-8", "surrogateescape")) == "\xff"
    assert string_value("\ud800")


def test_arguments_that_were_not_given_are_junk() -> None:
    assert [t.text for t in tokenize(SourceFile("x", "$0 $2 @9"), ("a",))][:-1] == [
        "command line argument out of range [1-1]"
    ] * 3


def test_used_arguments_are_recorded() -> None:
    used: set[int] = set()
    tokenize(SourceFile("x", "$1 @3 $# $7"), ("a", "b", "c"), used)
    assert used == {1, 3}
