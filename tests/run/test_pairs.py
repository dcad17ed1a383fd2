"""Runs every script of this folder and compares what it prints.

A script NAME.stp stands beside NAME.out, its standard output, and where they are not empty NAME.args (the script's
arguments, quoted as for a shell), NAME.err (standard error) and NAME.rc (exit status, 0 without it). The script's
leading comment may say

    # guest: yes         run it natively and in the guest kernels; `only`: not natively; `thorough`: see tests/vm
    # options: -g -w     options for stap

The expected files are complete: a surplus or missing line fails, on standard error too. Scripts are run in this
folder, so that messages name them without a path.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.command import run_stap

_FOLDER = Path(__file__).parent
_HEADER = re.compile(r"#\s*(guest|options):\s*(.*)")
_MARKS = {
    "no": (),
    "yes": (pytest.mark.guest(native=True),),
    "thorough": (pytest.mark.guest(native=True, thorough=True),),
    "only": (pytest.mark.guest,),
}


def _header(script: Path) -> dict[str, str]:
    """The settings in a script's leading comment lines."""
    settings: dict[str, str] = {}
    for line in script.read_text().splitlines():
        if not line.startswith("#"):
            break
        if match := _HEADER.fullmatch(line.strip()):
            settings[match[1]] = match[2]
    return settings


def _scripts() -> list[object]:
    scripts = sorted(_FOLDER.rglob("*.stp"))
    return [
        pytest.param(script, id=str(script.relative_to(_FOLDER).with_suffix("")), marks=_MARKS[guest])
        for script in scripts
        for guest in [_header(script).get("guest", "no")]
    ]


def _expected(script: Path, suffix: str, default: str = "") -> str:
    path = script.with_suffix(suffix)
    return path.read_text() if path.exists() else default


@pytest.mark.parametrize("script", _scripts())
def test_pair(script: Path, tmp_path: Path) -> None:
    options = shlex.split(_header(script).get("options", ""))
    arguments = shlex.split(_expected(script, ".args"))
    result = run_stap(*options, script.name, *arguments, folder=tmp_path, cwd=script.parent, timeout=120)
    expected = _told(
        script.with_suffix(".out").read_text(), _expected(script, ".err"), int(_expected(script, ".rc", "0"))
    )
    assert _told(result.stdout, result.stderr, result.returncode) == expected


def _told(stdout: str, stderr: str, status: int) -> str:
    """All that a run tells as one text, so that a failure shows all of it."""
    return f"{stdout}--- standard error\n{stderr}--- status {status}"
