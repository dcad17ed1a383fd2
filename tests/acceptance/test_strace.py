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

from .strace_form import END, LAST, Call, all_calls, calls

pytestmark = [
    pytest.mark.guest(native=True),
    pytest.mark.skipif(not (shutil.which("strace") and shutil.which("gcc")), reason="needs strace and a C compiler"),
]

SCRIPT = r"""
probe syscall.* { if (tid() == target()) printf("%s(%s)", name, argstr) }
probe syscall.*.return { if (tid() == target()) printf(" = %s\n", retstr) }
"""
NAMES = {
    "mmap": "mmap2", "newfstatat": "fstatat", "pread64": "pread", "pwrite64": "pwrite", "umount2": "umount",
    "_sysctl": "sysctl", "_llseek": "llseek", "_newselect": "select", "clock_nanosleep_time64": "clock_nanosleep",
    "fcntl64": "fcntl", "fstat64": "fstat", "getuid32": "getuid", "setresuid32": "setresuid", "stat64": "stat",
}  # fmt: skip
"""The names of the kernel, which strace shows, where SystemTap has one of its own; the last are of 32-bit calls."""
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
    block = re.search(r"```text\n(accept.*?)```", text, re.S)
    assert block is not None
    addresses = {(name, place) for name, _, places in _parted(block[1].split()) for place in places.split(",")}
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.M)
    return addresses, set(rows)


def _parted(words: Sequence[str]) -> list[tuple[str, str, str]]:
    return [word.partition(":") for word in words]


def _compiled(name: str, folder: Path) -> Path:
    source = Path(__file__).parent / f"{name}.c"
    command = ["gcc", "-O1", "-static", "-no-pie", "-Wall", "-Werror", "-o", str(folder / name), str(source)]
    subprocess.run(command, check=True)
    return folder / name


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
        name = own.name
        assert name == NAMES.get(other.name, other.name), f"{own.line}\n{other.line}"
        lines = own.line, other.line
        if name in IDENTIFIERS and own.result.isdigit():
            same[own.result] = other.result
        known = same if name in WITH_IDENTIFIERS else {}
        if name not in MOMENTARY and other.result not in (own.result, known.get(own.result)):
            found.append(Difference(name, "result", False, *lines))
        if len(own.arguments) != len(other.arguments):
            found.append(Difference(name, "count", False, *lines))
            continue
        for place, (mine, its) in enumerate(zip(own.arguments, other.arguments, strict=False)):
            if its not in (mine, known.get(mine)):
                address = (
                    place < len(plain.arguments)
                    and mine == plain.arguments[place]
                    and mine.isdigit()
                    and int(mine) > _NULL_PAGE
                )
                found.append(Difference(name, str(place), address, *lines))
    return found


NEWER = [
    ("cachestat", "-1, {off=4096, len=8192}, 16, 5"),
    ("fchmodat2", "AT_FDCWD, 'no-such-file', 416, AT_SYMLINK_NOFOLLOW"),
    ("map_shadow_stack", "4294967296, 4096, SHADOW_STACK_SET_TOKEN"),
    ("futex_wake", "16, 255, 1, FUTEX2_PRIVATE|FUTEX2_SIZE_U32"),
    ("futex_wait", "16, 6, -1, FUTEX2_SIZE_U32, {tv_sec=0, tv_nsec=0}, CLOCK_MONOTONIC"),
    ("lsm_get_self_attr", "LSM_ATTR_CURRENT, 16, 16, 7"),
    ("mseal", "268435457, 4096, 5"),
    ("setxattrat", "AT_FDCWD, 'no-such-file', AT_EMPTY_PATH, 'user.name', 16, 0"),
    ("removexattrat", "AT_FDCWD, 'no-such-file', AT_SYMLINK_NOFOLLOW, 'user.name'"),
    ("open_tree_attr", "AT_FDCWD, 'no-such-dir', OPEN_TREE_CLOEXEC|OPEN_TREE_CLONE, 16, 5"),
    ("file_getattr", "AT_FDCWD, 'no-such-file', 16, 5, AT_SYMLINK_NOFOLLOW"),
]
"""Calls that strace 6.1 does not know, in the common form."""


def _compared(name: str, folder: Path) -> tuple[str, list[Call], list[Difference]]:
    """Return what the script printed of a program's calls, these calls, and how they differ from strace's."""
    folder.mkdir()
    program = _compiled(name, folder)
    theirs = _traced(program, folder / "decoded")
    raw = [] if in_guest() else _traced(program, folder / "raw", "-e", "raw=all")
    work = folder / "traced"
    work.mkdir()
    result = run_stap("-e", SCRIPT, "-c", f"setarch -R {program}", folder=folder.parent, cwd=work, timeout=120)
    assert result.returncode == 0, result.stderr
    ours = calls(result.stdout)
    return result.stdout, ours, _differences(ours, theirs, raw or ours)  # a guest is slow


def test_calls_look_as_in_strace(tmp_path: Path) -> None:
    text, ours, differences = _compared("many_calls", tmp_path / "native")
    assert len(ours) > 500
    assert len({call.name for call in ours}) > 300
    _, narrow, narrow_differences = _compared("many_calls_32", tmp_path / "narrow")
    assert len(narrow) > 60
    differences += narrow_differences

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
    assert [(call.name, ", ".join(call.arguments)) for call in calls(text, LAST, END)] == NEWER
    differing = {each.ours for each in differences}
    assert len(differing) < len(ours) / 5


@pytest.mark.skipif(in_guest(), reason="the calls are those of the test above")
def test_the_example_shows_a_program_as_strace_does(tmp_path: Path) -> None:
    command = "setarch -R ls -l /etc /nowhere"
    words = ["strace", "-o", str(tmp_path / "strace.txt"), *command.split()]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    script, output = str(ROOT / "examples" / "strace.stp"), tmp_path / "script.txt"
    run_stap(script, "-o", str(output), "-c", command, folder=tmp_path)
    lines = output.read_text().splitlines()
    assert {line.partition(" ")[0] for line in lines} == {lines[0].partition(" ")[0]}  # [pid]
    assert lines[-1].endswith("+++ exited with 2 +++")
    theirs = _from_ls(all_calls((tmp_path / "strace.txt").read_text()))
    ours = _from_ls(all_calls("\n".join(line.partition(" ")[2] for line in lines)))
    assert len(ours) > 100
    differing = {each.name for each in _differences_but_addresses(ours, theirs)}
    assert differing <= {name for name, _ in documented()[0]} | {"set_tid_address", "statx", "getxattr", "lgetxattr"}
    assert len(differing) < 12


def _from_ls(found: list[Call]) -> list[Call]:
    """Return the calls of ls, but what asks whether the output is a terminal."""
    start = max(i for i, call in enumerate(found) if call.name == "execve")
    return [call for call in found[start:] if call.name != "ioctl"]


def _differences_but_addresses(ours: list[Call], theirs: list[Call]) -> list[Call]:
    assert [call.name for call in ours] == [NAMES.get(call.name, call.name) for call in theirs]

    def plain(call: Call) -> list[str]:
        return [re.sub(r"\d{5,}", "N", part) for part in (*call.arguments, call.result)]

    return [own for own, other in zip(ours, theirs, strict=True) if plain(own) != plain(other)]
