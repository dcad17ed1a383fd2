"""`process(...).plt("name")`: calls of a program into its libraries, at its procedure linkage table.

`.plt` alone means all of them. `$$name` is the function; its arguments are read by number (long_arg(1)).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..diagnostics import near_names, semantic_error
from ..lean import NoReturn, Protocol
from ..program.attach import Uprobes, UserPlaces
from ..program.c_types import CValue
from ..program.extension import DerivedPoint, PointPart, TargetSource
from ..program.user_code import CodePlace
from ..records import dataclass
from .process_functions import place_functions, row
from .programs import Limit, ProgramFile, Programs

Entry = tuple[ProgramFile, CodePlace]


class PltEntries(Protocol):
    """Knows the linkage tables of programs."""

    def entries(self, path: str, pattern: str) -> Sequence[CodePlace]:
        """Return the entries whose functions match a pattern. Raises LookupError and OSError."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessPltForm:
    """The forms with `plt`. `refusal` is why user code cannot be probed, "" where it can."""

    programs: Programs
    source: PltEntries
    refusal: str

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        entries = self._entries(parts)
        if self.refusal:
            _fail(f"user code cannot be probed here: {self.refusal}", parts[0])
        by_limit: dict[Limit, list[Entry]] = {}
        for file, place in entries:
            by_limit.setdefault(file.limit, []).append((file, place))
        return [_point(parts, together) for together in by_limit.values()]

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        for file, place in sorted(self._entries(parts), key=lambda entry: (entry[0].path, entry[1].name)):
            yield [*file.listed, *_named(parts, place)]

    def _entries(self, parts: Sequence[PointPart]) -> list[Entry]:
        part = next(part for part in parts if part.name == "plt")
        pattern = str(part.argument) if part.argument is not None else "*"
        files = self.programs.files(parts)
        found: list[Entry] = []
        for file in files:
            try:
                found += [(file, place) for place in self.source.entries(file.path, pattern)]
            except OSError as error:
                _fail(f"cannot read '{file.path}': {error.strerror}", parts[0])
            except LookupError as error:
                if len(files) == 1:
                    _fail(str(error.args[0]), parts[0])
        if not found:
            where = f"'{files[0].path}'" if len(files) == 1 else f"{len(files)} programs"
            known = [place.name for file in files for place in self.source.entries(file.path, "*")]
            near = near_names(pattern, known)
            hint = f" (similar functions: {', '.join(near)})" if near else ""
            _fail(f"no entry for '{pattern}' in the linkage table of {where}{hint}", part)
        return found


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")


def _named(parts: Sequence[PointPart], place: CodePlace) -> list[PointPart]:
    """Return the components behind the program for one entry."""
    rest = [part for part in parts[1:] if part.name != "library"]
    return [PointPart(p.name, place.name, p.span) if p.name == "plt" else p for p in rest]


def _point(parts: Sequence[PointPart], entries: Sequence[Entry]) -> DerivedPoint:
    returns = parts[-1].name == "return"
    names = tuple(place.name for _, place in entries)
    by_path: dict[str, list[int]] = {}
    for file, place in entries:
        by_path.setdefault(file.path, []).append(place.offset)
    limit = entries[0][0].limit
    files = tuple(UserPlaces(path, tuple(offsets)) for path, offsets in by_path.items())
    attach = Uprobes(files, returns, limit.pid, limit.program)
    functions = place_functions([file.path for file, _ in entries], names, returns)
    shown = tuple(
        ".".join(map(str, (PointPart("process", file.path, parts[0].span), *_named(parts, place))))
        for file, place in entries
    )
    if len(shown) > 1:
        functions["pp"] = row(lambda: shown)
    source = row(lambda: names)
    targets = {"$$name": TargetSource(lambda span: CValue(source(span), None), None, "other")}
    written = shown[0] if len(shown) == 1 else ".".join(map(str, parts))
    return DerivedPoint(written, attach, {}, targets, functions)
