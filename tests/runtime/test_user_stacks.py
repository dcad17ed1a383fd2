"""User stacks: walked without frame pointers, equal to gdb's, named although the process is gone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import environment, in_guest, run_stap

IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""

Stap = Callable[..., "subprocess.CompletedProcess[str]"]

# Each call of visit() takes a digit of `path` off and goes on through what the digit says; at 0 it makes a system call.
PROGRAM = r"""
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define KEEP __attribute__((noinline, noclone))
#define BEHIND __asm__ volatile("" ::: "memory")

extern void through_library(void (*next)(unsigned), unsigned path, int depth);
static unsigned waiting;
KEEP void visit(unsigned path);

KEEP void plain(unsigned path) { visit(path); BEHIND; }
KEEP void with_array(unsigned path) { volatile char room[300]; room[0] = path; visit(path); BEHIND; room[1] = 0; }
KEEP void with_alloca(unsigned path) { char *room = alloca(path % 97 + 30); memset(room, 1, 20); visit(path); BEHIND;
                                      __asm__ volatile("" :: "r"(room)); }
KEEP int compare(const void *a, const void *b)
{ unsigned path = waiting; if (path) { waiting = 0; visit(path - 1); BEHIND; } return *(int *)a - *(int *)b; }
KEEP void sorting(unsigned path)
{ int two[2] = {path, 1}; waiting = path + 1; qsort(two, 2, sizeof *two, compare); BEHIND; }
KEEP void handler(int number) { unsigned path = waiting; waiting = 0; visit(path - 1); BEHIND; }
KEEP void signalled(unsigned path) { waiting = path + 1; raise(SIGUSR1); BEHIND; }
KEEP void aligned(unsigned path)
{ volatile char room[64] __attribute__((aligned(64))); room[0] = 1; visit(path); BEHIND; room[1] = 2; }
KEEP void *in_thread(void *path) { visit((unsigned)(unsigned long)path); BEHIND; return 0; }
KEEP void threaded(unsigned path)
{
    pthread_t thread;
    pthread_create(&thread, 0, in_thread, (void *)(unsigned long)path);
    pthread_join(thread, 0);
    BEHIND;
}

KEEP void visit(unsigned path)
{
    unsigned rest = path / 8;
    switch (path % 8) {
    case 0: syscall(SYS_getppid); break;
    case 1: plain(rest); break;
    case 2: with_array(rest); break;
    case 3: with_alloca(rest); break;
    case 4: sorting(rest); break;
    case 5: through_library(visit, rest, 3); break;
    case 6: signalled(rest); break;
    case 7: aligned(rest); break;
    }
    BEHIND;
}

/* Leaves words on the stack that look like return addresses and differ from call to call. */
int main(int count, char **words);
KEEP void litter(unsigned long seed)
{ volatile unsigned long room[600]; for (int i = 0; i < 600; i++) room[i] = (unsigned long)main + (seed + i) % 700; }

int main(int count, char **words)
{
    for (int round = count > 3 ? atoi(words[3]) : 1; round--;) {
    unsigned long state = 12345;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &action, 0);
    for (int i = 0; i < atoi(words[1]); i++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        unsigned path = state >> 46, digits = 2 + i % 5;
        if (count > 3) litter(round * 31 + i);
        visit(path & ((1u << 3 * digits) - 1));
        BEHIND;
    }
    if (count > 3) usleep(3000);
    }
    if (count == 3) { threaded(0253); threaded(5); }
    return 0;
}
"""
LIBRARY = r"""
__attribute__((noinline, noclone)) static void deeper(void (*next)(unsigned), unsigned path, int depth)
{
    volatile int local[20]; local[depth] = depth;
    if (depth) deeper(next, path, depth - 1); else next(path);
    __asm__ volatile("" ::: "memory");
    local[0] = 1;
}
void through_library(void (*next)(unsigned), unsigned path, int depth)
{ deeper(next, path, depth); __asm__ volatile("" ::: "memory"); }
"""
GDB = r"""
import gdb
for setting in ("pagination off", "confirm off", "backtrace past-main on", "debuginfod enabled off", "width 0"):
    gdb.execute("set " + setting)
