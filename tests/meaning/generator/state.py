"""What the parts of the generator share: the names of a program, and where its code stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..choices import Choices


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


@dataclass
class Scope:
    """The locals of one body, which of them may be assigned, and where the code stands."""

    longs: list[str]
    strings: list[str]
    in_function: str = ""
    loops: int = 0
    depth: int = 0
    iterated: set[str] = field(default_factory=set)
    next_loop: int = 0


@dataclass
class State:
    """The names of one program, and how much of it may still be made (`fuel`)."""

    choices: Choices
    any: bool
    name: str
    groups: bool
    long_globals: list[str] = field(default_factory=list)
    string_globals: list[str] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    statistics: list[str] = field(default_factory=list)
    statistic_arrays: list[Array] = field(default_factory=list)
    functions: list[Callee] = field(default_factory=list)
    fuel: int = 120
