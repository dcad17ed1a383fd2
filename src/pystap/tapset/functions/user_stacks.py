"""User stacks and symbols (man function::ubacktrace, function::print_usyms, function::usymdata and their like).

In kernel code a stack is a number, and an address means something only together with its address space:

    usymname(uaddr())   ->   _user_name(_address_space(), uaddr())
"""

from __future__ import annotations

from collections.abc import Callable

from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from .. import stack_text as t
from .stacks import context_value, reader, through

L, S = Type.LONG, Type.STRING
_STACK, _SPACE = "_user_stack", "_address_space"


def _of_space(name: str, user: Callable[..., str], kind: Type = L) -> Builtin:
    return Builtin(name, (("space", L), ("what", kind)), S, Effect.PURE, user, varies=True)


def _action(name: str, user: Callable[..., None], *kinds: Type) -> Builtin:
    return Builtin(name, tuple((f"a{i}", kind) for i, kind in enumerate(kinds)), None, Effect.ACTION, user)


ROWS = (
    Builtin(_STACK, (), L, Effect.CONTEXT, t.no_stack, context_value(n.ContextKind.USER_STACK)),
    Builtin(_SPACE, (), L, Effect.CONTEXT, t.no_stack, context_value(n.ContextKind.ADDRESS_SPACE)),
    reader("_user_hex", "stack", t.user_hex),
    reader("_user_text", "stack", t.user_text),
    reader("_user_brief", "stack", t.user_brief),
    reader("_user_callers", "stack n", t.user_callers),
    reader("_user_element", "stack n", t.user_element, L),
    _action("_print_user_stack", t.print_user_stack, L),
    _action("_print_user_brief", t.print_user_brief, L),
    _action("_print_user_lines", t.print_user_lines, L),
    through("ubacktrace", "_user_hex", _STACK, (), S),
    through("sprint_ubacktrace", "_user_text", _STACK, (), S),
    through("print_ubacktrace", "_print_user_stack", _STACK),
    through("print_ubacktrace_brief", "_print_user_brief", _STACK),
    through("print_ubacktrace_fileline", "_print_user_lines", _STACK),
    through("ucallers", "_user_callers", _STACK, (("n", L),), S),
    through("ustack", "_user_element", _STACK, (("n", L),), L),
    _action("_print_user_addresses", t.print_user_addresses, L, S),
    _of_space("_user_simple_text", t.user_simple_text, S),
    _of_space("_user_full_text", t.user_full_text, S),
    _of_space("_user_name", t.user_name),
    _of_space("_user_data", t.user_data),
    _of_space("_user_module", t.user_module),
    _of_space("_user_build_id", t.user_build_id),
    Builtin("_user_module_address", (("space", L), ("what", L)), L, Effect.PURE, t.user_module_address, varies=True),
    _of_space("_user_file", t.user_file),
    _of_space("_user_line", t.user_line),
    _of_space("_user_file_line", t.user_file_line),
    through("print_ustack", "_print_user_addresses", _SPACE, (("stk", S),)),
    through("print_usyms", "_print_user_addresses", _SPACE, (("callers", S),)),
    through("sprint_ustack", "_user_simple_text", _SPACE, (("stk", S),), S),
    through("sprint_usyms", "_user_full_text", _SPACE, (("callers", S),), S),
    through("usymname", "_user_name", _SPACE, (("addr", L),), S),
    through("usymdata", "_user_data", _SPACE, (("addr", L),), S),
    through("umodname", "_user_module", _SPACE, (("addr", L),), S),
    through("umodbuildid", "_user_build_id", _SPACE, (("address", L),), S),
    through("umodaddr", "_user_module_address", _SPACE, (("address", L),), L),
    through("usymfile", "_user_file", _SPACE, (("addr", L),), S),
    through("usymline", "_user_line", _SPACE, (("addr", L),), S),
    through("usymfileline", "_user_file_line", _SPACE, (("addr", L),), S),
)
