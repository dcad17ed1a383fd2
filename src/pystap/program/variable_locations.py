"""Where a variable of a compiled program is when a probe fires: a closed set, free of how that was written down.

int local;    gcc -O0   InMemory(Operation("+", RegisterTerm(6), NumberTerm(-20)))      20 bytes below the frame pointer
              gcc -O2   InRegister(3), Computed(NumberTerm(7)) or Unavailable("optimized out")
"""

from __future__ import annotations

from ..lean import Literal
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class RegisterTerm:
    """The content of a register, by its DWARF number (`arch`.DWARF_REGISTERS)."""

    number: int


@dataclass(frozen=True, slots=True)
class EntryRegister:
    """What a register had when the function that the place is in was entered, by its DWARF number."""

    number: int


@dataclass(frozen=True, slots=True)
class NumberTerm:
    value: int


@dataclass(frozen=True, slots=True)
class StaticAddress:
    """An address of the program as its file has it; it is moved by as much as the program was when it was loaded."""

    address: int


@dataclass(frozen=True, slots=True)
class ThreadLocal:
    """The address of a thread-local variable that lies `offset` bytes into the thread's block of its file."""

    offset: Term


@dataclass(frozen=True, slots=True)
class Load:
    """The unsigned number of `size` bytes at an address."""

    address: Term
    size: Literal[1, 2, 4, 8]


TermOperator = Literal["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic of 64 bits, as `nodes.Binary` has it."""

    operator: TermOperator
    left: Term
    right: Term


Term = RegisterTerm | EntryRegister | NumberTerm | StaticAddress | ThreadLocal | Load | Operation


@dataclass(frozen=True, slots=True)
class InMemory:
    address: Term


@dataclass(frozen=True, slots=True)
class InRegister:
    """`number` is the DWARF number of the register."""

    number: int


@dataclass(frozen=True, slots=True)
class Computed:
    """The variable is nowhere, but its value is known."""

    value: Term


@dataclass(frozen=True, slots=True)
class ConstantBytes:
    """The variable is nowhere, but all of its bytes are known."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Pieces:
    """The variable is in parts: each with its size in bytes, the lowest first."""

    parts: tuple[tuple[VariableLocation, int], ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The value cannot be had here; `reason` is for people ("optimized out")."""

    reason: str


VariableLocation = InMemory | InRegister | Computed | ConstantBytes | Pieces | Unavailable