gdb.execute("handle SIGUSR1 nostop noprint pass")
gdb.execute("catch syscall getppid")
gdb.execute("run", to_string=True)
out, entering = open("gdb.out", "w"), True
while gdb.selected_inferior().pid:
    if entering:
        frame = gdb.newest_frame()
        while frame is not None:
            if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
                out.write(f"{frame.pc():x} {frame.name()}\n")
            frame = frame.older()
        out.write("\n")
    entering = not entering
    gdb.execute("continue", to_string=True)
out.close()
"""
LINE = re.compile(r" 0x([0-9a-f]+) : (\S+?)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)? \[(\S+?)(?:\+\S+)?\]")


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments, **rest: run_stap(*arguments, folder=tmp_path, **rest)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program and its library, without frame pointers and without debug information."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    folder = tmp_path_factory.mktemp("stacks")
    (folder / "program.c").write_text(PROGRAM)
    (folder / "library.c").write_text(LIBRARY)
    flags = ["-O2", "-fomit-frame-pointer", "-w"]
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", "-o", "libown.so", "library.c"], cwd=folder, check=True)
    link = ["-L.", "-lown", "-pthread", f"-Wl,-rpath,{folder}"]
    subprocess.run(["gcc", *flags, "-o", "program", "program.c", *link], cwd=folder, check=True)
    return folder / "program"


def stacks_of(text: str) -> list[list[tuple[int, str, str]]]:
    """The printed stacks: for each frame the address, the function's name and the file."""
    found: list[list[tuple[int, str, str]]] = []
    for block in text.split("==\n")[1:]:
        frames = []
        for line in block.splitlines():
            parts = LINE.fullmatch(line)
            assert parts is not None, line
            frames.append((int(parts[1], 16), parts[2], parts[3]))
        found.append(frames)
    return found


SCRIPT = 'probe syscall.getppid { if (pid() == target()) { println("=="); print_ubacktrace() } }'


