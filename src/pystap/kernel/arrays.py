"""Elements of arrays: keys, reading, assignment, addition, deletion, membership.

Additions are one atomic operation: look up and add, or insert with NOEXIST and start over when somebody else was
quicker, so no count is lost. Functions that change a map give 0 (done), FULL or FAILED; a full map is the script's
error, a failure (the bucket is locked on this CPU, no memory) is counted.
"""

from __future__ import annotations

from collections.abc import Callable

from ..abi.map_layout import Counter, key_size
from ..program.fault_messages import aggregation_overflow, array_overflow
from ..program.nodes import Assign, Contains, ElementValue, Expression, Update
from ..program.symbols import Global, StorageKind
from ..program.types import Type, buffer_size
from ..source import Span
from . import strings
from .context import HandlerContext, InternalError, Text
from .errors import raise_error
from .ir import Code, Helper
from .scalars import GENERATION

FULL, FAILED = 1, 2
TRIES = 3
_E2BIG, _ENOENT = 7, 2
_ANY, _NOEXIST = 0, 1


def key_buffer(h: HandlerContext, array: Global, keys: list[Expression | None], later: list[Expression]) -> str:
    """Evaluate an element's keys; returns where the map key is, which stays while `later` is evaluated."""
    given = [key for key in keys if key is not None]
    columns = array.stored_columns()
    if len(given) != len(columns):
        raise InternalError("a slice in kernel code")
    if len(given) == 1 and columns[0][0] is Type.STRING:
        width = columns[0][1]
        text = strings.operand_text(h, given[0], later)
        if text.size == buffer_size(width) and text.width <= width:
            return text.pointer
        buffer = strings.temporary(h, width)
        strings.copy_text(h, text, buffer.pointer, buffer.width)
        return buffer.pointer
    pointer, offset = h.temporaries.buffer(key_size(array)), 0
    for key, (kind, width) in zip(given, columns, strict=True):
        at = h.code.offset(pointer, offset)
        if kind is Type.STRING:
            h.generate.text_into(h, key, at, width)
            offset += buffer_size(width)
        else:
            h.code.store(h.generate.long(h, key), at)
            offset += 8
    return pointer


def in_current_buffer(h: HandlerContext, variable: Global, result: str, emit: Callable[[str], str]) -> str:
    """Emit code for the map of a global: of a DRAINED one for either, as the generation says.

    `emit` gets the map's symbol and returns a value of the type `result`. (A choice between the maps themselves would
    cost the look-ups their inlined form.)
    """
    maps = h.global_maps(variable)
    if len(maps) == 1:
        return emit(maps[0])
    h.uses_generation = True
    code = h.code
    first, second, both = code.name("first"), code.name("second"), code.name("both")
    code.branch(code.value("even", f"icmp eq i64 {GENERATION}, 0"), first, second)
    incoming = []
    for label, symbol in zip((first, second), maps, strict=True):
        code.begin(label)
        value = emit(symbol)
        end = code.name("end")
        code.begin(end)
        code.jump(both)
        incoming.append(f"[{value}, %{end}]")
    code.begin(both)
    return code.value("chosen", f"phi {result} {', '.join(incoming)}")


def look_up(h: HandlerContext, variable: Global, key: str) -> str:
    """Emit a look-up; returns the element's address or null."""
    return in_current_buffer(
        h, variable, "ptr",
        lambda symbol: h.code.helper("element", Helper.MAP_LOOKUP, f"ptr {symbol}, ptr {key}", "ptr"),
    )  # fmt: skip


def change(h: HandlerContext, variable: Global, span: Span, emit: Callable[[str], str]) -> None:
    """Emit a change of a map and what follows from its result."""
    code = h.code
    h.held.forget(variable)
    status = in_current_buffer(h, variable, "i64", emit)
    done, full, failed = code.name("done"), code.name("full"), code.name("failed")
    code.switch(status, failed, [(0, done), (FULL, full)])
    code.begin(full)
    if variable.per_call:
        h.count(Counter.MISSED_ENTRIES)
        code.jump(done)
    else:
        overflow = aggregation_overflow if variable.type is Type.STATISTIC else array_overflow
        raise_error(h, overflow(variable.name, size_of(h, variable), span))
    code.begin(failed)
    h.count(Counter.LOST_UPDATES)
    code.begin(done)


