"""The `stap` command as the tests run it: a process of its own, with none of the user's settings or caches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The command's words. The installed entry point is used where there is one: it is what users start.
_ENTRY_POINT = Path(sys.executable).parent / "stap"
STAP: tuple[str, ...] = (str(_ENTRY_POINT),) if _ENTRY_POINT.exists() else (sys.executable, "-m", "pystap")


def environment(folder: Path) -> dict[str, str]:
    """The environment for a `stap` process that keeps its cache and finds its settings below `folder`."""
    own = {"PYSTAP_CACHE_DIR": str(folder / "cache"), "SYSTEMTAP_DIR": str(folder / "systemtap"), "LC_ALL": "C.UTF-8"}
    return os.environ | own | {"PYTHONPATH": str(ROOT / "src")}


def run_stap(
    *arguments: str, folder: Path, cwd: Path | None = None, timeout: float = 60, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `stap` to its end and give its output as text. `folder` is for its files, `timeout` in seconds."""
    command: Sequence[str] = [*STAP, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(folder), input=stdin, capture_output=True, text=True, timeout=timeout
    )
