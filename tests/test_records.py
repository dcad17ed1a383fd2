"""Records behave as the dataclasses that they stand for."""

from __future__ import annotations

import copy
import pickle

import pytest

from pystap.records import dataclass, field, field_names, replace
from pystap.source import NO_SPAN
from pystap.syntax import ast


def test_construction() -> None:
    node = ast.TargetVariable("$x", span=NO_SPAN)
    assert (node.name, node.path, node.address_of, node.span) == ("$x", (), False, NO_SPAN)
    assert repr(node) == "TargetVariable(name='$x', path=(), address_of=False)"
    with pytest.raises(TypeError):
        ast.Name(span=NO_SPAN)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ast.Name("a")  # type: ignore[call-arg]


def test_nodes_do_not_change() -> None:
    node = ast.Name("x", span=NO_SPAN)
    with pytest.raises(AttributeError):
        node.name = "y"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del node.name
    with pytest.raises(AttributeError):
        node.other = 1  # type: ignore[attr-defined]


def test_the_standard_functions_work() -> None:
    node = ast.Name("x", span=NO_SPAN)
    assert field_names(node) == ("span", "name")
    assert field_names(ast.Assign) == ("span", "operator", "target", "value")
    assert replace(node, name="y").name == "y"
    assert copy.copy(node).name == "x"
    assert pickle.loads(pickle.dumps(node)).name == "x"


def test_patterns_match_by_position() -> None:
    match ast.Unary("-", ast.Name("x", span=NO_SPAN), span=NO_SPAN):
        case ast.Unary("-", ast.Name(name)):
            assert name == "x"
        case _:
            pytest.fail("no match")


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2


@dataclass
class Bag:
    items: list[int] = field(default_factory=list)


def test_equality_hash_and_defaults() -> None:
    assert Point(1) == Point(1, 2)
    assert len({Point(1), Point(1, 2), Point(2)}) == 2
    assert Bag() == Bag()
    assert Bag().items is not Bag().items
    changing = Bag([1])
    changing.items = [2]
    assert changing == Bag([2])
    with pytest.raises(TypeError):
        hash(changing)


@dataclass(frozen=True, kw_only=True)
class Wide(Point):
    names: list[str] = field(default_factory=list)
    last: str


def test_the_first_instances_are_as_the_compiled_ones() -> None:
    for x in range(30):
        assert (Point(x).y, Point(x, 3).y, Point(y=4, x=x).x) == (2, 3, x)
        assert Bag().items is not Bag().items
        wide = Wide(x, last="z", names=["a"])
        assert (wide.x, wide.y, wide.names, wide.last) == (x, 2, ["a"], "z")
        assert Wide(x, last="z").names == []


@pytest.mark.parametrize("made_before", [0, 30])
def test_wrong_arguments_are_refused(made_before: int) -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        x: int
        y: int = 2

    for x in range(made_before):
        Own(x)
    for make in (lambda: Own(), lambda: Own(1, 2, 3), lambda: Own(1, x=2), lambda: Own(1, z=2)):  # type: ignore
        with pytest.raises(TypeError):
            make()
    assert Own(1) == Own(1, 2)
