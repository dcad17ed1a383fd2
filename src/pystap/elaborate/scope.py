"""The names of a program while it is being resolved: globals, functions, and one body's locals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, pairwise

from ..diagnostics import Diagnostics, semantic_error, similar
from ..lean import TYPE_CHECKING
from ..program import nodes as n
from ..program.attach import AttachSpec
from ..program.extension import ProgramTypes, TargetSource, VariableSource
from ..program.program import Handler
from ..program.symbols import Global, Local
from ..program.types import Type
from ..records import dataclass, field
from ..source import SourceFile, Span
from ..syntax import ast
from .context import Inputs
from .global_uses import Uses, uses_of
from .syntax_parts import passes_on, reads_targets
from .walk import mentioned_globals

if TYPE_CHECKING:
    from .entry_values import EntryValues
    from .syscall_entry_values import Taken

_TYPES = {"long": Type.LONG, "string": Type.STRING, None: Type.UNKNOWN}


@dataclass(eq=False)
class Scope:
    """What the names in one handler or function mean.

    `offered` are variables that the probe would set, `targets` its $variables, `functions` its own functions;
    `assigned` the names that the body assigns, so that an offered one among them becomes a local. `blocks` is the whole
    of the body, where the types of variables are looked for; `attach` is where a handler hangs, `program` what is known
    of the program that it hangs in.
    """

    source: SourceFile
    locals: dict[str, Local] = field(default_factory=dict)
    offered: Mapping[str, VariableSource] = field(default_factory=dict)
    targets: Mapping[str, TargetSource] = field(default_factory=dict)
    functions: Mapping[str, VariableSource] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()
    prologue: list[n.Statement] = field(default_factory=list)
    function: n.Function | None = None
    blocks: Sequence[ast.Node] = ()
    attach: AttachSpec | None = None
    program: ProgramTypes | None = None
    entry: EntryValues | None = None
    """What is saved at the entry of the call whose return is probed; None for other probes."""
    probe: Scope | None = None
    """In a function that reads the `$variables` of the probe which calls it: the scope of that probe's handler."""

    def local(self, name: str, span: Span) -> Local:
        """Return the local of that name, made at its first mention."""
        found = self.locals.get(name)
        if found is None:
            found = self.locals[name] = Local(name, span)
        return found


