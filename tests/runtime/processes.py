"""Running an image in a process of its own, the way `staprun` does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pystap.abi.image_file import SUFFIX, to_bytes
from pystap.abi.session_image import SessionImage
from tests.command import environment

STAPRUN = (sys.executable, "-c", "import sys; from pystap.cli import staprun_main; sys.exit(staprun_main())")


def write_image(image: SessionImage, folder: Path, name: str = "test") -> str:
    path = folder / (name + SUFFIX)
    path.write_bytes(to_bytes(image))
    return str(path)


def start(image: SessionImage, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start `staprun` on an image; its output and errors come through pipes."""
    return subprocess.Popen(
        [*STAPRUN, *options, write_image(image, folder)],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run(image: SessionImage, folder: Path, *options: str, after: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Run an image to its end; returns the exit status, the output and the errors."""
    done = subprocess.run(
        [*STAPRUN, *options, write_image(image, folder), *after],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return once a condition holds; fail when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def read_line(process: subprocess.Popen[bytes]) -> str:
    """Return the next line of a process's output."""
    assert process.stdout is not None
    return process.stdout.readline().decode("latin-1")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
