"""Source text and the places in it.

Every token, syntax node and diagnostic carries a `Span`. What is made from something else (a macro body, an alias
expansion, a derived probe) keeps the span of its own text and names, as `parent`, the span that asked for it, so that
a diagnostic can always lead back to a line that the user wrote.
"""

from __future__ import annotations

from .lean import Iterator
from .records import dataclass, field


@dataclass(frozen=True, eq=False)
class SourceFile:
    """One piece of script text: a file, standard input, or the argument of `-e`.

    `name` is what diagnostics print (a path, `<input>` for `-` and `-e`); `is_library` is true for tapset files.
    """

    name: str
    text: str
    is_library: bool = False
    _starts: list[int] = field(default_factory=list, repr=False)

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(i + 1 for i, c in enumerate(self.text) if c == "\n")
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of a character offset, both counted from 1."""
        from bisect import bisect_right  # not at every start: only for messages

        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Return the text of a line (counted from 1) without its line end; empty when there is no such line."""
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r")


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The text from character `start` up to, not including, `end` of a source file."""

    source: SourceFile
    start: int
    end: int
    parent: Span | None = None
    """The place that this text was expanded for: a macro use, a probe point that named an alias."""

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"

    def to(self, other: Span) -> Span:
        """Return the span from here to the end of `other`, which must lie in the same file behind this one."""
        return Span(self.source, self.start, max(self.end, other.end), self.parent)

    def within(self, parent: Span) -> Span:
        """Return this span marked as expanded for `parent`, at the outer end of its chain."""
        outer = self.parent.within(parent) if self.parent is not None else parent
        return Span(self.source, self.start, self.end, outer)

    def chain(self) -> Iterator[Span]:
        """Yield this span, then what it was expanded for, innermost first."""
        span: Span | None = self
        while span is not None:
            yield span
            span = span.parent


NO_SOURCE = SourceFile("<none>", "")
NO_SPAN = Span(NO_SOURCE, 0, 0)
"""For what has no place in any script, such as an option of the command line."""