def size_of(h: HandlerContext, variable: Global) -> int:
    """Return how many elements an array may have."""
    return variable.size if variable.size is not None else h.shared.program.limits.max_map_entries


def _shared(variable: Global) -> Global:
    if variable.storage is not StorageKind.SHARED:
        raise InternalError(f"kernel code reads {variable.name}, whose storage is {variable.storage.value}")
    return variable


def read_long(h: HandlerContext, element: ElementValue) -> str:
    """Emit the reading of a long; a missing element gives 0."""
    held = h.held.find(element)
    if held is not None:
        return h.code.value("content", f"load volatile i64, ptr {held.pointer}, align 8")
    return _long_at(h, look_up(h, _shared(element.array), key_buffer(h, element.array, element.keys, [])))


def _long_at(h: HandlerContext, pointer: str) -> str:
    code = h.code
    place = code.alloca("found", "i64")
    there, done = code.name("there"), code.name("read")
    code.store("0", place)
    code.branch(code.is_null(pointer), done, there)
    code.begin(there)
    code.store(code.value("content", f"load volatile i64, ptr {pointer}, align 8"), place)
    code.begin(done)
    return code.load("found", place)


def read_text(h: HandlerContext, element: ElementValue, target: Text) -> None:
    """Emit the reading of a string into a buffer; a missing element gives ""."""
    held = h.held.find(element)
    if held is not None:
        source = Text(held.pointer, buffer_size(element.array.width), element.array.width, False)
        strings.copy_text(h, source, target.pointer, target.width)
        return
    pointer = look_up(h, _shared(element.array), key_buffer(h, element.array, element.keys, []))
    _text_at(h, pointer, element.array, target)


def _text_at(h: HandlerContext, pointer: str, array: Global, target: Text) -> None:
    code = h.code
    there, missing, done = code.name("there"), code.name("missing"), code.name("read")
    code.branch(code.is_null(pointer), missing, there)
    code.begin(missing)
    code.zero(target.pointer, target.size)
    code.jump(done)
    code.begin(there)
    source = Text(pointer, buffer_size(array.width), array.width, False)
    strings.copy_text(h, source, target.pointer, target.width)
    code.begin(done)


def contains(h: HandlerContext, expression: Contains) -> str:
    """Emit `[k] in a`; returns an i1.

    LLVM must not see that it comes from a pointer: it would compute with the pointers of several such conditions.
    """
    pointer = look_up(h, _shared(expression.array), key_buffer(h, expression.array, expression.keys, []))
    found = h.code.value("found", f"icmp ne ptr {pointer}, null")
    bit = h.code.opaque(h.code.value("found", f"zext i1 {found} to i64"))
    return h.code.value("in", f"icmp ne i64 {bit}, 0")


def look_up_once(h: HandlerContext, condition: Contains) -> str:
    """Emit the look-up of `if (k in a)`, for all that its branch does with the element; returns an i1."""
    key = key_buffer(h, _shared(condition.array), condition.keys, [])
    pointer = look_up(h, condition.array, key)
    h.held.hold(condition, key, pointer)
    return h.code.value("there", f"icmp ne ptr {pointer}, null")


def delete(h: HandlerContext, element: ElementValue) -> None:
    known = h.held.find(element)
    key = known.key if known is not None else key_buffer(h, _shared(element.array), element.keys, [])
    change(h, element.array, element.span, lambda symbol: _call(h, _delete_function(h, symbol), f"ptr {key}"))


def assign_long(h: HandlerContext, element: ElementValue, value: Expression) -> str:
    """Emit `a[k] = value` of a long; returns the value."""
    key = key_buffer(h, _shared(element.array), element.keys, [value])
    new = h.generate.long(h, value)
    _put_long(h, element, key, new)
    return new


