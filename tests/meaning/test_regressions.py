"""Scripts that once meant different things on the two targets, or that the kernel refused. They must agree now.

Each was found by run_many and made small by shrink. `# late` in the first line: events are read late.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .both import KERNEL, compare

_SCRIPTS = sorted((Path(__file__).parent / "regressions").glob("*.stp"))
_GLOBAL = re.compile(r"^global (\w+)", re.MULTILINE)


@pytest.mark.guest(native=True, thorough=True)
@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("late", [False, True], ids=["at_once", "late"])
@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_means_the_same(script: Path, late: bool, old: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KERNEL, "old", old)
    text = script.read_text()
    tally = compare([(text, _GLOBAL.findall(text))], late=late)
    assert not tally.differences, str(tally.differences[0])
    assert not tally.refused
