"""What is known of the kernel's functions: from /proc/kallsyms, tracefs, debugfs and type information."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from itertools import pairwise

from ..arch import x86_64 as arch
from ..lean import Protocol
from ..program import nodes as n
from ..program.c_types import CType, CValue
from ..program.extension import TargetSource
from ..program.types import Type
from ..source import Span
from .tracepoint import TRACEFS

_GENERATED = (".cold", "__pfx_", "__cfi_", "__probestub_", "__bpf_trace_", "__traceiter_", "__SCT__", "__SCK__")
"""Parts of names of what compilers and macros add beside functions."""


_NO_WILDCARDS = str.maketrans("[", "?")
_MOST_SEARCHES = 8
"""How many functions are searched for (5 ms each) before all are read (60 ms)."""
_TRIED_BY_KERNEL = 200
"""Where functions are probed one by one, the list of those that ftrace knows takes longer to read than to have the
kernel refuse some of so many."""


class FunctionTypes(Protocol):
    """What type information knows of functions."""

    def function(self, name: str, module: str = "") -> tuple[list[tuple[str, CType]], CType] | None: ...

    def function_id(self, name: str, module: str = "") -> int | None: ...


class Symbols(Protocol):
    """The symbols of the kernel, as text: see debuginfo.kernel_symbols."""

    def functions_like(self, pattern: str, module: str) -> list[str]: ...

    def has_function(self, name: str, module: str) -> bool: ...

    def exported_names(self) -> Collection[str]: ...

    def offsets_of(self, name: str) -> list[int]: ...


class Places(Protocol):
    """Addresses of the kernel and its modules, in their files and now: see debuginfo.kernel_addresses."""

    def in_file(self, address: int, module: str) -> tuple[str, int] | None: ...

    def at(self, address: int) -> str: ...

    def stable_place(self, address: int, name: str, offset: int, module: str) -> tuple[str, int]: ...


class FunctionFacts:
    """The functions of the running kernel; each source is read when it is first asked."""

    def __init__(
        self,
        types: Callable[[], FunctionTypes],
        symbols: Callable[[], Symbols],
        modules: Callable[[], Collection[str]],
        places: Callable[[], Places],
        has_module_file: Callable[[str, str, str], bool],
        release: str,
        at_once: Callable[[], bool],
    ) -> None:
        """`at_once` is whether many functions are probed at once, where one that cannot be would prevent all."""
        self._types = types
        self._symbols = symbols
        self._modules = modules
        self._places = places
        self._has_module_file = has_module_file
        self._release = release
        self._at_once = at_once
        self._known: dict[str, frozenset[str]] = {}
        """All functions of a module, once many were looked up."""
        self._repeated: frozenset[str] = frozenset()
        """The names that several functions of the kernel have, once they were read."""
        self._present: dict[tuple[str, str], bool] = {}
        self._copies: dict[str, list[int]] = {}

    @cached_property
    def _traceable(self) -> frozenset[str]:
        """The functions that ftrace can hook; empty where the kernel does not tell."""
        for folder in TRACEFS:
            try:
                with open(f"{folder}/available_filter_functions", "rb", buffering=0) as file:
                    # "name" or "name [module]" in each line; what is in brackets is no function's name.
                    return frozenset(file.readall().decode(errors="replace").split())
            except OSError:
                continue
        return frozenset()

    @cached_property
    def _blacklist(self) -> frozenset[str]:
        """The functions in which kprobes are forbidden (Documentation/trace/kprobes.rst)."""
        try:
            with open("/sys/kernel/debug/kprobes/blacklist", encoding="utf-8", errors="replace") as file:
                return frozenset(line.split()[1] for line in file if len(line.split()) > 1)
        except OSError:
            return frozenset()

    def has_module(self, module: str) -> bool:
        return module in self._modules()

    def modules(self) -> Collection[str]:
        """Return the names of the loaded modules."""
        return self._modules()

    def module_file(self, module: str) -> bool:
        """Tell whether a module is installed for this kernel."""
        return self._has_module_file(module, self._release, "modules.dep")

    def is_built_in(self, module: str) -> bool:
        """Tell whether what can be a module is part of this kernel."""
        return self._has_module_file(module, self._release, "modules.builtin")

    def located(self, address: int, module: str) -> tuple[str, int] | None:
        """Return function and offset of an address of the kernel's or a module's file."""
        return self._places().in_file(address, module)

    def symbol_at(self, address: int) -> str:
        """Return the function at an address of the running kernel, "" when there is none."""
        return self._places().at(address)

    def stable_place(self, address: int, name: str, offset: int, module: str) -> tuple[str, int]:
        """Return a symbol ("": the function) and an offset that mean this address of a file at every boot."""
        return self._places().stable_place(address, name, offset, module)

    def copies(self, name: str, module: str) -> list[int]:
        """Return where the functions of one name are, as offsets from `_text`, when the kernel itself has several."""
        if module or (self._all_functions("") is not None and name not in self._repeated):
            return []
        if name not in self._copies:
            self._copies[name] = self._symbols().offsets_of(name)
        offsets = self._copies[name]
        return offsets if len(offsets) > 1 else []

    def is_traceable(self, name: str) -> bool:
        """Tell whether ftrace can hook a function; True where that is not known."""
        return not self._traceable or name in self._traceable

    def is_traceable_among(self, count: int, name: str) -> bool:
        """Tell the same of one of many functions, True where the kernel may find out when the probe is put there."""
        return (count <= _TRIED_BY_KERNEL and not self._at_once()) or self.is_traceable(name)

    def is_blacklisted(self, name: str) -> bool:
        return name in self._blacklist

    def exact(self, name: str, module: str) -> str:
        """Return the symbol of a function, "" when there is none. A system call's old name finds today's entry."""
        if self._has(name, module):
            return name
        for prefix in ("sys_", "SyS_"):
            entry = f"{arch.SYSCALL_PREFIX}sys_{name.removeprefix(prefix)}"
            if name.startswith(prefix) and not module and self._has(entry, ""):
                return entry
        return ""

    def _has(self, name: str, module: str) -> bool:
        known = self._all_functions(module)
        if known is not None:
            return name in known
        present = self._present.get((name, module))
        if present is None:
            present = self._present[name, module] = self._symbols().has_function(name, module)
        return present

    def _all_functions(self, module: str) -> frozenset[str] | None:
        """Return the names of all functions; None as long as that takes longer than to search for those wanted."""
        known = self._known.get(module)
        if known is None and len(self._present) + len(self._copies) > _MOST_SEARCHES:
            every = self._symbols().functions_like("*", module)
            known = self._known[module] = frozenset(every)
            if not module and len(known) < len(every):
                every.sort()
                self._repeated = frozenset(name for name, following in pairwise(every) if name == following)
        return known

    def matching(self, pattern: str, module: str, exported: bool) -> list[str]:
        """Return the functions that match a pattern (fnmatch) and can be probed, sorted."""
        names = set(self._symbols().functions_like(pattern, module))
        if exported:
            names &= set(self._symbols().exported_names())
        asks = names and (len(names) > _TRIED_BY_KERNEL or self._at_once())
        traceable = self._traceable if asks else frozenset()
        return sorted(
            name
            for name in names
            if name not in self._blacklist
            and (name in traceable if traceable else not any(part in name for part in _GENERATED))
        )

    def names_like(self, name: str, module: str) -> list[str]:
        """Return names that may be near one: comparing with all of 60,000 would take seconds."""
        start = name[: max(3, len(name) // 2)]
        near = self._symbols().functions_like(start.translate(_NO_WILDCARDS) + "*", module)
        return [own for own in near if not any(part in own for part in _GENERATED)]

    def prototype(self, name: str, module: str) -> tuple[list[tuple[str, CType]], CType] | None:
        return self._types().function(name, module)

    def type_id(self, name: str, module: str) -> int:
        return self._types().function_id(name, module) or 0

    def debuginfo_hint(self, module: str = "") -> str:
        """Return how to get what knows more of the kernel or a module."""
        return f"debuginfo would tell more (install linux-image-{self._release}-dbg, or set DEBUGINFOD_URLS)"


def system_call_targets(symbol: str) -> dict[str, TargetSource] | None:
    """Return the arguments of a system call's entry, which stand in the registers saved at the call.

    None for other functions. They have no types: the entry has but a pointer to the registers.
    """
    prefix = f"{arch.SYSCALL_PREFIX}sys_"
    if not symbol.startswith(prefix):
        return None
    from ..arch.x86_64_syscall_arguments import ARGUMENTS

    def source(index: int) -> TargetSource:
        def value(span: Span) -> CValue:
            registers = n.ContextValue(n.ContextKind.ARGUMENT, 0, span=span, type=Type.LONG)
            offset = arch.PT_REGS_OFFSETS[arch.SYSCALL_ARGUMENTS[index]]
            return CValue(n.ReadMemory(registers, offset, 8, False, span=span, type=Type.LONG), None)

        return TargetSource(value)

    names = ARGUMENTS.get(symbol.removeprefix(prefix), ())
    return {f"${name}": source(index) for index, name in enumerate(names)}
