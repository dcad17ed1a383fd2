"""The `$variables` of one place in a program, as probes offer them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import TargetSource
from ..program.types import Type
from ..program.variable_locations import Unavailable
from ..records import replace
from ..source import Span
from .dwarf import Scope, unit_path
from .dwarf_scopes import Variable
from .dwarf_type_names import origin
from .dwarf_values import NotThere, Surroundings, located_value


class PlaceVariables(Mapping[str, TargetSource]):
    """The variables of a scope by name (`$x`): its own are listed; those of its unit are found when asked for.

    With `returns` the scope is the entry of a function whose return is probed: `$return` is there, and parameters have
    their values of the entry.
    """

    def __init__(self, scope: Scope, around: Surroundings, returns: bool = False) -> None:
        self._scope = scope
        self._around = around
        self._known: dict[str, TargetSource | None] = {}
        for variable in scope.variables():
            if not returns or variable.role == "parameter":
                source = self._source(variable)
                self._known.setdefault(f"${variable.name}", replace(source, at_entry=True) if returns else source)
        if returns:
            type_ = scope.return_type()
            if type_ is not None:
                self._known["$return"] = _returned(type_, around)
        self._own = tuple(self._known)

    def __getitem__(self, name: str) -> TargetSource:
        if name not in self._known:
            variable = None
            if name.startswith("$") and not name.startswith("$$"):
                variable = self._scope.info.unit_variable(self._scope.function.unit, name[1:])
            self._known[name] = self._source(variable) if variable is not None else None
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def _source(self, variable: Variable) -> TargetSource:
        def value(span: Span) -> CValue:
            try:
                return located_value(variable.location, variable.type, self._around, span)
            except NotThere as reason:
                self._fail(variable.name, str(reason), span)
                raise

        return TargetSource(value, variable.type, variable.role)

    def _fail(self, name: str, reason: str, span: Span) -> None:
        """Say why a variable cannot be read here, and which can."""
        scope = self._scope
        there = [
            f"${variable.name}" for variable in scope.variables() if not isinstance(variable.location, Unavailable)
        ]
        function = next((die for die in reversed(scope.scopes) if origin(die).name), scope.function)
        where = f"pc {scope.address:#x} in {origin(function).name} {unit_path(function.unit)}"
        others = f"; the program has {', '.join(there)} here" if there else ""
        semantic_error(f"'${name}' is not accessible at this place ({where}): {reason}{others}", span,
                       f"identifier '${name}'")  # fmt: skip


def _returned(type_: CType, around: Surroundings) -> TargetSource:
    """Return what a function returns, by the calling convention: numbers and pointers in a register."""

    def value(span: Span) -> CValue:
        word: n.Expression = n.ContextValue(n.ContextKind.RETURN_VALUE, span=span, type=Type.LONG)
        if type_.kind in (CKind.COMPOSITE, CKind.ARRAY) and type_.size > 16:
            return CValue(word, type_, True, around.user)  # the address of the caller's memory for it
        if type_.kind not in (CKind.INTEGER, CKind.POINTER):
            semantic_error(f"'$return' of type '{type_.name}' is returned in registers", span, "identifier '$return'")
        return CValue(narrowed(word, type_, span), type_, user=around.user)

    return TargetSource(value, type_, "return")
