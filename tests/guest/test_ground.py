"""What the guest tests build on is there."""

import os
from pathlib import Path


def test_is_root() -> None:
    assert os.geteuid() == 0


def test_has_btf_and_tracefs() -> None:
    assert Path("/sys/kernel/btf/vmlinux").stat().st_size > 1_000_000
    assert Path("/sys/kernel/tracing/kprobe_events").exists()
