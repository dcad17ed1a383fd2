"""What probes on the kernel's code and data are made of: loaded when a script has one, a part of `registries`."""

from __future__ import annotations

import os
from functools import cache

from .debuginfo.kernel_addresses import KernelAddresses, has_module_file
from .debuginfo.kernel_symbols import KernelSymbols, loaded_modules
from .debuginfo.kernel_types import KernelTypes
from .lean import Callable
from .probes.data import DATA_FORMS, DataForm
from .probes.function import FunctionForm
from .probes.kernel import Form, RootKind
from .probes.kernel_debuginfo import DEBUGINFO_SUFFIXES, DebuginfoForm, KernelCode
from .probes.kernel_functions import FunctionFacts
from .probes.statement import StatementForm
from .probes.tracepoint import TracepointForm

_FUNCTION_SUFFIXES = ("", ".call", ".return", ".return.maxactive(number)", ".maxactive(number)", ".exported")


def kernel_kinds(
    types: Callable[[], KernelTypes],
    refusal: Callable[[], str],
    watchpoint_refusal: Callable[[], str],
    can_return_arguments: Callable[[], bool],
    at_once: Callable[[], bool],
    guru: bool,
) -> dict[str, RootKind]:
    """Return the kinds by their roots.

    The refusals are why functions cannot be probed and data not be watched here, "" when they can.
    `can_return_arguments` is whether a call's arguments can still be had at its return, `at_once` whether many
    functions are probed at once.
    """
    facts = cache(lambda: function_facts(types, at_once))
    trace = TracepointForm(types)
    described = DebuginfoForm(facts, refusal, _kernel_debuginfo)
    function = FunctionForm(facts, refusal, can_return_arguments, described)
    statement = StatementForm(facts, refusal, guru, described)

    def functions_behind(root: str) -> dict[str, Form]:
        functions = (f"{root}.function({kind})" for kind in ("string", "number"))
        return {name + suffix: function for name in functions for suffix in _FUNCTION_SUFFIXES}

    def code_behind(root: str) -> dict[str, Form]:
        statements = (
            f"{root}.statement({kind}){nearest}" for kind in ("number", "string") for nearest in ("", ".nearest")
        )
        return {
            **functions_behind(root),
            **{f"{root}.function(string){suffix}": described for suffix in DEBUGINFO_SUFFIXES},
            **dict.fromkeys(statements, statement),
        }

    data = DataForm(_has_symbol, _symbols_like, watchpoint_refusal)
    traces: dict[str, Form] = {"kernel.trace(string)": trace, "kernel.tracepoint(string)": trace}
    kprobes = {**functions_behind("kprobe"), **functions_behind("kprobe.module(string)")}
    kprobes["kprobe.statement(number).absolute"] = statement
    absolute = "kernel.statement(number).absolute"
    traces_of_modules: dict[str, Form] = {f"module(string).{name}(string)": trace for name in ("trace", "tracepoint")}
    kinds = (
        RootKind("kernel", {**traces, **code_behind("kernel"), absolute: statement, **dict.fromkeys(DATA_FORMS, data)}),
        RootKind("module", {**traces_of_modules, **code_behind("module(string)")}),
        RootKind("kprobe", kprobes),
    )
    return {kind.root: kind for kind in kinds}


def function_facts(types: Callable[[], KernelTypes], at_once: Callable[[], bool]) -> FunctionFacts:
    """Return what is known of the running kernel's functions, read at the first use."""
    modules = cache(lambda: frozenset(module.name for module in loaded_modules()))
    release = os.uname().release
    places = cache(lambda: KernelAddresses(_symbols(), release))
    return FunctionFacts(types, _symbols, modules, places, has_module_file, release, at_once)


def _kernel_debuginfo(module: str, path: str) -> KernelCode | None:
    from .debuginfo.dwarf_kernel import kernel_dwarf

    return kernel_dwarf(module, path, os.uname().release)


@cache
def _symbols() -> KernelSymbols:
    return KernelSymbols.read()


def _has_symbol(name: str) -> bool:
    return _symbols().find(name) is not None


def _symbols_like(name: str) -> list[str]:
    return _symbols().names_from(name[: max(3, len(name) // 2)])
