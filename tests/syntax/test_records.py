"""The node classes are standard dataclasses to whoever looks."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

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
    assert dataclasses.is_dataclass(node)
    assert [f.name for f in dataclasses.fields(node)] == ["span", "name"]
    assert [f.name for f in dataclasses.fields(ast.Assign)] == ["span", "operator", "target", "value"]
    assert dataclasses.replace(node, name="y").name == "y"
    assert copy.copy(node).name == "x"
    assert pickle.loads(pickle.dumps(node)).name == "x"


def test_patterns_match_by_position() -> None:
    match ast.Unary("-", ast.Name("x", span=NO_SPAN), span=NO_SPAN):
        case ast.Unary("-", ast.Name(name)):
            assert name == "x"
        case _:
            pytest.fail("no match")
