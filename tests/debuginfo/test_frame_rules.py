"""Call frame information: every row that readelf shows is the rule of its address; expressions and walks by hand."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pystap.arch import x86_64 as arch
from pystap.debuginfo.elf_image import ElfImage, FunctionTable, NotElf
from pystap.debuginfo.frame_rules import AT_CFA, UNDEFINED, FrameRule, FrameRules
from pystap.debuginfo.unwind import evaluate, simple_rule, walk

_NUMBERS = {"rax": 0, "rdx": 1, "rcx": 2, "rbx": 3, "rsi": 4, "rdi": 5, "rbp": 6, "rsp": 7, "ra": 16} | {
    f"r{number}": number for number in range(8, 16)
}
NO_MEMORY = memoryview(b"").cast("Q")

needs_readelf = pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf")


def rows_of(path: Path, most: int) -> list[tuple[int, str, dict[str, str]]]:
    """Address, CFA and the places of registers, of the first functions as readelf shows them."""
    text = subprocess.run(["readelf", "-wF", str(path)], capture_output=True, text=True).stdout
    rows: list[tuple[int, str, dict[str, str]]] = []
    names: list[str] = []
    in_function, behind = False, 0
    for line in text.splitlines():
        words = line.split()
        if " FDE " in line or " CIE " in line or line.endswith("ZERO terminator"):
            in_function = " FDE " in line
            behind = int(line.rpartition("..")[2], 16) if in_function else 0
        elif words[:2] == ["LOC", "CFA"]:
            names = words[2:]
        elif in_function and len(words) == len(names) + 2 and re.fullmatch("[0-9a-f]{16}", words[0]):
            if int(words[0], 16) < behind:  # rules may go on behind the code that they are for
                rows.append((int(words[0], 16), words[1], dict(zip(names, words[2:], strict=True))))
            if len(rows) >= most:
                break
    return rows


def shown(rule: FrameRule) -> tuple[str, dict[str, str]]:
    """The rule in the form that readelf shows it."""
    names = {number: name for name, number in _NUMBERS.items()}
    cfa = "exp" if rule.cfa_expression is not None else f"{names[rule.cfa_register]}{rule.cfa_offset:+d}"
    places = {}
    for register, how, value in rule.saved:
        places[names[register]] = f"c{value:+d}" if how == AT_CFA else "u" if how == UNDEFINED else "exp"
    return cfa, places


@needs_readelf
@pytest.mark.parametrize("file", ["libc", "own"])
def test_rules_are_those_of_readelf(file: str, tmp_path: Path) -> None:
    if file == "own":
        source = tmp_path / "own.c"
        source.write_text(
            "int f(int *p, int n) { int a[n]; a[0] = p[1]; return n ? f(a, n - 1) : a[0]; }\nint main() {}"
        )
        flags = ["-O1", "-fno-asynchronous-unwind-tables", "-gdwarf-4"]  # rules in .debug_frame alone
        subprocess.run(["gcc", *flags, "-o", "own", "own.c"], cwd=tmp_path, check=True)
        path = tmp_path / "own"
    else:
        found = re.search(r"(/\S+/libc\.so\.6)", Path("/proc/self/maps").read_text())
        assert found is not None
        path = Path(found[1])
    rules = FrameRules(ElfImage.open(str(path)))
    rows = rows_of(path, 3000)
    assert len(rows) > (1000 if file == "libc" else 5)
    for address, cfa, places in rows:
        rule = rules.rule(address)
        assert rule is not None, hex(address)
        own_cfa, own_places = shown(rule)
        assert own_cfa == cfa, hex(address)
        expected = {name: place for name, place in places.items() if place not in ("u", "s") or name == "ra"}
        assert {n: p for n, p in own_places.items() if p != "u" or n == "ra"} == expected, hex(address)


def test_expressions() -> None:
    values: list[int | None] = [None] * 17
    values[7], values[16] = 0x1000, 0x40002B
    linkage = bytes([0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22])  # of a PLT: 8 more from byte 11 on
    assert evaluate(linkage, values, NO_MEMORY, 0, None) == 0x1010
    values[16] = 0x400020
    assert evaluate(linkage, values, NO_MEMORY, 0, None) == 0x1008
    words = memoryview(struct.pack("=4Q", 1, 2, 0x2222, 4)).cast("Q")
    assert evaluate(bytes([0x77, 16, 0x06]), values, words, 0x1000, None) == 0x2222
    assert evaluate(bytes([0x23, 5]), values, words, 0, 7) == 12
    with pytest.raises(ValueError, match="operation 0xe0"):
        evaluate(b"\xe0", values, words, 0, None)


def test_walk_by_frame_pointers_where_nothing_else_is_known() -> None:
    registers = dict.fromkeys(arch.PT_REGS_OFFSETS, 0) | {"ip": 0x5000, "sp": 0x1000, "bp": 0x1010}
    packed = struct.pack(f"={len(registers)}Q", *registers.values())
    stack = struct.pack("=8Q", 9, 9, 0x1030, 0x6000, 9, 9, 0, 0x7000)
    code = {0x5000, 0x5FFF, 0x6FFF}
    frames = walk(packed, memoryview(stack), lambda address: (None, 0) if address in code else None)
    assert frames == [0x5000, 0x6000, 0x7000]
    assert walk(packed, memoryview(b""), lambda address: (None, 0)) == [0x5000]


def test_what_programs_can_walk() -> None:
    def rule(
        register: int, offset: int, *saved: tuple[int, int, int | bytes], expression: bytes | None = None
    ) -> FrameRule:
        return FrameRule(register, offset, expression, saved, 16, False)

    returns = (16, AT_CFA, -8)
    assert simple_rule(rule(7, 24, returns)) == (24, 0, False, False, None, False, False)
    assert simple_rule(rule(6, 16, (6, AT_CFA, -16), returns)) == (16, -16, True, False, -16, False, False)
    assert simple_rule(rule(3, 16, returns)) is None
    assert simple_rule(rule(7, 8, (16, UNDEFINED, 0))) == (0, 0, False, False, None, False, True)
    realigned = rule(0, 0, (6, 2, b"\x76\x00"), returns, expression=b"\x76\x78\x06")  # gcc's frames with alignment
    assert simple_rule(realigned) == (-8, 0, True, True, 0, True, False)


def test_code_that_is_mapped_from_the_end_of_another_segment() -> None:
    """As lld links: the code lies a page further than in the file, and its first page there has other things too."""
    load, header = struct.Struct("<IIQQQQQQ"), struct.Struct("<16sHHIQQQIHHHHHH")
    rows = [
        (1, 4, 0, 0, 0, 0x13DD4, 0x13DD4, 0x1000),
        (1, 5, 0x13DE0, 0x14DE0, 0x14DE0, 0x3EBA0, 0x3EBA0, 0x1000),
        (1, 6, 0x52980, 0x54980, 0x54980, 0x2938, 0x3680, 0x1000),
    ]
    start = header.pack(b"\x7fELF\x02\x01\x01", 3, 62, 1, 0x15000, 64, 0, 0, 64, 56, len(rows), 64, 0, 0)
    image = ElfImage(start + b"".join(load.pack(*row) for row in rows))
    assert image.code_address_of(0x13000) == 0x14000
    assert image.code_address_of(0x1423F) == 0x1523F
    assert image.code_address_of(0x1000) is None
    assert image.address_of(0x13000) == 0x13000


def test_no_elf(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    (tmp_path / "short").write_bytes(b"\x7fELF\x02\x01")
    for name in ("text", "short", "none"):
        with pytest.raises(NotElf):
            ElfImage.open(str(tmp_path / name))


@needs_readelf
def test_functions_by_address(tmp_path: Path) -> None:
    (tmp_path / "f.c").write_text("int first(void) { return 1; }\nint second(void) { return 2; }\n")
    subprocess.run(["gcc", "-shared", "-o", "libf.so", "f.c"], cwd=tmp_path, check=True)
    image = ElfImage.open(str(tmp_path / "libf.so"))
    table = FunctionTable(image)
    symbols = subprocess.run(["nm", "-S", "libf.so"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for address, size, _, name in (line.split() for line in symbols.splitlines() if len(line.split()) == 4):
        if name in ("first", "second"):
            assert table.find(int(address, 16) + 3) == (name, 3, int(size, 16))
    assert table.find(0) is None
    before = table.find(min(int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" first")))
    subprocess.run(["strip", "libf.so"], cwd=tmp_path, check=True)
    stripped = FunctionTable(ElfImage.open(str(tmp_path / "libf.so")))  # .dynsym is left
    start = next(int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" first"))
    assert stripped.find(start) == before
