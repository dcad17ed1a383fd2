"""Functions, lines, variables and types of compiled programs, by every compiler, version and level there is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pystap.debuginfo.dwarf import DebugInfo, open_debuginfo
from pystap.debuginfo.dwarf_statements import NoLine, SourcePattern
from pystap.program.c_types import CKind
from pystap.program.variable_locations import (
    Computed,
    InMemory,
    InRegister,
    NumberTerm,
    Operation,
    RegisterTerm,
    StaticAddress,
    ThreadLocal,
    Unavailable,
)

from .programs import COMPILERS, SOURCE, build, has, line_of

EVERY = [
    pytest.param(compiler, version, level, marks=pytest.mark.skipif(not has(compiler), reason=f"no {compiler}"))
    for compiler in COMPILERS
    for version in (4, 5)
    for level in (0, 2)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def opened(folder: Path, compiler: str, version: int, level: int) -> DebugInfo:
    info = open_debuginfo(str(build(folder, "main", SOURCE, f"-gdwarf-{version}", f"-O{level}", compiler=compiler)))
    assert info is not None
    return info


def symbol(info: DebugInfo, name: str) -> int:
    return next(address for own, address, _ in info.elf.function_symbols() if own == name)


@pytest.mark.parametrize(("compiler", "version", "level"), EVERY)
def test_functions_begin_where_the_symbols_say(folder: Path, compiler: str, version: int, level: int) -> None:
    info = opened(folder, compiler, version, level)
    found = {function.name: function for function in info.functions("*") if not function.is_inline}
    assert set(found) == {"work", "main"}
    for name, function in found.items():
        assert function.entry == symbol(info, name)
        assert function.line == line_of(f"int {name}(")
        assert function.file.endswith("/main.c")
        assert (function.after_prologue > function.entry) is (level == 0)


@pytest.mark.parametrize(("compiler", "version", "level"), EVERY)
def test_parameters_at_the_entry_are_where_the_calling_convention_has_them(
    folder: Path, compiler: str, version: int, level: int
) -> None:
    info = opened(folder, compiler, version, level)
    (work,) = info.functions("work")
    places = {v.name: v.location for v in info.scope(work, work.after_prologue).variables() if v.role == "parameter"}
    assert list(places) == ["n", "k", "text"]
    if level:
        assert list(places.values()) == [InRegister(5), InRegister(4), InRegister(1)]
    else:
        for place in places.values():
            assert isinstance(place, InMemory)
            assert isinstance(place.address, Operation)
            assert place.address.left == RegisterTerm(6)


@pytest.mark.parametrize(("compiler", "version", "level"), EVERY)
def test_types(folder: Path, compiler: str, version: int, level: int) -> None:
    info = opened(folder, compiler, version, level)
    (work,) = info.functions("work")
    types = {v.name: v.type for v in info.scope(work, work.after_prologue).variables()}
    names = {name: type_.name for name, type_ in types.items()}
    assert names == {"n": "struct node*", "k": "int", "text": "char const*", "local": "int", "i": "int"}
    node = types["n"].source.target(types["n"])
    assert (node.name, node.kind, node.size) == ("struct node", CKind.COMPOSITE, 96)
    members = {m.name: (m.type.name, m.offset, m.bits) for m in node.source.members(node)}
    union = next(m for m in node.source.members(node) if not m.name)
    assert union.type.kind is CKind.COMPOSITE
    del members[""]
    assert members == {
        "next": ("struct node*", 0, 0), "value": ("int", 64, 0), "name": ("char[16]", 96, 0),
        "low": ("unsigned int", 224, 3), "high": ("unsigned int", 227, 5), "tiny": ("int", 232, 4),
        "color": ("enum color", 256, 0), "in": ("struct inner", 288, 0), "real": ("double", 384, 0),
        "array": ("int[4]", 448, 0), "grid": ("int[2][3]", 576, 0),
    }  # fmt: skip
    inner = node.source.member(node, "u2")
    assert inner is not None
    assert (inner.offset, inner.type.name) == (352, "char[4]")
    grid = node.source.member(node, "grid")
    assert grid is not None
    row = grid.type.source.target(grid.type)
    assert (row.name, row.size, grid.type.source.length(grid.type), row.source.length(row)) == ("int[3]", 12, 2, 3)
    assert row.source.target(row).name == "int"


@pytest.mark.parametrize(("compiler", "version", "level"), EVERY)
def test_variables_outside_functions(folder: Path, compiler: str, version: int, level: int) -> None:
    info = opened(folder, compiler, version, level)
    addresses = {}
    for line in subprocess.run(["nm", info.elf.path], capture_output=True, text=True, check=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3:
            addresses[words[2]] = int(words[0], 16)
    for name in ("counter", "hidden"):
        for file in (None, "main.c"):
            variable = info.variable(name, file)
            assert variable is not None
            assert variable.location == InMemory(StaticAddress(addresses[name]))
    own = info.variable("per_thread")
    assert own is not None
    assert own.location == InMemory(ThreadLocal(NumberTerm(addresses["per_thread"])))
    assert info.variable("counter", "other.c") is None
    assert info.variable("nothing") is None


@pytest.mark.parametrize(("compiler", "version", "level"), EVERY)
def test_names_of_types_and_enumerators(folder: Path, compiler: str, version: int, level: int) -> None:
    info = opened(folder, compiler, version, level)
    for text, size, kind in (
        ("struct node", 96, CKind.COMPOSITE), ("node", 96, CKind.COMPOSITE), ("struct node*", 8, CKind.POINTER),
        ("enum color", 4, CKind.INTEGER), ("int", 4, CKind.INTEGER), ("long", 8, CKind.INTEGER),
        ("char *", 8, CKind.POINTER), ("void*", 8, CKind.POINTER),
    ):  # fmt: skip
        found = info.named_type(text)
        assert found is not None, text
        assert (found.size, found.kind) == (size, kind)
    assert info.named_type("struct nothing") is None
    assert [info.enumerator(name) for name in ("RED", "GREEN", "BLUE", "BLACK")] == [0, 5, 6, None]


@pytest.mark.parametrize(("compiler", "version"), [row.values[:2] for row in EVERY[::2] if has(str(row.values[0]))])
def test_lines_without_optimisation(folder: Path, compiler: str, version: int) -> None:
    info = opened(folder, compiler, version, 0)

    def lines(pattern: str, nearest: bool = False) -> list[tuple[str, int]]:
        found = info.statements(SourcePattern.parse(pattern), nearest)
        return [(one.function.name, one.line) for one in found]

    sum_line, total = line_of("local += square"), line_of("int total")
    assert lines(f"*@main.c:{sum_line}") == [("work", sum_line)]
    assert lines(f"main@main.c:{sum_line + 10}") == [("main", sum_line + 10)]
    assert lines("work@main.c+2") == [("work", line_of("int local"))]
    assert lines(f"square@main.c:{line_of('int square')}") == [("square", line_of("int square"))]
    assert lines(f"*@main.c:{total},{total + 2}-{total + 3}") == [
        ("main", total),
        ("main", total + 2),
        ("main", total + 3),
    ]
    assert {line for name, line in lines("work@main.c:*") if name == "work"} >= {sum_line, line_of("hidden +=")}
    assert lines("work@other.c:*") == []
    assert lines("nothing@main.c:*") == []
    label = line_of("again:")
    with pytest.raises(NoLine) as caught:
        lines(f"work@main.c:{label}")
    assert str(caught.value).endswith(f"/main.c:{label}")
    assert caught.value.lines == (label - 1, label + 1)
    assert lines(f"work@main.c:{label}", nearest=True) == [("work", label + 1)]


@pytest.mark.parametrize(("compiler", "version"), [row.values[:2] for row in EVERY[::2] if has(str(row.values[0]))])
def test_inlined_functions(folder: Path, compiler: str, version: int) -> None:
    info = opened(folder, compiler, version, 0)
    (inlined,) = info.functions("square")
    assert inlined.is_inline
    outer = info.function_at(inlined.entry)
    assert outer is not None
    assert outer.name == "work"
    assert [v.name for v in info.scope(inlined, inlined.entry).variables()] == ["v", "w"]


def test_what_the_compiler_knew_needs_no_place(folder: Path) -> None:
    info = opened(folder, "gcc", 5, 2)
    (work,) = info.functions("work")
    places = {v.name: v.location for v in info.scope(work, work.entry).variables()}
    assert places["i"] == Computed(NumberTerm(0))
    (main,) = info.functions("main")
    total = info.scope(main, main.entry).variable("total")
    assert total is not None
    assert total.location == Unavailable("optimized out")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("work", SourcePattern("work", None, "none")),
        ("work@main.c", SourcePattern("work", "main.c", "none")),
        ("*@dir/main.c:12", SourcePattern("*", "dir/main.c", "absolute", ((12, 12),))),
        ("f@m.c+2", SourcePattern("f", "m.c", "relative", ((2, 2),))),
        ("f@m.c:*", SourcePattern("f", "m.c", "all")),
        ("f@m.c:1-3,7", SourcePattern("f", "m.c", "absolute", ((1, 3), (7, 7)))),
        ("f@a+b.c:4", SourcePattern("f", "a+b.c", "absolute", ((4, 4),))),
        ("ns::C::m@m.cc:4", SourcePattern("ns::C::m", "m.cc", "absolute", ((4, 4),))),
    ],
)
def test_patterns(text: str, parsed: SourcePattern) -> None:
    assert SourcePattern.parse(text) == parsed


@pytest.mark.parametrize("text", ["f@m.c:x", "f@m.c:7-3", "f@", "f@m.c:1,"])
def test_patterns_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        SourcePattern.parse(text)


def test_stripped_programs_find_their_debug_file_by_link(folder: Path, tmp_path: Path) -> None:
    program = build(tmp_path, "split", SOURCE, "-O0")
    expected = open_debuginfo(str(program))
    assert expected is not None
    debug, stripped = tmp_path / "split.debug", tmp_path / "stripped"
    for command in (
        ["objcopy", "--only-keep-debug", str(program), str(debug)],
        ["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", str(program), str(stripped)],
    ):
        subprocess.run(command, check=True, cwd=tmp_path)
    found = open_debuginfo(str(stripped))
    assert found is not None
    (work,), (other,) = found.functions("work"), expected.functions("work")
    assert (work.entry, work.after_prologue) == (other.entry, other.after_prologue)
    debug.unlink()
    stripped.touch()
    assert open_debuginfo(str(stripped)) is None


def test_compressed_sections(tmp_path: Path) -> None:
    program = build(tmp_path, "small", SOURCE, "-O0", "-gz=zlib")
    info = open_debuginfo(str(program))
    assert info is not None
    assert [function.name for function in info.functions("work")] == ["work"]


@pytest.mark.skipif(not has("dwz"), reason="no dwz")
def test_what_dwz_moved_to_another_file(tmp_path: Path) -> None:
    programs = [build(tmp_path, name, SOURCE, "-O2") for name in ("one", "two")]
    subprocess.run(["dwz", "-m", "shared.debug", *map(str, programs)], check=True, cwd=tmp_path)
    assert (tmp_path / "shared.debug").exists()
    info = open_debuginfo(str(programs[0]))
    assert info is not None
    (work,) = (function for function in info.functions("work") if not function.is_inline)
    types = [v.type.name for v in info.scope(work, work.entry).variables() if v.role == "parameter"]
    assert types == ["struct node*", "int", "char const*"]
    assert info.functions("square")
    found = info.named_type("struct node")
    assert found is not None
    assert found.size == 96


def test_files_without_debugging_information(tmp_path: Path) -> None:
    assert open_debuginfo(str(tmp_path / "nothing")) is None
    text = tmp_path / "text"
    text.write_text("no ELF file\n")
    assert open_debuginfo(str(text)) is None
    program = build(tmp_path, "plain", SOURCE, "-g0")
    assert open_debuginfo(str(program)) is None


def test_what_a_search_found_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large files only: the second search reads a file, and describes its functions as the first."""
    from pystap.debuginfo import dwarf_kept
    from pystap.debuginfo.dwarf import DebugInfo
    from pystap.debuginfo.dwarf_elf import ElfFile

    program = build(folder, "prog", SOURCE, "-gdwarf-5", "-O2")
    searched: list[str] = []

    def found() -> list[tuple[object, ...]]:
        info = DebugInfo(ElfFile(str(program)), ElfFile(str(program)))
        kept = dwarf_kept.KeptSearches(info.data, info.elf.build_id, str(tmp_path))
        known = kept.functions(("s*",))
        if known is None:
            searched.append("s*")
            known = info.functions("s*")
            kept.keep_functions(("s*",), known)
        return [
            (f.name, f.file, f.line, f.entry, f.after_prologue, f.ranges, f.is_inline, f.is_external, f.die.tag)
            for f in known
        ]

    small = found()
    assert small
    assert found() == small
    assert len(searched) == 2
    monkeypatch.setattr(dwarf_kept, "_SMALLEST", 0)
    assert found() == found() == small
    assert len(searched) == 3
    (kept_file,) = (tmp_path / "elf").iterdir()
    kept_file.write_bytes(kept_file.read_bytes()[:40])
    assert found() == small
    assert len(searched) == 4


