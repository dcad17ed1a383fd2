"""Perf events: samples that run a program, counters that programs read, and watchpoints on kernel memory."""

from __future__ import annotations

import errno
import os
import struct

from ..abi.map_layout import perf_counter_map
from ..lean import Iterator, Mapping, Sequence
from ..loader.errors import KernelRefused
from ..loader.kallsyms import symbol_addresses
from ..loader.links import (
    TYPE_BREAKPOINT,
    Link,
    PerfEventSpec,
    attach_perf_event,
    attach_perf_event_on_cpus,
    counting,
)
from ..loader.maps import Map
from ..loader.programs import Program
from ..program.attach import TARGET, AttachSpec, PerfCounter, PerfSamples, Watchpoint, perf_counters
from ..records import replace
from .attach import online_cpus

_WRITES, _READS_AND_WRITES = 2, 3
"""HW_BREAKPOINT_W and HW_BREAKPOINT_RW of linux/hw_breakpoint.h."""


def attach_samples(program: Program, samples: PerfSamples, target_pid: int) -> Iterator[Link]:
    """Run a program at samples of every CPU, or of the target and what it starts.

    Where the script names a program, the eBPF program itself looks whose sample it is (kernel.process_tracking).
    """
    event = PerfEventSpec(
        samples.type, samples.config, sample_period=samples.period, sample_freq=samples.frequency
    )  # fmt: skip
    if samples.process == "":
        yield attach_perf_event(program, replace(event, pid=_target(target_pid), inherit=True))
    else:
        yield attach_perf_event_on_cpus(program, event, online_cpus())


def attach_watchpoint(program: Program, watchpoint: Watchpoint, target_pid: int) -> Iterator[Link]:
    """Run a program at every access to memory, by the processor's debug registers: the kernel's, on every CPU, or that
    of each thread of a process and of what it starts."""
    pid = target_pid if watchpoint.pid == TARGET else watchpoint.pid
    address = watchpoint.address
    if pid:
        address += _loaded_at(pid, watchpoint.program)
    elif not address:
        address = _symbol_address(watchpoint.symbol)
    event = PerfEventSpec(
        TYPE_BREAKPOINT, 0, sample_period=1, config1=address, config2=watchpoint.length,
        breakpoint_type=_WRITES if watchpoint.writes_only else _READS_AND_WRITES,
    )  # fmt: skip
    try:
        if not pid:
            yield attach_perf_event_on_cpus(program, event, online_cpus())
            return
        for thread in _threads(pid):
            yield attach_perf_event(program, replace(event, pid=thread, inherit=True))
    except KernelRefused as error:
        raise _watchpoint_refused(error, watchpoint, address) from None


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError as error:
        raise KernelRefused(f"watch memory of process {pid}", error.errno or 0) from None


def _loaded_at(pid: int, program: str) -> int:
    """Return where the addresses of a program start in a process that runs it; 0 where they are fixed ("")."""
    if not program:
        return 0
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.rstrip("\n").split(maxsplit=5)
                if len(fields) == 6 and fields[5] == program and int(fields[2], 16) == 0:
                    return int(fields[0].partition("-")[0], 16)
    except OSError as error:
        raise KernelRefused(f"watch memory of process {pid}", error.errno or 0) from None
    raise KernelRefused(f"watch memory of process {pid}", errno.ESRCH, detail=f"it does not run {program}")


def _watchpoint_refused(error: KernelRefused, watchpoint: Watchpoint, address: int) -> KernelRefused:
    """Return the refusal with what perf_event_open(2) means by it for breakpoints."""
    details = {
        errno.ENOSPC: "all of the processor's debug registers are in use (x86 has 4)",
        errno.EINVAL: f"{address:#x} is not a multiple of the length {watchpoint.length}, "
        "or the processor cannot watch so many bytes",
        errno.EOPNOTSUPP: "it has no hardware breakpoints, or none for reads alone",
    }
    detail = details.get(error.errno)
    where = watchpoint.symbol or f"{address:#x}"
    return KernelRefused(f"watch {where}", error.errno, detail=detail) if detail else error


def _symbol_address(symbol: str) -> int:
    found = symbol_addresses(frozenset({symbol}))
    if symbol not in found:
        raise KernelRefused(f"watch {symbol}", errno.ENOENT, detail="it has no such symbol")
    return found[symbol]


def open_counters(attached: Sequence[AttachSpec], maps: Mapping[str, Map], target_pid: int) -> Iterator[Link]:
    """Start the perf counters of a script and put them where its programs read them. Raises `KernelRefused`."""
    names = perf_counters(attached)
    done: set[str] = set()
    for attach in attached:
        if not isinstance(attach, PerfCounter) or attach.name in done:
            continue
        done.add(attach.name)
        event = PerfEventSpec(attach.type, attach.config)
        table = maps.get(perf_counter_map(names.index(attach.name)))
        cpus = online_cpus()
        if attach.process is None:
            link = counting([replace(event, cpu=cpu) for cpu in cpus])
        else:
            pid = next(iter(_tasks(attach.process, target_pid)), 0)
            link = counting([replace(event, pid=pid)])
        for place, cpu in enumerate(cpus):
            if table is not None:
                fd = link.fds[place % len(link.fds)]
                table.update(struct.pack("<I", cpu), struct.pack("<I", fd))
        yield link


def _target(target_pid: int) -> int:
    if not target_pid:
        raise KernelRefused("follow a process", errno.ESRCH, detail="perf...process without a name needs -c or -x")
    return target_pid


def _tasks(process: str, target_pid: int) -> list[int]:
    """Return the tasks to follow: the target, or every task that runs the program, the target first."""
    if not process:
        return [_target(target_pid)]
    wanted = os.path.realpath(process)
    found = [target_pid] if target_pid else []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == target_pid:
            continue
        try:
            if os.readlink(f"/proc/{name}/exe") == wanted:
                found += [int(task) for task in os.listdir(f"/proc/{name}/task")]
        except OSError:
            continue  # it has ended, or is a kernel thread
    if not found:
        raise KernelRefused("follow a process", errno.ESRCH, detail=f"no process runs {process}")
    return found
