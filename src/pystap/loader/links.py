"""Attaching programs: each function hangs a loaded program somewhere and returns the `Link` that holds it there.

A link that is closed, or whose last descriptor goes with its process, detaches. All functions raise `KernelRefused`
(`MissingPrivilege` where rights are missing) and leave nothing behind when they do.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from ..abi.image import ProgramKind
from ..lean import Iterable, Sequence, suppress
from ..records import dataclass, replace
from .errors import CAP_PERFMON, KernelRefused, refusal
from .programs import KERNEL_TYPES, Program, object_info
from .syscalls import (
    PERF_ATTR_SIZE,
    PERF_EVENT_IOC_DISABLE,
    PERF_EVENT_IOC_ENABLE,
    PERF_EVENT_IOC_SET_BPF,
    Command,
    bpf,
    ioctl,
    perf_event_open,
)

TYPE_HARDWARE, TYPE_SOFTWARE, TYPE_TRACEPOINT, TYPE_HW_CACHE, TYPE_RAW, TYPE_BREAKPOINT = range(6)
"""`enum perf_type_id` of linux/perf_event.h."""
SW_CPU_CLOCK, SW_TASK_CLOCK = 0, 1

_BPF_PERF_EVENT, _BPF_NETFILTER = 41, 45
_NETFILTER_TRIES = 32
_LINK_INFO_SIZE = 64
_LINK_PERF_EVENT, _LINK_KPROBE_MULTI = 7, 8
"""`enum bpf_link_type` of linux/bpf.h."""
_EVENT_KPROBE, _EVENT_KRETPROBE = 3, 4
"""`enum bpf_perf_event_type`."""
_DISABLED, _INHERIT, _EXCLUDE_USER, _EXCLUDE_KERNEL, _FREQUENCY = 1, 1 << 1, 1 << 4, 1 << 5, 1 << 10
_PERF_ATTR = struct.Struct("<IIQQQQQIIQQ")
_PMU_FOLDER = "/sys/bus/event_source/devices"


_POINTS_A_STEP = 200
"""How many points of a kprobe-multi link take as long to detach as one kprobe."""


class Link:
    """An attachment: the descriptors that keep a program attached. `description` says what to, for messages.

    `slow_steps` is how many times 0.03 to 0.1 s it takes the kernel to detach it (waiting until no CPU runs patched
    code); `counts_missed` tells whether the first descriptor is a link that counts the hits that the kernel dropped;
    `points` is how many places it holds.
    """

    def __init__(
        self,
        description: str,
        fds: Sequence[int],
        perf_fds: Sequence[int] = (),
        slow_steps: int = 0,
        counts_missed: bool = False,
        points: int = 1,
    ) -> None:
        self.description = description
        self.points = points
        self.slow_steps = slow_steps or len(perf_fds[:1])
        self._fds = [*fds, *perf_fds]
        self._perf_fds = tuple(perf_fds)
        self._counts_missed = counts_missed

    @property
    def fds(self) -> tuple[int, ...]:
        """The open descriptors; none once closed."""
        return tuple(self._fds)

    @property
    def is_perf(self) -> bool:
        """Whether `disable` works: the attachment is made of perf events."""
        return bool(self._perf_fds)

    def disable(self) -> None:
        """Stop the perf events at once; detaching them may take much longer. Does nothing for other attachments."""
        if self._fds:
            for fd in self._perf_fds:
                with suppress(OSError):
                    ioctl(fd, PERF_EVENT_IOC_DISABLE)

    def missed(self) -> int:
        """Return how many hits the kernel has dropped since the attachment was made, 0 where it does not say.

        Kernels since 6.7 say it of kprobes and of kprobe-multi (struct bpf_link_info of linux/bpf.h).
        """
        if not self._counts_missed or not self._fds:
            return 0
        try:
            raw = object_info(self._fds[0], _LINK_INFO_SIZE)
        except OSError:
            return 0
        kind, event = struct.unpack_from("<I", raw, 0)[0], struct.unpack_from("<I", raw, 16)[0]
        if kind == _LINK_KPROBE_MULTI:
            return int(struct.unpack_from("<Q", raw, 32)[0])
        if kind == _LINK_PERF_EVENT and event in (_EVENT_KPROBE, _EVENT_KRETPROBE):
            return int(struct.unpack_from("<Q", raw, 48)[0])
        return 0

    def close(self) -> None:
        """Detach. May be called again."""
        while self._fds:
            os.close(self._fds.pop(0))

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class PerfEventSpec:
    """A perf event. Either `sample_period` (in events; ns for the clocks) or `sample_freq` (Hz), or neither to count.

    `pid` -1 is every process, `cpu` -1 every CPU; the kernel refuses both together. `config1` and `config2` as the
    event type defines them: for breakpoints the address and length, with the access kind in `breakpoint_type`.
    """

    type: int
    config: int
    sample_period: int = 0
    sample_freq: int = 0
    pid: int = -1
    cpu: int = -1
    config1: int = 0
    config2: int = 0
    breakpoint_type: int = 0
    inherit: bool = False
    exclude_user: bool = False
    exclude_kernel: bool = False

    def pack(self) -> bytes:
        """Return the `struct perf_event_attr`, created disabled."""
        flags = _DISABLED
        for wanted, bit in (
            (self.inherit, _INHERIT),
            (self.exclude_user, _EXCLUDE_USER),
            (self.exclude_kernel, _EXCLUDE_KERNEL),
            (bool(self.sample_freq), _FREQUENCY),
        ):
            flags |= bit if wanted else 0
        sample = self.sample_freq or self.sample_period
        return _PERF_ATTR.pack(self.type, PERF_ATTR_SIZE, self.config, sample, 0, 0, flags, 0, self.breakpoint_type,
                               self.config1, self.config2)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KprobeSpec:
    """A place in the kernel: byte `offset` of the function `symbol`, or `address` when no symbol is given.

    `returns` asks for the function's return. Module symbols may be written "module:symbol".
    """

    symbol: str = ""
    offset: int = 0
    address: int = 0
    returns: bool = False


@dataclass(frozen=True, slots=True)
class UprobeSpec:
    """A place in a file that processes execute: `offset` in bytes from the start of the file.

    `semaphore_offset` is the file offset of an SDT probe's semaphore, which the kernel raises while attached; 0 for
    none. `pid` limits it to one process; -1 is all.
    """

    path: str
    offset: int
    returns: bool = False
    semaphore_offset: int = 0
    pid: int = -1


def attach_raw_tracepoint(program: Program, name: str) -> Link:
    """Attach a raw-tracepoint program to the tracepoint `name`."""
    text = ctypes.create_string_buffer(name.encode())
    return _open_raw(program, f"the tracepoint {name}", ctypes.addressof(text))


def attach_typed_tracepoint(program: Program) -> Link:
    """Attach a typed-tracepoint program to the tracepoint that it was loaded for."""
    return _open_raw(program, "the typed tracepoint of " + program.spec.name, 0)


def attach_tracing(program: Program, cookie: int = 0) -> Link:
    """Attach a fentry or fexit program to the function that it was loaded for. A cookie needs 5.19 or later."""
    what = "the function of " + program.spec.name
    if not cookie:
        return _open_raw(program, what, 0, slow_steps=1)
    _, attach_type = KERNEL_TYPES[program.spec.kind]
    return _create_link(program, what, struct.pack("<IIIIIIQ", program.fd, 0, attach_type, 0, 0, 0, cookie), 1)


def attach_perf_event(program: Program, spec: PerfEventSpec, cookie: int | None = None) -> Link:
    """Run `program` at every sample of a perf event. A cookie needs 5.15 or later."""
    what = f"the perf event {spec.type}:{spec.config:#x}"
    return _attach_perf(program, what, (spec,), cookie)


def attach_perf_event_on_cpus(
    program: Program, spec: PerfEventSpec, cpus: Iterable[int], cookie: int | None = None
) -> Link:
    """Run `program` at every sample of a perf event on each of `cpus`; one link holds all of them."""
    what = f"the perf event {spec.type}:{spec.config:#x}"
    return _attach_perf(program, what, tuple(replace(spec, cpu=cpu) for cpu in cpus), cookie)


def attach_tracepoint(program: Program, tracepoint_id: int) -> Link:
    """Attach to a tracepoint by its id in tracefs (`events/SYSTEM/NAME/id`)."""
    spec = PerfEventSpec(TYPE_TRACEPOINT, tracepoint_id, sample_period=1, cpu=0)
    return _attach_perf(program, f"the tracepoint with id {tracepoint_id}", (spec,), None)


def attach_kprobe(program: Program, spec: KprobeSpec, cookie: int | None = None) -> Link:
    """Attach to one kernel function or address through the perf kprobe events."""
    place = f"{spec.symbol}+{spec.offset:#x}" if spec.symbol else f"{spec.address:#x}"
    name = ctypes.create_string_buffer(spec.symbol.encode())
    event = PerfEventSpec(
        _pmu_type("kprobe"),
        _return_bit("kprobe") if spec.returns else 0,
        cpu=0,
        config1=ctypes.addressof(name) if spec.symbol else 0,
        config2=spec.offset if spec.symbol else spec.address,
    )
    what = f"the kernel function {place}"
    if cookie is None:
        try:
            return _attach_perf(program, what, (event,), 0)  # a link, which counts what is missed; since 5.15
        except KernelRefused as error:
            if error.errno != errno.EINVAL:
                raise
    return _attach_perf(program, what, (event,), cookie)


def attach_uprobe(program: Program, spec: UprobeSpec, cookie: int | None = None) -> Link:
    """Attach to one place in an executable file through the perf uprobe events."""
    path = ctypes.create_string_buffer(os.fsencode(spec.path))
    event = PerfEventSpec(
        _pmu_type("uprobe"),
        (_return_bit("uprobe") if spec.returns else 0) | spec.semaphore_offset << 32,
        pid=spec.pid,
        cpu=0 if spec.pid == -1 else -1,
        config1=ctypes.addressof(path),
        config2=spec.offset,
    )
    return _attach_perf(program, f"{spec.path} at {spec.offset:#x}", (event,), cookie)


def attach_kprobes(
    program: Program, addresses: Sequence[int], returns: bool = False, cookies: Sequence[int] | None = None
) -> Link:
    """Attach a kprobe-multi program to many functions at once, by address (by name takes twice as long).

    `cookies` gives one 64-bit number per address. The kernel refuses all of them if it refuses one.
    """
    count = len(addresses)
    places = (ctypes.c_uint64 * count)(*addresses)
    marks = (ctypes.c_uint64 * count)(*(cookies or (0,) * count))
    marks_at = ctypes.addressof(marks) if cookies else 0
    _, attach_type = KERNEL_TYPES[program.spec.kind]
    attr = struct.pack("<IIIIIIQQQ", program.fd, 0, attach_type, 0, int(returns), count, 0, ctypes.addressof(places),
                       marks_at)  # fmt: skip
    return _create_link(program, f"{count} kernel functions", attr, count // _POINTS_A_STEP, count)


def attach_kprobes_by_name(
    program: Program, names: Sequence[str], returns: bool = False, cookies: Sequence[int] | None = None
) -> Link:
    """The same by the functions' names, for which no addresses need be known (they differ at every boot)."""
    count = len(names)
    texts = [ctypes.create_string_buffer(name.encode()) for name in names]
    places = (ctypes.c_uint64 * count)(*map(ctypes.addressof, texts))
    marks = (ctypes.c_uint64 * count)(*(cookies or (0,) * count))
    marks_at = ctypes.addressof(marks) if cookies else 0
    _, attach_type = KERNEL_TYPES[program.spec.kind]
    attr = struct.pack("<IIIIIIQQQ", program.fd, 0, attach_type, 0, int(returns), count, ctypes.addressof(places), 0,
                       marks_at)  # fmt: skip
    return _create_link(program, f"{count} kernel functions", attr, count // _POINTS_A_STEP, count)


def attach_uprobes(
    program: Program,
    path: str,
    offsets: Sequence[int],
    returns: bool = False,
    cookies: Sequence[int] | None = None,
    semaphore_offsets: Sequence[int] | None = None,
    pid: int = 0,
) -> Link:
    """Attach a uprobe-multi program to many places of one file at once; `pid` 0 is all processes.

    The kernel refuses all of them if it refuses one (error 524 for a bad offset).
    """
    count = len(offsets)
    places = (ctypes.c_uint64 * count)(*offsets)
    marks = (ctypes.c_uint64 * count)(*(cookies or (0,) * count))
    semaphores = (ctypes.c_uint64 * count)(*(semaphore_offsets or (0,) * count))
    name = ctypes.create_string_buffer(os.fsencode(path))
    _, attach_type = KERNEL_TYPES[program.spec.kind]
    attr = struct.pack(
        "<IIIIQQQQIII", program.fd, 0, attach_type, 0, ctypes.addressof(name), ctypes.addressof(places),
        ctypes.addressof(semaphores) if semaphore_offsets else 0, ctypes.addressof(marks) if cookies else 0,
        count, int(returns), pid,
    )  # fmt: skip
    return _create_link(program, f"{count} places in {path}", attr, points=count)


def open_perf_event(spec: PerfEventSpec) -> int:
    """Open a perf event, disabled; the caller owns the descriptor."""
    try:
        return perf_event_open(spec.pack(), spec.pid, spec.cpu)
    except OSError as error:
        what = f"open the perf event {spec.type}:{spec.config:#x}"
        raise refusal(what, error.errno or 0, (CAP_PERFMON,)) from None


def counting(specs: Sequence[PerfEventSpec]) -> Link:
    """Start perf events that only count. Raises `KernelRefused`."""
    events: list[int] = []
    try:
        for spec in specs:
            events.append(open_perf_event(spec))
            ioctl(events[-1], PERF_EVENT_IOC_ENABLE)
    except BaseException:
        for fd in events:
            os.close(fd)
        raise
    return Link(f"the perf counter {specs[0].type}:{specs[0].config:#x}", (), events)


def close_links(links: Iterable[Link]) -> None:
    """Detach all; perf events are stopped first, so that none runs while the others are being detached."""
    remaining = list(links)
    for link in remaining:
        link.disable()
    for link in remaining:
        link.close()


def leave_to_holder(links: Iterable[Link]) -> None:
    """Detach without waiting: a forked process of its own session closes the links, this process only lets go.

    For attachments that take long to detach (a uprobe: 0.1 s each). Their programs may run until the holder is
    done, so nothing must depend on their counts or output any more. Call it from a single-threaded process.
    """
    remaining = [link for link in links if link.fds]
    if not remaining:
        return
    middle = os.fork()
    if middle == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _hold_and_close(remaining)
        finally:
            os._exit(0)
    os.waitpid(middle, 0)
    for link in remaining:
        link.close()


def _hold_and_close(links: list[Link]) -> None:
    """Run the holder: let go of everything inherited but the links, then close those, perf events stopped first."""
    kept = {fd for link in links for fd in link.fds}
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd not in kept:
            with suppress(OSError):
                os.close(fd)
    close_links(links)


def _open_raw(program: Program, what: str, name_at: int, slow_steps: int = 0) -> Link:
    try:
        fd = bpf(Command.RAW_TRACEPOINT_OPEN, struct.pack("<QII", name_at, program.fd, 0))
    except OSError as error:
        raise refusal(f"attach {program.spec.name} to {what}", error.errno or 0) from None
    return Link(what, (fd,), slow_steps=slow_steps)


def attach_netfilter(program: Program, family: int, hook: int, priority: int) -> Link:
    """Attach a program to a hook of netfilter. Raises `KernelRefused`.

    The kernel takes one program at a priority (EBUSY): where there is one, the next free priority behind it is used.
    """
    for later in range(_NETFILTER_TRIES):
        attr = struct.pack("<IIIIIIiI", program.fd, 0, _BPF_NETFILTER, 0, family, hook, priority + later, 0)
        try:
            return _create_link(program, f"netfilter hook {hook}", attr)
        except KernelRefused as error:
            if error.errno != errno.EBUSY:
                raise
    raise refusal(f"attach {program.spec.name} to netfilter hook {hook}", errno.EBUSY)


def _create_link(program: Program, what: str, attr: bytes, slow_steps: int = 0, points: int = 1) -> Link:
    try:
        fd = bpf(Command.LINK_CREATE, attr)
        counts_missed = program.spec.kind is ProgramKind.KPROBE_MULTI
        return Link(what, (fd,), slow_steps=slow_steps, counts_missed=counts_missed, points=points)
    except OSError as error:
        raise refusal(f"attach {program.spec.name} to {what}", error.errno or 0) from None


def _attach_perf(program: Program, what: str, specs: tuple[PerfEventSpec, ...], cookie: int | None) -> Link:
    links: list[int] = []
    events: list[int] = []
    try:
        for spec in specs:
            event = perf_event_open(spec.pack(), spec.pid, spec.cpu)
            events.append(event)
            if cookie is None:
                ioctl(event, PERF_EVENT_IOC_SET_BPF, program.fd)
            else:
                attr = struct.pack("<IIIIQ", program.fd, event, _BPF_PERF_EVENT, 0, cookie)
                links.append(bpf(Command.LINK_CREATE, attr))
        for event in events:
            ioctl(event, PERF_EVENT_IOC_ENABLE)
    except OSError as error:
        for fd in (*links, *events):
            os.close(fd)
        raise refusal(f"attach {program.spec.name} to {what}", error.errno or 0, (CAP_PERFMON,)) from None
    return Link(what, links, events, counts_missed=bool(links))


def _pmu_type(name: str) -> int:
    """Return the perf event type of a dynamic event source. Raises `KernelRefused` where the kernel has none."""
    try:
        with open(f"{_PMU_FOLDER}/{name}/type", encoding="utf-8") as file:
            return int(file.read())
    except FileNotFoundError:
        detail = f"it was built without {name} events"
        raise KernelRefused(f"use {name}s", errno.EOPNOTSUPP, detail=detail) from None


def _return_bit(name: str) -> int:
    """Return the config bit that asks for returns, from the event source's format file ("config:0")."""
    try:
        with open(f"{_PMU_FOLDER}/{name}/format/retprobe", encoding="utf-8") as file:
            return 1 << int(file.read().partition(":")[2])
    except (FileNotFoundError, ValueError):
        return 1
