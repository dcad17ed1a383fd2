"""`kernel.function("pattern")`, `module("m").function(...)`, `kprobe.function(...)`: functions of the kernel.

    kernel.function("vfs_*").return       every function of the kernel that matches, at its return
    kernel.function("sys_open")           __x64_sys_open, its arguments taken from the registers saved at the call

Without debuginfo a function is known by its symbol, its arguments by the kernel's BTF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from ..diagnostics import near_names, semantic_error
from ..lean import NoReturn
from ..program import nodes as n
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..records import dataclass, replace
from ..source import Span
from .kernel_debuginfo import DebuginfoForm, has_debuginfo_form
from .kernel_functions import FunctionFacts
from .kernel_functions import system_call_targets as system_call
from .kernel_places import located_in, modules_of, text_row

_TYPED_ARGUMENTS = 6
"""fentry passes functions with more arguments on newer kernels only."""
_MAXACTIVE_LIMIT = 4096
"""KRETPROBE_MAXACTIVE_MAX of the kernel's kernel/trace/trace_kprobe.c."""


def _long(span: Span, kind: n.ContextKind, index: int = 0) -> n.Expression:
    return n.ContextValue(kind, index, span=span, type=Type.LONG)


def argument(index: int, type_: CType) -> TargetSource:
    """Return the argument at an index, as the register has it."""

    def value(span: Span) -> CValue:
        return CValue(narrowed(_long(span, n.ContextKind.ARGUMENT, index), type_, span), type_)

    return TargetSource(value, type_)


def returned(type_: CType | None) -> TargetSource:
    """Return what the function returns."""

    def value(span: Span) -> CValue:
        word = _long(span, n.ContextKind.RETURN_VALUE)
        return CValue(word if type_ is None else narrowed(word, type_, span), type_)

    return TargetSource(value, type_, "return")


def function_point(name: str, module: str, facts: FunctionFacts) -> FunctionPoint:
    """Return the entry of a function, with what fentry needs where that can be had."""
    prototype = facts.prototype(name, module)
    parameters = prototype[0] if prototype is not None else []
    simple = all(type_.kind in (CKind.INTEGER, CKind.POINTER) for _, type_ in parameters)
    typed = prototype is not None and simple and len(parameters) <= _TYPED_ARGUMENTS
    type_id = facts.type_id(name, module) if typed else 0
    indirect = frozenset(i for i, (_, type_) in enumerate(parameters) if type_id and _is_indirect(type_))
    return FunctionPoint(name, type_id, len(parameters), module, facts.is_traceable(name), indirect=indirect)


def _is_indirect(type_: CType) -> bool:
    """Tell whether a parameter points to what is no structure."""
    return type_.kind is CKind.POINTER and type_.source.target(type_).kind is not CKind.COMPOSITE


Named = tuple[str, str]
"""A function: its module ("" the kernel) and its symbol."""


