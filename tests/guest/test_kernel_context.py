"""Where a handler of a kernel function is, and what called it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..command import run_stap


@pytest.mark.guest(thorough=True)
def test_place_and_stack(tmp_path: Path) -> None:
    """In an fentry program and in that of a kprobe (a wildcard), of a function that modules may use."""
    body = """{ if (execname() == "cat" && !seen[pn()]++) {
        printf("place %s|%s|%s|%s|%s|%s\\n", ppfunc(), probefunc(), pp(), modname(addr()), symname(addr()), probemod())
        printf("caller %s\\n", caller()); printf("data %s\\n", symdata(addr()))
        printf("hex %s\\n", backtrace()); printf("callers %d\\n", callers(0) != "")
        printf("calls %s\\n", symname(task_current())); println("stack"); print_backtrace(); println("end")
        println("text ", sprint_backtrace()); println("syms"); print_syms(callers(-1)); println("end")
        printf("task %d %s %d\\n", task_pid(task_current()) == pid(), task_execname(task_current()),
               task_parent(task_current())->tgid == ppid())
      } }"""
    script = f"""global seen
    probe kernel.function("vfs_read") {body}
    probe kernel.function("vfs_rea[d]*") {body}"""
    done = run_stap("-e", script, "-c", "cat /etc/passwd", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    parts = done.stdout.split("place ")[1:]
    assert len(parts) == 2
    for part in parts:
        lines = part.splitlines()
        assert lines[0] == 'vfs_read|vfs_read|kernel.function("vfs_read")|kernel|vfs_read|kernel'
        assert re.fullmatch(r"caller \w*ksys_read\w* 0x[0-9a-f]+", lines[1])
        assert re.fullmatch(r"data vfs_read\+0x[0-9a-f]+/0x[0-9a-f]+.*", lines[2])
        assert re.fullmatch(r"hex (0x)?[0-9a-f]+( (0x)?[0-9a-f]+)+ *", lines[3])
        stack = part.partition("stack\n")[2].partition("end\n")[0]
        assert "ksys_read" in stack
        assert "do_syscall_64" in stack
        assert "ksys_read" in part.partition("text ")[2].partition("syms\n")[0]
        assert "ksys_read" in part.partition("syms\n")[2].partition("end\n")[0]
        assert "task 1 cat 1" in lines