class Names:
    """The program's globals and functions; functions are found by name and number of arguments."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.diagnostics: Diagnostics = inputs.diagnostics
        self.globals: dict[tuple[SourceFile | None, str], Global] = {}
        self.functions: dict[tuple[str, int, SourceFile | None, Scope | None], list[n.Function]] = {}
        """By name, number of arguments, the file that private ones belong to, and for those that read a probe's own
        variables the scope of its handler."""
        self.arities: dict[Global, tuple[int, Span]] = {}
        """The number of keys of each global, and where it was seen first."""
        self.counters: list[str] = []
        """The perf counters of the script."""
        self.unresolved: list[tuple[n.Function, ast.FunctionDeclaration, SourceFile, Scope | None]] = []
        self._taken: set[str] = set()
        self._readers: dict[tuple[str, int], bool] = {}
        self.taken: list[Taken] = []
        """What return probes take at the entry."""
        self.library_probes: list[ast.ProbeDeclaration] = []
        """The probes of library files that were taken in and are not resolved yet."""
        self._library_files: set[SourceFile] = set()
        self._declarations: dict[str, list[tuple[ast.FunctionDeclaration, SourceFile]]] = {}
        self._add_file(inputs.script)

    def global_named(self, name: str, source: SourceFile) -> Global | None:
        """Return the global that `name` means in a file: the file's own, or one that any file shares."""
        return self.globals.get((source, name)) or self.globals.get((None, name))

    def library_global(self, name: str) -> Global | None:
        """Return a global of the library that nothing of the script is called like: its file is taken in."""
        file = self.inputs.library.file_of_global(name)
        if file is not None:
            self.load_library_file(file)
        return self.globals.get((None, name))

    def all_globals(self) -> list[Global]:
        return list(self.globals.values())

    def used_globals(self, handlers: Sequence[Handler], functions: Sequence[n.Function]) -> list[Global]:
        """Return the globals that the program touches, in the order in which it first does; the others are left out.

        That is SystemTap's order in `-p2` and at the end: the probes as they stand, then the functions by name.
        """
        touched: dict[Global, None] = {}
        by_name = sorted(functions, key=lambda function: function.name)
        for body in (*(handler.body for handler in handlers), *(function.body for function in by_name)):
            touched |= dict.fromkeys(mentioned_globals(body))
        return list(touched)

    def warn_of_unassigned(self, handlers: Sequence[Handler], functions: Sequence[n.Function]) -> None:
        """Warn of the script's globals that are read and never written."""
        uses = Uses()
        for body in (*(handler.body for handler in handlers), *(function.body for function in functions)):
            uses.add(uses_of(body))
        for variable in self.globals.values():
            if variable in uses.reads - uses.writes and variable.initial is None and not variable.is_library:
                message = f"never-assigned global variable '{variable.name}'"
                self.diagnostics.warn(message, variable.span, f"identifier '{variable.name}'")

    def _add_file(self, script: ast.ScriptFile) -> None:
        library = script.source.is_library
        for item in script.items:
            if isinstance(item, ast.GlobalDeclaration):
                for variable in item.variables:
                    self._add_global(variable, script.source, library)
            elif isinstance(item, ast.FunctionDeclaration):
                self._declarations.setdefault(item.name, []).append((item, script.source))
            elif isinstance(item, ast.ProbeDeclaration) and library:
                self.library_probes.append(item)

    def _add_global(self, variable: ast.GlobalVariable, source: SourceFile, library: bool) -> None:
        private = variable.private
        if library and not private and (None, variable.name) in self.globals:
            private = True  # the script has a global of that name, which the library does not mean
        name = variable.name
        if any(other.name == name for other in self.globals.values()):
            name = f"{name}__{len(self.globals)}"
        initial = variable.initialiser.value if variable.initialiser is not None else None
        kind = Type.UNKNOWN if initial is None else Type.STRING if isinstance(initial, str) else Type.LONG
        self.globals[(source if private else None, variable.name)] = Global(
            name, variable.span, kind, size=variable.size, wraps=variable.wraps, initial=initial,
            is_array=variable.size is not None or variable.wraps, is_library=library,
        )  # fmt: skip

    def load_library_file(self, script: ast.ScriptFile) -> None:
        """Make the declarations of a tapset file known, once."""
        if script.source not in self._library_files:
            self._library_files.add(script.source)
            self._add_file(script)

    def overloads(self, name: str, arguments: int, scope: Scope) -> list[n.Function]:
        """Return the functions that a call in `scope` may mean, in the order in which they are tried; [] for none.

        Those of the script come before those of the library, and a file's private ones hide all others from it.
        """
        known = self._find(name, arguments)
        own = [row for row in known if row[0].private and row[1] is scope.source]
        known = own or [row for row in known if not row[0].private]
        probe = None
        if self._reads_probe(name, arguments):
            probe = scope if scope.function is None else scope.probe
        key = (name, arguments, scope.source if own else None, probe)
        if key in self.functions:
            return self.functions[key]
        known.sort(key=lambda row: row[0].priority if row[0].priority is not None else int(row[1].is_library))
        last = next((i for i, row in enumerate(known) if not passes_on(row[0].body)), len(known))
        functions = [self._declare(declaration, source, probe) for declaration, source in known[: last + 1]]
        for function, following in pairwise(functions):
            function.next_overload = following
        self.functions[key] = functions
        return functions

    def _reads_probe(self, name: str, arguments: int) -> bool:
        """Tell whether a function, or one that it calls, reads the `$variables` of the probe that calls it."""
        if (name, arguments) not in self._readers:
            bodies = [declaration.body for declaration in self.declared(name, arguments)]
            self._readers[name, arguments] = reads_targets(bodies, self.declared, ())
        return self._readers[name, arguments]

    def _find(self, name: str, arguments: int) -> list[tuple[ast.FunctionDeclaration, SourceFile]]:
        """Return the declarations that a call may mean, those of the library file that has the name included."""
        declared = self._declarations.get(name, [])
        asks_library = not declared or any(passes_on(row[0].body) for row in declared)
        if asks_library and not self.inputs.builtins.lookup(name):
            file = self.inputs.library.file_of_function(name)
            if file is not None:
                self.load_library_file(file)
        return [row for row in self._declarations.get(name, []) if len(row[0].parameters) == arguments]

    def declared(self, name: str, arguments: int) -> list[ast.FunctionDeclaration]:
        """Return the declarations that a call may mean, without making functions of them."""
        return [declaration for declaration, _ in self._find(name, arguments)]

    def _declare(self, declaration: ast.FunctionDeclaration, source: SourceFile, probe: Scope | None) -> n.Function:
        parameters = [Local(p.name, p.span, _TYPES[p.type], is_parameter=True) for p in declaration.parameters]
        name = declaration.name
        if name in self._taken:
            name = next(f"{name}__{i}" for i in count(1) if f"{name}__{i}" not in self._taken)
        self._taken.add(name)
        function = n.Function(
            name, declaration.span, parameters, return_type=_TYPES[declaration.return_type],
            is_library=source.is_library, written_name=declaration.name,
        )  # fmt: skip
        self.unresolved.append((function, declaration, source, probe))
        return function

    def fail_unknown(self, name: str, arguments: int, span: Span) -> None:
        """Raise the error for a call that nothing fits."""
        declared = self._declarations.get(name)
        rows = self.inputs.builtins.lookup(name)
        if declared or rows:
            takes = len(declared[0][0].parameters) if declared else len(rows[0].parameters)
            semantic_error(f"arity mismatch found (function '{name}' takes {takes} args)", span, f"identifier '{name}'")
        known = {*self._declarations, *self.inputs.builtins.names(), *self.inputs.library.function_names()}
        semantic_error(f"unresolved function {name}{similar(name, known)}", span, f"identifier '{name}'")
