"""The syntax tree of a script, as the parser leaves it: no names resolved, no types.

Every node is immutable and has a `span`. `printer.py` turns a tree back into script text. The names follow the
language reference of SystemTap.
"""

from __future__ import annotations

from ..lean import Literal
from ..records import dataclass
from ..source import SourceFile, Span

TypeName = Literal["long", "string"]
UnaryOperator = Literal["-", "+", "!", "~"]
BinaryOperator = Literal[
    "*", "/", "%", "+", "-", ".", "<<", ">>", ">>>", "<", ">", "<=", ">=", "==", "!=", "=~", "!~",
    "&", "^", "|", "&&", "||",
]  # fmt: skip
AssignOperator = Literal["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", ">>>=", "&=", "^=", "|=", ".=", "<<<"]
IncrementOperator = Literal["++", "--"]
Extractor = Literal["count", "sum", "min", "max", "avg", "variance"]
HistogramFunction = Literal["hist_log", "hist_linear"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node:
    """What every node has: the place in the script that it was written at."""

    span: Span


# ---------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class Number(Node):
    """An integer literal; `value` is its signed 64-bit value."""

    value: int


@dataclass(frozen=True, slots=True, eq=False)
class String(Node):
    """A string literal, escapes resolved. One character is one byte (text outside ASCII: its UTF-8 bytes)."""

    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A variable: global, local, parameter or one that a probe alias offers."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard(Node):
    """The `*` in place of one key of an array slice."""


@dataclass(frozen=True, slots=True, eq=False)
class Element(Node):
    """`a[x, y]`: an element of an array, or a slice when a key is a Wildcard."""

    array: Name
    keys: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """`-a`, `+a`, `!a`, `~a`."""

    operator: UnaryOperator
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    """Arithmetic, bits, comparison, logic, concatenation, and matching of a regular expression."""

    operator: BinaryOperator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    """`condition ? yes : no`."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Assign(Node):
    """`target operator value`; the operator is `=`, `<<<` or a compound one."""

    operator: AssignOperator
    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Increment(Node):
    """`++x`, `x++`, `--x`, `x--`."""

    operator: IncrementOperator
    prefix: bool
    target: Expression


@dataclass(frozen=True, slots=True, eq=False)
class In(Node):
    """`[x, y] in a`; a key may be a Wildcard."""

    keys: tuple[Expression, ...]
    array: Name | HistogramOf


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """`name(arguments)`. The print family is not here but in Print."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Print(Node):
    """One of the print family: `print println printd printdln printf` and their `sprint` forms.

    `arguments` are all that stand in the parentheses, the format or delimiter among them.
    """

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StatisticOf(Node):
    """`@count(x)`, `@sum(x)`, `@min(x)`, `@max(x)`, `@avg(x)`, `@variance(x, shift)`."""

    function: Extractor
    statistic: Expression
    parameters: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class HistogramOf(Node):
    """`@hist_log(x)` or `@hist_linear(x, low, high, width)`: printed, indexed or iterated."""

    function: HistogramFunction
    statistic: Expression
    parameters: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Bucket(Node):
    """`@hist_log(x)[n]`: the count of one histogram bucket."""

    histogram: HistogramOf
    keys: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`->name` of a target variable or a typed pointer."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Subscript(Node):
    """`[index]` of a target variable or a typed pointer."""

    index: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Pretty(Node):
    """The `$` or `$$` that ends a target variable and asks for all its members as text (`depth` 1 or 2)."""

    depth: Literal[1, 2]


PathStep = Member | Subscript | Pretty


@dataclass(frozen=True, slots=True, eq=False)
class TargetVariable(Node):
    """`$name->member[index]$`, `$$vars`; `name` has its leading `$` or `$$`. `address_of` marks `&$name`."""

    name: str
    path: tuple[PathStep, ...] = ()
    address_of: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AtVar(Node):
    """`@var("name@unit", "module")->path`; the arguments are literal strings."""

    name: String
    module: String | None = None
    path: tuple[PathStep, ...] = ()
    address_of: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Cast(Node):
    """`@cast(pointer, "type", "module")->path`."""

    operand: Expression
    type_name: String
    module: String | None = None
    path: tuple[PathStep, ...] = ()
    address_of: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PathOf(Node):
    """`expression->member[index]`: following a pointer whose type is inferred (a script variable, a call).

    `&x` and `&f(y)` have no path: the address of what is no target variable, for elaboration to refuse.
    """

    base: Expression
    path: tuple[PathStep, ...]
    address_of: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AtFunction(Node):
    """The remaining operators written `@name(...)`, their arguments as they stand.

    `defined probewrite const enum entry perf kderef uderef kregister uregister choose_defined probe errno` and their
    like; `errno` and others without parentheses have no arguments.
    """

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedExpression(Node):
    """`%{ C text %}` used as an expression."""

    text: str


Expression = (
    Number | String | Name | Wildcard | Element | Unary | Binary | Conditional | Assign | Increment | In | Call | Print
    | StatisticOf | HistogramOf | Bucket | TargetVariable | AtVar | Cast | PathOf | AtFunction | EmbeddedExpression
)  # fmt: skip


# ----------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, eq=False)
class Block(Node):
    """`{ ... }`."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Empty(Node):
    """A lone `;`."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionStatement(Node):
    expression: Expression


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    condition: Expression
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True, slots=True, eq=False)
class While(Node):
    condition: Expression
    body: Statement


