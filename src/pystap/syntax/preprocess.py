"""The preprocessor: tokens to tokens.

    @define twice(x) %( (2 * @x) %)
    probe timer.s(%( kernel_v > "5" %? @twice(2) %: 3 %)) { }    ->    probe timer.s((2 * 2)) { }

Macros are expanded first, in every part of a condition; then conditions are decided (manual page of stap,
PREPROCESSOR MACROS). What a macro expands to keeps its own place and names, as parent, the place of its use.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..diagnostics import Diagnostic, Diagnostics, ScriptError
from ..lean import Final
from ..records import dataclass
from ..source import Span
from .at_operators import AT_OPERATORS
from .conditions import PreprocessorFacts, evaluate_condition
from .cursor import parse_error
from .lexer import EOF, IDENTIFIER, Token

MAX_TOKENS: Final = 200_000
"""How many tokens the macros of one file may expand to."""

_MAX_NESTING: Final = 200


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro: `body` are the tokens between `%(` and `%)`; `parameters` is None when it is used without any."""

    name: str
    parameters: tuple[str, ...] | None
    body: tuple[Token, ...]
    span: Span


Macros = Mapping[str, Macro]


def preprocess(
    tokens: list[Token], facts: PreprocessorFacts, library_macros: Macros, diagnostics: Diagnostics
) -> list[Token]:
    """Return the tokens with macros expanded and conditions decided; errors are added to `diagnostics`.

    `tokens` must end with an EOF token, which is kept.
    """
    tags = {token.tag for token in tokens}
    if "@define" in tags or any(tag[0] == "@" and tag[1:] in library_macros for tag in tags):
        expander = _Expander(library_macros, diagnostics)
        tokens = expander.expand_file(tokens)
        tags = {token.tag for token in tokens}
    if not tags.isdisjoint(_MARKS):
        return _Conditionals(tokens, facts, diagnostics).resolve()
    return tokens


def library_definitions(
    tokens: list[Token], facts: PreprocessorFacts, library_macros: Macros, diagnostics: Diagnostics
) -> dict[str, Macro]:
    """Return the macros that a `.stpm` file defines; its tokens must be definitions, in conditions or not."""
    if any(token.tag in ("%(", "@define") for token in tokens):
        tokens = _Conditionals(tokens, facts, diagnostics, keep_definitions=True).resolve()
    expander = _Expander(library_macros, diagnostics)
    rest = expander.expand_file(tokens)
    if rest[0].tag is not EOF:
        error = parse_error("library macro file contains more than @define constructs", rest[0])
        diagnostics.add(error.diagnostic)
    return expander.defined


_MARKS: Final = ("%(", "%?", "%:", "%)")
_OPENING: Final = ("(", "[", "{")
_CLOSING: Final = (")", "]", "}")


def _body_end(tokens: list[Token], start: int) -> int:
    """Return the index of the `%)` that closes the `%(` before index `start`, or -1."""
    depth = 1
    for index in range(start, len(tokens)):
        tag = tokens[index].tag
        if tag == "%(":
            depth += 1
        elif tag == "%)":
            depth -= 1
            if not depth:
                return index
    return -1


