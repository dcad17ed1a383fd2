"""Aliases of the library on tracepoints, which every kernel lets be probed, and the functions that they are made of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


ALIASES = {
    "scheduler.cpu_off": "name task_prev task_next idle",
    "scheduler.ctxswitch": "name prev_priority prev_pid prev_tid prev_task prev_task_name prevtsk_state next_priority "
    "next_pid next_tid next_task next_task_name nexttsk_state",
    "scheduler.kthread_stop": "thread_pid thread_priority name",
    "scheduler.kthread_stop.return": "return_value name",
    "scheduler.migrate": "cpu_to name task pid priority cpu_from",
    "scheduler.wakeup": "name task task_pid task_tid task_priority task_cpu task_state",
    "scheduler.wakeup_new": "name task_pid task_priority task_cpu task_state task task_tid",
    "scheduler.wait_task": "name task_pid task_priority",
    "scheduler.process_free": "pid priority name",
    "scheduler.process_wait": "pid name",
    "scheduler.signal_send": "pid name signal_number",
    "kprocess.create": "task new_pid new_tid",
    "kprocess.exit": "code",
    "signal.handle": "sig sig_name sinfo sig_code ka_addr name sig_mode",
    "irq_handler.exit": "irq action ret handler flags flags_str dev_name dev_id next_irqaction dir thread_fn thread "
    "thread_flags",
    "softirq.entry": "h vec action vec_nr",
    "workqueue.insert": "work work_func",
    "vm.kmalloc": "call_site caller_function bytes_req bytes_alloc gfp_flags gfp_flag_name ptr name",
    "vm.kmem_cache_alloc": "call_site caller_function bytes_req bytes_alloc gfp_flags gfp_flag_name ptr name",
    "vm.kfree": "call_site caller_function ptr name",
    "netdev.receive": "dev_name length protocol truesize",
    "netdev.transmit": "dev_name length protocol truesize",
    "netdev.hard_transmit": "dev_name protocol length truesize",
    "ioblock.request": "name devname ino sector flags rw opf vcnt idx phys_segments hw_segments size bdev "
    "bdev_contains p_start_sect",
    "ioblock.end": "name devname ino bytes_done error sector flags rw opf vcnt idx phys_segments hw_segments size",
    "ioblock_trace.request": "name q devname ino bytes_done sector flags rw opf vcnt idx phys_segments size "
    "bdev_contains bdev p_start_sect",
    "ioscheduler.elv_add_request": "name q elevator_name rq disk_major disk_minor rq_flags",
    "ioscheduler_trace.elv_issue_request": "name q elevator_name rq disk_major disk_minor rq_flags",
    "ioscheduler_trace.plug": "name rq_queue",
}


def test_every_variable_of_an_alias_resolves(stap: Stap) -> None:
    probes = (
        f"probe {alias} {{ {' '.join(f'println({name})' for name in names.split())} }}"
        for alias, names in ALIASES.items()
    )
    done = stap("-p2", "-e", "\n".join(probes))
    assert done.returncode == 0, done.stderr
    assert "never-assigned" not in done.stderr


def test_the_life_of_a_process(stap: Stap) -> None:
    script = """global child, seen
    probe kprocess.create { if (pid() == target()) {
        child = new_pid
        seen .= task_pid(task) == new_pid ? "create " : "wrong task " } }
    probe scheduler.process_fork { if (parent_pid == target() && child_pid == child) seen .= "fork " }
    probe signal.send { if (sig_pid == child) seen .= sprintf("%s %d ", sig_name, pid_name == execname()) }
    probe kprocess.exit { if (pid() == child) seen .= sprintf("exit %d ", code) }
    probe end { println(seen) }"""
    program = (
        "import os, signal\np = os.fork()\nif p == 0: os.kill(os.getpid(), signal.SIGUSR1)\nelse: os.waitpid(p, 0)"
    )
    path = f"{sys.executable} -S -E -c"
    found = lines(stap("-e", script, "-c", f'{path} "{program}"'))
    assert found == ["create fork SIGUSR1 1 exit 10 "]


def test_switches_of_the_target(stap: Stap) -> None:
    script = """global off, bad
    probe scheduler.ctxswitch { if (prev_tid == target()) {
        off++
        if (prev_task_name != execname() || prev_tid != tid()) bad++ } }
    probe end { printf("%d %d\\n", off > 2, bad) }"""
    program = "import time\nfor i in range(5): time.sleep(0.01)"
    assert lines(stap("-e", script, "-c", f'{sys.executable} -S -E -c "{program}"')) == ["1 0"]


def test_what_is_known_of_the_current_process(stap: Stap, tmp_path: Path) -> None:
    script = """probe syscall.sched_yield { if (pid() == target()) {
      t = task_current()
      printf("%s|%s|%s|%s\\n", cmdline_str(), cmdline_arg(1), cmdline_args(2, 3, "+"), env_var("PYSTAP_KNOWN"))
      printf("%d %d %d %d\\n", pid2task(pid()) == t, pid2task(1 << 23), ns_pid() == pid(), ns_ppid() == ppid())
      printf("%s %s\\n", pid2execname(pid()), pid2execname(ppid()))
      exit() } }"""
    paths = """probe syscall.sched_yield { if (pid() == target()) {
      t = task_current()
      printf("%s\\n", fullpath_struct_path(task_cwd_path(t)))
      printf("%s\\n", fullpath_struct_file(t, current_exe_file()))
      printf("%s\\n", fullpath_struct_file(t, task_fd_lookup(t, 57)))
      exit() } }"""
    limits = """probe syscall.sched_yield { if (pid() == target()) {
      t = task_current()
      printf("%d %d\\n", task_fd_lookup(t, 56), task_rlimit_nofile(t) == task_rlimit(t, "RLIMIT_NOFILE"))
      printf("%d %d %d\\n", proc_mem_size() > 1000, proc_mem_size_pid(pid()) == proc_mem_size(), proc_mem_txt() > 0)
      printf("%d %d\\n", is_myproc(), target_set_pid(pid()))
      printf("%d %d %s %d\\n", probing_32bit_app(), uarch_bytes(), syscall_name(24), syscall_num("sched_yield"))
      exit() } }"""
    folder = tmp_path / "a folder" / "deeper"
    folder.mkdir(parents=True)
    (folder / "held").write_text("")
    program = tmp_path / "known.py"
    program.write_text(
        f"import os\nos.chdir({str(folder)!r})\nos.dup2(os.open('held', os.O_RDONLY), 57)\nos.sched_yield()\n"
    )
    environment = " ".join(f"PAD{i}={'x' * 90}" for i in range(12))
    command = f"exec env {environment} PYSTAP_KNOWN=value {sys.executable} -S -E {program} two three"
    found = [line for text in (script, paths, limits) for line in lines(stap("-e", text, "-c", command))]
    arguments = [sys.executable, "-S", "-E", str(program), "two", "three"]
    assert found[0] == f"{' '.join(arguments)}|-S|-E+{program}|value"
    assert found[1] == "1 0 1 1"
    assert found[2].split()[0].startswith("python")
    assert found[3:6] == [str(folder), os.path.realpath(sys.executable), str(folder / "held")]
    assert found[6:] == ["0 1", "1 1 1", "1 1", "0 8 sched_yield 24"]


def test_buffers_and_wide_strings(stap: Stap, tmp_path: Path) -> None:
    script = """probe syscall.write { if (pid() == target() && fd == 77) {
      if (count == 9) println(user_buffer_quoted(buf_uaddr, 9, 100), user_buffer_quoted(buf_uaddr, 3, 100))
      if (count == 300) println(strlen(user_buffer_quoted(buf_uaddr, 300, 400)))
      if (count == 14) println(user_string_utf16(buf_uaddr), " ", user_string_quoted_utf16(buf_uaddr))
      if (count == 16) println(user_string_utf32(buf_uaddr), " ", user_string_utf32(8, "unreadable"))
      try { s = user_string_utf16(8) } catch (e) { println(e) }
    } }"""
    program = tmp_path / "writes.py"
    program.write_text(
        "import os\nos.dup2(os.open('/dev/null', os.O_WRONLY), 77)\n"
        "for data in (b'a\\0b\\n\"\\xffc\\0d', b'q' * 300, 'h\\u00e9\\u4e2d\\U0001f600!\\0'.encode('utf-16-le'),\n"
        "             'ab\\u4e2d\\0'.encode('utf-32-le')):\n    os.write(77, data)\n"
    )
    done = run_stap("-e", script, "-c", f"{sys.executable} -S -E {program}", folder=tmp_path)
    found = lines(done)
    fault = "utf16 string copy fault [man error::fault]"
    assert found == [
        r'"a\000b\n\"\377c\000d""a\000b"',
        fault,
        "302",
        fault,
        r'hé中😀! "h\303\251\344\270\255\360\237\230\200!"',
        fault,
        "ab中 unreadable",
        fault,
    ]


def test_what_cannot_be_done_is_refused(stap: Stap) -> None:
    for script, message in (
        ("probe begin { set_kernel_int(1, 2) }", "eBPF programs cannot write kernel memory"),
        ('probe begin { println(register("rip")) }', "CPU registers cannot be read here"),
        ('probe kernel.trace("sched_switch") { $prev->prio = 1 }', "eBPF programs cannot write kernel memory"),
        ("probe begin { println(@entry(pid())) }", "@entry is only valid in .return probes"),
        ('probe begin { println(@var("jiffies")) }', '&@var("jiffies") gives the address'),
    ):
        done = stap("-g", "-e", script)
        assert done.returncode == 1
        assert message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
