"""BTF: made by hand for the reader's cases, and the running kernel's own held against what it does."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

from pystap.abi.image import MapKind, MapSpec
from pystap.debuginfo.btf import Btf, BtfError
from pystap.debuginfo.btf_types import (
    Array,
    BtfKind,
    Const,
    Enum,
    Enumerator,
    Func,
    Int,
    Member,
    Parameter,
    Ptr,
    Struct,
    Typedef,
)
from pystap.loader.image import load_image
from tests.loader.support import body, helper, link_ir, only_program, u64


class Blob:
    """Builds BTF: `add` returns the id of the record."""

    def __init__(self, first_id: int = 1, string_base: int = 0) -> None:
        self.types = bytearray()
        self.strings = bytearray() if string_base else bytearray(b"\0")
        self.next_id = first_id
        self.string_base = string_base

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings) + self.string_base
        self.strings += text.encode() + b"\0"
        return at

    def add(self, kind: int, name: str = "", length: int = 0, size: int = 0, flag: bool = False, *body: int) -> int:
        info = kind << 24 | length | (1 << 31 if flag else 0)
        self.types += struct.pack(f"<III{len(body)}I", self.name(name), info, size, *body)
        self.next_id += 1
        return self.next_id - 1

    def bytes(self) -> bytes:
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return header + bytes(self.types) + bytes(self.strings)


def _int(blob: Blob, name: str, size: int, flags: int = 0) -> int:
    return blob.add(1, name, 0, size, False, flags << 24 | size * 8)


def sample() -> tuple[Blob, dict[str, int]]:
    blob = Blob()
    ids = {"int": _int(blob, "int", 4, 1), "char": _int(blob, "char", 1, 1), "long": _int(blob, "long unsigned int", 8)}
    name = blob.name
    ids["inner"] = blob.add(4, "", 2, 8, False, name("x"), ids["int"], 0, name("y"), ids["int"], 32)
    ids["const char"] = blob.add(10, "", 0, ids["char"])
    ids["char*"] = blob.add(2, "", 0, ids["const char"])
    ids["array"] = blob.add(3, "", 0, 0, False, ids["char"], ids["int"], 16)
    ids["outer"] = blob.add(
        4, "outer", 4, 40, True,
        name("first"), ids["long"], 0,
        name("flag"), ids["int"], 3 << 24 | 64,
        0, ids["inner"], 96,
        name("text"), ids["array"], 160,
    )  # fmt: skip
    ids["outer_t"] = blob.add(8, "outer_t", 0, ids["outer"])
    ids["outer*"] = blob.add(2, "", 0, ids["outer_t"])
    ids["const outer*"] = blob.add(10, "", 0, ids["outer*"])
    ids["enum"] = blob.add(6, "color", 2, 4, True, name("RED"), 1, name("BLUE"), 0xFFFF_FFFE)
    ids["proto"] = blob.add(13, "", 2, ids["int"], False, name("o"), ids["outer*"], name("s"), ids["char*"])
    ids["func"] = blob.add(12, "do_it", 1, ids["proto"])
    ids["callback"] = blob.add(2, "", 0, ids["proto"])
    ids["pointer to array"] = blob.add(2, "", 0, ids["array"])
    ids["void*"] = blob.add(2, "", 0, 0)
    ids["hidden"] = blob.add(13, "", 3, 0, False, 0, ids["void*"], 0, ids["int"], name("path"), ids["char*"])
    ids["hidden*"] = blob.add(2, "", 0, ids["hidden"])
    ids["tracepoint"] = blob.add(8, "btf_trace_it", 0, ids["hidden*"])
    ids["enum64"] = blob.add(19, "big", 1, 8, False, name("HUGE"), 1, 2)
    ids["tag"] = blob.add(18, "user", 0, ids["char"])
    ids["user char*"] = blob.add(2, "", 0, ids["tag"])
    ids["variadic"] = blob.add(13, "", 2, 0, False, name("f"), ids["char*"], 0, 0)
    return blob, ids


@pytest.fixture(scope="module")
def made() -> tuple[Btf, dict[str, int]]:
    blob, ids = sample()
    return Btf(blob.bytes()), ids


def test_types(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    assert btf.count == ids["variadic"] + 1
    assert btf.type(ids["int"]) == Int("int", 4, 32, 0, True, False, False)
    assert btf.type(ids["char*"]) == Ptr(ids["const char"])
    assert btf.type(ids["const char"]) == Const(ids["char"])
    assert btf.type(ids["array"]) == Array(ids["char"], ids["int"], 16)
    assert btf.type(ids["enum"]) == Enum("color", 4, True, (Enumerator("RED", 1), Enumerator("BLUE", -2)))
    assert btf.type(ids["func"]) == Func("do_it", ids["proto"], 1)
    assert btf.type(ids["outer_t"]) == Typedef("outer_t", ids["outer"])
    outer = btf.type(ids["outer"])
    assert isinstance(outer, Struct)
    assert outer.members[1] == Member("flag", ids["int"], 64, 3)
    with pytest.raises(BtfError, match="there is no type 999"):
        btf.type(999)


def test_find_by_name_and_kind(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    assert btf.find("outer", BtfKind.STRUCT) == ids["outer"]
    assert btf.find("outer", BtfKind.UNION) is None
    assert btf.find("oute", BtfKind.STRUCT) is None
    assert btf.find("do_it", BtfKind.FUNC) == ids["func"]
    assert btf.find_composite("outer_t") == ids["outer_t"]
    assert list(btf.names(BtfKind.INT)) == [("int", 1), ("char", 2), ("long unsigned int", 3)]


def test_member_paths(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    assert btf.member_path(ids["outer_t"], ("first",)) == (0, ids["long"], 0)
    assert btf.member_path(ids["outer"], ("flag",)) == (64, ids["int"], 3)
    assert btf.member_path(ids["outer"], ("y",)) == (96 + 32, ids["int"], 0)
    assert btf.member_path(ids["outer"], ("nothing",)) is None
    assert btf.member_path(ids["int"], ("x",)) is None
    assert btf.member_names(ids["outer"]) == ("first", "flag", "x", "y", "text")


def test_functions_tracepoints_and_enums(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    assert btf.function_parameters("do_it") == (Parameter("o", ids["outer*"]), Parameter("s", ids["char*"]))
    assert btf.function_parameters("do_that") is None
    assert btf.tracepoint_parameters("it") == (Parameter("", ids["int"]), Parameter("path", ids["char*"]))
    assert btf.enum_value("BLUE") == -2
    assert btf.enum_value("HUGE") == 1 | 2 << 32
    assert btf.enum_value("flag") is None


def test_sizes(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    wanted = {"outer_t": 40, "array": 16, "outer*": 8, "enum": 4, "enum64": 8, "func": 0, "const char": 1}
    assert {name: btf.size_of(ids[name]) for name in wanted} == wanted


def test_c_names(made: tuple[Btf, dict[str, int]]) -> None:
    btf, ids = made
    wanted = {
        "long": "long unsigned int",
        "outer": "struct outer",
        "outer*": "outer_t*",
        "char*": "const char*",
        "const outer*": "outer_t* const",
        "array": "char[16]",
        "enum": "enum color",
        "callback": "int (*)(outer_t*, const char*)",
        "pointer to array": "char (*)[16]",
        "void*": "void*",
        "user char*": "char*",
        "inner": "struct {...}",
        "variadic": "void (const char*, ...)",
    }
    assert {name: btf.c_name(ids[name]) for name in wanted} == wanted


def test_module_goes_on_where_the_kernel_ends(made: tuple[Btf, dict[str, int]]) -> None:
    base, ids = made
    blob = Blob(base.count, base.string_bytes)
    pointer = blob.add(2, "", 0, ids["outer"])
    own = blob.add(4, "own", 1, 8, False, blob.name("o"), pointer, 0)
    borrowed = struct.pack("<III", _name_offset(base, "outer_t"), 8 << 24, own)  # a name from the base's strings
    blob.types += borrowed
    module = Btf(blob.bytes(), base)
    assert module.find("own", BtfKind.STRUCT) == own
    assert module.find("outer", BtfKind.STRUCT) == ids["outer"]
    assert module.c_name(pointer) == "struct outer*"
    assert module.type(own + 1) == Typedef("outer_t", own)
    assert module.count == own + 2
    assert module.enum_value("RED") == 1


def _name_offset(btf: Btf, name: str) -> int:
    return next(btf._string_offsets(name))


@pytest.mark.parametrize("data", [b"", b"\0" * 24, b"\x9f\xeb\1\0"])
def test_not_btf(data: bytes) -> None:
    with pytest.raises(BtfError):
        Btf(data)


def test_broken_records() -> None:
    blob = Blob()
    blob.add(31, "odd")
    with pytest.raises(BtfError, match="unknown type kind 31"):
        _ = Btf(blob.bytes()).count


def test_records_are_walked_as_far_as_asked() -> None:
    blob, ids = sample()
    whole, lazy = Btf(blob.bytes()), Btf(blob.bytes())
    count = whole.count
    assert [lazy.type(number) for number in (1, count - 1, 2)] == [whole.type(number) for number in (1, count - 1, 2)]
    assert lazy.find("do_it", BtfKind.FUNC) == ids["func"]
    assert lazy.count == count
    with pytest.raises(BtfError, match=f"there is no type {count}"):
        Btf(blob.bytes()).type(count)


# -- the running kernel ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel() -> Btf:
    return Btf.kernel()


@pytest.mark.guest(native=True)
def test_offsets_read_the_right_memory(kernel: Btf) -> None:
    """A program that runs on demand follows members of the current task by the offsets that BTF gives."""
    task = kernel.find("task_struct", BtfKind.STRUCT)
    assert task is not None

    def offset(*names: str) -> int:
        found = kernel.member_path(task, names)
        assert found is not None
        assert found[0] % 8 == 0
        return found[0] // 8

    def read(size: int, target: int, place: int) -> str:
        return f"""
  %d{target} = getelementptr i8, ptr @cells, i64 {target}
  %s{target} = getelementptr i8, ptr %task, i64 {place}
  %r{target} = call i64 {helper(113)}(ptr %d{target}, i32 {size}, ptr %s{target})"""

    ir = body(
        f"  %task = call ptr {helper(35)}()"
        + read(4, 0, offset("tgid"))
        + read(4, 8, offset("pid"))
        + read(16, 16, offset("comm"))
        + read(8, 32, offset("real_parent"))
        + f"""
  %p = load ptr, ptr %d32
  %d40 = getelementptr i8, ptr @cells, i64 40
  %s40 = getelementptr i8, ptr %p, i64 {offset("tgid")}
  %r40 = call i64 {helper(113)}(ptr %d40, i32 4, ptr %s40)"""
    )
    cells = MapSpec("cells", MapKind.ARRAY, 4, 4096, 1, mmapable=True)
    with load_image([cells], [only_program(link_ir(ir))]) as image:
        image.programs["p"].run(u64(0))
        memory = image.maps["cells"].mapping().memory
        tgid, _, pid = struct.unpack_from("<III", memory, 0)
        assert (tgid, pid) == (os.getpid(), os.getpid())
        assert memory[16:32].split(b"\0")[0].decode() == Path("/proc/self/comm").read_text().strip()
        assert struct.unpack_from("<I", memory, 40) == (os.getppid(),)


@pytest.mark.guest(native=True)
def test_kernel_functions_and_tracepoints(kernel: Btf) -> None:
    parameters = kernel.function_parameters("vfs_read")
    assert parameters is not None
    assert [p.name for p in parameters] == ["file", "buf", "count", "pos"]
    assert [kernel.c_name(p.type_id) for p in parameters] == ["struct file*", "char*", "size_t", "loff_t*"]
    arguments = kernel.tracepoint_parameters("sys_enter")
    assert arguments is not None
    assert [kernel.c_name(p.type_id) for p in arguments] == ["struct pt_regs*", "long int"]
    assert kernel.enum_value("BPF_MAP_TYPE_RINGBUF") == 27


def test_every_kernel_type_can_be_read(kernel: Btf) -> None:
    for type_id in range(0, kernel.count, 97):
        assert isinstance(kernel.c_name(type_id), str)
        kernel.size_of(type_id)
    with pytest.raises(BtfError):
        kernel.type(kernel.count)


def test_finding_from_nothing_is_quick() -> None:
    """15-30 ms are usual for reading, walking and one name; the bound leaves room for a busy machine."""
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        assert Btf.kernel().find("vfs_read", BtfKind.FUNC) is not None
        best = min(best, time.perf_counter() - start)
    assert best < 0.15
