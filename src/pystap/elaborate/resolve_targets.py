"""Resolves what follows C types: `$variables`, `@cast`, typed pointers in script variables, `@enum`.

$file->f_path->dentry        ReadMemory($file + offset, 8 bytes)
t = task_current(); t->tgid  the type of t is that of what is assigned to it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..diagnostics import ScriptError, near_names, semantic_error, similar
from ..lean import NoReturn
from ..program import nodes as n
from ..program.attach import KernelFunctions, Syscalls, Tracepoints, Uprobes
from ..program.c_types import CKind, CType, CValue
from ..program.extension import ProgramTypes, TargetSource
from ..program.types import Type, wrap_long
from ..records import replace
from ..source import Span
from ..syntax import ast
from .c_values import address_of, cast_to, combined, element_of, loaded, long, member_of, read
from .pretty import group, pretty
from .scope import Names, Scope
from .syntax_parts import parts
from .syscall_entry_values import taken_at_entry

Resolve = Callable[[ast.Expression], n.Expression]
_GROUPS = {
    "$$vars": ("parameter", "local"),
    "$$parms": ("parameter",),
    "$$locals": ("local",),
    "$$return": ("return",),
}
_MAX_DEPTH = 20
_DECIMALS = 6
"""How many decimals of floating-point numbers are shown, as in C's %f."""


