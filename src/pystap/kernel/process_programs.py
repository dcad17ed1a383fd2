"""Programs on the beginning and the end of processes and threads.

    process.begin      sched_process_fork (the child), sched_process_exec, and once for each process at the start
    process.end        sched_process_exit of the last thread

`%regs` of a handler points to one word: the task that it is about, which at a fork is not the one that runs.
"""

from __future__ import annotations

from ..abi.image import ProgramKind
from ..abi.session_image import ProgramAttachment
from ..lean import Sequence
from ..program.attach import ProcessEvents, Tracepoints, Tracking
from ..program.program import Handler
from .context import ProgramContext
from .handlers import HandlerCode, make_handler
from .ir import Code
from .planned import PlannedProgram
from .process_tracking import branch_if_last, branch_unless_meant, limit_of, opened_file, read_kernel
from .words import context_word

TRACEPOINTS = {"fork": "sched_process_fork", "exec": "sched_process_exec", "exit": "sched_process_exit"}


def process_programs(shared: ProgramContext, handlers: Sequence[Handler]) -> list[PlannedProgram]:
    """Generate the programs of all handlers on process events."""
    planned: list[PlannedProgram] = []
    existing: list[tuple[Handler, HandlerCode]] = []
    for handler in handlers:
        if not isinstance(handler.attach, ProcessEvents):
            continue
        made = make_handler(shared, handler, False, False)
        match handler.attach.event:
            case "begin":
                planned += [_program(shared, handler, made, place) for place in ("fork", "exec")]
                existing.append((handler, made))
            case "thread begin":
                planned.append(_program(shared, handler, made, "fork"))
            case "end" | "thread end":
                planned.append(_program(shared, handler, made, "exit"))
    if existing:
        planned.append(_existing_program(shared, existing))
    return planned


def _program(shared: ProgramContext, handler: Handler, made: HandlerCode, place: str) -> PlannedProgram:
    assert isinstance(handler.attach, ProcessEvents)
    code = Code()
    task = context_word(code, 1 if place == "fork" else 0)
    done = code.name("done")
    _leave_unless(shared, code, handler.attach.event, place, task, done)
    _run_limited(shared, code, handler, made, task, done)
    name = f"process_{place}_{handler.index}"
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    attachment = ProgramAttachment(name, Tracepoints((TRACEPOINTS[place],)), (handler.index,))
    return PlannedProgram(ProgramKind.RAW_TRACEPOINT, 0, attachment)


def _leave_unless(shared: ProgramContext, code: Code, event: str, place: str, task: str, done: str) -> None:
    """Emit the jump to `done` for threads where processes are meant, and the other way round."""
    fits = code.name("fits")
    if event == "end":
        branch_if_last(shared, code, task, fits, done)
    elif place == "exec":
        return
    else:
        layout = shared.facts.process_layout
        pid, tgid = (read_kernel(code, task, layout[name]) for name in ("pid", "tgid"))
        order = "eq" if event == "begin" else "ne"
        code.branch(code.value("kind", f"icmp {order} i64 {pid}, {tgid}"), fits, done)
    code.begin(fits)


def _run_limited(shared: ProgramContext, code: Code, handler: Handler, made: HandlerCode, task: str, done: str) -> None:
    """Emit the handler's call where the limit allows it, then the end of the program."""
    subject = code.alloca("subject", "i64")
    code.store(task, subject)
    _call_limited(shared, code, handler, made, task, subject)
    code.jump(done)
    code.begin(done)
    code.ret("i32 0")


def _call_limited(
    shared: ProgramContext, code: Code, handler: Handler, made: HandlerCode, task: str, subject: str
) -> None:
    limit = limit_of(handler)
    after = code.name("after")
    if limit != (0, ""):
        own = code.name("own")
        process = read_kernel(code, task, shared.facts.process_layout["tgid"])
        branch_unless_meant(shared, code, process, limit, after, own)
        code.begin(own)
    code.line(f"call void {made.symbol}(ptr %context, ptr {subject}, i64 0, i64 0)")
    code.jump(after)
    code.begin(after)


def _existing_program(shared: ProgramContext, handlers: Sequence[tuple[Handler, HandlerCode]]) -> PlannedProgram:
    """Make the program that the session runs with a descriptor of /proc/PID, for each process that is there.

    struct proc_inode has the inode in it and knows the struct pid, whose first task is the process's main thread.
    """
    facts = shared.facts
    code, name = Code(), "process_existing"
    descriptor = context_word(code, 0)
    inode = read_kernel(code, opened_file(shared, code, descriptor), facts.process_layout["inode"])
    around = code.value("around", f"sub i64 {inode}, {facts.process_offsets['inode of process']}")
    pid = read_kernel(code, around, facts.process_layout["process"])
    link = read_kernel(code, pid, facts.process_layout["task"])
    there, gone = code.name("there"), code.name("gone")
    code.branch(code.value("found", f"icmp ne i64 {link}, 0"), there, gone)
    code.begin(there)
    task = code.value("existing", f"sub i64 {link}, {facts.process_offsets['link of task']}")
    subject = code.alloca("subject", "i64")
    code.store(task, subject)
    for handler, made in handlers:
        _call_limited(shared, code, handler, made, task, subject)
    code.jump(gone)
    code.begin(gone)
    code.ret("i32 0")
    shared.module.function(name, code.function(f"i32 @{name}(ptr %context)", f"program.{name}"))
    indexes = tuple(handler.index for handler, _ in handlers)
    return PlannedProgram(ProgramKind.RAW_TRACEPOINT, 0, ProgramAttachment(name, Tracking("existing"), indexes))
