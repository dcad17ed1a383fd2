"""Built-ins that turn a number into a name by a table."""

from __future__ import annotations

from collections.abc import Callable

from ..program.builtins import Expansion
from ..program.nodes import Expression, TableText
from ..program.types import Type

LONGEST_NUMBER = 20
"""Characters of the longest 64-bit number in decimal, with its sign."""


def table_width(table: tuple[str, ...], otherwise: str) -> int:
    """Return the longest text that a table gives; `otherwise` may hold one %d."""
    outside = len(otherwise) + (LONGEST_NUMBER - 2 if "%" in otherwise else 0)
    return max(outside, *map(len, table))


def name_of(table: tuple[str, ...], otherwise: str, number: int) -> str:
    """Return entry `number`, or `otherwise` with the number filled in when the table has none."""
    if 0 <= number < len(table):
        return table[number]
    return otherwise.replace("%d", str(number))


def table_expansion(
    table: tuple[str, ...], otherwise: str, index: Callable[[Expression], Expression] = lambda argument: argument
) -> Expansion:
    """Return the kernel side of such a row; `index` makes the index from the argument."""
    width = table_width(table, otherwise)

    def expand(argument: Expression) -> Expression:
        return TableText(table, index(argument), otherwise, span=argument.span, type=Type.STRING, width=width)

    return Expansion(expand)


def dense(names: dict[int, str], missing: str) -> tuple[str, ...]:
    """Return `names` as a tuple from index 0 on; gaps get `missing`, with their number in place of a %d."""
    return tuple(names.get(i, missing.replace("%d", str(i))) for i in range(max(names) + 1))