class _Expander:
    """Expands the macros of one file; `defined` are those that it defines itself."""

    def __init__(self, library: Macros, diagnostics: Diagnostics) -> None:
        self.defined: dict[str, Macro] = {}
        self._library = library
        self._diagnostics = diagnostics
        self._left = MAX_TOKENS
        self._depth = 0

    def expand_file(self, tokens: list[Token]) -> list[Token]:
        out: list[Token] = []
        index = 0
        while index < len(tokens):
            try:
                index = self._step(tokens, index, out)
            except ScriptError as error:
                self._diagnostics.add(error.diagnostic)
                self._depth = 0
                index = self._behind_error(tokens, index)
        return out

    def _behind_error(self, tokens: list[Token], index: int) -> int:
        """Return the index behind a broken definition (its whole body) or a broken use."""
        if tokens[index].tag == "@define":
            start = next((i for i in range(index, min(index + 64, len(tokens))) if tokens[i].tag == "%("), -1)
            end = _body_end(tokens, start + 1) if start >= 0 else -1
            if end >= 0:
                return end + 1
        depth = 0
        for position in range(index + 1, len(tokens)):
            tag = tokens[position].tag
            depth += (tag in _OPENING) - (tag in _CLOSING)
            if depth <= 0:
                return position + 1 if tag in _CLOSING and position > index + 1 else index + 1
        return len(tokens) - 1

    def _step(self, tokens: list[Token], index: int, out: list[Token]) -> int:
        token = tokens[index]
        tag = token.tag
        if tag[0:1] != "@":
            out.append(token)
            return index + 1
        if tag == "@define":
            return self._define(tokens, index + 1)
        macro = self._find(tag[1:])
        if macro is None:
            out.append(token)
            return index + 1
        actuals, index = _actuals(tokens, index, macro)
        self._expand(macro, token, actuals, (), out)
        return index

    def _find(self, name: str) -> Macro | None:
        return self.defined.get(name) or self._library.get(name)

    def _define(self, tokens: list[Token], index: int) -> int:
        """Keep the definition whose name stands at `index`; return the index behind it."""
        name = _identifier(tokens[index])
        index += 1
        parameters: tuple[str, ...] | None = None
        if tokens[index].tag == "(":
            parameters, index = _formals(tokens, index + 1)
        if tokens[index].tag != "%(":
            wanted = "expected '%('" if parameters is not None else "expected '%(' or '('"
            raise parse_error(wanted, tokens[index], "at")
        end = _body_end(tokens, index + 1)
        if end < 0:
            raise parse_error("incomplete macro definition - missing '%)'", name, "at")
        body = tuple(tokens[index + 1 : end])
        nested = next((token for token in body if token.tag == "@define"), None)
        if nested is not None:
            raise parse_error("'@define' forbidden inside macro body", nested, "at")
        self._keep(Macro(name.text, parameters, body, name.span), name)
        return end + 1

    def _keep(self, macro: Macro, name: Token) -> None:
        if (older := self.defined.get(macro.name)) is not None:
            error = parse_error(f"attempt to redefine macro '@{macro.name}' in the same file", name, "at").diagnostic
            note = (f"macro '@{macro.name}' first defined here", older.span)
            self._diagnostics.add(Diagnostic(error.kind, error.message, error.span, error.subject, (note,)))
            return
        if f"@{macro.name}" in AT_OPERATORS:
            self._diagnostics.warn(f"macro redefines built-in operator '@{macro.name}'", name.span)
        self.defined[macro.name] = macro

    def _expand(
        self, macro: Macro, use: Token, actuals: dict[str, list[Token]], active: tuple[str, ...], out: list[Token]
    ) -> None:
        """Append the expansion of a macro to `out`; `active` are the macros that it is part of."""
        if macro.name in active:
            raise parse_error(f"macro '@{macro.name}' expands to itself", use, "at")
        if self._depth >= _MAX_NESTING:
            raise parse_error(f"macros nested more than {_MAX_NESTING} deep", use, "at")
        self._depth += 1
        place = use.span
        body = [token.expanded_for(place) for token in macro.body]
        # What the user passes is expanded first, so that `@f(@f(1))` does not look like recursion.
        actuals = {name: self._expand_all(actual, active) for name, actual in actuals.items()}
        filled: list[Token] = []
        for token in body:
            actual = actuals.get(token.tag[1:]) if token.tag[0:1] == "@" else None
            filled += [token] if actual is None else [t.expanded_for(token.span) for t in actual]
            self._spend(len(actual or ()) + 1, use)
        out += self._expand_all(filled, (*active, macro.name))
        self._depth -= 1

    def _expand_all(self, tokens: list[Token], active: tuple[str, ...]) -> list[Token]:
        """Return the tokens with all macros in them expanded."""
        out: list[Token] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            inner = self._find(token.tag[1:]) if token.tag[0:1] == "@" else None
            if inner is None:
                out.append(token)
                index += 1
            else:
                actuals, index = _actuals(tokens, index, inner)
                self._expand(inner, token, actuals, active, out)
        return out

    def _spend(self, count: int, use: Token) -> None:
        self._left -= count
        if self._left < 0:
            raise parse_error(f"macros expand to more than {MAX_TOKENS} tokens", use, "at")


def _identifier(token: Token) -> Token:
    if token.tag is not IDENTIFIER:
        raise parse_error("expected identifier", token, "at")
    return token


def _formals(tokens: list[Token], index: int) -> tuple[tuple[str, ...], int]:
    """Return the names of a macro's parameters, and the index behind the closing parenthesis."""
    names: list[str] = []
    while True:
        names.append(_identifier(tokens[index]).text)
        tag = tokens[index + 1].tag
        index += 2
        if tag == ")":
            return tuple(names), index
        if tag != ",":
            raise parse_error("expected ',' or ')'", tokens[index - 1], "at")


