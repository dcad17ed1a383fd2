"""Races pystap against bpftrace at probes on kernel functions and tracepoints, in one run on one kernel.

1. cost: what counting the calls of one function, or the hits of one tracepoint, adds to a read(2) of one byte.
2. attach: from the command to its probes being live, and to its end, for `vfs_*` and for some 1,000 functions.

A kernel that is locked down allows no function probes: `--guest 6.1` runs all of it in the tests' guest.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_TIMEOUT = 600.0
_COST_PROGRAM = _HERE / "function_cost.c"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is raced: its name, pystap's script and the scripts of bpftrace that do the same, new spelling and old."""

    name: str
    pystap: str
    bpftrace: tuple[str, ...]


_LATENCY = "/@start[tid]/ { @ = hist(nsecs - @start[tid]); delete(@start[tid]); }"

_KINDS = (
    Kind("entry by kprobe", "probe kernel.statement(ADDRESS) { n++ }", ("kprobe:vfs_read { @ = count(); }",)),
    Kind("entry by fentry", 'probe kernel.function("vfs_read") { n++ }',
         ("fentry:vfs_read { @ = count(); }", "kfunc:vfs_read { @ = count(); }")),
    Kind("return by fexit", 'probe kernel.function("vfs_read").return { n++ }',
         ("fexit:vfs_read { @ = count(); }", "kretfunc:vfs_read { @ = count(); }")),
    Kind("raw tracepoint", 'probe kernel.trace("sys_enter") { n++ }',
         ("rawtracepoint:sys_enter { @ = count(); }", "tracepoint:raw_syscalls:sys_enter { @ = count(); }")),
    Kind("calls by process", 'probe kernel.function("vfs_read") { n[execname()]++ }',
         ("fentry:vfs_read { @[comm] = count(); }", "kfunc:vfs_read { @[comm] = count(); }")),
    Kind("calls by process and size", 'probe kernel.function("vfs_read") { n[pid(), $count]++ }',
         ("fentry:vfs_read { @[pid, args.count] = count(); }", "kfunc:vfs_read { @[pid, args->count] = count(); }")),
    Kind("histogram of sizes", 'probe kernel.function("vfs_read") { n <<< $count } probe end { println(@hist_log(n)) }',
         ("fentry:vfs_read { @ = hist(args.count); }", "kfunc:vfs_read { @ = hist(args->count); }")),
    Kind("file names", 'probe kernel.function("vfs_read") { n[kernel_string($file->f_path->dentry->d_name->name)]++ }',
         ("fentry:vfs_read { @[str(args.file->f_path.dentry->d_name.name)] = count(); }",
          "kfunc:vfs_read { @[str(args->file->f_path.dentry->d_name.name)] = count(); }")),
    Kind("histogram of latencies",
         'probe kernel.function("vfs_read").return { n <<< gettimeofday_ns() - @entry(gettimeofday_ns()) } '
         "probe end { println(@hist_log(n)) }",
         ("fentry:vfs_read { @start[tid] = nsecs; } fexit:vfs_read " + _LATENCY,
          "kfunc:vfs_read { @start[tid] = nsecs; } kretfunc:vfs_read " + _LATENCY)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rival:
    """A tool: its name, its command, whether it is bpftrace."""

    name: str
    path: str
    is_bpftrace: bool

    def command(self, script: str) -> list[str]:
        return [self.path, *(() if self.is_bpftrace else ("-g",)), "-e", script]


def _environment(cache: str = "") -> dict[str, str]:
    own = {"BPFTRACE_MAX_PROBES": "100000", "BPFTRACE_MAX_BPF_PROGS": "100000"}
    if cache:
        own["PYSTAP_CACHE_DIR"] = cache
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | own


def _rivals(options: argparse.Namespace) -> list[Rival]:
    found = [Rival("pystap", options.stap or str(Path(sys.executable).parent / "stap"), False)]
    for path in options.bpftrace or ["bpftrace"]:
        known = shutil.which(path)
        if known is None:
            print(f"not in the race: {path}: not installed")
            continue
        version = subprocess.run([known, "--version"], capture_output=True, text=True).stdout.strip()
        found.append(Rival(version.replace("bpftrace v", "bpftrace ") or path, known, True))
    return found


@contextmanager
def _live(rival: Rival, script: str, cache: str = "") -> Iterator[subprocess.Popen[str]]:
    """The tool, its probes attached: its script prints "live" then. It is ended when the context ends."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            rival.command(script), stdout=subprocess.PIPE, stderr=errors, text=True, env=_environment(cache)
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip() == "live":
                    break
            else:
                errors.seek(0)
                raise RuntimeError("; ".join(errors.read().strip().splitlines()[-3:]) or "no output")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=_TIMEOUT)


def _announced(rival: Rival, script: str, ends: bool = False) -> str:
    """Return a script that prints "live" too once it is attached, and ends then if it `ends`."""
    if rival.is_bpftrace:
        end = " exit();" if ends else ""
        return f'BEGIN {{ printf("live\\n");{end} }} {script}'
    end = " exit()" if ends else ""
    return f'global n, live {script} probe timer.ms(1) {{ if (!live++) println("live"){end} }}'


def _batches(program: Path, batches: int, calls: int) -> list[float]:
    cpu = max(os.sched_getaffinity(0))
    command = [str(program), str(cpu), str(batches), str(calls)]
    return [float(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def race_cost(rivals: Sequence[Rival], rounds: int, batches: int, calls: int, unit: str, wanted: str) -> None:
    """Print what each kind of probe adds to a call: the least of all batches, less the least untraced one."""
    with tempfile.TemporaryDirectory(prefix="pystap-bench-") as folder:
        program = Path(folder) / "function_cost"
        subprocess.run(["cc", "-O2", "-o", str(program), str(_COST_PROGRAM)], check=True)
        address = f"{_file_address('vfs_read'):#x}"
        for kind in (kind for kind in _KINDS if wanted in kind.name):
            scripts = {
                rival: list(kind.bpftrace if rival.is_bpftrace else (kind.pystap.replace("ADDRESS", address),))
                for rival in rivals
            }
            samples: dict[str, list[float]] = {}
            for _ in range(rounds):
                samples.setdefault("", []).extend(_batches(program, batches, calls))
                for rival, spellings in scripts.items():
                    while spellings:
                        row = f"{rival.name} {spellings[0].partition(':')[0] if rival.is_bpftrace else ''}".strip()
                        try:
                            with _live(rival, _announced(rival, spellings[0])):
                                samples.setdefault(row, []).extend(_batches(program, batches, calls))
                            break
                        except RuntimeError as error:
                            print(f"  {row}: {error}")
                            spellings.pop(0)
            untraced = samples.pop("")
            print(f"\n{kind.name}: added to one call (untraced: min {min(untraced):.0f}) [{unit}]")
            _table({row: [one - min(untraced) for one in found] for row, found in samples.items()}, min)


def race_attach(rivals: Sequence[Rival], rounds: int, patterns: Sequence[str]) -> None:
    """Print how long attaching takes, in s: to the first output, and to the end of the command.

    pystap starts with an empty cache and with what that start left there. Each tool has run once before, so that its
    files are in memory.
    """
    for rival in rivals:
        subprocess.run(rival.command(_count(rival, "vfs_statfs")), capture_output=True,
                       env=_environment())  # fmt: skip
    for pattern in patterns:
        live: dict[str, list[float]] = {}
        ended: dict[str, list[float]] = {}
        for _ in range(rounds):
            for rival in rivals:
                with tempfile.TemporaryDirectory(prefix="pystap-bench-") as cache:
                    for state in ("",) if rival.is_bpftrace else (", cold", ", warm"):
                        row = rival.name + state
                        _settle()
                        start = time.perf_counter()
                        try:
                            with _live(rival, _count(rival, pattern), cache) as process:
                                live.setdefault(row, []).append(time.perf_counter() - start)
                                process.wait(_TIMEOUT)
                                ended.setdefault(row, []).append(time.perf_counter() - start)
                        except RuntimeError as error:
                            print(f"  {row}: {error}")
        count = len([name for name in _functions() if fnmatchcase(name, pattern)])
        for what, samples in (("live", live), ("end", ended)):
            print(f"\n{pattern} ({count} functions): command to {what} [s]")
            _table(samples, min, digits=2)


def _settle() -> None:
    """Wait until the kernel has let go of all probes: detaching goes on when pystap's command has ended."""
    limit = time.monotonic() + _TIMEOUT
    while time.monotonic() < limit:
        try:
            if not Path("/sys/kernel/debug/kprobes/list").read_text():
                return
        except OSError:
            return
        time.sleep(0.5)


def _count(rival: Rival, pattern: str) -> str:
    """Return a script that counts the calls of the functions that match, and ends."""
    if rival.is_bpftrace:
        return _announced(rival, f"kprobe:{pattern} {{ @ = count(); }}", ends=True)
    return _announced(rival, f'probe kernel.function("{pattern}") {{ n++ }} probe end {{ println(n) }}', ends=True)


def _table(samples: dict[str, list[float]], best: Callable[[list[float]], float], digits: int = 0) -> None:
    """Print the rows, and behind each rival's what the rows of pystap are of it."""
    ours = {row: best(found) for row, found in samples.items() if row.startswith("pystap") and found}
    for row, found in samples.items():
        if row in ours or best(found) <= 0:
            ratios = ""
        else:
            ratios = "  ".join(f"{value / best(found):.2f}x{row[6:].replace(',', '')}" for row, value in ours.items())
        least, median = min(found), statistics.median(found)
        print(f"  {row:30} min {least:10.{digits}f}  median {median:10.{digits}f}  {ratios}".rstrip())


def _functions() -> list[str]:
    for folder in _TRACEFS:
        path = Path(folder, "available_filter_functions")
        if path.exists():
            return [line.split()[0] for line in path.read_text().splitlines() if "[" not in line]
    return []


def _thousand() -> str:
    """Return a pattern that some 1,000 functions match."""
    names = _functions()
    starts = {name[:length] for name in names for length in (1, 2, 3)}
    counts = {start: sum(name.startswith(start) for name in names) for start in starts if start.isalnum()}
    return min(counts, key=lambda start: abs(counts[start] - 1000)) + "*"


def _file_address(symbol: str) -> int:
    """Return a function's address as the kernel's file has it."""
    linked = 0xFFFF_FFFF_8100_0000
    found = {}
    for line in Path("/proc/kallsyms").read_text().splitlines():
        address, _, name = line.split()[:3]
        if name in (symbol, "_text"):
            found.setdefault(name, int(address, 16))
    return linked + found[symbol] - found["_text"]


def _in_guest(series: str, arguments: Sequence[str], by_instructions: bool) -> int:
    sys.path.insert(0, str(_HERE.parent))
    from tests.vm.boot import run
    from tests.vm.kernels import obtain

    command = [sys.executable, __file__, *arguments]
    status, output = run(obtain(series), command, _HERE.parent, 3600, by_instructions)
    print(output, end="")
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", metavar="SERIES", help="run in a guest with this kernel")
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="with --guest: the guest's clock counts instructions, 1 ns each; the cost is exact, on any machine",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=20, help="timed loops in a round (cost)")
    parser.add_argument("--calls", type=int, default=5000, help="calls in a loop (cost)")
    parser.add_argument("--kind", default="", metavar="TEXT", help="measure only the costs with this in their names")
    parser.add_argument("--only", choices=("cost", "vfs", "thousand"), action="append", help="measure only this")
    parser.add_argument("--stap", help="the pystap command, instead of the virtual environment's")
    parser.add_argument("--bpftrace", action="append", help="a bpftrace command; may be given several times")
    options = parser.parse_args()
    if options.guest:
        arguments = sys.argv[1:]
        at = next(i for i, word in enumerate(arguments) if word.startswith("--guest"))
        del arguments[at : at + (1 if "=" in arguments[at] else 2)]
        return _in_guest(options.guest, arguments, options.instructions)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # bpftrace takes a descriptor or two for each function
    rivals = _rivals(options)
    wanted = options.only or ["cost", "vfs", "thousand"]
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPUs")
    if "cost" in wanted:
        unit = "instructions" if options.instructions else "ns"
        race_cost(rivals, options.rounds, options.batches, options.calls, unit, options.kind)
    if "vfs" in wanted:
        race_attach(rivals, options.rounds, ["vfs_*"])
    if "thousand" in wanted:
        race_attach(rivals, options.rounds, [_thousand()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
