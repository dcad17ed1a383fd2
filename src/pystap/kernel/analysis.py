"""Questions about a handler's body that are answered before its code is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..program.nodes import (
    Aggregate,
    Assign,
    Binary,
    BuiltinCall,
    Conditional,
    Contains,
    ContextKind,
    ContextValue,
    Delete,
    ElementValue,
    Evaluate,
    Expression,
    Format,
    Function,
    FunctionCall,
    GlobalValue,
    If,
    LocalValue,
    Logical,
    Loop,
    Match,
    Next,
    ReadBlock,
    ReadMemory,
    ReadString,
    Return,
    SendEvent,
    Statement,
    TableText,
    TryCatch,
    Unary,
    Update,
)
from ..program.symbols import Local

_SENDING = (ContextKind.KERNEL_STACK, ContextKind.USER_STACK, ContextKind.ADDRESS_SPACE)
"""Values whose evaluation may send a record, which must lie in front of the event that the value goes into."""


def body_of(function: Function) -> list[Statement]:
    """Return the statements of a function as a kernel handler runs them: its output is sent as events."""
    return function.body if function.kernel_body is None else function.kernel_body


def operands(expression: Expression) -> Sequence[Expression]:
    """Return the direct operands of an expression of a kernel handler, in order of evaluation."""
    match expression:
        case Unary():
            return (expression.operand,)
        case Binary() | Logical():
            return (expression.left, expression.right)
        case Conditional():
            return (expression.condition, expression.yes, expression.no)
        case Contains() | ElementValue():
            return [key for key in expression.keys if key is not None]
        case Assign() | Update() | Aggregate():
            return (expression.target, expression.value)
        case FunctionCall() | Format():
            return expression.arguments
        case BuiltinCall():
            return [*expression.arguments, *([expression.kernel_form] if expression.kernel_form is not None else [])]
        case Match():
            return (expression.text,)
        case TableText():
            return (expression.index,)
        case ReadMemory():
            return (expression.address,)
        case ReadBlock():
            return (expression.call, *expression.arguments)
        case ReadString():
            return (expression.address,) if expression.otherwise is None else (expression.address, expression.otherwise)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all it is made of; not the bodies of functions."""
    yield expression
    for operand in operands(expression):
        yield from walk(operand)


def statement_parts(statement: Statement) -> tuple[list[Expression], list[list[Statement]]]:
    """Return a statement's own expressions and its nested blocks."""
    match statement:
        case Evaluate():
            return [statement.expression], []
        case If():
            return [statement.condition], [statement.then, statement.otherwise]
        case Loop():
            return [statement.condition] if statement.condition else [], [statement.body, statement.step]
        case Return():
            return [statement.value] if statement.value is not None else [], []
        case TryCatch():
            return [], [statement.body, statement.handler]
        case SendEvent():
            return list(statement.values), []
        case Delete():
            return [statement.target] if isinstance(statement.target, ElementValue) else [], []
        case _:
            return [], []


def all_expressions(statements: Sequence[Statement]) -> Iterator[Expression]:
    """Yield every expression of a body, nested ones too, not those of functions it calls."""
    for statement in statements:
        own, blocks = statement_parts(statement)
        for expression in own:
            yield from walk(expression)
        for block in blocks:
            yield from all_expressions(block)


def has_effects(expression: Expression) -> bool:
    """Whether evaluating it may change a variable, send an event or leave the handler (but by a run-time error)."""
    return any(
        isinstance(part, Assign | Update | Aggregate | FunctionCall)
        or (isinstance(part, ContextValue) and part.kind in _SENDING)
        for part in walk(expression)
    )


def assigned_locals(statements: Sequence[Statement]) -> set[Local]:
    """Return the locals that a body assigns to."""
    found: set[Local] = set()
    for part in all_expressions(statements):
        if isinstance(part, Assign | Update) and isinstance(part.target, LocalValue):
            found.add(part.target.local)
    for statement in statements:
        found |= _caught(statement)
    return found


def _caught(statement: Statement) -> set[Local]:
    found = {statement.message} if isinstance(statement, TryCatch) and statement.message is not None else set()
    for block in statement_parts(statement)[1]:
        for inner in block:
            found |= _caught(inner)
    return found


def mentions(expression: Expression, local: Local) -> bool:
    """Whether an expression reads or writes a local."""
    return any(isinstance(part, LocalValue) and part.local is local for part in walk(expression))


def may_raise(expression: Expression) -> bool:
    """Whether evaluating it (functions that it calls excepted) may raise a run-time error."""
    for part in walk(expression):
        match part:
            case ReadMemory(otherwise=None):
                return True
            case ReadString(otherwise=None):
                return True
            case Binary() | Update() if part.operator in ("/", "%"):
                return True
            case Assign() | Update() | Aggregate() if isinstance(part.target, ElementValue):
                return True
            case _:
                pass
    return False


def guard(statements: Sequence[Statement]) -> If | None:
    """Return the body's one statement when that is an `if` whose condition touches no global and raises no error."""
    match statements:
        case [If(otherwise=[]) as only]:
            parts = list(walk(only.condition))
        case _:
            return None
    shared = GlobalValue | ElementValue | Contains | FunctionCall | Assign | Update | Aggregate
    return None if may_raise(only.condition) or any(isinstance(part, shared) for part in parts) else only


def has_next(statements: Sequence[Statement]) -> bool:
    """Whether a body has a `next`."""
    return any(
        isinstance(statement, Next) or any(has_next(block) for block in statement_parts(statement)[1])
        for statement in statements
    )


def sends_several(statements: Sequence[Statement]) -> bool:
    """Whether one run of a body may send more than one event.

    The record of a run-time error does not count: nothing has to be shown together with it.
    """
    return _Sent(0).after(statements) > 1


class _Sent:
    """Counts the events that the ways through a body may have sent; `most` is of those that ended or go on."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.most = before

    def after(self, statements: Sequence[Statement]) -> int:
        """Return the most events that were sent once control has left the body in any way."""
        self._block(statements, self.before)
        return self.most

    def _block(self, statements: Sequence[Statement], sent: int) -> int | None:
        """Return the most events sent where control goes on behind the statements; None when it does not."""
        going_on: int | None = sent
        for statement in statements:
            if going_on is None:
                break
            going_on = self._statement(statement, going_on)
            self.most = max(self.most, going_on or 0)
        return going_on

    def _statement(self, statement: Statement, sent: int) -> int | None:
        expressions, blocks = statement_parts(statement)
        for expression in expressions:
            sent = self._expression(expression, sent)
        match statement:
            case SendEvent():
                self.most = max(self.most, sent + 1)
                return None if statement.ends_handler else sent + 1
            case Next() | Return():
                return None
            case If():
                ways = [self._block(block, sent) for block in blocks]
                return max((way for way in ways if way is not None), default=None)
            case TryCatch():
                inside = _Sent(sent)
                inside.after(statement.body)
                self.most = max(self.most, inside.most)
                handled = self._block(statement.handler, inside.most)
                return inside.most if handled is None else max(inside.most, handled)
            case _:
                return sent

    def _expression(self, expression: Expression, sent: int) -> int:
        for part in walk(expression):
            function = part.function if isinstance(part, FunctionCall) else None
            while function is not None and not function.is_recursive:
                sent = _Sent(sent).after(body_of(function))
                function = function.next_overload
        self.most = max(self.most, sent)
        return sent
