"""The three measurements. Each returns one sample; the race repeats and interleaves them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import bpf
from tools import Tool

_TIMEOUT = 120.0  # seconds; SystemTap compiles a module
_POLL = 0.001
#: The poller makes this many system calls between two looks, and takes a program that ran that often for the counter.
_PROVOKED = 200
_COST_PROGRAM = Path(__file__).with_name("syscall_cost.c")
_COUNT_LINE = re.compile(r"@?\[?syscall_cost\]?\s*:\s*(\d+)")


class MeasurementFailed(Exception):
    """A tool did not do its job; the message ends with what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class CostSample:
    """Nanoseconds a call of each batch, and the share of the calls that the tool counted (1.0: all; None: untraced)."""

    batches: list[float]
    counted: float | None


def environment(tool: Tool, cache: Path) -> dict[str, str]:
    """The variables a tool runs with: its own cache, and Python free to keep byte code as it is by default."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return variables | ({tool.cache: str(cache)} if tool.cache else {})


def time_to_hello(tool: Tool, cache: Path) -> float:
    """Seconds from starting the command to reading its first output, the word "hello"."""
    assert tool.hello is not None
    start = time.perf_counter()
    with _running(tool.hello, environment(tool, cache)) as (process, errors):
        _read_until(process, b"hello", errors)
        return time.perf_counter() - start


def time_to_live(tool: Tool, cache: Path) -> float:
    """Seconds from starting the count of all system calls to its counting."""
    start = time.perf_counter()
    if tool.live is not None:
        with _running(tool.live, environment(tool, cache)) as (process, errors):
            _read_until(process, b"live", errors)
            return time.perf_counter() - start
    assert tool.count is not None
    with _counting(tool, cache):
        return time.perf_counter() - start


def cost(tool: Tool | None, cache: Path, program: Path, cpu: int, batches: int, calls: int) -> CostSample:
    """Time `batches` loops of `calls` getppid(2) each, pinned to `cpu`, while `tool` counts them (None: untraced)."""
    command = [str(program), str(cpu), str(batches), str(calls)]
    if tool is None:
        return CostSample(_batches(command), None)
    with _counting(tool, cache) as (process, errors):
        measured = _batches(command)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=_TIMEOUT)
    counts = [int(count) for count in _COUNT_LINE.findall(output.decode(errors="replace"))]
    if not counts:
        raise MeasurementFailed(f"{tool.name} printed no count of syscall_cost: {_text(errors)}")
    return CostSample(measured, min(1.0, sum(counts) / (batches * calls)))


@contextlib.contextmanager
def compiled_cost_program() -> Iterator[Path]:
    """`syscall_cost`, compiled with the machine's C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MeasurementFailed("the cost of a call is measured by a C program, and there is no C compiler")
    with tempfile.TemporaryDirectory(prefix="pystap-bench-") as folder:
        program = Path(folder) / "syscall_cost"
        subprocess.run([compiler, "-O2", "-o", str(program), str(_COST_PROGRAM)], check=True)
        yield program


def _batches(command: Sequence[str]) -> list[float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


@contextlib.contextmanager
def _counting(tool: Tool, cache: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """The tool, counting by now, its run statistics off again."""
    assert tool.count is not None
    before = bpf.last_program_id()
    with contextlib.ExitStack() as statistics:
        if tool.live is None:
            statistics.enter_context(bpf.run_statistics())
        with _running(tool.count, environment(tool, cache)) as (process, errors):
            if tool.live is None:
                _wait_for_program(process, before, errors)
            else:
                _wait_for_module(process, errors)
            statistics.close()
            yield process, errors


def _wait_for_program(process: subprocess.Popen[bytes], before: int, errors: IO[bytes]) -> None:
    """Until a program that `process` or a child of it holds, loaded after `before`, runs at system calls.

    However it is attached, a program that counts system calls runs at those made here.
    """
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        for _ in range(_PROVOKED):
            os.getppid()
        running = {program for program in bpf.program_ids(before) if bpf.run_count(program) >= _PROVOKED}
        if running and running & bpf.held_programs(process.pid):
            return
        time.sleep(_POLL)
    raise MeasurementFailed(f"no program of it ever ran: {_text(errors)}")


def _wait_for_module(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Until the module of a SystemTap run is loaded, and a second for its probes."""
    name = re.compile(rb"^stap_\w+", re.MULTILINE)
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        if name.search(Path("/proc/modules").read_bytes()):
            time.sleep(1)
            return
        time.sleep(0.01)
    raise MeasurementFailed(f"its module was never loaded: {_text(errors)}")


@contextlib.contextmanager
def _running(command: Sequence[str], variables: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A started command and the file its standard error goes to; ended when the context ends, kindly at first."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=variables,
            start_new_session=True,
        )
        try:
            yield process, errors
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=20)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _read_until(process: subprocess.Popen[bytes], word: bytes, errors: IO[bytes]) -> None:
    assert process.stdout is not None
    seen = b""
    while word not in seen:
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            raise MeasurementFailed(f"ended without printing {word.decode()!r}: {_text(errors)}")
        seen += piece


def _text(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return " / ".join(lines[-3:]) or "it wrote no error"
