"""Script text to tokens.

    probe a.b* { x = "n" @1 }    ->    probe, a, ., b, * (glued), {, x, =, string n, string ARG, }

A token's `tag` is what the parser decides by: the text itself for operators, `@names` and keywords, one of the words
below (none of them a keyword) for everything else. What cannot be a token (a quote without its end, an argument that
was not given) becomes a `junk` token whose text is the complaint: it is an error only where it is used, so it may
stand in the part of a `%( ... %)` that is left out.
"""

from __future__ import annotations

import re

from ..lean import Final
from ..source import SourceFile, Span

IDENTIFIER: Final = "identifier"
NUMBER: Final = "number"
STRING: Final = "literal"
EMBEDDED: Final = "embedded-code"
JUNK: Final = "junk"
EOF: Final = "EOF"

KEYWORDS: Final = frozenset(
    (
        "probe", "global", "private", "function", "if", "else", "for", "foreach", "in", "limit", "return", "delete",
        "while", "break", "continue", "next", "string", "long", "try", "catch",
    )
)  # fmt: skip


class Token:
    """One token. Treated as immutable; not a frozen dataclass because a script makes thousands of them.

    `text` is the text as written (of a string: what stands between the quotes, escapes not resolved; of embedded C:
    what stands between the braces; of junk: the complaint). `glued` is true when nothing, not even a space, parts
    it from the token before. `parent` is the place that it was expanded for.
    """

    __slots__ = ("end", "glued", "parent", "source", "start", "tag", "text")

    def __init__(
        self, tag: str, text: str, source: SourceFile, start: int, end: int, glued: bool, parent: Span | None = None
    ) -> None:
        self.tag = tag
        self.text = text
        self.source = source
        self.start = start
        self.end = end
        self.glued = glued
        self.parent = parent

    @property
    def span(self) -> Span:
        return Span(self.source, self.start, self.end, self.parent)

    def describe(self) -> str:
        """Return the token as a message names it: "operator ';'", "keyword", "identifier 'x'"."""
        tag = self.tag
        if tag in KEYWORDS:
            return "keyword"
        if tag is EMBEDDED:
            return "embedded-code"
        if tag is JUNK:
            return "junk ''"
        if tag is EOF:
            return f"{self.source.name} EOF"
        if tag is STRING:
            return f"string '{self.text}'"
        if tag is IDENTIFIER or tag is NUMBER:
            return f"{tag} '{self.text}'"
        return f"operator '{tag}'"

    def expanded_for(self, place: Span) -> Token:
        """Return this token as expanded for what stands at `place`."""
        parent = place if self.parent is None else self.parent.within(place)
        return Token(self.tag, self.text, self.source, self.start, self.end, self.glued, parent)


# One group per kind of token, behind what is skipped. `#` directly behind `$` or `@` is an argument, not a comment,
# which the order gives for free: those tokens begin with the sign. A comment without its end reaches to the end of
# the file, as in SystemTap. The groups' numbers are the constants below.
_PATTERN: Final = r"""
    (?> [ \t\r\n\v\f]+ | (?:\#|//)[^\n]* | /\*(?s:.*?)(?:\*/|\Z) )*+
    (?: ([A-Za-z_][A-Za-z0-9_$]*)
      | (%[(?:)]|<<<|>>>=|>>>|<<=|>>=|->|=~|!~|[=!<>+\-*/%&^|.]=|&&|\|\||<<|>>|\+\+|--)
      | ([0-9][0-9A-Za-z]*)
      | "([^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+)"
      | ([$@](?:[0-9]+|\#))
      | (\$[A-Za-z0-9_$]*)
      | (@[A-Za-z_0-9]*)
      | %\{((?s:.*?))%\}
      | (%\{(?s:.*)|"[^\n]*)
      | ([^ \t\r\n\v\f])
      | \Z
    )
"""
_WORD, _OPERATOR, _NUMBER, _STRING, _ARGUMENT, _TARGET, _AT, _EMBEDDED, _UNENDED, _OTHER = range(1, 11)
_compiled: list[re.Pattern[str]] = []


def _pattern() -> re.Pattern[str]:
    # Compiled at first use: it costs more than the import of this module.
    if not _compiled:
        _compiled.append(re.compile(_PATTERN, re.VERBOSE))
    return _compiled[0]


def tokenize(
    source: SourceFile, arguments: tuple[str, ...] = (), used_arguments: set[int] | None = None
) -> list[Token]:
    """Return the tokens of a script, an EOF token last.

    `arguments` replace `$1`, `@1`, `$#` and `@#`; the numbers of those that the text mentions are added to
    `used_arguments`. Never raises: what is wrong becomes a junk token.
    """
    tokens = _scan(source.text, source, arguments, used_arguments)
    end = len(source.text)
    tokens.append(Token(EOF, "", source, end, end, False))
    return tokens


