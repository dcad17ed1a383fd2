"""`kernel.statement(ADDRESS)`, `module("m").statement(ADDRESS)`, `.absolute`: single instructions.

    kernel.statement(0xffffffff812f0010)               an address as vmlinux or System.map has it
    module("ext4").statement(0x4711)                   one as the module's file has it, of its section .text
    kernel.statement(0xffffffff812f0010).nearest       the statement that it belongs to (needs debuginfo)
    kernel.statement(0xffffffffa0b31010).absolute      one of the running kernel (guru mode)

An address in a file is kept as a function and an offset: it holds whatever place the kernel is loaded to. With
debuginfo the variables that are visible there can be read, and a statement has to begin there (not in guru mode).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import semantic_error
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.extension import DerivedPoint, PointPart, VariableSource
from ..program.types import wrap_long
from ..program.user_code import CodePlace, Exact
from ..records import dataclass
from .kernel_debuginfo import DebuginfoForm, code_part, visible_inside
from .kernel_functions import FunctionFacts
from .kernel_places import located_in, modules_of, needs_debuginfo, text_row


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
        assert isinstance(part.argument, int)
        address = part.argument & 0xFFFF_FFFF_FFFF_FFFF
        if parts[-1].name == "absolute":
            point = self._absolute(address, parts)
            return [self._derived(parts, address, point, self.facts().symbol_at(address), None)]
        module = self._module(parts, part)
        place = self._described(parts, part, module)
        if place is not None:
            address = place[1]
        name, offset = located_in(self.facts(), module, address, part)
        if self.facts().is_blacklisted(name):
            message = f"{address:#x} lies in '{name}', which is blacklisted: the kernel allows no probes in it"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        base, offset = self.facts().stable_place(address, name, offset, module)
        point = FunctionPoint(name, 0, 0, module, False, offset, base)
        return [self._derived(parts, address, point, name, place[0] if place is not None else None)]

    def _module(self, parts: Sequence[PointPart], part: PointPart) -> str:
        """Return the module that an address is one of, "" for the kernel. Raises ScriptError."""
        modules = modules_of(parts, self.facts())
        if len(modules) > 1:
            message = f"an address is one of a single module, {len(modules)} match"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        return modules[0]

    def _described(self, parts: Sequence[PointPart], part: PointPart, module: str) -> tuple[CodePlace, int] | None:
        """Return what debuginfo tells of an address; None where there is none of that code. Raises ScriptError."""
        assert isinstance(part.argument, int)
        nearest = parts[-1].name == "nearest"
        exact: Exact = "nearest" if nearest else "any" if self.guru else "statement"
        place = self.lines.at_address(parts, module, part.argument & 0xFFFF_FFFF_FFFF_FFFF, exact)
        if place is None and nearest:
            needs_debuginfo(self.facts(), "statements are known by debuginfo alone", part, module)
        return place

    def _derived(
        self, parts: Sequence[PointPart], address: int, point: FunctionPoint, name: str, place: CodePlace | None
    ) -> DerivedPoint:
        """Return the point at an address in a function; `place` is what debuginfo tells of it."""
        part = code_part(parts)
        reason = self.check()
        if reason:
            semantic_error(f"kernel code cannot be probed here: {reason}", part.span, f"identifier '{part.name}'")
        shown = ".".join(f"statement({address:#x})" if one is part else str(one) for one in parts)
        rows = {"ppfunc": name, "probefunc": name, "probemod": point.module or "kernel"}
        functions: dict[str, VariableSource] = {function: text_row((text,)) for function, text in rows.items()}
        attach = KernelFunctions((point,), returns=False)
        if place is None:
            return DerivedPoint(shown, attach, {}, {}, functions)
        return DerivedPoint(shown, attach, {}, visible_inside(place), functions, program=place.program)

    def _absolute(self, address: int, parts: Sequence[PointPart]) -> FunctionPoint:
        last = parts[-1]
        if not self.guru:
            message = "absolute statement probe in unprivileged script; need stap -g"
            semantic_error(message, last.span, f"identifier '{last.name}'")
        if wrap_long(address) >= 0:
            semantic_error(f"{address:#x} is no address of the kernel", last.span, f"identifier '{last.name}'")
        return FunctionPoint(f"{address:#x}", 0, 0, "", False, address=address)
