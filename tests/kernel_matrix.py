"""The table of docs/kernels.md, read and written: a row for what kernels differ in, a column for each kernel."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "kernels.md"
PROPERTY = "kernel matrix"
UNKNOWN = "?"
"""Stands where a row is newer than the column."""
_TABLE = re.compile(r"(?<=^<!-- matrix: ).*?(?=^<!-- end of matrix -->$)", re.DOTALL | re.MULTILINE)

Columns = dict[str, dict[str, str]]
"""For each kernel the answers, by row."""


def columns() -> Columns:
    """The table as it stands."""
    found = _TABLE.search(PAGE.read_text())
    assert found is not None, "docs/kernels.md has no matrix"
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in found.group().splitlines()
        if line.startswith("|")
    ]
    if not rows:
        return {}
    names = rows[0][1:]
    return {name: {row[0]: row[1 + index] for row in rows[2:]} for index, name in enumerate(names)}


def column_of(name: str) -> dict[str, str] | None:
    return columns().get(name)


def write(name: str, answers: dict[str, str]) -> None:
    """Put a column into the table; the others stay, with a "?" in rows that they have not."""
    table = columns() | {name: answers}
    names = sorted(table, key=lambda column: [int(part) for part in column.partition(",")[0].split(".")])
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [
        "| " + " | ".join([row, *(table[column].get(row, UNKNOWN) for column in names)]) + " |" for row in answers
    ]
    text = PAGE.read_text()
    head = _TABLE.search(text)
    assert head is not None
    command = head.group().splitlines()[0]
    new = "\n".join([command, "", *lines, "", ""])
    PAGE.write_text(text[: head.start()] + new + text[head.end() :])
