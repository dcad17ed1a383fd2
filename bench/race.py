"""Races pystap against whatever of bpftrace and SystemTap is installed, in one run on one machine.

1. hello: from the command to its first output, with an empty and with a filled cache.
2. count: from the command that counts all system calls by process to its counting.
3. cost: what that count adds to one system call, against an untraced loop.

Every repetition goes through all tools before the next one starts, so that a slow spell of the machine meets all of
them. Tables give minimum and median, and how many times the rival's median (cost: minimum) pystap takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import measure
from measure import CostSample, MeasurementFailed
from tools import Absent, Tool, find_tools

_US = "pystap"
_UNTRACED = "untraced"


@dataclass
class Table:
    """One measurement's samples by row (a tool, or a tool and the state of its cache), in `unit`."""

    title: str
    unit: str
    rows: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def sample(self, row: str, measurement: Callable[[Tool, Path], float], tool: Tool, cache: Path) -> None:
        """Take one sample of a measurement in seconds; a row that failed once is not tried again."""
        if row in self.failures:
            return
        try:
            self.rows.setdefault(row, []).append(measurement(tool, cache) * 1e3)
        except MeasurementFailed as error:
            self.failures[row] = str(error)
            self.rows.pop(row, None)

    def render(self, best: Callable[[list[float]], float]) -> str:
        """The table as text; the last column is pystap's row over this one, by `best` of the samples."""
        ours = {row: best(samples) for row, samples in self.rows.items() if row.startswith(_US)}
        width = max([len(row) for row in (*self.rows, *self.failures)], default=0)
        lines = [f"{self.title} [{self.unit}]", f"  {'':{width}}  {'min':>9}  {'median':>9}   n  pystap is"]
        for row, samples in self.rows.items():
            ratios = "" if row in ours else ", ".join(_ratio(name, us, best(samples)) for name, us in ours.items())
            lines.append(
                f"  {row:{width}}  {min(samples):9.1f}  {statistics.median(samples):9.1f}  {len(samples):2}  {ratios}"
            )
        lines += [f"  {row:{width}}  failed: {reason}" for row, reason in self.failures.items()]
        return "\n".join(line.rstrip() for line in lines)


def _ratio(name: str, ours: float, theirs: float) -> str:
    state = name.removeprefix(_US).strip(" ,")
    return f"{ours / theirs:.2f}x" + (f" ({state})" if state else "")


@contextmanager
def _caches(tools: list[Tool]) -> Iterator[dict[str, Path]]:
    """A cache folder of its own for every tool."""
    with tempfile.TemporaryDirectory(prefix="pystap-bench-") as folder:
        yield {tool.name: Path(folder) / str(number) for number, tool in enumerate(tools)}


def race_hello(tools: list[Tool], repetitions: int) -> Table:
    runners = [tool for tool in tools if tool.hello is not None]
    return _race_start("hello: command to first output", measure.time_to_hello, runners, repetitions)


def race_live(tools: list[Tool], repetitions: int) -> Table:
    runners = [tool for tool in tools if tool.count is not None]
    return _race_start("count of all system calls: command to live", measure.time_to_live, runners, repetitions)


def _race_start(title: str, measurement: Callable[[Tool, Path], float], tools: list[Tool], repetitions: int) -> Table:
    """Times starts, in ms: with an empty cache, then with what that start left in it."""
    table = Table(title, "ms")
    with _caches(tools) as caches:
        for _ in range(repetitions):
            for tool in tools:
                cache = caches[tool.name]
                if tool.cache:
                    shutil.rmtree(cache, ignore_errors=True)
                    table.sample(f"{tool.name}, cold", measurement, tool, cache)
                    table.sample(f"{tool.name}, warm", measurement, tool, cache)
                else:
                    table.sample(tool.name, measurement, tool, cache)
    return table


