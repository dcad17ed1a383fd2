"""The `$variables` of one place in a program, as probes offer them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import TargetSource
from ..program.types import Type
from ..records import replace
from ..source import Span
from .dwarf import Scope, unit_path
from .dwarf_scopes import Variable
from .dwarf_type_names import origin
from .dwarf_values import NotThere, Surroundings, is_of_entry, located_value


class PlaceVariables(Mapping[str, TargetSource]):
    """The variables of a scope by name (`$x`): its own are listed; those of its unit are found when asked for.

    With `returns` the scope is the entry of a function whose return is probed: `$return` is there, and parameters have
    their values of the entry.
    """

    def __init__(self, scope: Callable[[], Scope | None], around: Surroundings, returns: bool = False) -> None:
        """`scope` is asked for when a variable is; None has no variables."""
        self._make = scope
        self._around = around
        self._returns = returns
        self._known: dict[str, TargetSource | None] = {}

    @cached_property
    def _scope(self) -> Scope | None:
        return self._make()

    @cached_property
    def _own(self) -> tuple[str, ...]:
        scope = self._scope
        if scope is None:
            return ()
        names = [f"${name}" for name, is_parameter in scope.names() if is_parameter or not self._returns]
        return (*names, "$return") if self._returns and scope.return_type() is not None else tuple(names)

    def __getitem__(self, name: str) -> TargetSource:
        if name not in self._known:
            self._known[name] = self._find(name)
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def _find(self, name: str) -> TargetSource | None:
        scope = self._scope
        if scope is None or not name.startswith("$") or name.startswith("$$"):
            return None
        if self._returns and name == "$return":
            type_ = scope.return_type()
            return _returned(type_, scope, self._around) if type_ is not None else None
        if not self._returns or name in self._own:
            variable = scope.variable(name[1:])
        else:
            variable = scope.info.unit_variable(scope.function.unit, name[1:])
        if variable is None:
            return None
        source = self._source(variable, scope)
        return replace(source, at_entry=True) if self._returns and variable.role == "parameter" else source

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def _source(self, variable: Variable, scope: Scope) -> TargetSource:
        def value(span: Span) -> CValue:
            try:
                return located_value(variable.location, variable.type, self._around, span)
            except NotThere as reason:
                _fail(scope, variable.name, str(reason), span, self._around)
                raise

        kept = not self._around.at_entry and not self._returns and is_of_entry(variable.location)
        is_number = variable.type.kind in (CKind.INTEGER, CKind.POINTER)
        return TargetSource(value, variable.type, variable.role, kept=kept and is_number)


class UnreadableVariables(Mapping[str, TargetSource]):
    """For a program whose debugging information cannot be read: asking for a variable says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getitem__(self, name: str) -> TargetSource:
        def value(span: Span) -> CValue:
            semantic_error(self._reason, span, f"identifier '{name}'")

        return TargetSource(value)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _is_readable(variable: Variable, around: Surroundings, span: Span) -> bool:
    try:
        located_value(variable.location, variable.type, around, span)
    except NotThere:
        return False
    return True


def _fail(scope: Scope, name: str, reason: str, span: Span, around: Surroundings) -> None:
    """Say why a variable cannot be read here, and which can."""
    there = [f"${variable.name}" for variable in scope.variables() if _is_readable(variable, around, span)]
    function = next((die for die in reversed(scope.scopes) if origin(die).name), scope.function)
    where = f"pc {scope.address:#x} in {origin(function).name} {unit_path(function.unit)}"
    others = f"; the program has {', '.join(there)} here" if there else ""
    semantic_error(f"'${name}' is not accessible at this place ({where}): {reason}{others}", span,
                   f"identifier '${name}'")  # fmt: skip


def _returned(type_: CType, scope: Scope, around: Surroundings) -> TargetSource:
    """Return what a function returns, by the calling convention."""

    def value(span: Span) -> CValue:
        from .dwarf_convention import is_float, returned_location

        layout = scope.info.layout
        if type_.kind in (CKind.INTEGER, CKind.POINTER) and not is_float(type_, layout):
            word = n.ContextValue(n.ContextKind.RETURN_VALUE, span=span, type=Type.LONG)
            return CValue(narrowed(word, type_, span), type_, user=around.user)
        try:
            return located_value(returned_location(type_, layout), type_, around, span)
        except NotThere as reason:
            semantic_error(f"'$return' of type '{type_.name}' cannot be read: {reason}", span, "identifier '$return'")

    return TargetSource(value, type_, "return")
