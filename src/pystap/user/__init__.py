"""Pass 3 for user space: the elaborated program as a Python module, and the support that the module runs on.

The code generator is imported only when something is to be generated: a warm start loads compiled code without it.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ..program.program import ElaboratedProgram
    from .codegen import UserCode


def generate(program: ElaboratedProgram) -> UserCode:
    """Return the Python code of all user handlers and events (see codegen.generate)."""
    from .codegen import generate as generate_code

    return generate_code(program)


def load(code: CodeType, rt: Any, globals_: Any) -> dict[str, Callable[..., None]]:
    """Run a compiled module and return its functions by name, bound to a session and its globals.

    `rt` is a protocol.UserRuntime, `globals_` has an attribute for each global (see globals.new_globals).
    """
    namespace: dict[str, Any] = {"__name__": "pystap.user.generated"}
    exec(code, namespace)
    functions: dict[str, Callable[..., None]] = namespace["make"](rt, globals_)
    return functions
