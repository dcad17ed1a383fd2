"""Single instructions, addresses, modules and watchpoints, in kernels that grant all of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pystap.arch.x86_64 import KERNEL_TEXT

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
MODULE, MODULE_FUNCTION = "9p", "v9fs_file_open"
"""What the guest's root file system is made of."""
VARIABLE = "suid_dumpable"


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


@cache
def addresses() -> dict[str, int]:
    """The addresses of the kernel's symbols, and of those of the module under "module:name"."""
    found: dict[str, int] = {}
    for line in Path("/proc/kallsyms").read_text().splitlines():
        address, _, name, *module = line.split()
        found[f"{module[0][1:-1]}:{name}" if module else name] = int(address, 16)
    return found


def in_file(symbol: str) -> int:
    return KERNEL_TEXT + addresses()[symbol] - addresses()["_text"]


def traces() -> list[str]:
    """Tracepoints of a module, where the kernel tells the types of modules."""
    if not Path("/sys/kernel/btf/9pnet").exists():
        return []
    return [
        'module("9pnet").trace("9p_client_req")',
        'kernel.trace("9p:9p_client_res")',
        'module("9pn*").trace("9p_*_r?s")',
    ]


def points() -> list[str]:
    """One point of each kind, at places that reading and writing a setting comes to."""
    text = int(Path(f"/sys/module/{MODULE}/sections/.text").read_text(), 16)
    in_module = addresses()[f"{MODULE}:{MODULE_FUNCTION}"] - text
    files = sorted(Path(f"/lib/modules/{os.uname().release}/kernel/fs/{MODULE}").glob(f"{MODULE}.ko*"))
    file = str(files[0]) if files else MODULE  # a guest's modules may lie elsewhere
    return [
        f"kernel.statement({in_file('vfs_read'):#x})",
        f"kernel.function({in_file('vfs_write') + 1:#x})",
        f"kernel.statement({addresses()['vfs_open']:#x}).absolute",
        f"kprobe.statement({addresses()['vfs_read']:#x}).absolute",
        'kernel.function("iterate_dir").exported',
        'kprobe.function("iterate_dir").return.maxactive(100)',
        f'module("{MODULE}").function("{MODULE_FUNCTION}")',
        f'module("{file}").function("{MODULE_FUNCTION}")',
        f'module("{MODULE[:-1]}?").function("{MODULE_FUNCTION[:-1]}*").return',
        f'kprobe.module("{MODULE}").function("{MODULE_FUNCTION}").return',
        f'module("{MODULE}").statement({in_module:#x})',
        f'kernel.data("{VARIABLE}").length(4).write',
        f'kernel.data("{VARIABLE}").length(4).rw',
        *traces(),
    ]


def test_places_of_all_kinds(stap: Stap, tmp_path: Path) -> None:
    """One script with a probe of each kind, each of which says once that it was hit."""
    script = "global hits\n" + "\n".join(
        f'probe {point} {{ if (!hits[{number}]++) printf("%d:%s:%s\\n", {number}, ppfunc(), pp()) }}'
        for number, point in enumerate(points())
    )
    setting = f"/proc/sys/fs/{VARIABLE}"
    work = f"sh -c 'cat {setting} > {tmp_path}/kept; cat {tmp_path}/kept > {setting}; ls -l {tmp_path}; /bin/true'"
    done = stap("-g", "-e", script, "-c", work)
    assert done.returncode == 0, done.stderr
    rows = [line.split(":", 2) for line in done.stdout.splitlines() if line.count(":") >= 2 and line[0].isdigit()]
    hit = {int(number): (function, point) for number, function, point in rows}
    assert [point for number, point in enumerate(points()) if number not in hit] == []
    assert hit[0] == ("vfs_read", points()[0])
    assert hit[1] == ("vfs_write", 'kernel.function("vfs_write")')
    assert hit[6][0] == hit[10][0] == MODULE_FUNCTION
    assert hit[8][1] == f'module("{MODULE}").function("{MODULE_FUNCTION}").return'


def blacklisted() -> str:
    """A function that allows no kprobes."""
    for line in Path("/sys/kernel/debug/kprobes/blacklist").read_text().splitlines():
        name = line.split()[1]
        if name in addresses() and "." not in name:
            return name
    raise AssertionError("nothing is blacklisted")


REFUSED = [
    (f'module("{MODULE}").statement(0xdeadbeef)', f"lies in no function of the file of module '{MODULE}'"),
    ('module("ext3").statement(0xdeadbeef)', "module 'ext3' is not loaded, and this kernel has no such module"),
    ('module("btrfs").function("*")', "module 'btrfs' is not loaded"),
    ('kernel.data("suid_dumpablee").write', "unable to find symbol 'suid_dumpablee' (similar symbols: suid_dumpable"),
]


def test_refusals(stap: Stap) -> None:
    blacklist = (f'kernel.function("{blacklisted()}")', "is blacklisted: the kernel allows no probes in it")
    refused = [*REFUSED, blacklist]
    done = stap("-e", "\n".join(f"probe {point} {{ println(1) }}" for point, _ in refused))
    assert done.returncode == 1
    for number, (point, message) in enumerate(refused, 1):
        errors = [line for line in done.stderr.splitlines() if f"at <input>:{number}:" in line]
        assert any(message in line for line in errors), (point, errors)


def test_an_instruction_starts_nowhere_else(stap: Stap) -> None:
    """Nothing is left attached, and the message says what is wrong."""
    inside = in_file("vfs_read") + 5
    done = stap("-e", "\n".join(f"probe kernel.statement({inside + i:#x}) {{ println({i}) exit() }}" for i in range(6)))
    assert done.returncode == 1
    assert "there is no start of an instruction" in done.stderr
