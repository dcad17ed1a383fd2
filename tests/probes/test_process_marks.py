"""`process(...).mark(...)`: static markers by sys/sdt.h, every form of argument, semaphores."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pystap.debuginfo.sdt import parse_argument
from pystap.program.user_code import MarkArgument

from .programs import Stap, compiled, lines, stap_in

HEADER = Path("/usr/include/x86_64-linux-gnu/sys/sdt.h")
pytestmark = pytest.mark.skipif(not HEADER.exists(), reason="needs systemtap-sdt-dev (sys/sdt.h)")
IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""

MARKS = r"""
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
#include <stdint.h>
#include <string.h>
#define COUNTER(name) unsigned short name __attribute__((section(".probes")))
COUNTER(prov_zero_semaphore); COUNTER(prov_sizes_semaphore); COUNTER(prov_mem_semaphore);
COUNTER(prov_floating_semaphore); COUNTER(prov_stack_semaphore); COUNTER(other_zero_semaphore);
COUNTER(prov_guarded_semaphore); COUNTER(prov_twice_semaphore);
volatile int global = -5;
static volatile unsigned char bytes[4] = {200, 2, 3, 4};
int main(int argc, char **argv)
{
    int8_t a = -1; uint8_t b = 255; int16_t c = -2; uint16_t d = 65535;
    int32_t e = -3; uint32_t f = 0xfffffffeu; int64_t g = -4; uint64_t h = 5;
    char text[8];
    strcpy(text, "hello");
    STAP_PROBE(prov, zero);
    STAP_PROBE8(prov, sizes, a, b, c, d, e, f, g, h);
    STAP_PROBE4(prov, mem, global, bytes[argc], text, 42);
    STAP_PROBE2(other, zero, argv[0], &global);
    STAP_PROBE1(prov, floating, 1.5);
    volatile int local = argc * 3;
    volatile int array[5] = {1, 2, 3, 4, 5};
    STAP_PROBE3(prov, stack, local, array[argc], array[2]);
    if (prov_guarded_semaphore)
        STAP_PROBE1(prov, guarded, prov_guarded_semaphore);
    STAP_PROBE1(prov, twice, argc);
    STAP_PROBE1(prov, twice, 77);
    return prov_guarded_semaphore;
}
"""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.mark.parametrize(
    "options", [("-O0",), pytest.param(("-O2",), marks=IN_GUESTS), ("-O2", "-static"), ("-O1", "-no-pie")], ids="".join
)
def test_arguments(stap: Stap, folder: Path, options: tuple[str, ...]) -> None:
    program = compiled(folder, MARKS, "marks" + "".join(options), *options)
    script = f"""
    probe process("{program}").mark("sizes") {{
      printf("%s %d %d %d %d %d %d %d %d\\n", $$name, $arg1, $arg2, $arg3, $arg4, $arg5, $arg6, $arg7, $arg8)
      println($$parms) }}
    probe process("{program}").provider("*").mark("zero") {{ println($$provider, " ", pp()) }}
    probe process("{program}").provider("other").mark("zero") {{ println(user_string($arg1), " ", user_int($arg2)) }}
    probe process("{program}").mark("mem") {{ println($arg1, " ", $arg2, " ", user_string($arg3), " ", $arg4) }}
    probe process("{program}").mark("stack") {{ println($arg1, " ", $arg2, " ", $arg3) }}
    probe process("{program}").mark("twice") {{ println("twice ", $arg1) }}"""
    words = [f"arg{i}={v}" for i, v in enumerate(
        ("0xffffffffffffffff", "0xff", "0xfffffffffffffffe", "0xffff", "0xfffffffffffffffd", "0xfffffffe",
         "0xfffffffffffffffc", "0x5"), 1)]  # fmt: skip
    assert lines(stap("-e", script, "-c", str(program))) == [
        f'prov process("{program}").provider("prov").mark("zero")',
        "sizes -1 255 -2 65535 -3 4294967294 -4 5",
        " ".join(words),
        "-5 2 hello 42",
        f'other process("{program}").provider("other").mark("zero")',
        f"{program} -5",
        "3 2 3",
        "twice 1",
        "twice 77",
    ]


@IN_GUESTS
def test_semaphores_and_counts(stap: Stap, folder: Path) -> None:
    program = compiled(folder, MARKS, "counted", "-O2")
    assert subprocess.run([program], check=False).returncode == 0
    script = f"""global n
    probe process("{program}").mark("guarded") {{ println("counted ", $arg1) }}
    probe process("{program}").provider("prov").mark("*") {{ n[$$name]++ }}
    probe end {{ foreach (name+ in n) println(name, " ", n[name]) }}"""
    done = stap("-e", script, "-c", str(program))
    names = ["floating", "guarded", "mem", "sizes", "stack", "twice", "zero"]
    counts = [f"{name} {2 if name == 'twice' else 1}" for name in names]
    assert done.stdout.splitlines() == ["counted 1", *counts]
    assert "exited with status 1" in done.stderr
    end = time.monotonic() + 30  # where detaching takes long, stap does not wait for it
    while subprocess.run([program], check=False).returncode != 0:
        assert time.monotonic() < end


def test_listing_and_errors(stap: Stap, folder: Path) -> None:
    program = compiled(folder, MARKS, "listed", "-O2")
    assert lines(stap("-L", f'process("{program}").mark("*e*")')) == [
        f'process("{program}").mark("guarded") $arg1:long',
        f'process("{program}").mark("mem") $arg1:long $arg2:long $arg3:long $arg4:long',
        f'process("{program}").mark("sizes") ' + " ".join(f"$arg{i}:long" for i in range(1, 9)),
        f'process("{program}").mark("twice") $arg1:long',
        f'process("{program}").mark("zero")',
    ]
    done = stap("-e", f'probe process("{program}").mark("size") {{ println($arg1) }}')
    assert f"no marker 'size' in '{program}' (alternatives: sizes" in done.stderr
    done = stap("-e", f'probe process("{program}").mark("floating") {{ println($arg1) }}')
    assert "argument 1 of the marker 'floating' cannot be read: " in done.stderr
    done = stap("-e", f'probe process("{program}").mark("stack") {{ println($arg4) }}')
    assert "unresolved target-symbol expression" in done.stderr
    done = stap("-e", 'probe process("/bin/true").mark("*") { println($arg1) }')
    assert "'/usr/bin/true' has no markers (sys/sdt.h)" in done.stderr
    assert done.returncode == 1


def test_python_interpreter(stap: Stap) -> None:
    python = Path(sys.executable).resolve()
    if b"function__entry" not in python.read_bytes():
        pytest.skip("this interpreter has no markers")
    script = f"""probe process("{python}").mark("gc__done") {{ println("collected ", $arg1 >= 0) exit() }}"""
    assert lines(stap("-e", script, "-c", f"{python} -c 'import gc; gc.collect()'")) == ["collected 1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-4@$-7", MarkArgument(4, True, constant=-7)),
        ("4@$-7", MarkArgument(4, False, constant=0xFFFFFFF9)),
        ("8@$0x10", MarkArgument(8, False, constant=16)),
        ("1@%ah", MarkArgument(1, False, base="ax", shift=8)),
        ("-2@%r9w", MarkArgument(2, True, base="r9")),
        ("8@(%rdi)", MarkArgument(8, False, base="di", in_memory=True)),
        ("4@-0x8(%rbp)", MarkArgument(4, False, base="bp", displacement=-8, in_memory=True)),
        ("4@(%rax,%rbx)", MarkArgument(4, False, base="ax", index="bx", in_memory=True)),
        ("8@16(%rax,%r8,8)", MarkArgument(8, False, base="ax", index="r8", scale=8, displacement=16, in_memory=True)),
        ("8@4(,%rcx,4)", MarkArgument(8, False, index="cx", scale=4, displacement=4, in_memory=True)),
        ("4@known(%rip)", MarkArgument(4, False, address=0x4000, in_memory=True)),
        ("4@known+12(%rip)", MarkArgument(4, False, address=0x4000, displacement=12, in_memory=True)),
        ("4@known(%rbx)", MarkArgument(4, False, base="bx", address=0x4000, in_memory=True)),
        ("8f@%xmm0", MarkArgument(8, False, problem="it is in the register %xmm0, which is not saved")),
        ("8@other(%rip)", MarkArgument(8, False, problem="its place 'other' is not in the program's symbols")),
        ("8@what?", MarkArgument(8, False, problem="its operand 'what?' is not understood")),
        ("16@%rax", MarkArgument(8, False, problem="it has 16 bytes")),
    ],
)
def test_operands(text: str, expected: MarkArgument) -> None:
    assert parse_argument(text, {"known": 0x4000}.get) == expected
