"""What is wrong with a script, said the way SystemTap says it.

    semantic error: unresolved function 'exitt' (similar: exit): identifier 'exitt' at hello.stp:1:27
            source: probe begin { println("hi") exitt() }
                                                ^

A pass collects diagnostics in a `Diagnostics` and the run stops after the pass that found errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .lean import NoReturn
from .records import dataclass, field
from .source import NO_SOURCE, Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning.

    `kind` is the leading word of the message: "parse error", "semantic error", "WARNING". `subject` describes what
    stands at `span` ("identifier 'x'"), `notes` are further places, each a text and a span.
    """

    kind: str
    message: str
    span: Span | None = None
    subject: str = ""
    notes: tuple[tuple[str, Span], ...] = ()

    @property
    def is_error(self) -> bool:
        return self.kind != "WARNING"


class ScriptError(Exception):
    """Raised where a script cannot be followed any further; holds the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class PassFailed(Exception):
    """Raised after a pass that collected errors; the driver prints `diagnostics` and names the pass."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__(f"{len(diagnostics.errors)} errors")
        self.diagnostics = diagnostics


@dataclass
class Diagnostics:
    """The errors and warnings of a run, in the order in which they were found, each said once unless `keeps_all`."""

    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    keeps_all: bool = False
    repeated_errors: int = 0
    repeated_warnings: int = 0
    """How many more times one of them was found: in several probes of one alias, say."""

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic unless the same one is there already."""
        rows = self.errors if diagnostic.is_error else self.warnings
        if self.keeps_all or not any(_same(diagnostic, other) for other in rows):
            rows.append(diagnostic)
        elif diagnostic.is_error:
            self.repeated_errors += 1
        else:
            self.repeated_warnings += 1

    def error(self, message: str, span: Span | None, subject: str = "", kind: str = "semantic error") -> None:
        self.add(Diagnostic(kind, message, span, subject))

    def warn(self, message: str, span: Span | None = None, subject: str = "") -> None:
        self.add(Diagnostic("WARNING", message, span, subject))

    def stop_if_errors(self) -> None:
        """Raise PassFailed when an error was collected."""
        if self.errors:
            raise PassFailed(self)


def semantic_error(message: str, span: Span | None, subject: str = "") -> NoReturn:
    """Raise a ScriptError with a semantic error at `span`."""
    raise ScriptError(Diagnostic("semantic error", message, span, subject))


def near_names(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Return the known names that `name` may have been meant to be, nearest first."""
    import difflib  # costs 4 ms, and is needed only for scripts with errors

    return difflib.get_close_matches(name, list(known), n=limit, cutoff=0.6)


def similar(name: str, known: Iterable[str]) -> str:
    """Return " (similar: a, b)" for a message about an unknown name, or nothing."""
    names = near_names(name, known)
    return f" (similar: {', '.join(names)})" if names else ""


def _same(a: Diagnostic, b: Diagnostic) -> bool:
    return (a.kind, a.message, a.subject) == (b.kind, b.message, b.subject) and (
        (a.span is None and b.span is None)
        or (a.span is not None and b.span is not None and str(a.span) == str(b.span))
    )


_RED, _YELLOW, _BOLD, _GREEN, _PLAIN = "\033[01;31m", "\033[00;33m", "\033[01m", "\033[01;32m", "\033[0m"


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """Return the diagnostic as text, several lines, each ended by a line end."""

    def paint(code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if color else text

    tone = _RED if diagnostic.is_error else _YELLOW
    head = f"{paint(tone, diagnostic.kind + ':')} {diagnostic.message}"
    span = diagnostic.span
    if diagnostic.kind == "parse error":
        return "\n".join([head, *_parse_error_lines(diagnostic, paint)]) + "\n"
    if span is None or span.source is NO_SOURCE:
        return head + "\n"
    place = paint(_BOLD, str(span))
    out = [f"{head}: {diagnostic.subject} at {place}" if diagnostic.subject else f"{head}: at {place}"]
    out.extend(_source_lines(span, paint, 8 if diagnostic.is_error else 1))
    for outer in list(span.chain())[1:]:
        out.append(f"        in expansion for: {paint(_BOLD, str(outer))}")
        out.extend(_source_lines(outer, paint))
    for text, place_span in diagnostic.notes:
        out.append(f"        {text}: at {paint(_BOLD, str(place_span))}")
        out.extend(_source_lines(place_span, paint))
    return "\n".join(out) + "\n"


_Paint = Callable[[str, str], str]


def _parse_error_lines(diagnostic: Diagnostic, paint: _Paint) -> list[str]:
    """Return the lines below the first of a parse error: what was seen, where, and the macros that it came from."""
    span = diagnostic.span
    if not diagnostic.subject or span is None or span.source is NO_SOURCE:
        return []
    if diagnostic.subject.endswith(" EOF"):
        return [f"        {diagnostic.subject}"]
    subject = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in diagnostic.subject)
    word, colon, rest = subject.partition(":")
    seen = f"{word:>11}:{rest}" if colon else f"        {subject}"  # "saw:" and "at:" end in one column
    out = [f"{seen} at {paint(_BOLD, str(span))}", *_source_lines(span, paint, 5)]
    for outer in list(span.chain())[1:]:
        out.append(f"        in expansion of macro: at {paint(_BOLD, str(outer))}")
        out.extend(_source_lines(outer, paint, 5))
    return out


_LONGEST_LINE = 240
"""Characters of a source line that are shown; of a longer one, the part around the caret."""


def _shown(text: str, before: int) -> tuple[str, int]:
    """Return a source line as a terminal can show it, and where in it stands what was at index `before`.

    What has no glyph becomes "?", one for one.
    """
    text = "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
    if len(text) <= _LONGEST_LINE:
        return text, before
    start = max(0, min(before - _LONGEST_LINE // 2, len(text) - _LONGEST_LINE))
    end = start + _LONGEST_LINE
    left, right = "..." if start else "", "..." if end < len(text) else ""
    return left + text[start:end] + right, before - start + len(left)


def _source_lines(span: Span, paint: _Paint, indent: int = 8) -> list[str]:
    if span.source is NO_SOURCE:
        return []
    line, column = span.source.position(span.start)
    text, before = _shown(span.source.line_text(line), column - 1)
    caret = "".join("\t" if c == "\t" else " " for c in text[:before]) + "^"
    margin = " " * indent
    return [f"{margin}source: {text}", f"{margin}        {paint(_GREEN, caret)}"]
