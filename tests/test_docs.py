"""The documentation's commands print what it says they print, and docs/functions.md is up to date.

A ```console block holds commands behind "$ " (continued behind "> "), each followed by its output, errors included.
Set PYSTAP_UPDATE_DOCS=1 to write what the commands print now into the files. Blocks with any other name (`text`, `sh`)
are not run. Whether a command's target outlives the script depends on the machine's load, so the line that says so is
left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, STAP, environment

PAGES = sorted((ROOT / "docs").glob("*.md"))
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


def commands_of(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each as its lines in the page and the output below it."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line, ""))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1] = (found[-1][0] + line, "")
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def run(lines: str, folder: Path) -> str:
    """Run a command as a shell would, in `folder`; returns output and errors as one text."""
    command = "\n".join(line[2:] for line in lines.splitlines())
    path = f"{Path(STAP[0]).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(folder) | {"PATH": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout.replace("Waiting for processes to exit\n", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    text = page.read_text()

    def rewritten(match: re.Match[str]) -> str:
        return "".join(lines + run(lines, tmp_path) for lines, _ in commands_of(match.group()))

    now = _BLOCK.sub(rewritten, text)
    if os.environ.get("PYSTAP_UPDATE_DOCS"):
        page.write_text(now)
    assert now == text or os.environ.get("PYSTAP_UPDATE_DOCS")


def test_every_relative_link_leads_somewhere() -> None:
    for page in (*PAGES, ROOT / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_list_of_functions_is_up_to_date() -> None:
    script = ROOT / "scripts" / "make_function_docs.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
