"""Splits the arguments of an action into what the kernel sends and what user space does with it.

    printf("%s: %d\\n", execname() . "!", $x / 2)      fields: execname(), $x / 2
                                                      body:   printf("%s: %d\\n", field 0 . "!", field 1)

Text is never built in the kernel when it only goes to output: its pieces are sent. Globals of user space are read there
when the output is made: in the order of the events, which is the order in which they change.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from ..program import nodes as n
from ..program.builtins import Effect
from ..program.symbols import Global
from ..program.types import Type
from .rewrite import rewrite_expression
from .walk import operands

Computable = Callable[[n.Expression], bool]


def _is_same(one: n.Expression, other: n.Expression) -> bool:
    """Tell whether two expressions are the same value of the program's context, or the same memory of its task."""
    match one, other:
        case n.ContextValue(), n.ContextValue():
            return one.kind is other.kind and one.index == other.index
        case n.ReadBlock(), n.ReadBlock():
            both = zip(one.arguments, other.arguments, strict=False)
            return one.plans == other.plans and all(_is_same(a, b) for a, b in both)
        case _:
            return False


_HARMLESS = (n.Constant, n.TableText, n.ContextValue, n.ReadBlock, n.Logical, n.ElementValue)


def _is_harmless(node: n.Expression) -> bool:
    """Tell whether evaluating an expression cannot fail, so that it may be done where its value is not used."""
    match node:
        case n.Binary(operator=operator):
            known = operator not in ("/", "%")
        case n.BuiltinCall(builtin=builtin, arguments=arguments):
            of_context = builtin.effect is Effect.CONTEXT and not arguments
            known = (builtin.effect is Effect.PURE or of_context) and not builtin.raises
        case _:
            known = isinstance(node, _HARMLESS)
    return known and all(map(_is_harmless, operands(node)))


def _stays(node: n.Expression, user_globals: Set[Global]) -> bool:
    """Tell whether user space does an operation itself, on captured operands."""
    match node:
        case n.Constant():
            return True
        case n.GlobalValue(variable=variable) | n.ElementValue(array=variable):
            return variable in user_globals
        case n.Conditional(type=Type.STRING, yes=yes, no=no) if _is_harmless(yes) and _is_harmless(no):
            return True
        case n.Conditional(type=Type.STRING, yes=n.TableText() | n.Constant(), no=n.TableText() | n.Constant()):
            return True
        case n.Binary(operator=".") | n.TableText() | n.Format(to_output=False):
            return True
        case n.BuiltinCall(builtin=builtin):
            return builtin.effect is Effect.PURE and (builtin.returns is Type.STRING or builtin.kernel is None)
        case _:
            return False


def can_capture(node: n.Expression, computable: Computable, user_globals: Set[Global] = frozenset()) -> bool:
    """Tell whether an argument can be sent: the kernel computes it, or user space does from parts that it computes."""
    if _stays(node, user_globals) and all(can_capture(operand, computable, user_globals) for operand in operands(node)):
        return True
    return computable(node)


def split(
    node: n.Expression, computable: Computable, user_globals: Set[Global], piece: Callable[[n.Expression], n.Expression]
) -> n.Expression:
    """Return what user space does with the pieces that the kernel computes, each replaced by what `piece` gives."""

    def replacement(part: n.Expression) -> n.Expression | None:
        if _stays(part, user_globals) and can_capture(part, computable, user_globals):
            return None
        return piece(part)

    return rewrite_expression(node, replacement)


class Fields:
    """The fields of an event while they are being collected."""

    def __init__(self, computable: Computable, user_globals: Set[Global] = frozenset()) -> None:
        self.computable = computable
        self.user_globals = user_globals
        self.values: list[n.Expression] = []

    def add(self, value: n.Expression) -> n.Captured:
        """Send one more value; returns what stands for it in the event's body. What the context holds is sent once."""
        index = next((i for i, known in enumerate(self.values) if _is_same(known, value)), len(self.values))
        if index == len(self.values):
            self.values.append(value)
        return n.Captured(index, span=value.span, type=value.type, width=value.width)

    def capture(self, node: n.Expression) -> n.Expression:
        """Return the argument as the event's body sees it; what it needs from the kernel becomes fields."""
        return split(node, self.computable, self.user_globals, self.add)
