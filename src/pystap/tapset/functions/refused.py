"""Functions that eBPF programs cannot have: a call is one error that says why.

Programs are verified: they cannot write kernel memory or registers, stop the CPU or the kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from ...diagnostics import semantic_error
from ...program import nodes as n
from ...program.builtins import Builtin, Effect
from ...program.types import Type
from ...source import Span
from .memory import expanded

L, S = Type.LONG, Type.STRING
_MEMORY = "eBPF programs cannot write kernel memory"
_ARGUMENT = "eBPF programs cannot change the arguments of a probed function"
_METRICS = "there is no kernel module whose metrics could be kept in procfs"

_KERNEL_KINDS = ("char", "int", "long", "pointer", "short", "string", "string_n")
_ARGUMENT_KINDS = (
    "int", "long", "longlong", "pointer", "s32", "s64", "u32", "u64", "uint", "ulong", "ulonglong"
)  # fmt: skip

_REASONS = {
    **dict.fromkeys([f"set_kernel_{kind}" for kind in _KERNEL_KINDS], _MEMORY),
    **dict.fromkeys([f"set_{kind}_arg" for kind in _ARGUMENT_KINDS], _ARGUMENT),
    "panic": "eBPF programs cannot stop the kernel",
    "mdelay": "eBPF programs cannot hold the CPU",
    "udelay": "eBPF programs cannot hold the CPU",
    "dump_stack": "eBPF programs cannot write the kernel's log; print_backtrace() prints the same",
    "cve_count_metric": _METRICS, "cve_record_metric": _METRICS, "cve_tmpdisable": _METRICS,
}  # fmt: skip

_PARAMETERS = {
    "set_kernel_string_n": (("addr", L), ("n", L), ("val", S)),
    "set_kernel_string": (("addr", L), ("val", S)),
    "panic": (("msg", S),),
    "mdelay": (("ms", L),),
    "udelay": (("us", L),),
    "dump_stack": (),
    "cve_count_metric": (("key", S),),
    "cve_record_metric": (("key", S), ("value", L)),
    "cve_tmpdisable": (("duration", L),),
}
_VALUES = ("set_s32_arg",)


def _refusal(name: str) -> Callable[..., n.Expression]:
    def expand(span: Span, *arguments: n.Expression) -> n.Expression:
        semantic_error(f"function '{name}' is not available: {_REASONS[name]}", span, f"identifier '{name}'")

    return expand


def _row(name: str) -> Builtin:
    default = (("addr" if "kernel" in name else "argnum", L), ("val" if "kernel" in name else "value", L))
    returns = L if name in _VALUES else None
    parameters = _PARAMETERS.get(name, default)
    return Builtin(name, parameters, returns, Effect.CONTEXT, expanded, expands=_refusal(name), guru=returns is None)


ROWS = tuple(_row(name) for name in _REASONS)