class TargetResolver:
    """Resolves the typed expressions of one body; `resolve` resolves plain operands and indexes."""

    def __init__(self, names: Names, scope: Scope, resolve: Resolve) -> None:
        self.names = names
        self.scope = scope
        self.resolve = resolve

    def expression(self, node: ast.TargetVariable | ast.Cast | ast.PathOf | ast.AtVar) -> n.Expression:
        """Return the value of a typed expression. Raises ScriptError."""
        if isinstance(node, ast.TargetVariable) and node.name in _GROUPS:
            return self._group(node)
        last = node.path[-1] if node.path else None
        if isinstance(node, ast.TargetVariable) and self._is_saved(node):
            return self.at_entry(node, node.span)
        value = self._followed(node)
        if isinstance(last, ast.Pretty):
            return pretty(value, last.depth, node.span, self.quoted)
        if node.address_of:
            whole = isinstance(node, ast.Cast) and not node.path  # &@cast(p, "struct x") is where that struct lies: p
            return value.expression if whole else address_of(value, node.span)
        return self._number(value, node.span)

    def _number(self, value: CValue, span: Span) -> n.Expression:
        """Return a value as a long: of a floating-point number the bits of a double, as in SystemTap."""
        plain = loaded(value, span)
        if value.type is None or not value.type.is_float or value.type.size != 4:
            return plain
        return self._call("fp32_to_fp64", [plain], span)

    def _is_saved(self, node: ast.TargetVariable) -> bool:
        """Tell whether a variable of a return is one of the entry: a parameter, and all that is reached through it."""
        source = self.scope.targets.get(node.name)
        if self.scope.entry is None or not self.scope.entry.at_return:
            return False
        if source is None or source.role != "parameter":
            return False
        return source.at_entry or (bool(node.path) and not node.address_of)

    def at_entry(self, node: ast.Expression, span: Span) -> n.Expression:
        """Return what an expression was at the entry of the call whose return is probed. Raises ScriptError."""
        if isinstance(self.scope.attach, Syscalls) and self.scope.attach.returns:
            return taken_at_entry(self.names, self.scope, self.resolve(node))
        if self.scope.entry is None or not self.scope.entry.at_return:
            semantic_error("@entry is only valid in .return probes", span, "operator '@entry'")
        if isinstance(node, ast.TargetVariable) and not node.path and node.name not in _GROUPS:
            source = self.scope.targets.get(node.name)
            if source is not None and source.role == "parameter" and not source.at_entry:
                return self.expression(node)
        if self.scope.function is not None:
            message = "values of the entry are saved for the handler itself: pass them to the function as arguments"
            semantic_error(message, span, "operator '@entry'")
        return self.scope.entry.value(node, span)

    def _group(self, node: ast.TargetVariable) -> n.Expression:
        own = self.scope.targets.get(node.name)
        if own is not None:
            return own.value(node.span).expression
        depth = next((step.depth for step in node.path if isinstance(step, ast.Pretty)), 0)
        roles = _GROUPS[node.name]
        known = [(name, source) for name, source in self.scope.targets.items() if source.role in roles]
        if not self.scope.targets and not isinstance(self.scope.attach, KernelFunctions | Tracepoints):
            self._unresolved(node)
        values = [(name[1:], self._source_value(name, source, node.span)) for name, source in known]
        return group(values, depth, node.span, self.quoted, self._number)

    def quoted(self, value: CValue, span: Span) -> n.Expression:
        """Return the text of an array of characters, or of a pointer to them: one of the kernel may be a process's.

        Also that of a floating-point number.
        """
        assert value.type is not None
        if value.type.is_float:
            return self._call("fp_to_string", [self._number(value, span), long(_DECIMALS, span)], span)
        address = loaded(value, span)
        arguments = [address]
        if value.type.kind is CKind.ARRAY:
            name = "user_string_n_quoted" if value.user else "_kernel_string_n_quoted"
            arguments.append(long(value.type.source.length(value.type), span))
        else:
            name = "user_string_quoted" if value.user else "kernel_or_user_string_quoted"
        row = self.names.inputs.builtins.lookup(name)[0]
        assert row.expands is not None
        return row.expands(span, *arguments)

    def _source_value(self, name: str, source: TargetSource, span: Span) -> CValue | None:
        if not source.at_entry or self.scope.entry is None:
            return _value_or_none(source, span)
        at_once = _value_or_none(source, span)
        if at_once is None:
            return None
        saved = self.scope.entry.value(ast.TargetVariable(name, (), span=span), span)
        type_ = source.type
        if type_ is not None and type_.is_float:
            type_ = replace(type_, size=8)  # what was saved is a double
        return CValue(saved, type_, user=at_once.user)

    def _unresolved(self, node: ast.TargetVariable) -> NoReturn:
        known = [name for name in self.scope.targets if not name.startswith("$$")]
        subject = f"identifier '{node.name}'"
        typed = any(source.type is not None for source in self.scope.targets.values())
        if typed and not node.name.startswith("$$"):
            near = near_names(node.name, known) or known
            message = f"unable to find local '{node.name[1:]}' (alternatives: {' '.join(near)})"
            semantic_error(message, node.span, subject)
        hint = similar(node.name, known)
        if not known and isinstance(self.scope.attach, Uprobes):
            number = "returnval()" if self.scope.attach.returns else "int_arg(1), user_string(pointer_arg(2))"
            hint = f" (there is no debuginfo for this code; without it values are read by number: {number})"
        semantic_error(f"unresolved target-symbol expression{hint}", node.span, subject)

    # ------------------------------------------------------------------------------------------- following

    def _followed(self, node: ast.TargetVariable | ast.Cast | ast.PathOf | ast.AtVar) -> CValue:
        value = self._base(node)
        for step in node.path:
            match step:
                case ast.Member(name=name):
                    value = member_of(value, name, step.span)
                case ast.Subscript(index=index):
                    value = element_of(value, self.resolve(index), step.span)
                case ast.Pretty():
                    pass
        return value

    def _base(self, node: ast.TargetVariable | ast.Cast | ast.PathOf | ast.AtVar) -> CValue:
        match node:
            case ast.TargetVariable():
                source = self.scope.targets.get(node.name)
                if source is None:
                    self._unresolved(node)
                if source.kept and self.scope.entry is not None and self.scope.function is None:
                    plain = ast.TargetVariable(node.name, (), span=node.span)
                    return CValue(self.scope.entry.value(plain, node.span), source.type, user=True)
                return source.value(node.span)
            case ast.Cast():
                return cast_to(self.resolve(node.operand), *self._named(node))
            case ast.PathOf():
                if not node.path:
                    semantic_error("cannot take address of a script variable", node.span, "operator '&'")
                known = self.type_of(node.base)
                if known is None:
                    self._untyped(node)
                return CValue(self.resolve(node.base), known[0], user=known[1])
            case ast.AtVar():
                return self._global(node).value(node.span)

    def _global(self, node: ast.AtVar) -> TargetSource:
        """Return what `@var("name[@file]"[, "module"])` means. Raises ScriptError."""
        program = self._program(node.module)
        name, _, file = node.name.value.partition("@")
        if program is None:
            return self._kernel_global(name, file, node)
        found = program.global_variable(name, file or None)
        if found is None:
            where = f" in {file}" if file else ""
            semantic_error(f"unable to find global '{name}'{where}", node.span, "operator '@var'")
        return found

    def _kernel_global(self, name: str, file: str, node: ast.AtVar) -> TargetSource:
        """Return a variable of the kernel or a module of it: its address by its symbol, its type from the kernel's type
        information; both from debuginfo where that alone knows them."""
        module = node.module.value if node.module is not None and node.module.value != "kernel" else ""
        type_, is_per_cpu = self.names.inputs.types().variable(name) if not module else (None, False)
        if type_ is None:
            described = self.names.inputs.types().described(module, self._loaded_at)
            found = described.global_variable(name, file or None) if described is not None else None
            if found is not None:
                return found
            if not node.address_of or node.path:
                self._unknown_global(name, file, module, described is not None, node.span)

        def value(span: Span) -> CValue:
            address = self._symbol(name, span)
            if is_per_cpu:
                table = self._symbol("__per_cpu_offset", span)
                offset = combined("*", self._call("cpu", [], span), long(8, span), span)
                address = combined("+", address, read(combined("+", table, offset, span), 8, False, False, span), span)
            return CValue(address, type_, in_memory=True)

        return TargetSource(value, type_, "other")

    def _unknown_global(self, name: str, file: str, module: str, is_described: bool, span: Span) -> NoReturn:
        where = (f" in {file}" if file else "") + (f" of module '{module}'" if module else "")
        why = "" if is_described else (
            ": the kernel's type information has per-CPU variables alone, others "
            f'are described by debuginfo (DWARF), and there is none here; &@var("{name}") gives the address'
        )  # fmt: skip
        semantic_error(f"unable to find global '{name}'{where}{why}", span, "operator '@var'")

    def _loaded_at(self, name: str, offset: int, span: Span) -> n.Expression:
        return combined("+", self._symbol(name or "_text", span), long(wrap_long(offset), span), span)

    def _symbol(self, name: str, span: Span) -> n.Expression:
        return self._call("_symbol_address", [n.Constant(name, span=span, type=Type.STRING)], span)

    def _call(self, name: str, arguments: list[n.Expression], span: Span) -> n.Expression:
        row = self.names.inputs.builtins.lookup(name)[0]
        return n.BuiltinCall(row, arguments, span=span, type=row.returns or Type.UNKNOWN)

    def _program(self, module: ast.String | None) -> ProgramTypes | None:
        """Return the program of user space that a module names, without one the program that is probed."""
        if module is None:
            return self.scope.program
        return self.names.inputs.types().program(module.value)

    def _untyped(self, node: ast.PathOf) -> NoReturn:
        what = f"'{node.base.name}'" if isinstance(node.base, ast.Name | ast.Call) else "the expression"
        semantic_error(
            f"unknown type in autocast: {what} is no pointer of a known type; use @cast", node.span, "operator '->'"
        )

    def _named(self, node: ast.Cast) -> tuple[CType, bool]:
        """Return the type that a cast names, and whether it is one of user memory. Raises ScriptError."""
        program = self._program(node.module)
        found = program.named_type(node.type_name.value) if program is not None else None
        if found is not None:
            return found, True
        module = node.module.value if node.module is not None else None
        try:
            return self.names.inputs.types().named_type(node.type_name.value, module), False
        except LookupError as error:
            semantic_error(str(error.args[0]), node.type_name.span, "operator '@cast'")

    # --------------------------------------------------------------------------------------- types of values

    def type_of(self, node: ast.Expression, depth: int = 0) -> tuple[CType, bool] | None:
        """Return the C type that an expression has, if it has one, and whether it is of user memory.

        Nothing of it is resolved for good: this may be asked of any expression, at any time.
        """
        if depth > _MAX_DEPTH:
            return None
        match node:
            case ast.Name(name=name):
                return self._of_any(_assigned_to(name, self._bodies()), depth)
            case ast.Call():
                return self._of_call(node, depth)
            case ast.Conditional(yes=yes, no=no):
                return self.type_of(yes, depth + 1) or self.type_of(no, depth + 1)
            case ast.Assign(operator="=", value=value):
                return self.type_of(value, depth + 1)
            case ast.TargetVariable() | ast.Cast() | ast.PathOf():
                return self._of_path(node, depth)
            case ast.AtFunction(name="entry", arguments=(argument,)):
                return self.type_of(argument, depth + 1)
            case _:
                return None

    def _bodies(self) -> Sequence[ast.Node]:
        return (*self.scope.blocks, *self.names.inputs.script.items)

    def _of_any(self, values: Iterator[ast.Expression], depth: int) -> tuple[CType, bool] | None:
        for value in values:
            known = self.type_of(value, depth + 1)
            if known is not None:
                return known
        return None

    def _of_call(self, node: ast.Call, depth: int) -> tuple[CType, bool] | None:
        declarations = self.names.declared(node.name, len(node.arguments))
        if declarations:
            values = (value for declaration in declarations for value in _returned_by(declaration.body))
            return self._of_any(values, depth)
        for row in self.names.inputs.builtins.lookup(node.name):
            if row.c_type and len(row.parameters) == len(node.arguments):
                try:
                    return self.names.inputs.types().named_type(row.c_type), False
                except LookupError:
                    return None
        return None

    def _of_path(self, node: ast.TargetVariable | ast.Cast | ast.PathOf, depth: int) -> tuple[CType, bool] | None:
        if node.address_of or (node.path and isinstance(node.path[-1], ast.Pretty)):
            return None
        nothing = n.Constant(0, span=node.span, type=Type.LONG)
        value: CValue | None = None
        try:
            match node:
                case ast.TargetVariable():
                    source = self.scope.targets.get(node.name)
                    if source is None or source.type is None:
                        return None
                    value = CValue(nothing, source.type, user=True) if source.kept else source.value(node.span)
                case ast.Cast():
                    value = cast_to(nothing, *self._named(node))
                case ast.PathOf():
                    known = self.type_of(node.base, depth + 1)
                    if known is None:
                        return None
                    value = CValue(nothing, known[0], user=known[1])
            assert value is not None
            for step in node.path:
                if isinstance(step, ast.Member):
                    value = member_of(value, step.name, step.span)
                else:
                    value = element_of(value, nothing, step.span)
        except ScriptError:
            return None
        if value.type is None or value.type.kind not in (CKind.POINTER, CKind.ARRAY, CKind.COMPOSITE):
            return None
        return value.type, value.user

    # --------------------------------------------------------------------------------------------- constants

    def enum(self, node: ast.AtFunction) -> n.Expression:
        """Return the value of `@enum("NAME"[, "module"])`."""
        texts = [argument.value for argument in node.arguments if isinstance(argument, ast.String)]
        module = texts[1] if len(texts) > 1 else None
        program = self.scope.program if module is None else self.names.inputs.types().program(module)
        value = program.enum_value(texts[0]) if program is not None else None
        if value is None:
            value = self.names.inputs.types().enum_value(texts[0], module)
        if value is None:
            semantic_error(f"unable to find enumerator '{texts[0]}'", node.span, "operator '@enum'")
        return n.Constant(wrap_long(value), span=node.span, type=Type.LONG)


def _value_or_none(source: TargetSource, span: Span) -> CValue | None:
    """Return a variable's value; None for one that cannot be read at this place."""
    try:
        return source.value(span)
    except ScriptError:
        return None


def _assigned_to(name: str, bodies: Sequence[ast.Node]) -> Iterator[ast.Expression]:
    """Yield what is assigned to a variable of that name."""
    for body in bodies:
        for part in parts(body):
            if isinstance(part, ast.Assign) and part.operator == "=":
                target = part.target
                if isinstance(target, ast.Name) and target.name == name:
                    yield part.value


def _returned_by(body: ast.Node) -> Iterator[ast.Expression]:
    for part in parts(body):
        if isinstance(part, ast.Return) and part.value is not None:
            yield part.value
