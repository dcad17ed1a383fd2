"""Decides where every statement runs, and splits kernel handlers at what only user space can do.

    probe syscall.read {                          kernel                             user space, in event order
      n++                                         n++
      printf("%d\\n", tid())                      send event 0 (tid())               event 0 (t): printf("%d\\n", t)
      foreach (k in seen-) println(k)             send event 1 (); end of handler    event 1: foreach ... println(k)
    }

Output and other actions become events with the values that they need; the handler goes on behind them. At the first
statement that the kernel cannot run it sends the live locals and the context values that the rest needs, and the rest
of the handler is that event's body.

A global that the rest of some handler changes or reads, and that kernel handlers do more with than add to it, would
have two histories: it moves to user space, and every handler that touches it defers from there on. That is repeated
until nothing moves. What is used together with it moves along, so that no handler sees one of them ahead of the other;
not so arrays whose elements belong to one thread each, because a thread's events come in the order of its handlers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ..program import nodes as n
from ..program.attach import Never, PerfClock, PerfCounter, Phase, ProcFile, StandardInput, Timer
from ..program.builtins import Effect
from ..program.limits import Limits
from ..program.program import Handler, Target
from ..program.symbols import Global, Local, RenderedKey
from ..program.types import BLOCK_WIDTH
from ..records import dataclass, field, replace
from ..source import Span
from .capture import Fields
from .deferred_rest import DeferredRest
from .delayed_values import DelayedValues
from .global_uses import Uses, uses_of
from .kernel_capability import KernelCapability
from .rendered_keys import rendered_keys, stored_element
from .resolve_symbols import Resolved
from .rewrite import rewrite_statements
from .task_private import task_private
from .walk import all_expressions, called_functions, locals_of, subexpressions

MAX_MERGED_BYTES = 4096
"""Outputs next to each other share one event up to this size."""

_NOTHING = DelayedValues()


@dataclass(eq=False)
class Placed:
    """The outcome: the handlers' kernel bodies (by handler), all events, and the globals that moved to user space.

    `late` has the handlers whose rest reads memory after the hit: where the first such read stands, and where the rest
    begins.
    """

    events: list[n.Event]
    kernel_bodies: dict[Handler, list[n.Statement]]
    tails: dict[Handler, list[n.Statement]]
    late: dict[Handler, tuple[Span, Span]]
    user_globals: set[Global] = field(default_factory=set)


def place_handlers(program: Resolved, limits: Limits, deferred: Set[int] = frozenset()) -> Placed:
    """Set each handler's target and body; fill in Function.kernel_body where kernel handlers call functions.

    The handlers with an index in `deferred` do nothing in the kernel but send what they need.
    """
    for handler in program.handlers:
        handler.target = _target(handler)
    user_globals: set[Global] = set()
    rendered = rendered_keys(program, KernelCapability(frozenset(), _uses_groups(program), {}))
    private = task_private(program.handlers, placed=False)
    while True:
        placed = _Placer(program, limits, user_globals, deferred, rendered).place()
        moved = _globals_to_move(placed)
        if moved <= user_globals:
            break
        user_globals = _whole_components(placed, user_globals | moved, private)
    for handler, body in placed.kernel_bodies.items():
        handler.body = body
        handler.locals += [local for local in locals_of(body) if local not in handler.locals]
    placed.user_globals = user_globals
    for variable, columns in rendered.items():
        variable.rendered_keys = columns if variable not in user_globals else {}
    return placed


def _target(handler: Handler) -> Target:
    match handler.attach:
        case Phase() | PerfCounter() | ProcFile() | StandardInput() | Never():
            return Target.USER
        case Timer(nanoseconds=period):
            if _reads_task_context(handler.body):
                handler.attach = PerfClock(period, every_cpu=False)
                handler.reason = "reads the interrupted task"
                return Target.KERNEL
            return Target.USER
        case _:
            return Target.KERNEL


def _reads_task_context(body: Sequence[n.Statement]) -> bool:
    bodies = [body, *(function.body for function in called_functions(body))]
    return any(
        isinstance(expression, n.BuiltinCall) and expression.builtin.task_context
        for part in bodies
        for expression in all_expressions(part)
    )


def _uses_groups(program: Resolved) -> bool:
    """Tell whether the program calls matched() or its like."""
    bodies = [*(handler.body for handler in program.handlers), *(function.body for function in program.functions)]
    return any(
        isinstance(expression, n.BuiltinCall) and expression.builtin.name in ("matched", "matched_str", "ngroups")
        for body in bodies
        for expression in all_expressions(body)
    )


def _globals_to_move(placed: Placed) -> set[Global]:
    """Return the globals with two histories: touched by a deferred rest, and more than added to in the kernel."""
    kernel = Uses()
    for body in placed.kernel_bodies.values():
        kernel.add(uses_of(body, in_kernel=True))
    written = set(kernel.writes)
    for tail in placed.tails.values():
        written |= uses_of(tail).writes
    moved: set[Global] = set()
    for handler, tail in placed.tails.items():
        rest = uses_of(tail)
        own = uses_of(placed.kernel_bodies[handler], in_kernel=True)
        for variable in rest.touched & written:
            mixed = variable in kernel.reads or variable in kernel.assigns
            own_adds = variable in own.adds and variable in rest.reads
            if mixed or own_adds:
                moved.add(variable)
    return moved


def _whole_components(placed: Placed, moved: set[Global], private: set[Global]) -> set[Global]:
    """Add to the moved globals all that kernel handlers use together with them and that is not only added to.

    Those that are `private` to a thread neither take others along nor come along.
    """
    handlers = [uses_of(body, in_kernel=True) for body in placed.kernel_bodies.values()]
    only_added = {variable for uses in handlers for variable in uses.adds}
    for uses in handlers:
        only_added -= uses.reads | uses.assigns
    grown = set(moved)
    while True:
        more = {
            variable
            for uses in handlers
            if uses.touched & (grown - private)
            for variable in uses.touched
            if variable not in only_added and variable not in private
        }
        if more <= grown:
            return grown
        grown |= more


class _Placer:
    """One attempt to place everything, with a given set of globals in user space."""

    def __init__(
        self,
        program: Resolved,
        limits: Limits,
        user_globals: Set[Global],
        deferred: Set[int],
        rendered: Mapping[Global, dict[int, RenderedKey]],
    ) -> None:
        self.program = program
        self.limits = limits
        self.deferred = deferred
        self.capability = KernelCapability(user_globals, _uses_groups(program), rendered)
        self.events: list[n.Event] = []
        self.tails: dict[Handler, list[n.Statement]] = {}
        self.late: dict[Handler, tuple[Span, Span]] = {}
        self.handler: Handler | None = None
        self.assigned: set[Local] = set()
        """The locals that the handler's kernel part may have set: only these are sent to the rest."""

    def place(self) -> Placed:
        bodies: dict[Handler, list[n.Statement]] = {}
        for function in self.program.functions:
            function.kernel_body = None
        for handler in self.program.handlers:
            if handler.target is Target.KERNEL:
                self.handler = handler
                self.tails[handler] = []
                self.assigned = set()
                if handler.index in self.deferred:
                    handler.reason = "deferred as a whole: the kernel refused its program"
                    bodies[handler] = [self.defer(handler.body, handler.span)]
                else:
                    bodies[handler] = self.body(handler.body, [])
        return Placed(self.events, bodies, self.tails, self.late)

    # ----------------------------------------------------------------------------------------- statements

    def body(
        self, statements: Sequence[n.Statement], rest: Sequence[n.Statement], delayed: DelayedValues = _NOTHING
    ) -> list[n.Statement]:
        """Return the kernel form of statements behind which `rest` follows, with values that have been put off."""
        done: list[n.Statement] = []
        for i, written in enumerate(statements):
            after = [*statements[i + 1 :], *rest]
            statement = delayed.used(written)
            if not delayed.are_set_by(written) and self.capability.statement(statement):
                self._append(done, self.lower(statement))
            elif (put_off := delayed.delayed(written, self.capability, rest)) is not None:
                delayed, kept = put_off
                for part in kept:
                    self._append(done, self.lower(part))
            elif isinstance(written, n.If) and (condition := self._condition(written, delayed)) is not None:
                for expression in subexpressions(condition):
                    self._enter(expression)
                then = self.body(written.then, after, delayed)
                otherwise = self.body(written.otherwise, after, delayed)
                done.append(n.If(condition, then, otherwise, span=written.span))
            else:
                tail = [written, *after]
                self._append(done, self.defer([*delayed.assigned(tail), *tail], written.span))
                break
        return done

    def _condition(self, statement: n.If, delayed: DelayedValues) -> n.Expression | None:
        """Return the condition that the kernel decides on, None when it cannot."""
        condition = delayed.meaning(statement.condition)
        known = self.capability.expression(condition) and not delayed.are_set_in(statement.condition)
        return condition if known else None

    def lower(self, statement: n.Statement) -> n.Statement:
        """Return the kernel form of a statement that can run there: actions become events."""
        for expression in all_expressions([statement]):
            self._enter(expression)
        if isinstance(statement, n.TryCatch) and statement.message is not None:
            self.assigned.add(statement.message)
        match statement:
            case n.Evaluate(expression=n.Format(to_output=True) | n.BuiltinCall() as action) if self.capability.action(
                action
            ):
                return self._send_action(action, statement.span)
            case n.Evaluate(expression=n.Update() | n.Aggregate() as change) if self.capability.adds_rendered(change):
                stored = stored_element(change, self.capability)
                return n.Evaluate(stored, span=statement.span)
            case n.If():
                then = self._lower_all(statement.then)
                otherwise = self._lower_all(statement.otherwise)
                return n.If(statement.condition, then, otherwise, span=statement.span)
            case n.TryCatch():
                body, handler = self._lower_all(statement.body), self._lower_all(statement.handler)
                return n.TryCatch(body, statement.message, handler, span=statement.span)
            case _:
                return statement

    def _lower_all(self, statements: Sequence[n.Statement]) -> list[n.Statement]:
        done: list[n.Statement] = []
        for statement in statements:
            self._append(done, self.lower(statement))
        return done

    def _enter(self, expression: n.Expression) -> None:
        """Note what an expression assigns, and make the kernel bodies of the functions that it calls."""
        if isinstance(expression, n.Assign | n.Update) and isinstance(expression.target, n.LocalValue):
            self.assigned.add(expression.target.local)
        if isinstance(expression, n.FunctionCall):
            function: n.Function | None = expression.function
            while function is not None and function.kernel_body is None:
                function.kernel_body = []
                function.kernel_body = self._lower_all(function.body)
                function = function.next_overload

    # --------------------------------------------------------------------------------------------- events

    def _event(self, fields: Fields, body: list[n.Statement], span: Span) -> n.SendEvent:
        types = [value.type for value in fields.values]
        widths = [BLOCK_WIDTH if isinstance(value, n.ReadBlock) else value.width for value in fields.values]
        event = n.Event(len(self.events), types, widths, body)
        self.events.append(event)
        return n.SendEvent(event, fields.values, span=span)

    def _send_action(self, action: n.Format | n.BuiltinCall, span: Span) -> n.SendEvent:
        fields = Fields(self.capability.expression, self.capability.user_globals)
        arguments = [fields.capture(argument) for argument in action.arguments]
        send = self._event(fields, [n.Evaluate(replace(action, arguments=arguments), span=span)], span)
        if isinstance(action, n.BuiltinCall):
            fatal = self.limits.max_errors == 0 and not self.limits.suppress_handler_errors
            send.ends_handler = action.builtin.raises
            send.stops_session = action.builtin.ends_session or (action.builtin.raises and fatal)
        return send

    def _append(self, done: list[n.Statement], statement: n.Statement) -> None:
        """Append a statement; an event behind another one joins it where nothing can go wrong in between."""
        last = done[-1] if done else None
        if isinstance(last, n.SendEvent) and isinstance(statement, n.SendEvent) and _can_merge(last, statement):
            self._merge(last, statement)
        else:
            done.append(statement)

    def _merge(self, first: n.SendEvent, second: n.SendEvent) -> None:
        shift = len(first.values)

        def moved(part: n.Expression) -> n.Expression | None:
            return replace(part, index=part.index + shift) if isinstance(part, n.Captured) else None

        event, added = first.event, second.event
        event.types += added.types
        event.widths += added.widths
        event.body += rewrite_statements(added.body, moved)
        first.values += second.values
        first.ends_handler = second.ends_handler
        first.stops_session = second.stops_session
        self.events.remove(added)
        for number, left in enumerate(self.events):
            left.number = number

    def defer(self, tail: Sequence[n.Statement], span: Span) -> n.SendEvent:
        """Return the event that carries on with `tail` in user space and ends the kernel handler."""
        assert self.handler is not None
        self.tails[self.handler] += tail
        fields = Fields(self.capability.expression)
        used = locals_of(tail)
        restored: dict[int, Local] = {}
        for local in used:
            if local in self.assigned:
                captured = fields.add(n.LocalValue(local, span=span, type=local.type, width=local.width))
                restored[captured.index] = local
        rest = DeferredRest(fields, self.capability, self.program.probe_functions.get(self.handler, {}))
        send = self._event(fields, rest.body(tail), span)
        send.ends_handler = True
        send.event.locals = used
        send.event.restored = restored
        send.event.context = rest.context
        if not self.handler.reason:
            self.handler.reason = f"deferred from {span}"
        if rest.late and self.handler not in self.late:
            self.late[self.handler] = (rest.late[0], span)
        return send


def _can_merge(first: n.SendEvent, second: n.SendEvent) -> bool:
    if first.ends_handler or first.stops_session or second.event.restored or first.event.restored:
        return False
    size = sum(width + 8 for width in first.event.widths + second.event.widths)
    return size <= MAX_MERGED_BYTES and all(_cannot_fail(value) for value in second.values)


def _cannot_fail(value: n.Expression) -> bool:
    """Tell whether evaluating a value never raises and changes nothing."""
    harmless = (
        n.Constant,
        n.LocalValue,
        n.GlobalValue,
        n.ContextValue,
        n.Unary,
        n.Logical,
        n.Conditional,
        n.TableText,
        n.ReadBlock,
    )
    for part in subexpressions(value):
        if isinstance(part, n.Binary) and part.operator not in ("/", "%"):
            continue
        if isinstance(part, n.BuiltinCall) and part.builtin.effect is Effect.CONTEXT:
            continue
        if not isinstance(part, harmless):
            return False
    return True
