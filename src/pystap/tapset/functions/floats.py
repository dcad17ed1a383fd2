"""64-bit floating point numbers kept in longs (tapset::floatingpoint): IEEE 754 arithmetic on their bits."""

from __future__ import annotations

import struct

from ...program.builtins import Builtin, Effect, IrFunction
from ...program.fault_messages import RuntimeFault
from ...program.types import LONG_MAX, LONG_MIN, Type, wrap_long
from ..services import Services

L, S = Type.LONG, Type.STRING
_INFINITY = float("inf")
_NAN = float("nan")


def _float(bits: int) -> float:
    value: float = struct.unpack("<d", (bits & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"))[0]
    return value


def _bits(value: float) -> int:
    """Return a number's bits; every result that is no number has the same ones."""
    if value != value:
        return 0x7FF8_0000_0000_0000
    return int.from_bytes(struct.pack("<d", value), "little", signed=True)


def fp_add(rt: Services, a: int, b: int) -> int:
    return _bits(_float(a) + _float(b))


def fp_sub(rt: Services, a: int, b: int) -> int:
    return _bits(_float(a) - _float(b))


def fp_mul(rt: Services, a: int, b: int) -> int:
    return _bits(_float(a) * _float(b))


def fp_div(rt: Services, dividend: int, divisor: int) -> int:
    """Divide; a divisor of 0 gives an infinity of the right sign, or no number for 0 / 0."""
    import math

    a, b = _float(dividend), _float(divisor)
    if b != 0:
        return _bits(a / b)
    if a == 0 or a != a:
        return _bits(_NAN)
    return _bits(math.copysign(_INFINITY, a) * math.copysign(1.0, b))


def fp_rem(rt: Services, dividend: int, divisor: int) -> int:
    """Return the IEEE 754 remainder: the quotient is rounded to the nearest even integer."""
    import math

    a, b = _float(dividend), _float(divisor)
    if b == 0 or a in (_INFINITY, -_INFINITY):
        return _bits(_NAN)
    return _bits(math.remainder(a, b))


def fp_eq(rt: Services, a: int, b: int) -> int:
    return int(_float(a) == _float(b))


def fp_le(rt: Services, a: int, b: int) -> int:
    return int(_float(a) <= _float(b))


def fp_lt(rt: Services, a: int, b: int) -> int:
    return int(_float(a) < _float(b))


def fp_sqrt(rt: Services, bits: int) -> int:
    import math

    value = _float(bits)
    return _bits(_NAN if value < 0 else math.sqrt(value))


def long_to_fp(rt: Services, value: int) -> int:
    return _bits(float(value))


def fp32_to_fp64(rt: Services, bits: int) -> int:
    """Convert the 32-bit number in the low half; what is no number keeps its sign and its bits, as in C."""
    low = bits & 0xFFFF_FFFF
    value = struct.unpack("<f", low.to_bytes(4, "little"))[0]
    if value != value:
        return wrap_long((low >> 31) << 63 | 0x7FF8 << 48 | (low & 0x7F_FFFF) << 29)
    return _bits(value)


def string_to_fp(rt: Services, text: str) -> int:
    """Convert a decimal number; an error for any other text."""
    try:
        return _bits(float(text))
    except ValueError:
        raise RuntimeFault(f"string_to_fp: '{text}' is not a number") from None


def fp_to_long(rt: Services, bits: int, mode: int, exact: int) -> int:
    """Round to an integer, saturated to 64 bits; no number gives the largest.

    Modes: 0 to the nearest, ties to even; 1 toward zero; 2 down; 3 up; 4 to the nearest, ties away from zero; 6 to odd
    when inexact. `exact` asks for an exception that nothing here takes.
    """
    value = _float(bits)
    if value != value or value >= float(1 << 63):
        return LONG_MAX
    if value < float(-(1 << 63)):
        return LONG_MIN
    return _round(value, mode)


def _round(value: float, mode: int) -> int:
    import math

    down = math.floor(value)
    rest = value - down
    match mode:
        case 1:
            return math.trunc(value)
        case 2:
            return down
        case 3:
            return math.ceil(value)
        case 4 if rest == 0.5:
            return down + 1 if value > 0 else down
        case 6 if rest:
            return down | 1
        case _:
            return round(value)


def fp_to_string(rt: Services, bits: int, precision: int) -> str:
    """Return the number with `precision` digits (0 to 100) behind the point, rounded to the nearest."""
    value = _float(bits)
    if value != value:
        return "NaN"
    if value in (_INFINITY, -_INFINITY):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{min(max(precision, 0), 100)}f}"[: rt.max_string]


_ONE = ("infp", L)
_TWO = (("infp1", L), ("infp2", L))

_WIDENED = IrFunction(
    "fn_fp32_to_fp64",
    """\
define internal i64 @fn_fp32_to_fp64(i64 %input) alwaysinline nounwind "no-builtins" {
  %bits = and i64 %input, 4294967295
  %low = and i64 %bits, 2147483648
  %sign = shl i64 %low, 32
  %fraction = and i64 %bits, 8388607
  %raised = shl i64 %fraction, 29
  %shifted = lshr i64 %bits, 23
  %exponent = and i64 %shifted, 255
  %biased = add i64 %exponent, 896
  %power = shl i64 %biased, 52
  %normal = or i64 %power, %raised
  %is.zero = icmp eq i64 %fraction, 0
  %quiet = select i1 %is.zero, i64 9218868437227405312, i64 9221120237041090560
  %special = or i64 %quiet, %raised
  %leading = call i64 @llvm.ctlz.i64(i64 %fraction, i1 false)
  %past = sub i64 %leading, 11
  %moved = shl i64 %fraction, %past
  %tail = and i64 %moved, 4503599627370495
  %small.power = sub i64 937, %leading
  %small.placed = shl i64 %small.power, 52
  %small = or i64 %small.placed, %tail
  %tiny = select i1 %is.zero, i64 0, i64 %small
  %is.small = icmp eq i64 %exponent, 0
  %is.special = icmp eq i64 %exponent, 255
  %finite = select i1 %is.small, i64 %tiny, i64 %normal
  %size = select i1 %is.special, i64 %special, i64 %finite
  %whole = or i64 %size, %sign
  ret i64 %whole
}
""",
)

ROWS = (
    Builtin("fp_add", (("add1", L), ("add2", L)), L, Effect.PURE, fp_add),
    Builtin("fp_sub", (("sub1", L), ("sub2", L)), L, Effect.PURE, fp_sub),
    Builtin("fp_mul", (("mul1", L), ("mul2", L)), L, Effect.PURE, fp_mul),
    Builtin("fp_div", (("div1", L), ("div2", L)), L, Effect.PURE, fp_div),
    Builtin("fp_rem", (("div1", L), ("div2", L)), L, Effect.PURE, fp_rem),
    Builtin("fp_eq", _TWO, L, Effect.PURE, fp_eq),
    Builtin("fp_le", _TWO, L, Effect.PURE, fp_le),
    Builtin("fp_lt", _TWO, L, Effect.PURE, fp_lt),
    Builtin("fp_sqrt", (_ONE,), L, Effect.PURE, fp_sqrt),
    Builtin("long_to_fp", (("input", L),), L, Effect.PURE, long_to_fp),
    Builtin("fp32_to_fp64", (("input", L),), L, Effect.PURE, fp32_to_fp64, kernel=_WIDENED),
    Builtin("string_to_fp", (("input", S),), L, Effect.PURE, string_to_fp),
    Builtin("fp_to_long", (_ONE, ("roundingMode", L), ("exact", L)), L, Effect.PURE, fp_to_long),
    Builtin("fp_to_string", (_ONE, ("precision", L)), S, Effect.PURE, fp_to_string),
)
