"""The map `processes`: which processes a script is about. Key: process id (tgid) as u64; value: u64 of bits.

Programs on the kernel's process events keep it up to date, the session enters what is there at its start. The array
`watched` has for each bit the address of the inode of the program that it stands for, 0 for none.
"""

from __future__ import annotations

PROCESSES_MAP = "processes"
MOST_PROCESSES = 1 << 15
"""Processes that can be kept account of at a time."""
TARGET_BIT = 0
"""Set for the target (-c, -x) and the processes that descend from it."""
FIRST_PROGRAM_BIT = 1
"""Bits from here on: the process executes the first, second... of the programs that the script is limited to."""
MOST_PROGRAMS = 60
WATCHED_MAP = "watched"
