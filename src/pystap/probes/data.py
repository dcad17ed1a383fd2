"""`kernel.data(ADDRESS or "symbol").write` and `.rw`: watchpoints on kernel memory (man stapprobes, KERNEL.DATA).

kernel.data("pid_max").write          every write to pid_max, seen by a debug register of the processor
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import near_names, semantic_error
from ..program.attach import Watchpoint
from ..program.extension import DerivedPoint, PointPart
from ..program.types import wrap_long
from ..records import dataclass

LENGTHS = (1, 2, 4, 8)
"""The bytes that a debug register can watch (Intel SDM volume 3, 18.2: debug registers)."""
DEFAULT_LENGTH = 1

_ENDS = (".write", ".rw", ".length(number).write", ".length(number).rw")
DATA_FORMS = tuple(f"kernel.data({argument}){end}" for argument in ("number", "string") for end in _ENDS)


@dataclass(frozen=True, slots=True)
class DataForm:
    """The `data(...)` forms behind `kernel`.

    `has_symbol` tells whether the kernel has a symbol of a name, `names_like` gives names near one; `refusal` gives ""
    where hardware breakpoints can be had, else why not.
    """

    has_symbol: Callable[[str], bool]
    names_like: Callable[[str], Sequence[str]]
    refusal: Callable[[], str]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        what = parts[1]
        length = next((part for part in parts if part.name == "length"), None)
        size = length.argument if length is not None else DEFAULT_LENGTH
        assert isinstance(size, int)
        if length is not None and size not in LENGTHS:
            lengths = ", ".join(map(str, LENGTHS))
            semantic_error(f"length must be one of {lengths}", length.span, f"identifier '{length.name}'")
        symbol, address = "", 0
        if isinstance(what.argument, str):
            symbol = what.argument
            if not self.has_symbol(symbol):
                near = near_names(symbol, self.names_like(symbol))
                hint = f" (similar symbols: {', '.join(near)})" if near else ""
                if not self.has_symbol("jiffies"):
                    hint = ": this kernel lists functions alone (no CONFIG_KALLSYMS_ALL); give the address"
                semantic_error(f"unable to find symbol '{symbol}'{hint}", what.span, f"identifier '{what.name}'")
        else:
            assert what.argument is not None
            address = what.argument & 0xFFFF_FFFF_FFFF_FFFF
            if wrap_long(address) >= 0:
                semantic_error(f"{address:#x} is no address of the kernel", what.span, f"identifier '{what.name}'")
            if address % size:
                message = f"{address:#x} is not a multiple of the length {size}"
                semantic_error(message, what.span, f"identifier '{what.name}'")
        reason = self.refusal()
        if reason:
            semantic_error(f"kernel memory cannot be watched here: {reason}", what.span, f"identifier '{what.name}'")
        shown = f'"{symbol}"' if symbol else f"{address:#x}"
        point = ".".join([f"kernel.data({shown})", *map(str, parts[2:])])
        return [DerivedPoint(point, Watchpoint(symbol, address, size, parts[-1].name == "write"))]
