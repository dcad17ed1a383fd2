"""The guest plugin, with a process of this machine in the guest's place."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.vm import plugin
from tests.vm.boot import Guest
from tests.vm.kernels import GuestKernel, KernelNotFound

_TESTS = """
    import os, pytest
    pytestmark = pytest.mark.guest
    def test_pass(): pass
    def test_fail(): assert 1 == 2
    def test_skip(): pytest.skip("why")
    @pytest.mark.parametrize("text", ["a b", "[x]"])
    def test_text(text): pass
    @pytest.mark.guest(native=True)
    def test_both(): pass
"""


@contextlib.contextmanager
def _booted(kernel: GuestKernel, command: Sequence[str], folder: Path, cwd: Path) -> Iterator[Guest]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=cwd, env=environment)
    try:
        yield Guest(kernel, process, folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setattr(plugin, "obtain", lambda series: GuestKernel(series, series, Path("image")))
    monkeypatch.setattr(plugin, "booted", _booted)
    pytester.makeconftest('pytest_plugins = ["tests.vm.plugin"]')
    pytester.makeini("[pytest]\nmarkers = guest")
    return pytester


def test_natively_guest_tests_are_left_out(project: pytest.Pytester) -> None:
    project.makepyfile(_TESTS)
    project.runpytest_inprocess().assert_outcomes(passed=1, deselected=5)


def test_reports_come_from_the_guest(project: pytest.Pytester) -> None:
    project.makepyfile(_TESTS)
    result = project.runpytest_inprocess("--guest", "6.1", "-v", "-rA")
    result.assert_outcomes(passed=5, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*::test_fail?6.1? FAILED*", "*test_text?a b??6.1? PASSED*", "*assert 1 == 2*"])


def test_only_guest_once_for_each_kernel(project: pytest.Pytester) -> None:
    project.makepyfile(_TESTS)
    result = project.runpytest_inprocess("--guest", "6.1,5.10", "--only-guest", "-k", "pass or both")
    result.assert_outcomes(passed=4, deselected=4)


def test_thorough_tests_run_in_guests_when_asked_for(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest
        @pytest.mark.guest(native=True, thorough=True)
        def test_here(): pass
        @pytest.mark.guest(native=True)
        def test_both(): pass
    """)
    project.runpytest_inprocess("--guest", "6.1").assert_outcomes(passed=3)
    project.runpytest_inprocess("--guest", "6.1", "--thorough").assert_outcomes(passed=4)


def test_what_a_guest_has_no_time_for_is_skipped(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest, time
        pytestmark = pytest.mark.guest
        def test_long(): time.sleep(0.2)
        def test_late(): assert False
    """)
    result = project.runpytest_inprocess("--guest", "6.1", "--guest-budget", "0.2", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*the 0 s for this guest are over*"])


def test_a_guest_that_dies_fails_the_test_and_the_rest(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os, pytest
        pytestmark = pytest.mark.guest
        def test_before(): pass
        def test_crash(): os._exit(1)
        def test_after(): pass
        """
    )
    result = project.runpytest_inprocess("--guest", "6.1")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["guest 6.1 (ended*gave no result", "not run: guest 6.1 was lost in test_crash?6.1?"])


def test_a_kernel_that_cannot_be_had_fails(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    def obtain(series: str) -> GuestKernel:
        raise KernelNotFound(f"no {series} anywhere")

    monkeypatch.setattr(plugin, "obtain", obtain)
    project.makepyfile(_TESTS)
    result = project.runpytest_inprocess("--guest", "6.1", "--only-guest")
    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(["no 6.1 anywhere"])
