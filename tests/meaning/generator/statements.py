"""Random statements: blocks, loops that end, assignments, output."""

from __future__ import annotations

from collections.abc import Callable

from ..choices import chance, pick
from .expressions import Expressions
from .state import Scope, State
from .vocabulary import CONVERSIONS, PATTERNS, RICH_CONVERSIONS, UPDATES


class Statements:
    """Makes statements over the names of a program."""

    def __init__(self, state: State, expressions: Expressions) -> None:
        self.state = state
        self.expressions = expressions
        self.choices = state.choices

    def block(self, scope: Scope, count: int) -> list[str]:
        lines: list[str] = []
        scope.depth += 1
        for _ in range(count):
            self.state.fuel -= 1
            if self.state.fuel <= 0:
                break
            lines += self._statement(scope)
        scope.depth -= 1
        return ["  " + line for line in lines] or ["  ;"]

    def _statement(self, scope: Scope) -> list[str]:
        plain: list[Callable[[Scope], list[str]]] = [
            self._output, self._plain_assignment, self._plain_assignment, self._update, self._update, self._element,
            self._element, self._if, self._delete, self._effect, self._aggregate, self._append, self._increment,
        ]  # fmt: skip
        if scope.depth < 4:
            plain += [self._if, self._try, self._found]
        if chance(self.choices, 25):
            return self._leave(scope)
        if self.state.any:
            plain += [self._raise, self._show_statistic, self._rich_output, self._user_assignment]
            plain += [self._user_assignment] if scope.depth < 3 else []
            plain += [self._matched] if self.state.groups else []
            if scope.depth < 3:
                plain += [self._for, self._while, self._foreach]
        return pick(self.choices, plain)(scope)

    def _output(self, scope: Scope) -> list[str]:
        if chance(self.choices, 3):
            return [f"println({self.expressions.value(scope, self.expressions.some_type(), 2)})"]
        parts = [pick(self.choices, CONVERSIONS) for _ in range(1 + self.choices.below(3))]
        return [self.expressions.printf(scope, "printf", parts, "\\n")]

    def _rich_output(self, scope: Scope) -> list[str]:
        parts = [pick(self.choices, RICH_CONVERSIONS) for _ in range(1 + self.choices.below(3))]
        return [self.expressions.printf(scope, "printf", parts, "\\n")]

    def assignment(self, scope: Scope) -> str:
        kind = self.expressions.some_type()
        return f"{self.expressions.scalar(scope, kind)} = {self.expressions.value(scope, kind, 3)}"

    def _plain_assignment(self, scope: Scope) -> list[str]:
        return [self.assignment(scope)]

    def _user_assignment(self, scope: Scope) -> list[str]:
        """A value of user space that handlers go on behind in the kernel, until they need it."""
        return [f"{pick(self.choices, scope.strings)} = {self.expressions.user_text(scope, 2)}"]

    def _update(self, scope: Scope) -> list[str]:
        return [
            f"{self.expressions.scalar(scope, 'long')} {pick(self.choices, UPDATES)} {self.expressions.long(scope, 2)}"
        ]

    def _increment(self, scope: Scope) -> list[str]:
        return [f"{self.expressions.place(scope, 'long')}{pick(self.choices, ('++', '--'))}"]

    def _append(self, scope: Scope) -> list[str]:
        return [f"{self.expressions.place(scope, 'string')} .= {self.expressions.string(scope, 2)}"]

    def _element(self, scope: Scope) -> list[str]:
        free = [array for array in self.state.arrays if array.name not in scope.iterated]
        if not free:
            return self._plain_assignment(scope)
        array = pick(self.choices, free)
        target = f"{array.name}[{self.expressions.keys(scope, array)}]"
        if array.value == "string":
            return [f"{target} {pick(self.choices, ('=', '.='))} {self.expressions.string(scope, 2)}"]
        return [f"{target} {pick(self.choices, ('=', *UPDATES))} {self.expressions.long(scope, 2)}"]

    def _delete(self, scope: Scope) -> list[str]:
        options = [*self.state.long_globals, *self.state.string_globals]
        free = [array for array in self.state.arrays if array.name not in scope.iterated]
        options += [f"{array.name}[{self.expressions.keys(scope, array)}]" for array in free]
        if self.state.any:
            options += [array.name for array in free] + self.state.statistics
            options += [f"{a.name}[*, {self.expressions.value(scope, a.keys[1], 0)}]" for a in free if len(a.keys) == 2]
        return [f"delete {pick(self.choices, options)}"]

    def _effect(self, scope: Scope) -> list[str]:
        usable = self.expressions.callees()
        return [self.expressions.call(scope, pick(self.choices, usable), 2)] if usable else self._increment(scope)

    def _aggregate(self, scope: Scope) -> list[str]:
        if self.state.statistic_arrays and chance(self.choices, 2):
            element = f"{self.state.statistic_arrays[0].name}[{self.expressions.small(scope)}]"
            return [f"{element} <<< {self.expressions.long(scope, 1)}"]
        if not self.state.statistics:
            return self._update(scope)
        return [f"{pick(self.choices, self.state.statistics)} <<< {self.expressions.long(scope, 2)}"]

    def _if(self, scope: Scope) -> list[str]:
        lines = [f"if ({self.expressions.long(scope, 2)}) {{", *self.block(scope, 1 + self.choices.below(3))]
        if chance(self.choices, 2):
            lines += ["} else {", *self.block(scope, 1 + self.choices.below(2))]
        return [*lines, "}"]

    def _found(self, scope: Scope) -> list[str]:
        """The branch of a condition on an element, which it reads before and behind what may change it."""
        free = [array for array in self.state.arrays if array.name not in scope.iterated]
        if not free:
            return self._if(scope)
        array = pick(self.choices, free)
        keys = self.expressions.keys(scope, array)
        element = f"{array.name}[{keys}]"
        read = f"  {self.expressions.scalar(scope, array.value)} = {element}"
        end = [f"  delete {element}"] if chance(self.choices, 2) else [read]
        inner = self.block(scope, self.choices.below(3))
        return [f"if ([{keys}] in {array.name}) {{", read, *inner, read, *end, "}"]

    def _try(self, scope: Scope) -> list[str]:
        message = f" ({scope.strings[-1]})" if chance(self.choices, 2) else ""
        inner = self.block(scope, 1 + self.choices.below(3))
        return ["try {", *inner, f"}} catch{message} {{", *self.block(scope, 1 + self.choices.below(2)), "}"]

    def _leave(self, scope: Scope) -> list[str]:
        if scope.loops and chance(self.choices, 2):
            return [f"if ({self.expressions.long(scope, 1)}) {pick(self.choices, ('break', 'continue'))}"]
        if scope.in_function:
            return [
                f"if ({self.expressions.long(scope, 1)}) return {self.expressions.value(scope, scope.in_function, 1)}"
            ]
        return [f"if ({self.expressions.long(scope, 1)}) next"]

    def _raise(self, scope: Scope) -> list[str]:
        return [f"if ({self.expressions.long(scope, 1)}) error({self.expressions.string(scope, 1)})"]

    def _matched(self, scope: Scope) -> list[str]:
        pattern = pick(self.choices, PATTERNS)
        shown = pick(self.choices, ("matched(0)", "ngroups()", "matched(1)"))
        return [f'if ({self.expressions.string(scope, 1)} =~ "{pattern}") println({shown})']

    def _loop_block(self, scope: Scope, count: int) -> list[str]:
        scope.loops += 1
        self.state.fuel -= 8
        lines = self.block(scope, count)
        scope.loops -= 1
        return lines

    def _for(self, scope: Scope) -> list[str]:
        scope.next_loop += 1
        counter = f"n{scope.next_loop}"
        head = f"for ({counter} = 0; {counter} < {1 + self.choices.below(6)}; {counter}++) {{"
        return [head, *self._loop_block(scope, 1 + self.choices.below(3)), "}"]

    def _while(self, scope: Scope) -> list[str]:
        scope.next_loop += 1
        counter = f"n{scope.next_loop}"
        head = [f"{counter} = {1 + self.choices.below(5)}", f"while ({counter}-- > 0) {{"]
        return [*head, *self._loop_block(scope, 1 + self.choices.below(3)), "}"]

    def _foreach(self, scope: Scope) -> list[str]:
        """Sorted by its only key all the rest is fixed (values may be equal); unsorted, only sums are."""
        if self.state.statistic_arrays and chance(self.choices, 3):
            name = self.state.statistic_arrays[0].name
            return [f"foreach (k{pick(self.choices, '+-')} in {name})", f"  println(k, @count({name}[k]))"]
        single = [array for array in self.state.arrays if len(array.keys) == 1 and array.name not in scope.iterated]
        if single and not chance(self.choices, 4):
            array = pick(self.choices, single)
            key = f"k{len(array.name)}{'s' if array.keys[0] == 'string' else 'n'}"
            limit = f" limit {self.choices.below(4)}" if chance(self.choices, 3) else ""
            own = Scope([*scope.longs], [*scope.strings], scope.in_function, scope.loops + 1, scope.depth,
                         scope.iterated | {array.name}, scope.next_loop)  # fmt: skip
            order = pick(self.choices, "+-")
            head = [f"foreach ({key}{order} in {array.name}{limit}) {{", f"  println({key}, {array.name}[{key}])"]
            # Functions may change the array while it is iterated over, so the body calls none.
            kept, self.state.functions = self.state.functions, []
            lines = [*head, *self.block(own, self.choices.below(2)), "}"]
            self.state.functions = kept
            scope.next_loop = own.next_loop
            return lines
        longs = [array for array in self.state.arrays if array.value == "long" and array.name not in scope.iterated]
        if not longs:
            return self._for(scope)
        array = pick(self.choices, longs)
        target = self.expressions.scalar(scope, "long")
        keys = ", ".join(f"{'u' if kind == 'string' else 'v'}{i}" for i, kind in enumerate(array.keys))
        return [f"foreach ([{keys}] in {array.name}) {target} += {array.name}[{keys}]"]

    def _show_statistic(self, scope: Scope) -> list[str]:
        if not self.state.statistics:
            return self._output(scope)
        name = pick(self.choices, self.state.statistics)
        shown = pick(
            self.choices,
            ("println(@count({0}), @sum({0}))", "println(@min({0}), @max({0}))", "println(@avg({0}))",
             "println(@variance({0}))", "print(@hist_log({0}))", "print(@hist_linear({0}, 0, 100, 10))",
             "println(@hist_log({0})[64])"),
        )  # fmt: skip
        guard = "" if chance(self.choices, 6) else f"if (@count({name})) "
        return [guard + shown.format(name)]

    def shows(self, scope: Scope) -> list[str]:
        longs, strings = " ".join("%d" for _ in scope.longs), "|".join("%s" for _ in scope.strings)
        return [f'  printf("{longs} {strings}\\n", {", ".join((*scope.longs, *scope.strings))})']
