"""What a run-time error of a script says, in SystemTap's words, for both targets.

    division by 0 near operator '/' at <input>:1:20

A fault has two parts: the message, which `catch (message)` gives to the script, and the place, which is shown with it
when nothing catches it. The texts are those of the Beginners Guide ("Runtime errors") and of published error reports.
A message may hold one `%#x` or `%d` for a value known only when it happens (an address, an index): see `fill_in`.
"""

from __future__ import annotations

from ..records import dataclass
from ..source import Span

_KEYWORDS = frozenset({"while", "for", "foreach", "if", "return", "next", "delete", "try", "probe", "function"})


@dataclass(frozen=True, slots=True)
class FaultMessage:
    """A run-time error: `message` for the script, `place` ("near operator '/' at FILE:LINE:COLUMN") for the user."""

    message: str
    place: str

    def __str__(self) -> str:
        return f"{self.message} {self.place}" if self.place else self.message


class RuntimeFault(Exception):
    """A run-time error of a script on its way to a `catch` or to the session, which counts and reports it.

    Built-in functions raise it with a message alone; where they were called from is found when it is reported.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message, place)
        self.message = message
        self.place = place

    def __str__(self) -> str:
        return f"{self.message} {self.place}" if self.place else self.message


def fill_in(text: str, value: int) -> str:
    """Return `text` with its first `%#x` (16 digits, as addresses are shown) or `%d` replaced by `value`."""
    if "%#x" in text:
        return text.replace("%#x", f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:016x}", 1)
    return text.replace("%d", str(value), 1)


def division_by_zero(operator: str, span: Span, left: Span) -> FaultMessage:
    """`operator` as written: `/`, `%`, `/=` or `%=`; `span` is that of the expression, `left` that of its left side."""
    return FaultMessage("division by 0", f"near operator '{operator}' at {_operator_span(operator, span, left)}")


def _operator_span(operator: str, span: Span, left: Span) -> Span:
    """Return the place of the operator, which is what SystemTap names, inside its expression."""
    if left.source is span.source and span.start <= left.end <= span.end:
        at = span.source.text.find(operator, left.end, span.end)
        if at >= 0:
            return Span(span.source, at, span.end, span.parent)
    return span


def array_overflow(name: str, size: int, span: Span) -> FaultMessage:
    """A new element for an array that holds its `size` elements already."""
    return FaultMessage(f"Array overflow, check size limit ({size})", f"near identifier '{name}' at {span}")


def aggregation_overflow(name: str, size: int, span: Span) -> FaultMessage:
    """The same for an array of statistics."""
    return FaultMessage(f"aggregation overflow, check size limit ({size})", f"near identifier '{name}' at {span}")


def empty_aggregate(extractor: str, span: Span) -> FaultMessage:
    """`@min` and its like of a statistic without a sample; `extractor` without its `@`."""
    return FaultMessage("empty aggregate", f"near operator '@{extractor}' at {span}")


def bucket_out_of_range(extractor: str, span: Span) -> FaultMessage:
    """An index behind the last bucket of a histogram, or before the first."""
    return FaultMessage("histogram index out of range", f"near operator '@{extractor}' at {span}")


def read_fault(span: Span) -> FaultMessage:
    """Memory that cannot be read; the address takes the place of `%#x`."""
    return FaultMessage("read fault [man error::fault] at %#x (addr)", near(span))


def string_fault(user: bool, span: Span) -> FaultMessage:
    """A string that cannot be read; the address takes the place of `%#x`."""
    space = "user" if user else "kernel"
    return FaultMessage(f"{space} string copy fault at %#x [man error::fault]", near(span))


def perf_counter_fault(name: str, span: Span) -> FaultMessage:
    """A perf counter that cannot be read where the probe fired: it counts for another task."""
    return FaultMessage(f"perf counter '{name}' does not count here", near(span))


def max_action(span: Span) -> FaultMessage:
    """Too many statements; `span` is that of the loop (or statement) that was stopped."""
    return FaultMessage("MAXACTION exceeded", near(span))


def max_nesting(function: str, span: Span) -> FaultMessage:
    """Calls nested too deeply; `span` is that of the function."""
    return FaultMessage("MAXNESTING exceeded", f"near identifier '{function}' at {span}")


def no_more_overloads(function: str, span: Span) -> FaultMessage:
    """`next` in a function that has no further overload (man stap, "FUNCTIONS")."""
    return FaultMessage("all functions exhausted", f"near identifier '{function}' at {span}")


def near_call(function: str, span: Span) -> str:
    """Return the place of an error that the built-in `function`, called at `span`, raised."""
    return f"near identifier '{function}' at {span}"


def near(span: Span) -> str:
    """Return the place of a fault at `span`, named after the word or sign that the script has there."""
    text = span.source.text[span.start : span.end]
    if text[:1] == "@":
        return f"near operator '@{_word(text[1:])}' at {span}"
    word = _word(text.lstrip("$&"))
    if word:
        kind = "keyword" if word in _KEYWORDS else "identifier"
        return f"near {kind} '{text[: len(text) - len(text.lstrip('$&'))]}{word}' at {span}"
    sign = text.split(None, 1)[0][:4] if text.strip() else ""
    return f"near operator '{sign}' at {span}" if sign else f"at {span}"


def _word(text: str) -> str:
    end = 0
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return text[:end]