def _scan(text: str, source: SourceFile, arguments: tuple[str, ...], used: set[int] | None) -> list[Token]:
    tokens: list[Token] = []
    add = tokens.append
    keywords = KEYWORDS
    for match in _pattern().finditer(text):
        kind = match.lastindex
        if kind is None:
            break
        start, end = match.span(kind)
        word = match[kind]
        glued = match.start() == start
        if kind == _WORD:
            add(Token(word if word in keywords else IDENTIFIER, word, source, start, end, glued))
        elif kind in (_OPERATOR, _OTHER, _AT):
            add(Token(word, word, source, start, end, glued))
        elif kind == _STRING:
            add(Token(STRING, word, source, start - 1, end + 1, match.start() == start - 1))
        elif kind == _NUMBER:
            add(Token(NUMBER, word, source, start, end, glued))
        elif kind == _TARGET:
            # A digit behind the sign that is no argument (`$$1`) still makes a name, as in SystemTap.
            add(Token(IDENTIFIER, word, source, start, end, glued))
        elif kind == _EMBEDDED:
            add(Token(EMBEDDED, word, source, start - 2, end + 2, match.start() == start - 2))
        elif kind == _ARGUMENT:
            tokens += _argument(word, Token(JUNK, "", source, start, end, glued), arguments, used)
        else:
            complaint = (
                "Could not find matching closing quote"
                if word[0] == '"'
                else "Could not find matching '%}' to close embedded function block"
            )
            add(Token(JUNK, complaint, source, start, end, glued))
    return _join_pasted(tokens) if arguments else tokens


def _argument(word: str, place: Token, arguments: tuple[str, ...], used: set[int] | None) -> list[Token]:
    """Return what `$1`, `@1`, `$#` or `@#` at `place` stands for."""
    if word[1] == "#":
        tag = NUMBER if word[0] == "$" else STRING
        return [_placed(tag, str(len(arguments)), place, place.glued)]
    number = int(word[1:6]) if len(word) < 6 else 0
    if not 1 <= number <= len(arguments):
        complaint = f"command line argument out of range [1-{len(arguments)}]"
        return [_placed(JUNK, complaint, place, place.glued)]
    if used is not None:
        used.add(number)
    value = arguments[number - 1]
    if word[0] == "@":
        return [_placed(STRING, escape(_bytes_of(value)), place, place.glued)]
    return [
        _placed(token.tag, token.text, place, token.glued if index else place.glued)
        for index, token in enumerate(_scan(value, place.source, (), None))
    ]


def _placed(tag: str, text: str, place: Token, glued: bool) -> Token:
    return Token(tag, text, place.source, place.start, place.end, glued, place.parent)


def _join_pasted(tokens: list[Token]) -> list[Token]:
    """Join what was pasted with the name or number that it touches, since pasting is of text: `$1b` is one name."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if last is not None and token.glued and _is_pasted(last) and _is_word(last) and _is_word(token):
            text = last.text + token.text
            tag = text if text in KEYWORDS else (IDENTIFIER if last.tag is not NUMBER else NUMBER)
            joined[-1] = Token(tag, text, last.source, last.start, token.end, last.glued, last.parent)
        else:
            joined.append(token)
    return joined


def _is_word(token: Token) -> bool:
    return token.tag is IDENTIFIER or token.tag is NUMBER or token.tag in KEYWORDS


def _is_pasted(token: Token) -> bool:
    text = token.source.text
    return text[token.start] == "$" and text[token.start + 1 : token.start + 2] in tuple("0123456789#")


_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAMES: Final = {value: name for name, value in _ESCAPES.items()}


def string_value(text: str) -> str:
    """Return the value of a string literal from what stands between its quotes.

    Escapes are those of C (`\\n`, `\\101`, `\\x41`); an unknown one stands for the character itself. One character of
    the value is one byte: text outside ASCII gives the bytes of its UTF-8 form.
    """
    text = _bytes_of(text)
    if "\\" not in text:
        return text
    out: list[str] = []
    position = 0
    while (escape_at := text.find("\\", position)) >= 0:
        out.append(text[position:escape_at])
        value, position = _escape_value(text, escape_at + 1)
        out.append(value)
    out.append(text[position:])
    return "".join(out)


def _bytes_of(text: str) -> str:
    """Return text with one character for each byte of its UTF-8 form."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _escape_value(text: str, at: int) -> tuple[str, int]:
    """Return the character of the escape whose letter stands at `at`, and where it ends."""
    letter = text[at : at + 1]
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 1
    end = at
    if letter == "x":
        while end < at + 2 and text[end + 1 : end + 2] in set("0123456789abcdefABCDEF"):
            end += 1
        return (chr(int(text[at + 1 : end + 1], 16)), end + 1) if end > at else ("x", at + 1)
    while end < at + 3 and text[end : end + 1] in set("01234567"):
        end += 1
    return (chr(int(text[at:end], 8) & 0xFF), end) if end > at else (letter, at + 1)


def escape(value: str) -> str:
    """Return ASCII text that `string_value` reads as `value` (one character per byte), without quotes."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return value
    out: list[str] = []
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif char in _NAMES:
            out.append("\\" + _NAMES[char])
        elif " " <= char <= "~":
            out.append(char)
        else:
            out.append(f"\\{ord(char):03o}")
    return "".join(out)


def number_value(text: str) -> int | None:
    """Return the signed 64-bit value of an integer literal, or None when it is invalid or out of range.

    Values from 2**63 up to 2**64 - 1 wrap around to negative ones (language reference, 5.2.2).
    """
    try:
        if text[:1] != "0" or len(text) == 1:
            value = int(text) if len(text) < 32 else -1
        elif text[1] in "xX":
            value = int(text[2:], 16)
        else:
            value = int(text, 8) if text.isdigit() else -1
    except ValueError:
        return None
    if not 0 <= value < 1 << 64:
        return None
    return value - (1 << 64) if value >> 63 else value
