"""Gives the built-in calls of kernel code the form that the kernel can compute.

ppid()   ->   the int at offset of tgid in (the pointer at offset of real_parent in the current task)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagnostics import Diagnostics
from ..program import nodes as n
from ..program.builtins import Expansion, TaskField, TaskText
from ..program.extension import MemberLoad, TypeSource
from ..program.program import Handler, Target
from ..program.types import Type
from ..source import Span
from .walk import all_expressions, kernel_bodies, subexpressions


def resolve_kernel_forms(
    handlers: Sequence[Handler], types: Callable[[], TypeSource], diagnostics: Diagnostics, max_width: int
) -> None:
    """Set BuiltinCall.kernel_form in all kernel code; adds an error where the kernel's types lack a member."""
    for handler in handlers:
        if handler.target is not Target.KERNEL:
            continue
        for body in kernel_bodies(handler.body):
            for expression in all_expressions(body):
                if isinstance(expression, n.BuiltinCall) and expression.kernel_form is None:
                    _resolve(expression, types, diagnostics, max_width)


def _resolve(call: n.BuiltinCall, types: Callable[[], TypeSource], diagnostics: Diagnostics, max_width: int) -> None:
    kernel = call.builtin.kernel
    try:
        match kernel:
            case TaskField(path=path):
                call.kernel_form = _follow(types().member_loads("task_struct", path), call.span)
            case TaskText(path=path, limit=limit):
                loads, offset = types().member_address("task_struct", path)
                address = _follow(loads, call.span)
                at = n.Binary("+", address, _long(offset, call.span), span=call.span, type=Type.LONG)
                call.kernel_form = n.ReadString(
                    at, limit, span=call.span, type=Type.STRING, width=min(limit, max_width)
                )
            case Expansion(expand=expand):
                call.kernel_form = expand(*call.arguments)
                for part in subexpressions(call.kernel_form):
                    if isinstance(part, n.BuiltinCall) and part.kernel_form is None:
                        _resolve(part, types, diagnostics, max_width)
            case _:
                pass
    except LookupError as error:
        reason = error.args[0] if error.args else "unknown member"
        diagnostics.error(f"{call.builtin.name}() is not available on this kernel: {reason}", call.span)


def _long(value: int, span: Span) -> n.Constant:
    return n.Constant(value, span=span, type=Type.LONG)


def _follow(loads: Sequence[MemberLoad], span: Span) -> n.Expression:
    value: n.Expression = n.ContextValue(n.ContextKind.CURRENT_TASK, span=span, type=Type.LONG)
    for load in loads:
        assert load.size in (1, 2, 4, 8)
        value = n.ReadMemory(value, load.offset, load.size, load.signed, span=span, type=Type.LONG)  # type: ignore[arg-type]
    return value