@dataclass(frozen=True, slots=True)
class FunctionForm:
    """The `function(string)` forms behind `kernel`, `kprobe` and `module(string)`.

    `check` raises nothing and gives "" where functions can be probed, else why not. `described` resolves points with a
    source file.
    """

    facts: Callable[[], FunctionFacts]
    check: Callable[[], str]
    can_return_arguments: Callable[[], bool]
    described: DebuginfoForm

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        if has_debuginfo_form(parts) or self._is_described(parts):
            return self.described.derive(parts)
        found = self._matching(parts)
        part = _function_part(parts)
        reason = self.check()
        if reason:
            semantic_error(f"kernel functions cannot be probed here: {reason}", part.span, f"identifier '{part.name}'")
        if len(found) == 1:
            return [self._point(parts, found[0])]
        return [self._group(parts, found)]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        if has_debuginfo_form(parts) or self._is_described(parts):
            yield from self.described.listed(parts)
            return
        for found in self._matching(parts):
            yield _with_names(parts, found)

    def _is_described(self, parts: Sequence[PointPart]) -> bool:
        """Tell whether debuginfo alone knows a function: it has no symbol (it is inlined wherever it is called), or the
        kernel's type information lacks it (as that of many modules does).

        Raises ScriptError for the entry or the return of an inlined function, which it has not.
        """
        part, facts = _function_part(parts), self.facts()
        name = str(part.argument)
        if not isinstance(part.argument, str) or any(c in name for c in "*?["):
            return False
        [module, *others] = modules_of(parts, facts)
        known = others or (facts.exact(name, module) and facts.prototype(facts.exact(name, module), module))
        if known or facts.copies(name, module) or not self.described.knows(parts, module, name):
            return False
        if facts.exact(name, module):
            return True
        own = next((one for one in parts if one.name in ("call", "return", "exported")), None)
        if own is not None:
            message = f"function '{name}' is inlined everywhere: it has no entry and no return of its own"
            semantic_error(message, own.span, f"identifier '{own.name}'")
        return True

    def _matching(self, parts: Sequence[PointPart]) -> list[Named]:
        """Return the functions that a pattern means. Raises ScriptError."""
        part = _function_part(parts)
        facts = self.facts()
        modules = modules_of(parts, facts)
        if isinstance(part.argument, int):
            located = located_in(facts, modules[0], part.argument, part)
            return [(modules[0], located[0])]
        name = str(part.argument)
        exported = any(p.name == "exported" for p in parts)
        found = [(module, own) for module in modules for own in self._of_module(name, module, exported)]
        if not found:
            self._absent(parts, name, modules)
        if len(found) == 1 and facts.is_blacklisted(found[0][1]):
            semantic_error(
                f"function '{found[0][1]}' is blacklisted: the kernel allows no probes in it", part.span,
                f"identifier '{part.name}'",
            )  # fmt: skip
        return found

    def _of_module(self, name: str, module: str, exported: bool) -> list[str]:
        facts = self.facts()
        if any(c in name for c in "*?[") or exported:
            return facts.matching(name, module, exported)
        exact = facts.exact(name, module)
        return [exact] if exact else []

    def _absent(self, parts: Sequence[PointPart], name: str, modules: Sequence[str]) -> NoReturn:
        part, facts = _function_part(parts), self.facts()
        near = near_names(name, facts.names_like(name, modules[0])) if len(modules) == 1 else []
        hint = f" (similar functions: {', '.join(near)})" if near else ""
        where = f" in module '{modules[0]}'" if len(modules) == 1 and modules[0] else ""
        if len(modules) == 1 and self.described.is_there(parts, modules[0]):
            why = f"absent{hint}"  # debuginfo would know it if it were inlined
        else:
            why = f"absent or inlined{hint}; {facts.debuginfo_hint(modules[0])}"
        semantic_error(f"no match for function '{name}'{where}: {why}", part.span, f"identifier '{part.name}'")

    def _point(self, parts: Sequence[PointPart], found: Named) -> DerivedPoint:
        """Return the point of one function, with its variables."""
        returns = any(p.name == "return" for p in parts)
        module, name = found
        copies = self.facts().copies(name, module)
        point = function_point(name, module, self.facts()) if not copies else FunctionPoint(name, is_traceable=False)
        # Static functions of one name are told apart by where they are.
        points = tuple(replace(point, offset=offset, base="_text") for offset in copies) or (point,)
        targets = self._arguments(name, module)
        if returns and not (point.btf_id and point.is_traceable and self.can_return_arguments()):
            targets = {own: replace(source, at_entry=True) for own, source in targets.items()}
        functions: dict[str, VariableSource] = {"ppfunc": text_row((name,)), "probefunc": text_row((name,))}
        functions["probemod"] = text_row((module or "kernel",))
        if returns:
            prototype = self.facts().prototype(name, module)
            result = prototype[1] if prototype is not None else None
            if result is None or result.name != "void":
                targets["$return"] = returned(result)
            functions["returnval"] = lambda span: _long(span, n.ContextKind.RETURN_VALUE)
        attach = KernelFunctions(points, returns, maxactive=_maxactive(parts))
        entry = partial(self._point, _without_return(parts), found) if returns else None
        return DerivedPoint(_shown(parts, found), attach, {}, targets, functions, entry=entry)

    def _arguments(self, name: str, module: str) -> dict[str, TargetSource]:
        call = system_call(name)
        if call is not None:
            return call
        prototype = self.facts().prototype(name, module)
        targets: dict[str, TargetSource] = {}
        for index, (own, type_) in enumerate(prototype[0] if prototype is not None else []):
            if type_.kind not in (CKind.INTEGER, CKind.POINTER):
                break  # a struct passed by value takes several registers, or none
            targets[f"${own}"] = argument(index, type_)
        return targets

    def _group(self, parts: Sequence[PointPart], found: Sequence[Named]) -> DerivedPoint:
        """Return one point for many functions."""
        returns = any(p.name == "return" for p in parts)
        facts = self.facts()
        # What fentry would need is not looked up for so many: they go by kprobe-multi or single kprobes.
        points = tuple(
            FunctionPoint(name, 0, 0, module, facts.is_traceable_among(len(found), name)) for module, name in found
        )
        own = tuple(name for _, name in found)
        functions = {
            "pp": text_row(tuple(_shown(parts, one) for one in found)),
            "ppfunc": text_row(own),
            "probefunc": text_row(own),
            "probemod": text_row(tuple(module or "kernel" for module, _ in found)),
        }
        if returns:
            functions["returnval"] = lambda span: _long(span, n.ContextKind.RETURN_VALUE)

        def separately() -> Sequence[DerivedPoint]:
            return [self._point(parts, one) for one in found]

        written = ".".join(map(str, parts))
        attach = KernelFunctions(points, returns, maxactive=_maxactive(parts))
        entry = partial(self._group, _without_return(parts), found) if returns else None
        return DerivedPoint(written, attach, {}, {}, functions, separately, entry=entry)


def _with_names(parts: Sequence[PointPart], found: Named) -> list[PointPart]:
    """Return the point with the names of one function in place of patterns and addresses."""
    names = {"module": found[0], "function": found[1]}
    return [PointPart(p.name, names[p.name], p.span) if p.name in names else p for p in parts]


def _shown(parts: Sequence[PointPart], found: Named) -> str:
    return ".".join(map(str, _with_names(parts, found)))


def _function_part(parts: Sequence[PointPart]) -> PointPart:
    return next(part for part in parts if part.name == "function")


def _without_return(parts: Sequence[PointPart]) -> Sequence[PointPart]:
    return [part for part in parts if part.name not in ("return", "maxactive")]


def _maxactive(parts: Sequence[PointPart]) -> int:
    """Return the argument of `.maxactive`, 0 when there is none. Raises ScriptError."""
    part = next((part for part in parts if part.name == "maxactive"), None)
    if part is None:
        return 0
    assert isinstance(part.argument, int)
    if not 1 <= part.argument <= _MAXACTIVE_LIMIT:
        message = f"maxactive value out of range (1, {_MAXACTIVE_LIMIT})"
        semantic_error(message, part.span, "identifier 'maxactive'")
    return part.argument
