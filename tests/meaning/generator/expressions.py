"""Random expressions, typed: each is in parentheses unless it is one word."""

from __future__ import annotations

from collections.abc import Callable

from ..choices import chance, pick
from .state import Array, Callee, Scope, State
from .vocabulary import (
    ARITHMETIC,
    COMPARISON,
    CONVERSIONS,
    INTERESTING,
    LONG_TO_TEXT,
    LONG_TO_TEXT_USER,
    ONE_LONG,
    PATTERNS,
    RICH_CONVERSIONS,
    TEXTS,
    UPDATES,
)


class Expressions:
    """Makes expressions over the names of a program."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.choices = state.choices

    def printf(self, scope: Scope, function: str, parts: list[str], end: str) -> str:
        arguments = [self.value(scope, "string" if part.rstrip("|")[-1] == "s" else "long", 2) for part in parts]
        return f'{function}("{" ".join(parts)}{end}", {", ".join(arguments)})'

    def callees(self) -> list[Callee]:
        """What may be called here without the number of calls growing beyond measure."""
        return self.state.functions if self.state.fuel > 20 else []

    def some_type(self) -> str:
        return pick(self.choices, ("long", "long", "string"))

    def value(self, scope: Scope, kind: str, depth: int) -> str:
        if kind == "small":
            return self.small(scope)
        return self.string(scope, depth) if kind == "string" else self.long(scope, depth)

    def small(self, scope: Scope) -> str:
        return f"({self.long(scope, 1)} & 7)" if chance(self.choices, 2) else str(self.choices.below(8))

    def scalar(self, scope: Scope, kind: str) -> str:
        if kind == "string":
            return pick(self.choices, [*scope.strings, *self.state.string_globals])
        return pick(self.choices, [*scope.longs, *self.state.long_globals])

    def place(self, scope: Scope, kind: str) -> str:
        """A variable or an element of the type."""
        arrays = [a for a in self.state.arrays if a.value == kind and a.name not in scope.iterated]
        if arrays and chance(self.choices, 2):
            array = pick(self.choices, arrays)
            return f"{array.name}[{self.keys(scope, array)}]"
        return self.scalar(scope, kind)

    def keys(self, scope: Scope, array: Array) -> str:
        return ", ".join(self.key(scope, kind) for kind in array.keys)

    def key(self, scope: Scope, kind: str) -> str:
        if chance(self.choices, 6):
            return self.value(scope, kind, 1)
        if kind == "string":
            return pick(self.choices, ('"a"', '"b"', '"hello"', *scope.strings))
        return pick(self.choices, ("0", "1", "2", *scope.longs))

    def call(self, scope: Scope, callee: Callee, depth: int) -> str:
        self.state.fuel -= 6
        arguments = ", ".join(self.value(scope, kind, depth - 1) for kind in callee.parameters)
        return f"{callee.name}({arguments})"

    def long(self, scope: Scope, depth: int) -> str:
        """Return an expression of type long, in parentheses unless it is one word."""
        if depth <= 0 or chance(self.choices, 5):
            return self._long_leaf(scope)
        forms: list[Callable[[Scope, int], str]] = [
            self._arithmetic, self._arithmetic, self._arithmetic, self._comparison, self._text_comparison,
            self._logical, self._long_conditional, self._long_unary, self._long_nested, self._long_step, self._contains,
            self._long_builtin, self._text_builtin, self._long_call, self._match,
        ]  # fmt: skip
        if self.state.any:
            forms.append(self._count)
        return pick(self.choices, forms)(scope, depth - 1)

    def _long_leaf(self, scope: Scope) -> str:
        which = self.choices.below(4)
        if which == 0:
            value = pick(self.choices, INTERESTING)
            return f"({value})" if -(1 << 63) < value < 0 else (str(value) if value >= 0 else "0x8000000000000000")
        if which == 1:
            return str(self.choices.below(12))
        return self.scalar(scope, "long") if which == 2 else self.place(scope, "long")

    def _arithmetic(self, scope: Scope, depth: int) -> str:
        operator = pick(self.choices, ARITHMETIC)
        right = self.long(scope, depth)
        if operator in "/%" and not chance(self.choices, 4):
            right = f"({right} | 1)"  # the errors alone would end most programs early
        return f"({self.long(scope, depth)} {operator} {right})"

    def _comparison(self, scope: Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} {pick(self.choices, COMPARISON)} {self.long(scope, depth)})"

    def _text_comparison(self, scope: Scope, depth: int) -> str:
        return f"({self.string(scope, depth)} {pick(self.choices, COMPARISON)} {self.string(scope, depth)})"

    def _logical(self, scope: Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} {pick(self.choices, ('&&', '||'))} {self.long(scope, depth)})"

    def _long_conditional(self, scope: Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} ? {self.long(scope, depth)} : {self.long(scope, depth)})"

    def _long_unary(self, scope: Scope, depth: int) -> str:
        return f"({pick(self.choices, '-!~')}{self.long(scope, depth)})"

    def _long_nested(self, scope: Scope, depth: int) -> str:
        operator = pick(self.choices, ("=", "=", *UPDATES))
        return f"({self.place(scope, 'long')} {operator} {self.long(scope, depth)})"

    def _long_step(self, scope: Scope, depth: int) -> str:
        place, sign = self.place(scope, "long"), pick(self.choices, ("++", "--"))
        return f"({place}{sign})" if chance(self.choices, 2) else f"({sign}{place})"

    def _contains(self, scope: Scope, depth: int) -> str:
        if not self.state.arrays:
            return self._comparison(scope, depth)
        array = pick(self.choices, self.state.arrays)
        return f"([{self.keys(scope, array)}] in {array.name})"

    def _long_builtin(self, scope: Scope, depth: int) -> str:
        return f"{pick(self.choices, ONE_LONG)}({self.long(scope, depth)})"

    def _text_builtin(self, scope: Scope, depth: int) -> str:
        text = self.string(scope, depth)
        which = self.choices.below(6)
        if which == 0:
            return f"strlen({text})"
        if which == 1:
            return f"stringat({text}, {self.long(scope, depth)})"
        if which == 2:
            return f"strtol({text}, {pick(self.choices, ('10', '16', '8', '0', '2'))})"
        if which == 3:
            return f"isdigit({text})"
        needle = self.string(scope, depth) if self.state.any else f'"{pick(self.choices, TEXTS[:16])}"'
        return f"{pick(self.choices, ('isinstr', 'strpos'))}({text}, {needle})"

    def _long_call(self, scope: Scope, depth: int) -> str:
        usable = [callee for callee in self.callees() if callee.returns == "long"]
        return self.call(scope, pick(self.choices, usable), depth) if usable else self._arithmetic(scope, depth)

    def _match(self, scope: Scope, depth: int) -> str:
        operator, pattern = pick(self.choices, ("=~", "!~")), pick(self.choices, PATTERNS)
        return f'({self.string(scope, depth)} {operator} "{pattern}")'

    def _count(self, scope: Scope, depth: int) -> str:
        if not self.state.statistics:
            return self._arithmetic(scope, depth)
        return f"{pick(self.choices, ('@count', '@sum'))}({pick(self.choices, self.state.statistics)})"

    def string(self, scope: Scope, depth: int) -> str:
        """Return an expression of type string."""
        if depth <= 0 or chance(self.choices, 5):
            return self._string_leaf(scope)
        forms: list[Callable[[Scope, int], str]] = [
            self._joined, self._joined, self._string_conditional, self._substr, self._sprintf, self._string_nested,
            self._table_text, self._string_call,
        ]  # fmt: skip
        if self.state.any:
            forms += [self.user_text, self._rich_sprintf]
        return pick(self.choices, forms)(scope, depth - 1)

    def _string_leaf(self, scope: Scope) -> str:
        which = self.choices.below(3)
        if which == 0:
            return f'"{pick(self.choices, TEXTS)}"'
        return self.scalar(scope, "string") if which == 1 else self.place(scope, "string")

    def _joined(self, scope: Scope, depth: int) -> str:
        return f"({self.string(scope, depth)} . {self.string(scope, depth)})"

    def _string_conditional(self, scope: Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} ? {self.string(scope, depth)} : {self.string(scope, depth)})"

    def _substr(self, scope: Scope, depth: int) -> str:
        text, start, length = self.string(scope, depth), self.long(scope, 0), self.long(scope, 0)
        if chance(self.choices, 2):
            start, length = str(self.choices.below(5)), str(self.choices.below(20))
        return f"substr({text}, {start}, {length})"

    def _sprintf(self, scope: Scope, depth: int) -> str:
        parts = [pick(self.choices, CONVERSIONS) for _ in range(1 + self.choices.below(2))]
        arguments = [self.value(scope, "string" if part[-1] == "s" else "long", depth) for part in parts]
        return f'sprintf("{pick(self.choices, ("", "<", "n="))}{"/".join(parts)}", {", ".join(arguments)})'

    def _rich_sprintf(self, scope: Scope, depth: int) -> str:
        return self.printf(scope, "sprintf", [pick(self.choices, RICH_CONVERSIONS)], "")

    def _string_nested(self, scope: Scope, depth: int) -> str:
        return f"({self.place(scope, 'string')} {pick(self.choices, ('=', '.='))} {self.string(scope, depth)})"

    def _table_text(self, scope: Scope, depth: int) -> str:
        return f"{pick(self.choices, LONG_TO_TEXT)}({self.long(scope, depth)})"

    def _string_call(self, scope: Scope, depth: int) -> str:
        usable = [callee for callee in self.callees() if callee.returns == "string"]
        return self.call(scope, pick(self.choices, usable), depth) if usable else self._joined(scope, depth)

    def user_text(self, scope: Scope, depth: int) -> str:
        """Return a string that only user space can make."""
        which = self.choices.below(5)
        if which == 0:
            return f"{pick(self.choices, LONG_TO_TEXT_USER)}({self.long(scope, depth)})"
        if which == 1:
            return f"str_replace({self.string(scope, depth)}, {self.string(scope, 0)}, {self.string(scope, 0)})"
        if which == 2:
            return f"text_strn({self.string(scope, depth)}, {self.long(scope, 0)}, {self.choices.below(2)})"
        return f"{pick(self.choices, ('text_str', 'string_quoted'))}({self.string(scope, depth)})"