def assign_text(h: HandlerContext, element: ElementValue, expression: Assign | Update) -> Text:
    """Emit `a[k] = text` or `a[k] .= text`; returns the text as assigned."""
    array = _shared(element.array)
    key = key_buffer(h, array, element.keys, [expression.value])
    value = strings.temporary(h, array.width)
    if isinstance(expression, Assign):
        text = strings.text_of(h, expression.value)
        if text.size == value.size and text.width <= array.width:
            value = text
        else:
            strings.copy_text(h, text, value.pointer, value.width)
    else:
        old = strings.temporary(h, array.width)
        added = strings.operand_text(h, expression.value, [])
        _text_at(h, look_up(h, array, key), array, old)
        h.generate.joined_into(h, [old, added], value)
    put_text(h, element, key, value)
    return value


def put_text(h: HandlerContext, element: ElementValue, key: str, value: Text) -> None:
    arguments = f"ptr {key}, ptr {value.pointer}"
    change(h, element.array, element.span, lambda symbol: _call(h, _put_function(h, symbol), arguments))


def _put_long(h: HandlerContext, element: ElementValue, key: str, value: str) -> None:
    place = h.temporaries.buffer(8)
    h.code.store(value, place)
    arguments = f"ptr {key}, ptr {place}"
    change(h, element.array, element.span, lambda symbol: _call(h, _put_function(h, symbol), arguments))


def add(h: HandlerContext, element: ElementValue, value: Expression, negative: bool) -> None:
    """Emit `a[k] += value` whose result nobody uses."""
    code, array = h.code, element.array
    key = key_buffer(h, array, element.keys, [value])
    delta = _delta(h, value, negative)
    pointer = look_up(h, array, key)
    there, missing, done = code.name("there"), code.name("missing"), code.name("added")
    code.branch(code.is_null(pointer), missing, there)
    code.begin(there)
    code.add_atomically(pointer, delta)
    code.jump(done)
    code.begin(missing)
    arguments = f"ptr {key}, i64 {delta}"
    change(h, array, element.span, lambda symbol: _call(h, _add_function(h, symbol), arguments))
    code.begin(done)


def _delta(h: HandlerContext, value: Expression, negative: bool) -> str:
    delta = h.generate.long(h, value)
    return h.code.value("negated", f"sub i64 0, {delta}") if negative else delta


def update_long(
    h: HandlerContext, element: ElementValue, value: Expression, combine: Callable[[str, str], str]
) -> tuple[str, str]:
    """Emit `a[k] op= value` by reading and writing; returns the old and the new long.

    `combine` emits the operation on the old value and the operand.
    """
    key = key_buffer(h, _shared(element.array), element.keys, [value])
    operand = h.generate.long(h, value)
    old = _long_at(h, look_up(h, element.array, key))
    new = combine(old, operand)
    _put_long(h, element, key, new)
    return old, new


def add_giving_old(h: HandlerContext, element: ElementValue, value: Expression, negative: bool) -> tuple[str, str]:
    """Emit `a[k] += value` whose result is used; returns the old value and what was added."""
    key = key_buffer(h, _shared(element.array), element.keys, [value])
    delta = _delta(h, value, negative)
    old = h.temporaries.buffer(8)
    h.code.store("0", old)
    arguments = f"ptr {key}, i64 {delta}, ptr {old}"
    change(h, element.array, element.span, lambda symbol: _call(h, _fetch_add_function(h, symbol), arguments))
    return h.code.load("old", old), delta


def _call(h: HandlerContext, function: str, arguments: str) -> str:
    return h.code.value("status", f"call i64 {function}({arguments})")


