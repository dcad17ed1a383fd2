"""`kernel.statement(ADDRESS)`, `module("m").statement(ADDRESS)`, `.absolute`: single instructions.

    kernel.statement(0xffffffff812f0010)               an address as vmlinux or System.map has it
    module("ext4").statement(0x4711)                   one as the module's file has it, of its section .text
    kernel.statement(0xffffffffa0b31010).absolute      one of the running kernel (guru mode)

An address in a file is kept as a function and an offset: it holds whatever place the kernel is loaded to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import semantic_error
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.extension import DerivedPoint, PointPart, VariableSource
from ..program.types import wrap_long
from ..records import dataclass
from .function import text_row
from .kernel_functions import FunctionFacts
from .kernel_places import located_in, modules_of, needs_debuginfo


@dataclass(frozen=True, slots=True)
class StatementForm:
    """The `statement(...)` forms behind `kernel`, `kprobe` and `module(string)`.

    `check` as in FunctionForm; `guru` tells whether the script may name addresses that nothing checks.
    """

    facts: Callable[[], FunctionFacts]
    check: Callable[[], str]
    guru: bool

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        part = next(part for part in parts if part.name == "statement")
        point, name, shown = self._place(parts, part)
        reason = self.check()
        if reason:
            semantic_error(f"kernel code cannot be probed here: {reason}", part.span, f"identifier '{part.name}'")
        rows = {"ppfunc": name, "probefunc": name, "probemod": point.module or "kernel"}
        functions: dict[str, VariableSource] = {function: text_row((text,)) for function, text in rows.items()}
        return [DerivedPoint(shown, KernelFunctions((point,), returns=False), {}, {}, functions)]

    def _place(self, parts: Sequence[PointPart], part: PointPart) -> tuple[FunctionPoint, str, str]:
        """Return where the probe goes, the function that this is in, and what pp() shows. Raises ScriptError."""
        facts = self.facts()
        absolute = parts[-1].name == "absolute"
        if not isinstance(part.argument, int):
            module = modules_of(parts, facts)[0]
            needs_debuginfo(facts, "lines of source are known by debuginfo alone", part, module)
        address = part.argument & 0xFFFF_FFFF_FFFF_FFFF
        shown = ".".join(f"statement({address:#x})" if one is part else str(one) for one in parts)
        if absolute:
            return self._absolute(address, parts), facts.symbol_at(address), shown
        modules = modules_of(parts, facts)
        if len(modules) > 1:
            message = f"an address is one of a single module, {len(modules)} match"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        name, offset = located_in(facts, modules[0], address, part)
        if facts.is_blacklisted(name):
            message = f"{address:#x} lies in '{name}', which is blacklisted: the kernel allows no probes in it"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        base, offset = facts.stable_place(address, name, offset, modules[0])
        return FunctionPoint(name, 0, 0, modules[0], False, offset, base), name, shown

    def _absolute(self, address: int, parts: Sequence[PointPart]) -> FunctionPoint:
        last = parts[-1]
        if not self.guru:
            message = "absolute statement probe in unprivileged script; need stap -g"
            semantic_error(message, last.span, f"identifier '{last.name}'")
        if wrap_long(address) >= 0:
            semantic_error(f"{address:#x} is no address of the kernel", last.span, f"identifier '{last.name}'")
        return FunctionPoint(f"{address:#x}", 0, 0, "", False, address=address)


DEBUGINFO_SUFFIXES = (
    ".inline", ".label(string)", ".callees", ".callees(number)", ".callee(string)", ".callee(string).call",
    ".callee(string).return", ".nearest",
)  # fmt: skip
"""What may stand behind `function(string)` and needs debuginfo."""
_NEEDS = {
    "inline": "inlined functions are known by debuginfo alone",
    "label": "labels are known by debuginfo alone",
    "nearest": "lines of source are known by debuginfo alone",
}


@dataclass(frozen=True, slots=True)
class DebuginfoForm:
    """The forms that only debuginfo (DWARF) can resolve."""

    facts: Callable[[], FunctionFacts]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        self.derive(parts)
        return ()

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        facts = self.facts()
        module = modules_of(parts, facts)[0]
        function = next(index for index, part in enumerate(parts) if part.name == "function")
        why = _NEEDS.get(parts[function + 1].name, "what a function calls is known by debuginfo alone")
        needs_debuginfo(facts, why, parts[function], module)
