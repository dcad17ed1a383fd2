"""Comparing version numbers and matching wildcards as the C library does."""

from __future__ import annotations


def compare_versions(a: str, b: str) -> int:
    """Return less than, equal to or greater than 0 as version `a` is older than, the same as or newer than `b`.

    The order is that of strverscmp(3): the texts are compared character by character, but where they first differ
    inside numbers, the numbers are compared; a number that begins with zeros counts as a fraction ("01" < "1").
    """
    at = 0
    while at < len(a) and at < len(b) and a[at] == b[at]:
        at += 1
    if at == len(a) and at == len(b):
        return 0
    start = at
    while start and _is_digit(a[start - 1]):
        start -= 1
    number_a, number_b = _digits(a, start), _digits(b, start)
    common = a[start:at]
    if number_a[:1] > "0" and number_b[:1] > "0":
        if len(number_a) != len(number_b):
            return len(number_a) - len(number_b)
    elif common and not common.strip("0") and (_is_digit(a[at : at + 1]) or _is_digit(b[at : at + 1])):
        # Behind equal zeros a further digit makes the fraction smaller than anything else that follows.
        return _rank(a, at) - _rank(b, at)
    return _code(a, at) - _code(b, at)


def matches(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern of fnmatch(3), in full and by exact case."""
    if not any(char in pattern for char in "*?["):
        return text == pattern
    from fnmatch import fnmatchcase

    return fnmatchcase(text, pattern)


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9"


def _digits(text: str, start: int) -> str:
    end = start
    while end < len(text) and _is_digit(text[end]):
        end += 1
    return text[start:end]


def _code(text: str, at: int) -> int:
    return ord(text[at]) if at < len(text) else 0


def _rank(text: str, at: int) -> int:
    char = text[at : at + 1]
    return ord(char) - 256 if _is_digit(char) else _code(text, at)
