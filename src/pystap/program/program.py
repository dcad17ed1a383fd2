"""The elaborated program: what pass 2 hands to the code generators and what `stap -p2` prints."""

from __future__ import annotations

from ..lean import Enum
from ..records import dataclass, field
from ..source import Span
from .attach import AttachSpec
from .builtins import Builtin
from .limits import Limits
from .nodes import Event, Function, Statement
from .symbols import Global, Local


class Target(Enum):
    """Where a handler's body runs (its events' bodies always run in user space)."""

    KERNEL = "kernel"
    USER = "user"


@dataclass(eq=False, slots=True)
class Handler:
    """One derived probe: a resolved point, where it hangs, and its body.

    `point` is what pp() gives, `written` the point as the script has it. `index` numbers the handlers in the order of
    the program. For a kernel handler `lock` is the number of the lock that it holds while it runs, or None.
    `reads` and `writes` are the globals that the body touches (functions it calls included), for user handlers.
    """

    index: int
    point: str
    written: str
    span: Span
    attach: AttachSpec
    body: list[Statement]
    locals: list[Local] = field(default_factory=list)
    target: Target = Target.USER
    lock: int | None = None
    reads: list[Global] = field(default_factory=list)
    writes: list[Global] = field(default_factory=list)
    reason: str = ""
    """Why the handler, or its tail, runs in user space, for `-v`."""


@dataclass(eq=False, slots=True)
class ElaboratedProgram:
    """Everything about the script that later passes need, and nothing of its text but spans."""

    script_name: str
    globals: list[Global]
    functions: list[Function]
    handlers: list[Handler]
    events: list[Event]
    limits: Limits
    locks: int = 0
    """How many locks the kernel handlers share; Global.lock and Handler.lock count from 0."""
    builtins: list[Builtin] = field(default_factory=list)
    """The built-in functions that the script calls, by name."""
