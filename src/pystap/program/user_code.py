"""What is known of the code of user programs, as probe kinds ask for it and sources of debug information answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

from ..records import dataclass, field
from .extension import TargetSource

Which = Literal["all", "call", "inline", "exported", "return"]
"""Which instances of a function are meant; a return has no inlined ones."""


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A place to be probed: `name` is the function it is in, `shown` what pp() has in the quotes (`main@/src/a.c:3`).

    `offset` is in the program's file. `variables` gives the `$names` that are visible there.
    """

    name: str
    shown: str
    offset: int
    variables: Callable[[], Mapping[str, TargetSource]] = field(default=dict)


class CodeSource(Protocol):
    """Knows the functions of programs, by the path of the program's file."""

    def functions(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace] | None:
        """Return the places for a pattern `NAME`, `NAME@FILE` or `NAME@FILE:LINE`, wildcards included.

        None or nothing when it knows none: the next source is asked. Raises LookupError, its text for people, where no
        source can know any, and OSError.
        """
        ...


class SymbolNames(CodeSource, Protocol):
    """The source that every program has."""

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
