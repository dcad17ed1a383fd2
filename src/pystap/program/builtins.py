"""Declarations of built-in functions: one row each, with its meaning in user space and, where there is one, in eBPF.

Rows stand in tapset/functions; adding one changes no compiler code. A row is data: user code is a Python callable that
is called as `callable(rt, *arguments)`, kernel code is one of the closed set `KernelForm`.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Any, Callable, Enum
from ..records import dataclass
from .types import Type

if TYPE_CHECKING:
    from .nodes import Expression


class Effect(Enum):
    """What a call depends on and does.

    PURE: the value depends on the arguments alone.
    CONTEXT: the value belongs to the moment and the task of the probe hit (tid(), gettimeofday_us()); code that runs
    later gets the value that was captured at the hit.
    ACTION: no value, an effect in user space only (log(), exit()): a kernel handler sends its arguments and goes on.
    SESSION: reads or changes what only the session in user space has (tokenize(), speculation()): code that calls it
    runs in user space, in event order.
    WRITE: changes the memory of the probe's task. A kernel handler does it at the hit; it is never made up for later.
    """

    PURE = "pure"
    CONTEXT = "context"
    ACTION = "action"
    SESSION = "session"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class HelperValue:
    """The result of a BPF helper without arguments, shifted right and masked, as a long.

    `helper` is the number of the helper (include/uapi/linux/bpf.h), `bits` how many low bits count after the shift.
    """

    helper: int
    shift: int = 0
    bits: int = 64


@dataclass(frozen=True, slots=True)
class IrFunction:
    """LLVM IR text that defines `define internal i64 @NAME(...)`, its ABI fixed:

    a long argument is `i64`; a string argument is `ptr, i64 size` (the buffer, zero-filled behind the string, and its
    size in bytes, a constant); when the row returns a string there follow `ptr out, i64 out_size` (a buffer of
    buffer_size(width of the call) bytes that the function fills wholly, zeros behind the string, never aliasing an
    argument). It returns the long, or for a string its length. `@NAME` may call helpers by `inttoptr (i64 N to ptr)`.

    Buffers are aligned to 8 bytes. The function is `alwaysinline`, so that the sizes are constants in what is verified.
    It may name the symbol `@control`, the map value of abi/map_layout, which the code generator declares; intrinsics
    need no declaration. `limits` gives for each argument the longest string, in bytes, that the function takes (None:
    any, and for longs): a call with a wider one is left to user space.
    """

    name: str
    text: str
    limits: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskField:
    """An integer reached by a member path from the current task_struct, resolved through BTF.

    A name is a member (a pointer before it is followed), a number an index into an array: ("real_parent", "tgid"),
    ("signal", "pids", 2, "numbers", 0, "nr").
    """

    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class TaskText:
    """A character array reached like a TaskField's integer, at most `limit` bytes of it: ("real_parent", "comm")."""

    path: tuple[str | int, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """Kernel code in terms of other nodes: called with the argument expressions, returns the expression."""

    expand: Callable[..., Expression]


KernelForm = HelperValue | IrFunction | TaskField | TaskText | Expansion


@dataclass(frozen=True, slots=True, eq=False)
class Builtin:
    """One declared function.

    `returns` is None for a function without a value. `width` gives the longest string returned, in bytes, from the
    widths of the arguments (0 for longs), before MAXSTRINGLEN caps it; an int where it does not depend on them, None
    for MAXSTRINGLEN. `user` is called with the runtime and the arguments; strings are str with one character per byte.
    `kernel` None means that a kernel handler leaves the call to user space.
    `task_context` marks what a timer handler must read from the interrupted task.
    """

    name: str
    parameters: tuple[tuple[str, Type], ...]
    returns: Type | None
    effect: Effect
    user: Callable[..., Any]
    kernel: KernelForm | None = None
    width: int | Callable[..., int] | None = None
    task_context: bool = False
    guru: bool = False
    ends_session: bool = False
    """exit() and its like: no handler starts in the kernel afterwards."""
    raises: bool = False
    """error() and its like: the handler does not go on behind the call."""
    varies: bool = False
    """The value depends on more than the arguments (the session, the time zone, chance): a PURE row with it may be
    evaluated anywhere, as often as written, but is neither folded nor shared between calls."""
    expands: Callable[..., Expression] | None = None
    """Called with the place of a call and its arguments, it gives the expression that the call stands for, in both
    targets: for what is an operation of the language, such as reading memory. `user` and `kernel` are not used then."""
    c_type: str = ""
    """The C type of the pointer returned, so that a script may follow it: "struct task_struct *"."""

    @property
    def signature(self) -> str:
        """Name, type and parameters in the form of `--dump-functions`."""
        parameters = ", ".join(f"{name}:{kind}" for name, kind in self.parameters)
        return f"{self.name}:{self.returns or 'unknown'} ({parameters})"
