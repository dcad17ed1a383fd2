"""The map `processes`: which processes a script is about. Key: process id (tgid) as u64; value: u64 of bits.

Programs on the kernel's process events keep it up to date, the session enters what is there at its start.
"""

from __future__ import annotations

PROCESSES_MAP = "processes"
MOST_PROCESSES = 1 << 15
"""Processes that can be kept account of at a time."""
TARGET_BIT = 0
"""Set for the target (-c, -x) and the processes that descend from it."""
