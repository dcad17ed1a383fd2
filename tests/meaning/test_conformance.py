"""A script for each chapter of the language reference, with its expected output, on both targets.

NN_NAME.stp belongs to chapter NN and stands beside NN_NAME.out. Its begin handlers run one after the other; for the
kernel target they are moved to system calls (`both.kernel_script`). A folder NN_tapset is its tapset library. Chapter
11 says where to read on and has nothing to run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .both import KERNEL, shown_by

_SCRIPTS = sorted((Path(__file__).parent / "conformance").glob("*.stp"))


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("user", marks=pytest.mark.guest(native=True, thorough=True)),
        pytest.param("kernel", marks=pytest.mark.guest(native=True)),
        pytest.param("old kernel", marks=pytest.mark.guest(native=True, thorough=True)),
    ],
)
@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_chapter(script: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code for an old kernel (Linux 5.10) has locks and loops of its own; newer kernels run it too."""
    monkeypatch.setattr(KERNEL, "old", target.startswith("old"))
    expected = script.with_suffix(".out").read_text(encoding="latin-1")
    tapset = script.with_name(script.name[:3] + "tapset")
    text = script.read_text(encoding="latin-1")
    assert shown_by(text, target != "user", tapset=tapset if tapset.is_dir() else None) == expected
