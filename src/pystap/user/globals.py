"""The Python values of a script's globals, as generated code finds them: attributes of one object.

A scalar is an int, a str or a Statistic, an array a ScriptArray.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Any, Iterable
from ..program.types import Type
from .arrays import ScriptArray
from .statistics import Statistic

if TYPE_CHECKING:
    from ..abi.session_image import GlobalLayout


class Globals:
    """A bag of attributes, one per global, named by `attribute_name`."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no global {name}")


def attribute_name(name: str) -> str:
    """Return the attribute that holds the global `name`."""
    return "v_" + "".join(c if c.isalnum() else "_" for c in name)


def new_statistic(layout: GlobalLayout) -> Statistic:
    """Return an empty statistic with the histograms that the script takes of this global."""
    return Statistic(layout.histograms, layout.shift)


def new_value(layout: GlobalLayout) -> int | str | Statistic | ScriptArray:
    """Return the value that a global has when the session starts."""
    if layout.is_array:
        default: int | str = "" if layout.type is Type.STRING else 0
        new = (lambda: new_statistic(layout)) if layout.type is Type.STATISTIC else None
        return ScriptArray(default, layout.size, layout.wraps, new)
    if layout.type is Type.STATISTIC:
        return new_statistic(layout)
    if layout.initial is not None:
        return layout.initial
    return "" if layout.type is Type.STRING else 0


def new_globals(layouts: Iterable[GlobalLayout]) -> Globals:
    """Return all globals with their first values."""
    values = Globals()
    for layout in layouts:
        setattr(values, attribute_name(layout.name), new_value(layout))
    return values
