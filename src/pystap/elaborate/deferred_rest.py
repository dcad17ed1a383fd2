"""What the rest of a handler needs of the moment of its hit, when user space runs it later.

    foreach (...) ...; d = $file->f_path->dentry; println(tid(), d->d_flags)

The kernel sends tid() and the flags, read before the rest is deferred. A local that the rest assigns once, from the
context and from memory, stands for what it is assigned; one that the kernel part left stands for its value there.

What follows from neither (a list that a loop walks along) is read when the rest comes to it: `late`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..program import nodes as n
from ..program.builtins import Effect
from ..program.symbols import Local
from ..program.types import Type
from ..records import replace
from ..source import Span
from .assignments import assignments
from .capture import Fields
from .captured_reads import follows_from_context, is_capturable, key_of, quiet
from .kernel_capability import KernelCapability
from .rewrite import rewrite_expression, rewrite_statements
from .walk import all_expressions, called_functions, subexpressions

_MOST_PARTS = 64
"""What is larger is not followed: each use of a local repeats what it stands for."""


class DeferredRest:
    """Collects in `fields` what one rest needs.

    `own` are the functions that the probe itself offers. `context` tells which field has which value of the context,
    by name; `late` where memory is read after the hit.
    """

    def __init__(
        self, fields: Fields, capability: KernelCapability, own: Mapping[str, Callable[[Span], n.Expression]]
    ) -> None:
        self._fields = fields
        self._capability = capability
        self._own = own
        self._known: dict[Local, n.Expression] = {}
        self._assigned: dict[Local, int] = {}
        self.context: dict[str, int] = {}
        self.late: list[Span] = []

    def body(self, tail: Sequence[n.Statement]) -> list[n.Statement]:
        """Return the rest as user space runs it: the fields stand for what they hold."""
        self._assigned = assignments(tail)
        done: list[n.Statement] = []
        for statement in tail:
            done += rewrite_statements([statement], self._captured)
            match statement:
                case n.Evaluate(expression=n.Assign(target=n.LocalValue(local=local), value=value)):
                    self._learn(local, value)
                case _:
                    pass
        for function in sorted(called_functions(tail), key=lambda f: f.name):
            for expression in all_expressions(function.body):
                if isinstance(expression, n.BuiltinCall):
                    self._context_value(expression)
                elif isinstance(expression, n.ReadMemory | n.ReadString):
                    self._read_late(expression)
        return done

    def _learn(self, local: Local, value: n.Expression) -> None:
        """Keep what a local stands for from here on, where nothing else is ever assigned to it."""
        if self._assigned[local] == 1 and local.type is Type.LONG:
            meant = self._meant(value)
            parts = list(subexpressions(meant))
            if len(parts) <= _MOST_PARTS and follows_from_context(parts, self._is_kept):
                self._known[local] = meant

    def _meant(self, node: n.Expression) -> n.Expression:
        """Return an expression with what its locals stand for."""

        def replacement(part: n.Expression) -> n.Expression | None:
            return self._known.get(part.local) if isinstance(part, n.LocalValue) else None

        return rewrite_expression(node, replacement)

    def _is_kept(self, local: Local) -> bool:
        """Tell whether a local has the value still that it had when the rest was deferred."""
        return local not in self._assigned

    def _captured(self, part: n.Expression) -> n.Expression | None:
        """Return what stands in the rest for a value of the moment of the hit; None for other expressions."""
        match part:
            case n.ContextValue() | n.ReadBlock():
                return self._fields.add(part)
            case n.ReadMemory() | n.ReadString():
                meant = self._meant(part)
                assert isinstance(meant, n.ReadMemory | n.ReadString)
                if is_capturable(meant, self._is_kept) and self._capability.expression(meant):
                    return self._captured_read(part, meant)
                self._read_late(part)
                return None
            case n.BuiltinCall():
                return self._context_value(part)
            case _:
                return None

    def _context_value(self, part: n.BuiltinCall) -> n.Expression | None:
        if part.builtin.effect is not Effect.CONTEXT:
            return None
        value: n.Expression = part
        key = context_key(part)
        if not all(isinstance(a, n.Constant) for a in part.arguments):
            value = self._meant(part)
            parts = [inner for inner in subexpressions(value) if inner is not value]
            if not follows_from_context(parts, self._is_kept) or not self._capability.expression(value):
                return None
            key = "read " + key_of(value)  # no name that a called function could ask for
        if key in self.context:
            return n.Captured(self.context[key], span=part.span, type=part.type, width=part.width)
        if part.builtin.name in self._own and not part.arguments:
            value = self._own[part.builtin.name](part.span)
            value.width = value.width or part.width
            if isinstance(value, n.Constant):
                value.width = len(str(value.value))
        elif part.builtin.kernel is None:
            return None
        captured = self._fields.add(value)
        self.context[key] = captured.index
        return captured

    def _captured_read(self, part: n.ReadMemory | n.ReadString, meant: n.ReadMemory | n.ReadString) -> n.Expression:
        """Return what stands for a read of memory: the value read at the hit, or the read itself where that failed."""
        first, second = quiet(meant, False), quiet(meant, True)
        is_quiet = part.otherwise is not None
        key = "read " + key_of(meant)
        if key not in self.context:
            self.context[key] = self._fields.add(first).index
            if not is_quiet:
                self._fields.add(second)
        span, kind = part.span, part.type
        value = n.Captured(self.context[key], span=span, type=kind, width=first.width)
        if is_quiet:
            return value
        check = n.Captured(self.context[key] + 1, span=span, type=kind, width=second.width)
        address = rewrite_expression(part.address, self._captured)
        same = n.Binary("==", value, check, span=span, type=Type.LONG)
        return n.Conditional(same, value, replace(part, address=address), span=span, type=kind, width=part.width)

    def _read_late(self, part: n.ReadMemory | n.ReadString) -> None:
        """Note a read after the hit. What lies at a fixed address, a variable of the kernel, stays there."""
        if not all(isinstance(inner, n.Constant | n.Binary | n.Unary) for inner in subexpressions(part.address)):
            self.late.append(part.span)


def context_key(call: n.BuiltinCall) -> str:
    """Return the name under which a captured context value is kept: the function, with its constant arguments."""
    arguments = [repr(a.value) if isinstance(a, n.Constant) else "?" for a in call.arguments]
    return call.builtin.name + (f"({','.join(arguments)})" if arguments else "")
