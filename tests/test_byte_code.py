"""The file with the byte code of all modules: written by the first start, used by the next, never out of date."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pystap

#: Prints how many modules of the package came from the file and how many did not, but for the three before it.
COUNT = """
import atexit, os, sys
if "BEHIND" in os.environ:  # the package's folder behind the standard library, as for the installed commands
    parent = os.environ["PYTHONPATH"]
    sys.path[:] = [path for path in sys.path if path and path != parent]
    sys.path.insert(2, parent)
def say():
    kinds = [type(module.__loader__).__name__ for name, module in sys.modules.items() if name.startswith("pystap.")]
    print(kinds.count("_Loader"), kinds.count("SourceFileLoader") - 3, type(sys.modules["re"].__loader__).__name__,
          file=sys.stderr)
atexit.register(say)
from pystap.start import stap
sys.exit(stap())
"""


class Copy:
    """A copy of the package in a folder, and what it says on a start."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "pystap"
        shutil.copytree(Path(pystap.__file__).parent, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.file = self.package / "__pycache__" / f"together.{sys.implementation.cache_tag}"

    def run(self, *options: str, **settings: str) -> tuple[str, int, int]:
        """Return what it printed, and how many modules came from the file and elsewhere."""
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        ended = subprocess.run(
            [sys.executable, *options, "-c", COUNT, "-p2", "-e", "probe begin { exit() }"],
            env=environment | {"PYTHONPATH": str(self.package.parent)} | settings,
            capture_output=True, text=True, check=True, cwd=self.package.parent,
        )  # fmt: skip
        together, apart, self.loader_of_re = ended.stderr.split()
        return ended.stdout, int(together), int(apart)


@pytest.fixture
def copied(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_second_start_takes_all_from_the_file(copied: Copy) -> None:
    first, together, apart = copied.run()
    assert together == 0
    assert apart > 60
    written = copied.file.stat().st_mtime_ns
    assert copied.run() == (first, apart, 0)
    assert copied.file.stat().st_mtime_ns == written

    phases = copied.package / "probes" / "phases.py"
    phases.write_text(phases.read_text() + "print('changed')\n")
    text, together, others = copied.run()
    assert (text.splitlines()[0], together, others) == ("changed", apart - 1, 1)
    assert copied.run() == (text, apart, 0)

    whole = copied.file.read_bytes()
    for broken in (b"", whole[:30], whole[:-1], whole[:100], b"x" + whole[1:]):
        copied.file.write_bytes(broken)
        assert copied.run(PYTHONDONTWRITEBYTECODE="1") == (text, 0, apart)
        assert copied.file.read_bytes() == broken
    assert copied.run("-O") == (text, 0, apart)
    assert [path.name for path in copied.file.parent.glob("together*")] == [copied.file.name]


def test_the_standard_library_too_where_nothing_can_take_its_place(copied: Copy) -> None:
    own, theirs = "_Loader", "SourceFileLoader"
    for settings, loader in (({}, theirs), ({"BEHIND": "1"}, theirs), ({"BEHIND": "1"}, own), ({}, theirs)):
        copied.run(**settings)
        assert copied.loader_of_re == loader
    phases = copied.package / "probes" / "phases.py"
    phases.write_text(phases.read_text() + "\n")
    for settings, loader in (({}, theirs), ({"BEHIND": "1"}, own)):
        copied.run(**settings)  # the first writes the file anew, with what it cannot use
        assert copied.loader_of_re == loader


def test_copied_elsewhere_it_is_not_used(copied: Copy, tmp_path: Path) -> None:
    _, _, apart = copied.run()
    other = Copy(tmp_path / "other")
    shutil.copytree(copied.package, other.package, dirs_exist_ok=True)
    assert other.run()[1:] == (0, apart)


def test_what_cannot_be_written_is_left(copied: Copy) -> None:
    (copied.package / "__pycache__").write_text("no folder")
    assert copied.run()[1] == 0
    assert copied.run()[1] == 0
