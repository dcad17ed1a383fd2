"""What tracing system calls costs the program that makes them.

1. handler: what a handler on three calls adds to every other call, against an empty program on the same tracepoint.
2. tracing: how much slower a busy program gets while each of its calls is printed, by pystap, strace and perf trace.

Every round goes through all rows before the next one starts, so that a slow spell of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpf
from measure import MeasurementFailed

_HERE = Path(__file__).resolve().parent
_TIMEOUT = 300.0
EMPTY_STP = 'probe begin { println("live") } probe syscall.* { }'
THREE_STP = """global opened, closed, made
probe begin { println("live") }
probe syscall.openat { opened++ }
probe syscall.close { closed++ }
probe syscall.mkdir { made++ }
probe end { printf("%d %d %d\\n", opened, closed, made) }"""
TRACE_STP = """probe syscall.*.return { if (pid() == target()) printf("%s(%s) = %s\\n", name, argstr, retstr) }"""


@contextmanager
def compiled() -> Iterator[tuple[Path, Path]]:
    """The two programs whose calls are traced: syscall_cost and busy."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MeasurementFailed("there is no C compiler")
    with tempfile.TemporaryDirectory(prefix="pystap-bench-") as folder:
        names = ("syscall_cost", "busy")
        for name in names:
            subprocess.run([compiler, "-O2", "-o", f"{folder}/{name}", _HERE / f"{name}.c"], check=True)
        yield Path(folder, names[0]), Path(folder, names[1])


@contextmanager
def _session(stap: str, script: str) -> Iterator[None]:
    """A pystap session whose probes are attached."""
    before = bpf.last_program_id()
    process = subprocess.Popen([stap, "-e", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "live\n":
            raise MeasurementFailed("the session did not start")
        if not set(bpf.program_ids(before)) & bpf.held_programs(process.pid):
            raise MeasurementFailed("the session has no program")
        yield
    finally:
        process.send_signal(2)
        process.communicate(timeout=_TIMEOUT)


def handler_cost(stap: str, program: Path, rounds: int, batches: int, calls: int) -> dict[str, float]:
    """Nanoseconds of one getppid(2): the smallest batch of each row."""
    cpu = max(os.sched_getaffinity(0))
    best: dict[str, float] = {}

    def sample(row: str) -> None:
        done = subprocess.run([program, str(cpu), str(batches), str(calls)], capture_output=True, text=True, check=True)
        best[row] = min([best.get(row, float("inf")), *map(float, done.stdout.split())])

    for _ in range(rounds):
        sample("untraced")
        for row, script in (("empty program", EMPTY_STP), ("three calls", THREE_STP)):
            with _session(stap, script):
                sample(row)
    return best


def _took(errors: str) -> float:
    """Return the seconds that `busy` says it took."""
    found = re.search(r"^(\d+) \d+$", errors, re.MULTILINE)
    if found is None:
        raise MeasurementFailed(f"the traced program did not end: {errors.strip()[-300:]}")
    return int(found[1]) / 1e9


def _run(command: Sequence[str | Path]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
    return _took(done.stderr)


def tracing_cost(stap: str, program: Path, rounds: int, calls: int, spins: int) -> dict[str, dict[str, float]]:
    """Return, for each tracer, microseconds a call, calls a second, and the shares of calls printed and lost."""
    busy = [str(program), str(calls), str(spins)]
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="pystap-bench-") as folder:
        output = Path(folder, "output")
        tracers: dict[str, Callable[[], float]] = {
            "untraced": lambda: _run(busy),
            "pystap": lambda: _pystap(stap, busy, output),
            "strace": lambda: _run(["strace", "-o", output, *busy]),
            "perf trace": lambda: _run(["perf", "trace", "-o", output, *busy]),
        }
        for row in list(tracers):
            command = row.split()[0]
            if row not in ("untraced", "pystap") and shutil.which(command) is None:
                del tracers[row]
        for _ in range(rounds):
            for row, run in tracers.items():
                output.unlink(missing_ok=True)
                took = run()
                known = rows.setdefault(row, {"us": float("inf")})
                if took * 1e6 / calls < known["us"]:
                    known["us"] = took * 1e6 / calls
                    known["per second"] = calls / took
                    known |= _printed(output, calls)
    return rows


_lost = 0


def _pystap(stap: str, busy: Sequence[str], output: Path) -> float:
    global _lost
    command = [stap, "-o", str(output), "-e", TRACE_STP, "-c", " ".join(busy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
    warned = re.search(r"(\d+)[^\n]*(?:lost|missed|skipped)|(?:lost|missed|skipped)[^\n]*?(\d+)", done.stderr)
    _lost = int(warned[1] or warned[2]) if warned else 0
    return _took(done.stderr)


def _printed(output: Path, calls: int) -> dict[str, float]:
    if not output.exists():
        return {}
    lines = output.read_bytes().count(b"\n")
    return {"printed": lines / calls, "lost": _lost / calls}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=50, help="timed loops in a round (handler)")
    parser.add_argument("--calls", type=int, default=10_000, help="system calls in a loop (handler)")
    parser.add_argument("--busy-calls", type=int, default=120_000, help="system calls of the busy program (tracing)")
    parser.add_argument("--spins", type=int, default=5300, help="work between two of them, in turns of a loop")
    parser.add_argument("--only", choices=("handler", "tracing"))
    parser.add_argument("--stap", default=str(_HERE.parent / ".venv" / "bin" / "stap"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, object] = {}
    with compiled() as (cost, busy):
        if options.only != "tracing":
            result["handler"] = handler_cost(options.stap, cost, options.rounds, options.batches, options.calls)
        if options.only != "handler":
            result["tracing"] = tracing_cost(options.stap, busy, options.rounds, options.busy_calls, options.spins)
    if options.json:
        print(json.dumps(result, indent=1))
        return 0
    handler = result.get("handler")
    if isinstance(handler, dict):
        print("a call that no handler wants [ns, smallest batch]")
        for row, best in handler.items():
            print(f"  {row:15} {best:8.1f}")
        print(f"  three calls - empty program: {handler['three calls'] - handler['empty program']:.1f}")
    tracing = result.get("tracing")
    if isinstance(tracing, dict):
        print("a busy program, every call printed [us a call, fastest round]")
        base = tracing["untraced"]["us"]
        ours = tracing["pystap"]["us"] - base
        for row, known in tracing.items():
            added = known["us"] - base
            shares = f"  printed {known['printed']:.2%}, lost {known['lost']:.2%}" if "printed" in known else ""
            times = f"  {added / ours:6.1f}x pystap's" if row not in ("untraced", "pystap") else ""
            print(
                f"  {row:12} {known['us']:9.2f}  added {added:9.2f}  {known['per second']:9.0f} a second{shares}{times}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
