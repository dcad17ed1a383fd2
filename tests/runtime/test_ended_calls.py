"""Values of calls whose thread has ended, in a map on the running kernel."""

from __future__ import annotations

import struct
import subprocess
import threading

import pytest

from pystap.abi.image import MapKind, MapSpec
from pystap.loader.maps import create_map
from pystap.runtime import ended_calls


def _key(thread: int, frame: int) -> bytes:
    return struct.pack("=IIQ", thread, 1, frame)


def test_values_of_ended_threads_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    kept = {_key(0, 5), *(_key(threading.get_native_id(), frame) for frame in (5, 6))}
    with create_map(MapSpec("calls", MapKind.HASH, 16, 8, 100)) as calls:
        for key in (*kept, *(_key(ended.pid, frame) for frame in range(20))):
            calls.update(key, bytes(8))
        monkeypatch.setattr(ended_calls, "_namespace", lambda: "pid:[1]")
        ended_calls.drop_ended_calls([calls])
        assert len(calls.items()) == 23
        monkeypatch.undo()
        ended_calls.drop_ended_calls([calls])
        assert {key for key, _ in calls.items()} == kept
