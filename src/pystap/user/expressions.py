"""Expressions of a script as Python expressions.

    a[x, s] += n++   ->   (t1 := (l_x, l_s), t2 := (t3 := l_n, l_n := wrap(t3 + 1))[0], ...)[-1]

Every source text made here stands for itself inside a larger expression (it is a name, a literal, a call or in
parentheses) and is evaluated once, left to right.
"""

from __future__ import annotations

from ..program import fault_messages as faults
from ..program import nodes as n
from ..program.builtins import Effect
from ..program.types import Type
from .format_source import Argument, format_source
from .globals import attribute_name
from .module import Scope, global_source
from .walk import has_effect

_INDEXED = (n.ContextKind.SYSCALL_ARGUMENT, n.ContextKind.ARGUMENT, n.ContextKind.REGISTER)


def value(scope: Scope, node: n.Expression) -> str:
    """Return the source of an expression's value: an int, or a str."""
    match node:
        case n.Constant(value=constant):
            return ascii(constant) if isinstance(constant, str) or constant >= 0 else f"({constant})"
        case n.LocalValue(local=local):
            return scope.local(local)
        case n.GlobalValue(variable=variable):
            return global_source(variable)
        case n.ElementValue():
            return f"{global_source(node.array)}.get({key(scope, node.keys)})"
        case n.Unary():
            return _unary(scope, node)
        case n.Binary() | n.Logical() | n.Match() | n.Contains():
            return _binary(scope, node)
        case n.Conditional():
            yes, no = value(scope, node.yes), value(scope, node.no)
            return f"({yes} if {condition(scope, node.condition)} else {no})"
        case n.Assign():
            return _assign(scope, node)
        case n.Update():
            return _update(scope, node)
        case n.Aggregate():
            return aggregate(scope, node)
        case n.StatisticOf() | n.HistogramText() | n.BucketValue():
            return _extract(scope, node)
        case n.FunctionCall():
            return f"{scope.module.function(node.function)}({_list(scope, node.arguments)})"
        case n.BuiltinCall():
            return _builtin(scope, node)
        case n.Format():
            return f"write({format_text(scope, node)})" if node.to_output else f"({format_text(scope, node)})"
        case n.TableText():
            return _table(scope, node)
        case n.ReadMemory() | n.ReadString():
            return _read(scope, node)
        case n.ContextValue():
            return f"context.get({context_value_key(node)!r}, 0)"
        case n.Captured():
            return f"c{node.index}"
        case n.ReadBlock() | n.EntryValue():
            raise ValueError(f"{type(node).__name__} does not stand in user code")


def condition(scope: Scope, node: n.Expression) -> str:
    """Return the source of an expression that Python takes for true where the script's value is not 0."""
    match node:
        case n.Binary(operator="<" | ">" | "<=" | ">=" | "==" | "!=" as operator):
            return f"({value(scope, node.left)} {operator} {value(scope, node.right)})"
        case n.Logical():
            word = "and" if node.operator == "&&" else "or"
            return f"({condition(scope, node.left)} {word} {condition(scope, node.right)})"
        case n.Unary(operator="!"):
            return f"(not {condition(scope, node.operand)})"
        case n.Match():
            regex = scope.module.constant("REGEX", f"{scope.module.helper('Regex')}({node.pattern!a})")
            text = value(scope, node.text)
            call = f"{regex}.match(rt, {text})" if scope.module.uses_groups else f"{regex}.test({text})"
            return f"(not {call})" if node.negated else call
        case n.Contains():
            return _contains(scope, node)
        case _:
            return value(scope, node)


def key(scope: Scope, keys: list[n.Expression | None]) -> str:
    """Return the source of an array's key: the value of a single column, a tuple of several."""
    parts = [value(scope, part) for part in keys if part is not None]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def pattern(scope: Scope, keys: list[n.Expression | None]) -> str:
    """Return the source of a slice: a tuple with None for each `*`."""
    parts = ["None" if part is None else value(scope, part) for part in keys]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def statistic(scope: Scope, node: n.GlobalValue | n.ElementValue) -> str:
    """Return the source of a Statistic to be read."""
    if isinstance(node, n.GlobalValue):
        return global_source(node.variable)
    return f"{global_source(node.array)}.statistic({key(scope, node.keys)})"


def shape_constant(scope: Scope, shape: tuple[str | int, ...]) -> str:
    return scope.module.constant("SHAPE", ascii(shape))


