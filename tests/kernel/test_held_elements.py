"""How often a program looks up an element that a condition has found. What it means is compared by tests/meaning."""

from __future__ import annotations

import re

import pytest

from pystap.abi.image import ProgramKind

from .test_point_programs import compiled


def lookups(disassembly: str, array: str) -> int:
    """Count the calls of helper 1 with the map of an array."""
    return len(re.findall(rf"r1 = {array} ll\n(?:\tr\d.*\n)*\tcall 1\n", disassembly))


def test_values_of_the_entry_take_one_look_up() -> None:
    code = compiled('probe kernel.function("vfs_read").return { println(@entry($count + 1)) }', fentry=True)
    assert [spec.kind for spec in code.programs] == [ProgramKind.FEXIT, ProgramKind.FENTRY]
    assert lookups(code.disassembly(), "a___entry_0") == 1


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("if (tid() in a) { println(a[tid()]); delete a[tid()] }", 1),
        ("if ([tid()] in a) { println(a[tid()] + a[tid()]) }", 1),
        ("if (tid() in a) { println(a[tid()]); a[tid()] = 7; println(a[tid()]) }", 2),
        ("if (tid() in a) { println(a[tid()]); delete a[pid()]; println(a[tid()]) }", 2),
        ("if (tid() in a) { println(a[tid()]) } else println(a[tid()])", 2),
        ("if (tid() in a) { if (pid() in a) println(a[pid()] + a[tid()]) ; println(a[tid()]) }", 3),
        ("k = pid(); if (k in a) { a[k] = a[k] * 2 }", 1),
        ("k = pid(); if (k in a) { k = 5; a[k] = a[k] * 2 }", 2),
        ("if (tid() in a && pid()) println(a[tid()])", 2),
    ],
)
def test_a_condition_finds_the_element_for_its_branch(body: str, count: int) -> None:
    code = compiled(f"global a probe syscall.getppid {{ {body} }} probe syscall.getpid {{ a[tid()] = pid() }}")
    assert lookups(code.disassembly(), "a_a") == count
