"""`process(...).function(...)` by the symbols of programs that the tests compile."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..command import environment
from ..runtime.processes import STAPRUN
from .programs import CALLS, WAITS, Stap, compiled, lines, stap_in

IN_GUESTS = pytest.mark.guest(native=True)
"""What another kernel may answer in another way; the other tests run natively alone."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("calls"), CALLS)


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@IN_GUESTS
def test_one_program_for_many_functions(stap: Stap, program: Path) -> None:
    script = f"""probe process("{program}").function("help*") {{ println(pp(), " ", ppfunc(), " ", int_arg(1)) }}"""
    expected = []
    for number in range(3):
        expected.append(f'process("{program}").function("helper") helper {number}')
        expected.append(f'process("{program}").function("helped") helped {number}')
    assert lines(stap("-e", script, "-c", str(program))) == expected


def test_a_function_by_an_address_in_it(stap: Stap, program: Path) -> None:
    symbols = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True).stdout.splitlines()
    start = next(int(line.split()[0], 16) for line in symbols if line.endswith(" helper"))
    script = f"""
    probe process("{program}").function({start + 2}) {{ println(ppfunc(), " ", int_arg(1)) }}
    probe process("{program}").function({start}).return {{ println("return") }}"""
    assert lines(stap("-e", script, "-c", str(program))) == [
        f"helper {i}" if at else "return" for i in range(3) for at in (1, 0)
    ]
    refused = stap("-p2", "-e", f'probe process("{program}").function(5) {{ }}')
    assert "no function at address 0x5" in refused.stderr


@IN_GUESTS
def test_arguments_registers_and_strings(stap: Stap, program: Path) -> None:
    script = f"""
    probe process("{program}").function("helper").call {{
      printf("%d %s %d %d\\n", int_arg(1), user_string(pointer_arg(2)), u_register("rdi") == int_arg(1),
             uaddr() == register("rip")) }}
    probe process("{program}").function("many") {{ println(long_arg(6), " ", long_arg(7), " ", long_arg(8)) }}
    probe process("{program}").function("many").return {{ println(pp(), returnval()) }}"""
    expected = [f"{i} text {i} 1 1" for i in range(3)] + ["6 -7 8", f'process("{program}").function("many").return22']
    assert lines(stap("-e", script, "-c", str(program))) == expected


@IN_GUESTS
def test_memory_that_nobody_has_touched(stap: Stap, tmp_path: Path) -> None:
    """A literal at its first use, one that crosses into the next page, a number; and an address that is no memory."""
    source = r"""
    #define PLAIN __attribute__((noinline, noclone))
    const char before[8192] __attribute__((aligned(4096))) = {1};
    const char text[8192] __attribute__((aligned(4096))) = {[4090] = 'c', 'r', 'o', 's', 's', 'i', 'n', 'g', 0};
    const int numbers[3000] __attribute__((aligned(4096))) = {[2500] = 77};
    PLAIN int use(const char *a, const char *b, const int *c) { __asm__ volatile(""); return a != b; }
    int main(void) { return !use("literal", text + 4090, numbers + 2500); }
    """
    program = compiled(tmp_path, source, "untouched")
    script = f"""probe process("{program}").function("use") {{
      println(user_string(pointer_arg(1), "?"), " ", user_string(pointer_arg(2), "?"), " ", user_int(pointer_arg(3)))
      println(user_string(pointer_arg(1) * 0 + 8, "?"), user_int(16)) }}"""
    out = lines(stap("-e", script, "-c", str(program)))
    assert out[1] == "?0"
    if sleeps():
        assert out[0] == "literal crossing 77"


