"""`process(...).mark("name")` and `process(...).provider("p").mark("name")`: static markers in programs (sys/sdt.h).

Arguments are `$arg1`, `$arg2`..., the marker itself `$$name` and `$$provider`; wildcards in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from ..arch import x86_64 as arch
from ..diagnostics import near_names, semantic_error
from ..lean import Literal, NoReturn, cast
from ..program import nodes as n
from ..program.attach import Uprobes, UserPlaces
from ..program.c_types import CValue
from ..program.extension import DerivedPoint, PointPart, TargetSource
from ..program.types import Type, wrap_long
from ..program.user_code import Mark, MarkArgument, MarkSource
from ..records import dataclass
from ..source import Span
from .process_functions import place_functions, register, row
from .programs import Limit, ProgramFile, Programs

Site = tuple[ProgramFile, Mark]


@dataclass(frozen=True, slots=True)
class ProcessMarkForm:
    """The forms that end in `mark(string)`. `refusal` is why user code cannot be probed, "" where it can."""

    programs: Programs
    source: MarkSource
    refusal: str

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        sites = self._sites(parts)
        if self.refusal:
            _fail(f"user code cannot be probed here: {self.refusal}", parts[0])
        by_limit: dict[Limit, list[Site]] = {}
        for file, mark in sites:
            by_limit.setdefault(file.limit, []).append((file, mark))
        return [_point(parts, together) for together in by_limit.values()]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        shown: dict[tuple[str, str, str], list[PointPart]] = {}
        for file, mark in self._sites(parts):
            provider = mark.provider if any(part.name == "provider" for part in parts) else ""
            shown.setdefault((file.path, provider, mark.name), _named(parts, file, mark))
        for key in sorted(shown):
            yield shown[key]

    def _sites(self, parts: Sequence[PointPart]) -> list[Site]:
        part = parts[-1]
        name = str(part.argument).replace("-", "__")
        provider = next((str(p.argument) for p in parts if p.name == "provider"), "*")
        files = self.programs.files(parts)
        found: list[Site] = []
        known: dict[str, None] = {}
        for file in files:
            try:
                marks = self.source.marks(file.path)
            except OSError as error:
                _fail(f"cannot read '{file.path}': {error.strerror}", parts[0])
            except LookupError as error:
                if len(files) == 1:
                    _fail(str(error.args[0]), parts[0])
                continue
            known |= dict.fromkeys(mark.name for mark in marks)
            found += [(file, m) for m in marks if fnmatchcase(m.name, name) and fnmatchcase(m.provider, provider)]
        if not found:
            self._absent(part, files, list(known))
        return found

    def _absent(self, part: PointPart, files: Sequence[ProgramFile], known: Sequence[str]) -> NoReturn:
        where = f"'{files[0].path}'" if len(files) == 1 else f"{len(files)} programs"
        if not known:
            _fail(f"no marker '{part.argument}': {where} has no markers (sys/sdt.h)", part)
        near = near_names(str(part.argument), known) or known[:5]
        _fail(f"no marker '{part.argument}' in {where} (alternatives: {', '.join(near)})", part)


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")


def _named(parts: Sequence[PointPart], file: ProgramFile, mark: Mark) -> list[PointPart]:
    """Return the components that stand for one marker, as one would write them."""
    texts = {"mark": mark.name, "provider": mark.provider}
    rest = [part for part in parts[1:] if part.name != "library"]
    return [*file.listed, *(PointPart(part.name, texts.get(part.name, part.argument), part.span) for part in rest)]


def _shown(parts: Sequence[PointPart], file: ProgramFile, mark: Mark) -> str:
    own = PointPart("process", file.path, parts[0].span)
    return ".".join(map(str, (own, *_named(parts, file, mark)[len(file.listed) :])))


def _point(parts: Sequence[PointPart], sites: Sequence[Site]) -> DerivedPoint:
    """Return the derived point of sites with one limit; where their arguments differ, each kind can stand alone."""
    shown = tuple(_shown(parts, file, mark) for file, mark in sites)
    limit = sites[0][0].limit
    attach = Uprobes(_places(sites), False, limit.pid, limit.program)
    functions = place_functions([file.path for file, _ in sites], [""] * len(sites), False)
    targets = {
        "$$name": _text(tuple(mark.name for _, mark in sites)),
        "$$provider": _text(tuple(mark.provider for _, mark in sites)),
    }
    alike = len({(mark.arguments, _counts(mark)) for _, mark in sites}) == 1
    if alike:
        mark = sites[0][1]
        targets |= {f"$arg{i + 1}": _argument(argument, mark, i + 1) for i, argument in enumerate(mark.arguments)}
    if len(set(shown)) == 1:
        if alike:
            return DerivedPoint(shown[0], attach, {}, targets, functions)
    else:
        functions["pp"] = row(lambda: shown)

    def separately() -> Sequence[DerivedPoint]:
        kinds: dict[object, list[Site]] = {}
        for file, mark in sites:
            key = (file.path, mark.provider, mark.name, mark.arguments, _counts(mark))
            kinds.setdefault(key, []).append((file, mark))
        return [_point(parts, kind) for kind in kinds.values()]

    written = shown[0] if len(set(shown)) == 1 else ".".join(map(str, parts))
    # With marks of several names $arg1 is not the same thing: then each stands alone where arguments are read.
    own = targets if len(set(shown)) == 1 else {name: targets[name] for name in ("$$name", "$$provider")}
    return DerivedPoint(written, attach, {}, own, functions, separately)


def _counts(mark: Mark) -> int:
    """Return what makes arguments of two sites differ that are written alike: addresses count from the site."""
    return mark.address if any(argument.address is not None for argument in mark.arguments) else 0


def _places(sites: Sequence[Site]) -> tuple[UserPlaces, ...]:
    by_path: dict[str, list[Mark]] = {}
    for file, mark in sites:
        by_path.setdefault(file.path, []).append(mark)
    return tuple(
        UserPlaces(
            path, tuple(mark.offset for mark in marks),
            tuple(mark.semaphore for mark in marks) if any(mark.semaphore for mark in marks) else (),
        )
        for path, marks in by_path.items()
    )  # fmt: skip


def _text(texts: tuple[str, ...]) -> TargetSource:
    source = row(lambda: texts)
    return TargetSource(lambda span: CValue(source(span), None), None, "other")


def _argument(argument: MarkArgument, mark: Mark, number: int) -> TargetSource:
    def value(span: Span) -> n.Expression:
        if argument.problem:
            semantic_error(
                f"argument {number} of the marker '{mark.name}' cannot be read: {argument.problem}", span,
                f"identifier '$arg{number}'",
            )  # fmt: skip
        return _read(argument, mark, span)

    return TargetSource.number(value)


def _long(value: int, span: Span) -> n.Expression:
    return n.Constant(wrap_long(value), span=span, type=Type.LONG)


def _binary(operator: n.BinaryOperator, left: n.Expression, right: n.Expression, span: Span) -> n.Expression:
    return n.Binary(operator, left, right, span=span, type=Type.LONG)


def _read(argument: MarkArgument, mark: Mark, span: Span) -> n.Expression:
    if argument.constant is not None:
        return _long(argument.constant, span)
    if not argument.in_memory:
        return _narrowed(register(argument.base)(span), argument, span)
    address: n.Expression | None = register(argument.base)(span) if argument.base else None
    if argument.index:
        scaled = _binary("*", register(argument.index)(span), _long(argument.scale, span), span)
        address = scaled if address is None else _binary("+", address, scaled, span)
    offset = argument.displacement
    if argument.address is not None:
        here = register(arch.INSTRUCTION_POINTER)(span)  # the marker itself, where the program is loaded
        address = here if address is None else _binary("+", here, address, span)
        offset += argument.address - mark.address
    size = cast("Literal[1, 2, 4, 8]", argument.size)
    if address is None:
        address, offset = _long(offset, span), 0
    return n.ReadMemory(address, offset, size, argument.is_signed, True, span=span, type=Type.LONG)


def _narrowed(value: n.Expression, argument: MarkArgument, span: Span) -> n.Expression:
    """Return `size` bytes of a register from a bit on, as a 64-bit number."""
    bits = 8 * argument.size
    if bits == 64:
        return value
    raised = _binary("<<", value, _long(64 - bits - argument.shift, span), span)
    return _binary(">>" if argument.is_signed else ">>>", raised, _long(64 - bits, span), span)