def test_statements_that_a_search_found_are_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pystap.debuginfo import dwarf_kept, dwarf_statements
    from pystap.debuginfo.dwarf import DebugInfo, keep_in
    from pystap.debuginfo.dwarf_elf import ElfFile

    program = build(folder, "prog", SOURCE, "-gdwarf-5", "-O2")
    monkeypatch.setattr(dwarf_kept, "_SMALLEST", 0)
    keep_in(str(tmp_path))
    pattern = SourcePattern.parse("*@prog.c:*")

    def found() -> list[tuple[object, ...]]:
        info = DebugInfo(ElfFile(str(program)), ElfFile(str(program)))
        return [
            (one.file, one.line, one.address, one.function.name, one.function.die.tag)
            for one in info.statements(pattern)
        ]

    try:
        first = found()
        assert first
        monkeypatch.setattr(dwarf_statements.Statements, "find", None)  # a second search would fail
        assert found() == first
    finally:
        keep_in("")


def test_what_was_listed_is_not_searched_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing asks for each function that it shows, to tell its variables."""
    from pystap.debuginfo import dwarf_search

    info = opened(folder, "gcc", 5, 2)
    everything = info.functions("*", "main.c")
    expected = {one.name: info.functions(one.name) for one in everything}
    info = DebugInfo(info.elf, info.elf)
    info.functions("*", "main.c")
    monkeypatch.setattr(dwarf_search.FunctionSearch, "find", None)
    for one in everything:
        again = info.functions(one.name, one.file)
        assert [found.entry for found in again] == [found.entry for found in expected[one.name]]