def overflow_fault(scope: Scope, target: n.ElementValue) -> str:
    """Return the constant of the error for a new element that has no room."""
    array = target.array
    size = scope.module.limits.max_map_entries if array.size is None else array.size
    make = faults.aggregation_overflow if array.type is Type.STATISTIC else faults.array_overflow
    return scope.module.fault(make(array.name, size, target.span))


def combine(scope: Scope, node: n.Binary | n.Update, left: str, right: str) -> str:
    """Return the source of `left operator right` for an operation whose operands have these sources."""
    operator: str = node.operator
    target = node.left if isinstance(node, n.Binary) else node.target
    width = target.width + (node.right if isinstance(node, n.Binary) else node.value).width
    module = scope.module
    match operator:
        case "+" | "-" | "*":
            return f"{module.helper('wrap')}({left} {operator} {right})"
        case "/" | "%":
            written = operator if isinstance(node, n.Binary) else operator + "="
            fault = module.fault(faults.division_by_zero(written, node.span, target.span))
            return f"{module.helper('divide' if operator == '/' else 'remainder')}({left}, {right}, {fault})"
        case "&" | "^" | "|":
            return f"({left} {operator} {right})"
        case "<<":
            return f"{module.helper('shift_left')}({left}, {right})"
        case ">>":
            return f"{module.helper('shift_right')}({left}, {right})"
        case ">>>":
            return f"{module.helper('shift_right_unsigned')}({left}, {right})"
        case ".":
            limit = module.limits.max_width
            return f"({left} + {right})" + (f"[:{limit}]" if width > limit else "")
        case _:
            raise ValueError(f"no operator {operator}")


def aggregate(scope: Scope, node: n.Aggregate) -> str:
    if isinstance(node.target, n.GlobalValue):
        return f"{global_source(node.target.variable)}.add({value(scope, node.value)})"
    target = node.target
    fault = overflow_fault(scope, target)
    return f"{global_source(target.array)}.aggregate({key(scope, target.keys)}, {value(scope, node.value)}, {fault})"


def format_text(scope: Scope, node: n.Format) -> str:
    """Return the source of a format's text; what becomes a string ends at a NUL and at MAXSTRINGLEN."""
    arguments = [Argument(value(scope, argument), argument) for argument in node.arguments]
    text = format_source(scope.module, node.pieces, arguments, node.span)
    limit = scope.module.limits.max_width
    if node.to_output:
        return text
    if any(piece.conversion in ("c", "b", "m") for piece in node.pieces):
        text = f"{scope.module.helper('before_nul')}({text})"
    return text if 0 < node.width < limit else f"({text})[:{limit}]"


def context_key(node: n.BuiltinCall) -> str:
    """Return the key of a context built-in's value in Event.context: its name, and its constant arguments if any."""
    if not node.arguments:
        return node.builtin.name
    parts = [repr(part.value) if isinstance(part, n.Constant) else "?" for part in node.arguments]
    return f"{node.builtin.name}({','.join(parts)})"


def context_value_key(node: n.ContextValue) -> str:
    """Return the key of a value of the probe's context in Event.context."""
    if node.name:
        return f"{node.kind.value} {node.name}"
    return f"{node.kind.value} {node.index}" if node.kind in _INDEXED else node.kind.value


def _list(scope: Scope, nodes: list[n.Expression]) -> str:
    return ", ".join(value(scope, node) for node in nodes)


def _unary(scope: Scope, node: n.Unary) -> str:
    if node.operator == "!":
        return f"(0 if {condition(scope, node.operand)} else 1)"
    operand = value(scope, node.operand)
    return f"(~{operand})" if node.operator == "~" else f"{scope.module.helper('wrap')}(-{operand})"


def _binary(scope: Scope, node: n.Binary | n.Logical | n.Match | n.Contains) -> str:
    if not isinstance(node, n.Binary) or node.operator in ("<", ">", "<=", ">=", "==", "!="):
        return f"(1 if {condition(scope, node)} else 0)"
    left, right = value(scope, node.left), value(scope, node.right)
    return combine(scope, node, left, right)


def _contains(scope: Scope, node: n.Contains) -> str:
    array = global_source(node.array)
    if any(part is None for part in node.keys):
        return f"{array}.contains_match({pattern(scope, node.keys)})"
    return f"{array}.contains({key(scope, node.keys)})"


def _assign(scope: Scope, node: n.Assign) -> str:
    source = value(scope, node.value)
    match node.target:
        case n.LocalValue(local=local):
            return f"({scope.local(local)} := {source})"
        case n.GlobalValue(variable=variable):
            return f"{scope.module.helper('set_global')}(g, {attribute_name(variable.name)!r}, {source})"
        case n.ElementValue() as element:
            fault = overflow_fault(scope, element)
            return f"{global_source(element.array)}.put({key(scope, element.keys)}, {source}, {fault})"


