"""System call probes on the running kernel: variables, results, families, 32-bit calls, calls that do not return."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..command import STAP, environment, run_stap

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long narrow(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static void nothing(int number)
{
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 7;
    char path[] = "/nonexistent/\"x\"\n", bytes[] = "some bytes";  /* on the stack: in memory when they are read */
    char missing[] = "/nonexistent/program", self[] = "/proc/self/exe", again[] = "again";
    syscall(SYS_open, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    syscall(SYS_openat, AT_FDCWD, (char *)0x10, O_RDONLY);
    syscall(SYS_write, -1, bytes, 10);
    struct sockaddr_in address = {AF_INET, htons(80), {htonl(0x7f000001)}};
    syscall(SYS_connect, -1, &address, sizeof address);
    struct timespec wait = {0, 1000};
    syscall(SYS_nanosleep, &wait, 0);
    syscall(777, 1, 2, 3);
    syscall(400, 1, 2, 3);
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strcpy(low, "/nonexistent too");
    narrow(5, (long)low, O_WRONLY, 0);
    narrow(6, -1, 0, 0);
    narrow(1234, 1, 2, 3);
    int file = memfd_create("late", 0);
    char late[] = "/nonexistent/late";
    write(file, late, sizeof late);
    syscall(SYS_rmdir, mmap(0, 4096, PROT_READ, MAP_PRIVATE, file, 0));  /* not in memory before the kernel reads it */
    struct itimerval soon = {{0, 0}, {0, 20000}};
    signal(SIGALRM, nothing);
    setitimer(ITIMER_REAL, &soon, 0);
    pause();
    if (syscall(SYS_fork) == 0) {
        char *arguments[] = {argv[0], again, 0};
        syscall(SYS_execve, missing, arguments, 0);
        syscall(SYS_execve, self, arguments, 0);
    }
    wait4(-1, 0, 0, 0);
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    (folder / "calls.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-O0", "-o", "calls", "calls.c"], cwd=folder, check=True)
    return folder / "calls"


def traced(program: Path, tmp_path: Path, script: str, *options: str) -> list[str]:
    """Return the lines that a script prints, run with the program as its target (`T` is a test for it)."""
    script = script.replace("T {", "{ if (pid() == target() || ppid() == target())")
    done = run_stap(*options, "-e", script, "-c", str(program), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_arguments_and_results_read_like_strace(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe syscall.* T { printf("%s(%s)\n", name, argstr) }
            probe syscall.*.return T { printf("%s = %s\n", name, retstr) }""",
    )
    for call, result in (
        (r'open("/nonexistent/\"x\"\n", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640)', "open = -2 (ENOENT)"),
        ("openat(AT_FDCWD, 0x10, O_RDONLY)", "openat = -14 (EFAULT)"),
        ('write(-1, "some bytes", 10)', "write = -9 (EBADF)"),
        (
            'connect(-1, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16)',
            "connect = -9 (EBADF)",
        ),
        ("nanosleep({tv_sec=0, tv_nsec=1000}, 0x0)", "nanosleep = 0"),
        ('open("/nonexistent too", O_WRONLY)', "open = -2 (ENOENT)"),
        ("close(-1)", "close = -9 (EBADF)"),
    ):
        assert call in lines
        assert lines[lines.index(call) + 1] == result
    assert any(line.startswith("syscall_777(1, 2, 3, ") for line in lines)
    assert "syscall_777 = -38 (ENOSYS)" in lines
    assert any(line.startswith("syscall32_1234(1, 2, 3, ") for line in lines)
    assert lines[-1] == "exit_group(0)"
    assert "exit_group(7)" in lines
    assert not any(line.startswith("exit_group = ") for line in lines)


