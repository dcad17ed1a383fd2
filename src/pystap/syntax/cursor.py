"""The place in the token stream that the parser has reached, and how it complains there."""

from __future__ import annotations

from ..diagnostics import Diagnostic, ScriptError
from ..lean import Final, NoReturn
from ..source import Span
from .lexer import EOF, IDENTIFIER, JUNK, KEYWORDS, NUMBER, STRING, Token, number_value, string_value

MAX_DEPTH = 400
"""How deeply statements and expressions may be nested. The passes recurse over the tree."""

MAX_CHAIN = 2000
"""How many operators of one level may follow each other: their tree leans to the left, one level per operator."""

_ITEM_KEYWORDS: Final = ("probe", "global", "private", "function")


class Cursor:
    """Reads tokens one by one. `tag` is always the tag of `token`, kept apart because every decision asks for it.

    `permissive` is true where embedded C and the raw operators are allowed: in guru mode and in library files.
    `in_function` is true inside a function's body.
    """

    __slots__ = ("_index", "_tokens", "depth", "in_function", "item_start", "permissive", "tag", "token")

    def __init__(self, tokens: list[Token], permissive: bool) -> None:
        """`tokens` must end with an EOF token."""
        self._tokens = tokens
        self._index = 0
        self.item_start = 0
        self.token = tokens[0]
        self.tag = self.token.tag
        self.depth = 0
        self.permissive = permissive
        self.in_function = False

    def advance(self) -> Token:
        """Return the current token and step behind it; the EOF token is never left."""
        token = self.token
        if token.tag is not EOF:
            self._index += 1
            self.token = self._tokens[self._index]
            self.tag = self.token.tag
        return token

    def peek(self, ahead: int = 1) -> Token:
        """Return the token that stands `ahead` tokens behind the current one, or the EOF token."""
        return self._tokens[min(self._index + ahead, len(self._tokens) - 1)]

    def previous(self) -> Token:
        """Return the token before the current one (at the start: the current one)."""
        return self._tokens[max(self._index - 1, 0)]

    def accept(self, tag: str) -> bool:
        """Step over the current token if its tag is `tag`; return whether it was."""
        if self.tag == tag:
            self.advance()
            return True
        return False

    def expect(self, tag: str) -> Token:
        """Step over a token that must have this tag, and return it."""
        if self.tag != tag:
            self.fail(f"expected '{tag}'")
        return self.advance()

    def identifier(self, what: str = "identifier") -> Token:
        """Step over an identifier that must stand here, and return it."""
        if self.tag is not IDENTIFIER:
            self.fail(f"expected {what}")
        return self.advance()

    def name(self, what: str = "identifier") -> Token:
        """Step over an identifier or a keyword used as a name (of a member, a probe point component)."""
        if self.tag is not IDENTIFIER and self.tag not in KEYWORDS:
            self.fail(f"expected {what}")
        return self.advance()

    def string(self, what: str = "literal string") -> tuple[str, Span]:
        """Step over a string literal and those glued to it; return the value and the place of the first."""
        if self.tag is not STRING:
            self.fail(f"expected {what}")
        first = self.advance()
        value = string_value(first.text)
        if self.tag is not STRING:
            return value, first.span
        parts = [value]
        while self.tag is STRING:
            parts.append(string_value(self.advance().text))
        return "".join(parts), self.span_from(first)

    def number(self, what: str = "number") -> tuple[int, Span]:
        """Step over a number, which may have a minus before it; return the value and the place."""
        first = self.token
        negative = self.accept("-")
        if self.tag is not NUMBER:
            self.fail(f"expected {what}")
        value = number_value(self.token.text)
        if value is None:
            self.fail("number invalid or out of range")
        self.advance()
        if negative:
            value = -value if value != -(1 << 63) else value
        return value, self.span_from(first)

    def span_from(self, first: Token) -> Span:
        """Return the span from `first` up to the token before the current one."""
        last = self._tokens[self._index - 1]
        end = last.end if last.source is first.source and last.parent is first.parent else first.end
        return Span(first.source, first.start, end if end > first.end else first.end, first.parent)

    def end_of(self, start: Span) -> Span:
        """Return the span from `start` up to the token before the current one."""
        last = self._tokens[self._index - 1]
        if last.source is not start.source or last.parent is not start.parent or last.end <= start.end:
            return start
        return Span(start.source, start.start, last.end, start.parent)

    def fail(self, message: str, token: Token | None = None, place: str = "saw") -> NoReturn:
        """Raise a parse error at `token`, by default the current one."""
        raise self.error(message, token, place)

    def error(self, message: str, token: Token | None = None, place: str = "saw") -> ScriptError:
        """Return a parse error at `token`, by default the current one."""
        return parse_error(message, token or self.token, place)

    def deeper(self) -> None:
        """Count one level of nesting; raise when there are too many. The caller takes it back (`depth -= 1`)."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nested more than {MAX_DEPTH} levels deep")

    def resume_at_item(self) -> None:
        """Step to the next token that begins an item: a top-level keyword that is no component or member name.

        That may be the current token, unless parsing of the faulty item began with it.
        """
        self.depth = 0
        self.in_function = False
        if self._index == self.item_start:
            self.advance()
        while self.tag is not EOF:
            if self.tag in _ITEM_KEYWORDS and self.previous().tag not in (".", "->", "{", ","):
                return
            self.advance()

    def begin_item(self) -> None:
        """Remember that an item begins here."""
        self.item_start = self._index


def parse_error(message: str, token: Token, place: str = "saw") -> ScriptError:
    """Return a parse error at a token; for a junk token its own complaint goes first."""
    if token.tag is JUNK:
        message, place = token.text, "at"
    return ScriptError(Diagnostic("parse error", message, token.span, f"{place}: {token.describe()}"))
