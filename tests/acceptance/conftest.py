"""What the acceptance tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import workload


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled workload program."""
    return workload.build(tmp_path_factory.mktemp("workload"))


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for caches that several tests may share."""
    return tmp_path_factory.mktemp("pystap")
