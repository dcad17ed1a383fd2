"""A `stap` process while it runs: when it is live, what it holds in the kernel, how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from pystap.loader.syscalls import Command, next_id
from tests.command import GUEST_PATIENCE, STAP, environment, in_guest

_OBJECTS = {
    "prog_id": Command.PROG_GET_NEXT_ID,
    "map_id": Command.MAP_GET_NEXT_ID,
    "link_id": Command.LINK_GET_NEXT_ID,
}
KernelObject = tuple[str, int]


def _patient(seconds: float) -> float:
    return seconds * GUEST_PATIENCE if in_guest() else seconds


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once a condition holds; fail when it does not within `seconds` (of a native run)."""
    end = time.monotonic() + _patient(seconds)
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def exists(kernel_object: KernelObject) -> bool:
    """Whether the kernel still has a program, map or link of this id."""
    kind, number = kernel_object
    return next_id(_OBJECTS[kind], number - 1) == number


class Running:
    """`stap` with these arguments, its output in pipes. A context manager: leaving it ends the process."""

    def __init__(self, folder: Path, *arguments: str, cwd: Path | None = None, command: Sequence[str] = STAP) -> None:
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def kernel_objects(self) -> set[KernelObject]:
        """The programs, maps and links that the process has descriptors of now."""
        found: set[KernelObject] = set()
        for path in Path(f"/proc/{self.process.pid}/fdinfo").glob("*"):
            try:
                text = path.read_text()
            except FileNotFoundError:
                continue
            found.update((kind, int(number)) for kind, number in re.findall(r"^(\w+_id):\s*(\d+)$", text, re.M))
        return {(kind, number) for kind, number in found if kind in _OBJECTS}

    def wait_until_live(self) -> None:
        """Return when a probe is attached. Only for scripts whose programs hang on links."""
        wait_for(lambda: self.process.poll() is not None or any(k == "link_id" for k, _ in self.kernel_objects()))
        assert self.process.poll() is None, self.process.communicate()

    def line(self) -> str:
        """The next line of output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def message(self) -> str:
        """The next line of standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """Wait for the end; returns the exit status and the rest of output and messages."""
        output, messages = self.process.communicate(timeout=_patient(timeout))
        return self.process.returncode, output, messages