def _update(scope: Scope, node: n.Update) -> str:
    """The keys, then the value, then the target is read and written: a tuple of these steps."""
    steps: list[str] = []
    at = ""
    if isinstance(node.target, n.ElementValue):
        at = scope.temporary()
        steps.append(f"{at} := {key(scope, node.target.keys)}")
    right = value(scope, node.value)
    if has_effect(node.value):
        name = scope.temporary()
        steps.append(f"{name} := {right}")
        right = name
    old = _read_target(scope, node.target, at)
    if node.gives_old:
        name = scope.temporary()
        steps.append(f"{name} := {old}")
        old = name
    steps.append(_write_target(scope, node.target, at, combine(scope, node, old, right)))
    if node.gives_old:
        steps.append(old)
    return f"({steps[0]})" if len(steps) == 1 else f"({', '.join(steps)})[-1]"


def _read_target(scope: Scope, target: n.Assignable, at: str) -> str:
    return f"{global_source(target.array)}.get({at})" if isinstance(target, n.ElementValue) else value(scope, target)


def _write_target(scope: Scope, target: n.Assignable, at: str, source: str) -> str:
    match target:
        case n.LocalValue(local=local):
            return f"{scope.local(local)} := {source}"
        case n.GlobalValue(variable=variable):
            return f"{scope.module.helper('set_global')}(g, {attribute_name(variable.name)!r}, {source})"
        case n.ElementValue(array=array):
            return f"{global_source(array)}.put({at}, {source}, {overflow_fault(scope, target)})"


def _extract(scope: Scope, node: n.StatisticOf | n.HistogramText | n.BucketValue) -> str:
    found = statistic(scope, node.statistic)
    if isinstance(node, n.StatisticOf):
        if node.function in ("count", "sum"):
            return f"{found}.{node.function}"
        method = {"min": "minimum", "max": "maximum", "avg": "average"}.get(node.function, node.function)
        return f"{found}.{method}({scope.module.fault(faults.empty_aggregate(node.function, node.span))})"
    shape = shape_constant(scope, node.shape)
    empty = scope.module.fault(faults.empty_aggregate(str(node.shape[0]), node.span))
    if isinstance(node, n.HistogramText):
        return f"{found}.histogram_text({shape}, {empty}, {scope.module.limits.histogram_elision})"
    outside = scope.module.fault(faults.bucket_out_of_range(str(node.shape[0]), node.span))
    return f"{found}.bucket({shape}, {value(scope, node.bucket)}, {empty}, {outside})"


def _builtin(scope: Scope, node: n.BuiltinCall) -> str:
    """A call of a built-in; of a context built-in in an event the captured value if there is one."""
    arguments = _list(scope, node.arguments)
    call = f"{scope.module.builtin(node.builtin)}(rt{', ' if arguments else ''}{arguments})"
    if node.builtin.raises or not scope.place:  # a line has one place: that of error() if it stands there
        scope.place = faults.near_call(node.builtin.name, node.span)
    if scope.in_event and node.builtin.effect is Effect.CONTEXT:
        name = ascii(context_key(node))
        call = f"(context[{name}] if {name} in context else {call})"
    return call


def _table(scope: Scope, node: n.TableText) -> str:
    table = scope.module.constant("TABLE", ascii(node.table))
    return f"{scope.module.helper('table_text')}({table}, {value(scope, node.index)}, {node.otherwise!a})"


def _read(scope: Scope, node: n.ReadMemory | n.ReadString) -> str:
    address = value(scope, node.address)
    if isinstance(node, n.ReadString):
        fault = scope.module.fault(faults.string_fault(node.user, node.span))
        limit = min(node.limit, scope.module.limits.max_width)
        if node.otherwise is None:
            return f"{scope.module.helper('read_string')}(rt, {address}, {limit}, {node.user}, {fault})"
        otherwise = value(scope, node.otherwise)
        return f"{scope.module.helper('read_string_or')}(rt, {address}, {limit}, {node.user}, {otherwise})"
    fault = scope.module.fault(faults.read_fault(node.span))
    if node.offset:
        address = f"{address} + {node.offset}"
    call = f"rt, {address}, {node.size}, {node.signed}, {node.user}"
    if node.otherwise is not None:
        return f"{scope.module.helper('read_integer_or')}({call}, {node.otherwise})"
    return f"{scope.module.helper('read_integer')}({call}, {fault})"
