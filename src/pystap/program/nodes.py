"""The resolved program: every name is a symbol, every expression has a type and, for strings, a width.

Expressions are `Expression` subclasses of a closed set; `type` and `width` are filled in by inference (`width` is the
longest string in bytes, without NUL). Both code generators match these classes exhaustively.

Statement and expression order is evaluation order: operands left to right, as written.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Enum, Literal, Mapping
from ..records import dataclass, field
from ..source import Span
from .symbols import Global, Local
from .types import Type
from .user_memory import UserRead

if TYPE_CHECKING:
    from .attach import Syscalls
    from .builtins import Builtin


UpdateOperator = Literal["*", "/", "%", "+", "-", ".", "<<", ">>", ">>>", "&", "^", "|"]
BinaryOperator = UpdateOperator | Literal["<", ">", "<=", ">=", "==", "!="]


@dataclass(eq=False, slots=True, kw_only=True)
class Node:
    span: Span


@dataclass(eq=False, slots=True, kw_only=True)
class TypedNode(Node):
    type: Type = Type.UNKNOWN
    width: int = 0


# ---------------------------------------------------------------------------------------------- expressions


@dataclass(eq=False, slots=True)
class Constant(TypedNode):
    """A literal: an int (signed 64 bit) or a string of one character per byte."""

    value: int | str


@dataclass(eq=False, slots=True)
class LocalValue(TypedNode):
    local: Local


@dataclass(eq=False, slots=True)
class GlobalValue(TypedNode):
    """A scalar global (of type STATISTIC only as the operand of a statistic operation)."""

    variable: Global


@dataclass(eq=False, slots=True)
class ElementValue(TypedNode):
    """An element of an array; reading a missing one gives 0 or "" and does not create it.

    A key of None is the `*` of a slice and stands only in Delete and Contains.
    """

    array: Global
    keys: list[Expression | None]


@dataclass(eq=False, slots=True)
class Unary(TypedNode):
    """`-` and `~` wrap to 64 bits; `!` gives 0 or 1."""

    operator: Literal["-", "!", "~"]
    operand: Expression


@dataclass(eq=False, slots=True)
class Binary(TypedNode):
    """Arithmetic and comparison. Comparison takes two longs or two strings and gives 0 or 1.

    Arithmetic wraps to signed 64 bits; `/` and `%` truncate toward zero and raise "division by 0"; shift counts are
    taken modulo 64, `>>` keeps the sign, `>>>` does not. `.` concatenates.
    """

    operator: BinaryOperator
    left: Expression
    right: Expression


@dataclass(eq=False, slots=True)
class Logical(TypedNode):
    """`&&` and `||`: the right side is evaluated only when it decides; the value is 0 or 1."""

    operator: Literal["&&", "||"]
    left: Expression
    right: Expression


@dataclass(eq=False, slots=True)
class Match(TypedNode):
    """`text =~ "pattern"` (1 when it matches) and `!~`; sets what matched() and ngroups() give."""

    text: Expression
    pattern: str
    negated: bool


@dataclass(eq=False, slots=True)
class Conditional(TypedNode):
    condition: Expression
    yes: Expression
    no: Expression


@dataclass(eq=False, slots=True)
class Contains(TypedNode):
    """`[k] in a`; a key of None is a `*`."""

    array: Global
    keys: list[Expression | None]


Assignable = LocalValue | GlobalValue | ElementValue


@dataclass(eq=False, slots=True)
class Assign(TypedNode):
    """`target = value`; the expression's value is the value assigned."""

    target: Assignable
    value: Expression


@dataclass(eq=False, slots=True)
class Update(TypedNode):
    """`target op= value`, `target++`: reads, combines, writes. Its value is the old or the new one.

    The keys of an element are evaluated once, then `value`, then the target is read and written.
    """

    target: Assignable
    operator: UpdateOperator
    value: Expression
    gives_old: bool = False


@dataclass(eq=False, slots=True)
class Aggregate(TypedNode):
    """`target <<< value`."""

    target: GlobalValue | ElementValue
    value: Expression


@dataclass(eq=False, slots=True)
class StatisticOf(TypedNode):
    """`@count(x)` and its like. Reading an empty statistic raises an error except for count and sum."""

    function: Literal["count", "sum", "min", "max", "avg", "variance"]
    statistic: GlobalValue | ElementValue
    shift: int = 0


@dataclass(eq=False, slots=True)
class HistogramText(TypedNode):
    """`@hist_log(x)` as print() shows it. `shape` is ("hist_log",) or ("hist_linear", low, high, width)."""

    shape: tuple[str | int, ...]
    statistic: GlobalValue | ElementValue


@dataclass(eq=False, slots=True)
class BucketValue(TypedNode):
    """`@hist_log(x)[value]`: the count of the bucket that `value` names."""

    shape: tuple[str | int, ...]
    statistic: GlobalValue | ElementValue
    bucket: Expression


