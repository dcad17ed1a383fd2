"""`<<<`: one CPU's statistic is a value of a per-CPU map (abi/map_layout.statistic_size).

    0    u64  count                      24   i64  max
    8    i64  sum                        32   with variance: i64 mean << shift, i64 sum of squared distances << 2*shift
    16   i64  min                        ...  u64 for each bucket of each histogram

Count, sum and buckets are added atomically. Min and max are set when count is 0, compared else; they are plain stores,
so that a program that interrupts this one between comparison and store can lose its extreme, never a count. Mean and
distances follow Welford's method in fixed point: distance = (value << shift) - mean; mean += distance / count; sum +=
distance * ((value << shift) - mean).
"""

from __future__ import annotations

from ..abi.histograms import LOG_BUCKETS, LOG_ZERO, Shape, bucket_count, linear_bounds
from ..abi.map_layout import statistic_size
from ..program.nodes import Aggregate, ElementValue
from ..program.symbols import Global
from . import arrays
from .context import HandlerContext
from .ir import Code, Helper

COUNT, SUM, MIN, MAX, MEAN, DISTANCES = 0, 8, 16, 24, 32, 40
_NOEXIST = 1


def add(h: HandlerContext, expression: Aggregate) -> None:
    """Emit `target <<< value`."""
    target = expression.target
    if isinstance(target, ElementValue):
        _add_to_element(h, target, expression)
        return
    code, variable = h.code, target.variable
    value = h.generate.long(h, expression.value)
    key = h.temporaries.buffer(8)
    code.store("0", key)
    pointer = arrays.look_up(h, variable, key)
    there, done = code.name("there"), code.name("counted")
    code.branch(code.is_null(pointer), done, there)
    code.begin(there)
    code.line(f"call void {_count_function(h, variable)}(ptr {pointer}, i64 {value})")
    code.begin(done)


def reset(h: HandlerContext, variable: Global) -> None:
    """Emit the `delete` of a keyless statistic, which is one for all CPUs then."""
    code = h.code
    key = h.temporaries.buffer(8)
    code.store("0", key)
    pointer = arrays.look_up(h, variable, key)
    there, done = code.name("there"), code.name("emptied")
    code.branch(code.is_null(pointer), done, there)
    code.begin(there)
    code.zero(pointer, statistic_size(variable))
    code.begin(done)


def _add_to_element(h: HandlerContext, element: ElementValue, expression: Aggregate) -> None:
    code, variable = h.code, element.array
    key = arrays.key_buffer(h, variable, element.keys, [expression.value])
    value = h.generate.long(h, expression.value)
    function = _count_function(h, variable)
    pointer = arrays.look_up(h, variable, key)
    there, missing, done = code.name("there"), code.name("missing"), code.name("counted")
    code.branch(code.is_null(pointer), missing, there)
    code.begin(there)
    code.line(f"call void {function}(ptr {pointer}, i64 {value})")
    code.jump(done)
    code.begin(missing)

    def insert(symbol: str) -> str:
        return code.value("status", f"call i64 {_insert_function(h, variable, symbol)}(ptr {key}, i64 {value})")

    arrays.change(h, variable, element.span, insert)
    code.begin(done)


def _insert_function(h: HandlerContext, variable: Global, symbol: str) -> str:
    """Return `i64 (ptr key, i64 value)`: makes an empty statistic unless there is one, and counts the value in it."""
    zeros = h.module.constant(bytes(statistic_size(variable)))

    def attempt(code: Code, done: str) -> str:
        arguments = f"ptr {symbol}, ptr %key, ptr {zeros}, i64 {_NOEXIST}"
        result = code.helper("result", Helper.MAP_UPDATE, arguments)
        pointer = code.helper("element", Helper.MAP_LOOKUP, f"ptr {symbol}, ptr %key", "ptr")
        there, missing = code.name("there"), code.name("missing")
        code.branch(code.is_null(pointer), missing, there)
        code.begin(there)
        code.line(f"call void {_count_function(h, variable)}(ptr {pointer}, i64 %value)")
        code.jump(done)
        code.begin(missing)
        return code.value("failed", f"select i1 {code.value('no', f'icmp eq i64 {result}, 0')}, i64 -1, i64 {result}")

    return arrays.change_function(h, f"insert_{symbol[1:]}", "ptr %key, i64 %value", attempt, None)


