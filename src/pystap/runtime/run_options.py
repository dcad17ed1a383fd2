"""How an image is to be run: what the options of pass 5 and of staprun say, free of their command lines."""

from __future__ import annotations

from ..records import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`output` is a file ("" standard output), `output_size` in bytes (0: one file), `timeout` in seconds (0: none).

    `buffer_mb` 0 keeps the image's size. `globals` are NAME, VALUE pairs as text. `interval_ms` is the longest time
    that events wait in the buffer (0: the session's choice). `name` is what a session left running is called.
    """

    output: str = ""
    output_size: int = 0
    output_files: int = 0
    command: str | None = None
    pid: int | None = None
    timeout: float = 0
    globals: tuple[tuple[str, str], ...] = ()
    buffer_mb: int = 0
    timing: bool = False
    verbose: int = 0
    color: str = "never"
    warnings: bool = True
    display_globals: bool = True
    interval_ms: int = 0
    name: str = ""
