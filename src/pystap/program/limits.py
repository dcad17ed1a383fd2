"""The limits of a run. On their own, because every start needs them and few starts need the program's nodes."""

from __future__ import annotations

from ..records import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a run, `-D NAME=VALUE` (man stap). Lengths in bytes with the NUL, times in ns.

    `max_action` 0 stands for no limit of its own: loops of probes other than begin, end and error run in user space,
    where they hold up nobody, and have the limit `max_action_user` too unless MAXACTION is set. `procfs_size` 0
    stands for `max_width`.
    """

    max_string: int = 512
    max_map_entries: int = 2048
    max_action: int = 0
    max_action_user: int = 10_000_000
    max_errors: int = 0
    max_skipped: int = 100
    max_nesting: int = 10
    max_try: int = 1000
    histogram_elision: int = 2
    """How many empty buckets of a row of them are shown at either end; all with -1."""
    procfs_size: int = 0
    suppress_handler_errors: bool = False
    suppress_time_limits: bool = False

    @property
    def max_action_deferred(self) -> int:
        """The most statements of a run of a handler that SystemTap would run in the kernel."""
        return self.max_action or self.max_action_user

    @property
    def max_width(self) -> int:
        """The longest string in bytes, without its NUL."""
        return self.max_string - 1