def _count_function(h: HandlerContext, variable: Global) -> str:
    """Return `void (ptr statistic, i64 value)`."""
    code = Code()
    _extremes(code)
    if variable.reads_variance:
        _variance(code, variable.shift)
    code.add_atomically("%stat", "1")
    code.add_atomically(code.offset("%stat", SUM), "%value")
    offset = 48 if variable.reads_variance else 32
    for shape in variable.histograms:
        bucket = _log_bucket(code) if shape[0] == "hist_log" else _linear_bucket(code, shape)
        _count_bucket(code, offset, bucket, bucket_count(shape))
        offset += 8 * bucket_count(shape)
    code.ret()
    name = "count_" + variable.name
    inline = "noinline" if variable.histograms or variable.reads_variance else ""
    return h.module.function(name, code.function(f"internal void @{name}(ptr %stat, i64 %value) {inline}"))


def _extremes(code: Code) -> None:
    low, high = code.offset("%stat", MIN), code.offset("%stat", MAX)
    count = code.load("count", "%stat")
    first = code.value("first", f"icmp eq i64 {count}, 0")
    for place, predicate in ((low, "slt"), (high, "sgt")):
        store, done = code.name("store"), code.name("done")
        old = code.load("old", place)
        beyond = code.value("beyond", f"icmp {predicate} i64 %value, {old}")
        code.branch(code.value("new", f"or i1 {first}, {beyond}"), store, done)
        code.begin(store)
        code.store("%value", place)
        code.begin(done)


def _variance(code: Code, shift: int) -> None:
    mean_place, sum_place = code.offset("%stat", MEAN), code.offset("%stat", DISTANCES)
    count = code.value("number", f"add i64 {code.load('count', '%stat')}, 1")
    scaled = code.value("scaled", f"shl i64 %value, {shift}")
    old = code.load("mean", mean_place)
    distance = code.value("distance", f"sub i64 {scaled}, {old}")
    sign = code.value("sign", f"ashr i64 {distance}, 63")
    size = code.value("size", f"sub i64 {code.value('flipped', f'xor i64 {distance}, {sign}')}, {sign}")
    part = code.value("part", f"udiv i64 {size}, {count}")
    step = code.value("step", f"sub i64 {code.value('signed', f'xor i64 {part}, {sign}')}, {sign}")
    mean = code.value("mean", f"add i64 {old}, {step}")
    code.store(mean, mean_place)
    rest = code.value("rest", f"sub i64 {scaled}, {mean}")
    code.add_atomically(sum_place, code.value("square", f"mul i64 {distance}, {rest}"))


def _log_bucket(code: Code) -> str:
    """Emit the number of a value's bucket: 64 and the number of significant bits up, or for negative values down."""
    sign = code.value("sign", "ashr i64 %value, 63")
    size = code.value("size", f"sub i64 {code.value('flipped', f'xor i64 %value, {sign}')}, {sign}")
    zeros = code.value("zeros", f"call i64 @llvm.ctlz.i64(i64 {size}, i1 false)")
    bits = code.value("bits", f"sub i64 64, {zeros}")
    signed = code.value("signed", f"sub i64 {code.value('flipped', f'xor i64 {bits}, {sign}')}, {sign}")
    return code.value("bucket", f"add i64 {signed}, {LOG_ZERO}")


def _linear_bucket(code: Code, shape: Shape) -> str:
    low, _, width = linear_bounds(shape)
    distance = code.value("distance", f"sub i64 %value, {low}")
    step = code.value("step", f"udiv i64 {distance}, {width}")
    last = bucket_count(shape) - 1
    over = code.value("over", f"icmp uge i64 {step}, {last - 1}")
    inside = code.value("inside", f"add i64 {step}, 1")
    upper = code.value("upper", f"select i1 {over}, i64 {last}, i64 {inside}")
    below = code.value("below", f"icmp slt i64 %value, {low}")
    return code.value("bucket", f"select i1 {below}, i64 0, i64 {upper}")


def _count_bucket(code: Code, offset: int, bucket: str, buckets: int) -> None:
    """Add one to a bucket. The number is checked in a form that the verifier follows."""
    number = code.opaque(bucket)
    inside, done = code.name("inside"), code.name("done")
    if buckets == LOG_BUCKETS:
        number = code.value("bucket", f"and i64 {number}, {LOG_BUCKETS - 1}")
    code.branch(code.value("valid", f"icmp ult i64 {number}, {buckets}"), inside, done)
    code.begin(inside)
    place = code.offset(code.offset("%stat", offset), code.value("bytes", f"shl i64 {number}, 3"))
    code.add_atomically(place, "1")
    code.begin(done)
