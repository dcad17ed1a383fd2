"""Globals that the script writes and never reads are shown when the session ends (man stap, "VARIABLES").

The form is that of the `end` probes that `stap -p2 -v` shows for them:

    x=5
    s="text"
    a["key"]=1
    latency @count=3 @min=1 @max=9 @sum=12 @avg=4
    sizes["read",3] @count=1 @min=4 @max=4 @sum=4 @avg=4

Elements come by falling value; those of statistics by falling count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..abi.session_image import GlobalLayout
from ..user.arrays import ScriptArray
from ..user.globals import Globals, attribute_name
from ..user.statistics import Statistic

_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", '"': '\\"',
            "\\": "\\\\"}  # fmt: skip
_NO_FAULT = ("empty aggregate", "")


def _scalar(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(_escape(c) for c in value) + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if 32 <= ord(character) < 127 else f"\\{ord(character):03o}"


def _statistic(value: Statistic) -> str:
    if not value.count:
        return " @count=0x0"
    average = value.average(_NO_FAULT)
    return f" @count={value.count} @min={value.low} @max={value.high} @sum={value.sum} @avg={average}"


def _value(value: Any) -> str:
    return _statistic(value) if isinstance(value, Statistic) else "=" + _scalar(value)


def _order(pair: tuple[Any, Any]) -> Any:
    return pair[1].count if isinstance(pair[1], Statistic) else pair[1]


def global_lines(layout: GlobalLayout, values: Globals) -> list[str]:
    """Return the lines that show one global, without line ends."""
    value = getattr(values, attribute_name(layout.name))
    if not isinstance(value, ScriptArray):
        return [layout.name + _value(value)]
    lines = []
    for key, element in value.select(order=_order, descending=True):
        columns = key if isinstance(key, tuple) else (key,)
        lines.append(f"{layout.name}[{','.join(_scalar(column) for column in columns)}]{_value(element)}")
    return lines


def display_globals(layouts: Iterable[GlobalLayout], values: Globals) -> str:
    """Return the text that shows all globals to be shown at the end."""
    lines = [line for layout in layouts if layout.print_at_end for line in global_lines(layout, values)]
    return "".join(line + "\n" for line in lines)
