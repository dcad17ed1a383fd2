"""ELF files by their own statements: what is there is found, and what is damaged is an error that says so."""

from __future__ import annotations

import random
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from pystap.debuginfo import libraries
from pystap.debuginfo.elf_file import ElfFile, NotElf
from pystap.debuginfo.elf_symbols import SymbolIndex, SymbolSource, VariableSymbols, symbol_index
from pystap.debuginfo.plt import PltSource
from pystap.debuginfo.sdt import SdtMarks

SOURCE = """
#include <stdio.h>
int variable = 3;
static int quiet(int n) { return n + variable; }
int loud(int n) { return printf("%d", quiet(n)); }
int main(void) { return loud(1) != 1; }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elf")
    (folder / "a.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O0", "-o", folder / "a", folder / "a.c"], check=True)
    return folder / "a"


def _nm(program: Path) -> dict[str, int]:
    text = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def test_what_nm_and_readelf_say(program: Path) -> None:
    known = _nm(program)
    with ElfFile(str(program)) as elf:
        index = symbol_index(elf)
        for name in ("quiet", "loud", "main"):
            [found] = index.exact(name)
            assert (found.address, found.is_exported) == (known[name], name != "quiet")
            code = elf.file_offset(found.address)
            assert code is not None
        assert [symbol.name for symbol in index.matching("?ou*")] == ["loud"]
        assert index.exact("lou") == []
        assert elf.needed == ("libc.so.6",)
        assert elf.interpreter.endswith("ld-linux-x86-64.so.2")
        notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout
        assert not elf.build_id or f"Build ID: {elf.build_id}" in notes
    assert VariableSymbols().variable(str(program), "variable") == (known["variable"], False)
    assert [place.name for place in PltSource().entries(str(program), "print*")] == ["printf"]
    linked = dict(libraries.linked_libraries(str(program)))
    assert Path(linked["libc.so.6"]).exists()


def test_an_index_survives_its_file(program: Path, tmp_path: Path) -> None:
    with ElfFile(str(program)) as elf:
        index = symbol_index(elf, str(tmp_path))
        again = SymbolIndex.from_bytes(index.to_bytes())
        assert again is not None
        assert again.exact("loud") == index.exact("loud")
        assert symbol_index(elf, str(tmp_path)).exact("main") == index.exact("main")
    assert SymbolIndex.from_bytes(b"something else") is None
    assert SymbolIndex.from_bytes(index.to_bytes()[:100]) is None


def test_other_files(tmp_path: Path) -> None:
    for content, message in ((b"", "is not an ELF file"), (b"#!/bin/sh\n" * 20, "is not an ELF file"),
                             (b"\x7fELF\x01\x01" + bytes(80), "is not a 64-bit program")):  # fmt: skip
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(NotElf, match=message):
            ElfFile(str(tmp_path / "x"))


def test_damaged_files_are_errors_that_say_so(program: Path, tmp_path: Path) -> None:
    good, rng = program.read_bytes(), random.Random(7)
    path = tmp_path / "damaged"
    for round_ in range(300):
        data = bytearray(good)
        if round_ % 3 == 0:
            data = data[: rng.randrange(len(data))]
        for _ in range(rng.randrange(1, 40)):
            if data:
                # most of the damage where headers and tables are
                at = rng.randrange(min(len(data), 1024)) if rng.random() < 0.5 else rng.randrange(len(data))
                data[at] = rng.randrange(256)
        path.write_bytes(data)
        for reading in (
            lambda: SymbolSource().functions(str(path), "*", "all"),
            lambda: SymbolSource().near(str(path), "mian"),
            lambda: VariableSymbols().variable(str(path), "variable"),
            lambda: PltSource().entries(str(path), "*"),
            lambda: SdtMarks().marks(str(path)),
            lambda: list(libraries.linked_libraries(str(path))),
        ):
            with suppress(LookupError, OSError):
                reading()
