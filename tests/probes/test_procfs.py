"""Files that others read and write while a script runs, and what is typed."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pystap.runtime.procfs import files_folder

from ..command import GUEST_PATIENCE, STAP, environment, in_guest, run_stap

pytestmark = pytest.mark.skipif(
    not os.access(os.path.dirname(os.path.dirname(files_folder("x"))), os.W_OK), reason="no writable runtime folder"
)
_SECONDS = 20 * (GUEST_PATIENCE if in_guest() else 1)


@contextmanager
def _session(folder: Path, script: str, name: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a script that says "ready"; gives the process and the folder of its files."""
    command = [*STAP, "-m", name, "-T", str(_SECONDS), "-e", script]
    with subprocess.Popen(
        command, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            files = Path(files_folder(name))
            _wait_for(files.exists)
            yield process, files
        finally:
            process.terminate()
            process.wait()
    assert not files.exists()


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _read(path: Path) -> str:
    return subprocess.run(["cat", str(path)], capture_output=True, text=True, timeout=_SECONDS, check=True).stdout


def test_each_reader_gets_the_whole_text_once(tmp_path: Path) -> None:
    script = """global n, text
        probe procfs("a/count").umask(0040).read { $value = sprintf("%d ", ++n) $value .= "more\\n" }
        probe procfs("long").read.maxsize(5000) { for (i = 0; i < 100; i++) $value .= sprintf("%50d", i) }
        probe procfs("short").read { for (i = 0; i < 100; i++) $value .= sprintf("%50d", i) }
        probe begin { println("ready") }"""
    with _session(tmp_path, script, "test_procfs_read") as (_, files):
        assert [_read(files / "a" / "count") for _ in range(3)] == ["1 more\n", "2 more\n", "3 more\n"]
        assert stat.filemode((files / "a" / "count").stat().st_mode) == "pr-----r--"
        assert stat.filemode((files / "long").stat().st_mode) == "pr--------"
        assert _read(files / "long") == "".join(f"{i:50}" for i in range(100))
        assert len(_read(files / "short")) == 511


def test_what_is_written_arrives_line_by_line(tmp_path: Path) -> None:
    script = """probe procfs.write { printf("got %s", $value) if ($value == "quit\\n") exit() }
        probe procfs("b").write { printf("[%s]\\n", $value) }
        probe begin { println("ready") }"""
    with _session(tmp_path, script, "test_procfs_write") as (process, files):
        assert stat.filemode((files / "command").stat().st_mode) == "p-w-------"
        (files / "b").write_text("no newline")
        assert process.stdout is not None
        assert process.stdout.readline() == "[no newline]\n"
        (files / "command").write_text("one\n")
        (files / "command").write_text("two\nquit\n")
        output, _ = process.communicate(timeout=_SECONDS)
    assert output.splitlines() == ["got one", "got two", "got quit"]
    assert process.returncode == 0


def test_a_reader_that_waits_at_the_end_finds_the_end(tmp_path: Path) -> None:
    script = 'probe procfs("slow").read { exit() $value = "x" } probe begin { println("ready") }'
    with _session(tmp_path, script, "test_procfs_end") as (process, files):
        assert _read(files / "slow") == "x"
        process.wait(_SECONDS)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('probe procfs("/x").read { }', "'/x' cannot be the path of a file of this session"),
        ('probe procfs("a/../b").read { }', "cannot be the path"),
        ('probe procfs("__stdin").write { }', "cannot be the path"),
        ("probe procfs.read.maxsize(0) { }", "maxsize must be 1 to 1048576"),
        ('probe procfs.write { $value = "x" }', "write to target variable not permitted"),
        ("probe procfs.read { println($valu) }", "unresolved target-symbol expression (similar: $value)"),
        ("probe procfs.read { $value = 1 }", "type mismatch"),
        ("probe input.word { }", "probe point mismatch"),
    ],
)
def test_mistakes(script: str, message: str, tmp_path: Path) -> None:
    result = run_stap("-e", script, folder=tmp_path)
    assert result.returncode == 1
    assert message in result.stderr


