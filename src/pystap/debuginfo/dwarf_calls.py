"""What functions call, as far as the compiler wrote it down (DW_TAG_call_site), and what was inlined into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..records import dataclass
from . import dwarf_constants as d
from .dwarf_functions import FunctionInfo, function_at_die
from .dwarf_type_names import origin
from .dwarf_units import Die

if TYPE_CHECKING:
    from .dwarf import DebugInfo

_SITES = (d.TAG_CALL_SITE, d.TAG_GNU_CALL_SITE)
_INNER = (d.TAG_LEXICAL_BLOCK, d.TAG_INLINED_SUBROUTINE)


@dataclass(frozen=True, slots=True)
class Call:
    """A function that another one calls. `returns` are the addresses behind the calls; () for an inlined function."""

    function: FunctionInfo
    returns: tuple[int, ...]


def calls_of(info: DebugInfo, function: FunctionInfo, depth: int) -> Iterator[Call]:
    """Yield what a function calls, and what those call, up to a depth. Each function of the program comes once."""
    seen: set[int] = {function.entry}
    level = [function]
    for _ in range(depth):
        following: list[FunctionInfo] = []
        for caller in level:
            for call in _direct(info, caller):
                if call.function.entry not in seen or call.function.is_inline:
                    seen.add(call.function.entry)
                    following.append(call.function)
                    yield call
        level = following


def _direct(info: DebugInfo, caller: FunctionInfo) -> Iterator[Call]:
    sites: dict[str, list[int]] = {}
    targets: dict[str, Die] = {}
    for die in _below(caller.die):
        if die.tag == d.TAG_INLINED_SUBROUTINE:
            inlined = function_at_die(die)
            if inlined is not None:
                yield Call(inlined, ())
            continue
        target = die.reference(d.AT_CALL_ORIGIN) or die.reference(d.AT_ABSTRACT_ORIGIN)
        back = die.address(d.AT_CALL_RETURN_PC) if die.tag == d.TAG_CALL_SITE else die.address(d.AT_LOW_PC)
        if target is not None and back is not None:
            name = origin(target).name
            sites.setdefault(name, []).append(back)
            targets.setdefault(name, target)
    for name, returns in sites.items():
        for function in info.functions(name):
            if not function.is_inline:
                yield Call(function, tuple(returns))
                break


def _below(die: Die) -> Iterator[Die]:
    """Yield the call sites and inlined functions of a function; those inside an inlined function are its own."""
    for child in die.child_dies():
        if child.tag in _SITES or child.tag == d.TAG_INLINED_SUBROUTINE:
            yield child
        if child.tag in _INNER and child.children:
            yield from _below(child)
