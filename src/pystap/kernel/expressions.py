"""Longs: every expression whose value is a 64-bit integer, and expressions that are evaluated for their effect."""

from __future__ import annotations

from ..abi.image import load_constant
from ..abi.map_layout import perf_counter_map
from ..program.attach import perf_counters
from ..program.fault_messages import division_by_zero, perf_counter_fault, read_fault
from ..program.nodes import (
    Aggregate,
    Assign,
    Binary,
    BuiltinCall,
    Conditional,
    Constant,
    Contains,
    ContextKind,
    ContextValue,
    ElementValue,
    Expression,
    FunctionCall,
    GlobalValue,
    LocalValue,
    Logical,
    Match,
    ReadMemory,
    Unary,
    Update,
)
from ..program.types import Type, wrap_long
from . import arrays, calls, scalars, statistics, strings
from .context import HandlerContext, InternalError
from .errors import raise_error
from .ir import Helper

_PLAIN = {"*": "mul", "+": "add", "-": "sub", "&": "and", "^": "xor", "|": "or"}
_SHIFTS = {"<<": "shl", ">>": "ashr", ">>>": "lshr"}
_PREDICATES = {"<": "slt", ">": "sgt", "<=": "sle", ">=": "sge", "==": "eq", "!=": "ne"}


def long_of(h: HandlerContext, expression: Expression) -> str:
    """Emit the evaluation of a long; returns its i64."""
    code = h.code
    match expression:
        case Constant():
            return str(wrap_long(int(expression.value)))
        case LocalValue():
            return code.load(expression.local.name, _long_place(h, expression))
        case GlobalValue():
            return scalars.read_long(h, expression.variable)
        case ElementValue():
            return arrays.read_long(h, expression)
        case Unary():
            return _unary(h, expression)
        case Binary():
            return _binary(h, expression)
        case Logical():
            return _logical(h, expression)
        case Conditional():
            return _conditional(h, expression)
        case Match():
            from .matching import match_of  # loads `re`, which few scripts need

            return match_of(h, expression)
        case Contains():
            return _from_bit(h, arrays.contains(h, expression))
        case Assign():
            return _assign(h, expression)
        case Update():
            old, new = _update(h, expression)
            return old if expression.gives_old else new
        case FunctionCall():
            result = calls.expand(h, expression)
            return result if isinstance(result, str) else "0"
        case BuiltinCall():
            return calls.builtin(h, expression, None)
        case ContextValue():
            return _context(h, expression)
        case ReadMemory():
            return _read_memory(h, expression)
        case _:
            raise InternalError(f"no long in kernel code: {type(expression).__name__}")


def effect(h: HandlerContext, expression: Expression) -> None:
    """Emit an expression whose value nobody uses."""
    match expression:
        case Assign() if expression.type is Type.STRING:
            _assign_text(h, expression)
        case Update() if expression.type is Type.STRING or expression.operator == ".":
            _append_text(h, expression)
        case Update() if expression.operator in ("+", "-") and not isinstance(expression.target, LocalValue):
            _add(h, expression)
        case Aggregate():
            statistics.add(h, expression)
        case FunctionCall():
            calls.expand(h, expression)
        case _ if expression.type is Type.STRING:
            strings.text_of(h, expression)
        case _:
            long_of(h, expression)


def _long_place(h: HandlerContext, value: LocalValue) -> str:
    place = h.frame.places[value.local]
    assert isinstance(place, str), value.local.name
    return place


def is_true(h: HandlerContext, expression: Expression) -> str:
    """Emit a condition; returns an i1."""
    match expression:
        case Binary() if expression.operator in _PREDICATES:
            return _comparison(h, expression)
        case Unary() if expression.operator == "!":
            return h.code.value("not", f"xor i1 {is_true(h, expression.operand)}, true")
        case Contains():
            return arrays.contains(h, expression)
        case _:
            return h.code.value("true", f"icmp ne i64 {long_of(h, expression)}, 0")


