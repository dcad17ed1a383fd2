"""`procfs(...)`: files that others read and write while a script runs; `input.*`: what is typed (man stapprobes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import semantic_error
from ..lean import Literal
from ..program.attach import ProcFile, StandardInput
from ..program.builtins import Builtin
from ..program.c_types import CValue
from ..program.extension import DerivedPoint, PointPart, TargetSource
from ..program.nodes import BuiltinCall, Expression
from ..program.types import Type
from ..records import dataclass
from ..source import Span
from .forms import match_form, names_after

Rows = Callable[[str], Builtin]

DEFAULT_PATH = "command"
MAX_SIZE = 1 << 20
"""The most that a pipe holds for a user without privilege (/proc/sys/fs/pipe-max-size)."""


@dataclass(frozen=True, slots=True)
class ProcfsKind:
    """`rows` gives the built-in functions that the text of the open file is read and assigned by."""

    rows: Rows
    root: str = "procfs"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        for path in ("procfs", "procfs(string)"):
            for mask in (path, f"{path}.umask(number)"):
                yield from (f"{mask}.read", f"{mask}.read.maxsize(number)", f"{mask}.write")

    def _accepted(self) -> Iterable[str]:
        yield from self.forms()
        for path in ("procfs", "procfs(string)"):
            yield from (f"{path}.maxsize(number).read", f"{path}.umask(number).maxsize(number).read")

    def aliases(self) -> Iterable[str]:
        return ()

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self._accepted())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        match_form(parts, self._accepted())
        numbers = {part.name: (part.argument, part) for part in parts if isinstance(part.argument, int)}
        reads = any(part.name == "read" for part in parts)
        mask = numbers["umask"][0] if "umask" in numbers else 0o077
        size, place = numbers.get("maxsize", (0, parts[0]))
        if place is not parts[0] and not 1 <= size <= MAX_SIZE:
            semantic_error(f"maxsize must be 1 to {MAX_SIZE}", place.span, "identifier 'maxsize'")
        attach = ProcFile(_path(parts[0]), "read" if reads else "write", (0o444 if reads else 0o222) & ~mask, size)
        value = TargetSource(lambda span: CValue(_call(self.rows("_procfs_value"), span), None), None, "local")
        if reads:
            value = TargetSource(value.value, None, "local", assign=self._assigned)
        return [DerivedPoint(".".join(map(str, parts)), attach, target_variables={"$value": value})]

    def _assigned(self, value: Expression, append: bool, span: Span) -> Expression:
        row = self.rows("_procfs_append" if append else "_procfs_assign")
        return BuiltinCall(row, [value], span=span)


def _path(part: PointPart) -> str:
    path = DEFAULT_PATH if part.argument is None else str(part.argument)
    words = path.split("/")
    if not path or path.startswith("/") or not all(words) or {".", ".."} & {*words} or path == "__stdin":
        semantic_error(f"'{path}' cannot be the path of a file of this session", part.span, "identifier 'procfs'")
    return path


def _call(row: Builtin, span: Span) -> Expression:
    return BuiltinCall(row, [], span=span, type=Type.STRING)


@dataclass(frozen=True, slots=True)
class InputKind:
    """`input.char` offers `char`, `input.line` offers `line`, its newline included."""

    rows: Rows
    root: str = "input"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return ()

    def aliases(self) -> Iterable[str]:
        return ('input.char = procfs("__stdin").write', 'input.line = procfs("__stdin").write')

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, ("input.char", "input.line"))

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        form = match_form(parts, ("input.char", "input.line"))
        unit: Literal["char", "line"] = "char" if form == "input.char" else "line"
        row = self.rows("_procfs_value")
        return [DerivedPoint(form, StandardInput(unit), {unit: lambda span: _call(row, span)})]
