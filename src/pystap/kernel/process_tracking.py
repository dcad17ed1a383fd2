"""Programs that keep account of which processes the script is about, in the map `processes` (abi/process_map).

    sched_process_fork    a child that is a process of its own belongs to what its parent belongs to
    sched_process_exec    a process belongs to the program that it executes from now on
    sched_process_exit    when the last thread of a process is gone, it is forgotten

The session enters the processes that are there when it starts, and runs the program `watch` to learn the inodes of
programs. Other programs only look a process up.
"""

from __future__ import annotations

from ..abi.image import MapKind, MapSpec, ProgramKind
from ..abi.process_map import FIRST_PROGRAM_BIT, MOST_PROCESSES, PROCESSES_MAP, TARGET_BIT, WATCHED_MAP
from ..abi.session_image import ProgramAttachment
from ..lean import Callable, Literal, Sequence
from ..program.attach import TARGET, PerfSamples, ProcessEvents, Syscalls, Tracking, Uprobes
from ..program.extension import MemberLoad
from ..program.program import Handler
from .context import ProgramContext
from .ir import Code, Helper
from .planned import PlannedProgram
from .words import context_word

LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "tgid": ("task_struct", ("tgid",)),
    "pid": ("task_struct", ("pid",)),
    "live threads": ("task_struct", ("signal", "live", "counter")),
    "program": ("task_struct", ("mm", "exe_file", "f_inode")),
    "files": ("task_struct", ("files", "fdt", "fd")),
    "inode": ("file", ("f_inode",)),
    "process": ("proc_inode", ("pid",)),
    "task": ("pid", ("tasks", 0, "first")),
}
"""What must be known of the kernel's types: a name here, the type and the member path."""
OFFSETS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "inode of process": ("proc_inode", ("vfs_inode",)),
    "link of task": ("task_struct", ("pid_links", 0)),
}
"""Members whose offset alone is of interest: from a member to what it is in."""


def limit_of(handler: Handler) -> tuple[int, str]:
    """Return the process id and the program that a handler is limited to: 0 and "" for none."""
    match handler.attach:
        case Uprobes() | ProcessEvents() | Syscalls() as attach:
            return attach.pid, attach.program
        case PerfSamples(process=str(program)):
            return 0, program  # the target's samples are its own events
        case _:
            return 0, ""


def limiting_programs(handlers: Sequence[Handler]) -> tuple[str, ...]:
    """Return the programs that handlers are limited to, in the order of their bits."""
    return tuple(dict.fromkeys(program for _, program in map(limit_of, handlers) if program))


def branch_unless_meant(
    shared: ProgramContext, code: Code, process: str, limit: tuple[int, str], other: str, own: str
) -> None:
    """Emit a jump to `own` when the process (i64, its tgid) is one that the limit means, else to `other`."""
    pid, program = limit
    if pid > 0:
        code.branch(code.value("is_it", f"icmp eq i64 {process}, {pid}"), own, other)
        return
    bit = TARGET_BIT
    if pid != TARGET:
        bit = FIRST_PROGRAM_BIT + limiting_programs(shared.program.handlers).index(program)
    known = code.name("known")
    found = _lookup(shared, code, process)
    code.branch(code.is_null(found), other, known)
    code.begin(known)
    bits = code.value("bits", f"and i64 {code.load('mask', found)}, {1 << bit}")
    code.branch(code.value("belongs", f"icmp ne i64 {bits}, 0"), own, other)


def current_process(code: Code) -> str:
    """Emit the reading of the current process's id (tgid)."""
    task = code.helper("task", Helper.GET_CURRENT_PID_TGID, "")
    return code.value("process", f"lshr i64 {task}, 32")


def _lookup(shared: ProgramContext, code: Code, process: str) -> str:
    key = code.alloca("key", "i64")
    code.store(process, key)
    return code.helper("found", Helper.MAP_LOOKUP, f"ptr {shared.module.map(PROCESSES_MAP)}, ptr {key}", "ptr")


def read_kernel(code: Code, base: str, loads: Sequence[MemberLoad]) -> str:
    """Emit the reads that follow a member path from an address (i64); a read that fails gives 0."""
    value = base
    for load in loads:
        place = code.alloca("member", "i64")
        code.store("0", place)
        address = code.value("address", f"add i64 {value}, {load.offset}")
        source = code.value("source", f"inttoptr i64 {address} to ptr")
        code.helper("read", Helper.PROBE_READ_KERNEL, f"ptr {place}, i32 {load.size}, ptr {source}")
        value = code.load("member", place)
    return value


def tracking_programs(shared: ProgramContext) -> list[PlannedProgram]:
    """Return the programs that keep the account; none when nobody asks it."""
    if PROCESSES_MAP not in shared.module.maps:
        return []
    programs = limiting_programs(shared.program.handlers)
    planned = [_planned(shared, "fork", _track_fork), _planned(shared, "exit", _track_exit)]
    if programs:
        planned.append(_planned(shared, "watch", _watch))
        planned.append(_planned(shared, "exec", _track_exec, programs))
    return planned


def process_maps(used: set[str]) -> list[MapSpec]:
    """Return the maps of those above that programs use."""
    result = []
    if PROCESSES_MAP in used:
        result.append(MapSpec(PROCESSES_MAP, MapKind.HASH, 8, 8, MOST_PROCESSES))
    if WATCHED_MAP in used:
        result.append(MapSpec(WATCHED_MAP, MapKind.ARRAY, 4, 8 * 64, 1, mmapable=True))
    return result


