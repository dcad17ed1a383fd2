"""Calls: functions of the script are expanded where they are called, built-ins are made as their row says."""

from __future__ import annotations

from ..abi.image import MACHINE_PREFIX
from ..program.builtins import HelperValue, IrFunction
from ..program.fault_messages import no_more_overloads
from ..program.nodes import BuiltinCall, Expression, Function, FunctionCall, LocalValue
from ..program.symbols import Local
from ..program.types import Type
from . import analysis, strings
from .context import Frame, HandlerContext, InternalError, Text
from .errors import raise_error
from .ir import Code


def expand(h: HandlerContext, call: FunctionCall) -> str | Text | None:
    """Emit a function's body with fresh locals; returns its value, None when it has none.

    `next` in the body tries the next overload with the same arguments; in the last one it is a run-time error.
    """
    result = _result_place(h, call)
    values = _arguments(h, call)
    done = h.code.name("returned")
    caller, mark = h.frame, h.temporaries.mark()
    function: Function | None = call.function
    while function is not None:
        if function.name in h.expanding or function.is_recursive:
            raise InternalError(f"recursive function {function.name} in kernel code")
        following = function.next_overload
        next_label = h.code.name("overload")
        h.expanding.append(function.name)
        h.frame = Frame({}, done, result, next_label)
        _bind(h, function, values)
        h.generate.block(h, analysis.body_of(function))
        h.expanding.pop()
        if h.code.is_open:
            h.code.jump(done)
        if following is not None or analysis.has_next(analysis.body_of(function)):
            h.code.begin(next_label)
        if following is None and h.code.is_open:
            raise_error(h, no_more_overloads(function.label, function.span))
        function = following
    h.frame = caller
    h.temporaries.release(mark)
    h.code.begin(done)
    return h.code.load("returned", result) if isinstance(result, str) else result


def _overloads(function: Function | None) -> list[Function]:
    result = []
    while function is not None:
        result.append(function)
        function = function.next_overload
    return result


def _result_place(h: HandlerContext, call: FunctionCall) -> Text | str | None:
    """Return a zeroed place for the value: a buffer, or an alloca for a long."""
    overloads = _overloads(call.function)
    kinds = {f.return_type for f in overloads} | {call.type}
    if Type.STRING in kinds:
        buffer = strings.temporary(h, max([call.width, *(f.return_width for f in overloads)]))
        h.code.zero(buffer.pointer, buffer.size)
        return buffer
    place = h.code.alloca("result", "i64")
    h.code.store("0", place)
    return place


def _arguments(h: HandlerContext, call: FunctionCall) -> list[str | Text]:
    values: list[str | Text] = []
    for index, argument in enumerate(call.arguments):
        if argument.type is Type.STRING:
            values.append(_string_argument(h, argument, call.arguments[index + 1 :]))
        else:
            values.append(h.generate.long(h, argument))
    return values


def _string_argument(h: HandlerContext, argument: Expression, later: list[Expression]) -> Text:
    """A caller's local cannot change while the function runs, so only later arguments matter for it."""
    if isinstance(argument, LocalValue):
        return strings.operand_text(h, argument, later)
    return strings.stable_text(h, argument)


def _bind(h: HandlerContext, function: Function, values: list[str | Text]) -> None:
    """Make the locals of an expansion. A string that the body does not assign to is not copied."""
    assigned = analysis.assigned_locals(analysis.body_of(function))
    for local, value in zip(function.parameters, values, strict=True):
        if isinstance(value, Text) and local not in assigned:
            h.frame.places[local] = value
        elif isinstance(value, Text):
            place = strings.temporary(h, local.width)
            strings.copy_text(h, value, place.pointer, place.width)
            h.frame.places[local] = _variable(place)
        else:
            slot = h.code.alloca(local.name, "i64")
            h.code.store(value, slot)
            h.frame.places[local] = slot
    make_locals(h, [local for local in function.locals if local not in h.frame.places])


def make_locals(h: HandlerContext, variables: list[Local]) -> None:
    """Make zeroed locals in the current frame."""
    for local in variables:
        if local.type is Type.STRING:
            buffer = strings.temporary(h, local.width)
            h.code.zero(buffer.pointer, buffer.size)
            h.frame.places[local] = _variable(buffer)
        else:
            slot = h.code.alloca(local.name, "i64")
            h.code.store("0", slot)
            h.frame.places[local] = slot


def _variable(buffer: Text) -> Text:
    return Text(buffer.pointer, buffer.size, buffer.width, False)


def builtin(h: HandlerContext, call: BuiltinCall, target: Text | None) -> str:
    """Emit a call of a built-in; a string goes to `target`. Returns its i64 (for a string its length)."""
    if call.kernel_form is not None:
        return h.generate.long(h, call.kernel_form)
    match call.builtin.kernel:
        case HelperValue() as row:
            return _helper_value(h.code, row)
        case IrFunction() as row:
            return _ir_call(h, call, row, target)
        case _:
            raise InternalError(f"{call.builtin.name}() in kernel code")


def _helper_value(code: Code, row: HelperValue) -> str:
    value = code.value("value", f"call i64 inttoptr (i64 {row.helper} to ptr)()")
    if row.shift:
        value = code.value("value", f"lshr i64 {value}, {row.shift}")
    if row.bits < 64:
        value = code.value("value", f"and i64 {value}, {(1 << row.bits) - 1}")
    return value


def _ir_call(h: HandlerContext, call: BuiltinCall, row: IrFunction, target: Text | None) -> str:
    arguments = []
    for index, argument in enumerate(call.arguments):
        if argument.type is Type.STRING:
            text = strings.operand_text(h, argument, call.arguments[index + 1 :])
            arguments.append(f"ptr {text.pointer}, i64 {text.size}")
        else:
            arguments.append("i64 " + h.generate.long(h, argument))
    if target is not None:
        arguments.append(f"ptr {target.pointer}, i64 {target.size}")
    for name in _machine_constants(row.text):
        h.module.map(name)
    function = h.module.function(row.name, _with_attributes(row.text))
    return h.code.value(row.name, f"call i64 {function}({', '.join(arguments)})")


def _machine_constants(text: str) -> list[str]:
    """Return the constants that a function wants from the loader."""
    start = f'@"{MACHINE_PREFIX}'
    return [MACHINE_PREFIX + part.partition('"')[0] for part in text.split(start)[1:]]


def _with_attributes(text: str) -> str:
    """Let a row's function be part of its callers: it may have more parameters than a BPF call can pass."""
    lines = []
    for line in text.splitlines():
        if line.startswith("define ") and line.rstrip().endswith("{"):
            line = line.rstrip()[:-1] + ("#0 {" if "inline" in line else "alwaysinline #0 {")
        lines.append(line)
    return "\n".join(lines)
