"""Faulty scripts, each line with the message that it must cause and no other (`faulty.txt`).

The messages are those of SystemTap 4.8 for the same text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pystap.diagnostics import render
from tests.syntax.helpers import parse

CHUNKS = (Path(__file__).parent / "faulty.txt").read_text().split("---\n")


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda chunk: chunk.split("\n")[0][:40])
def test_each_faulty_line_has_its_message(chunk: str) -> None:
    expected: list[tuple[int, str]] = []
    lines: list[str] = []
    for number, line in enumerate(chunk.rstrip("\n").split("\n"), 1):
        code, *wanted = line.split(" ### ")
        lines.append(code)
        expected += [(number, message.strip()) for message in wanted]
    found = [
        (d.span.line, f"{d.message} | {d.subject}") for d in parse("\n".join(lines))[1].errors if d.span is not None
    ]
    assert found == expected


def test_rendered_with_source_and_caret() -> None:
    (error,) = parse("probe begin {\n\tx = ;\n}")[1].errors
    assert error.kind == "parse error"
    assert render(error).splitlines()[1:] == [
        "        saw: operator ';' at input.stp:2:6",
        "     source: \tx = ;",
        "             \t    ^",
    ]
