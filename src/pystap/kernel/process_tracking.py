"""Programs that keep account of which processes the script is about, in the map `processes`.

    sched_process_fork    a child that is a process of its own belongs to what its parent belongs to
    sched_process_exit    when the last thread of a process is gone, it is forgotten

The session enters the processes that are there when it starts. Other programs only look a process up.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..abi.image import MapKind, MapSpec, ProgramKind
from ..abi.process_map import MOST_PROCESSES, PROCESSES_MAP, TARGET_BIT
from ..abi.session_image import ProgramAttachment
from ..program.attach import Tracepoints
from ..program.extension import MemberLoad
from .context import ProgramContext
from .ir import Code, Helper
from .planned import PlannedProgram
from .words import context_word

LAYOUT = {
    "tgid": ("tgid",),
    "pid": ("pid",),
    "live threads": ("signal", "live", "counter"),
}
"""What must be known of struct task_struct: a name here, and the member path."""


def branch_unless_tracked(
    shared: ProgramContext, code: Code, process: str, other: str, own: str, bit: int = TARGET_BIT
) -> None:
    """Emit a jump to `own` when the process (i64, its tgid) belongs to what `bit` stands for, else to `other`."""
    known = code.name("known")
    found = _lookup(shared, code, process)
    code.branch(code.is_null(found), other, known)
    code.begin(known)
    bits = code.value("bits", f"and i64 {code.load('mask', found)}, {1 << bit}")
    code.branch(code.value("belongs", f"icmp ne i64 {bits}, 0"), own, other)


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
    """Return the programs that keep the account, to be attached in front of all others; none when nobody asks it."""
    if PROCESSES_MAP not in shared.module.maps:
        return []
    return [_fork_program(shared), _exit_program(shared)]


def process_map() -> MapSpec:
    return MapSpec(PROCESSES_MAP, MapKind.HASH, 8, 8, MOST_PROCESSES)


def _fork_program(shared: ProgramContext) -> PlannedProgram:
    """The tracepoint's arguments are the parent, which is what runs, and the child."""
    code, layout = Code(), shared.facts.process_layout
    child = context_word(code, 1)
    pid, tgid = (read_kernel(code, child, layout[name]) for name in ("pid", "tgid"))
    process, known, done = code.name("process"), code.name("known"), code.name("done")
    code.branch(code.value("leads", f"icmp eq i64 {pid}, {tgid}"), process, done)
    code.begin(process)
    task = code.helper("task", Helper.GET_CURRENT_PID_TGID, "")
    found = _lookup(shared, code, code.value("parent", f"lshr i64 {task}, 32"))
    code.branch(code.is_null(found), done, known)
    code.begin(known)
    key, mask = code.alloca("key", "i64"), code.alloca("mask", "i64")
    code.store(tgid, key)
    code.store(code.load("mask", found), mask)
    table = shared.module.map(PROCESSES_MAP)
    code.helper("updated", Helper.MAP_UPDATE, f"ptr {table}, ptr {key}, ptr {mask}, i64 0")
    code.jump(done)
    code.begin(done)
    code.ret("i32 0")
    return _planned(shared, code, "track_fork", "sched_process_fork")


def _exit_program(shared: ProgramContext) -> PlannedProgram:
    code, layout = Code(), shared.facts.process_layout
    task = context_word(code, 0)
    live = read_kernel(code, task, layout["live threads"])
    last, done = code.name("last"), code.name("done")
    code.branch(code.value("none", f"icmp eq i64 {live}, 0"), last, done)
    code.begin(last)
    key = code.alloca("key", "i64")
    code.store(read_kernel(code, task, layout["tgid"]), key)
    code.helper("deleted", Helper.MAP_DELETE, f"ptr {shared.module.map(PROCESSES_MAP)}, ptr {key}")
    code.jump(done)
    code.begin(done)
    code.ret("i32 0")
    return _planned(shared, code, "track_exit", "sched_process_exit")


def _planned(shared: ProgramContext, code: Code, name: str, tracepoint: str) -> PlannedProgram:
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    return PlannedProgram(ProgramKind.RAW_TRACEPOINT, 0, ProgramAttachment(name, Tracepoints((tracepoint,)), ()))
