"""What an ordinary user sees, and one whose folders cannot be written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import STAP, environment

# The user `nobody`, without any right to load programs. The right to read files remains: the interpreter may lie in
# root's home.
NOBODY = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search",
)  # fmt: skip
KERNEL_SCRIPT = 'global n probe syscall.* { n++ } probe begin { println("begin") } probe end { println(n) }'
USER_SCRIPT = """
    global ticks
    probe begin { println(uid()) }
    probe timer.ms(10) { if (++ticks == 3) exit() }
    probe end { println(ticks) }"""

needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv (util-linux)")


def _run(
    prefix: tuple[str, ...], folder: Path, *arguments: str, cwd: Path = Path("/"), **variables: str
) -> subprocess.CompletedProcess[str]:
    settings = environment(folder) | {"PYTHONDONTWRITEBYTECODE": "1"} | variables
    return subprocess.run(
        [*prefix, *STAP, *arguments], cwd=cwd, env=settings, capture_output=True, text=True, timeout=60
    )


@pytest.mark.guest(native=True)
@needs_setpriv
def test_missing_privilege_is_named(tmp_path: Path) -> None:
    result = _run(NOBODY, tmp_path, "-e", KERNEL_SCRIPT)
    assert result.returncode == 1
    assert result.stderr.startswith("ERROR: ")
    assert "CAP_BPF" in result.stderr
    assert "cap_perfmon" in result.stderr.lower()
    assert "Traceback" not in result.stderr


@needs_setpriv
def test_user_script_needs_no_privilege(tmp_path: Path) -> None:
    result = _run(NOBODY, tmp_path, "-e", USER_SCRIPT)
    assert (result.stdout, result.stderr, result.returncode) == ("65534\n3\n", "", 0)


@needs_setpriv
def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    """Neither the cache nor the home folder nor the current one is writable: it runs as if there were no cache."""
    tmp_path.chmod(0o755)
    for _ in range(2):
        result = _run(NOBODY, tmp_path, "-e", USER_SCRIPT, cwd=tmp_path, HOME="/nonexistent")
        assert (result.stdout, result.stderr, result.returncode) == ("65534\n3\n", "", 0)
    assert not (tmp_path / "cache").exists()


@needs_setpriv
def test_no_home_at_all(tmp_path: Path) -> None:
    command = ("env", "-u", "HOME", "-u", "PYSTAP_CACHE_DIR", "-u", "SYSTEMTAP_DIR")
    result = _run((*NOBODY, *command), tmp_path, "-e", USER_SCRIPT)
    assert (result.stdout, result.stderr, result.returncode) == ("65534\n3\n", "", 0)


def test_cache_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    result = _run((), tmp_path, "-e", 'probe begin { println("x"); exit() }')
    assert (result.stdout, result.stderr, result.returncode) == ("x\n", "", 0)


def test_damaged_cache(tmp_path: Path) -> None:
    """An entry that cannot be used is made anew."""
    arguments = ("-e", 'probe begin { println("x"); exit() }')
    assert _run((), tmp_path, *arguments).stdout == "x\n"
    entries = list((tmp_path / "cache").rglob("*.stapimg"))
    assert entries
    for damage in (b"", b"garbage" * 100, entries[0].read_bytes()[:-40]):
        entries[0].write_bytes(damage)
        result = _run((), tmp_path, *arguments)
        assert (result.stdout, result.stderr, result.returncode) == ("x\n", "", 0), damage[:10]
