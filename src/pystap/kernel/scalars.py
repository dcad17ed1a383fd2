"""Scalar globals: SHARED ones in the array `globals`, those that kernel code only adds to in per-CPU rows of `adds`."""

from __future__ import annotations

from ..abi.map_layout import ADDS_MAP, GLOBALS_MAP
from ..program.symbols import Global, StorageKind
from ..program.types import buffer_size
from .context import HandlerContext, InternalError, Text
from .ir import Helper

FIRST_ROW = "%first.row"
"""The current CPU's row of buffer 0 of `adds`, that of ADD_ONLY globals; made at the handler's start."""
ROW = "%current.row"
"""The current CPU's row in the buffer of the current generation."""
GENERATION = "%generation"
"""0 or 1: the buffer of DRAINED globals that this run of the handler adds to."""


def _place(h: HandlerContext, variable: Global) -> str:
    if variable.storage is not StorageKind.SHARED:
        raise InternalError(f"kernel code reads {variable.name}, whose storage is {variable.storage.value}")
    return h.code.offset(h.module.map(GLOBALS_MAP), h.shared.layout.places[variable.name].offset)


def text_place(h: HandlerContext, variable: Global) -> Text:
    """Return where a string global is."""
    return Text(_place(h, variable), buffer_size(variable.width), variable.width, False)


def read_long(h: HandlerContext, variable: Global) -> str:
    return h.code.value(variable.name, f"load volatile i64, ptr {_place(h, variable)}, align 8")


def write_long(h: HandlerContext, variable: Global, value: str) -> None:
    h.code.line(f"store volatile i64 {value}, ptr {_place(h, variable)}, align 8")


def reset(h: HandlerContext, variable: Global) -> None:
    """`delete` of a scalar."""
    h.code.zero(_place(h, variable), buffer_size(variable.width) if variable.width else 8)


def add(h: HandlerContext, variable: Global, value: str) -> None:
    """Add to a long whose new value nobody uses: one atomic operation."""
    if variable.storage is StorageKind.SHARED:
        h.code.add_atomically(_place(h, variable), value)
        return
    h.uses_row = True
    h.uses_generation = h.uses_generation or variable.storage is StorageKind.DRAINED
    row = ROW if variable.storage is StorageKind.DRAINED else FIRST_ROW
    h.code.add_atomically(h.code.offset(row, 8 * h.shared.layout.places[variable.name].cell), value)


def row_prologue(h: HandlerContext) -> None:
    """Emit the addresses of the current CPU's rows. The comparison is what tells the verifier their bounds."""
    code, layout, cpus = h.code, h.shared.layout, h.shared.facts.possible_cpus
    cpu = code.helper("cpu", Helper.GET_CPU, "")
    known = code.name("known")
    code.branch(code.value("valid", f"icmp ult i64 {cpu}, {cpus}"), known, h.exit_label)
    code.begin(known)
    row = code.value("offset", f"mul i64 {cpu}, {layout.adds_stride}")
    adds = h.module.map(ADDS_MAP)
    code.line(f"{FIRST_ROW} = getelementptr i8, ptr {adds}, i64 {row}")
    if h.uses_generation:
        buffer = code.value("buffer", f"mul i64 {GENERATION}, {cpus * layout.adds_stride}")
        both = code.value("both", f"add i64 {row}, {buffer}")
        code.line(f"{ROW} = getelementptr i8, ptr {adds}, i64 {both}")


def add_giving_old(h: HandlerContext, variable: Global, value: str) -> str:
    """Add to a SHARED long and return what it was.

    Where fetching atomics are missing the handler's lock makes the separate read and write one operation.
    """
    place = _place(h, variable)
    if h.shared.facts.fetching_atomics:
        return h.code.value("old", f"atomicrmw add ptr {place}, i64 {value} seq_cst")
    old = read_long(h, variable)
    h.code.add_atomically(place, value)
    return old