def _actuals(tokens: list[Token], index: int, macro: Macro) -> tuple[dict[str, list[Token]], int]:
    """Return what the parameters stand for in the use at `index`, and the index behind it."""
    use = tokens[index]
    index += 1
    if macro.parameters is None:
        return {}, index
    count = len(macro.parameters)
    if index >= len(tokens) or tokens[index].tag != "(":
        s = "" if count == 1 else "s"
        at = tokens[index] if index < len(tokens) else use
        raise parse_error(f"expected '(' in invocation of macro '@{macro.name}' taking {count} parameter{s}", at, "at")
    groups: list[list[Token]] = [[]]
    depth = 0
    for position in range(index + 1, len(tokens)):
        token = tokens[position]
        tag = token.tag
        if tag is EOF:
            break
        if not depth and tag == ")":
            if len(groups) < count:
                wanted = f"too few parameters for macro '@{macro.name}' (expected {count})"
                raise parse_error(wanted, token, "at")
            return dict(zip(macro.parameters, groups, strict=True)), position + 1
        if not depth and tag == ",":
            if len(groups) == count:
                wanted = f"too many parameters for macro '@{macro.name}' (expected {count})"
                raise parse_error(wanted, token, "at")
            groups.append([])
            continue
        if tag in _OPENING:
            depth += 1
        elif tag in _CLOSING:
            depth -= 1
        groups[-1].append(token)
    raise parse_error("could not find end of macro invocation", use, "at")


@dataclass(slots=True)
class _Open:
    """A conditional that is not closed yet: whether what surrounds it counts, and whether its first part does."""

    token: Token
    outer_live: bool
    holds: bool
    in_else: bool = False


class _Conditionals:
    """Decides the conditionals of one file. With `keep_definitions`, macro bodies are kept as they stand."""

    def __init__(
        self, tokens: list[Token], facts: PreprocessorFacts, diagnostics: Diagnostics, keep_definitions: bool = False
    ) -> None:
        self._tokens = tokens
        self._facts = facts
        self._diagnostics = diagnostics
        self._keep_definitions = keep_definitions
        self._open: list[_Open] = []
        self._live = True

    def resolve(self) -> list[Token]:
        out: list[Token] = []
        tokens = self._tokens
        index = 0
        while index < len(tokens):
            token = tokens[index]
            tag = token.tag
            if tag in _MARKS:
                try:
                    index = self._mark(token, index)
                except ScriptError as error:
                    self._diagnostics.add(error.diagnostic)
                    end = _body_end(tokens, index + 1) if tag == "%(" else index
                    index = end + 1 if end >= 0 else len(tokens) - 1
                continue
            end = index + 1
            if tag == "@define" and self._keep_definitions:
                end = self._definition_end(index)
            if self._live or tag is EOF:
                out += tokens[index:end]
            index = end
        if self._open:
            unclosed = parse_error("incomplete conditional at end of file", self._open[-1].token, "at")
            self._diagnostics.add(unclosed.diagnostic)
        return out

    def _definition_end(self, index: int) -> int:
        """Return the index behind the macro definition at `index`, or the next one when it is broken."""
        for start in range(index + 1, len(self._tokens)):
            tag = self._tokens[start].tag
            if tag == "%(":
                return _body_end(self._tokens, start + 1) + 1 or index + 1
            if tag in _MARKS or tag == "@define":
                break
        return index + 1

    def _mark(self, token: Token, index: int) -> int:
        """Take one of `%( %? %: %)` into account; return the index behind it."""
        if token.tag == "%(":
            return self._begin(token, index)
        if token.tag == "%?" and not self._live:
            return index + 1
        if token.tag == "%?" or not self._open:
            raise parse_error("incomplete conditional - missing '%('", token, "at")
        inner = self._open[-1]
        if token.tag == "%)":
            self._open.pop()
            self._live = inner.outer_live
        elif inner.in_else:
            raise parse_error("invalid conditional - duplicate '%:'", token, "at")
        else:
            inner.in_else = True
            self._live = inner.outer_live and not inner.holds
        return index + 1

    def _begin(self, token: Token, index: int) -> int:
        """Decide the conditional that begins at `index`; return the index of the first part."""
        if not self._live:
            self._open.append(_Open(token, False, False))
            return index + 1
        end = index + 1
        while self._tokens[end].tag not in _MARKS and self._tokens[end].tag is not EOF:
            end += 1
        if self._tokens[end].tag != "%?":
            raise parse_error("expected '%?' marker for conditional", token, "at")
        holds = evaluate_condition(self._tokens[index + 1 : end], self._tokens[end], self._facts)
        self._open.append(_Open(token, True, holds))
        self._live = holds
        return end + 1
