"""Where parameters are at the first instruction of a function that was compiled without optimisation.

Its debugging information says that they are on the stack, which holds from the end of the prologue on. Before, the
calling convention tells (System V ABI for AMD64, 3.2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..program.c_types import CKind, CType
from ..program.variable_locations import (
    InMemory,
    InRegister,
    NumberTerm,
    Operation,
    RegisterTerm,
    Unavailable,
    VariableLocation,
)
from ..records import replace
from . import dwarf_constants as d
from .dwarf_scopes import Variable
from .dwarf_types import DwarfLayout
from .dwarf_units import Die

_REGISTERS = (5, 4, 1, 2, 8, 9)
"""The DWARF numbers of rdi, rsi, rdx, rcx, r8 and r9."""
_STACK_POINTER, _RETURN_ADDRESS = 7, 8
_UNKNOWN = Unavailable("it is not in its place before the end of the function's prologue")


def at_entry(variables: Iterable[Variable], layout: DwarfLayout) -> Iterator[Variable]:
    """Yield the variables of a function as they are at its entry: parameters by the calling convention."""
    integers = stack = 0
    is_known = True
    for variable in variables:
        if variable.role != "parameter":
            yield replace(variable, location=_UNKNOWN)
            continue
        place: VariableLocation = _UNKNOWN
        if not is_known or variable.type.kind not in (CKind.INTEGER, CKind.POINTER):
            is_known = False  # what a struct takes up decides where the parameters behind it are
        elif _is_float(variable.type, layout):
            place = Unavailable("it is in a register that eBPF programs cannot read")
        elif integers < len(_REGISTERS):
            place = InRegister(_REGISTERS[integers])
            integers += 1
        else:
            offset = NumberTerm(_RETURN_ADDRESS + 8 * stack)
            place = InMemory(Operation("+", RegisterTerm(_STACK_POINTER), offset))
            stack += 1
        yield replace(variable, location=place)


def _is_float(type_: CType, layout: DwarfLayout) -> bool:
    base = layout.resolved(type_.handle) if isinstance(type_.handle, Die) else None
    return base is not None and base.tag == d.TAG_BASE_TYPE and base.number(d.AT_ENCODING) == d.ATE_FLOAT