def _from_bit(h: HandlerContext, bit: str) -> str:
    return h.code.value("bit", f"zext i1 {bit} to i64")


def _unary(h: HandlerContext, expression: Unary) -> str:
    if expression.operator == "!":
        return _from_bit(h, is_true(h, expression))
    operand = long_of(h, expression.operand)
    if expression.operator == "-":
        return h.code.value("negated", f"sub i64 0, {operand}")
    return h.code.value("inverted", f"xor i64 {operand}, -1")


def _comparison(h: HandlerContext, expression: Binary) -> str:
    if expression.left.type is Type.STRING:
        return strings.compare(h, expression)
    left = long_of(h, expression.left)
    right = long_of(h, expression.right)
    return h.code.value("is", f"icmp {_PREDICATES[expression.operator]} i64 {left}, {right}")


def _binary(h: HandlerContext, expression: Binary) -> str:
    if expression.operator in _PREDICATES:
        return _from_bit(h, _comparison(h, expression))
    left = long_of(h, expression.left)
    right = long_of(h, expression.right)
    return combine(h, expression, left, right)


def combine(h: HandlerContext, expression: Binary | Update, left: str, right: str) -> str:
    """Emit the arithmetic operation of `expression` on two longs; division by 0 raises a run-time error."""
    operator = expression.operator
    if operator in _PLAIN:
        return h.code.value("result", f"{_PLAIN[operator]} i64 {left}, {right}")
    if operator in _SHIFTS:
        count = h.code.value("count", f"and i64 {right}, 63")
        return h.code.value("shifted", f"{_SHIFTS[operator]} i64 {left}, {count}")
    if operator in ("/", "%"):
        return _divide(h, expression, left, right)
    raise InternalError(f"operator {operator} on longs")


def _divide(h: HandlerContext, expression: Binary | Update, left: str, right: str) -> str:
    """Emit `/` or `%`, truncating. BPF divides unsigned only before v4; the smallest long by -1 wraps by itself."""
    code = h.code
    zero, fine = code.name("zero"), code.name("fine")
    code.branch(code.value("none", f"icmp eq i64 {right}, 0"), zero, fine)
    code.begin(zero)
    operand = expression.left if isinstance(expression, Binary) else expression.target
    written = expression.operator + ("=" if isinstance(expression, Update) else "")
    raise_error(h, division_by_zero(written, expression.span, operand.span))
    code.begin(fine)
    left_sign, left_size = _sign_and_magnitude(h, left)
    right_sign, right_size = _sign_and_magnitude(h, right)
    if expression.operator == "/":
        result = code.value("quotient", f"udiv i64 {left_size}, {right_size}")
        sign = code.value("sign", f"xor i64 {left_sign}, {right_sign}")
    else:
        result = code.value("remainder", f"urem i64 {left_size}, {right_size}")
        sign = left_sign
    flipped = code.value("flipped", f"xor i64 {result}, {sign}")
    return code.value("result", f"sub i64 {flipped}, {sign}")


def _sign_and_magnitude(h: HandlerContext, value: str) -> tuple[str, str]:
    """Emit the sign (0 or -1) and the absolute value of a long."""
    sign = h.code.value("sign", f"ashr i64 {value}, 63")
    flipped = h.code.value("flipped", f"xor i64 {value}, {sign}")
    return sign, h.code.value("magnitude", f"sub i64 {flipped}, {sign}")


def _logical(h: HandlerContext, expression: Logical) -> str:
    code = h.code
    place = code.alloca("decided", "i64")
    right, done = code.name("right"), code.name("decided")
    left = is_true(h, expression.left)
    code.store(_from_bit(h, left), place)
    if expression.operator == "&&":
        code.branch(left, right, done)
    else:
        code.branch(left, done, right)
    code.begin(right)
    code.store(_from_bit(h, is_true(h, expression.right)), place)
    code.begin(done)
    return code.load("decided", place)


