"""Conditions of the preprocessor: what stands between `%(` and `%?`.

    kernel_v >= "2.6.24" && arch == "x86*" || $# > 1    ->    true or false

Facts: manual page of stap, section PREPROCESSING. `&&` binds tighter than `||`; there are no parentheses.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from ..lean import Final, NoReturn
from ..records import dataclass
from .cursor import parse_error
from .lexer import NUMBER, STRING, Token, number_value, string_value
from .versions import compare_versions, matches


def _no_config(name: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class PreprocessorFacts:
    """What a script may ask about the system and its own command line.

    `kernel_release` is that of `uname -r`; `arch` the name of the kernel's build system ("x86_64"); `config` returns
    the value of a kernel configuration option ("y", "250") or None and is asked only for options that a script
    names; `arguments` are what `$1` and `@1` stand for; `compatible` is the version of `--compatible`.
    """

    kernel_release: str = ""
    arch: str = "x86_64"
    systemtap_version: str = "5.2"
    privilege: str = "stapdev"
    guru_mode: bool = False
    config: Callable[[str], str | None] = _no_config
    arguments: tuple[str, ...] = ()
    compatible: str | None = None


RUNTIME: Final = "kernel"
"""What `runtime` reads: scripts must take their full variant."""

_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXPECTED: Final = (
    "expected 'arch', 'kernel_v', 'kernel_vr', 'systemtap_v',\n"
    "             'runtime', 'systemtap_privilege', 'CONFIG_...', or\n"
    "             comparison between strings or integers"
)


def evaluate_condition(tokens: list[Token], end: Token, facts: PreprocessorFacts) -> bool:
    """Return whether the condition holds; `end` is the token behind it. Raises ScriptError with a parse error."""
    position = 0
    any_holds = False
    while True:
        all_hold = True
        while True:
            three = [*tokens[position : position + 3], end, end, end][:3]
            all_hold = _comparison(three[0], three[1], three[2], facts) and all_hold
            position += 3
            if position >= len(tokens) or tokens[position].tag != "&&":
                break
            position += 1
        any_holds = any_holds or all_hold
        if position >= len(tokens):
            return any_holds
        if tokens[position].tag != "||":
            _fail("expected '%?' marker for conditional", tokens[position])
        position += 1


def _fail(message: str, token: Token) -> NoReturn:
    raise parse_error(message, token, "at")


def _comparison(left: Token, op: Token, right: Token, facts: PreprocessorFacts) -> bool:
    name = left.text
    if left.tag is NUMBER or left.tag is STRING:
        return _literals(left, op, right)
    match name:
        case "kernel_v":
            return _version(facts.kernel_release.partition("-")[0], op, right)
        case "kernel_vr":
            return _version(facts.kernel_release, op, right)
        case "systemtap_v":
            return _version(facts.compatible or facts.systemtap_version, op, right)
        case "arch":
            return _wildcard(facts.arch, op, right)
        case "runtime":
            return _wildcard(RUNTIME, op, right)
        case "systemtap_privilege":
            return _wildcard(facts.privilege, op, right)
        case "guru_mode":
            _require_equality(op)
            if right.tag is not NUMBER:
                _fail("expected number", right)
            return (number_value(right.text) == int(facts.guru_mode)) == (op.tag == "==")
        case _ if name.startswith("CONFIG_"):
            if right.tag is NUMBER:
                _require_equality(op)
                return (facts.config(name) == right.text) == (op.tag == "==")
            return _wildcard(facts.config(name) or "", op, right)
        case _:
            _fail(_EXPECTED, left)


def _require_equality(op: Token) -> None:
    if op.tag not in ("==", "!="):
        _fail("expected '==' or '!='", op)


def _text(token: Token) -> str:
    if token.tag is not STRING:
        _fail("expected string literal", token)
    return string_value(token.text)


def _wildcard(value: str, op: Token, right: Token) -> bool:
    _require_equality(op)
    return matches(value, _text(right)) == (op.tag == "==")


def _version(version: str, op: Token, right: Token) -> bool:
    compare = _COMPARISONS.get(op.tag)
    if compare is None:
        _fail("expected comparison operator", op)
    wanted = _text(right)
    if any(char in wanted for char in "*?["):
        if op.tag not in ("==", "!="):
            _fail("wildcard not allowed with order comparison operators", op)
        return matches(version, wanted) == (op.tag == "==")
    return compare(compare_versions(version, wanted), 0)


def _literals(left: Token, op: Token, right: Token) -> bool:
    compare = _COMPARISONS.get(op.tag)
    if compare is None:
        _fail(_EXPECTED, left)
    if left.tag is NUMBER:
        if right.tag is not NUMBER:
            _fail("expected number literal as right value", right)
        a, b = number_value(left.text), number_value(right.text)
        if a is None or b is None:
            _fail("number invalid or out of range", left if a is None else right)
        return compare(a, b)
    if right.tag is not STRING:
        _fail("expected string literal as right value", right)
    x, y = string_value(left.text), string_value(right.text)
    return compare((x > y) - (x < y), 0)
