"""Drops the values that calls left at their entry and never returned from, because their thread ended.

A call that is left by longjmp() or an exception leaves its values too; the next call of the thread at that place of the
stack overwrites them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from ..loader.maps import Map

_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_THREAD_BYTES = 4


def drop_ended_calls(maps: Iterable[Map]) -> None:
    """Delete the elements of threads that are no more, by the first four bytes of the keys.

    Programs know threads by their numbers in the first namespace: elsewhere nothing is deleted.
    """
    if _namespace() != _FIRST_NAMESPACE:
        return
    ended: dict[int, bool] = {}
    for each in maps:
        for key in list(each.keys()):
            thread = int.from_bytes(key[:_THREAD_BYTES], sys.byteorder)
            if thread not in ended:
                ended[thread] = thread != 0 and not os.path.exists(f"/proc/{thread}")
            if ended[thread]:
                each.delete(key)


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
