"""`kernel.function("pattern")`, `module("m").function(...)`, `kprobe.function(...)`: functions of the kernel.

    kernel.function("vfs_*").return       every function of the kernel that matches, at its return
    kernel.function("sys_open")           __x64_sys_open, its arguments taken from the registers saved at the call

Without debuginfo a function is known by its symbol, its arguments by the kernel's BTF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate

from ..diagnostics import near_names, semantic_error
from ..program import nodes as n
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span
from .kernel_functions import FunctionFacts
from .kernel_functions import system_call_targets as system_call

_TYPED_ARGUMENTS = 6
"""fentry passes functions with more arguments on newer kernels only."""


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


@dataclass(frozen=True, slots=True)
class FunctionForm:
    """The `function(string)` forms behind `kernel`, `kprobe` and `module(string)`.

    `check` raises nothing and gives "" where functions can be probed, else why not.
    """

    facts: Callable[[], FunctionFacts]
    check: Callable[[], str]
    can_return_arguments: Callable[[], bool]

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        names = self._matching(parts)
        part = _function_part(parts)
        reason = self.check()
        if reason:
            semantic_error(f"kernel functions cannot be probed here: {reason}", part.span, f"identifier '{part.name}'")
        if len(names) == 1:
            return [self._point(parts, names[0])]
        return [self._group(parts, names)]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for name in self._matching(parts):
            yield [PointPart(p.name, name, p.span) if p.name == "function" else p for p in parts]

    def _matching(self, parts: Sequence[PointPart]) -> list[str]:
        """Return the functions that a pattern means. Raises ScriptError."""
        part, module = _function_part(parts), _module(parts)
        pattern = str(part.argument)
        name, at, _ = pattern.partition("@")
        if at:
            semantic_error(
                f"no match for '{pattern}': source files are known by debuginfo alone; {self.facts().debuginfo_hint()}",
                part.span, f"identifier '{part.name}'",
            )  # fmt: skip
        facts = self.facts()
        if module and not facts.has_module(module):
            semantic_error(f"no match: module '{module}' is not loaded", parts[0].span, f"identifier '{parts[0].name}'")
        if any(c in name for c in "*?["):
            exported = any(p.name == "exported" for p in parts)
            found = facts.matching(translate(name), module, exported)
        else:
            exact = facts.exact(name, module)
            found = [exact] if exact else []
        if not found:
            self._absent(part, name, module)
        if len(found) == 1 and facts.is_blacklisted(found[0]):
            semantic_error(
                f"function '{found[0]}' is blacklisted: the kernel allows no probes in it", part.span,
                f"identifier '{part.name}'",
            )  # fmt: skip
        return found

    def _absent(self, part: PointPart, name: str, module: str) -> None:
        facts = self.facts()
        near = near_names(name, facts.names_like(name, module))
        hint = f" (similar functions: {', '.join(near)})" if near else ""
        where = f" in module '{module}'" if module else ""
        semantic_error(
            f"no match for function '{name}'{where}: absent or inlined{hint}; {facts.debuginfo_hint()}", part.span,
            f"identifier '{part.name}'",
        )  # fmt: skip

    def _shown(self, parts: Sequence[PointPart], name: str) -> str:
        return ".".join(str(PointPart(p.name, name, p.span) if p.name == "function" else p) for p in parts)

    def _function(self, name: str, module: str) -> FunctionPoint:
        facts = self.facts()
        prototype = facts.prototype(name, module)
        parameters = prototype[0] if prototype is not None else []
        simple = all(type_.kind in (CKind.INTEGER, CKind.POINTER) for _, type_ in parameters)
        typed = prototype is not None and simple and len(parameters) <= _TYPED_ARGUMENTS
        type_id = facts.type_id(name, module) if typed else 0
        return FunctionPoint(name, type_id, len(parameters), module, facts.is_traceable(name))

    def _point(self, parts: Sequence[PointPart], name: str) -> DerivedPoint:
        """Return the point of one function, with its variables."""
        returns = any(p.name == "return" for p in parts)
        module = _module(parts)
        point = self._function(name, module)
        targets: dict[str, TargetSource] = {}
        if not returns or (point.btf_id and point.is_traceable and self.can_return_arguments()):
            targets.update(self._arguments(name, module))
        functions: dict[str, VariableSource] = {"ppfunc": _row((name,)), "probefunc": _row((name,))}
        functions["probemod"] = _row((module or "kernel",))
        if returns:
            prototype = self.facts().prototype(name, module)
            result = prototype[1] if prototype is not None else None
            if result is None or result.name != "void":
                targets["$return"] = returned(result)
            functions["returnval"] = lambda span: _long(span, n.ContextKind.RETURN_VALUE)
        return DerivedPoint(self._shown(parts, name), KernelFunctions((point,), returns), {}, targets, functions)

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

    def _group(self, parts: Sequence[PointPart], names: Sequence[str]) -> DerivedPoint:
        """Return one point for many functions."""
        returns = any(p.name == "return" for p in parts)
        module = _module(parts)
        facts = self.facts()
        # What fentry would need is not looked up for so many: they go by kprobe-multi or single kprobes.
        points = tuple(FunctionPoint(name, 0, 0, module, facts.is_traceable(name)) for name in names)
        shown = tuple(self._shown(parts, name) for name in names)
        own = tuple(names)
        functions = {"pp": _row(shown), "ppfunc": _row(own), "probefunc": _row(own)}
        functions["probemod"] = _row((module or "kernel",))
        if returns:
            functions["returnval"] = lambda span: _long(span, n.ContextKind.RETURN_VALUE)

        def separately() -> Sequence[DerivedPoint]:
            return [self._point(parts, name) for name in names]

        written = ".".join(map(str, parts))
        return DerivedPoint(written, KernelFunctions(points, returns), {}, {}, functions, separately)


def _function_part(parts: Sequence[PointPart]) -> PointPart:
    return next(part for part in parts if part.name == "function")


def _module(parts: Sequence[PointPart]) -> str:
    """Return the module that a point names, as the kernel spells it; "" for the kernel itself."""
    first = next((part for part in parts if part.name == "module"), None)
    if first is None:
        return ""
    name = str(first.argument).rpartition("/")[2]
    for suffix in (".ko", ".ko.xz", ".ko.zst", ".ko.gz"):
        name = name.removesuffix(suffix)
    return name.replace("-", "_")


def _row(texts: tuple[str, ...]) -> VariableSource:
    """Return the text of the place that fired."""

    def value(span: Span) -> n.Expression:
        if len(texts) == 1:
            return n.Constant(texts[0], span=span, type=Type.STRING)
        return n.TableText(texts, _long(span, n.ContextKind.POINT), "", span=span, type=Type.STRING)

    return value
