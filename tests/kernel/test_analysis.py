"""Which handlers need the group protocol."""

from __future__ import annotations

from pystap.kernel.analysis import sends_several
from pystap.program.nodes import Function, Next, Return, TryCatch
from pystap.program.types import Type

from .scripts import SPAN, Script, binary, call, choose, number, run


def test_one_event_on_every_way() -> None:
    s = Script()
    assert not sends_several([s.send()])
    assert not sends_several([choose(number(1), [s.send()], [s.send()])])
    assert not sends_several([choose(number(1), [s.send(), Next(span=SPAN)]), s.send()])
    assert not sends_several([choose(number(1), [s.send(ends=True)]), s.send(ends=True), s.send()])
    assert not sends_several([s.send(), run(binary(number(1), "/", number(0)))])


def test_more_on_some_way() -> None:
    s = Script()
    function = Function("f", SPAN, [], [], [s.send(), Return(span=SPAN, value=None)], Type.LONG)
    assert sends_several([s.send(), s.send()])
    assert sends_several([choose(number(1), [s.send()]), s.send()])
    assert sends_several([run(call(function)), s.send()])
    assert sends_several([run(binary(call(function), "+", call(function)))])
    assert sends_several([TryCatch(span=SPAN, body=[s.send(ends=False)], message=None, handler=[s.send()])])
    assert sends_several([TryCatch(span=SPAN, body=[s.send()], message=None, handler=[Next(span=SPAN)]), s.send()])
