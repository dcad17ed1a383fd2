"""What a piece of program does with each global: reads it, only adds to it, or changes it in another way."""

from __future__ import annotations

from collections.abc import Sequence

from ..program import nodes as n
from ..program.program import ElaboratedProgram, Target
from ..program.symbols import Global
from ..program.types import Type
from ..records import dataclass, field
from .walk import nested, operands, statement_expressions


@dataclass(eq=False)
class Uses:
    """The globals that are read, only added to (`++`, `+=`, `<<<` without use of the value), and changed otherwise.

    `clears` are those that are deleted whole or assigned from nothing that they hold. `accesses` counts each access;
    `compound` are those with an access that is more than one atomic operation.
    """

    reads: set[Global] = field(default_factory=set)
    adds: set[Global] = field(default_factory=set)
    assigns: set[Global] = field(default_factory=set)
    accesses: dict[Global, int] = field(default_factory=dict)
    compound: set[Global] = field(default_factory=set)

    @property
    def touched(self) -> set[Global]:
        return self.reads | self.adds | self.assigns

    @property
    def writes(self) -> set[Global]:
        return self.adds | self.assigns

    def add(self, other: Uses) -> None:
        """Join the uses of another piece of program."""
        self.reads |= other.reads
        self.adds |= other.adds
        self.assigns |= other.assigns
        self.compound |= other.compound
        for variable, count in other.accesses.items():
            self.accesses[variable] = self.accesses.get(variable, 0) + count


def uses_of(body: Sequence[n.Statement], in_kernel: bool = False) -> Uses:
    """Return what statements do with globals, through the functions that they call (their kernel forms `in_kernel`)."""
    collector = _Collector(in_kernel)
    collector.statements(body)
    return collector.uses


class _Collector:
    def __init__(self, in_kernel: bool) -> None:
        self.in_kernel = in_kernel
        self.uses = Uses()
        self.active: list[n.Function] = []

    def statements(self, body: Sequence[n.Statement]) -> None:
        for statement in body:
            self._statement(statement)
            for inner in nested(statement):
                self.statements(inner)

    def _statement(self, statement: n.Statement) -> None:
        match statement:
            case n.Evaluate(expression=n.Update() as update) if self._is_add(update):
                self._add(update.target, [update.value])
                return
            case n.Evaluate(expression=n.Aggregate(target=target, value=value)):
                self._add(target, [value])
                return
            case n.Foreach(array=array):
                self._note(self.uses.reads, array)
            case n.Delete(target=target):
                variable = target if isinstance(target, Global) else target.array
                self._note(self.uses.assigns, variable)
                if isinstance(target, n.ElementValue):
                    for key in target.keys:
                        if key is not None:
                            self.expression(key)
                return
            case _:
                pass
        for expression in statement_expressions(statement):
            self.expression(expression)

    @staticmethod
    def _is_add(update: n.Update) -> bool:
        is_global = isinstance(update.target, n.GlobalValue | n.ElementValue)
        return is_global and update.operator in ("+", "-") and update.type is Type.LONG

    def _add(self, target: n.Expression, values: list[n.Expression]) -> None:
        variable = _variable(target)
        if variable is not None:
            self._note(self.uses.adds, variable)
        for operand in (*operands(target), *values):
            self.expression(operand)

    def _note(self, group: set[Global], variable: Global) -> None:
        group.add(variable)
        self.uses.accesses[variable] = self.uses.accesses.get(variable, 0) + 1

    def expression(self, node: n.Expression) -> None:
        match node:
            case n.GlobalValue(variable=variable) | n.ElementValue(array=variable) | n.Contains(array=variable):
                self._note(self.uses.reads, variable)
            case n.Assign(target=target, value=value):
                self._changes(target, value, compound=False)
                return
            case n.Update(target=target, value=value) | n.Aggregate(target=target, value=value):
                self._changes(target, value, compound=True)
                return
            case n.FunctionCall(function=function):
                self._function(function)
            case _:
                pass
        for operand in operands(node):
            self.expression(operand)

    def _changes(self, target: n.Expression, value: n.Expression, compound: bool) -> None:
        changed = _variable(target)
        if changed is not None:
            self._note(self.uses.assigns, changed)
            if compound:
                self.uses.reads.add(changed)
                self.uses.compound.add(changed)
        for operand in (*operands(target), value):
            self.expression(operand)

    def _function(self, function: n.Function) -> None:
        current: n.Function | None = function
        while current is not None and current not in self.active:
            self.active.append(current)
            body = current.kernel_body if self.in_kernel and current.kernel_body is not None else current.body
            self.statements(body)
            self.active.remove(current)
            current = current.next_overload


def uses_of_program(program: ElaboratedProgram) -> Uses:
    """Return what all handlers and events do with globals."""
    uses = Uses()
    for handler in program.handlers:
        uses.add(uses_of(handler.body, in_kernel=handler.target is Target.KERNEL))
    for event in program.events:
        uses.add(uses_of(event.body))
    return uses


def shown_at_end(program: ElaboratedProgram) -> list[Global]:
    """Return the globals that the session prints when it ends: those that are written and never read."""
    uses = uses_of_program(program)
    shown = uses.writes - uses.reads
    return [variable for variable in program.globals if variable in shown and not variable.is_library]


def _variable(target: n.Expression) -> Global | None:
    match target:
        case n.GlobalValue(variable=variable) | n.ElementValue(array=variable):
            return variable
        case _:
            return None