@IN_GUESTS
def test_a_place_that_the_kernel_refuses_is_left_out(stap: Stap, tmp_path: Path) -> None:
    source = r"""
    __asm__(".globl bad_code\n.type bad_code, @function\nbad_code: .byte 0x06\nret\n.size bad_code, 2\n");
    __attribute__((noinline)) int good_code(int n) { __asm__ volatile(""); return n; }
    __attribute__((noinline)) int other_code(int n) { __asm__ volatile(""); return n; }
    #include <unistd.h>
    int main(int argc, char **argv)
    {
        char letter;
        if (argc > 1)
            return read(0, &letter, 1) < 0;
        return good_code(1) + other_code(2) - 3;
    }
    """
    program = compiled(tmp_path, source, "refused")
    script = f"""probe process("{program}").function("*_code") {{ println(ppfunc(), " ", int_arg(1)) }}"""
    with subprocess.Popen([program, "wait"], stdin=subprocess.PIPE):  # the kernel looks at code that is in memory
        assert lines(stap("-e", script, "-c", str(program))) == ["good_code 1", "other_code 2"]
        done = stap("-e", f"""probe process("{program}").function("bad_code") {{ exit() }}""", "-c", "true")
        assert done.returncode == 1
        assert f"refused to probe '{program}' at offset 0x" in done.stderr
        assert "the instruction there cannot be probed" in done.stderr


@IN_GUESTS
@pytest.mark.parametrize(
    "missing", [("UPROBE_MULTI",), ("UPROBE_MULTI", "ATTACH_COOKIE", "SLEEPABLE_UPROBE")], ids="-".join
)
def test_kernels_with_less(stap: Stap, program: Path, tmp_path: Path, missing: tuple[str, ...]) -> None:
    """By a perf event for each place; where there are no cookies, by a copy of the program for each."""
    script = f"""
    probe process("{program}").function("help*") {{ println(ppfunc(), " ", int_arg(1)) }}
    probe process("{program}").function("help*").return {{ println("return ", ppfunc(), " ", returnval()) }}"""
    expected = lines(stap("-e", script, "-c", str(program)))
    assert len(expected) == 12
    answers = next((tmp_path / "cache").rglob("kernel-features"))
    known = answers.read_text().splitlines()
    rows = [line for line in known if line.split(" ")[0] not in missing]
    answers.write_text("".join(f"{row}\n" for row in [*rows, *(f"{name} taken away" for name in missing)]))
    assert lines(stap("-e", script + "# anew", "-c", str(program))) == expected


def sleeps() -> bool:
    from pystap.loader.features import kernel_features
    from pystap.program.features import Feature

    return kernel_features(lambda name, kind: None, "").has(Feature.SLEEPABLE_UPROBE)


@IN_GUESTS
def test_handlers_on_the_same_function_run_in_order(stap: Stap, program: Path) -> None:
    script = f"""
    probe process("{program}").function("many") {{ println("first") }}
    probe process("{program}").function("*many") {{ println("second") }}
    probe process("{program}").function("ma*").return {{ println("last ", returnval()) }}"""
    out = lines(stap("-e", script, "-c", str(program)))
    assert out[:2] == ["first", "second"]
    assert "last 22" in out


@pytest.mark.guest(native=True, thorough=True)
def test_exported_functions_and_counts(stap: Stap, program: Path) -> None:
    script = f"""global n
    probe process("{program}").function("*h*").exported {{ n[ppfunc()]++ }}
    probe process("{program}").function("hidden") {{ n[ppfunc()]++ }}
    probe end {{ foreach (f+ in n) println(f, " ", n[f]) }}"""
    out = lines(stap("-e", script, "-c", f"{program} x"))
    assert out == ["helped 3", "helper 4", "hidden 3"]


