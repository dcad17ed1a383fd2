"""`kernel.trace("[system:]name")`: the kernel's static tracepoints (man stapprobes, KERNEL TRACEPOINTS)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache

from ..diagnostics import semantic_error, similar
from ..lean import Protocol
from ..program import nodes as n
from ..program.attach import Tracepoints
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import DerivedPoint, LateTargets, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span

TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")


class TracepointTypes(Protocol):
    """What type information knows of tracepoints, of the kernel ("") and of its loaded modules."""

    def modules(self) -> list[str]: ...

    def tracepoint(self, name: str, module: str = "") -> list[tuple[str, CType]] | None: ...

    def has_tracepoint(self, name: str, module: str = "") -> bool: ...

    def tracepoint_names(self, module: str = "") -> list[str]: ...


@cache
def systems() -> Mapping[str, str]:
    """Return the system of each tracepoint that is an event, from tracefs; nothing where that is not mounted."""
    found: dict[str, str] = {}
    for folder in TRACEFS:
        events = f"{folder}/events"
        try:
            names = sorted(os.listdir(events))
        except OSError:
            continue
        for system in names:
            try:
                found.update((name, system) for name in os.listdir(f"{events}/{system}"))
            except OSError:
                continue
        if found:
            break
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """A tracepoint: the module that has it ("" the kernel), its system ("" when unknown) and its name."""

    module: str
    system: str
    name: str


@dataclass(frozen=True, slots=True)
class TracepointForm:
    """The `trace(string)` form behind `kernel` and `module(string)`.

    Behind `kernel` it means those of modules too: which of them are modules is the business of who built the kernel.
    """

    types: Callable[[], TracepointTypes]

    def matching(self, parts: Sequence[PointPart]) -> list[Found]:
        """Return the tracepoints that a pattern means. Raises ScriptError."""
        part = parts[-1]
        pattern = str(part.argument)
        system, colon, name = pattern.rpartition(":")
        found = list(self._matching(parts, system if colon else "*", name))
        if not found:
            known = self.types().tracepoint_names()
            message = f"unable to find tracepoint '{pattern}'{similar(name, known)}"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        return found

    def _matching(self, parts: Sequence[PointPart], system: str, name: str) -> Iterable[Found]:
        types, known = self.types(), systems()
        is_pattern = any(c in name for c in "*?[")
        if not is_pattern and parts[0].name == "kernel" and types.has_tracepoint(name):
            modules = [""]
        elif parts[0].name == "kernel":
            modules = ["", *types.modules()]
        else:
            wanted = str(parts[0].argument).replace("-", "_")
            modules = [own for own in types.modules() if fnmatchcase(own, wanted)]
        for module in modules:
            if is_pattern:
                names = [own for own in types.tracepoint_names(module) if fnmatchcase(own, name)]
            else:
                names = [name] * types.has_tracepoint(name, module)
            for one in names:
                own = known.get(one, "")
                if own and not fnmatchcase(own, system):
                    continue
                # Without tracefs systems are not known: the names of most events start with that of their system.
                if not own and system != "*" and one != name and not one.startswith(system):
                    continue
                yield Found(module, own, one)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        found = self.matching(parts)
        if len(found) == 1:
            return [self.point(parts, found[0])]
        names = tuple(one.name for one in found)
        functions = {"pp": _row(tuple(_shown(parts, one) for one in found))}
        targets = {"$$name": _text(_row(names)), "$$system": _text(_row(tuple(one.system for one in found)))}

        def separately() -> Sequence[DerivedPoint]:
            return [self.point(parts, one) for one in found]

        written = ".".join(map(str, parts))
        return [DerivedPoint(written, Tracepoints(names), {}, targets, functions, separately)]

    def point(self, parts: Sequence[PointPart], found: Found) -> DerivedPoint:
        """Return the point of one tracepoint."""

        def targets() -> dict[str, TargetSource]:
            arguments = self.types().tracepoint(found.name, found.module) or []
            known = {f"${argument}": _argument(index, type_) for index, (argument, type_) in enumerate(arguments)
                     if type_.kind in (CKind.INTEGER, CKind.POINTER)}  # fmt: skip
            return known | {"$$name": _text(_row((found.name,))), "$$system": _text(_row((found.system,)))}

        return DerivedPoint(_shown(parts, found), Tracepoints((found.name,)), {}, LateTargets(targets))

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for found in self.matching(parts):
            yield _exact(parts, found)


def _exact(parts: Sequence[PointPart], found: Found) -> list[PointPart]:
    """Return the point with the names of one tracepoint in place of patterns."""
    text = f"{found.system}:{found.name}" if found.system else found.name
    first = parts[0]
    if first.name == "module":
        first = PointPart("module", found.module, first.span)
    return [first, PointPart(parts[-1].name, text, parts[-1].span)]


def _shown(parts: Sequence[PointPart], found: Found) -> str:
    first, last = _exact(parts, found)
    return f"{first}.{PointPart('trace', last.argument, last.span)}"


def _argument(index: int, type_: CType) -> TargetSource:
    def value(span: Span) -> CValue:
        word = n.ContextValue(n.ContextKind.ARGUMENT, index, span=span, type=Type.LONG)
        return CValue(narrowed(word, type_, span), type_)

    return TargetSource(value, type_)


def _row(texts: tuple[str, ...]) -> VariableSource:
    """Return the text of the place that fired."""

    def value(span: Span) -> n.Expression:
        if len(texts) == 1:
            return n.Constant(texts[0], span=span, type=Type.STRING)
        place = n.ContextValue(n.ContextKind.POINT, span=span, type=Type.LONG)
        return n.TableText(texts, place, "", span=span, type=Type.STRING)

    return value


def _text(source: VariableSource) -> TargetSource:
    return TargetSource(lambda span: CValue(source(span), None), None, "other")
