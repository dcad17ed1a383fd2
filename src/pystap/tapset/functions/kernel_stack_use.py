"""Where the kernel stack is (man function::stack_used): a program has its own frame on it."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..ir import helper, ir_function
from ..services import Services

_PROBE_READ_KERNEL = 113


def _no_stack(rt: Services) -> int:
    """Stands where the call is left to user space. Raises RuntimeFault."""
    raise RuntimeFault("the kernel stack in use is known to kernel handlers alone")


# The address goes through memory: the verifier calculates with numbers, not with pointers to the frame.
_STACK_POINTER = ir_function(
    "fn_stack_pointer",
    "",
    f"""\
  %place = alloca ptr, align 8
  %out = alloca i64, align 8
  store ptr %place, ptr %place, align 8
  store i64 0, ptr %out, align 8
  %failed = call i64 {helper(_PROBE_READ_KERNEL)}(ptr %out, i32 8, ptr %place)
  %address = load i64, ptr %out, align 8
  ret i64 %address
""",
)

ROWS = (Builtin("_stack_pointer", (), Type.LONG, Effect.CONTEXT, _no_stack, _STACK_POINTER),)
