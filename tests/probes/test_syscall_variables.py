"""The variables of every system call alias, against what SystemTap lists (data/syscall_variables.tsv)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pystap.probes.syscall import SyscallAnyKind, SyscallKind
from pystap.program.attach import SYSCALL_FAMILIES
from pystap.program.extension import PointPart
from pystap.source import NO_SPAN
from pystap.tapset.syscalls import decoder, tables
from pystap.tapset.syscalls.calls import call_names, call_numbers
from pystap.tapset.syscalls.values import CallTables

DATA = Path(__file__).parent / "data" / "syscall_variables.tsv"
ADDED = {
    "open": {"filename_unquoted:string"},  # SystemTap 4.8 lists it, and all calls like it have one
    "mq_open": {"filename_unquoted:string"},
}


def listed() -> dict[str, set[str]]:
    """Return the variables of each point: `name:type`."""
    rows = (line.partition("\t") for line in DATA.read_text().splitlines() if not line.startswith("#"))
    return {point: set(variables.split()) for point, _, variables in rows}


def offered(family: str, name: str, returns: bool) -> set[str]:
    parts = [PointPart(part, None, NO_SPAN) for part in (family, name, *(["return"] if returns else []))]
    (point,) = SyscallKind(CallTables(), family).derive(parts)
    return {f"{known}:{source(NO_SPAN).type}" for known, source in point.variables.items()}


@pytest.mark.parametrize("family", SYSCALL_FAMILIES)
def test_variables_of_every_alias_have_systemtaps_names_and_types(family: str) -> None:
    wrong = {}
    for point, variables in listed().items():
        name = point.removeprefix("syscall.").removesuffix(".return")
        returns = point.endswith(".return")
        have = offered(family, name, returns)
        want = variables | (set() if returns else ADDED.get(name, set()))
        if have != want:
            wrong[point] = (sorted(want - have), sorted(have - want))
    assert wrong == {}


def test_every_name_of_the_language_stands_for_its_calls() -> None:
    names = {point.removeprefix("syscall.").removesuffix(".return") for point in listed()}
    assert len(names) > 380
    assert names <= set(call_names())
    assert all(call_numbers(name) is not None for name in names)


def test_every_family_has_the_same_aliases() -> None:
    families = {
        family: {line.partition(" = ")[0].removeprefix(family) for line in SyscallKind(CallTables(), family).aliases()}
        for family in SYSCALL_FAMILIES
    }
    names = {name for name in families["syscall"] if not name.endswith(".return")}
    assert names == {f".{name}" for name in call_names()}
    assert len(names) > 460
    for suffixes in families.values():
        assert suffixes == names | {f"{name}.return" for name in names}


def test_every_decoder_of_a_row_is_declared() -> None:
    for name in tables.described():
        row = tables.call(name)
        assert row is not None
        for use in (*row.variables.values(), *row.pieces, *row.return_variables.values()):
            assert use.is_long or decoder(use.decoder).name == use.decoder, (name, str(use))


def test_any_call_has_number_and_name() -> None:
    kind = SyscallAnyKind(CallTables())
    part = PointPart("syscall_any", None, NO_SPAN)
    (entry,) = kind.derive([part])
    (back,) = kind.derive([part, PointPart("return", None, NO_SPAN)])
    assert list(entry.variables) == ["syscall_nr", "name"]
    assert list(back.variables) == ["syscall_nr", "name", "retval"]