def test_variables_of_single_calls(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe syscall.open T { printf("%s|%s|%d|%s|%o\n", filename, filename_unquoted, flags, flags_str, mode) }
            probe syscall.connect T { printf("%d %s %s %s %d\n", sockfd, uaddr_af, uaddr_ip, uaddr_ip_port, addrlen) }
            probe syscall.write T { if (fd == -1) printf("%s %d %s\n", buf_str, count, user_string_n(buf_uaddr, 4)) }
            probe syscall.open.return T { printf("%s %d %s %d\n", retstr, retval, filename, $return) }""",
    )
    assert lines == [
        r'"/nonexistent/\"x\"\n"|/nonexistent/"x"',
        "|524482|O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|640",
        r'-2 (ENOENT) -2 "/nonexistent/\"x\"\n" -2',
        '"some bytes" 10 some',
        "-1 AF_INET 127.0.0.1 80 16",
        '"/nonexistent too"|/nonexistent too|1|O_WRONLY|0',
        '-2 (ENOENT) -2 "/nonexistent too" -2',
    ]


def test_families_any_and_compat_names(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe nd_syscall.open T { printf("%s %s\n", pp(), filename) }
            probe dw_syscall.*open.return T { printf("%s %d\n", pp(), retval) }
            probe tp_syscall.nanosleep, tp_syscall.compat_nanosleep T { printf("%s %s\n", pp(), name) }
            probe syscall_any T { if (syscall_nr == 777 || syscall_nr == 5) printf("%d %s\n", syscall_nr, name) }
            probe syscall_any.return T { if (syscall_nr == 777) printf("%d %s %d\n", syscall_nr, name, retval) }""",
    )
    assert [line for line in lines if "open" in line or "777" in line or "sleep" in line] == [
        r'nd_syscall.open "/nonexistent/\"x\"\n"',
        "dw_syscall.open.return -2",
        "tp_syscall.nanosleep nanosleep",
        "777 syscall_777",
        "777 syscall_777 -38",
        'nd_syscall.open "/nonexistent too"',
        "5 open",
        "dw_syscall.open.return -2",
    ]


def test_names_of_numbers_that_are_no_calls_as_keys(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""global c
            probe syscall.* T { c[name, pp()]++ }
            probe end {
              foreach ([call+, point] in c)
                if (call =~ "_[0-9]+$") println(call, " ", point, " ", c[call, point])
            }""",
    )
    assert lines == [f"{name} syscall.{name} 1" for name in ("syscall32_1234", "syscall_400", "syscall_777")]


def test_forks_and_programs_that_are_executed(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe syscall.fork.return T { printf("fork %d\n", retval > 0) }
            probe syscall.execve T { if (filename =~ "nonexistent|self") printf("%s %s\n", filename, args) }
            probe syscall.execve.return T { printf("execve %s\n", retstr) }
            probe syscall.exit_group T { printf("exit %d\n", status) }""",
    )
    assert sorted(line for line in lines if line.startswith("fork")) == ["fork 0", "fork 1"]
    own = lines[lines.index(f'"/nonexistent/program" ["{program}", "again"]') :]
    assert [line for line in own if not line.startswith("fork")] == [
        f'"/nonexistent/program" ["{program}", "again"]',
        "execve -2 (ENOENT)",
        f'"/proc/self/exe" ["{program}", "again"]',
        "execve 0",
        "exit 7",
        "exit 0",
    ]


ENVIRONMENTS = r"""
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#include <sys/syscall.h>

int main(void)
{
    static char missing[] = "/nonexistent", text[] = "A=1", *arguments[61], *some[201];
    for (int i = 0; i < 60; i++)
        arguments[i] = text;
    char **edge = (char **)((char *)mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096);
    munmap(edge, 4096);
    edge[-1] = edge[-2] = text;
    missing[0] = '/';
    syscall(SYS_execve, missing, 0, 0);
    syscall(SYS_execve, missing, arguments + 58, some);
    for (int i = 0; i < 200; i++)
        some[i] = text;
    syscall(SYS_execve, missing, arguments + 60, some + 199);
    syscall(SYS_execve, missing, arguments + 60, some + 74);
    syscall(SYS_execve, missing, arguments + 60, some + 73);
    syscall(SYS_execve, missing, arguments, edge - 2);
    syscall(SYS_execve, missing, edge - 1, edge);
    return 0;
}
"""


def test_what_a_call_changes_is_shown_at_its_return_as_it_was_passed(tmp_path: Path) -> None:
    work = "import os, select; r, w = os.pipe(); select.select([r], [], [], 0.01)"
    script = """probe syscall.select, syscall.pselect6 T { println(name, "(", argstr, ")") }
        probe syscall.*.return T { if (name =~ "^p?select6?$") println(name, "(", argstr, ") = ", retstr) }
        probe syscall.select.return, syscall.pselect6.return T { println(argstr) }"""
    script = script.replace("T {", "{ if (pid() == target())")
    done = run_stap("-e", script, "-c", f"{sys.executable} -c '{work}'", folder=tmp_path)
    entry, back, single = done.stdout.splitlines()
    assert re.search(r"select6?\(\d+, \[\d+\], 0x0, 0x0, \{tv_sec=0, tv_.sec=10000000?\}", entry)
    assert back == f"{entry} = 0"
    assert f"({single})" in entry


