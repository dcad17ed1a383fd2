"""Small programs, written as LLVM IR, for the tests of the loader."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Mapping

import pytest

from pystap.abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec
from pystap.debuginfo.btf import Btf, BtfKind
from pystap.kernel.elf_link import LinkedObject, link_object, with_kind
from pystap.llvm import compile_object
from pystap.loader.features import try_feature
from pystap.loader.syscalls import Command, next_id
from pystap.program.features import Feature

GETPPID = 110
CELLS = MapSpec("cells", MapKind.ARRAY, 4, 4096, 1, mmapable=True)


def helper(number: int) -> str:
    """A helper as the callee of an IR call instruction."""
    return f"inttoptr (i64 {number} to ptr)"


def link_ir(
    ir: str,
    maps: Collection[str] = ("cells",),
    values: Collection[str] = ("cells",),
    constants: Collection[str] = (),
    argument_counts: Mapping[str, int] | None = None,
) -> LinkedObject:
    """Compile and link a module; `maps` and `constants` are declared for it."""
    declarations = "".join(
        f'@{name} = external global [0 x i8], section ".maps"\n' for name in dict.fromkeys((*maps, *constants))
    )
    return link_object(compile_object(declarations + ir), values, constants, argument_counts)


def only_program(linked: LinkedObject, kind: ProgramKind = ProgramKind.RAW_TRACEPOINT, type_id: int = 0) -> ProgramSpec:
    (spec,) = linked.programs.values()
    return with_kind(spec, kind, type_id)


def count_own_getppid(cell: int = 0) -> str:
    """IR for sys_enter (arguments: registers, number): adds 1 to a cell for each getppid of this process."""
    return f"""
define i32 @count(ptr %ctx) "no-builtins" section "probe_count" {{
  %at = getelementptr i8, ptr %ctx, i64 8
  %number = load i64, ptr %at
  %both = call i64 {helper(14)}()
  %pid = lshr i64 %both, 32
  %mine = icmp eq i64 %pid, {os.getpid()}
  %wanted = icmp eq i64 %number, {GETPPID}
  %hit = and i1 %mine, %wanted
  br i1 %hit, label %go, label %out
go:
  %cell = getelementptr i8, ptr @cells, i64 {8 * cell}
  %old = atomicrmw add ptr %cell, i64 1 monotonic
  br label %out
out:
  ret i32 0
}}
"""


def body(text: str, section: str = "probe_p", before: str = "") -> str:
    """IR for a program `p` with this body."""
    return f'{before}\ndefine i32 @p(ptr %ctx) "no-builtins" section "{section}" {{\n{text}\n  ret i32 0\n}}\n'


def skip_without(*features: Feature) -> None:
    """Skip the test on a kernel that lacks one of these."""
    for feature in features:
        reason = try_feature(feature, lambda name, kind: None)
        if reason:
            pytest.skip(f"{feature.value}: {reason}")


def kernel_type(name: str, kind: BtfKind) -> int:
    found = Btf.kernel().find(name, kind)
    assert found is not None
    return found


def object_ids(command: Command) -> set[int]:
    """The ids of all programs, maps or links in the kernel."""
    ids: set[int] = set()
    at: int | None = 0
    while (at := next_id(command, at or 0)) is not None:
        ids.add(at)
    return ids


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def u32(number: int) -> bytes:
    return struct.pack("<I", number)
