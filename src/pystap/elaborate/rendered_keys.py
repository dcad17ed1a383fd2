"""Keys that are text of something small are stored as that, and rendered when they are read.

    probe timer.profile { c[execname(), sprint_backtrace()]++ }

    stored:  c[execname(), number of the stack]        column 2 read as:  the lines of the stack with that number

This holds for arrays that kernel handlers only add to, where every such key is made by the same expression: then user
space alone deals in the texts, and elements whose keys come out alike are one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..program import nodes as n
from ..program.program import Target
from ..program.symbols import Global, RenderedKey
from ..program.types import Type
from ..records import field_names, replace
from .capture import Fields, can_capture
from .kernel_capability import KernelCapability
from .resolve_symbols import Resolved
from .walk import all_statements, called_functions

_IGNORED = {"span", "width", "kernel_form"}


def rendered_keys(program: Resolved, capability: KernelCapability) -> dict[Global, dict[int, RenderedKey]]:
    """Return the columns of arrays that are stored as what their text is made from."""
    found: dict[Global, dict[int, RenderedKey]] = {}
    sites: dict[Global, list[n.ElementValue]] = {}
    for element in _elements_added_to(program):
        sites.setdefault(element.array, []).append(element)
    for array, elements in sites.items():
        columns: dict[int, RenderedKey] = {}
        for column, kind in enumerate(array.key_types):
            keys = [element.keys[column] for element in elements]
            rendered = _common(keys, capability) if kind is Type.STRING else None
            if rendered is not None:
                columns[column] = rendered
        if columns:
            found[array] = columns
    return found


def _elements_added_to(program: Resolved) -> Iterator[n.ElementValue]:
    """Yield the elements that kernel handlers add to by a statement of its own."""
    for handler in program.handlers:
        if handler.target is not Target.KERNEL:
            continue
        bodies = [handler.body, *(function.body for function in called_functions(handler.body))]
        for body in bodies:
            for statement in all_statements(body):
                match statement:
                    case n.Evaluate(expression=n.Update(operator="+" | "-", target=n.ElementValue() as element)):
                        yield element
                    case n.Evaluate(expression=n.Aggregate(target=n.ElementValue() as element)):
                        yield element
                    case _:
                        pass


def _common(keys: list[n.Expression | None], capability: KernelCapability) -> RenderedKey | None:
    """Return how a column is stored; None where the kernel makes the text itself or the keys differ in kind."""
    if any(key is None or not can_capture(key, capability.expression) for key in keys):
        return None
    if all(key is not None and capability.expression(key) for key in keys):
        return None
    common: RenderedKey | None = None
    for key in keys:
        assert key is not None
        fields = Fields(capability.expression)
        body = fields.capture(key)
        types, widths = [value.type for value in fields.values], [value.width for value in fields.values]
        if common is None:
            common = RenderedKey(types, widths, body)
        elif _shape(body) != _shape(common.body) or types != common.types:
            return None
        else:
            common.widths = [max(pair) for pair in zip(widths, common.widths, strict=True)]
    return common


def _shape(node: object) -> object:
    """Return what two expressions that do the same have in common."""
    if isinstance(node, n.Node):
        parts = [(name, _shape(getattr(node, name))) for name in field_names(node) if name not in _IGNORED]
        return (type(node).__name__, *parts)
    if isinstance(node, list | tuple):
        return tuple(_shape(part) for part in node)
    return node


def stored_element(change: n.Update | n.Aggregate, capability: KernelCapability) -> n.Update | n.Aggregate:
    """Return an addition with the stored values in place of the rendered keys."""
    assert isinstance(change.target, n.ElementValue)
    columns = capability.rendered[change.target.array]
    keys: list[n.Expression | None] = []
    for column, key in enumerate(change.target.keys):
        if column in columns and key is not None:
            fields = Fields(capability.expression)
            fields.capture(key)
            keys += fields.values
        else:
            keys.append(key)
    return replace(change, target=replace(change.target, keys=keys))
