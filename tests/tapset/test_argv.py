"""The arguments behind the script as the variables argc and argv."""

from __future__ import annotations

from pathlib import Path

from ..command import run_stap

SCRIPT = """probe begin {
    if (argc == 0) { argv[1] = "none"; argc = 1 }
    for (i = 1; i <= argc; i++) printf("%d:%s ", i, argv[i])
    exit()
}"""


def test_arguments_are_variables(tmp_path: Path) -> None:
    assert run_stap("-e", SCRIPT, "eth0", "5", "a b", folder=tmp_path).stdout == "1:eth0 2:5 3:a b "


def test_without_arguments(tmp_path: Path) -> None:
    assert run_stap("-e", SCRIPT, folder=tmp_path).stdout == "1:none "


def test_a_script_may_have_variables_of_these_names(tmp_path: Path) -> None:
    script = "global argv, argc = 7 probe begin { argv = 3; println(argc + argv) exit() }"
    result = run_stap("-e", script, "x", folder=tmp_path)
    assert (result.stderr, result.stdout) == ("", "10\n")


def test_init_runs_first(tmp_path: Path) -> None:
    script = 'probe begin(-5) { println("begin"); exit() } probe init { println("init") }'
    assert run_stap("-e", script, folder=tmp_path).stdout == "init\nbegin\n"


def test_probes_of_a_folder_run_where_its_file_is_taken_in(tmp_path: Path) -> None:
    folder = tmp_path / "tapset"
    folder.mkdir()
    (folder / "own.stp").write_text("global started\nprobe begin(-1) { started = 41 }\n")
    (folder / "other.stp").write_text('global unused\nprobe begin { println("never") }\n')
    result = run_stap("-I", str(folder), "-e", "probe begin { println(started + 1) exit() }", folder=tmp_path)
    assert (result.stderr, result.stdout) == ("", "42\n")
