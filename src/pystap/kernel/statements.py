"""Statements. Loops do not stand in kernel code; everything else that elaboration leaves there does."""

from __future__ import annotations

from ..program.nodes import (
    Contains,
    Delete,
    ElementValue,
    Evaluate,
    If,
    Next,
    Return,
    SendEvent,
    Statement,
    TryCatch,
)
from ..program.types import Type
from . import arrays, scalars, statistics, strings
from .context import Catch, HandlerContext, InternalError, Text
from .events import send_event
from .expressions import effect, is_true
from .held_elements import can_hold


def block(h: HandlerContext, statements: list[Statement]) -> None:
    """Emit statements one after the other; each gives its temporaries back."""
    for statement in statements:
        mark = h.temporaries.mark()
        _statement(h, statement)
        h.temporaries.release(mark)


def _statement(h: HandlerContext, statement: Statement) -> None:
    match statement:
        case Evaluate():
            effect(h, statement.expression)
        case If():
            _if(h, statement)
        case SendEvent():
            send_event(h, statement)
        case TryCatch():
            _try(h, statement)
        case Delete():
            _delete(h, statement)
        case Return():
            _return(h, statement)
        case Next():
            h.code.jump(h.frame.next_label)
        case _:
            raise InternalError(f"no statement of kernel code: {type(statement).__name__}")


def _if(h: HandlerContext, statement: If) -> None:
    code = h.code
    then, otherwise, done = code.name("then"), code.name("else"), code.name("endif")
    condition = statement.condition
    if isinstance(condition, Contains) and can_hold(condition, statement.then, h.handler.lock):
        code.branch(arrays.look_up_once(h, condition), then, otherwise)
    else:
        code.branch(is_true(h, condition), then, otherwise)
    code.begin(then)
    block(h, statement.then)
    if isinstance(condition, Contains):
        h.held.release(condition)
    if code.is_open:
        code.jump(done)
    code.begin(otherwise)
    block(h, statement.otherwise)
    code.begin(done)


def _try(h: HandlerContext, statement: TryCatch) -> None:
    code = h.code
    caught, done = code.name("catch"), code.name("endtry")
    message = None
    if statement.message is not None:
        place = h.frame.places[statement.message]
        assert isinstance(place, Text)
        message = place
    outer, h.catch = h.catch, Catch(caught, message)
    block(h, statement.body)
    h.catch = outer
    if code.is_open:
        code.jump(done)
    code.begin(caught)
    block(h, statement.handler)
    code.begin(done)


def _delete(h: HandlerContext, statement: Delete) -> None:
    if isinstance(statement.target, ElementValue):
        arrays.delete(h, statement.target)
    elif statement.target.is_array:
        raise InternalError(f"delete of the whole array {statement.target.name} in kernel code")
    elif statement.target.type is Type.STATISTIC:
        statistics.reset(h, statement.target)
    else:
        scalars.reset(h, statement.target)


def _return(h: HandlerContext, statement: Return) -> None:
    place = h.frame.return_place
    if statement.value is not None:
        if isinstance(place, Text):
            strings.copy_text(h, strings.text_of(h, statement.value), place.pointer, place.width)
        elif place is not None:
            h.code.store(h.generate.long(h, statement.value), place)
        else:
            effect(h, statement.value)
    h.code.jump(h.frame.return_label)
