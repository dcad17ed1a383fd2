"""Resolves the bodies of all derived probes and of every function that they call.

A handler's body is its alias prologues, the script's own block and the alias epilogues, all in one scope:

    probe a = timer.s(1) { x = 3 }   probe a { println(x) }      ->     x = 3; println(x)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..diagnostics import Diagnostic, ScriptError, semantic_error
from ..program import nodes as n
from ..program.attach import perf_counters
from ..program.extension import VariableSource
from ..program.program import Handler
from ..program.symbols import Local
from ..program.types import Type
from ..records import dataclass, field, field_names
from ..source import SourceFile, Span
from ..syntax import ast
from .context import DerivedProbe, Inputs
from .derive_probes import derived_from
from .entry_values import EntryValues
from .probe_facts import kind_functions, written_point
from .resolve_expressions import ExpressionResolver
from .scope import Names, Scope
from .syscall_entry_values import entry_handlers
from .walk import called_functions, subexpressions


@dataclass(eq=False)
class Resolved:
    """The program after name resolution: handlers, and the functions that they reach.

    `probe_functions` keeps, by handler, the functions whose value is the probe's own; `called` all built-ins in use.
    """

    names: Names
    handlers: list[Handler]
    functions: list[n.Function]
    probe_functions: dict[Handler, dict[str, VariableSource]] = field(default_factory=dict)
    body_spans: dict[Handler, Span] = field(default_factory=dict)
    """The text of each handler's own block, without those of aliases."""


def resolve_symbols(inputs: Inputs, probes: Sequence[DerivedProbe]) -> Resolved:
    """Resolve everything reachable from the probes; errors are collected in the inputs' diagnostics."""
    names = Names(inputs)
    names.counters = perf_counters(probe.attach for probe in probes)
    resolved = Resolved(names, [], [])
    _add_handlers(resolved, probes)
    for handler in entry_handlers(names, len(resolved.handlers)):
        resolved.handlers.append(handler)
        resolved.body_spans[handler] = handler.span
        resolved.probe_functions[handler] = {}
    while names.unresolved or names.library_probes:
        if names.unresolved:
            _resolve_function(resolved, inputs, *names.unresolved.pop(0))
        else:
            _add_handlers(resolved, derived_from(inputs, names.library_probes.pop(0)))
    return resolved


def _add_handlers(resolved: Resolved, probes: Sequence[DerivedProbe]) -> None:
    """Append the handlers of derived probes, and those that take at the entry what they need from there."""
    companions: list[tuple[Handler, EntryValues]] = []
    for probe in probes:
        handler, entry = _handler(resolved.names, len(resolved.handlers), probe)
        resolved.handlers.append(handler)
        resolved.body_spans[handler] = probe.body.span
        resolved.probe_functions[handler] = _probe_functions(probe)
        if entry is not None:
            companions.append((handler, entry))
    for handler, entry in companions:
        companion = entry.companion(len(resolved.handlers), handler)
        if companion is not None:
            resolved.handlers.append(companion)
            resolved.body_spans[companion] = resolved.body_spans[handler]


def _resolve_function(
    resolved: Resolved,
    inputs: Inputs,
    function: n.Function,
    declaration: ast.FunctionDeclaration,
    source: SourceFile,
    caller: Scope | None,
) -> None:
    """Resolve the body of a function that something reached calls."""
    resolved.functions.append(function)
    scope = Scope(
        source, function=function, assigned=frozenset(assigned_names(declaration.body)), blocks=(declaration.body,)
    )
    if caller is not None:
        scope.probe, scope.targets = caller, caller.targets
        scope.attach, scope.program, scope.entry = caller.attach, caller.program, caller.entry
    scope.locals.update((parameter.name, parameter) for parameter in function.parameters)
    if isinstance(declaration.body, ast.EmbeddedC):
        inputs.diagnostics.error(
            f"function '{declaration.name}' is embedded C, which is not available: programs run as verified eBPF; "
            "write it in the script language",
            declaration.span,
            f"identifier '{declaration.name}'",
        )
        return
    function.body = StatementResolver(resolved.names, scope).block(declaration.body)
    function.locals = [local for local in scope.locals.values() if not local.is_parameter]


