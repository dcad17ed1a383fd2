"""What pass 4 makes and pass 5 runs: all that a session needs, free of file descriptors, savable to a file.

The compile side fills it from an `ElaboratedProgram`, its eBPF programs and its Python code; the runtime (also in
staprun, and on a warm start from the cache) works from it alone.
"""

from __future__ import annotations

import os

from ..program.attach import AttachSpec
from ..program.limits import Limits
from ..program.symbols import StorageKind
from ..program.types import Type
from ..records import dataclass, field
from .image import MapSpec, ProgramSpec

FORMAT_VERSION = 3


@dataclass(frozen=True, slots=True)
class ProgramAttachment:
    """Hang program `program` (its name) where `attach` says; it runs the handlers with these indexes."""

    program: str
    attach: AttachSpec
    handlers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ErrorPlace:
    """A run-time error that kernel code may raise.

    `message` is the whole text, the place in the script included; a `%d` or `%#x` in it takes the event's long field.
    """

    message: str
    handler: int


@dataclass(frozen=True, slots=True)
class KeyRendering:
    """A key column that is stored as the values with these types and widths; `function` makes its text of them."""

    column: int
    types: tuple[Type, ...]
    widths: tuple[int, ...]
    function: str


@dataclass(frozen=True, slots=True)
class GlobalLayout:
    """A global as the session sees it. `offset`, `cell` and `maps` as in map_layout.GlobalPlace."""

    name: str
    type: Type
    width: int
    is_array: bool
    key_types: tuple[Type, ...]
    key_widths: tuple[int, ...]
    size: int
    wraps: bool
    initial: int | str | None
    storage: StorageKind
    lock: int | None
    offset: int = 0
    cell: int = 0
    maps: tuple[str, ...] = ()
    histograms: tuple[tuple[str | int, ...], ...] = ()
    shift: int = 0
    reads_variance: bool = False
    renderings: tuple[KeyRendering, ...] = ()
    print_at_end: bool = False
    """Written and never read by the script: shown when the session ends."""
    per_call: bool = False
    """As in symbols.Global."""


@dataclass(frozen=True, slots=True)
class HandlerLayout:
    """One derived probe. `function` names the Python function of a user handler, "" for a kernel handler."""

    index: int
    point: str
    written: str
    place: str
    attach: AttachSpec
    function: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    condition_reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventLayout:
    """One kind of record: `function` is called with the record's bytes, header included.

    `reads` and `writes` are the globals that its body touches; `handler` the index of the handler that sends it.
    """

    number: int
    function: str
    handler: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionImage:
    """A compiled script. `user_code` is the marshalled code object of the generated Python module."""

    script_name: str
    kernel: str
    limits: Limits
    maps: tuple[MapSpec, ...]
    programs: tuple[ProgramSpec, ...]
    attachments: tuple[ProgramAttachment, ...]
    globals: tuple[GlobalLayout, ...]
    handlers: tuple[HandlerLayout, ...]
    events: tuple[EventLayout, ...]
    errors: tuple[ErrorPlace, ...]
    control_size: int
    handlers_offset: int
    adds_stride: int
    user_code: bytes
    warnings: tuple[str, ...] = field(default=())
    files: tuple[tuple[str, str], ...] = field(default=())
    """The program files that places were looked up in, each with its stamp then (see `file_stamp`)."""


def file_stamp(path: str) -> str:
    """Return a text that changes when a file does; for the program of a process its path. "" for no file."""
    try:
        if path.startswith("/proc/"):
            return os.readlink(path)
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