def _track_fork(shared: ProgramContext, code: Code) -> None:
    """The tracepoint's arguments are the parent, which is what runs, and the child."""
    layout = shared.facts.process_layout
    child = context_word(code, 1)
    pid, tgid = (read_kernel(code, child, layout[name]) for name in ("pid", "tgid"))
    process, known, done = code.name("process"), code.name("known"), code.name("done")
    code.branch(code.value("leads", f"icmp eq i64 {pid}, {tgid}"), process, done)
    code.begin(process)
    found = _lookup(shared, code, current_process(code))
    code.branch(code.is_null(found), done, known)
    code.begin(known)
    _enter(shared, code, tgid, code.load("mask", found))
    code.jump(done)
    code.begin(done)


def _track_exec(shared: ProgramContext, code: Code) -> None:
    """What runs is the process; its memory is that of the new program already."""
    program = read_kernel(code, context_word(code, 0), shared.facts.process_layout["program"])
    watched = shared.module.map(WATCHED_MAP)
    process = current_process(code)
    old, mask = code.alloca("old", "i64"), code.alloca("mask", "i64")
    code.store("0", old)
    known, unknown, changed, done = (code.name(name) for name in ("known", "unknown", "changed", "done"))
    found = _lookup(shared, code, process)
    code.branch(code.is_null(found), unknown, known)
    code.begin(known)
    code.store(code.load("mask", found), old)
    code.jump(unknown)
    code.begin(unknown)
    bits = code.value("bits", f"and i64 {code.load('before', old)}, {1 << TARGET_BIT}")
    for number in range(len(limiting_programs(shared.program.handlers))):
        place = code.offset(watched, 8 * number)
        inode = code.value("inode", f"load volatile i64, ptr {place}, align 8")
        same = code.value("same", f"icmp eq i64 {inode}, {program}")
        bit = code.value("bit", f"select i1 {same}, i64 {1 << FIRST_PROGRAM_BIT + number}, i64 0")
        bits = code.value("bits", f"or i64 {bits}, {bit}")
    code.store(bits, mask)
    code.branch(code.value("differs", f"icmp ne i64 {bits}, {code.load('before', old)}"), changed, done)
    code.begin(changed)
    _enter(shared, code, process, code.load("now", mask))
    code.jump(done)
    code.begin(done)


def _enter(shared: ProgramContext, code: Code, process: str, bits: str) -> None:
    key, mask = code.alloca("key", "i64"), code.alloca("mask", "i64")
    code.store(process, key)
    code.store(bits, mask)
    table = shared.module.map(PROCESSES_MAP)
    code.helper("updated", Helper.MAP_UPDATE, f"ptr {table}, ptr {key}, ptr {mask}, i64 0")


def _track_exit(shared: ProgramContext, code: Code) -> None:
    last, done = code.name("last"), code.name("done")
    task = context_word(code, 0)
    branch_if_last(shared, code, task, last, done)
    code.begin(last)
    key = code.alloca("key", "i64")
    code.store(read_kernel(code, task, shared.facts.process_layout["tgid"]), key)
    code.helper("deleted", Helper.MAP_DELETE, f"ptr {shared.module.map(PROCESSES_MAP)}, ptr {key}")
    code.jump(done)
    code.begin(done)


def branch_if_last(shared: ProgramContext, code: Code, task: str, last: str, other: str) -> None:
    """Emit a jump to `last` when no other thread of a task's process is left: at its exit it is not counted itself."""
    live = read_kernel(code, task, shared.facts.process_layout["live threads"])
    code.branch(code.value("none", f"icmp eq i64 {live}, 0"), last, other)


def opened_file(shared: ProgramContext, code: Code, descriptor: str) -> str:
    """Emit the reads that find the struct file of a descriptor (i64) of the current process."""
    layout = shared.facts.process_layout
    task = code.helper("task", Helper.GET_CURRENT_TASK, "")
    table = read_kernel(code, task, layout["files"])
    place = code.value("place", f"add i64 {table}, {code.value('at', f'mul i64 {descriptor}, 8')}")
    return read_kernel(code, place, (MemberLoad(0, 8, False),))


def _watch(shared: ProgramContext, code: Code) -> None:
    """Run by the session with a descriptor and the byte offset of a place in `watched`: put the file's inode there."""
    descriptor, at = context_word(code, 0), context_word(code, 1)
    inode = read_kernel(code, opened_file(shared, code, descriptor), shared.facts.process_layout["inode"])
    place, end = code.name("place"), code.name("end")
    code.branch(code.value("fits", f"icmp ult i64 {at}, {8 * 63}"), place, end)
    code.begin(place)
    code.store(inode, code.offset(shared.module.map(WATCHED_MAP), at))
    code.jump(end)
    code.begin(end)


def _planned(
    shared: ProgramContext,
    event: Literal["fork", "exec", "exit", "watch", "existing"],
    body: Callable[[ProgramContext, Code], None],
    programs: tuple[str, ...] = (),
) -> PlannedProgram:
    code, name = Code(), f"track_{event}"
    body(shared, code)
    code.ret("i32 0")
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    return PlannedProgram(ProgramKind.RAW_TRACEPOINT, 0, ProgramAttachment(name, Tracking(event, programs), ()))