def mark_recursion(functions: Sequence[n.Function]) -> None:
    """Set Function.is_recursive of every function that may call itself, directly or through others."""
    for function in functions:
        function.is_recursive = function in called_functions(function.body)


def _handler(names: Names, index: int, probe: DerivedProbe) -> tuple[Handler, EntryValues | None]:
    blocks = (*probe.prologue, probe.body, *probe.epilogue)
    assigned = frozenset(name for block in blocks for name in assigned_names(block))
    functions = _probe_functions(probe)
    scope = Scope(
        probe.body.span.source,
        offered=probe.variables,
        targets=probe.target_variables,
        program=probe.program,
        functions=functions,
        assigned=assigned,
        blocks=blocks,
        attach=probe.attach,
    )
    if probe.entry is not None:
        scope.entry = EntryValues(names, probe.entry, ExpressionResolver, scope, probe.frame)
    body: list[n.Statement] = []
    for block in blocks:
        scope.source = block.span.source
        body.extend(StatementResolver(names, scope).block(block))
    if probe.condition is not None:
        try:
            condition = ExpressionResolver(names, scope).expression(probe.condition)
            _check_condition(condition)
            body = [n.If(condition, body, [], span=probe.condition.span)]
        except ScriptError as error:
            names.diagnostics.add(error.diagnostic)
    if probe.guard is not None:
        body = [n.If(probe.guard(probe.span), body, [], span=probe.span)]
    handler = Handler(index, probe.point, " <- ".join(probe.chain), probe.span, probe.attach, body)
    restoring = scope.entry.restoring() if scope.entry is not None else []
    handler.body = restoring + scope.prologue + handler.body
    handler.locals = list(scope.locals.values())
    return handler, scope.entry


def _check_condition(condition: n.Expression) -> None:
    """Raise ScriptError for a probe condition that changes something."""
    for part in subexpressions(condition):
        if isinstance(part, n.Assign | n.Update | n.Aggregate):
            semantic_error("probe condition must not modify any variables", part.span, "expression")


def _probe_functions(probe: DerivedProbe) -> dict[str, VariableSource]:
    """Return the functions whose value is the probe's own: what its kind gives, and pp() and probefunc() at least."""

    def point(span: Span) -> n.Expression:
        return n.Constant(probe.point, span=span, type=Type.STRING)

    def nothing(span: Span) -> n.Expression:
        return n.Constant("", span=span, type=Type.STRING)

    def written(span: Span) -> n.Expression:
        return n.Constant(written_point(probe), span=span, type=Type.STRING)

    own = {"pp": point, "pn": written, "pnlabel": nothing, "probefunc": nothing}
    return {**own, **kind_functions(probe.attach), **probe.functions}


def assigned_names(node: object) -> Iterator[str]:
    """Yield the names of the variables that a piece of syntax assigns."""
    match node:
        case ast.Assign(target=ast.Name(name=name)) | ast.Increment(target=ast.Name(name=name)):
            yield name
        case ast.Foreach(value=value, keys=keys):
            yield from (key.name for key in keys)
            if value is not None:
                yield value.name
        case ast.TryCatch(message=ast.Name(name=name)):
            yield name
        case _:
            pass
    if isinstance(node, tuple):
        for item in node:
            yield from assigned_names(item)
    elif isinstance(node, ast.Node):
        for name in field_names(node):
            if name != "span":
                yield from assigned_names(getattr(node, name))


