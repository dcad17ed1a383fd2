"""Random programs in the script language, typed, so that they compile, and bounded, so that they end.

    generate(Seeded(7), Profile.KERNEL, name="a")   ->   a Program: globals, functions, handlers

Programs never depend on what may differ between the targets: the order of an unsorted foreach, the process they run
in, the clock. Everything else is fair: overflow, division by zero, strings that are cut, side effects inside every
operand, errors inside functions, what remains in globals when a handler ends early.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..choices import Choices, chance, pick
from .expressions import Expressions
from .state import Array, Callee, Profile, Scope, State
from .statements import Statements
from .vocabulary import KEYS, TEXTS

__all__ = ["Profile", "Program", "generate"]


@dataclass(frozen=True)
class Program:
    """A script, and the names of its globals."""

    lines: tuple[str, ...]
    own_globals: tuple[str, ...]

    def text(self) -> str:
        return "\n".join((*self.lines, ""))


def generate(choices: Choices, profile: Profile, name: str = "t", groups: bool = True) -> Program:
    """Return a program; all its names begin with `name`, so that programs can stand in one script.

    Without `groups` it never asks for the groups of a match: a script that does matches in user space alone.
    """
    return _Generator(choices, profile, name, groups).program()


class _Generator:
    """Makes the declarations of a program and its handlers."""

    def __init__(self, choices: Choices, profile: Profile, name: str, groups: bool) -> None:
        self.choices = choices
        self.state = state = State(choices, profile is Profile.ANY, name, groups)
        state.long_globals = [f"{name}_g{i}" for i in range(1 + choices.below(3))]
        state.string_globals = [f"{name}_s{i}" for i in range(choices.below(3))]
        state.arrays = [self._array(i) for i in range(choices.below(4))]
        state.statistics = [f"{name}_t{i}" for i in range(choices.below(2))]
        state.statistic_arrays = [Array(f"{name}_ta", ("long",), "stats")] if chance(choices, 4) else []
        self.expressions = Expressions(state)
        self.statements = Statements(state, self.expressions)

    def program(self) -> Program:
        scalars = [*self.state.long_globals, *self.state.string_globals]
        declarations = [self._declaration(variable) for variable in scalars]
        declarations += [
            f"global {array.name}{self._size()}" for array in (*self.state.arrays, *self.state.statistic_arrays)
        ]
        declarations += [f"global {statistic}" for statistic in self.state.statistics]
        for i in range(self.choices.below(3)):
            declarations += self._function(i)
        count = 1 if chance(self.choices, 2) else 1 + self.choices.below(3)
        for number in range(count):
            declarations += self._handler(is_last=number + 1 == count)
        names = (
            *scalars,
            *(a.name for a in (*self.state.arrays, *self.state.statistic_arrays)),
            *self.state.statistics,
        )
        return Program(tuple(declarations), names)

    def _handler(self, is_last: bool) -> list[str]:
        """A kernel handler in `probe begin`, or, where any handler may do, a user handler."""
        self.state.fuel = max(self.state.fuel, 50)
        scope = Scope(["i0", "i1", "i2"], ["s0", "s1"])
        in_user = self.state.any and not is_last and chance(self.choices, 3)
        first = [f"  {self.statements.assignment(scope)}" for _ in range(self.choices.below(4))]
        body = [*first, *self.statements.block(scope, 3 + self.choices.below(8)), *self.statements.shows(scope)]
        body += self._uses() if is_last else []
        return [f"probe {'timer.s(1000)' if in_user else 'begin'} {{", *body, "}"]

    def _array(self, number: int) -> Array:
        keys = tuple(pick(self.choices, KEYS).split(", "))
        return Array(f"{self.state.name}_a{number}", keys, pick(self.choices, ("long", "long", "string")))

    def _size(self) -> str:
        """The size of an array: small ones overflow, or drop their oldest element."""
        return pick(self.choices, ("[64]", "[64]", "[3]", "%[3]" if self.state.any else "[1]"))

    def _declaration(self, variable: str) -> str:
        if not chance(self.choices, 3):
            return f"global {variable}"
        is_long = variable in self.state.long_globals
        value = pick(self.choices, ("1", "-5", "0x7fffffff", "100")) if is_long else f'"{pick(self.choices, TEXTS)}"'
        return f"global {variable} = {value}"

    def _uses(self) -> list[str]:
        """Give every global its type, also where nothing random touched it."""
        lines = [f"  {variable} += 0" for variable in self.state.long_globals if chance(self.choices, 2)]
        lines += [f"  if ({variable} < 0) println({variable})" for variable in self.state.long_globals]
        lines += [f'  if ({variable} == "?") println({variable})' for variable in self.state.string_globals]
        for array in self.state.arrays:
            keys = ", ".join('"never"' if key == "string" else "-77" for key in array.keys)
            empty = '"?"' if array.value == "string" else "-99"
            lines.append(f"  if ({array.name}[{keys}] == {empty}) println(1)")
        lines += [f"  {statistic} <<< 1" for statistic in self.state.statistics]
        lines += [f"  {array.name}[1] <<< 1" for array in self.state.statistic_arrays]
        return lines

    def _function(self, number: int) -> list[str]:
        name = f"{self.state.name}_f{number}"
        if self.state.any and chance(self.choices, 5):
            self.state.functions.append(Callee(name, ("small",), "long"))
            return self._recursive(name)
        parameters = tuple(pick(self.choices, ("long", "string")) for _ in range(self.choices.below(4)))
        returns = pick(self.choices, ("long", "string"))
        overloads = 2 if chance(self.choices, 4) else 1
        lines: list[str] = []
        for overload in range(overloads):
            lines += self._overload(name, parameters, returns, may_pass=overload + 1 < overloads)
        self.state.functions.append(Callee(name, parameters, returns))
        return lines

    def _overload(self, name: str, parameters: tuple[str, ...], returns: str, may_pass: bool) -> list[str]:
        names = [f"p{i}" for i in range(len(parameters))]
        listed = ", ".join(f"{p}:{kind}" for p, kind in zip(names, parameters, strict=True))
        longs = [p for p, kind in zip(names, parameters, strict=True) if kind == "long"]
        strings = [p for p, kind in zip(names, parameters, strict=True) if kind == "string"]
        scope = Scope([*longs, "i0"], [*strings, "s0"], in_function=returns)
        body = ["  i0 += 0", '  s0 .= ""']
        body += [f"  {self.statements.assignment(scope)}" for _ in range(self.choices.below(2))]
        if may_pass:
            body.append(f"  if ({self.expressions.long(scope, 1)}) next")
        body += self.statements.block(scope, 1 + self.choices.below(3))
        body.append(f"  return {self.expressions.value(scope, returns, 2)}")
        return [f"function {name}:{returns}({listed}) {{", *body, "}"]

    def _recursive(self, name: str) -> list[str]:
        step = pick(self.choices, ("n * {}(n - 1)", "{}(n - 1) + n", "1 + {}(n - 2)"))
        return [f"function {name}:long(n:long) {{", "  if (n <= 0) return 1", f"  return {step.format(name)}", "}"]
