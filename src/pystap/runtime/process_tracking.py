"""Entering the processes that exist when a session starts into the map that kernel programs keep (abi/process_map)."""

from __future__ import annotations

import os
from struct import pack

from ..abi.process_map import TARGET_BIT
from ..lean import suppress
from ..loader.maps import Map


def enter_target(processes: Map, target: int) -> None:
    """Enter the target and all that descends from it. Call it when new children are tracked already."""
    if not target:
        return
    for pid in (target, *_descendants(target)):
        processes.update(pack("=Q", pid), pack("=Q", 1 << TARGET_BIT))


def _descendants(target: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [target]
    while waiting:
        own = children.get(waiting.pop(), [])
        found += own
        waiting += own
    return found
