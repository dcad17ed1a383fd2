"""Addresses of kernel symbols: constants that a program gets when it is loaded (loader/machine.py)."""

from __future__ import annotations

from ...program import nodes as n
from ...program.builtins import Builtin, Effect, Expansion
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..ir import ir_function
from ..services import Services

L, S = Type.LONG, Type.STRING


def symbol_address(rt: Services, name: str) -> int:
    """Return the address of a kernel symbol, or of a section of a module (`module:section`).

    Raises a run-time error where it is not known.
    """
    address = rt.symbol_address(name)
    if not address:
        raise RuntimeFault(f"the kernel has no symbol '{name}', or does not show it")
    return address if address < 1 << 63 else address - (1 << 64)


def _in_kernel(name: n.Expression) -> n.Expression:
    assert isinstance(name, n.Constant)
    symbol = str(name.value)
    body = f'  %r = ptrtoint ptr @"machine.symbol.{symbol}" to i64\n  ret i64 %r\n'
    name_in_ir = symbol if symbol.isidentifier() else symbol.encode().hex()
    row = Builtin("_symbol", (), L, Effect.PURE, symbol_address, ir_function(f"fn_symbol_{name_in_ir}", "", body))
    return n.BuiltinCall(row, [], span=name.span, type=L)


ROWS = (
    Builtin("_symbol_address", (("name", S),), L, Effect.PURE, symbol_address, Expansion(_in_kernel), varies=True),
)  # fmt: skip
