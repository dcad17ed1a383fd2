"""What becomes of whole scripts: types, widths, placement, storage, locks and events.

Each golden file holds a script, a line of dashes and the expected text. PYSTAP_UPDATE_GOLDEN=1 rewrites the texts.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .elaboration import described, elaborate_text

FILES = sorted((Path(__file__).parent / "golden").glob("*.txt"))
SEPARATOR = "-" * 40 + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_elaborated_program_is_as_expected(path: Path) -> None:
    script, _, expected = path.read_text().partition(SEPARATOR)
    program, diagnostics = elaborate_text(script)
    assert program is not None, [error.message for error in diagnostics.errors]
    got = described(program)
    if os.environ.get("PYSTAP_UPDATE_GOLDEN"):
        path.write_text(script + SEPARATOR + got)
    assert got == expected
