"""What is known of the code of user programs, as probe kinds ask for it and sources of debug information answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..lean import Literal, Protocol
from ..records import dataclass, field
from .extension import ProgramTypes, TargetSource, VariableSource

Which = Literal["all", "call", "inline", "exported", "return"]
"""Which instances of a function are meant; a return has no inlined ones."""
Exact = Literal["statement", "nearest", "any"]
"""What an address may be: where a statement begins; any, meaning the statement that it belongs to; any, as it is."""


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A place to be probed: `name` is the function it is in, `shown` what pp() has in the quotes (`main@/src/a.c:3`).

    `offset` is in the program's file. `variables` gives the `$names` that are visible there.
    """

    name: str
    shown: str
    offset: int
    variables: Callable[[], Mapping[str, TargetSource]] = field(default=dict)
    program: ProgramTypes | None = None
    """What `@var` and `@cast` mean there."""
    detail: str = ""
    """The label, or the function that is called, of a place that is known by one."""
    guard: VariableSource | None = None
    """The condition under which the place counts."""
    start: int = 0
    """Where the function of the place begins, in the program's file; 0 where that is not told."""
    entry: CodePlace | None = None
    """For the return of a function: its entry, where it has other variables."""
    call: Callable[[], tuple[CodePlace, VariableSource] | None] = field(default=lambda: None)
    """For a place in a function: gives its entry, with the same variables as far as they are known by what was there,
    and where the return address of the call lies."""


class CodeSource(Protocol):
    """Knows the functions of programs, by the path of the program's file."""

    def functions(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace] | None:
        """Return the places for a pattern `NAME`, `NAME@FILE` or `NAME@FILE:LINE`, wildcards included.

        None or nothing when it knows none: the next source is asked. Raises LookupError, its text for people, where no
        source can know any, and OSError.
        """
        ...


class FunctionSource(CodeSource, Protocol):
    """A source that knows more of functions than their symbols tell."""

    def described(self, path: str, place: CodePlace, which: Which) -> CodePlace:
        """Return the entry of a function with the variables that it has there, looked for when they are read."""
        ...


class PlaceSource(Protocol):
    """Knows places inside functions. Methods give None for a program that they know nothing of; raise LookupError, its
    text for people, for what cannot be, and OSError."""

    def statements(self, path: str, pattern: str, nearest: bool) -> Sequence[CodePlace] | None:
        """Return the statements of `FUNCTION@FILE:LINE`; with `nearest` of the nearest line that has code."""
        ...

    def at_address(self, path: str, address: int, exact: Exact = "statement") -> Sequence[CodePlace] | None:
        """Return the statement that begins at an address of the program's file."""
        ...

    def labels(self, path: str, pattern: str, label: str) -> Sequence[CodePlace] | None:
        """Return the labels of functions that match."""
        ...

    def callees(self, path: str, pattern: str, callee: str, depth: int) -> Sequence[CodePlace] | None:
        """Return the entries of the functions that functions call, and those that they call, up to a depth."""
        ...


class SymbolNames(CodeSource, Protocol):
    """The source that every program has."""

    def enclosing(self, path: str, address: int) -> tuple[str, int] | None:
        """Return the function that an address of the program's file lies in and the file offset where it begins."""
        ...

    def near(self, path: str, name: str) -> list[str]:
        """Return names of functions that may be meant by one that is not there."""
        ...


class Libraries(Protocol):
    """Finds the libraries of programs."""

    def find_library(self, name: str) -> str:
        """Return the file of a library (`libc.so.6`), "" when there is none."""
        ...

    def find_by_stem(self, name: str) -> str:
        """Return the file of the library that `libc` or `c` may mean; "" when there is none."""
        ...

    def linked_libraries(self, path: str) -> Iterable[tuple[str, str]]:
        """Yield name and real path of every library that a program is linked with, directly or through others."""
        ...

    def mapped_libraries(self, pid: int) -> Sequence[tuple[str, str]]:
        """Return name and path of the files whose code a process has mapped; none where it may not be looked at."""
        ...


@dataclass(frozen=True, slots=True)
class MarkArgument:
    """Where an argument of a static marker is, as its note says.

    A `constant`; or the register `base` (its name in struct pt_regs), from its bit `shift` on; or with `in_memory` the
    `size` bytes at base + index * scale + displacement. Where `address` is given it is added: an address as the program
    file counts, moved to where the program is loaded. `problem` says why the argument cannot be had, "" if it can.
    """

    size: int
    is_signed: bool
    constant: int | None = None
    base: str = ""
    shift: int = 0
    index: str = ""
    scale: int = 1
    displacement: int = 0
    in_memory: bool = False
    address: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A static marker (SDT): its code at `address` of the program and `offset` of the file.

    `semaphore` is the file offset of the counter that says whether it is probed, 0 for none.
    """

    provider: str
    name: str
    address: int
    offset: int
    semaphore: int
    arguments: tuple[MarkArgument, ...]


class MarkSource(Protocol):
    """Knows the static markers of programs."""

    def marks(self, path: str) -> Sequence[Mark]:
        """Return the markers of a program in the order of their notes. Raises LookupError and OSError."""
        ...


class DataSymbols(Protocol):
    """Knows the global variables of programs by their symbols."""

    def variable(self, path: str, name: str) -> tuple[int, bool]:
        """Return the address of a variable, and whether the program is always loaded there.

        Raises LookupError, its text for people, and OSError.
        """
        ...

    def variable_names(self, path: str) -> Iterable[str]: ...
