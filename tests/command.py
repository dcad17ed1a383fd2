"""The `stap` command as the tests run it: a process of its own, with none of the user's settings or caches."""

from __future__ import annotations

import contextlib
import io
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent

#: The command's words. The installed entry point is used where there is one: it is what users start.
_ENTRY_POINT = Path(sys.executable).parent / "stap"
STAP: tuple[str, ...] = (str(_ENTRY_POINT),) if _ENTRY_POINT.exists() else (sys.executable, "-m", "pystap")


GUEST_PATIENCE = 5
"""How much longer than natively a test waits in a guest before it gives up."""


def environment(folder: Path) -> dict[str, str]:
    """The environment for a `stap` process that keeps its cache and finds its settings below `folder`."""
    own = {"PYSTAP_CACHE_DIR": str(folder / "cache"), "SYSTEMTAP_DIR": str(folder / "systemtap"), "LC_ALL": "C.UTF-8"}
    return os.environ | own | {"PYTHONPATH": str(ROOT / "src")}


@cache
def in_guest() -> bool:
    """Whether this is an emulated guest kernel (tests/vm), where everything takes some fifty times as long."""
    return "virtme" in Path("/proc/cmdline").read_text()


def run_stap(
    *arguments: str, folder: Path, cwd: Path | None = None, timeout: float = 60, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `stap` to its end and give its output as text. `folder` is for its files, `timeout` in seconds.

    In a guest, where a Python takes ten seconds to start, it is a fork of this process instead of a new one.
    """
    if in_guest():
        return _run_forked(arguments, environment(folder), cwd, timeout * GUEST_PATIENCE, stdin)
    command: Sequence[str] = [*STAP, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(folder), input=stdin, capture_output=True, text=True, timeout=timeout
    )


@cache
def _import_everything() -> None:
    """Load all that `stap` may need, once, for all forks."""
    import llvmlite.binding  # noqa: F401

    import pystap

    for module in pkgutil.walk_packages(pystap.__path__, "pystap."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def _run_forked(
    arguments: Sequence[str], settings: dict[str, str], cwd: Path | None, timeout: float, stdin: str
) -> subprocess.CompletedProcess[str]:
    _import_everything()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin.encode())
        files[0].seek(0)
        pid = os.fork()
        if pid == 0:
            _become_stap(arguments, settings, cwd, files)
        end = time.monotonic() + timeout
        while not (found := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise subprocess.TimeoutExpired(["stap", *arguments], timeout, *map(_text, files[1:]))
            time.sleep(0.02)
        status = os.waitstatus_to_exitcode(found[1])
        return subprocess.CompletedProcess(["stap", *arguments], status, *map(_text, files[1:]))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _become_stap(
    arguments: Sequence[str], settings: dict[str, str], cwd: Path | None, files: Sequence[IO[bytes]]
) -> NoReturn:
    """In the forked child: take the place of a freshly started command. Never returns."""
    status = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        os.closerange(3, 4096)  # as a new process would be started: a traced program counts on free numbers
        sys.stdin, sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(number, mode, closefd=False), encoding="utf-8", write_through=mode == "w")
            for number, mode in enumerate(("r", "w", "w"))
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(settings)
        os.chdir(cwd or Path.cwd())
        sys.argv = ["stap", *arguments]
        from pystap.cli import main

        status = main()
        sys.stdout.flush()
    finally:
        os._exit(status)