def _conditional(h: HandlerContext, expression: Conditional) -> str:
    code = h.code
    place = code.alloca("chosen", "i64")
    yes, no, done = code.name("yes"), code.name("no"), code.name("chosen")
    code.branch(is_true(h, expression.condition), yes, no)
    code.begin(yes)
    code.store(long_of(h, expression.yes), place)
    code.jump(done)
    code.begin(no)
    code.store(long_of(h, expression.no), place)
    code.begin(done)
    return code.load("chosen", place)


def _assign(h: HandlerContext, expression: Assign) -> str:
    match expression.target:
        case ElementValue() as element:
            return arrays.assign_long(h, element, expression.value)
        case LocalValue() as local:
            value = long_of(h, expression.value)
            h.code.store(value, _long_place(h, local))
            return value
        case GlobalValue() as variable:
            value = long_of(h, expression.value)
            scalars.write_long(h, variable.variable, value)
            return value


def _update(h: HandlerContext, expression: Update) -> tuple[str, str]:
    """Emit `target op= value` whose result is used; returns the old and the new value."""
    operator, target = expression.operator, expression.target
    if operator in ("+", "-") and not isinstance(target, LocalValue):
        negative = operator == "-"
        if isinstance(target, ElementValue):
            old, delta = arrays.add_giving_old(h, target, expression.value, negative)
        else:
            value = long_of(h, expression.value)
            delta = h.code.value("negated", f"sub i64 0, {value}") if negative else value
            old = scalars.add_giving_old(h, target.variable, delta)
        return old, h.code.value("new", f"add i64 {old}, {delta}")
    if isinstance(target, ElementValue):
        return arrays.update_long(h, target, expression.value, lambda old, value: combine(h, expression, old, value))
    value = long_of(h, expression.value)
    old = long_of(h, target)
    new = combine(h, expression, old, value)
    if isinstance(target, LocalValue):
        h.code.store(new, _long_place(h, target))
    else:
        scalars.write_long(h, target.variable, new)
    return old, new


def _add(h: HandlerContext, expression: Update) -> None:
    """Emit `target += value` or `-=` whose result nobody uses, on a global or an element."""
    negative = expression.operator == "-"
    if isinstance(expression.target, ElementValue):
        arrays.add(h, expression.target, expression.value, negative)
        return
    assert isinstance(expression.target, GlobalValue)
    value = long_of(h, expression.value)
    delta = h.code.value("negated", f"sub i64 0, {value}") if negative else value
    scalars.add(h, expression.target.variable, delta)


def _assign_text(h: HandlerContext, expression: Assign) -> None:
    target = expression.target
    if isinstance(target, ElementValue):
        arrays.assign_text(h, target, expression)
        return
    place = strings.text_of(h, target)
    if strings.may_fill_directly(expression.value, target):
        strings.text_into(h, expression.value, place.pointer, place.width)
    else:
        value = strings.text_of(h, expression.value)
        if value.pointer != place.pointer:
            strings.copy_text(h, value, place.pointer, place.width)


def _append_text(h: HandlerContext, expression: Update) -> None:
    target = expression.target
    if isinstance(target, ElementValue):
        arrays.assign_text(h, target, expression)
        return
    value = strings.stable_text(h, expression.value)
    place = strings.text_of(h, target)
    h.generate.joined_into(h, [place, value], place)