@dataclass(eq=False, slots=True)
class FunctionCall(TypedNode):
    function: Function
    arguments: list[Expression]


@dataclass(eq=False, slots=True)
class BuiltinCall(TypedNode):
    """A call of a declared built-in.

    `kernel_form` is the expression that gives the same value in a kernel handler when the row declares one.
    """

    builtin: Builtin
    arguments: list[Expression]
    kernel_form: Expression | None = None


@dataclass(eq=False, slots=True)
class FormatPiece:
    """One piece of a format: literal text, or a conversion of the next argument.

    `conversion` is one of `d i u x X o p s c b m M n` or "" for text (then `text` holds it). `flags` holds any of
    `-+ #0`; `size` is the number of bytes for b, m and M (1, 2, 4, 8; 0 default). Width and precision are an int, None,
    or "*" (taken from the arguments, in front of the value).
    """

    conversion: str
    text: str = ""
    flags: str = ""
    width: int | Literal["*"] | None = None
    precision: int | Literal["*"] | None = None
    size: int = 0


@dataclass(eq=False, slots=True)
class Format(TypedNode):
    """The whole print family after its format was read: text built from pieces and arguments.

    `to_output` true: it is written to the output and has no value; false (the sprint forms): its value is the text.
    """

    pieces: list[FormatPiece]
    arguments: list[Expression]
    to_output: bool


class ContextKind(Enum):
    """What a kernel program finds in the context that it is called with."""

    SYSCALL_NUMBER = "syscall number"
    SYSCALL_ARGUMENT = "syscall argument"  # index 0 to 5, the raw 64-bit register
    SYSCALL_RETURN = "syscall return value"
    CURRENT_TASK = "current task_struct"  # its address
    CURRENT_THREAD = "current thread"  # the process's id above 32 bits of its own
    COOKIE = "attach cookie"
    ARGUMENT = "argument"  # index 0 on: of a function (as its register has it) or of a tracepoint
    RETURN_VALUE = "return value"  # of a function, the whole register
    PERF_COUNTER = "perf counter"  # index is its place among the script's counters
    REGISTER = "register"  # of the code that was interrupted: index is its 8-byte word in struct pt_regs
    LOADED_AT = "loaded at"  # name is "" for the kernel's text, "module:section" for a section of a module
    FRAME = "frame"  # of a function's call: the same number at its entry and its return, other calls of the task differ
    POINT = "point"  # which of the places that the handler serves: its number in the attach specification
    KERNEL_STACK = "kernel stack"  # the number that stands for it (abi/stack_records), 0 for none
    USER_STACK = "user stack"  # the same for the current process's stack
    USER_ADDRESS = "user instruction"  # where the current process is in user mode, 0 for a kernel thread
    ADDRESS_SPACE = "address space"  # the number of the current process's memory (abi/stack_records), 0 for none


@dataclass(eq=False, slots=True)
class ContextValue(TypedNode):
    kind: ContextKind
    index: int = 0
    name: str = ""


@dataclass(eq=False, slots=True)
class TableText(TypedNode):
    """A string taken from a constant table by an index; outside the table it is `otherwise` (a format of the index)."""

    table: tuple[str, ...]
    index: Expression
    otherwise: str = ""


@dataclass(eq=False, slots=True)
class ReadMemory(TypedNode):
    """The integer of `size` bytes at `address` (+ `offset`) of kernel or user memory.

    A bad address gives `otherwise`, or raises an error where there is none.
    """

    address: Expression
    offset: int
    size: Literal[1, 2, 4, 8]
    signed: bool
    user: bool = False
    otherwise: int | None = None


@dataclass(eq=False, slots=True)
class ReadString(TypedNode):
    """The string at `address` of kernel or user memory, at most `limit` bytes.

    A bad address gives `otherwise`, or raises an error where there is none.
    """

    address: Expression
    limit: int
    user: bool = False
    otherwise: Expression | None = None


@dataclass(eq=False, slots=True)
class ReadBlock(TypedNode):
    """User memory that a decoder in user space needs, read at the probe hit (program/user_memory.py).

    `plans` has the reads for each value that `call` may have; a value without a plan reads nothing. `arguments` are
    what the plans' reads refer to by number. It stands only as an argument of a built-in that runs in user space; its
    value is the block's bytes, and it is sent with its own length.
    """

    call: Expression
    plans: Mapping[int, tuple[UserRead, ...]]
    arguments: list[Expression]


@dataclass(eq=False, slots=True)
class EntryValue(TypedNode):
    """In what a probe offers at a return: the value that an expression had at `attach`, the entry (None: the probe's).

    Name resolution replaces it (elaborate/syscall_entry_values); no later pass meets one.
    """

    expression: Expression
    attach: Syscalls | None = None


@dataclass(eq=False, slots=True)
class Captured(TypedNode):
    """In an event's body: the value that the kernel sent in the event's field `index`."""

    index: int


