"""What a session without kernel handlers does from begin to end, seen from outside."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from pystap.runtime import target

from .images import ImageMaker, array_global, long_global, string_global
from .processes import is_running, read_line, run, start, wait_for


def test_begin_and_end_run_in_sequence_order(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("second\\n")', sequence=5)
    maker.begin('rt.write("first\\n")', sequence=-1)
    maker.begin('rt.write("third\\n"); rt.exit()', sequence=5)
    maker.end('rt.write("end\\n")')
    maker.error('rt.write("error\\n")')
    assert run(maker.image(), tmp_path) == (0, "first\nsecond\nthird\nend\n", "")


def test_exit_in_begin_skips_later_begin_handlers_and_timers(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin("rt.exit()")
    maker.begin('rt.write("not this\\n")', sequence=1)
    maker.timer(1, 'rt.write("nor this\\n")')
    maker.end('rt.write("end\\n")')
    assert run(maker.image(), tmp_path) == (0, "end\n", "")


def test_timers_run_by_their_periods(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.globals.append(long_global("n"))
    maker.timer(20, 'g.v_n += 1; rt.write(f"tick {g.v_n}\\n")')
    maker.timer(90, "rt.exit()")
    status, output, errors = run(maker.image(), tmp_path)
    assert (status, errors) == (0, "")
    assert output.startswith("tick 1\ntick 2\n")
    assert len(output.splitlines()) in (3, 4)


def test_probe_point_names_the_running_handler(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write(rt.probe_point + "\\n")')
    maker.timer(1, 'rt.write(rt.probe_point + "\\n"); rt.exit()')
    assert run(maker.image(), tmp_path)[1] == "begin\ntimer.ms(1)\n"


def test_a_run_time_error_ends_the_run_with_the_error_handlers(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin("raise RuntimeFault('division by 0', \"near operator '/' at test.stp:1:3\")")
    maker.end('rt.write("end\\n")')
    maker.error('rt.write("error\\n")')
    status, output, errors = run(maker.image(), tmp_path)
    assert (status, output) == (1, "error\n")
    assert errors == (
        "ERROR: division by 0 near operator '/' at test.stp:1:3\n"
        "WARNING: Number of errors: 1, skipped probes: 0\n"
        "Pass 5: run failed.  [man error::pass5]\n"
    )


def test_errors_within_the_limit_do_not_end_the_run(tmp_path: Path) -> None:
    maker = ImageMaker(max_errors=2)
    maker.begin("raise RuntimeFault('one')")
    maker.timer(1, "rt.exit()")
    maker.end('rt.write("end\\n")')
    status, output, errors = run(maker.image(), tmp_path)
    assert (status, output) == (0, "end\n")
    assert errors == "ERROR: one\nWARNING: Number of errors: 1, skipped probes: 0\n"


def test_suppressed_errors_are_only_counted(tmp_path: Path) -> None:
    maker = ImageMaker(suppress_handler_errors=True)
    maker.timer(1, "g.v_n += 1\nif g.v_n == 3: rt.exit()\nraise RuntimeFault('no')")
    maker.globals.append(long_global("n"))
    assert run(maker.image(), tmp_path) == (0, "", "WARNING: Number of errors: 3, skipped probes: 0\n")


def test_globals_can_be_set_from_the_command_line(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.globals += [long_global("n", initial=1), long_global("m", initial=7), string_global("s", width=3)]
    maker.begin('rt.write(f"{g.v_n} {g.v_m} {g.v_s}\\n"); rt.exit()')
    assert run(maker.image(), tmp_path, after=("n=-0x10", "s=abcdef"))[1] == "-16 7 abc\n"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("m=1", "ERROR: the script has no global variable 'm' (similar: mm)\n"),
        ("mm=x", "ERROR: global variable 'mm' is a number: 'x' is none\n"),
        ("a=1", "ERROR: global variable 'a' is no scalar: it cannot be set\n"),
    ],
)
def test_wrong_values_for_globals_are_refused(tmp_path: Path, word: str, message: str) -> None:
    maker = ImageMaker()
    maker.globals += [long_global("mm"), array_global("a")]
    maker.begin("rt.exit()")
    status, output, errors = run(maker.image(), tmp_path, after=(word,))
    assert (status, output) == (1, "")
    assert errors == message + "Pass 5: run failed.  [man error::pass5]\n"


def test_globals_that_are_never_read_are_shown(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.globals += [
        long_global("x", print_at_end=True),
        string_global("s", print_at_end=True),
        array_global("a", print_at_end=True),
        long_global("quiet"),
    ]
    maker.begin("g.v_x = 5; g.v_s = 'a\"b\\n'; g.v_a.elements.update(k=1, m=3); rt.exit()")
    assert run(maker.image(), tmp_path) == (0, 'x=5\ns="a\\"b\\n"\na["m"]=3\na["k"]=1\n', "")


def test_interrupt_ends_with_the_end_handlers(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        maker = ImageMaker()
        maker.begin('rt.write("live\\n")')
        maker.end('rt.write("end\\n")')
        with start(maker.image(), tmp_path) as process:
            assert read_line(process) == "live\n"
            process.send_signal(number)
            assert process.communicate(timeout=30) == (b"end\n", b"")
            assert process.returncode == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("dd if=/etc/passwd bs=7", ["dd", "if=/etc/passwd", "bs=7"]),
        ("date '+%s %z' +%d", ["date", "+%s %z", "+%d"]),
        ("A=1 true", []),
        ("! false", []),
        ("%1", []),
        ("true && false", []),
        ("ls *.c", []),
        ("", []),
    ],
)
def test_a_command_that_needs_no_shell_is_the_target_itself(command: str, words: list[str]) -> None:
    """Not every shell replaces itself by the command that it runs: target() would be the shell."""
    assert target._words(command) == words


def test_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("live\\n")')
    maker.end('rt.write("ending\\n"); rt.log("")\nwhile True: pass')
    with start(maker.image(), tmp_path) as process:
        assert read_line(process) == "live\n"
        process.send_signal(signal.SIGINT)
        assert read_line(process) == "ending\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"")
        assert process.returncode == 1


def test_interrupt_cuts_an_endless_handler_short(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("live\\n"); rt.log("")\nwhile not rt.interrupted: pass')
    maker.end('rt.write("end\\n")')
    with start(maker.image(), tmp_path) as process:
        assert read_line(process) == "live\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"end\n", b"")


def test_a_closed_pipe_ends_the_run_quietly(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.timer(1, 'rt.write("line\\n" * 1000)')
    with start(maker.image(), tmp_path) as process:
        assert process.stdout is not None
        assert read_line(process) == "line\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_the_target_command_waits_for_the_probes(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write(f"target {rt.target_pid}\\n")')
    maker.end('rt.write("end\\n")')
    status, output, errors = run(maker.image(), tmp_path, "-c", "echo pid $$")
    pid = output.split()[1]
    assert (status, output, errors) == (0, f"target {pid}\npid {pid}\nend\n", "")


def test_the_target_command_ignores_no_signal(tmp_path: Path) -> None:
    """Python ignores two signals; a command must not inherit that."""
    status, output, _ = run(ImageMaker().image(), tmp_path, "-c", "grep SigIgn /proc/self/status")
    assert (status, output.split()) == (0, ["SigIgn:", "0" * 16])


def test_a_failing_target_command_fails_the_run(tmp_path: Path) -> None:
    maker = ImageMaker()
    status, output, errors = run(maker.image(), tmp_path, "-c", "exit 3")
    assert (status, output) == (1, "")
    assert errors == "WARNING: child process exited with status 3\nPass 5: run failed.  [man error::pass5]\n"


def test_the_target_command_never_runs_when_begin_ends_the_session(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin("rt.exit()")
    assert run(maker.image(), tmp_path, "-c", f"touch {tmp_path}/ran")[0] == 0
    assert not (tmp_path / "ran").exists()


def test_an_unknown_target_process_is_refused(tmp_path: Path) -> None:
    errors = run(ImageMaker().image(), tmp_path, "-x", "4194305")[2]
    assert errors.startswith("ERROR: no process with id 4194305 (-x)\n")


def test_output_goes_to_a_file_with_the_time_in_its_name(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("text\\n"); rt.exit()')
    assert run(maker.image(), tmp_path, "-o", "out.%Y") == (0, "", "")
    assert (tmp_path / time.strftime("out.%Y")).read_text() == "text\n"


def test_output_files_of_a_limited_size(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write(("x" * 1023 + "\\n") * 3500); rt.exit()')
    assert run(maker.image(), tmp_path, "-o", "out", "-S", "1,2")[0] == 0
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.2", "out.3"]
    assert (tmp_path / "out.2").stat().st_size == 1 << 20


def test_sigusr2_switches_the_output_file(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("one\\n")')
    maker.end('rt.write("two\\n")')
    with start(maker.image(), tmp_path, "-o", "out") as process:
        wait_for(lambda: (tmp_path / "out").exists() and (tmp_path / "out").read_text())
        process.send_signal(signal.SIGUSR2)
        wait_for((tmp_path / "out.1").exists)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert (tmp_path / "out").read_text() == "one\n"
    assert (tmp_path / "out.1").read_text() == "two\n"


def test_an_output_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin("rt.exit()")
    status, output, errors = run(maker.image(), tmp_path, "-o", "missing/out")
    assert (status, output) == (1, "")
    assert errors.startswith("ERROR: cannot open the output file missing/out: No such file or directory\n")


def test_system_runs_commands_behind_what_was_printed(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("before\\n"); rt.system("echo shell"); rt.exit()')
    assert run(maker.image(), tmp_path) == (0, "before\nshell\n", "")


def test_a_daemon_prints_its_pid_and_ends_with_sigterm(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.write("live\\n")')
    maker.end('rt.write("end\\n")')
    status, output, errors = run(maker.image(), tmp_path, "-D", "-o", "out")
    pid = int(output)
    assert (status, errors) == (0, "")
    assert is_running(pid)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not is_running(pid))
    assert (tmp_path / "out").read_text() == "live\nend\n"


def test_warnings_can_be_switched_off(tmp_path: Path) -> None:
    maker = ImageMaker()
    maker.begin('rt.warn("careful"); rt.log("note\\n"); rt.exit()')
    assert run(maker.image(), tmp_path)[2] == "WARNING: careful\nnote\n"
    assert run(maker.image(), tmp_path, "-w")[2] == "note\n"