def test_arguments_and_environments_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text(ENVIRONMENTS)
    subprocess.run(["gcc", "-O0", "-o", "program", "program.c"], cwd=tmp_path, check=True)
    script = 'probe syscall.execve { if (filename =~ "/nonexistent") println(args, " ", env_str) }'
    lines = [re.sub("0x[0-9a-f]{6,}", "ADDRESS", line) for line in traced(tmp_path / "program", tmp_path, script)]
    assert lines == [
        "0x0 0x0",
        '["A=1", "A=1"] ADDRESS /* 0 vars */',
        "[] ADDRESS /* 1 var */",
        "[] ADDRESS /* 126 vars */",
        "[] ADDRESS /* 127 vars or more */",
        "[" + '"A=1", ' * 40 + "...] ADDRESS /* 2 vars or more */",
        "ADDRESS ADDRESS",
    ]


def test_interrupted_calls(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe syscall.pause, syscall.rt_sigreturn T { printf("%s(%s)\n", name, argstr) }
            probe syscall.pause.return T { printf("%s = %s\n", name, retstr) }
            probe syscall.*.return T { if (name == "rt_sigreturn") printf("%s(%s) = %s\n", name, argstr, retstr) }""",
    )
    assert lines == ["pause()", "pause = -514 (ERESTARTNOHAND)", "rt_sigreturn()", "rt_sigreturn() = -4 (EINTR)"]


def test_text_that_is_in_memory_only_at_the_return(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""probe syscall.rmdir T { printf("%s %d\n", pathname, user_string_quoted($pathname) == pathname) }
            probe syscall.rmdir.return T { printf("%s %s(%s)\n", pathname, name, argstr) }
            probe syscall.rmdir.return T {
              printf("%s %d\n", user_string_quoted(@entry($pathname)), @entry($pathname) == $pathname)
              println(@entry(user_string_quoted($pathname)))
            }""",
    )
    late = '"/nonexistent/late"'
    assert re.fullmatch("0x[0-9a-f]{8,} 1", lines[0])
    assert lines[1:] == [f"{late} rmdir({late})", f"{late} 1", late]


def test_values_of_the_entry(program: Path, tmp_path: Path) -> None:
    lines = traced(
        program,
        tmp_path,
        r"""global entries
            probe syscall.* T { if (name != "exit_group") entries++ }
            probe syscall.*.return T {
              if (@entry(pid()) > 0 && @entry(gettimeofday_ns()) <= gettimeofday_ns()) returns++
            }
            global returns
            probe syscall.execve.return T { printf("%s %s %s\n", filename, argstr, @entry(filename)) }
            probe end { println(returns >= entries - 4 && entries > 20) }""",
    )
    assert lines[-1] == "1"
    again = [line for line in lines if "self" in line or "nonexistent" in line]
    assert [line.split(" ")[0] for line in again] == ['"/nonexistent/program"', '"/proc/self/exe"']
    assert all(f'["{program}", "again"], 0x0' in line and line.endswith(line.split(" ")[0]) for line in again)


def test_entry_values_stand_in_return_probes_only(tmp_path: Path) -> None:
    done = run_stap("-e", "probe syscall.open { println(@entry($flags)) }", folder=tmp_path)
    assert done.returncode == 1
    assert "semantic error: @entry is only valid in .return probes: operator '@entry' at <input>:1:30" in done.stderr


@pytest.mark.parametrize("written", ["$flags", "$return"])
def test_the_kernel_takes_no_new_arguments(written: str, tmp_path: Path) -> None:
    point = "syscall.open.return" if written == "$return" else "syscall.open"
    done = run_stap("-g", "-e", f"probe {point} {{ {written} = 0 }}", folder=tmp_path)
    assert done.returncode == 1
    assert "write to target variable not permitted: eBPF programs cannot write" in done.stderr