def _context(h: HandlerContext, value: ContextValue) -> str:
    match value.kind:
        case ContextKind.SYSCALL_NUMBER:
            return "%number"
        case ContextKind.SYSCALL_RETURN:
            return "%result"
        case ContextKind.SYSCALL_ARGUMENT:
            return h.code.load("argument", h.context_places[f"argument {value.index}"])
        case ContextKind.CURRENT_TASK:
            return h.code.helper("task", Helper.GET_CURRENT_TASK, "")
        case ContextKind.CURRENT_THREAD:
            return h.code.helper("thread", Helper.GET_CURRENT_PID_TGID, "")
        case ContextKind.COOKIE:
            return h.code.helper("cookie", Helper.GET_ATTACH_COOKIE, "ptr %context")
        case ContextKind.ARGUMENT:
            return h.code.load("argument", h.code.offset("%regs", 8 * value.index))
        case ContextKind.RETURN_VALUE:
            return "%result"
        case ContextKind.LOADED_AT:
            symbol = load_constant(value.name)
            h.module.map(symbol)
            return f"ptrtoint (ptr @{symbol} to i64)"
        case ContextKind.PERF_COUNTER:
            return _perf_counter(h, value)
        case ContextKind.REGISTER:
            return h.code.load("register", h.context_places[f"register {value.index}"])
        case ContextKind.FRAME:
            return h.code.load("frame", h.code.offset("%regs", -8))
        case ContextKind.POINT:
            return "%number"
        case (
            ContextKind.KERNEL_STACK
            | ContextKind.USER_STACK
            | ContextKind.USER_ADDRESS
            | ContextKind.ADDRESS_SPACE as kind
        ):
            from .stacks import stack_number

            return stack_number(h, kind)


_CURRENT_CPU = 0xFFFF_FFFF
"""BPF_F_CURRENT_CPU (linux/bpf.h)."""


def _perf_counter(h: HandlerContext, value: ContextValue) -> str:
    """Read a perf counter: `struct bpf_perf_event_value` has the count in its first 8 bytes of 24."""
    code = h.code
    place = code.alloca("counted", "[24 x i8]")
    array = h.module.map(perf_counter_map(value.index))
    flags = f"i64 {_CURRENT_CPU}"
    result = code.helper("read", Helper.PERF_EVENT_READ_VALUE, f"ptr {array}, {flags}, ptr {place}, i32 24")
    fault, fine = code.name("fault"), code.name("fine")
    code.branch(code.value("bad", f"icmp slt i64 {result}, 0"), fault, fine)
    code.begin(fault)
    counters = perf_counters(handler.attach for handler in h.shared.program.handlers)
    raise_error(h, perf_counter_fault(counters[value.index], value.span))
    code.begin(fine)
    return code.load("count", place)


def _read_memory(h: HandlerContext, expression: ReadMemory) -> str:
    code, size = h.code, expression.size
    base = long_of(h, expression.address)
    address = code.value("address", f"add i64 {base}, {expression.offset}") if expression.offset else base
    # One place for all reads of a handler: a printed struct has many, and the stack is small.
    place = h.context_places.get("content") or h.context_places.setdefault("content", code.alloca("content", "i64"))
    source = code.value("source", f"inttoptr i64 {address} to ptr")
    helper = Helper.PROBE_READ_USER if expression.user else Helper.PROBE_READ_KERNEL
    result = code.helper("read", helper, f"ptr {place}, i32 {size}, ptr {source}")
    fault, fine = code.name("fault"), code.name("fine")
    code.branch(code.value("bad", f"icmp slt i64 {result}, 0"), fault, fine)
    code.begin(fault)
    if h.can_sleep and expression.user:
        fault = code.name("fault")
        again = code.helper("copied", Helper.COPY_FROM_USER, f"ptr {place}, i32 {size}, ptr {source}")
        code.branch(code.value("bad", f"icmp slt i64 {again}, 0"), fault, fine)
        code.begin(fault)
    if expression.otherwise is None:
        raise_error(h, read_fault(expression.span), address)
    else:
        code.store(str(expression.otherwise), place)
        code.jump(fine)
    code.begin(fine)
    if size == 8:
        return code.load("content", place)
    part = code.value("part", f"load i{8 * size}, ptr {place}, align 8")
    extend = "sext" if expression.signed else "zext"
    return code.value("content", f"{extend} i{8 * size} {part} to i64")
