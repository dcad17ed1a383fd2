"""Turns syntax expressions into resolved nodes: names become symbols, calls find their function.

counts[execname()] ++        Update(ElementValue(counts, [BuiltinCall(execname)]), "+", 1, gives_old)
"""

from __future__ import annotations

from ..arch import x86_64 as arch
from ..diagnostics import Diagnostic, ScriptError, semantic_error, similar
from ..lean import Literal, cast
from ..program import nodes as n
from ..program.attach import (
    VERDICT,
    KernelFunctions,
    NetfilterHook,
    Never,
    PerfClock,
    PerfSamples,
    Phase,
    ProcFile,
    StandardInput,
    Syscalls,
    Timer,
    Tracepoints,
    Uprobes,
    Watchpoint,
)
from ..program.builtins import Effect
from ..program.posix_regex import translate
from ..program.symbols import Global
from ..program.types import Type, wrap_long
from ..source import Span
from ..syntax import ast
from ..syntax.formats import read_format
from .c_values import moved, read
from .fold import fold
from .resolve_targets import TargetResolver
from .rewrite import rewrite_expression
from .scope import Names, Scope
from .syscall_entry_values import with_entry_values
from .walk import subexpressions


class ExpressionResolver:
    """Resolves the expressions of one body in its scope."""

    def __init__(self, names: Names, scope: Scope) -> None:
        self.names = names
        self.scope = scope
        self.targets = TargetResolver(names, scope, self.expression)

    def expression(self, node: ast.Expression) -> n.Expression:
        """Return the resolved form of an expression; raises ScriptError for what has no meaning."""
        match node:
            case ast.Number(value=value):
                return n.Constant(value, span=node.span, type=Type.LONG)
            case ast.String(value=text):
                return n.Constant(text, span=node.span, type=Type.STRING)
            case ast.Name():
                return self._name(node)
            case ast.Element():
                return self._element(node, wildcards=False)
            case ast.Unary():
                return self._unary(node)
            case ast.Binary():
                return self._binary(node)
            case ast.Conditional():
                condition = self.expression(node.condition)
                if isinstance(condition, n.Constant) and isinstance(condition.value, int):
                    return self.expression(node.yes if condition.value else node.no)
                return n.Conditional(condition, self.expression(node.yes), self.expression(node.no), span=node.span)
            case ast.Assign():
                return self._assign(node)
            case ast.Increment():
                one = n.Constant(1, span=node.span, type=Type.LONG)
                operator: Literal["+", "-"] = "+" if node.operator == "++" else "-"
                target = self._target(node.target)
                return n.Update(target, operator, one, not node.prefix, span=node.span, type=Type.LONG)
            case ast.In():
                return self._contains(node)
            case ast.Call():
                return self._call(node)
            case ast.Print():
                return self._print(node)
            case ast.StatisticOf():
                return self._statistic(node)
            case ast.HistogramOf():
                shape, statistic = self.histogram(node)
                return n.HistogramText(shape, statistic, span=node.span, type=Type.STRING)
            case ast.Bucket():
                shape, statistic = self.histogram(node.histogram)
                return n.BucketValue(shape, statistic, self.expression(node.keys[0]), span=node.span, type=Type.LONG)
            case ast.TargetVariable(name="$verdict", path=()) if isinstance(self.scope.attach, NetfilterHook):
                return self._verdict(node)
            case ast.TargetVariable() | ast.AtVar() | ast.Cast() | ast.PathOf():
                return self.targets.expression(node)
            case ast.AtFunction():
                return self._at_function(node)
            case ast.Wildcard():
                semantic_error("unexpected wildcard outside an array slice", node.span, "operator '*'")
            case ast.EmbeddedExpression():
                semantic_error(
                    "embedded C is not available: programs run as verified eBPF; use the script language",
                    node.span, "embedded code",
                )  # fmt: skip

    # ------------------------------------------------------------------------------------------- variables

    def _name(self, node: ast.Name) -> n.Expression:
        local = self.scope.locals.get(node.name)
        if local is not None:
            return n.LocalValue(local, span=node.span)
        variable = self.names.global_named(node.name, self.scope.source)
        if variable is not None:
            self._arity(variable, 0, node.span)
            return n.GlobalValue(variable, span=node.span)
        offered = self.scope.offered.get(node.name)
        if offered is not None and node.name not in self.scope.assigned:
            return with_entry_values(self.names, self.scope, offered(node.span))
        if offered is None:
            variable = self.names.library_global(node.name)
            # What a handler assigns is its own, unless the library gives it a value to start with: argc.
            if variable is not None and (variable.initial is not None or node.name not in self.scope.assigned):
                self._arity(variable, 0, node.span)
                return n.GlobalValue(variable, span=node.span)
        value = n.LocalValue(self.scope.local(node.name, node.span), span=node.span)
        if offered is not None:
            start = with_entry_values(self.names, self.scope, offered(node.span))
            self.scope.prologue.append(n.Evaluate(n.Assign(value, start, span=node.span), span=node.span))
        elif node.name not in self.scope.assigned:
            others = {*self.scope.locals, *self.scope.offered, *(g.name for g in self.names.all_globals())}
            hint = similar(node.name, others - {node.name})
            self.names.diagnostics.add(
                Diagnostic(
                    "WARNING", f"never-assigned local variable '{node.name}'{hint}", node.span,
                    f"identifier '{node.name}'",
                )
            )  # fmt: skip
        return value

    def array(self, name: ast.Name, arity: int, what: str = "array") -> Global:
        """Return the global array of that name with `arity` keys."""
        variable = self.names.global_named(name.name, self.scope.source) or self.names.library_global(name.name)
        if variable is None:
            known = {g.name for g in self.names.all_globals()}
            unknown = f"arity-{arity} global {what} {name.name}" if arity else f"global {what} {name.name}"
            message = f"unresolved {unknown}, missing global declaration?{similar(name.name, known)}"
            semantic_error(message, name.span, f"identifier '{name.name}'")
        self._arity(variable, arity, name.span)
        return variable

    def _arity(self, variable: Global, arity: int, span: Span) -> None:
        first = self.names.arities.get(variable)
        if first is None:
            self.names.arities[variable] = (arity, span)
            if arity:
                variable.is_array = True
                variable.key_types = [Type.UNKNOWN] * arity
                variable.key_widths = [0] * arity
            return
        if first[0] != arity:
            subject = f"identifier '{variable.name}'"
            note = Diagnostic("semantic error", f"arity {first[0]} first inferred here", first[1], subject)
            error = ScriptError(
                Diagnostic("semantic error", f"inconsistent arity ({first[0]} vs {arity})", span, subject)
            )
            self.names.diagnostics.add(error.diagnostic)
            raise ScriptError(note)

    def _element(self, node: ast.Element, wildcards: bool) -> n.ElementValue:
        array = self.array(node.array, len(node.keys))
        keys = [self._key(key, wildcards) for key in node.keys]
        return n.ElementValue(array, keys, span=node.span)

    def _key(self, key: ast.Expression, wildcards: bool = True) -> n.Expression | None:
        if isinstance(key, ast.Wildcard) and wildcards:
            return None
        return self.expression(key)

    def element_or_slice(self, node: ast.Element) -> n.ElementValue:
        """Return an element whose keys may be wildcards (for delete)."""
        return self._element(node, wildcards=True)

    def keys(self, keys: tuple[ast.Expression, ...]) -> list[n.Expression | None]:
        """Return resolved keys, None for a wildcard."""
        return [self._key(key) for key in keys]

    def _target(self, node: ast.Expression) -> n.Assignable:
        match node:
            case ast.Name() | ast.Element():
                target = self.expression(node)
                if isinstance(target, n.LocalValue | n.GlobalValue | n.ElementValue):
                    return target
            case ast.TargetVariable(name="$verdict", path=()) if self.names.inputs.guru and isinstance(
                self.scope.attach, NetfilterHook
            ):
                return self._verdict(node)
            case ast.TargetVariable() | ast.Cast() | ast.PathOf() | ast.AtVar():
                if self.names.inputs.guru:
                    semantic_error(
                        "write to target variable not permitted: eBPF programs cannot write kernel memory, nor "
                        "registers; set_user_int() and its like write user memory", node.span, "expression",
                    )  # fmt: skip
                subject = f"identifier '{node.name}'" if isinstance(node, ast.TargetVariable) else "expression"
                semantic_error("write to target variable not permitted; need stap -g", node.span, subject)
            case _:
                pass
        semantic_error("expected lvalue", node.span, "expression")

    def _verdict(self, node: ast.TargetVariable) -> n.LocalValue:
        """Return what becomes of a packet: a local that starts with 1, to let it pass."""
        is_new = VERDICT not in self.scope.locals
        value = n.LocalValue(self.scope.local(VERDICT, node.span), span=node.span)
        if is_new:
            passes = n.Constant(1, span=node.span, type=Type.LONG)
            self.scope.prologue.append(n.Evaluate(n.Assign(value, passes, span=node.span), span=node.span))
        return value

    def _contains(self, node: ast.In) -> n.Expression:
        if isinstance(node.array, ast.HistogramOf):
            return self._contains_bucket(node, node.array)
        array = self.array(node.array, len(node.keys))
        return n.Contains(array, self.keys(node.keys), span=node.span, type=Type.LONG)

    def _contains_bucket(self, node: ast.In, histogram: ast.HistogramOf) -> n.Expression:
        """Return whether a histogram has a bucket of that number, be it empty: `0 <= key && key <= last`."""
        if len(node.keys) != 1:
            semantic_error("a histogram has one index", node.span, "operator 'in'")
        shape, _ = self.histogram(histogram)
        key, last = self.expression(node.keys[0]), _last_bucket(shape)
        span = node.span
        if not all(_has_no_effect(part) for part in subexpressions(key)):
            semantic_error("the index must not change anything", node.keys[0].span, "operator 'in'")
        low = n.Binary(">=", key, n.Constant(0, span=span, type=Type.LONG), span=span, type=Type.LONG)
        high = n.Binary("<=", key, n.Constant(last, span=span, type=Type.LONG), span=span, type=Type.LONG)
        return n.Logical("&&", low, high, span=span, type=Type.LONG)

    # ------------------------------------------------------------------------------------------- operators

    def _unary(self, node: ast.Unary) -> n.Expression:
        operand = self.expression(node.operand)
        if node.operator == "+":
            return operand
        return fold(n.Unary(node.operator, operand, span=node.span, type=Type.LONG))

    def _binary(self, node: ast.Binary) -> n.Expression:
        left = self.expression(node.left)
        if node.operator in ("=~", "!~"):
            if not isinstance(node.right, ast.String):
                semantic_error("the right side of a match is a string literal", node.right.span, "expression")
            try:
                translate(node.right.value)
            except ValueError as error:
                where = node.right.span
                message = f"regex compilation error: {error}"
                raise ScriptError(
                    Diagnostic("semantic error", message, where, f"string '{node.right.value}'")
                ) from None
            return n.Match(left, node.right.value, node.operator == "!~", span=node.span, type=Type.LONG)
        if (
            isinstance(left, n.Constant)
            and isinstance(left.value, int)
            and node.operator == ("||" if left.value else "&&")
        ):
            return n.Constant(int(bool(left.value)), span=node.span, type=Type.LONG)
        right = self.expression(node.right)
        if node.operator in ("&&", "||"):
            value = right.value if isinstance(right, n.Constant) else ""
            decides = isinstance(value, int) and bool(value) is (node.operator == "||")
            if decides and all(_has_no_effect(part) for part in subexpressions(left)):
                return n.Constant(int(node.operator == "||"), span=node.span, type=Type.LONG)  # pid() == 1 && 0
            return fold(n.Logical(node.operator, left, right, span=node.span, type=Type.LONG))
        kind = Type.STRING if node.operator == "." else Type.LONG
        return fold(n.Binary(cast("n.BinaryOperator", node.operator), left, right, span=node.span, type=kind))

    def _assign(self, node: ast.Assign) -> n.Expression:
        if node.operator == "<<<":
            return n.Aggregate(self.statistic(node.target), self.expression(node.value), span=node.span, type=Type.LONG)
        if isinstance(node.target, ast.TargetVariable) and not node.target.path and node.operator in ("=", ".="):
            offered = self.scope.targets.get(node.target.name)
            if offered is not None and offered.assign is not None:
                return offered.assign(self.expression(node.value), node.operator == ".=", node.span)
        target = self._target(node.target)
        value = self.expression(node.value)
        if node.operator == "=":
            return n.Assign(target, value, span=node.span)
        operator = cast("n.UpdateOperator", node.operator[:-1])
        return n.Update(target, operator, value, span=node.span, type=Type.STRING if operator == "." else Type.LONG)

    # ------------------------------------------------------------------------------------------ statistics

    def statistic(self, node: ast.Expression) -> n.GlobalValue | n.ElementValue:
        """Return the global statistic that an aggregate operation works on."""
        match node:
            case ast.Element():
                value: n.GlobalValue | n.ElementValue = self._element(node, wildcards=False)
                variable = cast(n.ElementValue, value).array
            case ast.Name():
                variable = self.array(node, 0, "aggregate")
                value = n.GlobalValue(variable, span=node.span)
            case _:
                semantic_error(
                    "expected a statistic, a global or an element of a global array", node.span, "expression"
                )
        value.type = Type.STATISTIC
        return value

    def histogram(self, node: ast.HistogramOf) -> tuple[tuple[str | int, ...], n.GlobalValue | n.ElementValue]:
        """Return the shape of a histogram and its statistic, which keeps the buckets from now on."""
        shape, statistic = histogram_shape(node), self.statistic(node.statistic)
        variable = statistic.array if isinstance(statistic, n.ElementValue) else statistic.variable
        if shape not in variable.histograms:
            variable.histograms.append(shape)
        return shape, statistic

    def _statistic(self, node: ast.StatisticOf) -> n.Expression:
        shift = node.parameters[0].value if node.parameters else 0
        statistic = self.statistic(node.statistic)
        if node.function == "variance":
            variable = statistic.array if isinstance(statistic, n.ElementValue) else statistic.variable
            variable.reads_variance = True
            variable.shift = shift
        return n.StatisticOf(node.function, statistic, shift, span=node.span, type=Type.LONG)

    # ----------------------------------------------------------------------------------------------- calls

    def _call(self, node: ast.Call) -> n.Expression:
        own = self.scope.functions.get(node.name)
        if own is not None and not node.arguments:
            return own(node.span)
        functions = self.names.overloads(node.name, len(node.arguments), self.scope)
        arguments = [self.expression(argument) for argument in node.arguments]
        if functions:
            return n.FunctionCall(functions[0], arguments, span=node.span)
        fitting = [row for row in self.names.inputs.builtins.lookup(node.name) if len(row.parameters) == len(arguments)]
        if not fitting:
            self.names.fail_unknown(node.name, len(arguments), node.span)
        row = fitting[0]
        if row.guru and not self.names.inputs.guru:
            semantic_error(f"function '{node.name}' needs stap -g", node.span, f"identifier '{node.name}'")
        if row.expands is not None:
            return self._placed(row.expands(node.span, *arguments), node)
        return n.BuiltinCall(row, arguments, span=node.span, type=row.returns or Type.UNKNOWN)

    def _placed(self, value: n.Expression, node: ast.Call) -> n.Expression:
        """Return what a call expands to; the arguments of the probed function are those that this kind of probe has."""
        if node.name == "addr":
            return self._interrupted(value)
        if any(_is_register(part) for part in subexpressions(value)):
            self._check_registers(node)
            return value
        if not any(_is_argument(part) for part in subexpressions(value)):
            return value
        match self.scope.attach:
            case KernelFunctions() | Tracepoints() | NetfilterHook() | Uprobes():
                return value
            case Syscalls():
                return rewrite_expression(value, _system_call_argument)
            case _:
                message = f"function '{node.name}' is available in the handlers of probes on functions only"
                semantic_error(message, node.span, f"identifier '{node.name}'")

    def _interrupted(self, value: n.Expression) -> n.Expression:
        """Return what addr() is in this kind of probe: 0 where there are no registers."""
        match self.scope.attach:
            case PerfClock() | PerfSamples() | Watchpoint():
                return value
            case Uprobes() if "uaddr" in self.scope.functions:
                return self.scope.functions["uaddr"](value.span)
            case KernelFunctions(returns=False):
                return self._builtin("_function_entry", [self._builtin("_kernel_stack", [], value.span)], value.span)
            case _:
                return n.Constant(0, span=value.span, type=Type.LONG)

    def _builtin(self, name: str, arguments: list[n.Expression], span: Span) -> n.Expression:
        row = self.names.inputs.builtins.lookup(name)[0]
        return n.BuiltinCall(row, arguments, span=span, type=row.returns or Type.UNKNOWN)

    def _check_registers(self, node: ast.Call | ast.AtFunction) -> None:
        """Raise ScriptError where the handler's kind of probe has no registers."""
        if not isinstance(self.scope.attach, Uprobes | KernelFunctions | PerfSamples | PerfClock | Watchpoint):
            semantic_error(f"{node.name}: CPU registers cannot be read here, the probe has none", node.span, "operator")

    def _at_function(self, node: ast.AtFunction) -> n.Expression:
        match node.name:
            case "defined":
                return n.Constant(int(self._is_defined(node)), span=node.span, type=Type.LONG)
            case "const":
                return self._const(node)
            case "enum":
                return self.targets.enum(node)
            case "entry" if len(node.arguments) == 1:
                return self.targets.at_entry(node.arguments[0], node.span)
            case "kregister" | "uregister" if len(node.arguments) == 1:
                return self._register(node)
            case "kderef" | "uderef" if len(node.arguments) == 2:
                return self._dereference(node)
            case "probewrite" if len(node.arguments) == 1:
                argument = node.arguments[0]
                written = isinstance(argument, ast.Name) and argument.name in self.scope.assigned
                return n.Constant(int(written), span=node.span, type=Type.LONG)
            case "perf":
                return self._perf_counter(node)
            case "errno":
                known = self.scope.functions.get("@errno")
                if known is None:
                    semantic_error(
                        "@errno is that of a process: only process probes have it", node.span, "operator '@errno'"
                    )
                return known(node.span)
            case "choose_defined" if len(node.arguments) == 2:
                probe = ast.AtFunction("defined", node.arguments[:1], span=node.span)
                return self.expression(node.arguments[0 if self._is_defined(probe) else 1])
            case _:
                semantic_error(f"operator '@{node.name}' is not available here", node.span, f"operator '@{node.name}'")

    def _dereference(self, node: ast.AtFunction) -> n.Expression:
        size, address = node.arguments
        if not isinstance(size, ast.Number) or size.value not in (1, 2, 4, 8):
            semantic_error("size must be 1, 2, 4 or 8", size.span, f"operator '@{node.name}'")
        return read(self.expression(address), size.value, False, node.name == "uderef", node.span)

    def _perf_counter(self, node: ast.AtFunction) -> n.Expression:
        name = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(name, ast.String):
            semantic_error("@perf takes one literal string", node.span, "operator '@perf'")
        known = self.names.counters
        if name.value not in known:
            message = f"perf counter '{name.value}' is not defined by any probe{similar(name.value, known)}"
            semantic_error(message, name.span, "operator '@perf'")
        if isinstance(self.scope.attach, Phase | Timer | ProcFile | StandardInput | Never | None):
            message = "perf counters are read in the handlers of kernel and process probes only"
            semantic_error(message, node.span, "operator '@perf'")
        return n.ContextValue(n.ContextKind.PERF_COUNTER, known.index(name.value), span=node.span, type=Type.LONG)

    def _register(self, node: ast.AtFunction) -> n.Expression:
        """Return `@kregister(n)` or `@uregister(n)`: n is a DWARF number. Raises ScriptError."""
        number = node.arguments[0]
        names = arch.DWARF_REGISTERS
        if not isinstance(number, ast.Number) or not 0 <= number.value < len(names):
            message = f"unknown register: DWARF numbers are 0 to {len(names) - 1}"
            semantic_error(message, number.span, f"operator '@{node.name}'")
        place = arch.PT_REGS_OFFSETS[names[number.value]]
        if node.name == "kregister" or isinstance(self.scope.attach, Uprobes):
            self._check_registers(node)
            return n.ContextValue(n.ContextKind.REGISTER, place // 8, span=node.span, type=Type.LONG)
        loads = self.names.inputs.types().member_loads("task_struct", ("stack",))
        stack = n.ContextValue(n.ContextKind.CURRENT_TASK, span=node.span, type=Type.LONG)
        offset = arch.KERNEL_STACK_SIZE - arch.PT_REGS_SIZE + place
        base = read(moved(stack, loads[-1].offset, node.span), 8, False, False, node.span)
        return read(moved(base, offset, node.span), 8, False, False, node.span)

    def _const(self, node: ast.AtFunction) -> n.Expression:
        text = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(text, ast.String):
            semantic_error("@const takes one literal string", node.span, "operator '@const'")
        value = self.names.inputs.constant(text.value)
        if value is None:
            semantic_error(f"unknown constant '{text.value}'", text.span, "operator '@const'")
        return n.Constant(wrap_long(value), span=node.span, type=Type.LONG)

    def _is_defined(self, node: ast.AtFunction) -> bool:
        try:
            for argument in node.arguments:
                self.expression(argument)
        except ScriptError:
            return False
        return True

    # -------------------------------------------------------------------------------------------- printing

    def _print(self, node: ast.Print) -> n.Expression:
        to_output = not node.name.startswith("s")
        name = node.name.removeprefix("s")
        arguments = list(node.arguments)
        pieces: list[n.FormatPiece] = []
        if name == "printf":
            if not arguments or not isinstance(arguments[0], ast.String):
                raise ScriptError(
                    Diagnostic("parse error", "expected format string", node.span, f"identifier '{node.name}'")
                )
            pieces = [n.FormatPiece(*piece) for piece in read_format(arguments[0].value)]
            values = [self.expression(argument) for argument in arguments[1:]]
            self._check_count(node, pieces, values)
        else:
            delimiter: str | None = None
            if name.startswith("printd"):
                if len(arguments) < 1 or not isinstance(arguments[0], ast.String):
                    semantic_error("expected literal delimiter", node.span, f"identifier '{node.name}'")
                delimiter = arguments[0].value
                del arguments[0]
            values = [self.expression(argument) for argument in arguments]
            for i in range(len(values)):
                if i and delimiter:
                    pieces.append(n.FormatPiece("", delimiter))
                pieces.append(n.FormatPiece("?"))  # inference turns it into d or s
            if name.endswith("ln"):
                pieces.append(n.FormatPiece("", "\n"))
        kind = Type.UNKNOWN if to_output else Type.STRING
        return n.Format(pieces, values, to_output, span=node.span, type=kind)

    def _check_count(self, node: ast.Print, pieces: list[n.FormatPiece], values: list[n.Expression]) -> None:
        wanted = 0
        for piece in pieces:
            wanted += (piece.width == "*") + (piece.precision == "*") + (piece.conversion != "")
        if wanted != len(values):
            semantic_error("Wrong number of args to formatted print operator", node.span, f"identifier '{node.name}'")


def _last_bucket(shape: tuple[str | int, ...]) -> int:
    """Return the number of a histogram's last bucket (man stap, "STATISTICS"; abi/histograms counts them)."""
    if shape[0] == "hist_log":
        return 127
    low, high, width = map(int, shape[1:])
    return (high - low) // width + 2


def _has_no_effect(node: n.Expression) -> bool:
    """Tell whether evaluating an expression, its operands apart, changes nothing and cannot fail."""
    match node:
        case n.Constant() | n.LocalValue() | n.GlobalValue() | n.ContextValue() | n.Unary() | n.Logical():
            return True
        case n.Binary(operator=operator):
            return operator not in ("/", "%")
        case n.BuiltinCall(builtin=builtin):
            return builtin.effect in (Effect.PURE, Effect.CONTEXT) and not builtin.raises
        case _:
            return False


def _is_argument(node: n.Expression) -> bool:
    return isinstance(node, n.ContextValue) and node.kind is n.ContextKind.ARGUMENT


def _is_register(node: n.Expression) -> bool:
    return isinstance(node, n.ContextValue) and node.kind is n.ContextKind.REGISTER


def _system_call_argument(node: n.Expression) -> n.Expression | None:
    if isinstance(node, n.ContextValue) and _is_argument(node):
        return n.ContextValue(n.ContextKind.SYSCALL_ARGUMENT, min(node.index, 5), span=node.span, type=Type.LONG)
    return None


def histogram_shape(node: ast.HistogramOf) -> tuple[str | int, ...]:
    """Return the shape of a histogram; raises ScriptError when its parameters make none."""
    numbers = [parameter.value for parameter in node.parameters]
    if node.function == "hist_log":
        return ("hist_log",)
    if len(numbers) != 3:
        semantic_error("@hist_linear takes low, high and width", node.span, "operator '@hist_linear'")
    low, high, width = numbers
    if width <= 0 or high <= low or (high - low) // width > 10_000:
        semantic_error("impossible histogram bounds", node.span, "operator '@hist_linear'")
    return ("hist_linear", low, high, width)
