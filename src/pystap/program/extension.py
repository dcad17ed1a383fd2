"""What can be added to the language from outside the compiler, as protocols: probe kinds, built-ins, type sources.

An extension returns data (attach specifications, expressions, rows); it never generates code and never loads anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from ..lean import Protocol
from ..records import dataclass, field
from ..source import Span
from .attach import AttachSpec
from .builtins import Builtin
from .c_types import CType, CValue, Role
from .nodes import Expression


@dataclass(frozen=True, slots=True)
class PointPart:
    """One component of a probe point that is to be resolved: `name` without wildcards, and its argument if any."""

    name: str
    argument: int | str | None
    span: Span

    def __str__(self) -> str:
        if self.argument is None:
            return self.name
        if isinstance(self.argument, str):
            text = f'"{self.argument}"'
        elif self.name in ("function", "statement", "data"):
            text = f"{self.argument & 0xFFFF_FFFF_FFFF_FFFF:#x}"
        else:
            text = str(self.argument)
        return f"{self.name}({text})"


VariableSource = Callable[[Span], Expression]
"""Gives the value of a variable that a probe offers, as an expression of the handler, at the place that uses it."""


@dataclass(frozen=True, slots=True)
class TargetSource:
    """A `$variable` of a probe: `value` gives it at the place that uses it, `type` is its C type (None: a number).

    `is_listed`: `-L` shows it. `assign` gives the expression that assigns a value to it, or appends one: None where it
    cannot be assigned to.
    """

    value: Callable[[Span], CValue]
    type: CType | None = None
    role: Role = "parameter"
    is_listed: bool = True
    at_entry: bool = False
    """The value is there at the entry of the call only: a probe of its return has it saved there."""
    assign: Callable[[Expression, bool, Span], Expression] | None = None
    kept: bool = False
    """The value is nowhere at the place, but is one that follows from the entry of the function, where it is saved."""

    @staticmethod
    def number(source: VariableSource, role: Role = "parameter", is_listed: bool = True) -> TargetSource:
        """Return a variable that is a plain 64-bit number."""
        return TargetSource(lambda span: CValue(source(span), None), None, role, is_listed)


class LateTargets(Mapping[str, TargetSource]):
    """`$variables` that are looked up when a handler asks for one: few do, and to know them takes long."""

    def __init__(self, make: Callable[[], Mapping[str, TargetSource]]) -> None:
        self._make = make

    @cached_property
    def _known(self) -> Mapping[str, TargetSource]:
        return self._make()

    def __getitem__(self, name: str) -> TargetSource:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class ProgramTypes(Protocol):
    """The types and global variables of a program that is probed (from its debugging information)."""

    def global_variable(self, name: str, file: str | None) -> TargetSource | None:
        """Return a variable defined outside functions, by name and, if given, source file; None when there is none."""
        ...

    def named_type(self, name: str) -> CType | None:
        """Return the type that `@cast` names; None when there is none."""
        ...

    def enum_value(self, name: str) -> int | None:
        """Return the value of an enumeration constant; None when there is none of that name."""
        ...


@dataclass(frozen=True, slots=True)
class DerivedPoint:
    """What a probe kind makes of one probe point.

    `point` is what pp() gives. `variables` are the names that the handler sees set as if an alias had assigned them;
    `target_variables` are its `$names` (with the `$`); `functions` are the functions without arguments whose value is
    the probe's own (returnval(), pp() where one point stands for many). What the handler does not use costs nothing.

    `more_variables` are variables like the others that `-L` does not list.

    A point that stands for many places may give in `separately` a function that returns a point for each of them: it
    is used where the handler reads target variables, which the places do not share.
    """

    point: str
    attach: AttachSpec
    variables: Mapping[str, VariableSource] = field(default_factory=dict)
    target_variables: Mapping[str, TargetSource] = field(default_factory=dict)
    functions: Mapping[str, VariableSource] = field(default_factory=dict)
    separately: Callable[[], Sequence[DerivedPoint]] | None = None
    guard: VariableSource | None = None
    """The condition under which the handler runs."""
    program: ProgramTypes | None = None
    """What `@var`, `@cast` and `@enum` mean in the program that is probed; None: in the kernel."""
    more_variables: Mapping[str, VariableSource] = field(default_factory=dict)
    entry: Callable[[], DerivedPoint] | None = None
    """For the return of calls: the point of their entry, where what `@entry` names is saved; for a place in a function
    the same, for variables that are `kept`."""
    frame: VariableSource | None = None
    """For a place in a function: where the return address of the call lies."""


class ProbeKind(Protocol):
    """One kind of probe, known by the first component of its points (`timer`, `syscall`).

    `forms` are its probe point forms as `--dump-probe-types` prints them ("timer.s(number)"). A kind with
    `keeps_wildcards` gets component names with wildcards as they are written and resolves them to points of its own.
    """

    @property
    def root(self) -> str: ...

    @property
    def keeps_wildcards(self) -> bool: ...

    def forms(self) -> Iterable[str]: ...

    def aliases(self) -> Iterable[str]:
        """Return the aliases that the kind serves itself, as `--dump-probe-aliases` prints them ("a.b = c.d(e)")."""
        ...

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        """Return the points that `-l` shows for one: what its wildcards stand for, or the point itself.

        Raises ScriptError like `derive`.
        """
        ...

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        """Return the component names that may follow `parts`: what a wildcard in the next component may mean."""
        ...

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        """Resolve a point; component names have no wildcards unless the kind keeps them.

        Raises ScriptError, its span at the part that does not fit.
        """
        ...


@dataclass(frozen=True, slots=True)
class MemberLoad:
    """One step along a member path: read `size` bytes at `offset` from the address so far."""

    offset: int
    size: int
    signed: bool


LoadAddress = Callable[[str, int, Span], "Expression"]


class TypeSource(Protocol):
    """Knows the layout of the kernel's types (from BTF or DWARF)."""

    def member_loads(self, type_name: str, path: Sequence[str | int]) -> list[MemberLoad]:
        """Return the loads that follow `path` from the address of a `type_name`; the last one gives the value.

        A step is a member's name or an array index. Raises LookupError, its text naming what is missing.
        """
        ...

    def member_address(self, type_name: str, path: Sequence[str | int]) -> tuple[list[MemberLoad], int]:
        """Return the loads up to the last pointer of `path` and the offset behind it: where the member itself lies."""
        ...

    def named_type(self, name: str, module: str | None = None) -> CType:
        """Return the type that `@cast` names: `task_struct`, `struct task_struct`, `union x`, `char *`, `long`.

        `module` is a module's name or file, a header in angle brackets, or None. Raises LookupError, its text naming
        what is missing.
        """
        ...

    def enum_value(self, name: str, module: str | None = None) -> int | None:
        """Return the value of an enumeration constant; None when there is none of that name."""
        ...

    def variable(self, name: str) -> tuple[CType | None, bool]:
        """Return the type of a variable of the kernel, None when it is not known, and whether each CPU has its own."""
        ...

    def described(self, module: str, address: LoadAddress) -> ProgramTypes | None:
        """Return what debuginfo (DWARF) tells of the kernel ("") or a module, by its name or file; None without any.

        `address` makes the expression for so many bytes behind where the running kernel's text ("") or a section
        of a module ("module:section") was loaded.
        """
        ...

    def program(self, module: str) -> ProgramTypes | None:
        """Return what a module names that is a program of user space; None for the kernel and its modules."""
        ...


class BuiltinSource(Protocol):
    """The declared built-in functions."""

    def lookup(self, name: str) -> Sequence[Builtin]:
        """Return the overloads of a name, () when there is none."""
        ...

    def names(self) -> Iterable[str]: ...
