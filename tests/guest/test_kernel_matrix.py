"""The table of docs/kernels.md: what each kernel grants. Set PYSTAP_UPDATE_DOCS=1 to write the columns that were run.

In a guest the table cannot be written: the answers go with the report, and tests/conftest.py writes them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pystap.loader.features import try_feature
from pystap.program.features import Feature
from pystap.registries import kernel_types, type_id

from ..kernel_matrix import PROPERTY, UNKNOWN, column_of

pytestmark = pytest.mark.guest(native=True)


def test_the_table_is_true(record_property: Callable[[str, object], None]) -> None:
    refusals = {feature: try_feature(feature, type_id) for feature in Feature}
    name = column_name(refusals)
    answers = found(refusals)
    record_property(PROPERTY, {"column": name, "answers": answers})
    documented = column_of(name)
    if documented is None and not os.environ.get("PYSTAP_UPDATE_DOCS"):
        pytest.skip(f"docs/kernels.md has no column {name}")
    known = {row: answer for row, answer in (documented or {}).items() if answer != UNKNOWN}
    assert known == {row: answers.get(row) for row in known} or os.environ.get("PYSTAP_UPDATE_DOCS")


def column_name(refusals: dict[Feature, str]) -> str:
    """The kernel's series; one that is locked down is another kernel."""
    series = ".".join(os.uname().release.split(".")[:2]).partition("-")[0]
    return f"{series}, locked down" if "lockdown" in refusals[Feature.FENTRY] else series


def found(refusals: dict[Feature, str]) -> dict[str, str]:
    """Every row of this kernel's column."""
    answers = {feature.value: "no" if refusals[feature] else "yes" for feature in Feature}
    single = "no" if refusals[Feature.KPROBE] else "kprobe"
    several = not refusals[Feature.KPROBE_MULTI]
    answers["mechanism for one function"] = single if refusals[Feature.FENTRY] else "fentry"
    answers["mechanism for many functions"] = "kprobe-multi" if several else single
    answers["types of modules (BTF)"] = "yes" if kernel_types().modules() else "no"
    answers["recursion of programs is counted"] = counted("bpf_prog_info", "recursion_misses")
    missed = counted("bpf_link_info", "perf_event", "kprobe", "missed")
    answers["missed hits of kprobes are counted"] = missed if single == "kprobe" else "no kprobes"
    missed = counted("bpf_link_info", "kprobe_multi", "missed")
    answers["missed hits of kprobe-multi are counted"] = missed if several else "no kprobe-multi"
    return answers


def counted(structure: str, *path: str) -> str:
    """Whether the record that the kernel gives has a member."""
    btf = kernel_types().btf
    found = btf.find_composite(structure)
    return "yes" if found is not None and btf.member_path(found, path) is not None else "no"
