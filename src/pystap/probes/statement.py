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
from .kernel_debuginfo import DebuginfoForm, code_part
from .kernel_functions import FunctionFacts
from .kernel_places import located_in, modules_of, text_row


@dataclass(frozen=True, slots=True)
class StatementForm:
    """The `statement(...)` forms behind `kernel`, `kprobe` and `module(string)`.

    `check` as in FunctionForm; `lines` resolves points with a source file and lines; `guru` tells whether the script
    may name addresses that nothing checks.
    """

    facts: Callable[[], FunctionFacts]
    check: Callable[[], str]
    guru: bool
    lines: DebuginfoForm

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return self.lines.listed(parts) if isinstance(code_part(parts).argument, str) else (parts,)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        part = code_part(parts)
        if isinstance(part.argument, str):
            return self.lines.derive(parts)
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
        assert isinstance(part.argument, int)
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
