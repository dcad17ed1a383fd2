"""Statements of a script as lines of Python."""

from __future__ import annotations

from collections.abc import Iterable

from ..program import fault_messages as faults
from ..program import nodes as n
from ..program.symbols import Global
from ..program.types import Type
from ..records import dataclass, field
from . import expressions as ex
from .module import Line, Scope, empty_value, global_source
from .walk import has_effect, own_continue, statement_count


@dataclass(slots=True)
class Body:
    """The lines of one Python function.

    `function` is the script's function, None for a handler or an event. `next_arguments` are the arguments that its
    next overload is called with.
    """

    scope: Scope
    function: n.Function | None = None
    next_arguments: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        self.lines.append(Line("    " * self.depth + text, self.scope.place))
        self.scope.place = ""

    def block(self, head: str, body: Iterable[n.Statement]) -> None:
        """Write a head line and indented statements below it, at least one."""
        self.line(head)
        self.depth += 1
        count = len(self.lines)
        for node in body:
            self.statement(node)
        if len(self.lines) == count:
            self.line("pass")
        self.depth -= 1

    def statement(self, node: n.Statement) -> None:
        match node:
            case n.Evaluate(expression=expression):
                self._evaluate(expression)
            case n.If():
                self._if(node)
            case n.Loop():
                self._loop(node)
            case n.Foreach():
                self._foreach(node)
            case n.ForeachBucket():
                self._foreach_bucket(node)
            case n.Delete():
                self._delete(node)
            case n.Return():
                self._return(node)
            case n.Break():
                self.line("break")
            case n.Continue():
                self.line("continue")
            case n.Next():
                self._next()
            case n.TryCatch():
                self._try(node)
            case n.SendEvent():
                raise ValueError("events are sent by kernel handlers only")

    # -------------------------------------------------------------------------------- expressions as statements

    def _evaluate(self, node: n.Expression) -> None:
        match node:
            case n.Assign():
                self._assign(node)
            case n.Update():
                self._update(node)
            case _:
                self.line(ex.value(self.scope, node))

    def _assign(self, node: n.Assign) -> None:
        match node.target:
            case n.LocalValue(local=local):
                self.line(f"{self.scope.local(local)} = {ex.value(self.scope, node.value)}")
            case n.GlobalValue(variable=variable):
                self.line(f"{global_source(variable)} = {ex.value(self.scope, node.value)}")
            case n.ElementValue():
                self.line(ex.value(self.scope, node))

    def _update(self, node: n.Update) -> None:
        scope = self.scope
        target = node.target
        if isinstance(target, n.ElementValue):
            at = ex.key(scope, target.keys)
            fixed = isinstance(target.keys[0], n.Constant) or (
                isinstance(target.keys[0], n.LocalValue) and not has_effect(node.value)
            )
            if len(target.keys) > 1 or not fixed:
                name = scope.temporary()
                self.line(f"{name} = {at}")
                at = name
            right = self._settled(node.value)
            array = global_source(target.array)
            changed = ex.combine(scope, node, f"{array}.get({at})", right)
            self.line(f"{array}.put({at}, {changed}, {ex.overflow_fault(scope, target)})")
            return
        right = self._settled(node.value)
        name = ex.value(scope, target)
        self.line(f"{name} = {ex.combine(scope, node, name, right)}")

    def _settled(self, node: n.Expression) -> str:
        """Return the source of a value that is safe to evaluate behind a read of the target."""
        source = ex.value(self.scope, node)
        if not has_effect(node):
            return source
        name = self.scope.temporary()
        self.line(f"{name} = {source}")
        return name

    # ------------------------------------------------------------------------------------------------- control

    def _if(self, node: n.If, word: str = "if") -> None:
        """Write an if; a chain of `else if` stays flat, since Python limits how deep lines may be indented."""
        self.block(f"{word} {ex.condition(self.scope, node.condition)}:", node.then)
        match node.otherwise:
            case []:
                pass
            case [n.If() as following]:
                self._if(following, "elif")
            case otherwise:
                self.block("else:", otherwise)

    def _count_actions(self, node: n.Loop | n.Foreach | n.ForeachBucket) -> None:
        """Count a pass through a loop's body and stop a loop that has run for too long or is interrupted.

        `actions` counts up from minus the limit of the handler that runs (see codegen._reset_actions).
        """
        limits = self.scope.module.limits
        fault = self.scope.module.fault(faults.max_action(node.span))
        stop = self.scope.module.helper("stop_loop")
        if limits.suppress_time_limits:
            self.line("if rt.interrupted:")
        else:
            self.line(f"actions += {1 + statement_count(node.body)}")
            self.line("if actions > 0 or rt.interrupted:")
        self.depth += 1
        self.line(f"{stop}(rt, {fault})")
        self.depth -= 1

    def _loop(self, node: n.Loop) -> None:
        """`while True` with the condition inside, for an assignment in it; `continue` must not miss the step."""
        step_first = bool(node.step) and own_continue(node.body)
        again = self.scope.temporary() if step_first else ""
        if step_first:
            self.line(f"{again} = False")
        simple = node.condition is not None and not step_first
        head = ex.condition(self.scope, node.condition) if simple and node.condition is not None else "True"
        self.line(f"while {head}:")
        self.depth += 1
        if step_first:
            self.block(f"if {again}:", node.step)
            self.line(f"{again} = True")
            if node.condition is not None:
                self.line(f"if not {ex.condition(self.scope, node.condition)}:")
                self.line("    break")
        self._count_actions(node)
        for inner in node.body if step_first else [*node.body, *node.step]:
            self.statement(inner)
        self.depth -= 1

    def _foreach(self, node: n.Foreach) -> None:
        scope = self.scope
        arguments: list[str] = []
        if node.slice and any(part is not None for part in node.slice):
            arguments.append(ex.pattern(scope, node.slice))
        order = self._order(node)
        if order:
            arguments.append(f"order={order}")
            if node.descending:
                arguments.append("descending=True")
        if node.limit is not None:
            arguments.append(f"limit={ex.value(scope, node.limit)}")
        names = [scope.local(local) for local in node.keys]
        keys = names[0] if len(names) == 1 else f"({', '.join(names)})" if names else "_"
        value = scope.local(node.value) if node.value is not None else "_"
        self.line(f"for {keys}, {value} in {global_source(node.array)}.select({', '.join(arguments)}):")
        self.depth += 1
        self._count_actions(node)
        for inner in node.body:
            self.statement(inner)
        self.depth -= 1

    def _order(self, node: n.Foreach) -> str:
        module = self.scope.module
        match node.sort_by:
            case n.SortBy.NOTHING:
                return ""
            case n.SortBy.KEY:
                if len(node.array.key_types) > 1 or len(node.keys) > 1:
                    return f"{module.helper('by_column')}({node.sort_column})"
                return module.helper("by_key")
            case n.SortBy.VALUE:
                return module.helper("by_count" if node.array.type is Type.STATISTIC else "by_value")
            case extractor:
                return module.helper(f"by_{extractor.value}")

    def _foreach_bucket(self, node: n.ForeachBucket) -> None:
        scope = self.scope
        shape = ex.shape_constant(scope, node.shape)
        fault = scope.module.fault(faults.empty_aggregate(str(node.shape[0]), node.span))
        counts = f"{ex.statistic(scope, node.statistic)}.histogram({shape}, {fault})"
        by_count = node.sort_by not in (n.SortBy.NOTHING, n.SortBy.KEY)
        limit = "None" if node.limit is None else ex.value(scope, node.limit)
        value = scope.local(node.value) if node.value is not None else "_"
        call = f"{scope.module.helper('buckets')}({counts}, {by_count}, {node.descending}, {limit})"
        self.line(f"for {scope.local(node.key)}, {value} in {call}:")
        self.depth += 1
        self._count_actions(node)
        for inner in node.body:
            self.statement(inner)
        self.depth -= 1

    def _delete(self, node: n.Delete) -> None:
        target = node.target
        if isinstance(target, Global):
            if target.is_array or target.type is Type.STATISTIC:
                self.line(f"{global_source(target)}.clear()")
            else:
                self.line(f"{global_source(target)} = {empty_value(target.type)}")
            return
        array = global_source(target.array)
        if any(part is None for part in target.keys):
            self.line(f"{array}.delete_match({ex.pattern(self.scope, target.keys)})")
        else:
            self.line(f"{array}.delete({ex.key(self.scope, target.keys)})")

    def _return(self, node: n.Return) -> None:
        if node.value is not None:
            self.line(f"return {ex.value(self.scope, node.value)}")
        elif self.function is not None and self.function.return_type is not Type.UNKNOWN:
            self.line(f"return {empty_value(self.function.return_type)}")
        else:
            self.line("return")

    def _next(self) -> None:
        """End the handler; in a function go on with its next overload."""
        if self.function is None:
            self.line("return")
        elif self.function.next_overload is not None:
            name = self.scope.module.function(self.function.next_overload)
            self.line(f"return {name}({', '.join(self.next_arguments)})")
        else:
            fault = self.scope.module.fault(faults.no_more_overloads(self.function.label, self.function.span))
            self.line(f"raise {self.scope.module.helper('RuntimeFault')}(*{fault})")

    def _try(self, node: n.TryCatch) -> None:
        fault = self.scope.module.helper("RuntimeFault")
        self.block("try:", node.body)
        if node.message is None:
            self.block(f"except {fault}:", node.handler)
            return
        name = self.scope.temporary()
        self.line(f"except {fault} as {name}:")
        self.depth += 1
        self.line(f"{self.scope.local(node.message)} = {name}.message[:{self.scope.module.limits.max_width}]")
        for inner in node.handler:
            self.statement(inner)
        self.depth -= 1
