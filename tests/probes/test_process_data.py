"""`process(...).data(...)`: watchpoints on variables of processes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from .programs import Stap, compiled, lines, stap_in

IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""

# QEMU takes what the kernel (7.3) clears behind the data of a program for hits of a watchpoint in the same page:
# counting them by perf_event_open alone, without any program, gives 510 where there are two.
VARIABLES = r"""
#include <unistd.h>
volatile int counter[1024] __attribute__((aligned(4096))) = {5}; /* a page: see the note */
volatile char letter;
__attribute__((noinline)) void change(int n) { counter[0] = n; }
int main(void)
{
    change(1);
    change(2);
    while (read(0, (char *)&letter, 1) == 1)
        change(letter + counter[0]);
    return 0;
}
"""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


def _needs_debug_registers(done: subprocess.CompletedProcess[str]) -> None:
    if "memory cannot be watched here" in done.stderr or "debug registers" in done.stderr:
        pytest.skip("no hardware breakpoints")


@IN_GUESTS
def test_of_the_target_at_a_fixed_address(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, VARIABLES, "fixed", "-no-pie", "-O1")
    script = (
        """probe process.data("counter").length(4).write { println(pp(), " ", user_int(COUNTER), " ", uaddr() != 0) }"""
    )
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    address = next(line.split()[0] for line in symbols.splitlines() if line.endswith(" counter"))
    done = stap("-e", script.replace("COUNTER", f"0x{address}"), "-c", str(program))
    _needs_debug_registers(done)
    point = 'process.data("counter").length(4).write'
    assert lines(done) == [f"{point} 1 1", f"{point} 2 1"]


@IN_GUESTS
def test_of_a_running_process(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, VARIABLES, "moved", "-O1")
    os.mkfifo(tmp_path / "input")
    with (tmp_path / "input").open("r+b", buffering=0) as fifo:
        process = subprocess.Popen([program], stdin=fifo)
        try:
            while b"moved" not in Path(f"/proc/{process.pid}/exe").resolve().as_posix().encode():
                time.sleep(0.01)
            script = f"""
            probe process({process.pid}).data("counter").length(4).rw {{ printf("%d %s\\n", pid(), execname()) }}
            probe timer.ms(300) {{ system("printf a > {tmp_path}/input") }} probe timer.s(1) {{ exit() }}"""
            done = stap("-e", script)
            _needs_debug_registers(done)
            found = set(lines(done))
            assert found == {f"{process.pid} moved"}
        finally:
            process.kill()
            process.wait()


def test_what_cannot_be_watched(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, VARIABLES, "moved", "-O1")
    for point, message in (
        ('data("counter").write', "can be loaded anywhere (it is position-independent)"),
        ('data("cuonter").write', "no variable 'cuonter' in the symbols of"),
        ("data(0x1001).length(4).write", "0x1001 is not at a multiple of the length 4"),
        ("data(0xffffffff81000000).write", "is no address of a process"),
        ("data(16).length(3).rw", "length must be one of 1, 2, 4, 8"),
    ):
        done = stap("-e", f"probe process.{point} {{ exit() }}", "-c", str(program))
        assert done.returncode == 1
        assert message in done.stderr
