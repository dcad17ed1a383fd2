"""Linking LLVM's objects: what goes into a program, and what is refused. Nothing is loaded here."""

from __future__ import annotations

import struct

import pytest

from pystap.abi.image import ProgramKind, RelocationKind
from pystap.kernel.elf_link import LinkError, link_object, with_kind
from pystap.llvm import compile_object

MAPS = '@table = external global [0 x i8], section ".maps"\n@cells = external global [0 x i8], section ".maps"\n'


def program(text: str, name: str = "p") -> str:
    return f'define i32 @{name}(ptr %ctx) "no-builtins" section "probe_{name}" {{\n{text}\n  ret i32 0\n}}\n'


def test_map_and_value_relocations() -> None:
    ir = MAPS + program("""
  %at = getelementptr i8, ptr @cells, i64 24
  store volatile i64 1, ptr %at
  %r = call i64 inttoptr (i64 3 to ptr)(ptr @table, ptr %ctx)""")
    linked = link_object(compile_object(ir), {"cells"})
    spec = linked.programs["p"]
    found = {(r.symbol, r.kind) for r in spec.relocations}
    assert found == {("cells", RelocationKind.MAP_VALUE), ("table", RelocationKind.MAP_FD)}
    for relocation in spec.relocations:
        assert spec.code[relocation.offset] == 0x18
        assert struct.unpack_from("<i", spec.code, relocation.offset + 4) == (0,)
    assert linked.maps == ()
    assert spec.functions == ()
    assert spec.kind is ProgramKind.RAW_TRACEPOINT


def test_offset_of_a_value_is_its_addend() -> None:
    ir = MAPS + program("""
  %at = getelementptr i8, ptr @cells, i64 2000
  %r = call i64 inttoptr (i64 16 to ptr)(ptr %at, i32 16)""")
    (relocation,) = link_object(compile_object(ir), {"cells"}).programs["p"].relocations
    code = link_object(compile_object(ir), {"cells"}).programs["p"].code
    added = [struct.unpack_from("<i", code, at + 4)[0] for at in range(0, len(code), 8) if code[at] == 0x07]
    assert relocation.addend + sum(added) == 2000  # LLVM adds it in an instruction or leaves it in the immediate


def test_strings_become_constant_data() -> None:
    ir = (
        MAPS
        + '@text = private unnamed_addr constant [6 x i8] c"hello\\00"\n'
        + program("  %r = call i64 inttoptr (i64 6 to ptr)(ptr @text, i32 6)")
    )
    linked = link_object(compile_object(ir), (), constant_data_name="constants")
    (constants,) = linked.maps
    assert constants.name.startswith("constants")
    assert constants.initial is not None
    (relocation,) = linked.programs["p"].relocations
    assert relocation.symbol == constants.name
    assert constants.initial[relocation.addend :].startswith(b"hello\0")


def test_calls_point_at_the_moved_functions() -> None:
    ir = """
define internal i64 @f(i64 %x) noinline "no-builtins" {
  %y = call i64 inttoptr (i64 5 to ptr)()
  %z = add i64 %x, %y
  ret i64 %z
}
""" + program("  %r = call i64 @f(i64 1)\n  %s = call i64 @f(i64 %r)\n  %t = trunc i64 %s to i32\n  ret i32 %t\ndead:")
    spec = link_object(compile_object(ir), ()).programs["p"]
    entry, function = spec.functions
    assert (entry.instruction, entry.name, entry.is_static) == (0, "p", False)
    calls = [at for at in range(0, len(spec.code), 8) if spec.code[at] == 0x85 and spec.code[at + 1] >> 4 == 1]
    assert len(calls) == 2
    for at in calls:
        assert at // 8 + 1 + struct.unpack_from("<i", spec.code, at + 4)[0] == function.instruction
    assert spec.relocations == ()


def test_programs_do_not_share_what_they_do_not_use() -> None:
    ir = MAPS + program("", "a") + program("  store volatile i64 1, ptr @cells", "b")
    linked = link_object(compile_object(ir), {"cells"})
    assert len(linked.programs["a"].relocations) == 0
    assert len(linked.programs["b"].relocations) == 1


def test_unknown_data_is_refused() -> None:
    change = "  %v = load volatile i64, ptr @state\n  store volatile i64 %v, ptr @state"
    ir = "@state = internal global i64 5\n" + program(change)
    with pytest.raises(LinkError, match=r"data in section \.data is not supported"):
        link_object(compile_object(ir), ())


def test_call_of_an_undefined_function_is_refused() -> None:
    ir = "declare i64 @missing(i64)\n" + program("  %r = call i64 @missing(i64 1)")
    with pytest.raises(LinkError):
        link_object(compile_object(ir), ())


def test_not_an_object() -> None:
    with pytest.raises(LinkError):
        link_object(b"\x7fELF" + bytes(60), ())


def test_with_kind() -> None:
    spec = link_object(compile_object(program("")), ()).programs["p"]
    typed = with_kind(spec, ProgramKind.TYPED_TRACEPOINT, 77)
    assert (typed.kind, typed.attach_btf_id, typed.code) == (ProgramKind.TYPED_TRACEPOINT, 77, spec.code)
