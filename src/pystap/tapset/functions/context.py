"""The task, the CPU and the probe of a hit. In user handlers these speak of the stap process itself."""

from __future__ import annotations

import os
from collections.abc import Callable

from ...program.builtins import Builtin, Effect, HelperValue, KernelForm, TaskField, TaskText
from ...program.types import COMM_WIDTH, Type
from ..ir import GET_CURRENT_COMM, helper, ir_function, length_of
from ..services import Services

L, S = Type.LONG, Type.STRING
_PID_TGID, _UID_GID, _CPU, _CURRENT_TASK = 14, 15, 8, 35
_PIDTYPE_PGID, _PIDTYPE_SID = 2, 3
"""`enum pid_type` (include/linux/pid_types.h, the same from 4.19 on)."""


def tid(rt: Services) -> int:
    import threading

    return threading.get_native_id()


def pid(rt: Services) -> int:
    return os.getpid()


def ppid(rt: Services) -> int:
    return os.getppid()


def pgrp(rt: Services) -> int:
    return os.getpgrp()


def sid(rt: Services) -> int:
    return os.getsid(0)


def uid(rt: Services) -> int:
    return os.getuid()


def euid(rt: Services) -> int:
    return os.geteuid()


def gid(rt: Services) -> int:
    return os.getgid()


def egid(rt: Services) -> int:
    return os.getegid()


def _comm(process: str) -> str:
    try:
        with open(f"/proc/{process}/comm", encoding="latin-1") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def execname(rt: Services) -> str:
    return _comm("self")


def pexecname(rt: Services) -> str:
    """Return the name of the parent; "" when it lies outside the visible process ids."""
    return _comm(str(os.getppid()))


def cpu(rt: Services) -> int:
    """Return the CPU that the thread ran on last: field 39 of proc_pid_stat(5)."""
    with open("/proc/thread-self/stat", encoding="latin-1") as file:
        return int(file.read().rpartition(")")[2].split()[36])


def pp(rt: Services) -> str:
    return rt.probe_point


def ppfunc(rt: Services) -> str:
    """Return the function that pp() names: `kernel.function("vfs_read@fs/read_write.c:450")` gives "vfs_read"."""
    for component in ('function("', 'statement("'):
        _, found, rest = rt.probe_point.partition(component)
        if found:
            return rest.partition('"')[0].partition("@")[0]
    return ""


def task_current(rt: Services) -> int:
    return rt.current_task()


def target(rt: Services) -> int:
    return rt.target_pid


def stp_pid(rt: Services) -> int:
    return os.getpid()


def remote_id(rt: Services) -> int:
    """Return -1: the script was not started by --remote."""
    return -1


def remote_uri(rt: Services) -> str:
    return ""


_EXECNAME = ir_function(
    "fn_execname",
    "ptr %out, i64 %out_size",
    "  store i64 0, ptr %out, align 8\n"  # 6.1 leaves what lies behind the name as it was
    "  %behind = getelementptr i8, ptr %out, i64 8\n"
    "  store i64 0, ptr %behind, align 8\n"
    f"  %failed = call i64 {helper(GET_CURRENT_COMM)}(ptr %out, i64 %out_size)\n"
    + length_of("%out", "%out_size", "entry")
    + "  ret i64 %length\n",
)

_TARGET = ir_function(
    "fn_target",
    "",
    """\
  %word = getelementptr i8, ptr @control, i64 24
  %r = load volatile i64, ptr %word, align 8
  ret i64 %r
""",
)
"""Reads TARGET_OFFSET of abi/map_layout."""


def _task(name: str, user: Callable[[Services], int | str], kernel: KernelForm, text: bool = False) -> Builtin:
    return Builtin(
        name, (), S if text else L, Effect.CONTEXT, user, kernel, COMM_WIDTH if text else None, task_context=True
    )


ROWS = (
    _task("tid", tid, HelperValue(_PID_TGID, 0, 32)),
    _task("pid", pid, HelperValue(_PID_TGID, 32, 32)),
    _task("ppid", ppid, TaskField(("real_parent", "tgid"))),
    _task("pgrp", pgrp, TaskField(("signal", "pids", _PIDTYPE_PGID, "numbers", 0, "nr"))),
    _task("sid", sid, TaskField(("signal", "pids", _PIDTYPE_SID, "numbers", 0, "nr"))),
    _task("uid", uid, HelperValue(_UID_GID, 0, 32)),
    _task("euid", euid, TaskField(("cred", "euid", "val"))),
    _task("gid", gid, HelperValue(_UID_GID, 32, 32)),
    _task("egid", egid, TaskField(("cred", "egid", "val"))),
    _task("execname", execname, _EXECNAME, text=True),
    _task("pexecname", pexecname, TaskText(("real_parent", "comm"), COMM_WIDTH), text=True),
    _task("cpu", cpu, HelperValue(_CPU, 0, 32)),
    Builtin(
        "task_current", (), L, Effect.CONTEXT, task_current, HelperValue(_CURRENT_TASK), task_context=True,
        c_type="struct task_struct *",
    ),
    Builtin("pp", (), S, Effect.CONTEXT, pp),
    Builtin("ppfunc", (), S, Effect.CONTEXT, ppfunc),
    Builtin("probefunc", (), S, Effect.CONTEXT, ppfunc),
    Builtin("target", (), L, Effect.PURE, target, _TARGET, varies=True),
    Builtin("stp_pid", (), L, Effect.PURE, stp_pid, varies=True),
    Builtin("remote_id", (), L, Effect.PURE, remote_id, ir_function("fn_remote_id", "", "  ret i64 -1\n")),
    Builtin("remote_uri", (), S, Effect.PURE, remote_uri, width=0),
)  # fmt: skip
