"""-l and the --dump options: what they print, each line once."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import run_stap


@pytest.mark.parametrize(
    ("what", "some"),
    [
        ("functions", ["AF_INET:long ()", "exit:unknown ()", "strlen:long (s:string)"]),
        ("probe-types", ["begin", "begin(number)", "timer.ms(number).randomize(number)"]),
        ("probe-aliases", ["perf.hw.branch_misses = perf.type(0).config(5)"]),
    ],
)
def test_dump(what: str, some: list[str], tmp_path: Path) -> None:
    result = run_stap(f"--dump-{what}", folder=tmp_path)
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert lines == sorted(set(lines))
    assert set(some) <= set(lines)


def test_points_of_an_own_tapset(tmp_path: Path) -> None:
    """A file that defines aliases of several roots is looked into once for a pattern that fits them all."""
    tapset = tmp_path / "tapset"
    tapset.mkdir()
    (tapset / "own.stp").write_text("probe own_a.x = begin {}\nprobe own_b.x = begin {}\nprobe own_c.x = own_a.x {}\n")
    assert run_stap("-I", str(tapset), "-l", "own_*.x", folder=tmp_path).stdout.split() == [
        "own_a.x",
        "own_b.x",
        "own_c.x",
    ]
    shown = run_stap("-I", str(tapset), "-p2", "-e", "probe own_*.x { println(1) }", folder=tmp_path).stdout
    assert shown.count("begin /* <-") == 3
