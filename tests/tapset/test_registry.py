"""The registry, the library's index, and the signatures against the language's inventory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from pystap.diagnostics import Diagnostics
from pystap.program.builtins import Effect, IrFunction
from pystap.program.types import Type
from pystap.registries import Library
from pystap.source import SourceFile
from pystap.syntax import PreprocessorFacts, parse_script
from pystap.tapset import functions, library_index

INVENTORY = Path(__file__).resolve().parents[3] / "shared" / "inventory" / "functions.tsv"
_INFERRED = re.compile(r"read_stopwatch_\w+")
"""The inventory shows `long` for a parameter without a declared type that nothing uses; these take a name."""


def test_table_of_names_is_current() -> None:
    for module, listed in functions.MODULES.items():
        rows = import_module(f"pystap.tapset.functions.{module}").ROWS
        assert sorted({row.name for row in rows}) == sorted(listed.split()), module
    folder = Path(functions.__file__).parent
    with_rows = {path.stem for path in folder.glob("*.py") if "\nROWS = " in path.read_text()}
    assert with_rows == set(functions.MODULES)


def test_names_are_declared_once() -> None:
    listed = Counter(name for text in functions.MODULES.values() for name in text.split())
    assert max(listed.values()) == 1
    assert not set(listed) & set(library_index.read_index().functions)


def test_lookup() -> None:
    assert [len(row.parameters) for row in functions.lookup("ansi_set_color")] == [1, 2, 3]
    assert functions.lookup("ansi_set_color") is functions.lookup("ansi_set_color")
    assert functions.lookup("no_such_function") == ()
    assert "strlen" in set(functions.names())


def test_looking_up_imports_one_module() -> None:
    source = str(Path(functions.__file__).resolve().parents[3])
    code = (
        "import sys; from pystap.tapset import functions as f; f.lookup('strlen'); "
        "print(sorted(m.rpartition('.')[2] for m in sys.modules if m.startswith('pystap.tapset.functions.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": source}
    )
    assert done.stdout.strip() == "['strings', 'strings_ir']"


def test_rows_are_consistent() -> None:
    ir_names = Counter()
    for row in functions.all_rows():
        if row.effect is Effect.ACTION:
            assert row.returns is None, row.name
            assert row.kernel is None, row.name
        if row.returns is not Type.STRING:
            assert row.width is None, row.name
        elif row.width is not None and not isinstance(row.width, int):
            widths = [10 if kind is Type.STRING else 0 for _, kind in row.parameters]
            assert isinstance(row.width(*widths), int), row.name
        if isinstance(row.kernel, IrFunction):
            ir_names[row.kernel.name] += 1
            assert f"define internal i64 @{row.kernel.name}(" in row.kernel.text
    assert set(ir_names.values()) == {1}


def _inventory() -> dict[tuple[str, int], tuple[str, str]]:
    if not INVENTORY.exists():
        pytest.skip("the inventory of the language is not beside the repository")
    found = {}
    for line in INVENTORY.read_text().splitlines()[1:]:
        name, returns, parameters = line.split("\t")
        found[name, len(parameters.split(", ")) if parameters else 0] = (returns, parameters)
    return found


def test_rows_match_the_inventory() -> None:
    inventory = _inventory()
    for row in functions.all_rows():
        if row.name.startswith("_"):
            continue
        returns, parameters = inventory[row.name, len(row.parameters)]
        assert ", ".join(f"{name}:{kind}" for name, kind in row.parameters) == parameters, row.name
        assert (str(row.returns) if row.returns is not None else "unknown") == returns, row.name


_OLD = {"task_backtrace"}
"""What the manual pages describe and current releases have no longer."""
_HEAD = re.compile(r"^function (\w+)(?::(\w+))? \(([^)]*)\)", re.M)


def test_library_functions_match_the_inventory() -> None:
    inventory = _inventory()
    for path in library_index.library_files():
        for name, returns, parameters in _HEAD.findall(Path(path).read_text()):
            if name.startswith("_") or name in _OLD:
                continue
            parameters = " ".join(parameters.split())  # a long head has several lines
            known = inventory[name, len(parameters.split(", ")) if parameters else 0]
            assert (returns or "unknown") == known[0], name
            if not _INFERRED.fullmatch(name):
                assert parameters == known[1], name


def test_library_index() -> None:
    index = library_index.read_index().functions
    assert os.path.basename(index["thread_indent"]) == "indent.stp"
    assert os.path.basename(index["assert"]) == "assert.stp"
    assert "__indent_step" in index


def test_index_of_folders(tmp_path: Path) -> None:
    (tmp_path / "a.stp").write_text(
        'probe vm.pagefault = kernel.function("x") { }\nprivate function f:long (a:long)\n{\n}\n'
        "  probe vm.oom += vm.pagefault { } \n  function thread_indent:string (delta:long) { }\n# see function g\n"
    )
    (tmp_path / "b.txt").write_text("function g () { }")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.stp").write_text("function h () { }")
    index = library_index.read_index([str(tmp_path), str(tmp_path / "none")])
    path = str(tmp_path / "a.stp")
    assert index.aliases["vm"][0] == path
    assert index.functions["f"] == index.functions["thread_indent"] == path
    assert not {"g", "h"} & set(index.functions)
    assert os.path.basename(index.functions["thread_indent_depth"]) == "indent.stp"


def test_library_parses() -> None:
    diagnostics = Diagnostics()
    facts = PreprocessorFacts(kernel_release="6.1.0", config={}.get)
    macros = Library(facts, diagnostics).macros
    for path in library_index.library_files():
        source = SourceFile(path, Path(path).read_text(), is_library=True)
        parse_script(source, facts, macros, diagnostics=diagnostics)
    assert [str(d.message) for d in diagnostics.errors] == []


def test_user_sides_have_names_that_an_image_can_keep() -> None:
    for row in functions.all_rows():
        function = getattr(sys.modules[row.user.__module__], row.user.__qualname__, None)
        assert function is row.user, row.name
