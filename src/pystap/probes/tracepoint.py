"""`kernel.trace("[system:]name")`: the kernel's static tracepoints (man stapprobes, KERNEL TRACEPOINTS)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Protocol

from ..diagnostics import semantic_error, similar
from ..program import nodes as n
from ..program.attach import Tracepoints
from ..program.c_types import CKind, CType, CValue, narrowed
from ..program.extension import DerivedPoint, PointPart, TargetSource, VariableSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span

TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")


class TracepointTypes(Protocol):
    """What type information knows of tracepoints."""

    def tracepoint(self, name: str) -> list[tuple[str, CType]] | None: ...

    def tracepoint_names(self) -> list[str]: ...


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
class TracepointForm:
    """The `trace(string)` form behind `kernel` and `module(string)`."""

    types: Callable[[], TracepointTypes]

    def matching(self, part: PointPart) -> list[tuple[str, str]]:
        """Return system ("" when unknown) and name of the tracepoints that a pattern means. Raises ScriptError."""
        pattern = str(part.argument)
        system, colon, name = pattern.rpartition(":")
        found = list(self._matching(system if colon else "*", name))
        if not found:
            known = self.types().tracepoint_names()
            message = f"unable to find tracepoint '{pattern}'{similar(name, known)}"
            semantic_error(message, part.span, f"identifier '{part.name}'")
        return found

    def _matching(self, system: str, name: str) -> Iterable[tuple[str, str]]:
        types, known = self.types(), systems()
        names = types.tracepoint_names() if any(c in name for c in "*?[") else [name]
        for one in names:
            if not fnmatchcase(one, name) or (one == name and types.tracepoint(one) is None):
                continue
            own = known.get(one, "")
            if own and not fnmatchcase(own, system):
                continue
            # Without tracefs systems are not known: the names of most events start with that of their system.
            if not own and system != "*" and one != name and not one.startswith(system):
                continue
            yield own, one

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        found = self.matching(parts[-1])
        if len(found) == 1:
            return [self.point(*found[0])]
        names = tuple(name for _, name in found)
        shown = tuple(_shown(system, name) for system, name in found)
        functions = {"pp": _row(shown)}
        targets = {"$$name": _text(_row(names)), "$$system": _text(_row(tuple(system for system, _ in found)))}

        def separately() -> Sequence[DerivedPoint]:
            return [self.point(system, name) for system, name in found]

        written = ".".join(map(str, parts))
        return [DerivedPoint(written, Tracepoints(names), {}, targets, functions, separately)]

    def point(self, system: str, name: str) -> DerivedPoint:
        """Return the point of one tracepoint."""
        arguments = self.types().tracepoint(name) or []
        targets = {f"${argument}": _argument(index, type_) for index, (argument, type_) in enumerate(arguments)
                   if type_.kind in (CKind.INTEGER, CKind.POINTER)}  # fmt: skip
        targets["$$name"] = _text(_row((name,)))
        targets["$$system"] = _text(_row((system,)))
        return DerivedPoint(_shown(system, name), Tracepoints((name,)), {}, targets)

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for system, name in self.matching(parts[-1]):
            text = f"{system}:{name}" if system else name
            yield [*parts[:-1], PointPart(parts[-1].name, text, parts[-1].span)]


def _shown(system: str, name: str) -> str:
    return f'kernel.trace("{system}:{name}")' if system else f'kernel.trace("{name}")'


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
