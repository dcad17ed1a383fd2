"""The passes one by one: printed scripts that can be fed back, images that staprun runs, starts from the cache."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import STAP, environment, run_stap

_ENTRY_POINT = Path(sys.executable).parent / "staprun"
STAPRUN = (
    (str(_ENTRY_POINT),)
    if _ENTRY_POINT.exists()
    else (sys.executable, "-c", "import sys; from pystap.cli import staprun_main; sys.exit(staprun_main())")
)
SCRIPTS = Path(__file__).parent.parent / "run"
KERNEL_SCRIPT = """
    global n, start = 10, label = "calls"
    probe syscall.getpgid { if (pid() == target()) n++ }
    probe end { printf("%s %d\\n", label, start + n) }"""
COMPILER_MODULES = (
    "llvmlite",
    "pystap.syntax",
    "pystap.elaborate",
    "pystap.kernel",
    "pystap.probes",
    "pystap.debuginfo",
)


def _staprun(folder: Path, *arguments: str) -> tuple[str, str, int]:
    done = subprocess.run(
        [*STAPRUN, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    return done.stdout, done.stderr, done.returncode


# ------------------------------------------------------------------------------------------------- -p1, -p2, -p3


@pytest.mark.parametrize("name", ["functions", "aliases", "foreach_slices", "try_catch", "kernel_language"])
def test_printed_script_can_be_fed_back(name: str, tmp_path: Path) -> None:
    first = run_stap("-p1", "-", folder=tmp_path, stdin=(SCRIPTS / f"{name}.stp").read_text())
    assert (first.stderr, first.returncode) == ("", 0)
    second = run_stap("-p1", "-", folder=tmp_path, stdin=first.stdout)
    assert (second.stdout, second.stderr, second.returncode) == (first.stdout, "", 0)
    options = ("-c", "/bin/true") if name == "kernel_language" else ()
    result = run_stap(*options, "-", folder=tmp_path, stdin=first.stdout)
    assert result.stdout == (SCRIPTS / f"{name}.out").read_text()


def test_macros_and_arguments_are_gone_after_pass_1(tmp_path: Path) -> None:
    script = "@define twice(x) %( (@x) * 2 %) probe begin { println(@twice($1), @2, $#) }"
    result = run_stap("-p1", "-e", script, "21", "text", folder=tmp_path)
    assert 'println(21 * 2, "text", 2)' in result.stdout


def test_pass_2_shows_types_and_places(tmp_path: Path) -> None:
    result = run_stap("-p2", "-e", KERNEL_SCRIPT, folder=tmp_path)
    assert result.returncode == 0
    for expected in ("# globals", "n:long", "label:string", "# probes", "syscall.getpgid", "end"):
        assert expected in result.stdout


def test_pass_3_shows_both_targets(tmp_path: Path) -> None:
    result = run_stap("-p3", "-e", KERNEL_SCRIPT, folder=tmp_path)
    assert result.returncode == 0
    assert "define" in result.stdout  # LLVM IR
    assert "def " in result.stdout  # Python
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").rglob("*.stapimg"))


@pytest.mark.parametrize("last", ["-p1", "-p2", "-p3"])
def test_early_pass_runs_nothing(last: str, tmp_path: Path) -> None:
    target = tmp_path / "ran"
    script = f'probe begin {{ system("touch {target}") exit() }}' if last == "-p1" else 'probe begin { print("ran") }'
    result = run_stap(last, "-e", script, folder=tmp_path)
    assert result.returncode == 0
    assert not target.exists()
    assert not result.stdout.startswith("ran")


# ---------------------------------------------------------------------------------------------------------- images


@pytest.mark.guest(native=True)
def test_image_runs_without_its_script(calls: Path, tmp_path: Path) -> None:
    made = run_stap("-p4", "-m", "count", "-e", KERNEL_SCRIPT, folder=tmp_path, cwd=tmp_path)
    assert (made.stdout, made.stderr, made.returncode) == ("count.stapimg\n", "", 0)
    command = f"{calls} getpgid 1 32"
    assert _staprun(tmp_path, "count.stapimg", "-c", command) == ("calls 42\n", "", 0)
    assert _staprun(tmp_path, "-c", command, "count") == ("calls 42\n", "", 0)
    override = _staprun(tmp_path, "-c", command, "./count.stapimg", "start=-32", "label=two words")
    assert override == ("two words 0\n", "", 0)


def test_image_in_the_cache(tmp_path: Path) -> None:
    script = "global n = 0x10 probe begin { println(n) exit() }"
    made = run_stap("-p4", "-e", script, folder=tmp_path, cwd=tmp_path)
    path = Path(made.stdout.rstrip("\n"))
    assert path.is_relative_to(tmp_path / "cache")
    assert _staprun(tmp_path, str(path)) == ("16\n", "", 0)
    assert _staprun(tmp_path, str(path), "n=0x20") == ("32\n", "", 0)
    assert run_stap("-G", "n=7", "-e", script, folder=tmp_path).stdout == "7\n"


def test_overriding_string_may_be_longer(tmp_path: Path) -> None:
    script = 'global text = "short" probe begin { println(text) exit() }'
    assert run_stap("-G", "text=a longer one", "-e", script, folder=tmp_path).stdout == "a longer one\n"


@pytest.mark.parametrize(
    ("value", "says"), [("nosuch=1", "nosuch"), ("n=text", "text"), ("words", "words"), ("list=1", "list")]
)
def test_override_that_cannot_be(value: str, says: str, tmp_path: Path) -> None:
    script = "global n = 1, list probe begin { list[n] = n foreach (k in list) println(list[k]) exit() }"
    run_stap("-p4", "-m", "image", "-e", script, folder=tmp_path, cwd=tmp_path)
    output, messages, status = _staprun(tmp_path, "image.stapimg", value)
    assert (output, status) == ("", 1)
    assert says in messages
    assert "Traceback" not in messages


@pytest.mark.parametrize("content", [b"", b"no image at all", None])
def test_file_that_is_no_image(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x.stapimg").write_bytes(content)
    output, messages, status = _staprun(tmp_path, "x.stapimg")
    assert (output, status) == ("", 1)
    assert "x.stapimg" in messages
    assert "Traceback" not in messages


def test_staprun_writes_to_a_file(tmp_path: Path) -> None:
    run_stap("-p4", "-m", "image", "-e", 'probe begin { println("text") exit() }', folder=tmp_path, cwd=tmp_path)
    assert _staprun(tmp_path, "-o", "out", "image.stapimg") == ("", "", 0)
    assert (tmp_path / "out").read_text() == "text\n"


# ----------------------------------------------------------------------------------------------------------- cache


def _imported(folder: Path, *arguments: str, start: tuple[str, ...] = ("-m", "pystap")) -> set[str]:
    """Run `stap` and give the names of all modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *start, *arguments],
        env=environment(folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.M))


