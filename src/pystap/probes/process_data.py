"""`process(PID).data(ADDRESS or "symbol").write` and `.rw`: watchpoints on the memory of a process.

process(1234).data("counter").length(4).write     every write to the variable, by that process and what it starts
process.data(0x404028).write                      the same for the target (-c, -x)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import near_names, semantic_error
from ..lean import NoReturn
from ..program import nodes as n
from ..program.attach import Watchpoint
from ..program.extension import DerivedPoint, PointPart
from ..program.types import Type
from ..program.user_code import DataSymbols
from ..records import dataclass
from .data import DEFAULT_LENGTH, LENGTHS
from .process_functions import register
from .programs import ProgramFile, Programs

_ENDS = (".write", ".rw", ".length(number).write", ".length(number).rw")
PROCESS_DATA_FORMS = tuple(
    f"{root}.data({argument}){end}"
    for root in ("process", "process(number)")
    for argument in ("number", "string")
    for end in _ENDS
)


@dataclass(frozen=True, slots=True)
class ProcessDataForm:
    """The forms with `data`; `refusal` gives "" where hardware breakpoints can be had, else why not."""

    programs: Programs
    symbols: DataSymbols
    refusal: Callable[[], str]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        what = parts[1]
        length = next((part for part in parts if part.name == "length"), None)
        size = length.argument if length is not None else DEFAULT_LENGTH
        assert isinstance(size, int)
        if length is not None and size not in LENGTHS:
            _fail(f"length must be one of {', '.join(map(str, LENGTHS))}", length)
        file = next(iter(self.programs.executables(parts[0])))
        symbol, program = "", ""
        if isinstance(what.argument, str):
            symbol = what.argument
            address, program = self._symbol(file, symbol, what)
        else:
            assert what.argument is not None
            address = what.argument & 0xFFFF_FFFF_FFFF_FFFF
            if address >> 63:
                _fail(f"{address:#x} is no address of a process", what)
        if address % size:
            _fail(f"{symbol or hex(address)} is not at a multiple of the length {size}", what)
        reason = self.refusal()
        if reason:
            _fail(f"memory cannot be watched here: {reason}", what)
        shown = f'"{symbol}"' if symbol else f"{address:#x}"
        point = ".".join([str(parts[0]), f"data({shown})", *map(str, parts[2:])])
        writes = parts[-1].name == "write"
        attach = Watchpoint(symbol, address, size, writes, file.limit.pid, program)
        valid = {"registers_valid": lambda span: n.Constant(1, span=span, type=Type.LONG)}
        return [DerivedPoint(point, attach, {}, {}, {"uaddr": register("ip"), **valid})]

    def _symbol(self, file: ProgramFile, name: str, part: PointPart) -> tuple[int, str]:
        """Return a variable's address, and the program if it counts from where that is loaded."""
        try:
            address, is_fixed = self.symbols.variable(file.path, name)
        except OSError as error:
            _fail(f"cannot read '{file.path}': {error.strerror}", part)
        except LookupError as error:
            near = near_names(name, self.symbols.variable_names(file.path))
            hint = f" (similar symbols: {', '.join(near)})" if near else ""
            _fail(f"{error.args[0]}{hint}", part)
        if not is_fixed and self.programs.target_runs_later(file.limit):
            _fail(
                f"'{file.path}' can be loaded anywhere (it is position-independent): where '{name}' will be is not "
                "known before it runs; watch it with -x or process(PID), or link it with -no-pie", part,
            )  # fmt: skip
        return address, "" if is_fixed else file.path


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")
