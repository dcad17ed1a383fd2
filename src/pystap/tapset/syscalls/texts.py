"""Functions that make a text of a call, compiled from its row: a session runs them for every call that it prints.

write | fd buf_str@1,2 count   ->   def text(a0, a1, a2, a3, a4, a5, block=b""):
                                        p0 = part(block, 8) ...
                                        return f"{signed 32 bits of a0}, {buffer(a1, a2, p0)}, {a2 & MASK}"
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from ...program.user_memory import UserRead
from . import decoder
from .tables import MOST_READS, Use, use_reads

_MASK = "0xFFFFFFFFFFFFFFFF"


_LONG = struct.Struct("=q")


def _plain(value: int) -> str:
    return f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}"


def text_of(uses: Sequence[Use], arguments: int, compat: bool, new_layout: bool) -> Callable[..., str]:
    """Return the function that gives the texts of `uses`, joined by commas, from so many arguments and a block."""
    names: dict[str, Any] = {"length": _LONG.unpack_from, "short": (struct.error, IndexError), "plain": _plain}
    plan: list[UserRead] = []
    pieces: list[str] = []
    may_lack = False
    for number, use in enumerate(uses):
        values = [f"a{index}" for index in use.arguments]
        if use.is_long:
            pieces.append("{" + _long_source(use.decoder, values, compat) + "}")
            continue
        row = decoder(use.decoder)
        own = use_reads(use, compat, new_layout, MOST_READS - len(plan))
        narrow = compat and not new_layout
        function = row.compat if narrow and row.compat is not None else row.function
        memory = row.compat_memory if narrow and row.compat_memory is not None else row.memory
        parts = [f"p{len(plan) + i}" for i in range(len(own))] or ["None"] * len(memory)
        plan += own
        names[f"f{number}"] = function
        may_lack |= "None" in str(getattr(function, "__annotations__", {}).get("return", ""))
        pieces.append(f"{{f{number}({', '.join([*values, *parts])})}}")
    return _compiled(pieces, arguments, len(plan), may_lack, names)


def _compiled(
    pieces: list[str], arguments: int, reads: int, may_lack: bool, names: dict[str, Any]
) -> Callable[..., str]:
    parameters = [f"a{index}" for index in range(arguments)]
    lines = [f"def text({', '.join(parameters)}{', ' * bool(parameters)}block=b''):", "    try:"]
    start = "8"
    for number in range(reads):  # each: its length, below 0 where memory could not be read, then the bytes
        lines.append(f"        (n,) = length(block, {start})")
        lines.append(f"        p{number} = block[{start} + 8 : {start} + 8 + n] if n >= 0 else None")
        lines.append(f"        at = {start} + 8 + ((n + 7 & ~7) if n > 0 else 0)")
        start = "at"
    if may_lack:  # a decoder may give None for an argument that does not count
        listed = "".join((piece[1:-1] if piece.startswith("{f") else f'f"{piece}"') + ", " for piece in pieces)
        result = f"', '.join([known for known in ({listed}) if known is not None])"
    else:
        result = 'f"' + ", ".join(pieces) + '"'
    values = "".join(parameter + ", " for parameter in parameters)
    lines += [f"        return {result}", "    except short:"]  # less memory than the structure has
    lines.append(f"        return ', '.join(map(plain, ({values})))")
    exec("\n".join(lines), names)
    made: Callable[..., str] = names["text"]
    return made


def _long_source(name: str, values: list[str], compat: bool) -> str:
    """Return the source of an f-string's field for a decoder of longs."""
    value = values[0] if values else "0"
    signed = f"({value} & 0xFFFFFFFF ^ 0x80000000) - 0x80000000"
    match name:
        case "s32":
            return signed
        case "u32":
            return f"{value} & 0xFFFFFFFF"
        case "u16":
            return f"{value} & 0xFFFF"
        case "s16":
            return f"({value} & 0xFFFF ^ 0x8000) - 0x8000"
        case "ulong":
            return f"{value} & {_MASK}"
        case "pointer":
            return f"hex({value} & {_MASK})"
        case "long":
            return signed if compat else value
        case "offset64":
            high = f"(({values[1]} & 0xFFFFFFFF ^ 0x80000000) - 0x80000000 << 32)"
            return f"{high} | {value} & 0xFFFFFFFF"
        case _:
            return "0"
