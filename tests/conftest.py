"""Test set-up for the whole tree."""

import os
import signal

import pytest

from .kernel_matrix import PROPERTY, write

pytest_plugins = ["pytester", "tests.vm.plugin"]


def pytest_configure() -> None:
    """Let tests send SIGHUP also where it is ignored, as below nohup: what they start would inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write what a kernel granted into the documentation, where that is asked for."""
    if not os.environ.get("PYSTAP_UPDATE_DOCS") or os.environ.get("PYSTAP_INSIDE_GUEST"):
        return
    for name, value in report.user_properties if report.when == "call" else ():
        if name == PROPERTY and isinstance(value, dict):
            write(value["column"], value["answers"])