def _compiler_part(modules: set[str]) -> Iterator[str]:
    return (name for name in sorted(modules) if name.startswith(COMPILER_MODULES))


@pytest.mark.parametrize("script", ['probe begin { println("x") exit() }', KERNEL_SCRIPT], ids=["hello", "kernel"])
def test_second_start_loads_no_compiler(script: str, tmp_path: Path) -> None:
    arguments = ("-e", script, "-c", "/bin/true")
    first = _imported(tmp_path, *arguments)
    assert "pystap.syntax" in first
    second = _imported(tmp_path, *arguments)
    assert list(_compiler_part(second)) == []
    assert len(list((tmp_path / "cache").rglob("*.stapimg"))) == 1
    assert list(_compiler_part(_imported(tmp_path, "--disable-cache", *arguments))) != []


def test_second_start_imports_no_slow_part_of_the_standard_library(tmp_path: Path) -> None:
    """Each of these takes 1 to 4 ms of a start of 40; pystap.lean stands in for them."""
    slow = {"collections", "contextlib", "dataclasses", "enum", "functools", "inspect", "re", "signal", "typing"}
    launcher = (str(Path(__file__).parents[2] / "bin" / "stap"),)
    _imported(tmp_path, "-e", KERNEL_SCRIPT, "-c", "/bin/true", start=launcher)
    always = _imported(tmp_path, start=("-c", "pass"))
    assert (_imported(tmp_path, "-e", KERNEL_SCRIPT, "-c", "/bin/true", start=launcher) & slow) - always == set()


def test_every_input_is_part_of_the_key(tmp_path: Path) -> None:
    """Arguments, options and the text of a file make entries of their own; the output of each is its own."""
    path = tmp_path / "script.stp"

    def run(text: str, *words: str) -> str:
        path.write_text(f"global a probe begin {{ for (i = 0; i < 3; i++) {text} exit() }}")
        result = run_stap(*words, folder=tmp_path)
        assert result.returncode == 0, result.stderr
        return result.stdout

    fill = "{ try { a[i] = 1 } catch { print(i) } } foreach (k in a) print(a[k])"
    runs = {
        ('print("one")', (str(path),)): "oneoneone",
        ('print("two")', (str(path),)): "twotwotwo",
        ("print(@1)", (str(path), "x")): "xxx",
        ("print(@1)", (str(path), "y")): "yyy",
        (fill, (str(path), "-DMAXMAPENTRIES=2")): "211",
        (fill, (str(path),)): "111",
    }
    for _ in range(2):
        for (text, words), expected in runs.items():
            assert run(text, *words) == expected
    assert len(list((tmp_path / "cache").rglob("*.stapimg"))) == len(runs)


def test_disabled_cache_writes_nothing(tmp_path: Path) -> None:
    result = run_stap("--disable-cache", "-e", 'probe begin { println("x") exit() }', folder=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("x\n", "", 0)
    assert not (tmp_path / "cache").exists()


def test_verbose_start_from_the_cache_says_so(tmp_path: Path) -> None:
    arguments = ("-v", "-e", 'probe begin { println("x") exit() }')
    run_stap(*arguments, folder=tmp_path)
    lines = run_stap(*arguments, folder=tmp_path).stderr.splitlines()
    assert any("cached" in line and str(tmp_path / "cache") in line for line in lines)
    assert not any(line.startswith("Pass 3: translated") for line in lines)


def test_runs_of_two_processes_share_a_cache(tmp_path: Path) -> None:
    """Both find it empty and fill it at once."""
    command = [*STAP, "-e", 'probe begin { println("x") exit() }']
    both = [
        subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60) for process in both] == [("x\n", "")] * 2
    assert len(list((tmp_path / "cache").rglob("*.stapimg"))) == 1