@pytest.mark.skipif(in_guest(), reason="gdb in an emulated guest takes minutes")
@pytest.mark.skipif(shutil.which("gdb") is None, reason="needs gdb")
def test_equal_to_gdb(stap: Stap, program: Path, tmp_path: Path) -> None:
    done = stap("-e", SCRIPT, "-c", f"setarch -R {program} 80")
    assert (done.returncode, done.stderr) == (0, "")
    ours = stacks_of(done.stdout)
    (tmp_path / "walk.py").write_text(GDB)
    subprocess.run(
        ["gdb", "-q", "-nx", "-batch", "-x", "walk.py", "--args", program, "80"], cwd=tmp_path, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    blocks = (tmp_path / "gdb.out").read_text().rstrip("\n").split("\n\n")
    theirs = [[(int(a, 16), n) for a, n in (line.split(" ", 1) for line in block.splitlines())] for block in blocks]
    assert len(ours) == len(theirs) == 80
    for mine, expected in zip(ours, theirs, strict=True):
        assert [address for address, _, _ in mine] == [address for address, _ in expected]
        own = [(name, expected[i][1]) for i, (_, name, path) in enumerate(mine) if str(program.parent) in path]
        assert own == [(theirs, theirs) for _, theirs in own]
    distinct = {tuple(address for address, _, _ in stack) for stack in ours}
    assert len(distinct) >= 50
    files = {Path(path).name for stack in ours for _, _, path in stack}
    assert {"program", "libown.so", "libc.so.6"} <= files
    assert any(name == "qsort_r" or "sort" in name for stack in ours for _, name, _ in stack)


@IN_GUESTS
def test_threads_and_forms(stap: Stap, program: Path) -> None:
    body = r"""println("=="); print_ubacktrace()
        if (tid() != pid()) {
            b = ubacktrace(); println("##"); print_ustack(b); println("#"); print_usyms(b); println("#")
            printf("%s#\n%s#\n%s#\n", sprint_ustack(b), sprint_ubacktrace(), sprint_usyms(b)); print_ubacktrace_brief()
            printf("#%d %d\n", ustack(0) == uaddr(), ucallers(-1) == b); println(ucallers(1))
            println(usymname(ustack(2)), " ", usymdata(ustack(2)), " ", umodname(ustack(2))); println("==") }"""
    text = f"probe syscall.getppid {{ if (pid() == target()) {{ {body} }} }}"
    done = stap("-DMAXSTRINGLEN=8192", "-e", text, "-c", f"{program} 3 threads")
    assert (done.returncode, done.stderr) == (0, "")
    blocks = done.stdout.split("==\n")
    assert len(stacks_of("==\n" + "==\n".join(blocks[1:4]))) == 3
    in_threads = [block for block in blocks if "##" in block]
    assert len(in_threads) == 2
    printed, _, rest = in_threads[0].partition("##\n")
    frames = stacks_of("==\n" + printed)[0]
    names = [name for _, name, _ in frames]
    assert names[1:7] == ["visit", "with_alloca", "visit", "through_library", "visit", "in_thread"] or "visit" in names
    assert names[names.index("in_thread") - 1] == "visit"
    parts = rest.split("#\n")
    exact = re.compile(r"^ \S+ : ", re.M)
    assert parts[0] == parts[1] == printed
    simple = [re.sub(r"(\+0x[0-9a-f]+)/0x[0-9a-f]+", r"\1", exact.sub("", text)) for text in (printed, printed)]
    assert parts[2] == parts[3] == simple[0]
    assert parts[4] == exact.sub("", printed)
    brief, _, last = parts[5].partition("#")
    assert brief == "".join(re.sub(r"( \[.*\])$", "", line) + "\n" for line in simple[0].splitlines())
    flags, callers, third = last.splitlines()
    assert flags == "1 1"
    assert callers == f"0x{frames[0][0]:x} 0x{frames[1][0]:x}"
    assert third.split()[0] == names[2]
    assert third.split()[-1] == "program"


COUNTING = r"""
import sys
from collections import Counter
from pystap.abi import stack_records
from pystap.cli import main
from pystap.runtime.stacks import Stacks
kinds, take = Counter(), Stacks.take
def counted(self, kind, record):
    kinds[kind] += 1
    take(self, kind, record)
Stacks.take = counted
status = main()
print("sent whole", kinds[stack_records.USER_STACK], "walked", kinds[stack_records.WALKED_STACK], file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.guest(native=True, thorough=True)
def test_programs_walk_what_they_know(stap: Stap, program: Path, tmp_path: Path) -> None:
    """The same stacks again and again: sent whole at first, then walked in the kernel, with the same outcome."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, "-e", SCRIPT, "-c", f"{program} 40 again 60"],
        env=environment(tmp_path), capture_output=True, text=True, timeout=600 if in_guest() else 120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    stacks = stacks_of(done.stdout)
    assert len(stacks) == 40 * 60
    for number, stack in enumerate(stacks):
        assert stack == stacks[number % 40]
    found = re.fullmatch(r"sent whole (\d+) walked (\d+)\n", done.stderr)
    assert found is not None, done.stderr
    if in_guest():  # how many come before the first is read is a matter of speed
        return
    assert int(found[2]) >= 15  # those without a signal's frame
    assert int(found[1]) < 1200


@IN_GUESTS
def test_counted_by_stack(stap: Stap, program: Path) -> None:
    text = """global c, d
        probe syscall.getppid { if (pid() == target()) { c[sprint_ubacktrace()]++; d[usymname(ustack(1))] <<< 1 } }
        probe end { foreach (s in c) { n += c[s]; k++ } printf("%d %d\\n", n, k)
            foreach (s in d) println(s, " ", @count(d[s])) }"""
    twice = f"sh -c '{program} 80; {program} 80'"  # the ends of processes come before what they sent is read
    text = text.replace("pid() == target()", 'execname() == "program"')
    done = stap("-DMAXSTRINGLEN=8192", "-e", text, "-c", twice)
    assert (done.returncode, done.stderr) == (0, "")
    total, visits = done.stdout.splitlines()
    assert visits == "visit 160"
    count, stacks = map(int, total.split())
    assert count == 160
    assert 50 <= stacks <= 160  # 80 stacks at most in each process, at addresses of its own


@IN_GUESTS
def test_process_that_is_gone(stap: Stap, program: Path) -> None:
    """The script reads its stacks after the program has ended and another one has its place in memory."""
    text = """global c
        probe syscall.getppid { if (execname() == "program") c[print_at()]++ }
        function print_at() { return usymdata(uaddr()) }
        probe end { foreach (s in c) println(c[s], " ", s) }"""
    done = stap("-e", text, "-c", f"sh -c '{program} 5; exec /bin/true'")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"5 syscall\+0x[0-9a-f]+/0x[0-9a-f]+ \[/\S+/libc\.so\.6\]", done.stdout.strip())


