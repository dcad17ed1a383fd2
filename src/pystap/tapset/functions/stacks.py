"""Kernel stacks (man function::backtrace, function::print_syms, function::callers and their like).

A stack is a number in kernel code (abi/stack_records), made into addresses and text when user space reads it:

    c[sprint_backtrace()]++    ->    c[_stack_text(_kernel_stack())]++    stored: _kernel_stack()
"""

from __future__ import annotations

from collections.abc import Callable

from ...program import nodes as n
from ...program.builtins import Builtin, Effect, Expansion
from ...program.types import Type
from ...source import NO_SPAN, Span
from .. import stack_text as t
from ..services import Services

L, S = Type.LONG, Type.STRING


def context_value(kind: n.ContextKind) -> Expansion:
    """Return the kernel form of a function without arguments that is found in the probe's context."""
    return Expansion(lambda: n.ContextValue(kind, span=NO_SPAN, type=L))


def call(name: str, arguments: list[n.Expression], span: Span) -> n.Expression:
    from . import lookup

    row = next(row for row in lookup(name) if len(row.parameters) == len(arguments))
    return n.BuiltinCall(row, arguments, span=span, type=row.returns or Type.UNKNOWN)


def expanded(rt: Services, *arguments: int | str) -> int:
    """Stands in rows that expand to another call."""
    raise AssertionError("an expanded function was called")


def through(
    name: str, inner: str, source: str, parameters: tuple[tuple[str, Type], ...] = (), returns: Type | None = None
) -> Builtin:
    """Return a row that stands for `inner(source(), arguments...)`."""

    def expand(span: Span, *arguments: n.Expression) -> n.Expression:
        return call(inner, [call(source, [], span), *arguments], span)

    effect = Effect.ACTION if returns is None else Effect.CONTEXT
    return Builtin(name, parameters, returns, effect, expanded, expands=expand)


def reader(name: str, parameters: str, user: Callable[..., int | str], returns: Type = S) -> Builtin:
    """Return a row of user space whose value depends on what stands for the stack and on the symbols."""
    kinds = tuple((part, L) for part in parameters.split())
    return Builtin(name, kinds, returns, Effect.PURE, user, varies=True)


_K = "_kernel_stack"

ROWS = (
    Builtin(_K, (), L, Effect.CONTEXT, t.no_stack, context_value(n.ContextKind.KERNEL_STACK)),
    reader("_stack_hex", "stack", t.stack_hex),
    reader("_stack_text", "stack", t.stack_text),
    reader("_stack_callers", "stack n", t.stack_callers),
    reader("_stack_caller", "stack", t.stack_caller),
    reader("_stack_element", "stack n", t.stack_element, L),
    Builtin("_print_stack_number", (("stack", L),), None, Effect.ACTION, t.print_stack_number),
    Builtin("_print_stack_lines", (("stack", L),), None, Effect.ACTION, t.print_stack_lines),
    reader("_task_hex", "pid", t.task_hex),
    reader("_function_entry", "stack", t.function_entry, L),
    through("backtrace", "_stack_hex", _K, (), S),
    through("sprint_backtrace", "_stack_text", _K, (), S),
    through("print_backtrace", "_print_stack_number", _K),
    through("print_backtrace_fileline", "_print_stack_lines", _K),
    through("callers", "_stack_callers", _K, (("n", L),), S),
    through("caller", "_stack_caller", _K, (), S),
    through("stack", "_stack_element", _K, (("n", L),), L),
    Builtin(
        "caller_addr", (), L, Effect.CONTEXT, expanded,
        expands=lambda span: call("_stack_element", [call(_K, [], span), n.Constant(1, span=span, type=L)], span),
    ),
    Builtin("print_stack", (("stk", S),), None, Effect.ACTION, t.print_addresses),
    Builtin("print_syms", (("callers", S),), None, Effect.ACTION, t.print_addresses),
    Builtin("sprint_stack", (("stk", S),), S, Effect.PURE, t.simple_text, varies=True),
    Builtin("sprint_syms", (("callers", S),), S, Effect.PURE, t.full_text, varies=True),
)  # fmt: skip