def race_cost(tools: list[Tool], repetitions: int, batches: int, calls: int) -> tuple[Table, dict[str, float]]:
    """The added nanoseconds of each batch, and the smallest share of the calls that each tool counted."""
    table = Table("count of all system calls: added to one call", "ns")
    untraced: list[float] = []
    batches_of: dict[str, list[float]] = {}
    counted: dict[str, float] = {}
    cpu = max(os.sched_getaffinity(0))
    runners: list[Tool | None] = [None, *(tool for tool in tools if tool.count is not None)]
    with _caches([tool for tool in runners if tool]) as caches, measure.compiled_cost_program() as program:
        for _ in range(repetitions):
            for tool in runners:
                name = tool.name if tool else _UNTRACED
                if name in table.failures:
                    continue
                try:
                    sample = measure.cost(tool, caches.get(name, Path()), program, cpu, batches, calls)
                except MeasurementFailed as error:
                    table.failures[name] = str(error)
                    continue
                _keep(sample, untraced if tool is None else batches_of.setdefault(name, []), name, counted)
    floor_min, floor_median = min(untraced), statistics.median(untraced)
    table.title += f" (untraced: min {floor_min:.1f}, median {floor_median:.1f})"
    # The smallest batch is the cost without the machine's other work: each is set against the smallest untraced one.
    table.rows = {name: [batch - floor_min for batch in found] for name, found in batches_of.items()}
    return table, counted


def _keep(sample: CostSample, batches: list[float], name: str, counted: dict[str, float]) -> None:
    batches += sample.batches
    if sample.counted is not None:
        counted[name] = min(counted.get(name, 1.0), sample.counted)


def _with_tracefs(arguments: list[str]) -> None:
    """bpftrace finds its tracepoints in tracefs. Where it is not mounted, start again in a mount namespace of ours."""
    if os.path.exists("/sys/kernel/tracing/events") or os.path.exists("/sys/kernel/debug/tracing/events"):
        return
    if "PYSTAP_BENCH_MOUNTED" in os.environ or shutil.which("unshare") is None or os.geteuid() != 0:
        return
    os.environ["PYSTAP_BENCH_MOUNTED"] = "1"
    mount = 'mount -t tracefs nodev /sys/kernel/tracing; mount -t debugfs nodev /sys/kernel/debug; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, os.path.abspath(__file__), *arguments]
    os.execvp(command[0], command)


def _report(tables: list[tuple[Table, Callable[[list[float]], float]]], absent: list[Absent], details: str) -> None:
    for table, best in tables:
        print(table.render(best), end="\n\n")
    print(details)
    for tool in absent:
        print(f"not in the race: {tool.name}: {tool.reason}")


def _as_json(tables: list[Table], counted: dict[str, float], absent: list[Absent]) -> str:
    document = {
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "tables": [
            {"title": table.title, "unit": table.unit, "samples": table.rows, "failures": table.failures}
            for table in tables
        ],
        "counted": counted,
        "absent": {tool.name: tool.reason for tool in absent},
    }
    return json.dumps(document, indent=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--batches", type=int, default=20, help="timed loops in a repetition (cost)")
    parser.add_argument("--calls", type=int, default=100_000, help="system calls in a loop (cost)")
    parser.add_argument("--only", choices=("hello", "count", "cost"), action="append", help="measure only this")
    parser.add_argument("--stap", help="the pystap command, instead of the virtual environment's")
    parser.add_argument("--bpftrace", action="append", help="a bpftrace command, instead of the one in PATH")
    parser.add_argument("--alone", action="store_true", help="measure pystap without any rival")
    parser.add_argument("--json", action="store_true", help="print every sample instead of tables")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("bench: needs root, as the tools do", file=sys.stderr)
        return 1
    _with_tracefs(sys.argv[1:])
    tools, absent = find_tools(options.stap, options.bpftrace or [], options.alone)
    wanted = options.only or ["hello", "count", "cost"]
    tables: list[tuple[Table, Callable[[list[float]], float]]] = []
    counted: dict[str, float] = {}
    if "hello" in wanted:
        tables.append((race_hello(tools, options.repetitions), statistics.median))
    if "count" in wanted:
        tables.append((race_live(tools, options.repetitions), statistics.median))
    if "cost" in wanted:
        table, counted = race_cost(tools, options.repetitions, options.batches, options.calls)
        tables.append((table, min))
    if options.json:
        print(_as_json([table for table, _ in tables], counted, absent))
    else:
        shares = ", ".join(f"{name} {share:.4%}" for name, share in counted.items())
        _report(tables, absent, f"calls counted, at worst: {shares}" if shares else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
