"""Points with `?`: left out in silence, unless nothing is left."""

from __future__ import annotations

from pathlib import Path

from ..command import run_stap

ABSENT = 'process("no_such_program").begin ?'


def test_what_is_left_out_says_nothing(tmp_path: Path) -> None:
    result = run_stap("-p2", "-e", f"probe {ABSENT} {{ }} probe begin {{ }}", folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_without_any_point_the_first_reason_is_told(tmp_path: Path) -> None:
    result = run_stap("-p2", "-e", f'probe {ABSENT}, kernel.trace("no_such_tracepoint") ? {{ }}', folder=tmp_path)
    assert result.returncode == 1
    assert "WARNING: cannot find executable 'no_such_program'" in result.stderr
    assert "semantic error: no probes found" in result.stderr


def test_an_alias_of_optional_points_says_why(tmp_path: Path) -> None:
    script = f"probe mine = {ABSENT} {{ }} probe mine {{ }}"
    result = run_stap("-p2", "-e", script, folder=tmp_path)
    assert result.returncode == 1
    assert "semantic error: cannot find executable 'no_such_program'" in result.stderr
