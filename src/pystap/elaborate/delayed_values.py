"""Values that only user space computes, put off until something needs them.

    hex = tohex($data)                              kernel: part = $data
    if (length > 100) printf("%s\n", hex)           kernel: if (length > 100) send event (part)
                                                    user space: printf("%s\n", tohex(part))

The handler goes on in the kernel behind such an assignment. What the kernel can compute of the value is computed where
the assignment stands and kept in a local; the rest, which depends on nothing else, is done where the value is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..program import nodes as n
from ..program.symbols import Local
from .assignments import assignments
from .capture import can_capture, split
from .kernel_capability import KernelCapability
from .rewrite import rewrite_expression, rewrite_statements
from .walk import locals_of, operands


class DelayedValues:
    """What locals of a handler stand for, in the order of their assignment. Never changed: each step makes another."""

    def __init__(self, values: Mapping[Local, n.Expression] | None = None) -> None:
        self._values = dict(values or {})

    def used(self, statement: n.Statement) -> n.Statement:
        """Return a statement with the values in place of the locals that stand for them."""
        if not self._values or self._values.keys().isdisjoint(locals_of([statement])):
            return statement
        [replaced] = rewrite_statements([statement], self._replacement)
        return replaced

    def meaning(self, expression: n.Expression) -> n.Expression:
        """Return an expression with the values in place of the locals that stand for them."""
        return rewrite_expression(expression, self._replacement) if self._values else expression

    def _replacement(self, part: n.Expression) -> n.Expression | None:
        return self._values.get(part.local) if isinstance(part, n.LocalValue) else None

    def are_set_by(self, statement: n.Statement) -> bool:
        """Tell whether a statement sets one of the locals."""
        return bool(self._values) and not self._values.keys().isdisjoint(assignments([statement]))

    def are_set_in(self, condition: n.Expression) -> bool:
        """Tell whether a condition sets one of the locals."""
        return self.are_set_by(n.Evaluate(condition, span=condition.span))

    def assigned(self, tail: Sequence[n.Statement]) -> list[n.Statement]:
        """Return the assignments that a rest begins with: of what it uses."""
        used = set(locals_of(tail))
        return [
            _assignment(n.LocalValue(local, span=value.span, type=local.type, width=local.width), value)
            for local, value in self._values.items()
            if local in used
        ]

    def delayed(
        self, statement: n.Statement, capability: KernelCapability, rest: Sequence[n.Statement]
    ) -> tuple[DelayedValues, list[n.Statement]] | None:
        """Put off the assignment of a value that only user space computes.

        `rest` is what other ways than this one lead to as well: a local that it uses has its value there by then.
        Returns the values after it and what the kernel does for it, or None when the statement is none.
        """
        match statement:
            case n.Evaluate(expression=n.Assign(target=n.LocalValue(local=local), value=value)):
                value = self.meaning(value)
            case _:
                return None
        sets = assignments([n.Evaluate(value, span=value.span)])
        if sets or not can_capture(value, capability.expression) or not _is_safe(value, capability):
            return None
        if local in locals_of(rest):
            return None
        kept: list[n.Statement] = []

        def piece(part: n.Expression) -> n.Expression:
            if isinstance(part, n.ContextValue | n.ReadBlock):
                return part
            own = Local(f"__part_of_{local.name}", part.span, part.type, part.width)
            stored = n.LocalValue(own, span=part.span, type=part.type, width=part.width)
            kept.append(_assignment(stored, part))
            return stored

        meaning = split(value, capability.expression, frozenset(), piece)
        others = {known: meant for known, meant in self._values.items() if known is not local}
        return DelayedValues({**others, local: meaning}), kept


def _assignment(target: n.LocalValue, value: n.Expression) -> n.Statement:
    span, kind, width = value.span, value.type, value.width
    return n.Evaluate(n.Assign(target, value, span=span, type=kind, width=width), span=span)


def _is_safe(node: n.Expression, capability: KernelCapability) -> bool:
    """Tell whether what user space does of a value cannot fail, and reads no memory."""
    match node:
        case n.BuiltinCall(builtin=builtin) if builtin.raises:
            return False
        case n.Format(pieces=pieces) if any(piece.conversion in ("m", "M") for piece in pieces):
            return False
        case _:
            return capability.expression(node) or all(_is_safe(operand, capability) for operand in operands(node))
