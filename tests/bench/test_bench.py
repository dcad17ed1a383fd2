"""The bench command measures, and says what it measured. (How fast pystap is: tests/acceptance/test_speed.py.)"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.command import ROOT, STAP, in_guest

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(in_guest() or len(STAP) != 1, reason="needs the installed command, on a machine of usual speed"),
]
BENCH = (str(ROOT / "bench" / "run"), "--repetitions", "1", "--batches", "2", "--calls", "5000", "--stap", STAP[0])


def bench(*arguments: str) -> str:
    done = subprocess.run([*BENCH, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_three_tables_and_no_call_lost() -> None:
    document = json.loads(bench("--alone", "--json"))
    hello, count, cost = document["tables"]
    assert [set(table["samples"]) for table in (hello, count)] == [{"pystap, cold", "pystap, warm"}] * 2
    assert all(1 < sample < 60_000 for table in (hello, count) for row in table["samples"].values() for sample in row)
    assert len(cost["samples"]["pystap"]) == 2
    assert not any(table["failures"] for table in document["tables"])
    assert document["counted"] == {"pystap": 1.0}


def test_a_rival_that_is_not_there_is_named() -> None:
    lines = bench("--only", "hello", "--bpftrace", "/nowhere/bpftrace").splitlines()
    assert lines[0] == "hello: command to first output [ms]"
    assert "not in the race: /nowhere/bpftrace: not installed" in lines


def test_what_tracing_calls_costs() -> None:
    words = ("--rounds", "1", "--batches", "2", "--calls", "2000", "--busy-calls", "2400", "--spins", "100")
    command = [sys.executable, str(ROOT / "bench" / "calls.py"), "--stap", STAP[0], *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document["handler"]) == {"untraced", "empty program", "three calls"}
    tracing = document["tracing"]
    assert tracing["pystap"]["printed"] + tracing["pystap"]["lost"] >= 1
    assert all(row["us"] > 0 for row in tracing.values())


def test_probes_on_user_functions() -> None:
    command = [str(ROOT / "bench" / "uprobes"), "--repetitions", "1", "--stap", STAP[0], "--bpftrace", ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert [line for line in text.splitlines() if line.endswith("]")] == [
        "entry: added to one call [ns]", "return: added to one call [ns]", "f_*: command to live [ms]",
    ]  # fmt: skip
    assert "counted" not in text  # no hit was lost
    assert text.count("  pystap ") == 2
    assert "pystap, cold" in text