class StatementResolver:
    """Resolves the statements of one body in its scope."""

    def __init__(self, names: Names, scope: Scope) -> None:
        self.names = names
        self.scope = scope
        self.expressions = ExpressionResolver(names, scope)

    def block(self, node: ast.Statement | None) -> list[n.Statement]:
        """Return the statements of a block, or of a statement that stands in place of one."""
        if node is None:
            return []
        statements = node.statements if isinstance(node, ast.Block) else (node,)
        resolved: list[n.Statement] = []
        for statement in statements:
            try:
                resolved.extend(self._statement(statement))
            except ScriptError as error:
                self.names.diagnostics.add(error.diagnostic)
        return resolved

    def _statement(self, node: ast.Statement) -> list[n.Statement]:
        span = node.span
        resolve = self.expressions.expression
        match node:
            case ast.Block():
                return self.block(node)
            case ast.Empty():
                return []
            case ast.ExpressionStatement(expression=expression):
                return [n.Evaluate(resolve(expression), span=span)]
            case ast.If():
                condition = resolve(node.condition)
                if isinstance(condition, n.Constant) and isinstance(condition.value, int):
                    return self.block(node.then if condition.value else node.otherwise)
                return [n.If(condition, self.block(node.then), self.block(node.otherwise), span=span)]
            case ast.While():
                return [n.Loop(resolve(node.condition), self.block(node.body), [], span=span)]
            case ast.For():
                return self._for(node)
            case ast.Foreach():
                return [self._foreach(node)]
            case ast.Return(value=value):
                if self.scope.function is None:
                    raise ScriptError(
                        Diagnostic("parse error", "found 'return' not in function context", span, "keyword")
                    )
                return [n.Return(resolve(value) if value is not None else None, span=span)]
            case ast.Delete(target=target):
                return [self._delete(target, node)]
            case ast.Next():
                return [n.Next(span=span)]
            case ast.Break():
                return [n.Break(span=span)]
            case ast.Continue():
                return [n.Continue(span=span)]
            case ast.TryCatch():
                message = self._variable(node.message) if node.message is not None else None
                return [n.TryCatch(self.block(node.body), message, self.block(node.handler), span=span)]

    def _for(self, node: ast.For) -> list[n.Statement]:
        def part(expression: ast.Expression | None) -> list[n.Statement]:
            if expression is None:
                return []
            return [n.Evaluate(self.expressions.expression(expression), span=expression.span)]

        start = part(node.start)
        condition = self.expressions.expression(node.condition) if node.condition is not None else None
        return [*start, n.Loop(condition, self.block(node.body), part(node.step), span=node.span)]

    def _variable(self, name: ast.Name) -> Local:
        if self.names.global_named(name.name, self.scope.source) is not None:
            semantic_error(
                "a loop or catch variable is local, this is a global", name.span, f"identifier '{name.name}'"
            )
        return self.scope.local(name.name, name.span)

    def _foreach(self, node: ast.Foreach) -> n.Foreach | n.ForeachBucket:
        value = self._variable(node.value) if node.value is not None else None
        keys = [self._variable(ast.Name(key.name, span=key.span)) for key in node.keys]
        limit = self.expressions.expression(node.limit) if node.limit is not None else None
        column = next((i for i, key in enumerate(node.keys) if key.sort), 0)
        by_key = node.keys[column].sort if node.keys else 0
        direction = node.sort or by_key
        if isinstance(node.array, ast.HistogramOf):
            sort = n.SortBy.VALUE if node.sort else n.SortBy.KEY if by_key else n.SortBy.NOTHING
            shape, statistic = self.expressions.histogram(node.array)
            body = self.block(node.body)
            return n.ForeachBucket(shape, statistic, keys[0], value, sort, direction < 0, limit, body, span=node.span)
        array = self.expressions.array(node.array, len(keys))
        slice_ = self.expressions.keys(node.slice) or [None] * len(keys)
        if len(slice_) != len(keys):
            semantic_error(f"unmatched number of slice keys for '{array.name}'", node.span, "keyword 'foreach'")
        sort = n.SortBy.NOTHING
        if node.sort:
            sort = n.SortBy(node.sort_by) if node.sort_by else n.SortBy.VALUE
            array.reads_variance |= sort is n.SortBy.VARIANCE
        elif by_key:
            sort = n.SortBy.KEY
        body = self.block(node.body)
        return n.Foreach(array, keys, value, slice_, sort, column, direction < 0, limit, body, span=node.span)

    def _delete(self, target: ast.Expression, node: ast.Delete) -> n.Statement:
        match target:
            case ast.Element():
                return n.Delete(self.expressions.element_or_slice(target), span=node.span)
            case ast.Name():
                variable = self.names.global_named(target.name, self.scope.source)
                if variable is not None:
                    return n.Delete(variable, span=node.span)
                local = self.scope.locals.get(target.name)
                if local is not None:
                    zero = n.Constant(0, span=node.span)
                    return n.Evaluate(
                        n.Assign(n.LocalValue(local, span=target.span), zero, span=node.span), span=node.span
                    )
                semantic_error("unresolved array in delete statement", target.span, f"identifier '{target.name}'")
            case _:
                semantic_error("delete takes an array, an element or a variable", target.span, "expression")
