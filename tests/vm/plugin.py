"""Runs the tests marked `guest` in booted kernels, one boot a kernel, and reports them as items of this run.

    pytest                      the native tests; guest tests are deselected
    pytest --guest 6.1,5.10     both; each guest test stands once for every kernel: test_kprobe[6.1], test_kprobe[5.10]
    pytest --guest 6.1 --only-guest --thorough

A test asks for a guest by `@pytest.mark.guest`, by living in tests/guest/, or with `@pytest.mark.guest(native=True)`
for "there as well as here". It is an ordinary test. The kernel is booted with a second pytest in it (`--inside-guest`)
that runs all of them and writes each report as a line of JSON to a shared file; this run follows that file and hands
the reports on as its own. The first kernel is booted before the native tests and runs beside them, each further one
when its first test is due. A guest that dies fails the test that was running and all that had not run.

An emulated kernel is slow: what `@pytest.mark.guest(native=True, thorough=True)` marks runs in guests with --thorough
alone, and after --guest-budget what has not started is skipped.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from . import known_module
from .boot import Guest, GuestNotStarted, booted
from .kernels import KernelNotFound, obtain

_GUEST_FOLDER = Path(__file__).parent.parent / "guest"
_POLL_SECONDS = 0.2
_CONSOLE_TAIL = 4000  # characters shown of a dead guest's console


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("guest kernels")
    group.addoption("--guest", default="", metavar="SERIES", help="kernels to boot, such as 6.1,5.10")
    group.addoption("--only-guest", action="store_true", help="leave out what runs natively")
    group.addoption("--thorough", action="store_true", help="run in guests also what is marked thorough")
    group.addoption("--guest-timeout", type=float, default=1500, metavar="SECONDS", help="for all tests of one kernel")
    group.addoption("--guest-budget", type=float, default=0, metavar="SECONDS", help="then skip what has not started")
    group.addoption("--inside-guest", metavar="FILE", help="(for the pytest in the guest) write reports to FILE")


def pytest_configure(config: pytest.Config) -> None:
    reports = config.getoption("--inside-guest")
    if reports:
        config.pluginmanager.register(_ReportWriter(config, Path(reports)))
    config.stash[_BOOTS] = _Boots(config)
    if config.getoption("--guest") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a timeout sends must not leave a guest behind


def pytest_unconfigure(config: pytest.Config) -> None:
    if _BOOTS in config.stash:
        config.stash[_BOOTS].close()


@pytest.hookimpl(trylast=True)  # after -k and -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--inside-guest"):
        return
    kernels = [series for series in config.getoption("--guest").split(",") if series]
    thorough = config.getoption("--thorough")
    guest = [item for item in items if _in_guest(item) and (thorough or not _has(item, "thorough"))]
    native = [] if config.getoption("--only-guest") else [item for item in items if _is_native(item)]
    remote = [GuestItem.of(item, series) for series in kernels for item in guest]
    left_out = [item for item in items if item not in native and not (kernels and item in guest)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    config.stash[_BOOTS].selected = [item.nodeid for item in guest]
    items[:] = [*native, *remote]


def pytest_runtestloop(session: pytest.Session) -> None:
    first = next((item for item in session.items if isinstance(item, GuestItem)), None)
    if first is not None and not session.config.option.collectonly and not session.testsfailed:
        session.config.stash[_BOOTS].change_to(first.series)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    if not isinstance(item, GuestItem):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in item.config.stash[_BOOTS].reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _in_guest(item: pytest.Item) -> bool:
    return item.get_closest_marker("guest") is not None or item.path.is_relative_to(_GUEST_FOLDER)


def _is_native(item: pytest.Item) -> bool:
    return not _in_guest(item) or _has(item, "native")


def _has(item: pytest.Item, word: str) -> bool:
    """Whether the marker nearest to the test says this of it."""
    marker = item.get_closest_marker("guest")
    return marker is not None and bool(marker.kwargs.get(word))


class GuestItem(pytest.Item):
    """A test that runs in a guest; `origin` is its node id there."""

    origin: str
    series: str

    @classmethod
    def of(cls, item: pytest.Item, series: str) -> GuestItem:
        assert item.parent is not None
        guest_item: GuestItem = cls.from_parent(item.parent, name=f"{item.name}[{series}]")
        guest_item.origin = item.nodeid
        guest_item.series = series
        guest_item.add_marker("guest")
        return guest_item

    def runtest(self) -> None:
        raise AssertionError("a guest item's reports come from the guest")

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name


class _ReportWriter:
    """Inside the guest: every report, as pytest's own serialised form, as a line of a shared file."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._stream = path.open("w")
        self._started = time.monotonic()

    def pytest_runtest_setup(self) -> None:
        budget = self._config.getoption("--guest-budget")
        if budget and time.monotonic() > self._started + budget:
            pytest.skip(f"the {budget:.0f} s for this guest are over (scripts/test --kernels gives it all it needs)")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._write({"started": nodeid})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._write({"nodeid": report.nodeid, "report": data})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._write({"finished": nodeid})

    def _write(self, record: dict[str, Any]) -> None:
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()


