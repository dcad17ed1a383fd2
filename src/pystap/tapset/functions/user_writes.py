"""Changing the probe's task, in guru mode: writing its memory (man function::set_user_int and its like), signals.

bpf_probe_write_user writes what is in memory and writable. It refuses kernel threads and tasks that exit, and a kernel
that is locked down refuses programs that call it (LOCKDOWN_BPF_WRITE_USER of include/linux/security.h).
"""

from __future__ import annotations

from ...program import nodes as n
from ...program.builtins import Builtin, Effect, IrFunction
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ...source import Span
from ..ir import OPAQUE_TEXT, OPAQUE_ZERO, helper, ir_function, length_of
from ..services import Services
from .memory import expanded

L, S = Type.LONG, Type.STRING
_WRITE_USER = 36
_SIZES = {"char": 1, "short": 2, "int": 4, "long": 8, "pointer": 8}
_HIGHEST = 0x0000_7FFF_FFFF_FFFF
"""The highest address of a program with 47-bit addresses."""


def _not_here(rt: Services, *arguments: int | str) -> int:
    """Stands where the call is left to user space. Raises RuntimeFault."""
    raise RuntimeFault(
        "user memory can be written by kernel handlers alone, before what only user space can do, and if the kernel is "
        "not locked down"
    )


def _number_form(size: int) -> IrFunction:
    body = f"""\
  %place = alloca i64, align 8
  store i64 %value, ptr %place, align 8
  %to = inttoptr i64 %address to ptr
  %failed = call i64 {helper(_WRITE_USER)}(ptr %to, ptr %place, i32 {size})
  ret i64 %failed
"""
    return ir_function(f"fn_write_user_{size}", "i64 %address, i64 %value", body)


_TEXT_FORM = ir_function(
    "fn_write_user_text",
    "i64 %address, i64 %most, ptr %s, i64 %size",
    f"""\
{OPAQUE_ZERO}{OPAQUE_TEXT}{length_of("%t", "%size", "entry", "%zero")}\
  %whole = add i64 %length, 1
  %above = call i64 @llvm.smax.i64(i64 %most, i64 0)
  %wanted = call i64 @llvm.umin.i64(i64 %whole, i64 %above)
  %bytes = call i64 asm sideeffect "", "=r,0"(i64 %wanted)
  %some = icmp ugt i64 %bytes, 0
  %fits = icmp ule i64 %bytes, %size
  %fine = and i1 %some, %fits
  br i1 %fine, label %write, label %none
write:
  %to = inttoptr i64 %address to ptr
  %low = trunc i64 %bytes to i32
  %failed = call i64 {helper(_WRITE_USER)}(ptr %to, ptr %s, i32 %low)
  ret i64 %failed
none:
  ret i64 0
""",
)
_ALL = 1 << 16


def _long(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=L)


def _checked(write: n.Expression, address: n.Expression, span: Span) -> n.Expression:
    """Return the write, with an error where it fails: that of a read of the same address that always fails.

    A read for the kernel refuses addresses of user space, one for user space those above.
    """
    above = n.Binary(">", address, _long(_HIGHEST, span), span=span, type=L)
    below = n.Binary("<", address, _long(0, span), span=span, type=L)
    kernel = n.ReadMemory(address, 0, 1, False, False, None, span=span, type=L)
    user = n.ReadMemory(address, 0, 1, False, True, None, span=span, type=L)
    is_user = n.Unary("!", n.Logical("||", above, below, span=span, type=L), span=span, type=L)
    fault = n.Conditional(is_user, kernel, user, span=span, type=L)
    return n.Logical("&&", write, fault, span=span, type=L)


def _number_row(kind: str) -> Builtin:
    form = _number_form(_SIZES[kind])
    write = Builtin(f"set_user_{kind}", (("addr", L), ("val", L)), L, Effect.WRITE, _not_here, form)

    def expand(span: Span, address: n.Expression, value: n.Expression) -> n.Expression:
        return _checked(n.BuiltinCall(write, [address, value], span=span, type=L), address, span)

    return Builtin(
        f"set_user_{kind}", (("addr", L), ("val", L)), None, Effect.WRITE, expanded, expands=expand, guru=True
    )


def _text_row(name: str, is_limited: bool, is_checked: bool) -> Builtin:
    parts = (("addr", L), ("n", L), ("val", S))
    text = Builtin(name, parts, L, Effect.WRITE, _not_here, _TEXT_FORM)

    def expand(span: Span, address: n.Expression, *rest: n.Expression) -> n.Expression:
        most = rest[0] if is_limited else _long(_ALL, span)
        write = n.BuiltinCall(text, [address, most, rest[-1]], span=span, type=L)
        return _checked(write, address, span) if is_checked else write

    parameters = parts if is_limited else (parts[0], parts[2])
    return Builtin(name, parameters, None, Effect.WRITE, expanded, expands=expand, guru=True)


def _no_signal(rt: Services, signo: int) -> int:
    """Stands where the call is left to user space. Raises RuntimeFault."""
    raise RuntimeFault("signals can be raised by kernel handlers alone, before what only user space can do")


# bpf_send_signal_thread, 117: the signal is sent when the interrupt is over (Linux 5.6).
_RAISE_FORM = ir_function(
    "fn_raise",
    "i64 %signal",
    f"""\
  %number = trunc i64 %signal to i32
  %failed = call i64 {helper(117)}(i32 %number)
  ret i64 %failed
""",
)


def _raise_row() -> Builtin:
    send = Builtin("raise", (("signo", L),), L, Effect.WRITE, _no_signal, _RAISE_FORM)

    def expand(span: Span, signo: n.Expression) -> n.Expression:
        return n.BuiltinCall(send, [signo], span=span, type=L)

    return Builtin("raise", (("signo", L),), None, Effect.WRITE, expanded, expands=expand, guru=True)


ROWS = (
    _raise_row(),
    *(_number_row(kind) for kind in _SIZES),
    _text_row("set_user_string", False, True),
    _text_row("set_user_string_n", True, True),
    _text_row("set_user_string_arg", False, False),
)
