"""Resolves every probe point of the script to where it hangs, going through aliases on the way.

probe work = timer.s(1), timer.ms(500) { x = 3 }      two derived probes, timer.s(1) and timer.ms(500),
probe work { println(x) }                             each with the body  { x = 3 } { println(x) }
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial

from ..diagnostics import Diagnostic, ScriptError, semantic_error, similar
from ..program.extension import DerivedPoint, PointPart, ProbeKind
from ..records import dataclass
from ..source import Span
from ..syntax import ast
from .context import DerivedProbe, Inputs
from .syntax_parts import reads_targets

MAX_ALIAS_DEPTH = 50


@dataclass(frozen=True, slots=True)
class _Expansion:
    """How far a written point has been followed: what is left to resolve, and what the aliases added."""

    components: tuple[ast.PointComponent, ...]
    chain: tuple[str, ...]
    prologue: tuple[ast.Block, ...] = ()
    epilogue: tuple[ast.Block, ...] = ()
    depth: int = 0
    span: Span | None = None


def derive_probes(inputs: Inputs) -> list[DerivedProbe]:
    """Return the derived probes of the script in its order; points that do not resolve become diagnostics."""
    deriver = _Deriver(inputs)
    probes: list[DerivedProbe] = []
    for item in inputs.script.items:
        if isinstance(item, ast.ProbeDeclaration):
            probes.extend(deriver.declaration(item))
    if not probes and deriver.skipped and not inputs.diagnostics.errors:
        why = deriver.skipped[0]  # nothing else would tell why a script of optional points has no probe
        inputs.diagnostics.add(Diagnostic("WARNING", why.message, why.span, why.subject))
    return probes


def derived_from(inputs: Inputs, declaration: ast.ProbeDeclaration) -> list[DerivedProbe]:
    """Return the derived probes of one declaration, such as that of a library file that is taken in."""
    return _Deriver(inputs).declaration(declaration)


def listed_points(inputs: Inputs) -> Iterator[tuple[str, Callable[[], DerivedPoint]]]:
    """Yield the points that the probes of the script stand for, each as one would write it, and what derives it.

    A point that does not resolve becomes a diagnostic.
    """
    deriver = _Deriver(inputs)
    for item in inputs.script.items:
        if isinstance(item, ast.ProbeDeclaration):
            for point in item.points:
                try:
                    yield from deriver.listed(point)
                except ScriptError as error:
                    inputs.diagnostics.add(error.diagnostic)


def _first(kind: ProbeKind, parts: Sequence[PointPart]) -> DerivedPoint:
    return kind.derive(parts)[0]


def _same(point: DerivedPoint) -> DerivedPoint:
    return point


def is_wildcard(name: str) -> bool:
    """Tell whether a component name has wildcard characters."""
    return any(c in name for c in "*?[")


def point_text(components: Sequence[ast.PointComponent]) -> str:
    """Return a point as it is written."""
    return ".".join(str(_part(component)) for component in components)


def _written(point: ast.ProbePoint) -> str:
    """Return a point as the script has it, with `?`, `!` and its condition."""
    text = point_text(point.components) + ("?" if point.optional else "!" if point.sufficient else "")
    if point.condition is None:
        return text
    from ..syntax.print_expressions import print_expression  # few scripts have one

    return f"{text} if ({print_expression(point.condition)})"


def _part(component: ast.PointComponent) -> PointPart:
    argument = component.argument.value if component.argument is not None else None
    return PointPart(component.name, argument, component.span)


class _Deriver:
    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.skipped: list[Diagnostic] = []
        """Why optional points were left out."""
        self.own_aliases = [item for item in inputs.script.items if isinstance(item, ast.AliasDeclaration)]

    def listed(self, point: ast.ProbePoint) -> Iterator[tuple[str, Callable[[], DerivedPoint]]]:
        """Yield what `-l` shows for a point: each point that it stands for, as one would write it, and what it is.

        Of the points that a kind gives the first is derived at once, to know that they are points; there may be 50,000.
        """
        parts = [_part(component) for component in point.components]
        found, error = False, self._mismatch(_Expansion(point.components, ()))
        for kind in self._kinds(parts[0].name):
            first = PointPart(kind.root, parts[0].argument, parts[0].span)
            for known in _expand_wildcards(kind, [first], parts[1:]):
                try:
                    points = list(kind.listed(known))
                    for exact in points[:1]:
                        kind.derive(exact)
                except ScriptError as refusal:
                    error = refusal
                    continue
                found = True
                for exact in points:
                    yield ".".join(map(str, exact)), partial(_first, kind, exact)
        for alias, used in self._matching_aliases(point.components):
            written = point_text(alias.names[0].components + point.components[used:])
            for _, derived in self._through_alias(alias, used, _Expansion(point.components, ()), []):
                found = True
                yield written, partial(_same, derived)
                break
        if not found:
            raise error

    def _kinds(self, pattern: str) -> list[ProbeKind]:
        return [kind for name, kind in self.inputs.probe_kinds.items() if fnmatchcase(name, pattern)]

    def declaration(self, probe: ast.ProbeDeclaration) -> list[DerivedProbe]:
        written = ",".join(map(_written, probe.points))
        found: list[DerivedProbe] = []
        for point in probe.points:
            start = _Expansion(point.components, (written,), span=point.span)
            try:
                derived = [
                    DerivedProbe(
                        one.point,
                        expansion.chain,
                        point.span,
                        one.attach,
                        expansion.prologue,
                        probe.body,
                        expansion.epilogue,
                        point.condition,
                        {**one.variables, **one.more_variables},
                        one.target_variables,
                        one.functions,
                        one.program,
                        one.guard,
                        one.entry,
                        one.frame,
                    )
                    for expansion, whole in self.resolve(start)
                    for one in self._separated(whole, (*expansion.prologue, probe.body, *expansion.epilogue))
                ]
            except ScriptError as error:
                if point.optional or point.sufficient:
                    self.skipped.append(error.diagnostic)
                else:
                    self._report(point, error)
                continue
            found.extend(derived)
            if point.sufficient and derived:
                break
        return found

    def _separated(self, point: DerivedPoint, blocks: Sequence[ast.Block]) -> Sequence[DerivedPoint]:
        """Return the point, or those that it stands for where the handler reads target variables, which differ."""
        if point.separately is None or not reads_targets(blocks, self._declared, point.target_variables):
            return (point,)
        return point.separately()

    def _declared(self, name: str, arguments: int) -> list[ast.FunctionDeclaration]:
        """Return the script's own functions of a name; those of the library read no variables of a probe."""
        items = self.inputs.script.items
        own = (item for item in items if isinstance(item, ast.FunctionDeclaration) and item.name == name)
        return [item for item in own if len(item.parameters) == arguments]

    def _report(self, point: ast.ProbePoint, error: ScriptError) -> None:
        first = point.components[0]
        diagnostics = self.inputs.diagnostics
        diagnostics.error("while resolving probe point", first.span, f"identifier '{first.name}'")
        diagnostics.add(error.diagnostic)

    def resolve(self, expansion: _Expansion) -> list[tuple[_Expansion, DerivedPoint]]:
        """Follow a point to all that it stands for; raises ScriptError when that is nothing."""
        if expansion.depth > MAX_ALIAS_DEPTH:
            semantic_error("recursive alias definition", expansion.span, "probe point")
        aliases = self._matching_aliases(expansion.components)
        found: list[tuple[_Expansion, DerivedPoint]] = []
        errors: list[Diagnostic] = []
        for alias, used in aliases:
            found.extend(self._through_alias(alias, used, expansion, errors))
        if not aliases or is_wildcard(expansion.components[0].name):
            found.extend(self._primitive(expansion, bool(aliases), errors))
        if not found:
            raise ScriptError(errors[0]) if errors else self._mismatch(expansion)
        return found

    def _through_alias(
        self, alias: ast.AliasDeclaration, used: int, expansion: _Expansion, errors: list[Diagnostic]
    ) -> Iterator[tuple[_Expansion, DerivedPoint]]:
        suffix = expansion.components[used:]
        sign = "+=" if alias.epilogue else "="
        before = () if alias.epilogue else (alias.body,)
        after = (alias.body,) if alias.epilogue else (alias.epilogue_body,) if alias.epilogue_body is not None else ()
        names = ",".join(point_text(name.components) for name in alias.names)
        points = ", ".join(point_text(point.components) for point in alias.points)
        for point in alias.points:
            inner = _Expansion(
                point.components + suffix,
                (f"{names} {sign} {points}", *expansion.chain),
                (*before, *expansion.prologue),  # what an alias is built on sets up first and cleans up last
                (*expansion.epilogue, *after),
                expansion.depth + 1,
                expansion.span,
            )
            try:
                resolved = self.resolve(inner)
            except ScriptError as error:
                errors.append(error.diagnostic)  # it is reported where nothing else is found, of optional points too
                continue
            yield from resolved
            if point.sufficient:
                return

    def _matching_aliases(self, components: Sequence[ast.PointComponent]) -> list[tuple[ast.AliasDeclaration, int]]:
        """Return the aliases that a point means, and how many of its components each takes.

        An alias `a.return` is meant before an alias `a` with `.return` behind it.
        """
        found = list(self._fitting_aliases(components))
        longest = max((used for _, used in found), default=0)
        return [(alias, used) for alias, used in found if used == longest]

    def _fitting_aliases(self, components: Sequence[ast.PointComponent]) -> Iterator[tuple[ast.AliasDeclaration, int]]:
        known = [*self.own_aliases, *self.inputs.library.aliases(components[0].name)]
        for alias in known:
            for name in alias.names:
                size = len(name.components)
                if size <= len(components) and all(map(_same_component, components, name.components)):
                    yield alias, size

    def _primitive(
        self, expansion: _Expansion, aliases_too: bool, errors: list[Diagnostic]
    ) -> Iterator[tuple[_Expansion, DerivedPoint]]:
        root = expansion.components[0]
        parts = [_part(component) for component in expansion.components]
        for kind in self._kinds(root.name):
            first = PointPart(kind.root, parts[0].argument, parts[0].span)
            for exact in _expand_wildcards(kind, [first], parts[1:]):
                try:
                    derived = kind.derive(exact)
                except ScriptError as error:
                    if not is_wildcard(root.name):
                        errors.append(error.diagnostic)
                    continue
                for one in derived:
                    yield expansion, one

    def _mismatch(self, expansion: _Expansion) -> ScriptError:
        root = expansion.components[0]
        known = {*self.inputs.probe_kinds, *self.inputs.library.alias_roots()}
        known |= {name.components[0].name for alias in self.own_aliases for name in alias.names}
        what = ": didn't find any wildcard matches" if is_wildcard(root.name) else ""
        message = f"probe point mismatch{what}{similar(root.name, known)}"
        return ScriptError(Diagnostic("semantic error", message, root.span, f"identifier '{root.name}'"))


def _same_component(written: ast.PointComponent, known: ast.PointComponent) -> bool:
    if not fnmatchcase(known.name, written.name):
        return False
    if written.argument is None or known.argument is None:
        return written.argument is None and known.argument is None
    return written.argument.value == known.argument.value


def _expand_wildcards(kind: ProbeKind, done: list[PointPart], rest: Sequence[PointPart]) -> Iterator[list[PointPart]]:
    """Yield the points that stand for one whose component names may have wildcards."""
    if not rest or kind.keeps_wildcards:
        yield [*done, *rest]
        return
    part = rest[0]
    if not is_wildcard(part.name):
        yield from _expand_wildcards(kind, [*done, part], rest[1:])
        return
    for name in kind.names(done):
        if fnmatchcase(name, part.name):
            yield from _expand_wildcards(kind, [*done, PointPart(name, part.argument, part.span)], rest[1:])
