"""Random programs in the script language, typed, so that they compile, and bounded, so that they end.

    generate(Seeded(7), Profile.KERNEL, name="a")   ->   a Program: globals, functions, handlers

Programs never depend on what may differ between the targets: the order of an unsorted foreach, the process they run
in, the clock. Everything else is fair: overflow, division by zero, strings that are cut, side effects inside every
operand, errors inside functions, what remains in globals when a handler ends early.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from .choices import Choices, chance, pick

INTERESTING = (
    0, 1, -1, 2, 3, 7, 10, 63, 64, 65, 100, 255, 256, 4096, -2, -7, 1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32,
    (1 << 32) - 1, (1 << 63) - 1, -(1 << 63), -(1 << 63) + 1, 0x0102030405060708, -1000000007,
)  # fmt: skip
TEXTS = (
    "", "a", "b", "ab", "abc", "hello", "Hello, world", "0", "42", "-17", "0x1fz", "077", "12345678", "a b\\tc",
    "\\n", "%d %s", "\\\"quoted\\\"", "\\\\", "\\377\\200", "zzzzzzzzzzzzzzzz", "abcdefghijklmnopqrstuvwxyz0123456789",
    "the quick brown fox jumps over the lazy dog, and the dog does not mind in the least",
)  # fmt: skip
PATTERNS = ("a", "^a", "b$", "[a-c]+", "x*", "l+o", "(a|b)c", "[0-9]", "^$", "wor.d")
KEYS = ("long", "string", "long, long", "string, long", "long, string", "string, string")
ARITHMETIC = ("+", "-", "*", "&", "|", "^", "/", "%", "<<", ">>", ">>>")
COMPARISON = ("==", "!=", "<", ">", "<=", ">=")
UPDATES = ("+=", "-=", "*=", "&=", "|=", "^=", "/=", "%=", "<<=", ">>=", ">>>=")
ONE_LONG = (
    "htons", "htonl", "htonll", "ntohs", "ntohl", "ntohll", "big_endian2", "big_endian4", "big_endian8",
    "little_endian2", "little_endian4", "little_endian8", "MAJOR", "MINOR", "usrdev2kerndev", "WIFEXITED",
    "WEXITSTATUS", "WTERMSIG", "cputime_to_msecs", "cputime_to_usecs", "errno_p",
)  # fmt: skip
LONG_TO_TEXT = (
    "errno_str", "signal_str", "ip_ntop", "sock_fam_num2str", "sock_prot_num2str", "sock_state_num2str",
    "sock_type_num2str",
)  # fmt: skip
LONG_TO_TEXT_USER = (
    "bytes_to_string", "pages_to_string", "msecs_to_string", "usecs_to_string", "nsecs_to_string",
    "sa_flags_str", "msg_flags_num2str", "sa_handler_str",
)  # fmt: skip
CONVERSIONS = ("%d", "%s", "%x", "%u", "%i", "%c")
RICH_CONVERSIONS = (
    "%5d", "%-5d|", "%05d", "%+d", "% d", "%.3d", "%8.3d", "%#x", "%X", "%#X", "%o", "%#o", "%p", "%12s", "%-12s|",
    "%.2s", "%8.3s", "%2c", "%#c", "%016x", "%1b", "%2b", "%4b", "%8b",
)  # fmt: skip


class Profile(Enum):
    """KERNEL: only what the kernel runs by itself, so that nothing but output is deferred. ANY: the whole language."""

    KERNEL = "kernel"
    ANY = "any"


@dataclass(frozen=True)
class Array:
    name: str
    keys: tuple[str, ...]
    value: str


@dataclass(frozen=True)
class Callee:
    name: str
    parameters: tuple[str, ...]
    returns: str


@dataclass(frozen=True)
class Program:
    """A script, and the names of its globals."""

    lines: tuple[str, ...]
    own_globals: tuple[str, ...]

    def text(self) -> str:
        return "\n".join((*self.lines, ""))


@dataclass
class _Scope:
    """The locals of one body, which of them may be assigned, and where the code stands."""

    longs: list[str]
    strings: list[str]
    in_function: str = ""
    loops: int = 0
    depth: int = 0
    iterated: set[str] = field(default_factory=set)
    next_loop: int = 0


def generate(choices: Choices, profile: Profile, name: str = "t", groups: bool = True) -> Program:
    """Return a program; all its names begin with `name`, so that programs can stand in one script.

    Without `groups` it never asks for the groups of a match: a script that does matches in user space alone.
    """
    return _Generator(choices, profile, name, groups).program()


class _Generator:
    def __init__(self, choices: Choices, profile: Profile, name: str, groups: bool) -> None:
        self.choices = choices
        self.any = profile is Profile.ANY
        self.name = name
        self.groups = groups
        self.long_globals = [f"{name}_g{i}" for i in range(1 + choices.below(3))]
        self.string_globals = [f"{name}_s{i}" for i in range(choices.below(3))]
        self.arrays = [self._array(i) for i in range(choices.below(4))]
        self.statistics = [f"{name}_t{i}" for i in range(choices.below(2))]
        self.statistic_arrays = [Array(f"{name}_ta", ("long",), "stats")] if chance(choices, 4) else []
        self.functions: list[Callee] = []
        self.fuel = 120

    def program(self) -> Program:
        scalars = [*self.long_globals, *self.string_globals]
        declarations = [self._declaration(variable) for variable in scalars]
        declarations += [f"global {array.name}{self._size()}" for array in (*self.arrays, *self.statistic_arrays)]
        declarations += [f"global {statistic}" for statistic in self.statistics]
        for i in range(self.choices.below(3)):
            declarations += self._function(i)
        count = 1 if chance(self.choices, 2) else 1 + self.choices.below(3)
        for number in range(count):
            declarations += self._handler(is_last=number + 1 == count)
        names = (*scalars, *(a.name for a in (*self.arrays, *self.statistic_arrays)), *self.statistics)
        return Program(tuple(declarations), names)

    def _handler(self, is_last: bool) -> list[str]:
        """A kernel handler in `probe begin`, or, where any handler may do, a user handler."""
        self.fuel = max(self.fuel, 50)
        scope = _Scope(["i0", "i1", "i2"], ["s0", "s1"])
        in_user = self.any and not is_last and chance(self.choices, 3)
        first = [f"  {self._assignment(scope)}" for _ in range(self.choices.below(4))]
        body = [*first, *self._block(scope, 3 + self.choices.below(8)), *self._shows(scope)]
        body += self._uses() if is_last else []
        return [f"probe {'timer.s(1000)' if in_user else 'begin'} {{", *body, "}"]

    # ------------------------------------------------------------------------------------------ declarations

    def _array(self, number: int) -> Array:
        keys = tuple(pick(self.choices, KEYS).split(", "))
        return Array(f"{self.name}_a{number}", keys, pick(self.choices, ("long", "long", "string")))

    def _size(self) -> str:
        """The size of an array: small ones overflow, or drop their oldest element."""
        return pick(self.choices, ("[64]", "[64]", "[3]", "%[3]" if self.any else "[1]"))

    def _declaration(self, variable: str) -> str:
        if not chance(self.choices, 3):
            return f"global {variable}"
        is_long = variable in self.long_globals
        value = pick(self.choices, ("1", "-5", "0x7fffffff", "100")) if is_long else f'"{pick(self.choices, TEXTS)}"'
        return f"global {variable} = {value}"

    def _uses(self) -> list[str]:
        """Give every global its type, also where nothing random touched it."""
        lines = [f"  {variable} += 0" for variable in self.long_globals if chance(self.choices, 2)]
        lines += [f"  if ({variable} < 0) println({variable})" for variable in self.long_globals]
        lines += [f'  if ({variable} == "?") println({variable})' for variable in self.string_globals]
        for array in self.arrays:
            keys = ", ".join('"never"' if key == "string" else "-77" for key in array.keys)
            empty = '"?"' if array.value == "string" else "-99"
            lines.append(f"  if ({array.name}[{keys}] == {empty}) println(1)")
        lines += [f"  {statistic} <<< 1" for statistic in self.statistics]
        lines += [f"  {array.name}[1] <<< 1" for array in self.statistic_arrays]
        return lines

    def _function(self, number: int) -> list[str]:
        name = f"{self.name}_f{number}"
        if self.any and chance(self.choices, 5):
            self.functions.append(Callee(name, ("small",), "long"))
            return self._recursive(name)
        parameters = tuple(pick(self.choices, ("long", "string")) for _ in range(self.choices.below(4)))
        returns = pick(self.choices, ("long", "string"))
        overloads = 2 if chance(self.choices, 4) else 1
        lines: list[str] = []
        for overload in range(overloads):
            lines += self._overload(name, parameters, returns, may_pass=overload + 1 < overloads)
        self.functions.append(Callee(name, parameters, returns))
        return lines

    def _overload(self, name: str, parameters: tuple[str, ...], returns: str, may_pass: bool) -> list[str]:
        names = [f"p{i}" for i in range(len(parameters))]
        listed = ", ".join(f"{p}:{kind}" for p, kind in zip(names, parameters, strict=True))
        longs = [p for p, kind in zip(names, parameters, strict=True) if kind == "long"]
        strings = [p for p, kind in zip(names, parameters, strict=True) if kind == "string"]
        scope = _Scope([*longs, "i0"], [*strings, "s0"], in_function=returns)
        body = ["  i0 += 0", '  s0 .= ""']
        body += [f"  {self._assignment(scope)}" for _ in range(self.choices.below(2))]
        if may_pass:
            body.append(f"  if ({self.long(scope, 1)}) next")
        body += self._block(scope, 1 + self.choices.below(3))
        body.append(f"  return {self.value(scope, returns, 2)}")
        return [f"function {name}:{returns}({listed}) {{", *body, "}"]

    def _recursive(self, name: str) -> list[str]:
        step = pick(self.choices, ("n * {}(n - 1)", "{}(n - 1) + n", "1 + {}(n - 2)"))
        return [f"function {name}:long(n:long) {{", "  if (n <= 0) return 1", f"  return {step.format(name)}", "}"]

    # ------------------------------------------------------------------------------------------ statements

    def _block(self, scope: _Scope, count: int) -> list[str]:
        lines: list[str] = []
        scope.depth += 1
        for _ in range(count):
            self.fuel -= 1
            if self.fuel <= 0:
                break
            lines += self._statement(scope)
        scope.depth -= 1
        return ["  " + line for line in lines] or ["  ;"]

    def _statement(self, scope: _Scope) -> list[str]:
        plain: list[Callable[[_Scope], list[str]]] = [
            self._output, self._plain_assignment, self._plain_assignment, self._update, self._update, self._element,
            self._element, self._if, self._delete, self._effect, self._aggregate, self._append, self._increment,
        ]  # fmt: skip
        if scope.depth < 4:
            plain += [self._if, self._try]
        if chance(self.choices, 25):
            return self._leave(scope)
        if self.any:
            plain += [self._raise, self._show_statistic, self._rich_output]
            plain += [self._matched] if self.groups else []
            if scope.depth < 3:
                plain += [self._for, self._while, self._foreach]
        return pick(self.choices, plain)(scope)

    def _output(self, scope: _Scope) -> list[str]:
        if chance(self.choices, 3):
            return [f"println({self.value(scope, self._type(), 2)})"]
        parts = [pick(self.choices, CONVERSIONS) for _ in range(1 + self.choices.below(3))]
        return [self._printf(scope, "printf", parts, "\\n")]

    def _printf(self, scope: _Scope, function: str, parts: list[str], end: str) -> str:
        arguments = [self.value(scope, "string" if part.rstrip("|")[-1] == "s" else "long", 2) for part in parts]
        return f'{function}("{" ".join(parts)}{end}", {", ".join(arguments)})'

    def _rich_output(self, scope: _Scope) -> list[str]:
        parts = [pick(self.choices, RICH_CONVERSIONS) for _ in range(1 + self.choices.below(3))]
        return [self._printf(scope, "printf", parts, "\\n")]

    def _assignment(self, scope: _Scope) -> str:
        kind = self._type()
        return f"{self._scalar(scope, kind)} = {self.value(scope, kind, 3)}"

    def _plain_assignment(self, scope: _Scope) -> list[str]:
        return [self._assignment(scope)]

    def _update(self, scope: _Scope) -> list[str]:
        return [f"{self._scalar(scope, 'long')} {pick(self.choices, UPDATES)} {self.long(scope, 2)}"]

    def _increment(self, scope: _Scope) -> list[str]:
        return [f"{self._place(scope, 'long')}{pick(self.choices, ('++', '--'))}"]

    def _append(self, scope: _Scope) -> list[str]:
        return [f"{self._place(scope, 'string')} .= {self.string(scope, 2)}"]

    def _element(self, scope: _Scope) -> list[str]:
        free = [array for array in self.arrays if array.name not in scope.iterated]
        if not free:
            return self._plain_assignment(scope)
        array = pick(self.choices, free)
        target = f"{array.name}[{self._keys(scope, array)}]"
        if array.value == "string":
            return [f"{target} {pick(self.choices, ('=', '.='))} {self.string(scope, 2)}"]
        return [f"{target} {pick(self.choices, ('=', *UPDATES))} {self.long(scope, 2)}"]

    def _delete(self, scope: _Scope) -> list[str]:
        options = [*self.long_globals, *self.string_globals]
        free = [array for array in self.arrays if array.name not in scope.iterated]
        options += [f"{array.name}[{self._keys(scope, array)}]" for array in free]
        if self.any:
            options += [array.name for array in free] + self.statistics
            options += [f"{a.name}[*, {self.value(scope, a.keys[1], 0)}]" for a in free if len(a.keys) == 2]
        return [f"delete {pick(self.choices, options)}"]

    def _effect(self, scope: _Scope) -> list[str]:
        usable = self._callees()
        return [self._call(scope, pick(self.choices, usable), 2)] if usable else self._increment(scope)

    def _callees(self) -> list[Callee]:
        """What may be called here without the number of calls growing beyond measure."""
        return self.functions if self.fuel > 20 else []

    def _aggregate(self, scope: _Scope) -> list[str]:
        if self.statistic_arrays and chance(self.choices, 2):
            return [f"{self.statistic_arrays[0].name}[{self.small(scope)}] <<< {self.long(scope, 1)}"]
        if not self.statistics:
            return self._update(scope)
        return [f"{pick(self.choices, self.statistics)} <<< {self.long(scope, 2)}"]

    def _if(self, scope: _Scope) -> list[str]:
        lines = [f"if ({self.long(scope, 2)}) {{", *self._block(scope, 1 + self.choices.below(3))]
        if chance(self.choices, 2):
            lines += ["} else {", *self._block(scope, 1 + self.choices.below(2))]
        return [*lines, "}"]

    def _try(self, scope: _Scope) -> list[str]:
        message = f" ({scope.strings[-1]})" if chance(self.choices, 2) else ""
        inner = self._block(scope, 1 + self.choices.below(3))
        return ["try {", *inner, f"}} catch{message} {{", *self._block(scope, 1 + self.choices.below(2)), "}"]

    def _leave(self, scope: _Scope) -> list[str]:
        if scope.loops and chance(self.choices, 2):
            return [f"if ({self.long(scope, 1)}) {pick(self.choices, ('break', 'continue'))}"]
        if scope.in_function:
            return [f"if ({self.long(scope, 1)}) return {self.value(scope, scope.in_function, 1)}"]
        return [f"if ({self.long(scope, 1)}) next"]

    def _raise(self, scope: _Scope) -> list[str]:
        return [f"if ({self.long(scope, 1)}) error({self.string(scope, 1)})"]

    def _matched(self, scope: _Scope) -> list[str]:
        pattern = pick(self.choices, PATTERNS)
        shown = pick(self.choices, ("matched(0)", "ngroups()", "matched(1)"))
        return [f'if ({self.string(scope, 1)} =~ "{pattern}") println({shown})']

    def _loop_block(self, scope: _Scope, count: int) -> list[str]:
        scope.loops += 1
        self.fuel -= 8
        lines = self._block(scope, count)
        scope.loops -= 1
        return lines

    def _for(self, scope: _Scope) -> list[str]:
        scope.next_loop += 1
        counter = f"n{scope.next_loop}"
        head = f"for ({counter} = 0; {counter} < {1 + self.choices.below(6)}; {counter}++) {{"
        return [head, *self._loop_block(scope, 1 + self.choices.below(3)), "}"]

    def _while(self, scope: _Scope) -> list[str]:
        scope.next_loop += 1
        counter = f"n{scope.next_loop}"
        head = [f"{counter} = {1 + self.choices.below(5)}", f"while ({counter}-- > 0) {{"]
        return [*head, *self._loop_block(scope, 1 + self.choices.below(3)), "}"]

    def _foreach(self, scope: _Scope) -> list[str]:
        """Sorted by its only key all the rest is fixed (values may be equal); unsorted, only sums are."""
        if self.statistic_arrays and chance(self.choices, 3):
            name = self.statistic_arrays[0].name
            return [f"foreach (k{pick(self.choices, '+-')} in {name})", f"  println(k, @count({name}[k]))"]
        single = [array for array in self.arrays if len(array.keys) == 1 and array.name not in scope.iterated]
        if single and not chance(self.choices, 4):
            array = pick(self.choices, single)
            key = f"k{len(array.name)}{'s' if array.keys[0] == 'string' else 'n'}"
            limit = f" limit {self.choices.below(4)}" if chance(self.choices, 3) else ""
            own = _Scope([*scope.longs], [*scope.strings], scope.in_function, scope.loops + 1, scope.depth,
                         scope.iterated | {array.name}, scope.next_loop)  # fmt: skip
            order = pick(self.choices, "+-")
            head = [f"foreach ({key}{order} in {array.name}{limit}) {{", f"  println({key}, {array.name}[{key}])"]
            # Functions may change the array while it is iterated over, so the body calls none.
            kept, self.functions = self.functions, []
            lines = [*head, *self._block(own, self.choices.below(2)), "}"]
            self.functions = kept
            scope.next_loop = own.next_loop
            return lines
        longs = [array for array in self.arrays if array.value == "long" and array.name not in scope.iterated]
        if not longs:
            return self._for(scope)
        array = pick(self.choices, longs)
        target = self._scalar(scope, "long")
        keys = ", ".join(f"{'u' if kind == 'string' else 'v'}{i}" for i, kind in enumerate(array.keys))
        return [f"foreach ([{keys}] in {array.name}) {target} += {array.name}[{keys}]"]

    def _show_statistic(self, scope: _Scope) -> list[str]:
        if not self.statistics:
            return self._output(scope)
        name = pick(self.choices, self.statistics)
        shown = pick(
            self.choices,
            ("println(@count({0}), @sum({0}))", "println(@min({0}), @max({0}))", "println(@avg({0}))",
             "println(@variance({0}))", "print(@hist_log({0}))", "print(@hist_linear({0}, 0, 100, 10))",
             "println(@hist_log({0})[64])"),
        )  # fmt: skip
        guard = "" if chance(self.choices, 6) else f"if (@count({name})) "
        return [guard + shown.format(name)]

    def _shows(self, scope: _Scope) -> list[str]:
        longs, strings = " ".join("%d" for _ in scope.longs), "|".join("%s" for _ in scope.strings)
        return [f'  printf("{longs} {strings}\\n", {", ".join((*scope.longs, *scope.strings))})']

    # ----------------------------------------------------------------------------------------- expressions

    def _type(self) -> str:
        return pick(self.choices, ("long", "long", "string"))

    def value(self, scope: _Scope, kind: str, depth: int) -> str:
        if kind == "small":
            return self.small(scope)
        return self.string(scope, depth) if kind == "string" else self.long(scope, depth)

    def small(self, scope: _Scope) -> str:
        return f"({self.long(scope, 1)} & 7)" if chance(self.choices, 2) else str(self.choices.below(8))

    def _scalar(self, scope: _Scope, kind: str) -> str:
        if kind == "string":
            return pick(self.choices, [*scope.strings, *self.string_globals])
        return pick(self.choices, [*scope.longs, *self.long_globals])

    def _place(self, scope: _Scope, kind: str) -> str:
        """A variable or an element of the type."""
        arrays = [a for a in self.arrays if a.value == kind and a.name not in scope.iterated]
        if arrays and chance(self.choices, 2):
            array = pick(self.choices, arrays)
            return f"{array.name}[{self._keys(scope, array)}]"
        return self._scalar(scope, kind)

    def _keys(self, scope: _Scope, array: Array) -> str:
        return ", ".join(self._key(scope, kind) for kind in array.keys)

    def _key(self, scope: _Scope, kind: str) -> str:
        if chance(self.choices, 6):
            return self.value(scope, kind, 1)
        if kind == "string":
            return pick(self.choices, ('"a"', '"b"', '"hello"', *scope.strings))
        return pick(self.choices, ("0", "1", "2", *scope.longs))

    def _call(self, scope: _Scope, callee: Callee, depth: int) -> str:
        self.fuel -= 6
        arguments = ", ".join(self.value(scope, kind, depth - 1) for kind in callee.parameters)
        return f"{callee.name}({arguments})"

    def long(self, scope: _Scope, depth: int) -> str:
        """Return an expression of type long, in parentheses unless it is one word."""
        if depth <= 0 or chance(self.choices, 5):
            return self._long_leaf(scope)
        forms: list[Callable[[_Scope, int], str]] = [
            self._arithmetic, self._arithmetic, self._arithmetic, self._comparison, self._text_comparison,
            self._logical, self._long_conditional, self._long_unary, self._long_nested, self._long_step, self._contains,
            self._long_builtin, self._text_builtin, self._long_call, self._match,
        ]  # fmt: skip
        if self.any:
            forms.append(self._count)
        return pick(self.choices, forms)(scope, depth - 1)

    def _long_leaf(self, scope: _Scope) -> str:
        which = self.choices.below(4)
        if which == 0:
            value = pick(self.choices, INTERESTING)
            return f"({value})" if -(1 << 63) < value < 0 else (str(value) if value >= 0 else "0x8000000000000000")
        if which == 1:
            return str(self.choices.below(12))
        return self._scalar(scope, "long") if which == 2 else self._place(scope, "long")

    def _arithmetic(self, scope: _Scope, depth: int) -> str:
        operator = pick(self.choices, ARITHMETIC)
        right = self.long(scope, depth)
        if operator in "/%" and not chance(self.choices, 4):
            right = f"({right} | 1)"  # the errors alone would end most programs early
        return f"({self.long(scope, depth)} {operator} {right})"

    def _comparison(self, scope: _Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} {pick(self.choices, COMPARISON)} {self.long(scope, depth)})"

    def _text_comparison(self, scope: _Scope, depth: int) -> str:
        return f"({self.string(scope, depth)} {pick(self.choices, COMPARISON)} {self.string(scope, depth)})"

    def _logical(self, scope: _Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} {pick(self.choices, ('&&', '||'))} {self.long(scope, depth)})"

    def _long_conditional(self, scope: _Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} ? {self.long(scope, depth)} : {self.long(scope, depth)})"

    def _long_unary(self, scope: _Scope, depth: int) -> str:
        return f"({pick(self.choices, '-!~')}{self.long(scope, depth)})"

    def _long_nested(self, scope: _Scope, depth: int) -> str:
        operator = pick(self.choices, ("=", "=", *UPDATES))
        return f"({self._place(scope, 'long')} {operator} {self.long(scope, depth)})"

    def _long_step(self, scope: _Scope, depth: int) -> str:
        place, sign = self._place(scope, "long"), pick(self.choices, ("++", "--"))
        return f"({place}{sign})" if chance(self.choices, 2) else f"({sign}{place})"

    def _contains(self, scope: _Scope, depth: int) -> str:
        if not self.arrays:
            return self._comparison(scope, depth)
        array = pick(self.choices, self.arrays)
        return f"([{self._keys(scope, array)}] in {array.name})"

    def _long_builtin(self, scope: _Scope, depth: int) -> str:
        return f"{pick(self.choices, ONE_LONG)}({self.long(scope, depth)})"

    def _text_builtin(self, scope: _Scope, depth: int) -> str:
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
        needle = self.string(scope, depth) if self.any else f'"{pick(self.choices, TEXTS[:16])}"'
        return f"{pick(self.choices, ('isinstr', 'strpos'))}({text}, {needle})"

    def _long_call(self, scope: _Scope, depth: int) -> str:
        usable = [callee for callee in self._callees() if callee.returns == "long"]
        return self._call(scope, pick(self.choices, usable), depth) if usable else self._arithmetic(scope, depth)

    def _match(self, scope: _Scope, depth: int) -> str:
        operator, pattern = pick(self.choices, ("=~", "!~")), pick(self.choices, PATTERNS)
        return f'({self.string(scope, depth)} {operator} "{pattern}")'

    def _count(self, scope: _Scope, depth: int) -> str:
        if not self.statistics:
            return self._arithmetic(scope, depth)
        return f"{pick(self.choices, ('@count', '@sum'))}({pick(self.choices, self.statistics)})"

    def string(self, scope: _Scope, depth: int) -> str:
        """Return an expression of type string."""
        if depth <= 0 or chance(self.choices, 5):
            return self._string_leaf(scope)
        forms: list[Callable[[_Scope, int], str]] = [
            self._joined, self._joined, self._string_conditional, self._substr, self._sprintf, self._string_nested,
            self._table_text, self._string_call,
        ]  # fmt: skip
        if self.any:
            forms += [self._user_text, self._rich_sprintf]
        return pick(self.choices, forms)(scope, depth - 1)

    def _string_leaf(self, scope: _Scope) -> str:
        which = self.choices.below(3)
        if which == 0:
            return f'"{pick(self.choices, TEXTS)}"'
        return self._scalar(scope, "string") if which == 1 else self._place(scope, "string")

    def _joined(self, scope: _Scope, depth: int) -> str:
        return f"({self.string(scope, depth)} . {self.string(scope, depth)})"

    def _string_conditional(self, scope: _Scope, depth: int) -> str:
        return f"({self.long(scope, depth)} ? {self.string(scope, depth)} : {self.string(scope, depth)})"

    def _substr(self, scope: _Scope, depth: int) -> str:
        text, start, length = self.string(scope, depth), self.long(scope, 0), self.long(scope, 0)
        if chance(self.choices, 2):
            start, length = str(self.choices.below(5)), str(self.choices.below(20))
        return f"substr({text}, {start}, {length})"

    def _sprintf(self, scope: _Scope, depth: int) -> str:
        parts = [pick(self.choices, CONVERSIONS) for _ in range(1 + self.choices.below(2))]
        arguments = [self.value(scope, "string" if part[-1] == "s" else "long", depth) for part in parts]
        return f'sprintf("{pick(self.choices, ("", "<", "n="))}{"/".join(parts)}", {", ".join(arguments)})'

    def _rich_sprintf(self, scope: _Scope, depth: int) -> str:
        return self._printf(scope, "sprintf", [pick(self.choices, RICH_CONVERSIONS)], "")

    def _string_nested(self, scope: _Scope, depth: int) -> str:
        return f"({self._place(scope, 'string')} {pick(self.choices, ('=', '.='))} {self.string(scope, depth)})"

    def _table_text(self, scope: _Scope, depth: int) -> str:
        return f"{pick(self.choices, LONG_TO_TEXT)}({self.long(scope, depth)})"

    def _string_call(self, scope: _Scope, depth: int) -> str:
        usable = [callee for callee in self._callees() if callee.returns == "string"]
        return self._call(scope, pick(self.choices, usable), depth) if usable else self._joined(scope, depth)

    def _user_text(self, scope: _Scope, depth: int) -> str:
        which = self.choices.below(5)
        if which == 0:
            return f"{pick(self.choices, LONG_TO_TEXT_USER)}({self.long(scope, depth)})"
        if which == 1:
            return f"str_replace({self.string(scope, depth)}, {self.string(scope, 0)}, {self.string(scope, 0)})"
        if which == 2:
            return f"text_strn({self.string(scope, depth)}, {self.long(scope, 0)}, {self.choices.below(2)})"
        return f"{pick(self.choices, ('text_str', 'string_quoted'))}({self.string(scope, depth)})"
