"""Values for globals given from outside: stap -G NAME=VALUE, staprun NAME=VALUE."""

from __future__ import annotations

from ..abi.session_image import GlobalLayout
from ..lean import Iterable, Sequence
from ..program.types import LONG_MAX, Type, wrap_long
from ..records import replace


class BadOverride(Exception):
    """A global cannot be set so; the message says why."""


def override(layouts: Sequence[GlobalLayout], values: Iterable[tuple[str, str]]) -> tuple[GlobalLayout, ...]:
    """Return the layouts with other initial values. Raises `BadOverride`.

    A number is decimal, 0x or 0 octal as in scripts. A string longer than its global is cut, as assigning would.
    """
    by_name = {layout.name: layout for layout in layouts}
    for name, text in values:
        layout = by_name.get(name)
        if layout is None:
            raise BadOverride(f"the script has no global variable '{name}'{_similar(name, by_name)}")
        if layout.is_array or layout.type is Type.STATISTIC:
            raise BadOverride(f"global variable '{name}' is no scalar: it cannot be set")
        by_name[name] = replace(layout, initial=_value(layout, text))
    return tuple(by_name[layout.name] for layout in layouts)


def _value(layout: GlobalLayout, text: str) -> int | str:
    if layout.type is Type.STRING:
        return text.encode(errors="surrogateescape")[: layout.width].decode("latin-1")
    digits = text.removeprefix("-")
    try:
        number = int(digits, 8 if digits.startswith("0") and digits.isdigit() else 0)
    except ValueError:
        raise BadOverride(f"global variable '{layout.name}' is a number: '{text}' is none") from None
    if number > 2 * LONG_MAX + 1:
        raise BadOverride(f"the number for global variable '{layout.name}' is too large: {text}")
    return wrap_long(-number if text.startswith("-") else number)


def _similar(name: str, known: Iterable[str]) -> str:
    from ..diagnostics import similar

    return similar(name, known)
