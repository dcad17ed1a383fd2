"""Kernel stacks and symbols, as scripts print them, on the kernel that runs the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..command import run_stap

IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
LINE = re.compile(r" 0x([0-9a-f]{16}) : (\S+)\+0x[0-9a-f]+/0x[0-9a-f]+ \[\w+\]")


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@IN_GUESTS
def test_forms_agree(stap: Stap) -> None:
    body = r"""b = backtrace(); println("B ", b); print_backtrace(); println("S"); print_stack(b); println("Y")
        print_syms(b); println("C ", callers(1)); println("A ", callers(-1) == b, " ", caller())
        printf("%s%s%s", sprint_stack(b), sprint_backtrace(), sprint_syms(b))
        printf("%x %x %x\n%s\n%s\n%s\n", stack(0), caller_addr(), stack(1000), symname(stack(1)), symdata(stack(1)),
            modname(stack(1))); exit()"""
    text = f"probe syscall.getppid {{ if (pid() == target()) {{ {body} }} }}"
    found = lines(stap("-e", text, "-c", f"{sys.executable} -c 'import os; os.getppid()'"))
    addresses = found[0].removeprefix("B ").split()
    count = len(addresses)
    assert all(re.fullmatch("0xffff[0-9a-f]{12}", address) for address in addresses)
    printed = found[1 : count + 1]
    names = [LINE.fullmatch(line) for line in printed]
    assert [f"0x{name[1]}" for name in names if name] == addresses
    assert "do_syscall_64" in [name[2] for name in names if name]
    assert found[count + 1] == "S"
    assert found[count + 2 : 2 * count + 2] == printed
    assert found[2 * count + 2] == "Y"
    rest = found[2 * count + 3 :]
    assert rest[:count] == printed
    second = names[1]
    assert second is not None
    assert rest[count] == "C " + " ".join(addresses[:2])
    assert rest[count + 1] == f"A 1 {second[2]} {addresses[1]}"
    simple = [re.sub(r"^ \S+ : (\S+)/0x\w+", r"\1", line) for line in printed]
    assert rest[count + 2 : 3 * count + 2] == simple * 2
    full = [line.partition(" : ")[2] for line in printed]
    assert rest[3 * count + 2 : 4 * count + 2] == full
    assert rest[4 * count + 2 :] == [
        f"{addresses[0][2:]} {addresses[1][2:]} 0", second[2], full[1], full[1].rpartition("[")[2][:-1],
    ]  # fmt: skip


@pytest.fixture
def reader() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is blocked in a read of a pipe again and again."""
    code = "import os\nwhile os.read(0, 1): pass"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kernel_stack_of(pid: int) -> list[str]:
    """What the kernel itself shows of a task that waits, without the scheduler's functions."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [line.split()[1] for line in Path(f"/proc/{pid}/stack").read_text().splitlines()]
        if any("pipe_read" in line for line in found):
            return found
        time.sleep(0.01)
    raise AssertionError("the process never waited for the pipe")


@IN_GUESTS
def test_same_frames_as_the_kernel_shows(stap: Stap, reader: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pid = reader.pid
    expected = kernel_stack_of(pid)
    (tmp_path / "s.stp").write_text(
        f"""probe kernel.trace("sched_switch") {{ if (tid() == {pid}) {{ print_backtrace(); exit() }} }}
        probe begin {{ system("sleep 0.3; for i in 1 2 3; do echo; sleep 0.1; done >/proc/{pid}/fd/0") }}"""
    )
    done = stap(str(tmp_path / "s.stp"))
    frames = [line.split(" : ")[1].split()[0] for line in lines(done)]
    assert frames[-len(expected) :] == expected
    assert frames[0].startswith("__schedule+")


@IN_GUESTS
def test_texts_of_stacks_as_keys_are_never_built_in_the_kernel(stap: Stap) -> None:
    text = """global c, s, d
        probe syscall.getppid, syscall.getuid { if (pid() == target()) {
            c[execname(), sprint_backtrace()]++; s[symname(stack(1))] <<< 2; d[backtrace()] += 3 } }
        probe timer.ms(20) { delete d }
        probe end { foreach (b in d) total += d[b]
            foreach ([e, b] in c) printf("%d\\n%s", c[e, b], b)
            foreach (n in s) println(n, " ", @count(s[n]), " ", @sum(s[n])) }"""
    loop = "import os\nfor i in range(300): os.getppid(); os.getuid()"
    found = lines(stap("-e", text, "-c", f"{sys.executable} -c '{loop}'"))
    assert found[0] == "600"  # one stack for both calls: the probe is on the way into any call
    assert any(line.startswith("do_syscall_64+0x") for line in found)
    assert re.fullmatch(r"\w+ 600 1200", found[-1])
    shown = stap("-p2", "-v", "-e", text).stdout
    assert "c:long [string, string] /* add-only, key widths 15, key 2 rendered when it is read */" in shown
    assert "d:long [string] /* drained, key 1 rendered when it is read */" in shown
    assert "deferred" not in shown


@pytest.mark.guest(native=True, thorough=True)
def test_keys_of_several_kinds_are_texts(stap: Stap) -> None:
    """What one array is indexed with by different expressions has no common form: then user space builds the texts."""
    text = """global c
        probe syscall.getppid { if (pid() == target()) c[sprint_backtrace()]++ }
        probe syscall.getuid { if (pid() == target()) c["x" . backtrace()]++ }
        probe end { foreach (b in c) println(c[b], " ", substr(b, 0, 3) == "x0x") }"""
    found = lines(stap("-e", text, "-c", f"{sys.executable} -c 'import os; os.getppid(); os.getuid()'"))
    assert sorted(found) == ["1 0", "1 1"]


@IN_GUESTS
def test_interrupted_code(stap: Stap) -> None:
    text = """global c
        probe timer.profile { if (pid() == target()) c[sprint_backtrace()]++ }
        probe end { foreach (b in c) print(b) }"""
    loop = 'import os\nf = os.open("/dev/zero", 0)\nfor i in range(1500): os.read(f, 1 << 20)'
    found = lines(stap("-e", text, "-c", f"{sys.executable} -c '{loop}'"))
    assert any(line.startswith(("read_iter_zero+", "read_zero+")) for line in found)
    # What brings the timer's hit to the handler runs with interrupts off: it is never what was interrupted.
    own = ("bpf_prog", "bpf_overflow_handler", "perf_swevent_hrtimer", "perf_event_overflow", "__perf_event_overflow")
    assert not any(line.startswith(own) for line in found)


def test_user_side_handlers_have_no_stack(stap: Stap) -> None:
    text = """probe begin { printf("[%s%s%d%d]", backtrace(), sprint_backtrace() . callers(-1), stack(0), caller_addr())
        print_backtrace(); println(symname(7), symdata(16), sprint_syms("0x7 0x10")); exit() }"""
    assert lines(stap("-e", text)) == ["[00]0x70x100x7", "0x10", ""]


@IN_GUESTS
def test_stack_of_a_task_that_waits(stap: Stap, reader: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pid = reader.pid
    expected = kernel_stack_of(pid)
    (tmp_path / "s.stp").write_text(
        f"""probe kernel.trace("sched_switch") {{
            if (tid() == {pid}) {{ print_syms(task_backtrace($prev)); exit() }} }}
        probe begin {{ system("sleep 0.3; for i in 1 2 3; do echo; sleep 0.1; done >/proc/{pid}/fd/0") }}"""
    )
    done = stap(str(tmp_path / "s.stp"))
    assert [line.split(" : ")[1].split()[0] for line in lines(done)] == expected


@pytest.mark.guest(native=True, thorough=True)
def test_where_the_probe_is(stap: Stap) -> None:
    text = """probe begin { print(addr(), "<", probemod(), ">") }
        probe syscall.getppid { if (pid() == target() && !n++) print(addr()) }
        probe timer.profile { if (pid() == target() && addr() != (addr() < 0 ? stack(0) : uaddr())) bad++
            if (pid() == target()) hits++ }
        global bad, hits, n
        probe end { println(" ", bad, " ", hits > 0) }"""
    loop = "import os\nfor i in range(400000): os.getppid()"
    assert lines(stap("-e", text, "-c", f"{sys.executable} -c '{loop}'")) == ["0<>0 0 1"]


def test_unknown_module_is_an_error(stap: Stap) -> None:
    found = lines(stap("-e", "probe begin { try { println(modname(5)) } catch (m) { println(m) } exit() }"))
    assert found == ["No module name available for address 0x5"]


@pytest.mark.guest(native=True, thorough=True)
def test_offsets_are_those_of_kallsyms(stap: Stap) -> None:
    if os.geteuid() != 0:
        pytest.skip("the kernel hides its addresses")
    table = {}
    for line in Path("/proc/kallsyms").read_text().splitlines():
        address, kind, name = line.split()[:3]
        if kind in "Tt" and name in ("vfs_read", "do_exit", "ksys_read"):
            table.setdefault(name, int(address, 16))
    calls = "".join(f"println(symname({at + 1}), symname({at}));" for at in table.values())
    assert lines(stap("-e", f"probe begin {{ {calls} exit() }}")) == [name * 2 for name in table]