CPP = r"""
#include <sys/syscall.h>
#include <unistd.h>
namespace own {
template <class T> struct Queue {
    __attribute__((noinline)) T push(T value) {
        T result = value + syscall(SYS_getppid);   // line 7
        __asm__ volatile("" ::: "memory");
        return result;
    }
};
}
int main() {
    own::Queue<long> queue;
    return queue.push(3) == 0;   // line 15
}
"""


@pytest.mark.guest(native=True, thorough=True)
def test_lines_cpp_names_and_build_ids(stap: Stap, tmp_path: Path) -> None:
    (tmp_path / "names.cc").write_text(CPP)
    flags = ["-g", "-O1", "-fomit-frame-pointer", "-Wl,--build-id"]
    subprocess.run(["g++", *flags, "-o", "names", "names.cc"], cwd=tmp_path, check=True)
    body = r"""printf("%s %s %s\n", usymfileline(ustack(1) - 1), usymline(ustack(2) - 1), usymfile(ustack(2) - 1))
        println(usymname(ustack(1))); printf("%s %x\n", umodbuildid(ustack(1)), umodaddr(ustack(1)))
        print_ubacktrace_fileline()"""
    text = f"probe syscall.getppid {{ if (pid() == target()) {{ {body} }} }}"
    done = stap("-e", text, "-c", f"{tmp_path}/names")
    assert (done.returncode, done.stderr) == (0, "")
    found = done.stdout.splitlines()
    source = f"{tmp_path}/names.cc"
    assert found[0] == f"{source}:7 15 {source}"
    assert found[1] == "own::Queue<long>::push(long)"
    build_id, address = found[2].split()
    notes = subprocess.run(["readelf", "-n", f"{tmp_path}/names"], capture_output=True, text=True, check=True).stdout
    assert f"Build ID: {build_id}" in notes
    command = ["addr2line", "-e", f"{tmp_path}/names", hex(int(address, 16) - 1)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0] == f"{source}:7"
    file = re.escape(f"{tmp_path}/names")
    push = rf" 0x[0-9a-f]+ : own::Queue<long>::push\(long\)\+0x\w+/0x\w+ at {file}\.cc:7 \[{file}\]"
    assert re.fullmatch(push, found[4])
    assert re.fullmatch(rf" 0x[0-9a-f]+ : main\+0x\w+/0x\w+ at {file}\.cc:15 \[{file}\]", found[5])


@IN_GUESTS
def test_vdso_and_kernel_threads(stap: Stap, tmp_path: Path) -> None:
    code = "import time\nfor i in range(200000): time.clock_gettime(1)"
    text = """global v, k probe timer.profile {
            if (pid() == target()) v[sprint_ubacktrace()]++
            else if (pid() < 20) k[sprint_ubacktrace(), uaddr() == 0]++ }
        probe end { foreach (s in v) print(s); foreach ([s, z] in k) printf("<%s%d>\\n", s, z) }"""
    done = stap("-e", text, "-c", f"{shutil.which('python3')} -c '{code}'")
    assert (done.returncode, done.stderr) == (0, "")
    assert "_start+0x" in done.stdout
    assert all(line == "<1>" for line in done.stdout.splitlines() if line.startswith("<"))


def test_user_side_handlers_have_no_stack(stap: Stap) -> None:
    text = """probe begin { printf("[%s%s%s%d%d]", ubacktrace(), sprint_ubacktrace(), ucallers(-1), ustack(0), uaddr())
        print_ubacktrace(); print_ubacktrace_brief(); println(usymname(7), usymdata(16)); exit() }"""
    done = stap("-e", text)
    assert (done.stdout, done.stderr) == ("[00]0x70x10\n", "")
