"""System calls look as strace shows them: name, arguments and result of some 580 calls of 340 different ones.

A C program makes the calls, valid and invalid; strace and a script print them. What may differ stands in docs/strace.md
with its reason, call by call, and nothing stands there that does not differ.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import ROOT, in_guest, run_stap

from .strace_form import Call, calls

pytestmark = [
    pytest.mark.guest(native=True),
    pytest.mark.skipif(not (shutil.which("strace") and shutil.which("gcc")), reason="needs strace and a C compiler"),
]

SCRIPT = r"""
probe syscall.* { if (tid() == target()) printf("%s(%s)", name, argstr) }
probe syscall.*.return { if (tid() == target()) printf(" = %s\n", retstr) }
"""
KERNEL_NAMES = {
    "mmap2": "mmap", "fstatat": "newfstatat", "pread": "pread64", "pwrite": "pwrite64", "umount": "umount2",
    "sysctl": "_sysctl",
}  # fmt: skip
"""SystemTap's names of calls that strace calls by the kernel's."""
IDENTIFIERS = frozenset(("getpid", "gettid", "getppid", "fork", "vfork", "clone", "msgget", "semget", "shmget"))
"""Calls that return another number in each run, which later calls pass on."""
WITH_IDENTIFIERS = IDENTIFIERS | frozenset(
    ("wait4", "set_tid_address", "tgkill", "msgsnd", "msgrcv", "msgctl", "semop", "semctl")
)
MOMENTARY = frozenset(("time", "times"))
"""Calls whose result is a matter of the moment."""
_NULL_PAGE = 4096
"""Numbers below are no addresses of the program."""
DOCUMENT = ROOT / "docs" / "strace.md"


@dataclass(frozen=True)
class Difference:
    """What differs: `place` is an argument from 0 on, "count" or "result"; `address`: ours is the address alone."""

    call: str
    place: str
    address: bool
    ours: str
    theirs: str


def documented() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the (call, place) pairs of the page: those shown by address, and those of the table."""
    text = DOCUMENT.read_text()
    block = re.search(r"```text\n(accept:.*?)```", text, re.S)
    assert block is not None
    addresses = {(name, place) for name, _, places in _parted(block[1].split()) for place in places.split(",")}
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.M)
    return addresses, set(rows)


def _parted(words: Sequence[str]) -> list[tuple[str, str, str]]:
    return [word.partition(":") for word in words]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many_calls"
    source = Path(__file__).parent / "many_calls.c"
    subprocess.run(["gcc", "-O1", "-static", "-no-pie", "-Wall", "-Werror", "-o", path, source], check=True)
    return path


def _traced(program: Path, folder: Path, *options: str) -> list[Call]:
    """Return what strace shows of the program in an empty folder, at fixed addresses."""
    folder.mkdir()
    output = folder.with_suffix(".txt")
    command = ["setarch", "-R", "strace", "-s", "32", "-o", str(output), *options, str(program)]
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=True, timeout=300)
    return calls(output.read_text(encoding="latin-1"))


def _differences(ours: Sequence[Call], theirs: Sequence[Call], raw: Sequence[Call]) -> list[Difference]:
    found: list[Difference] = []
    same: dict[str, str] = {}
    for own, other, plain in zip(ours, theirs, raw, strict=True):
        name = KERNEL_NAMES.get(own.name, own.name)
        assert name == other.name, f"{own.line}\n{other.line}"
        lines = own.line, other.line
        if name in IDENTIFIERS and own.result.isdigit():
            same[own.result] = other.result
        known = same if name in WITH_IDENTIFIERS else {}
        if name not in MOMENTARY and known.get(own.result, own.result) != other.result:
            found.append(Difference(name, "result", False, *lines))
        if len(own.arguments) != len(other.arguments):
            found.append(Difference(name, "count", False, *lines))
        for place, (mine, its) in enumerate(zip(own.arguments, other.arguments, strict=False)):
            if known.get(mine, mine) != its:
                address = (
                    place < len(plain.arguments)
                    and mine == plain.arguments[place]
                    and mine.isdigit()
                    and int(mine) > _NULL_PAGE
                )
                found.append(Difference(name, str(place), address, *lines))
    return found


def test_calls_look_as_in_strace(program: Path, tmp_path: Path) -> None:
    theirs = _traced(program, tmp_path / "decoded")
    raw = _traced(program, tmp_path / "raw", "-e", "raw=all")
    work = tmp_path / "traced"
    work.mkdir()
    result = run_stap("-e", SCRIPT, "-c", f"setarch -R {program}", folder=tmp_path, cwd=work, timeout=120)
    assert result.returncode == 0, result.stderr
    ours = calls(result.stdout)
    assert len(ours) == len(theirs) == len(raw) > 500
    assert len({call.name for call in ours}) > 300

    differences = _differences(ours, theirs, raw)
    addresses, others = documented()
    new = [
        each
        for each in differences
        if (each.call, each.place) not in others and not (each.address and (each.call, each.place) in addresses)
    ]
    assert not new, "\n".join(f"{each.call} {each.place}:\n    {each.ours}\n    {each.theirs}" for each in new)
    if not in_guest():  # on another kernel some calls fail, and strace shows addresses, too
        gone = (addresses | others) - {(each.call, each.place) for each in differences}
        assert not gone, f"documented, but the same: {sorted(gone)}"
    differing = {each.ours for each in differences}
    assert len(differing) < len(ours) / 5
