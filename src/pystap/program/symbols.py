"""Variables, functions and arrays of an elaborated program, with what inference finds out about them."""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Any, Enum
from ..records import dataclass, field
from .types import Type

if TYPE_CHECKING:
    from ..source import Span


@dataclass(eq=False, slots=True)
class Local:
    """A local variable or parameter of one handler or function.

    `width` is the longest string it may hold, in bytes. `name` is the script's name; two different locals may share it.
    """

    name: str
    span: Span
    type: Type = Type.UNKNOWN
    width: int = 0
    is_parameter: bool = False


class StorageKind(Enum):
    """Where a global lives (chosen by elaborate/choose_storage).

    USER: only user-space code touches it; a plain Python value.
    ADD_ONLY: kernel handlers only add to it; one cell or map entry per CPU, summed when read.
    DRAINED: like ADD_ONLY, and a user handler clears or assigns it while kernel handlers run: two buffers, flipped.
    SHARED: kernel and user code read and write it; one cell or one hash map, guarded by its group's lock if need be.
    """

    USER = "user"
    ADD_ONLY = "add-only"
    DRAINED = "drained"
    SHARED = "shared"


@dataclass(eq=False, slots=True)
class RenderedKey:
    """A key column that kernel code keeps as the values that its text is made from, until user space reads it.

    `types` and `widths` are those of the values; `body` is the text, value number i in it as Captured(i).
    """

    types: list[Type]
    widths: list[int]
    body: Any


@dataclass(eq=False, slots=True)
class Global:
    """A global variable: a scalar when `key_types` is empty, else an array.

    `type` is the type of the value (STATISTIC for aggregates), `width` and `key_widths` the longest strings in bytes.
    `size` is the most elements an array may have; `wraps` lets a full array drop its oldest element. `histograms` are
    the histogram shapes that the program takes of it: ("hist_log",) or ("hist_linear", low, high, width); `shift` is
    the bit shift of its variance.
    """

    name: str
    span: Span
    type: Type = Type.UNKNOWN
    width: int = 0
    is_array: bool = False
    key_types: list[Type] = field(default_factory=list)
    key_widths: list[int] = field(default_factory=list)
    size: int | None = None
    wraps: bool = False
    initial: int | str | None = None
    is_library: bool = False
    per_call: bool = False
    """Its elements belong to one call of one thread each, whose number is the first key (the low 32 bits): they need no
    lock. What a full array has no room for is counted; the session drops what threads left that have ended."""
    storage: StorageKind = StorageKind.USER
    lock: int | None = None
    """The number of the lock that guards it while handlers need more than one atomic operation; None: no lock."""
    histograms: list[tuple[str | int, ...]] = field(default_factory=list)
    shift: int = 0
    reads_variance: bool = False
    rendered_keys: dict[int, RenderedKey] = field(default_factory=dict)
    """By column. The elements of such an array in kernel code have the values in place of the key."""

    def stored_columns(self) -> list[tuple[Type, int]]:
        """Return the type and width of each column of the keys that maps have."""
        columns: list[tuple[Type, int]] = []
        for index, column in enumerate(zip(self.key_types, self.key_widths, strict=True)):
            rendered = self.rendered_keys.get(index)
            columns += zip(rendered.types, rendered.widths, strict=True) if rendered is not None else [column]
        return columns
