"""Reads the rows of the call tables (the package's text has their form) and says what each call needs of memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module

from ...program.user_memory import Memory, UserRead
from ...records import dataclass
from . import decoder, s32, u32

_FAMILIES = "files ipc machine memory network process signals system time waiting"
CALL_MODULES = tuple(f"calls_{family}" for family in _FAMILIES.split())

MOST_READS = 4
"""Reads of memory for one text: further decoders that need memory show the address."""

LONGS = frozenset(
    (
        "s32", "u32", "s16", "u16", "long", "ulong", "pointer", "offset64", "zero", "user_s32", "user_s32_next",
        "user_long", "user_long_next", "task_of", "event_message", "arch_address",
    )
)  # fmt: skip
"""Decoders that give a long: numbers of 32 or 16 bits, whole registers, a 64-bit number in two 32-bit ones, and (only
as variables) a number in user memory at the address or behind the one there."""


@dataclass(frozen=True, slots=True)
class Use:
    """A decoder applied to arguments of a call."""

    decoder: str
    arguments: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.decoder}@{','.join(map(str, self.arguments))}"

    @property
    def is_long(self) -> bool:
        return self.decoder in LONGS


@dataclass(frozen=True, slots=True)
class Call:
    """One row: the variables at entry and at return, the pieces of argstr, and how a result is shown."""

    name: str
    variables: dict[str, Use]
    pieces: tuple[Use, ...]
    result: str = "decimal"
    return_variables: dict[str, Use] = {}  # noqa: RUF012


def _use(text: str) -> Use:
    name, _, arguments = text.partition("@")
    return Use(name, tuple(map(int, arguments.split(","))) if arguments else ())


def _variables(text: str) -> dict[str, Use]:
    pairs = (word.partition("=") for word in text.split())
    return {name: _use(use) for name, _, use in pairs}


def _parsed(row: str) -> Call:
    columns = [column.strip() for column in row.split("|")]
    name, variables, pieces = columns[0], _variables(columns[1]), columns[2].split()
    result = columns[3] if len(columns) > 3 and columns[3] else "decimal"
    returned = _variables(columns[4]) if len(columns) > 4 else {}
    return Call(name, variables, tuple(variables.get(piece) or _use(piece) for piece in pieces), result, returned)


@cache
def _rows() -> dict[str, str]:
    rows: dict[str, str] = {}
    for module in CALL_MODULES:
        text: str = import_module("." + module, __package__).ROWS
        for line in text.strip().splitlines():
            rows[line.partition("|")[0].strip()] = line
    return rows


def described() -> Sequence[str]:
    """Return the names of the calls that have rows."""
    return tuple(name for name in _rows() if "/" not in name)


@cache
def call(name: str, compat: bool = False) -> Call | None:
    """Return the row of a call by SystemTap's name, for 32-bit entries that of `name/32` if there is one."""
    rows = _rows()
    row = (rows.get(name + "/32") if compat else None) or rows.get(name)
    return _parsed(row) if row is not None else None


def reads(uses: Sequence[Use], compat: bool, new_layout: bool = False) -> tuple[UserRead, ...]:
    """Return the plan of memory for texts that are made together: each use's reads, as long as there is room.

    `compat`: a 32-bit call; with `new_layout` its structures are nevertheless those of 64-bit calls.
    """
    plan: list[UserRead] = []
    for use in uses:
        plan += use_reads(use, compat, new_layout, MOST_READS - len(plan))
    return tuple(plan)


def use_reads(use: Use, compat: bool, new_layout: bool, room: int) -> tuple[UserRead, ...]:
    """Return the reads of one use; () where there is no room for them, or a 32-bit call has a layout of its own."""
    if use.is_long:
        return ()
    row = decoder(use.decoder)
    memory = row.memory
    if compat and not new_layout:
        if row.compat_memory is not None:
            memory = row.compat_memory
        elif row.compat is None and any(map(_has_layout, memory)):
            return ()
    if len(memory) > room:
        return ()
    return tuple(
        UserRead(
            part, use.arguments[0], use.arguments[part.count] if part.count is not None else None, 4 if compat else 8
        )
        for part in memory
    )


def _has_layout(memory: Memory) -> bool:
    """Tell whether memory holds structures, which 32-bit calls lay out in another way; a buffer has none."""
    return memory.kind == "bytes" and (memory.count is None or memory.each > 1)


def long_value(name: str, values: Sequence[int], compat: bool) -> int:
    """Return what a decoder of longs makes of its arguments."""
    match name:
        case "s32":
            return s32(values[0])
        case "u32":
            return u32(values[0])
        case "u16":
            return values[0] & 0xFFFF
        case "s16":
            return (values[0] & 0xFFFF ^ 0x8000) - 0x8000
        case "long":
            return s32(values[0]) if compat else values[0]
        case "offset64":
            value = u32(values[0]) | u32(values[1]) << 32
            return value - (1 << 64) if value >> 63 else value
        case "zero":
            return 0
        case _:
            return values[0]
