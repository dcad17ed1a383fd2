"""Work on the parts of a large file, spread over processes.

two halves of .debug_info  ->  a child process searches the second, this one the first  ->  what both found
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

Share = TypeVar("Share")
_MOST = 4
_SIGKILL = 9


def processes() -> int:
    """Return over how many processes work may be spread: a program with threads is not forked."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def in_processes(shares: Sequence[Share], work: Callable[[Share], list[Any]]) -> list[Any]:
    """Return what `work` gives for all shares, in their order: what `marshal` can write.

    The first share is done here, each other by a forked child. What a child cannot do is done here, too, so that its
    error appears; all of it where no process can be made.
    """
    children: list[_Child] = []
    try:
        with suppress(OSError):
            for share in shares[1:]:
                children.append(_Child(share, work))  # noqa: PERF401 - those made before an error must be known
        found = list(work(shares[0]))
        for number, share in enumerate(shares[1:]):
            rows = children[number].result() if number < len(children) else None
            found += rows if rows is not None else work(share)
        return found
    finally:
        for child in children:
            child.end()


class _Child:
    """A forked process that does one share and ends."""

    def __init__(self, share: Share, work: Callable[[Share], list[Any]]) -> None:
        self._output = os.memfd_create("found")
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._output)
            raise
        if self._pid == 0:
            status = 1
            try:
                with open(self._output, "wb", closefd=False) as file:
                    file.write(marshal.dumps(work(share)))
                status = 0
            finally:
                os._exit(status)

    def result(self) -> list[Any] | None:
        """Wait, and return what it found; None when it failed."""
        status = os.waitpid(self._pid, 0)[1]
        self._pid = 0
        if status:
            return None
        with open(self._output, "rb", closefd=False) as file:
            file.seek(0)
            found: list[Any] = marshal.loads(file.read())
            return found

    def end(self) -> None:
        """End the process where it was not waited for."""
        if self._pid:
            os.kill(self._pid, _SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
        os.close(self._output)
