"""Faulty scripts, each expected message beside the faulty line: missing and surplus errors both fail.

In the files below errors/, `### text` at the end of a line expects an error on that line whose message holds the text.
Scripts in a file are divided by lines of dashes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .elaboration import elaborate_text

FILES = sorted((Path(__file__).parent / "errors").glob("*.stp"))


def scripts() -> list[tuple[str, str]]:
    found = []
    for path in FILES:
        texts = path.read_text().split("-" * 40 + "\n")
        found.extend((f"{path.stem}-{number}", text) for number, text in enumerate(texts))
    return found


@pytest.mark.parametrize(("name", "script"), scripts(), ids=[name for name, _ in scripts()])
def test_each_error_is_reported_at_its_line_and_no_other(name: str, script: str) -> None:
    expected: list[tuple[int, str]] = []
    for number, line in enumerate(script.splitlines(), 1):
        expected.extend((number, message.strip()) for message in line.split("###")[1:])
    assert expected, name
    clean = "\n".join(line.split("###")[0] for line in script.splitlines())
    program, diagnostics = elaborate_text(clean)
    assert program is None
    got = [(error.span.line if error.span else 0, error.message) for error in diagnostics.errors]
    for line, message in expected:
        assert any(at == line and message in text for at, text in got), (line, message, got)
    surplus = [row for row in got if not any(row[0] == line and message in row[1] for line, message in expected)]
    assert not surplus