def test_input_by_character_and_line(tmp_path: Path) -> None:
    script = """probe input.char { printf("<%s>", char) if (char == "q") exit() }
        probe input.line { printf("{%s}", line) }"""
    done = run_stap("-e", script, folder=tmp_path, stdin="ab\nc\nqrest\n")
    assert (done.returncode, done.stdout) == (0, "<a><b><\n>{ab\n}<c><\n>{c\n}<q>")


def test_a_long_line_is_cut_and_the_end_of_input_ends_nothing(tmp_path: Path) -> None:
    script = "probe input.line { println(strlen(line)) } probe timer.ms(300) { exit() }"
    done = run_stap("-e", script, folder=tmp_path, stdin="x" * 1000 + "\nab\n")
    assert (done.returncode, done.stdout) == (0, "511\n3\n")


def test_a_terminal_passes_on_each_character_and_is_set_back(tmp_path: Path) -> None:
    import termios

    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    script = 'probe begin { println("ready") } probe input.char { printf("<%s>", char) if (char == "q") exit() }'
    with subprocess.Popen(
        [*STAP, "-e", script], env=environment(tmp_path), stdin=follower, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.write(leader, b"aq")
        assert process.communicate(timeout=_SECONDS)[0] == "<a><q>"
    assert termios.tcgetattr(follower)[3] == before[3]
    os.close(leader)
    os.close(follower)


def test_prometheus(tmp_path: Path) -> None:
    script = """global a, b
        probe prometheus {
            @prometheus_dump_array1(a, "calls", "name")
            @prometheus_dump_array2_map(b, "t", "x", "y", sprint, sprint, angle)
        }
        function angle(s) { return "<" . s . ">" }
        probe begin { a["re\\"ad"] = 3 b[1, "k"] = 9 println("ready") }"""
    with _session(tmp_path, script, "test_prometheus") as (_, files):
        assert _read(files / "metrics") == 'calls{name="re\\"ad"} 3\nt{x="1",y="<k>"} 9\n'


def test_json(tmp_path: Path) -> None:
    script = """probe json_data {
            @json_output_data_start
            @json_output_numeric_value("n", 5)
            @json_output_string_value("s", "a\\"b")
            @json_output_array_numeric_value("rows", "eth0", "count", 3)
            @json_output_array_string_value("rows", "eth0", "label", "x")
            @json_output_array_numeric_value("rows", "lo", "count", 4)
            @json_output_data_end
        }
        probe begin {
            json_set_prefix("pre")
            json_add_numeric_metric("n", "how many", "count")
            json_add_string_metric("s", "")
            json_add_array("rows", "rows")
            json_add_array_numeric_metric("rows", "count", "", "")
            json_add_array_string_metric("rows", "label", "")
            try { json_add_string_metric("s", "") println("twice") } catch { }
            println("ready")
        }"""

    with _session(tmp_path, script, "test_json") as (_, files):
        known = json.loads(_read(files / "metadata.json"))
        data = json.loads(_read(files / "data.json"))
        again = json.loads(_read(files / "data.json"))
    assert known["prefix"] == "pre"
    assert [(m["name"], m["type"], m["pointer"]) for m in known["metrics"]] == [
        ("n", "integer", "/n"), ("s", "string", "/s"), ("rows", "array", "/rows"),
    ]  # fmt: skip
    assert [m["name"] for m in known["metrics"][2]["metrics"]] == ["count", "label"]
    assert known["metrics"][0] | {"description": "how many", "units": "count"} == known["metrics"][0]
    rows = [{"__id": "eth0", "count": 3, "label": "x"}, {"__id": "lo", "count": 4}]
    assert data == again == {"n": 5, "s": 'a"b', "rows": rows}