def change_function(
    h: HandlerContext,
    name: str,
    parameters: str,
    attempt: Callable[[Code, str], str],
    found: Callable[[Code], None] | None,
) -> str:
    """Return a function that tries a change of a map TRIES times.

    `attempt` emits the change and returns its result, of which 32 bits count: kernels that call the map's function
    directly (6.1 does) leave an int in the register, not sign-extended. It is given the label to jump to when it is
    done already. 0 ends it well, E2BIG as FULL. `found` emits what to do between tries.
    """
    code = Code()
    before, loop, again, full, done, other = (
        code.name(n) for n in ("before", "try", "again", "full", "done", "other")
    )  # fmt: skip
    code.begin(before)
    code.begin(loop)
    tries, more = "%" + code.name("tries"), "%" + code.name("more")
    code.line(f"{tries} = phi i64 [0, %{before}], [{more}, %{again}]")
    result = code.value("status", f"trunc i64 {attempt(code, done)} to i32")
    low = code.value("result", f"sext i32 {result} to i64")
    code.switch(low, other, [(0, done), (-_E2BIG, full)])
    code.begin(other)
    if found is not None:
        found(code)
    code.begin(again)
    code.line(f"{more} = add i64 {tries}, 1")
    failed = code.name("failed")
    code.repeat(code.value("left", f"icmp ult i64 {more}, {TRIES}"), loop, failed)
    for label, status in ((failed, FAILED), (full, FULL), (done, 0)):
        code.begin(label)
        code.ret(f"i64 {status}")
    return h.module.function(name, code.function(f"internal i64 @{name}({parameters}) noinline"))


def _delete_function(h: HandlerContext, symbol: str) -> str:
    def attempt(code: Code, done: str) -> str:
        result = code.helper("result", Helper.MAP_DELETE, f"ptr {symbol}, ptr %key")
        low = code.value("low", f"trunc i64 {result} to i32")
        missing = code.value("missing", f"icmp eq i32 {low}, -{_ENOENT}")
        return code.value("result", f"select i1 {missing}, i64 0, i64 {result}")

    return change_function(h, f"delete_{symbol[1:]}", "ptr %key", attempt, None)


def _put_function(h: HandlerContext, symbol: str) -> str:
    def attempt(code: Code, done: str) -> str:
        return code.helper("result", Helper.MAP_UPDATE, f"ptr {symbol}, ptr %key, ptr %value, i64 {_ANY}")

    return change_function(h, f"put_{symbol[1:]}", "ptr %key, ptr %value", attempt, None)


def _insert(code: Code, symbol: str, place: str) -> str:
    code.store("%delta", place)
    return code.helper("result", Helper.MAP_UPDATE, f"ptr {symbol}, ptr %key, ptr {place}, i64 {_NOEXIST}")


def _add_function(h: HandlerContext, symbol: str) -> str:
    """Return `i64 (ptr key, i64 delta)`: inserts an element, or adds to the one that appeared meanwhile."""

    def attempt(code: Code, done: str) -> str:
        return _insert(code, symbol, code.alloca("value", "i64"))

    def found(code: Code) -> None:
        pointer = code.helper("element", Helper.MAP_LOOKUP, f"ptr {symbol}, ptr %key", "ptr")
        there, missing = code.name("there"), code.name("missing")
        code.branch(code.is_null(pointer), missing, there)
        code.begin(there)
        code.add_atomically(pointer, "%delta")
        code.ret("i64 0")
        code.begin(missing)

    return change_function(h, f"add_{symbol[1:]}", "ptr %key, i64 %delta", attempt, found)


def _fetch_add_function(h: HandlerContext, symbol: str) -> str:
    """Return `i64 (ptr key, i64 delta, ptr old)`: adds to an element or inserts it; puts what it was into `old`."""
    atomics = h.shared.facts.fetching_atomics

    def attempt(code: Code, done: str) -> str:
        pointer = code.helper("element", Helper.MAP_LOOKUP, f"ptr {symbol}, ptr %key", "ptr")
        there, missing = code.name("there"), code.name("missing")
        code.branch(code.is_null(pointer), missing, there)
        code.begin(there)
        if atomics:
            old = code.value("old", f"atomicrmw add ptr {pointer}, i64 %delta seq_cst")
        else:
            old = code.value("old", f"load volatile i64, ptr {pointer}, align 8")
            code.add_atomically(pointer, "%delta")
        code.store(old, "%old")
        code.jump(done)
        code.begin(missing)
        return _insert(code, symbol, code.alloca("value", "i64"))

    return change_function(h, f"fetch_add_{symbol[1:]}", "ptr %key, i64 %delta, ptr %old", attempt, None)
