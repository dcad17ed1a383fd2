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
