"""The cache of compiled scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pystap import cache as cache_module
from pystap.cache import Cache, entry_key, open_cache
from pystap.options import Options
from pystap.records import replace
from pystap.version import VERSION

SCRIPT = [("a.stp", "probe begin {}")]


def test_entries_come_back(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    assert cache.load("abcdef", ".x") is None
    path = cache.store("abcdef", ".x", b"data")
    assert path == str(tmp_path / "cache" / "ab" / "stap_abcdef.x")
    assert cache.load("abcdef", ".x") == b"data"
    assert os.listdir(tmp_path / "cache" / "ab") == ["stap_abcdef.x"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(str(tmp_path / "file"))
    assert cache.store("abcdef", ".x", b"data") == ""
    assert "Not a directory" in cache.trouble
    assert cache.load("abcdef", ".x") is None


def test_cleaning_removes_what_was_not_used_for_longest(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    (tmp_path / "cache_mb_limit").write_text("1\n")
    for age, key in enumerate(("aa1", "bb2", "cc3")):
        os.utime(cache.store(key, ".x", bytes(400_000)), (1000 - age, 1000 - age))
    assert cache.load("cc3", ".x") is not None
    assert cache.clean() == 1
    assert cache.load("bb2", ".x") is None
    assert cache.load("aa1", ".x") is not None
    assert (tmp_path / "cache_mb_limit").exists()


def test_the_key_depends_on_what_compiling_depends_on(tmp_path: Path) -> None:
    base = Options()
    key = entry_key(SCRIPT, base)
    running = replace(base, verbose=(9, 9, 9, 9, 9), output="x", timeout=3, globals=(("a", "1"),))
    assert entry_key(SCRIPT, running) == key
    (tmp_path / "x.stp").write_text("function f() {}")
    variants = [
        ([("b.stp", SCRIPT[0][1])], base),
        ([("a.stp", "probe end {}")], base),
        ([*SCRIPT, ("<input>", "")], base),
        (SCRIPT, replace(base, arguments=("1",))),
        (SCRIPT, replace(base, limits=(("max_string", 64),))),
        (SCRIPT, replace(base, guru=True)),
        (SCRIPT, replace(base, tapset_folders=(str(tmp_path),))),
    ]
    keys = [entry_key(scripts, options) for scripts, options in variants]
    (tmp_path / "x.stp").write_text("function g() {}")
    keys.append(entry_key(SCRIPT, variants[-1][1]))
    assert len({key, *keys}) == len(keys) + 1


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PYSTAP_CACHE_DIR": "/c", "HOME": "/h"}, "/c"),
        ({"SYSTEMTAP_DIR": "/s", "HOME": "/h"}, "/s/cache"),
        ({"HOME": "/h"}, "/h/.systemtap/cache"),
        ({}, ""),
    ],
)
def test_the_folder(environ: dict[str, str], folder: str) -> None:
    assert open_cache(environ).folder == folder
    assert open_cache(environ, enabled=False).folder == ""


def test_what_tells_one_state_of_the_package_from_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a work tree each file does; where it was installed, the installer's list."""
    package = tmp_path / "pystap"
    package.mkdir()
    (package / "cache.py").write_text("x = 1\n")
    monkeypatch.setattr(cache_module, "__file__", str(package / "cache.py"))
    tree = list(cache_module._package_state())
    assert [str(package / "cache.py") in line for line in tree] == [True]
    (package / "other.py").write_text("")
    assert len(list(cache_module._package_state())) == 2

    record = tmp_path / f"pystap-{VERSION}.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("pystap/cache.py,,\n")
    installed = list(cache_module._package_state())
    assert [str(record) in line for line in installed] == [True]
    record.write_text("pystap/cache.py,,\npystap/other.py,,\n")
    assert list(cache_module._package_state()) != installed
