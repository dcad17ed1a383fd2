"""`process(...).begin`, `.end`, `.thread.*`, `.syscall`, and limits to a program or to the target."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .programs import CALLS, WAITS, Stap, compiled, lines, stap_in

IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""

THREADS = r"""
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
static void *work(void *argument) { syscall(SYS_getppid); return argument; }
int main(void)
{
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
    }
    usleep(200000); /* a thread is joined before the kernel tells of its end */
    return 3;
}
"""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@IN_GUESTS
def test_begin_and_end_of_the_target_and_what_it_starts(stap: Stap) -> None:
    script = """
    probe process.begin { printf("begin %s %d %d\\n", execname(), pid() == target(), ppid() == target()) }
    probe process.end { printf("end %s %d\\n", execname(), pid() == target()) }"""
    out = lines(stap("-e", script, "-c", "sh -c '/bin/true; /bin/true; exit 0'"))
    assert out[0] == "begin sh 1 0"
    assert out[-1] == "end sh 1"
    assert sorted(out[1:-1]) == sorted(2 * ["begin sh 0 1", "begin true 0 1", "end true 0"])


@pytest.mark.guest(native=True, thorough=True)
def test_by_program_in_every_process(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, CALLS)
    script = f"""global forked
    probe process("{program}").begin {{ printf("%s %d\\n", pp(), ppid() == forked); forked = pid() }}
    probe process("{program}").end {{ println("end ", execname()) }}"""
    out = lines(stap("-e", script, "-c", f"sh -c '/bin/true; {program} x; /bin/true'"))
    point = f'process("{program}").begin'
    assert out == [f"{point} 0", f"{point} 1", "end program", "end program"]


@IN_GUESTS
def test_processes_that_are_there_already(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, WAITS, "waits")
    process = subprocess.Popen([program], stdin=subprocess.PIPE)
    try:
        for point in (f'process("{program}")', f"process({process.pid})"):
            script = f"""probe {point}.begin {{ println(pid(), " ", tid(), " ", execname(), " ", ppid()) exit() }}"""
            expected = f"{process.pid} {process.pid} waits {os.getpid()}"
            assert lines(stap("-e", script)) == [expected]
        script = """global seen probe process.begin { seen[pid()]++ } probe timer.ms(1) { exit() }
        probe end { foreach (p in seen) println(p, " ", seen[p]) }"""
        seen = dict(line.split() for line in lines(stap("-e", script)))
        assert seen[str(process.pid)] == "1"
        assert "2" not in seen  # kthreadd is no user process
        out = lines(stap("-e", "probe process.begin { println(pid()) exit() }", "-x", str(process.pid)))
        assert out == [str(process.pid)]
    finally:
        process.kill()
        process.wait()


@IN_GUESTS
def test_threads(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, THREADS, "threads", "-pthread")
    script = f"""global main
    probe process("{program}").begin {{ main = pid(); println("begin") }}
    probe process("{program}").thread.begin {{ printf("thread %d %d\\n", pid() == main, tid() == main) }}
    probe process("{program}").thread.end {{ printf("gone %d %d\\n", pid() == main, tid() == main) }}
    probe process("{program}").end {{ println("end ", pid() == main) }}"""
    done = stap("-e", script, "-c", str(program))
    assert "child process exited with status 3" in done.stderr
    out = done.stdout.splitlines()
    assert out.count("begin") == 1
    assert out.count("thread 1 0") == 2
    assert out.count("gone 1 0") == 2
    assert out[-1] == "end 1"


@IN_GUESTS
def test_system_calls(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, THREADS, "threads", "-pthread")
    script = f"""
    probe process("{program}").syscall {{ if ($syscall == 110) println("call ", pp()) }}
    probe process.syscall.return {{ if ($syscall == 110) println("result ", $return == target_parent) }}
    probe process.syscall {{ if ($syscall == 231) println("exit ", $arg1) }}
    global target_parent probe process.begin {{ if (pid() == target()) target_parent = ppid() }}"""
    done = stap("-e", script, "-c", str(program))
    assert done.stdout.splitlines() == 2 * [f'call process("{program}").syscall', "result 1"] + ["exit 3"]
    listed = lines(stap("-L", f'process("{program}").syscall.return'))
    arguments = " ".join(f"$arg{number}:long" for number in range(1, 7))
    assert listed == [f'process("{program}").syscall.return $syscall:long {arguments} $return:long']


def test_functions_of_a_library_in_one_program(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, CALLS)
    other = compiled(tmp_path, CALLS, "other")
    script = f"""probe process("{program}").library("libc.so.6").function("snprintf") {{
      println(execname(), " ", pp()) }}"""
    out = lines(stap("-e", script, "-c", f"sh -c '{other}; {program}; {other}'"))
    assert len(out) == 3
    assert all(line.startswith('program process("/') and 'libc.so.6").function("' in line for line in out)


def test_single_steps_are_refused(stap: Stap) -> None:
    for point in ("process.insn", 'process("ls").insn.block'):
        done = stap("-e", f"probe {point} {{ exit() }}")
        assert "eBPF programs cannot single-step a process" in done.stderr
        assert done.returncode == 1
