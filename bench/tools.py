"""The tools in the race and what each is told to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

HELLO_STP = 'probe begin { print("hello\\n") exit() }'
COUNT_STP = """global counts
probe syscall.* { counts[execname()]++ }
probe end { foreach (name in counts) printf("%s : %d\\n", name, counts[name]) }"""
#: A tool that is no eBPF program says itself when its first hit is counted; the timer's period is the resolution.
COUNT_LIVE_STP = """global counts
probe syscall.* { counts[execname()]++ }
probe timer.ms(1) { foreach (name in counts) { print("live\\n") exit() } }"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the race drives it.

    `count` counts system calls by process name and prints "NAME: N" or "NAME : N" lines on SIGINT. `live` is the same
    job ending by itself with the word "live", for tools whose start cannot be seen in the kernel's program list.
    `cache` names the environment variable that moves the tool's cache, "" where it has none.
    """

    name: str
    hello: tuple[str, ...] | None
    count: tuple[str, ...] | None
    live: tuple[str, ...] | None = None
    cache: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A tool that does not take part, and why."""

    name: str
    reason: str


def find_tools(stap: str | None, bpftraces: Sequence[str], alone: bool) -> tuple[list[Tool], list[Absent]]:
    """pystap first, then whatever else is installed, unless it is to run `alone`.

    The other arguments name programs to use instead of those found; there may be several bpftraces.
    """
    candidates = [_pystap(stap)]
    if not alone:
        candidates += [tool for path in bpftraces or ["bpftrace"] for tool in _bpftrace(path)]
        candidates.append(_systemtap())
    tools = [found for found in candidates if isinstance(found, Tool)]
    return tools, [found for found in candidates if isinstance(found, Absent)]


def _pystap(stap: str | None) -> Tool | Absent:
    path = stap or str(_ROOT / ".venv" / "bin" / "stap")
    if not Path(path).exists():
        return Absent("pystap", f"{path} is not there (scripts/run makes it)")
    return Tool("pystap", (path, "-e", HELLO_STP), (path, "-e", COUNT_STP), cache="PYSTAP_CACHE_DIR")


def _bpftrace(command: str) -> list[Tool | Absent]:
    path = shutil.which(command)
    if path is None:
        return [Absent(command, "not installed")]
    version = subprocess.run([path, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    name = version.strip().replace("bpftrace v", "bpftrace ") or command
    found: list[Tool | Absent] = [Tool(name, (path, "-e", 'BEGIN { printf("hello\\n"); exit(); }'), None)]
    # The kinds of probe are rivals of their own: the raw one is cheaper, the other is what old versions have.
    for probe in ("rawtracepoint:sys_enter", "tracepoint:raw_syscalls:sys_enter"):
        row = f"{name} {probe.partition(':')[0]}"
        script = f"{probe} {{ @[comm] = count(); }}"
        refusal = _bpftrace_refusal(path, script)
        found.append(Absent(row, refusal) if refusal else Tool(row, None, (path, "-e", script)))
    return found


def _bpftrace_refusal(path: str, script: str) -> str:
    """Why this bpftrace does not take the script; "" when it does. The trial is --dry-run, once -d."""
    trial = subprocess.CompletedProcess[str]((), 1)
    for option in ("--dry-run", "-d"):
        command = [path, option, "-e", script]
        trial = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if "unrecognized option" not in trial.stderr:
            break
    return "" if trial.returncode == 0 else _last_line(trial.stderr)


def _systemtap() -> Tool | Absent:
    path = shutil.which("stap", path="/usr/bin:/usr/local/bin")
    if path is None:
        return Absent("SystemTap", "not installed")
    trial = subprocess.run([path, "-e", HELLO_STP], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if trial.returncode != 0:
        return Absent("SystemTap", f"hello world does not run on this kernel: {_first_error(trial.stderr)}")
    live = (path, "-e", COUNT_LIVE_STP)
    return Tool("SystemTap", (path, "-e", HELLO_STP), (path, "-e", COUNT_STP), live, cache="SYSTEMTAP_DIR")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "fails without a message"


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "failed" in line.lower() or "error" in line.lower()]
    return lines[0].strip() if lines else _last_line(text)