Expression = (
    Constant | LocalValue | GlobalValue | ElementValue | Unary | Binary | Logical | Match | Conditional | Contains
    | Assign | Update | Aggregate | StatisticOf | HistogramText | BucketValue | FunctionCall | BuiltinCall | Format
    | ContextValue | TableText | ReadMemory | ReadString | ReadBlock | EntryValue
    | Captured
)  # fmt: skip


# ----------------------------------------------------------------------------------------------- statements


@dataclass(eq=False, slots=True)
class Evaluate(Node):
    """An expression for its effect."""

    expression: Expression


@dataclass(eq=False, slots=True)
class If(Node):
    condition: Expression
    then: list[Statement]
    otherwise: list[Statement]


@dataclass(eq=False, slots=True)
class Loop(Node):
    """`while` and `for`: as long as `condition` holds, run `body`, then `step` (also after `continue`)."""

    condition: Expression | None
    body: list[Statement]
    step: list[Statement]


class SortBy(Enum):
    """What a foreach is ordered by: a key column (`Foreach.sort_column`), the value, or a statistic's extractor."""

    NOTHING = "nothing"
    KEY = "key"
    VALUE = "value"
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    VARIANCE = "variance"


@dataclass(eq=False, slots=True)
class Foreach(Node):
    """Iterates over the elements of an array that match `slice` (None: any key).

    `keys` get the keys, `value` the value. At most `limit` elements when it is given; the limit is evaluated once.
    """

    array: Global
    keys: list[Local]
    value: Local | None
    slice: list[Expression | None]
    sort_by: SortBy
    sort_column: int
    descending: bool
    limit: Expression | None
    body: list[Statement]


@dataclass(eq=False, slots=True)
class ForeachBucket(Node):
    """Iterates over the buckets of a histogram: `key` gets the bucket's number, `value` its count."""

    shape: tuple[str | int, ...]
    statistic: GlobalValue | ElementValue
    key: Local
    value: Local | None
    sort_by: SortBy
    descending: bool
    limit: Expression | None
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Delete(Node):
    """Removes an element, all elements that match a slice, a whole array, or resets a scalar.

    `target` is a Global when the whole array or scalar is meant.
    """

    target: Global | ElementValue


@dataclass(eq=False, slots=True)
class Return(Node):
    """Leaves a function; from a handler's body it ends the handler."""

    value: Expression | None


@dataclass(eq=False, slots=True)
class Break(Node):
    pass


@dataclass(eq=False, slots=True)
class Continue(Node):
    pass


@dataclass(eq=False, slots=True)
class Next(Node):
    """Ends the handler. (`next` in an overloaded function was resolved before; see FunctionCall.)"""


@dataclass(eq=False, slots=True)
class TryCatch(Node):
    """Runs `body`; a run-time error in it runs `handler` with its message in `message`."""

    body: list[Statement]
    message: Local | None
    handler: list[Statement]


@dataclass(eq=False, slots=True)
class SendEvent(Node):
    """Kernel handlers only: sends `values` to user space, where the event's body runs with them, in event order.

    The handler goes on, unless `ends_handler`. `stops_session` is set where the body calls exit() or raises an error
    that nothing catches: no handler starts in the kernel afterwards.
    """

    event: Event
    values: list[Expression]
    ends_handler: bool = False
    stops_session: bool = False


Statement = (
    Evaluate | If | Loop | Foreach | ForeachBucket | Delete | Return | Break | Continue | Next | TryCatch | SendEvent
)  # fmt: skip


# ----------------------------------------------------------------------------------------- functions, events


@dataclass(eq=False, slots=True)
class Function:
    """A function of the script or of the tapset library, one per overload.

    `name` is unique in the program, `written_name` what the script calls it where that is not the same.
    `next_overload` is tried when the body runs `next`. `kernel_body` is the body as kernel handlers run it (output sent
    as events); None when only user code can run the function.
    """

    name: str
    span: Span
    parameters: list[Local]
    locals: list[Local] = field(default_factory=list)
    body: list[Statement] = field(default_factory=list)
    return_type: Type = Type.UNKNOWN
    return_width: int = 0
    next_overload: Function | None = None
    is_library: bool = False
    is_recursive: bool = False
    written_name: str = ""
    kernel_body: list[Statement] | None = None

    @property
    def label(self) -> str:
        """The name for people."""
        return self.written_name or self.name


@dataclass(eq=False, slots=True)
class Event:
    """What a kernel handler sends: the fields' types and widths, and the body that runs in user space with them.

    In `body`, Captured(i) is field i. `locals` are the locals that the body uses; those in `restored` start with the
    value of the field with that index. `context` maps a context built-in's name to the field that holds its value, for
    functions called from the body.
    """

    number: int
    types: list[Type]
    widths: list[int]
    body: list[Statement]
    locals: list[Local] = field(default_factory=list)
    restored: dict[int, Local] = field(default_factory=dict)
    context: dict[str, int] = field(default_factory=dict)
