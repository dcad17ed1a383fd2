"""A small kernel module with debuginfo for the guest tests, built here, where that takes seconds, before a guest boots.

A guest kernel whose headers are not installed (linux-headers-RELEASE) has none; the tests that need it are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAME = "pystap_known"
SOURCE = Path(__file__).parent / "module" / f"{NAME}.c"
_BUILT = Path(__file__).parent / "built"


def module_for(release: str) -> Path | None:
    """The built module for a kernel, None when there is none."""
    path = _BUILT / release / f"{NAME}.ko"
    return path if path.exists() else None


def build(release: str) -> None:
    """Build the module for a kernel whose headers are here, unless it is there already."""
    headers = Path(f"/usr/src/linux-headers-{release}")
    folder = _BUILT / release
    target = folder / f"{NAME}.ko"
    if not headers.exists() or (target.exists() and target.stat().st_mtime >= SOURCE.stat().st_mtime):
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCE, folder)
    (folder / "Makefile").write_text(f"obj-m := {NAME}.o\nccflags-y := -g\n")
    command = ["make", "-C", str(headers), f"M={folder}", "modules"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
    if done.returncode:
        print(f"cannot build {NAME} for {release}: {done.stderr[-500:]}")
