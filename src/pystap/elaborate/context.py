"""What the elaboration passes share: the inputs, and the derived probes that flow from one pass to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..diagnostics import Diagnostics
from ..lean import Protocol
from ..program.attach import AttachSpec
from ..program.extension import (
    BuiltinSource,
    DerivedPoint,
    ProbeKind,
    ProgramTypes,
    TargetSource,
    TypeSource,
    VariableSource,
)
from ..program.limits import Limits
from ..records import dataclass, field
from ..source import Span
from ..syntax import ast


class LibrarySource(Protocol):
    """The tapset library in the language itself, parsed file by file when a name asks for it."""

    def file_of_function(self, name: str) -> ast.ScriptFile | None: ...

    def file_of_global(self, name: str) -> ast.ScriptFile | None: ...

    def function_names(self) -> Iterable[str]: ...

    def aliases(self, root: str) -> Sequence[ast.AliasDeclaration]:
        """Return the aliases whose first component is `root` or matches it as a wildcard."""
        ...

    def alias_roots(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that elaboration works from."""

    script: ast.ScriptFile
    library: LibrarySource
    probe_kinds: Mapping[str, ProbeKind]
    builtins: BuiltinSource
    types: Callable[[], TypeSource]
    limits: Limits
    diagnostics: Diagnostics
    guru: bool = False
    constant: Callable[[str], int | None] = lambda _: None
    """The value of an `@const("...")`, None for what is not known."""
    deferred: frozenset[int] = frozenset()
    """Handlers (by index) that run in user space as a whole, because the kernel refused their program."""


@dataclass(frozen=True, slots=True, eq=False)
class DerivedProbe:
    """One probe point of the script, resolved: where it hangs, and the blocks that run there in order.

    `chain` are the written forms on the way from the user's point to this one, for `-p2`.
    """

    point: str
    chain: tuple[str, ...]
    span: Span
    attach: AttachSpec
    prologue: tuple[ast.Block, ...]
    body: ast.Block
    epilogue: tuple[ast.Block, ...]
    condition: ast.Expression | None
    variables: Mapping[str, VariableSource] = field(default_factory=dict)
    target_variables: Mapping[str, TargetSource] = field(default_factory=dict)
    functions: Mapping[str, VariableSource] = field(default_factory=dict)
    program: ProgramTypes | None = None
    guard: VariableSource | None = None
    entry: Callable[[], DerivedPoint] | None = None
    frame: VariableSource | None = None
