"""The commands as users meet them: exit statuses, messages, the cache, images for staprun."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pystap import cli
from pystap.version import VERSION
from tests.command import STAP, environment, run_stap
from tests.runtime.processes import STAPRUN

HELLO = 'probe begin { print("hello world\\n") exit() }'
HINT = "Try '--help' for more information. [man stap]\n"


def staprun(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STAPRUN, *words], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )


def test_hello(tmp_path: Path) -> None:
    done = run_stap("-e", HELLO, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello world\n", "")


def test_a_script_from_standard_input_and_from_a_file(tmp_path: Path) -> None:
    assert run_stap("-", folder=tmp_path, stdin=HELLO).stdout == "hello world\n"
    (tmp_path / "hello.stp").write_text(HELLO)
    assert run_stap(str(tmp_path / "hello.stp"), folder=tmp_path).stdout == "hello world\n"


def test_the_second_start_comes_from_the_cache_and_imports_no_compiler(tmp_path: Path) -> None:
    assert "Pass 1: parsed user script" in run_stap("-v", "-e", HELLO, folder=tmp_path).stderr
    code = (
        "import sys; sys.argv[0] = 'stap'; from pystap.cli import main; main()\n"
        "heavy = ('llvmlite', 'syntax', 'elaborate', 'kernel', 'debuginfo', 'probes', 'codegen')\n"
        "print([name for name in sys.modules if name.rpartition('.')[2] in heavy and 'encodings' not in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-v", "-e", HELLO], env=environment(tmp_path), capture_output=True, text=True
    )
    assert "Pass 4: using cached" in done.stderr
    assert done.stdout == "hello world\n[]\n"


def test_disabled_and_poisoned_caches_are_not_read(tmp_path: Path) -> None:
    run_stap("-e", HELLO, folder=tmp_path)
    for option in ("--disable-cache", "--poison-cache"):
        assert "Pass 1:" in run_stap(option, "-v", "-e", HELLO, folder=tmp_path).stderr


def test_pass_4_names_an_image_that_staprun_runs(tmp_path: Path) -> None:
    script = 'global who = "nobody" probe begin { printf("%s %d\\n", who, target()) exit() }'
    done = run_stap("-p4", "-e", script, folder=tmp_path)
    assert done.returncode == 0
    path = done.stdout.strip()
    assert path.startswith(str(tmp_path / "cache"))
    assert staprun(tmp_path, path).stdout == "nobody 0\n"
    assert staprun(tmp_path, "-x", str(os.getpid()), path, "who=me").stdout == f"me {os.getpid()}\n"


def test_an_image_gets_the_name_that_was_asked_for(tmp_path: Path) -> None:
    done = run_stap("-p4", "-m", "greeting", "-e", HELLO, folder=tmp_path, cwd=tmp_path)
    assert done.stdout == "greeting.stapimg\n"
    assert staprun(tmp_path, "greeting").stdout == "hello world\n"


def test_staprun_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "x.ko").write_bytes(b"\x7fELF" + bytes(100))
    done = staprun(tmp_path, "x.ko")
    assert (done.returncode, done.stderr) == (1, "ERROR: x.ko is not an image made by pystap (stap -p4)\n")
    done = staprun(tmp_path, "nothing")
    assert (done.returncode, done.stderr) == (1, "ERROR: cannot find the image 'nothing'\n")


def test_help_and_version(tmp_path: Path) -> None:
    done = run_stap("--help", folder=tmp_path)
    assert done.returncode == 0
    assert "--suppress-handler-errors" in done.stdout
    done = run_stap("-V", folder=tmp_path)
    assert done.returncode == 0
    assert f"pystap {VERSION}" in done.stderr


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (("--nonsense",), f"stap: unrecognized option '--nonsense'\n{HINT}"),
        ((), f"A script must be specified.\n{HINT}"),
        (("/nowhere.stp",), "Input file '/nowhere.stp' cannot be read: No such file or directory\n"),
    ],
)
def test_mistakes_end_with_status_1(tmp_path: Path, words: tuple[str, ...], errors: str) -> None:
    done = run_stap(*words, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", errors)


def test_a_binary_file_is_no_script(tmp_path: Path) -> None:
    path = tmp_path / "x.stp"
    path.write_bytes(b"\x7fELF\0\0")
    done = run_stap(str(path), folder=tmp_path)
    message = f"Input file '{path}' is not a script: it holds binary data\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_a_listing_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    command = f"exec {shlex.join(STAP)} -l 'syscall.*' >/dev/full"
    done = subprocess.run(["sh", "-c", command], env=environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "ERROR: cannot write the output: No space left on device\n")


def test_staprun_points_at_its_own_manual(tmp_path: Path) -> None:
    done = staprun(tmp_path)
    hint = "Try '--help' for more information. [man staprun]\n"
    assert (done.returncode, done.stderr) == (1, "staprun: Need a module name or path to load.\n" + hint)


def test_a_parse_error_names_the_pass(tmp_path: Path) -> None:
    done = run_stap("-e", "probe begin {", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("parse error: ")
    assert done.stderr.endswith("Pass 1: parse failed.  [man error::pass1]\n")


def test_a_missing_or_full_output_is_one_error(tmp_path: Path) -> None:
    for redirection, reason in ((">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")):
        command = f"exec {shlex.join(STAP)} -e {shlex.quote(HELLO)} {redirection}"
        done = subprocess.run(["sh", "-c", command], env=environment(tmp_path), capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == f"ERROR: cannot write the output: {reason}\nPass 5: run failed.  [man error::pass5]\n"


def test_no_traceback_reaches_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(words: object, environ: object) -> int:
        raise ZeroDivisionError("so\nwhat")

    assert cli.guarded("stap", ["-e", "x"], broken) == 1
    assert capfd.readouterr().err == (
        "ERROR: internal error of stap: ZeroDivisionError: so what\n"
        "This is a fault of pystap, not of the script. Run it with -vvv to see where it happened.\n"
    )
    assert cli.guarded("stap", ["-vvv"], broken) == 1
    assert "Traceback" in capfd.readouterr().err


def test_the_time_limit_ends_a_session(tmp_path: Path) -> None:
    done = run_stap("-T", "1", "-e", 'probe end { println("end") }', folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