@IN_GUESTS
def test_without_a_path_the_target_and_its_children(stap: Stap, program: Path) -> None:
    script = """probe process.function("helper") { println(pid() == target() ? "target" : "child", " ", int_arg(1)) }"""
    other = subprocess.Popen([program], stdout=subprocess.DEVNULL)  # one that is not the target's
    other.wait()
    assert lines(stap("-e", script, "-c", f"{program} x")) == ["target 0", "target 1", "target 2", "child 77"]


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that waits for input from the fifo `input`."""
    program = compiled(tmp_path, WAITS, "waits")
    os.mkfifo(tmp_path / "input")
    with (tmp_path / "input").open("r+b", buffering=0) as fifo:
        process = subprocess.Popen([program], stdin=fifo)
        yield process
        process.kill()
        process.wait()


@IN_GUESTS
def test_process_by_id(stap: Stap, waiting: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert lines(stap("-l", f'process({waiting.pid}).function("got")')) == [f'process({waiting.pid}).function("got")']
    script = f"""probe process({waiting.pid}).function("got") {{ println(pid(), " ", int_arg(1)) }}"""
    command = f"sh -c 'echo x | {tmp_path}/waits; printf ab > {tmp_path}/input; sleep 0.2'"
    assert lines(stap("-e", script, "-c", command)) == [f"{waiting.pid} 97", f"{waiting.pid} 98"]
    targeted = """probe process.function("got") { println(pid() == target(), " ", int_arg(1)) exit() }
    probe timer.ms(300) { system("printf c > INPUT") }""".replace("INPUT", str(tmp_path / "input"))
    assert lines(stap("-e", targeted, "-x", str(waiting.pid))) == ["1 99"]
    missing = stap("-e", 'probe process(999999999).function("main") {}')
    assert "cannot find the program of process 999999999" in missing.stderr
    assert missing.returncode == 1


@IN_GUESTS
def test_a_program_that_starts_later(stap: Stap, program: Path) -> None:
    script = f"""probe process("{program}").function("helped") {{ println(int_arg(1), " ", execname()) }}"""
    out = lines(stap("-e", script, "-c", f"sh -c 'cd /; {program}; {program} x'"))
    assert out == [f"{i} program" for i in (0, 1, 2, 0, 1, 2)]


def test_recompiled_program_is_looked_up_again(stap: Stap, tmp_path: Path) -> None:
    other = CALLS.replace("PLAIN long many", "PLAIN int filler(int n) { return n; }\nPLAIN long many")
    script = f"""probe process("{tmp_path}/changing").function("helped") {{ println(int_arg(1)) }}"""
    for source in (CALLS, other):
        program = compiled(tmp_path, source, "changing")
        assert lines(stap("-e", script, "-c", str(program))) == ["0", "1", "2"]


def test_an_image_of_another_program_is_refused(stap: Stap, tmp_path: Path) -> None:
    program = compiled(tmp_path, CALLS, "changing")
    script = f"""probe process("{program}").function("helped") {{ println(int_arg(1)) }}"""
    [image] = lines(stap("-p4", "-e", script))
    compiled(tmp_path, CALLS + "int more(int n) { return n; }", "changing")
    command = [*STAPRUN, "-c", str(program), image]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 1
    assert "it is not the file that it was when the script was compiled" in done.stderr


def test_listing(stap: Stap, program: Path) -> None:
    assert lines(stap("-l", f'process("{program}").function("help*")')) == [
        f'process("{program}").function("helped")',
        f'process("{program}").function("helper")',
    ]


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ('process("{0}").function("halper")', "no match for function 'halper' in '{0}' (similar functions: helper"),
        ('process("").function("main")', "cannot find executable ''"),
        ('process("{0}").library("").function("main")', "no library ''"),
        (
            'process("{0}").function("helper")?, process("{0}").function("main") {{ println($a) }} probe end',
            "there is no debuginfo for this code; without it values are read by number: int_arg(1)",
        ),
        ('process("{0}x").function("main")', "cannot find executable '{0}x'"),
        ('process("sleeep").function("main")', "cannot find executable 'sleeep' (similar programs: sleep"),
        ('process("/etc/passwd").function("main")', "'/etc/passwd' is not an ELF file"),
        ('process("/tmp").function("main")', "'/tmp' is a folder"),
        ('process("{0}").function("main@x.c:3")', "source files are known by debuginfo (DWARF) alone"),
        ('process("{0}").function("main").inline', "inlined functions are known by debuginfo"),
        ('process.function("main")', "a process probe needs a program, a process id, or a target (-c or -x)"),
        ('process("{0}").functoin("main")', "probe point mismatch (similar: function"),
    ],
)
def test_what_cannot_be_probed(stap: Stap, program: Path, point: str, message: str) -> None:
    done = stap("-e", f"probe {point.format(program)} {{ exit() }}")
    assert done.returncode == 1
    assert message.format(program) in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupt_ends_at_once(program: Path, tmp_path: Path) -> None:
    from ..command import STAP, in_guest

    if in_guest():
        pytest.skip("natively")
    script = f"""global n probe process("{program}").function("*") {{ n++ }}
    probe end {{ println("n ", n) }} probe timer.ms(1) {{ log("live") }}"""
    process = subprocess.Popen(
        [*STAP, "-e", script],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "live" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out == "n 0\n"
    assert process.returncode == 0