@dataclass
class _Boot:
    """One guest and what its report file has told so far."""

    guest: Guest
    deadline: float
    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    _offset: int = 0

    def wait_for(self, nodeid: str) -> list[dict[str, Any]] | None:
        """The serialised reports of a test, or None when the guest ended or ran out of time before."""
        while nodeid not in self.finished:
            ended = self.guest.process.poll() is not None  # asked first: what it wrote before is read below
            self._read()
            if nodeid not in self.finished:
                if ended or time.monotonic() > self.deadline:
                    return None
                time.sleep(_POLL_SECONDS)
        return self.reports.get(nodeid, [])

    def _read(self) -> None:
        path = self.guest.folder / "reports"
        if not path.exists():
            return
        with path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break  # still being written
                self._offset += len(line)
                record = json.loads(line)
                if "report" in record:
                    self.reports.setdefault(record["nodeid"], []).append(record["report"])
                elif "finished" in record:
                    self.finished.add(record["finished"])


class _Boots:
    """The guests of this run, one at a time."""

    def __init__(self, config: pytest.Config) -> None:
        self.selected: list[str] = []
        self._config = config
        self._stack = contextlib.ExitStack()
        self._series = ""
        self._boot: _Boot | str = ""  # a string says why there is none

    def close(self) -> None:
        self._stack.close()

    def change_to(self, series: str) -> None:
        """Boot this kernel unless it is the one that runs, which ends."""
        if self._series == series:
            return
        self._stack.close()
        self._series = series
        try:
            self._boot = self._start(series)
        except (GuestNotStarted, KernelNotFound) as error:
            self._boot = str(error)

    def reports(self, item: GuestItem) -> Iterator[pytest.TestReport]:
        """The reports of a guest test under this run's own name for it."""
        self.change_to(item.series)
        boot = self._boot
        if isinstance(boot, str):
            yield _failure(item, boot)
            return
        found = boot.wait_for(item.origin)
        if not found:
            yield _failure(item, _epitaph(boot.guest))
            self._boot = f"not run: guest {boot.guest.kernel.release} was lost in {item.name}"
            return
        for data in found:
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
            report.nodeid = item.nodeid
            report.location = item.location
            if isinstance(report.longrepr, list):  # where a test was skipped: pytest wants its tuple, JSON has none
                report.longrepr = tuple(report.longrepr)
            yield report

    def _start(self, series: str) -> _Boot:
        kernel = obtain(series)
        known_module.build(kernel.release)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pystap-guest-")))
        (folder / "tests").write_text("".join(f"{nodeid}\n" for nodeid in self.selected))
        root = self._config.rootpath
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(root)]
        command += ["--inside-guest", str(folder / "reports"), f"@{folder / 'tests'}"]
        command += ["--guest-budget", str(self._config.getoption("--guest-budget"))]
        guest = self._stack.enter_context(booted(kernel, command, folder, root))
        return _Boot(guest, time.monotonic() + self._config.getoption("--guest-timeout"))


_BOOTS: pytest.StashKey[_Boots] = pytest.StashKey()


def _epitaph(guest: Guest) -> str:
    """Why a test has no result: the guest died, or pytest in it did not get there."""
    ended = "still running: out of time" if guest.process.poll() is None else f"ended, command status {guest.status}"
    return (
        f"guest {guest.kernel.release} ({ended}) gave no result\n"
        f"--- output of pytest in the guest\n{guest.output[-_CONSOLE_TAIL:]}"
        f"--- console\n{guest.console[-_CONSOLE_TAIL:]}"
    )


def _failure(item: GuestItem, why: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid, location=item.location, keywords={}, outcome="failed", longrepr=why, when="call"
    )
