"""The variables that a program has at an address: parameters, locals of the blocks around it, and where each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..program.c_types import CType, Role
from ..program.variable_locations import (
    Computed,
    ConstantBytes,
    InMemory,
    NumberTerm,
    Term,
    Unavailable,
    VariableLocation,
)  # fmt: skip
from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_expressions import OPTIMIZED_OUT, Place, location_list, location_of, value_of
from .dwarf_frames import CallFrames
from .dwarf_functions import entry_of, ranges_of
from .dwarf_type_names import origin
from .dwarf_types import DwarfLayout
from .dwarf_units import Die

_SCOPES = (d.TAG_LEXICAL_BLOCK, d.TAG_INLINED_SUBROUTINE, d.TAG_SUBPROGRAM)
_FUNCTIONS = (d.TAG_INLINED_SUBROUTINE, d.TAG_SUBPROGRAM)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable at one address. `die` describes it."""

    name: str
    type: CType
    location: VariableLocation
    role: Role
    die: Die


class Evaluator:
    """Finds where variables are at an address of a file."""

    def __init__(self, layout: DwarfLayout, frames: CallFrames) -> None:
        self.layout = layout
        self._frames = frames

    def variable(self, die: Die, address: int, function: Die | None, inside: Die | None = None) -> Variable:
        """Return a variable at an address inside `function`; `inside` the block or inlined function that has it."""
        role: Role = "parameter" if die.tag == d.TAG_FORMAL_PARAMETER else "local"
        return Variable(origin(die).name, self.layout.of(die), self.location(die, address, function, inside), role, die)

    def location(self, die: Die, address: int, function: Die | None, inside: Die | None = None) -> VariableLocation:
        """Return where a variable is at an address of the file."""
        holder = origin(die, d.AT_LOCATION)
        if not holder.has(d.AT_LOCATION):
            return _constant(origin(die, d.AT_CONST_VALUE))
        place = self._place(holder, address, function)
        block = holder.block(d.AT_LOCATION)
        if block is not None:
            return location_of(block, place)
        offset = holder.number(d.AT_LOCATION)
        assert offset is not None
        otherwise: bytes | None = None
        for low, high, code in location_list(holder.unit, holder.form(d.AT_LOCATION), offset):
            if (low, high) == (0, 1 << 64):
                otherwise = code
            elif low <= address < high:
                return location_of(code, place)
        return location_of(otherwise, place) if otherwise is not None else Unavailable(OPTIMIZED_OUT)

    def _place(self, holder: Die, address: int, function: Die | None) -> Place:
        entry = function is not None and entry_of(function) == address
        place: Place

        def cfa() -> Term | None:
            return self._frames.cfa(address, lambda code: value_of(code, place))

        def frame_base() -> Term | None:
            if function is None:
                return None
            code = function.block(d.AT_FRAME_BASE)
            if code is not None:
                return value_of(code, place)
            offset = function.number(d.AT_FRAME_BASE)
            if offset is None:
                return None
            for low, high, listed in location_list(function.unit, function.form(d.AT_FRAME_BASE), offset):
                if low <= address < high:
                    return value_of(listed, place)
            return None

        place = Place(holder.unit, address, entry, frame_base, cfa)
        return place


def _constant(die: Die) -> VariableLocation:
    """Return the value of a variable that the compiler knew."""
    number = die.signed(d.AT_CONST_VALUE)
    if number is not None:
        return Computed(NumberTerm(number))
    block = die.block(d.AT_CONST_VALUE)
    if block is not None:
        return ConstantBytes(block)
    return Unavailable(OPTIMIZED_OUT)


def scopes_at(function: Die, address: int, tags: Sequence[int] = _SCOPES) -> list[Die]:
    """Return what is around an address inside a function, the outermost (the function itself) first.

    `tags` are those of what may lie in it: blocks, and functions that were inlined.
    """
    found = [function]
    while True:
        for child in found[-1].child_dies():
            if child.tag in tags and any(low <= address < high for low, high in ranges_of(child)):
                found.append(child)
                break
        else:
            return found


def visible_dies(scopes: list[Die]) -> Iterator[Die]:
    """Yield the variables of the scopes at an address: the innermost scope first, up to the function they are in.

    Inside an inlined function the variables of the function around it are not to be seen.
    """
    seen: set[str] = set()
    for scope in reversed(scopes):
        for die in _scope_variables(scope):
            name = origin(die).name
            if name and name not in seen:
                seen.add(name)
                yield die
        if scope.tag in _FUNCTIONS:
            return


def _scope_variables(scope: Die) -> Iterator[Die]:
    """Yield the variables of one scope, those that only its abstract form has (optimised out) included."""
    kinds = (d.TAG_FORMAL_PARAMETER, d.TAG_VARIABLE)
    described = set()
    for child in scope.child_dies():
        if child.tag in kinds:
            above = child.reference(d.AT_ABSTRACT_ORIGIN)
            if above is not None:
                described.add(above)
            yield child
    abstract = scope.reference(d.AT_ABSTRACT_ORIGIN)
    if abstract is not None:
        for child in abstract.child_dies():
            if child.tag in kinds and child not in described:
                yield child


def memory_address(location: VariableLocation) -> Term | None:
    """Return the address of what lies in memory; None for what does not."""
    return location.address if isinstance(location, InMemory) else None