@pytest.mark.guest(native=True)
def test_arguments_in_memory_are_rewritten_where_the_kernel_permits_it(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("found\n")
    script = """probe syscall.openat {
      if (pid() == target() && user_string2($filename, "") =~ "^nowhere/") {
        set_user_string($filename, "there")
        printf("%s\\n", user_string($filename))
        try { set_user_long($filename + (1 << 60), 7) } catch (m) { printf("%s\\n", m) }
        try { set_user_char(8, 7) } catch (m) { printf("%s\\n", m) }
      }
      if (pid() == target() && user_string2($filename, "") == "wrong") {
        set_user_string_n($filename, 2, "th")
        set_user_char($filename + 2, 0x65)
        set_user_short($filename + 3, 0x6572)
      }
    }"""
    command = "cat nowhere/at/all wrong"
    done = run_stap("-g", "-e", script, "-c", command, folder=tmp_path, cwd=tmp_path)
    if "locked down" in done.stderr:
        assert "near identifier 'set_user_string' at <input>:3:9" in done.stderr
        assert done.returncode == 1
        return
    lines = done.stdout.splitlines()
    faults = [line for line in lines if line.startswith("read fault [man error::fault] at 0x")]
    assert len(faults) == 2
    assert "0x0000000000000008" in faults[1]
    assert sorted(set(lines) - set(faults)) == ["found", "there"]
    assert lines.count("found") == 2
    assert done.returncode == 0, done.stderr


def test_memory_is_rewritten_in_guru_mode_alone(tmp_path: Path) -> None:
    done = run_stap("-e", "probe syscall.open { set_user_int($flags, 1) }", folder=tmp_path)
    assert done.returncode == 1
    assert (
        "semantic error: function 'set_user_int' needs stap -g: identifier 'set_user_int' at <input>:1:22"
        in done.stderr
    )


def test_the_texts_of_all_calls_are_verified_in_few_steps(tmp_path: Path) -> None:
    """Each read of memory has dozens of ways through it: were they multiplied, a start would be slow."""
    script = 'probe syscall.*.return { if (pid() == target()) printf("%s(%s) = %s\\n", name, argstr, retstr) }'
    command = [*STAP, "-e", script, "-x", str(os.getpid())]
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL) as session:
        try:
            deadline = time.monotonic() + 60
            steps: list[int] = []
            while len(steps) < 2 and time.monotonic() < deadline and session.poll() is None:
                steps = verified_steps(session.pid)
                time.sleep(0.05)
        finally:
            session.send_signal(signal.SIGINT)
            session.wait(timeout=60)
    assert len(steps) == 2  # the returns, and the entry of execve
    assert max(steps) < 20_000, steps


def verified_steps(process: int) -> list[int]:
    """Return how many instructions the verifier looked at for each program that a process holds."""
    found = []
    for descriptor in Path(f"/proc/{process}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            text = descriptor.read_text()
            steps = re.search(r"^verified_insns:\s*(\d+)$", text, re.MULTILINE)
            if steps is not None and int(steps[1]) > 500:
                found.append(int(steps[1]))
    return found


READS_OF_USER_MEMORY = re.compile(r"inttoptr \(i64 11[24] to ptr\)")
"""Calls of bpf_probe_read_user and bpf_probe_read_user_str."""


def test_variables_that_a_handler_does_not_use_are_not_read(tmp_path: Path) -> None:
    def reads(script: str) -> int:
        done = run_stap("-p3", "-e", script, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return len(READS_OF_USER_MEMORY.findall(done.stdout))

    assert reads("global n probe syscall.* { n++ } probe syscall.*.return { println(name, retstr) }") == 0
    assert reads("probe syscall.openat { if (flags & 1) println(dfd_str, flags_str, mode) }") == 0
    assert reads("probe syscall.openat { if (flags & 1) println(filename) }") > 0


def test_list_shows_variables_without_the_kernels_names(tmp_path: Path) -> None:
    done = run_stap("-L", "syscall.openat", folder=tmp_path)
    assert done.stdout == (
        "syscall.openat name:string dfd:long dfd_str:string filename:string filename_unquoted:string flags:long "
        "flags_str:string mode:long argstr:string\n"
    )
    assert run_stap("-l", "tp_syscall.close*.return", folder=tmp_path).stdout == (
        "tp_syscall.close.return\ntp_syscall.close_range.return\n"
    )


def test_names_that_are_no_calls(tmp_path: Path) -> None:
    done = run_stap("-e", "probe syscall.opn { println(1) }", folder=tmp_path)
    assert done.returncode == 1
    assert "probe point mismatch (similar: open" in done.stderr
