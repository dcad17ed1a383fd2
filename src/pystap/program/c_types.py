"""C types and values as probes offer them: opaque to the compiler, walked through the source that made them.

$file->f_path.dentry        CValue(type `struct file*`) -> member, member -> CValue(type `struct dentry*`)
"""

from __future__ import annotations

from ..lean import Any, Callable, Enum, Literal, Protocol, Sequence
from ..records import dataclass
from ..source import Span
from .nodes import Binary, Constant, Expression
from .types import Type


class CKind(Enum):
    """What a C type is, as far as following it goes; typedefs and qualifiers are looked through."""

    INTEGER = "integer"  # enumerations and booleans too
    POINTER = "pointer"
    ARRAY = "array"
    COMPOSITE = "composite"  # a struct or a union
    OTHER = "other"  # void, a function, a floating-point number, a type that is only declared


@dataclass(frozen=True, slots=True)
class CType:
    """A C type. `name` is how listings print it (`struct file*`), `size` in bytes; `handle` belongs to `source`.

    `is_char` marks an integer of one byte that text is made of, `is_float` a floating-point number (of 4 or 8 bytes),
    whose kind is INTEGER: it is known by its bits.
    """

    source: TypeLayout
    handle: Any
    name: str
    kind: CKind
    size: int
    is_signed: bool = False
    is_char: bool = False
    is_float: bool = False


@dataclass(frozen=True, slots=True)
class CMember:
    """A member of a struct or union: `offset` in bits from its start, `bits` the size of a bit field, else 0.

    The name of an anonymous member is empty.
    """

    name: str
    type: CType
    offset: int
    bits: int = 0


class TypeLayout(Protocol):
    """Answers about the types of one blob of type information. Types given must be its own."""

    def target(self, type_: CType) -> CType:
        """Return what a pointer points to, or the element of an array."""
        ...

    def length(self, array: CType) -> int:
        """Return how many elements an array has; 0 when that is not known."""
        ...

    def member(self, composite: CType, name: str) -> CMember | None:
        """Return a member by name, those of anonymous members included; its offset is from the start of `composite`."""
        ...

    def members(self, composite: CType) -> Sequence[CMember]:
        """Return the members as they are declared; anonymous ones have no name."""
        ...


class _Pointers:
    """Pointers to types that stand in no type information; the handle is what is pointed to."""

    def target(self, type_: CType) -> CType:
        found: CType = type_.handle
        return found

    def length(self, array: CType) -> int:
        return 0

    def member(self, composite: CType, name: str) -> CMember | None:
        return None

    def members(self, composite: CType) -> Sequence[CMember]:
        return ()


_POINTERS = _Pointers()


def pointer_to(target: CType) -> CType:
    """Return the type of pointers to `target`."""
    return CType(_POINTERS, target, target.name + "*", CKind.POINTER, 8)


@dataclass(frozen=True, slots=True)
class CValue:
    """A C value in an expression: `expression` computes it, or with `in_memory` the address where it lies.

    `bits` and `bit_offset` (from that address) are those of a bit field. `user` says whose memory its addresses and
    pointers are. `type` None is a plain 64-bit number.

    Structs and arrays are in memory, or (`parts`) spread over registers and constants: then `parts` gives the number
    that some of their bytes are, by offset and size, and raises ScriptError for bytes that are nowhere.
    """

    expression: Expression
    type: CType | None
    in_memory: bool = False
    user: bool = False
    bit_offset: int = 0
    bits: int = 0
    parts: Callable[[int, int, Span], Expression] | None = None


def narrowed(value: Expression, type_: CType, span: Span) -> Expression:
    """Return the integer of the type's size that stands in the low bytes of a 64-bit value (a register)."""
    size = type_.size
    if size >= 8 or size <= 0:
        return value

    def number(constant: int) -> Expression:
        return Constant(constant, span=span, type=Type.LONG)

    if not type_.is_signed:
        return Binary("&", value, number((1 << 8 * size) - 1), span=span, type=Type.LONG)
    shift = 64 - 8 * size
    raised = Binary("<<", value, number(shift), span=span, type=Type.LONG)
    return Binary(">>", raised, number(shift), span=span, type=Type.LONG)


Role = Literal["parameter", "local", "return", "other"]
"""What a target variable is: `$$parms` shows parameters, `$$locals` locals, `$$vars` both, `$$return` the result."""
