"""Where parameters are at the first instruction of a function that was compiled without optimisation.

Its debugging information says that they are on the stack, which holds from the end of the prologue on. Before, the
calling convention tells (dwarf_convention.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..program.variable_locations import (
    InMemory,
    Load,
    NumberTerm,
    Operation,
    RegisterTerm,
    Term,
    Unavailable,
    VariableLocation,
)
from ..records import replace
from .dwarf_convention import in_registers, is_by_reference, words_of
from .dwarf_scopes import Variable
from .dwarf_types import DwarfLayout

_REGISTERS = (5, 4, 1, 2, 8, 9)
"""The DWARF numbers of rdi, rsi, rdx, rcx, r8 and r9."""
_VECTORS = 8
_STACK_POINTER, _RETURN_ADDRESS = 7, 8
_UNKNOWN = Unavailable("it is not in its place before the end of the function's prologue")


class _Registers:
    """Which registers and how much of the stack the parameters so far have taken up."""

    def __init__(self, hidden: int) -> None:
        self.whole = hidden
        self.vectors = 0
        self.stack = 0

    def place(self, variable: Variable, layout: DwarfLayout) -> VariableLocation:
        type_ = variable.type
        if is_by_reference(type_, layout):
            if self.whole >= len(_REGISTERS):
                return InMemory(Load(self._on_stack(8), 8))
            self.whole += 1
            return InMemory(RegisterTerm(_REGISTERS[self.whole - 1]))
        words = words_of(type_, layout)
        if words is not None:
            whole, vectors = sum(words), len(words) - sum(words)
            if self.whole + whole <= len(_REGISTERS) and self.vectors + vectors <= _VECTORS:
                found = in_registers(words, _REGISTERS[self.whole :])
                self.whole += whole
                self.vectors += vectors
                return found
        return InMemory(self._on_stack(type_.size))

    def _on_stack(self, size: int) -> Term:
        offset = NumberTerm(_RETURN_ADDRESS + self.stack)
        self.stack += -(-max(size, 1) // 8) * 8
        return Operation("+", RegisterTerm(_STACK_POINTER), offset)


def at_entry(variables: Iterable[Variable], layout: DwarfLayout, hidden: bool) -> Iterator[Variable]:
    """Yield the variables of a function as they are at its entry: parameters by the calling convention.

    `hidden` tells whether the first parameter is the address of memory for what is returned.
    """
    registers = _Registers(int(hidden))
    for variable in variables:
        place = registers.place(variable, layout) if variable.role == "parameter" else _UNKNOWN
        yield replace(variable, location=place)