@dataclass(frozen=True, slots=True, eq=False)
class For(Node):
    """`for (start; condition; step) body`; an absent part is None."""

    start: Expression | None
    condition: Expression | None
    step: Expression | None
    body: Statement


@dataclass(frozen=True, slots=True, eq=False)
class ForeachKey(Node):
    """One loop variable of a foreach; `sort` is +1 for `+`, -1 for `-`, 0 for neither."""

    name: str
    sort: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Foreach(Node):
    """`foreach (value = [k1, k2+] in array[slice] sort limit n) body`.

    `sort` is the direction behind the array's (or the value variable's) name, `sort_by` the extractor
    (`@count` ...: "count") that it sorts by when the array holds statistics. A `*` in `slice` is a Wildcard.
    """

    value: Name | None
    keys: tuple[ForeachKey, ...]
    array: Name | HistogramOf
    slice: tuple[Expression, ...]
    sort: int
    sort_by: Extractor | None
    limit: Expression | None
    body: Statement


@dataclass(frozen=True, slots=True, eq=False)
class Return(Node):
    value: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Delete(Node):
    """`delete x`, `delete a[k]`, `delete a[k, *]`, `delete a`."""

    target: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Next(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Break(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Continue(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class TryCatch(Node):
    """`try { } catch (message) { }`; `message` is the name of the variable that gets the text, or None."""

    body: Block
    message: Name | None
    handler: Block


Statement = (
    Block | Empty | ExpressionStatement | If | While | For | Foreach | Return | Delete | Next | Break | Continue
    | TryCatch
)  # fmt: skip


# --------------------------------------------------------------------------------------------- probe points


@dataclass(frozen=True, slots=True, eq=False)
class PointComponent(Node):
    """One part of a probe point, `function("vfs_*")`: its name (may hold wildcards) and its literal argument."""

    name: str
    argument: Number | String | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ProbePoint(Node):
    """`kernel.function("x").return ? if (condition)`; braces are expanded already, one ProbePoint each.

    `optional` is set by `?`, `sufficient` by `!` (which implies optional).
    """

    components: tuple[PointComponent, ...]
    optional: bool = False
    sufficient: bool = False
    condition: Expression | None = None


# ----------------------------------------------------------------------------------------------- top level


@dataclass(frozen=True, slots=True, eq=False)
class GlobalVariable(Node):
    """One declared global: `name[size]%= initialiser`.

    `size` is the declared number of elements or None, `wraps` is true for `%` (the oldest element makes room).
    """

    name: str
    size: int | None = None
    wraps: bool = False
    initialiser: Number | String | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class GlobalDeclaration(Node):
    variables: tuple[GlobalVariable, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Node):
    name: str
    type: TypeName | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedC(Node):
    """The text between `%{` and `%}` at top level or as the body of a function."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDeclaration(Node):
    """`private function name:type (parameters) : priority { body }`."""

    name: str
    parameters: tuple[Parameter, ...]
    return_type: TypeName | None
    body: Block | EmbeddedC
    priority: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ProbeDeclaration(Node):
    """`probe point, point { body }`."""

    points: tuple[ProbePoint, ...]
    body: Block


@dataclass(frozen=True, slots=True, eq=False)
class AliasDeclaration(Node):
    """`probe names = points { body }` (body runs first) or `probe names += points { body }` (body runs last).

    `probe names = points { body }, { epilogue_body }` has both; `epilogue` is false then. `names` has several for
    `probe a = b = points`.
    """

    names: tuple[ProbePoint, ...]
    epilogue: bool
    points: tuple[ProbePoint, ...]
    body: Block
    epilogue_body: Block | None = None


Item = GlobalDeclaration | FunctionDeclaration | ProbeDeclaration | AliasDeclaration | EmbeddedC


@dataclass(frozen=True, slots=True, eq=False)
class ScriptFile:
    """A parsed file, its items in the order of the text."""

    source: SourceFile
    items: tuple[Item, ...]
