"""System calls as strace and as a script with `argstr` and `retstr` print them, brought to one form.

strace shows a call when it has returned, with what the kernel wrote; argstr shows what was passed. What differs only in
spelling is made equal here, for both alike:

    0x10, 020, 16            numbers are decimal, signed (4294967295 and 18446744073709551615 are -1); NULL is 0
    A|B, B|A                 flags are sorted
    "a\\1b", "a\\001b"         escapes in strings are decoded
    0x63 /* AF_??? */        comments are left out
    [USR1 CHLD], [EMPTY]     sets of signals are joined by `|`
    {sa_handler=SIG_DFL, sa_mask=[], ...}, {SIG_DFL}
    iov_base="text"          the buffers that a vector names are left out
    [0] => [5]               only what was there before
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

FIRST, LAST, END = "-4242", "-4243", "-4244"
"""The arguments of calls of close: before and behind what is compared with strace, behind what strace does not know."""


@dataclass(frozen=True)
class Call:
    """A call in the common form: its name, its arguments, its result (a number or the name of an error)."""

    name: str
    arguments: tuple[str, ...]
    result: str
    line: str


_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_COMMENT = re.compile(r" ?/\*.*?\*/")
_NUMBER = re.compile(r"(?<![\w#.])(-?)(0x[0-9a-f]+|\d+)(?!\w)")
_FLAGS = re.compile(r"[\w+<*()]+(?:\|[\w+<*()]+)+")
_SIGNALS = re.compile(r"\[((?:[A-Z][A-Z0-9_]*)(?: [A-Z][A-Z0-9_]*)*)\]")
_ACTION = re.compile(r"\{sa_handler=(\w+), sa_mask=(~?\[.*?\]), sa_flags=([\w|]+)(?:, sa_restorer=(\w+))?\}")
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
_SIGNAL_NAMES = frozenset(each.name.removeprefix("SIG") for each in signal.Signals)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f", "a": "\a", "b": "\b"}


def _unescaped(match: re.Match[str]) -> str:
    text = match[1]
    if text[0] == "x" and len(text) == 3:
        return chr(int(text[1:], 16))
    return chr(int(text, 8)) if text[0] in "01234567" else _LETTERS.get(text, text)


def _number(match: re.Match[str]) -> str:
    digits = match[2]
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
    value = int(digits, 8) if octal else int(digits, 0)
    if value >= 1 << 63:
        value -= 1 << 64
    elif 1 << 31 <= value < 1 << 32:
        value -= 1 << 32
    return str(-value if match[1] else value)


def _sorted_flags(match: re.Match[str]) -> str:
    return "|".join(sorted(match[0].split("|")))


def _signal_set(match: re.Match[str]) -> str:
    names = match[1].split()
    if not all(name in _SIGNAL_NAMES or name.startswith("RT") for name in names):
        return match[0]
    return "[" + "|".join("SIG" + name.replace("RT_", "RTMIN+") for name in names) + "]"


def _short_action(match: re.Match[str]) -> str:
    handler, mask, flags, restorer = match.groups()
    if handler.startswith("SIG_"):
        return f"{{{handler}}}"
    return "{" + ", ".join([handler, flags, *([restorer] if restorer else []), mask]) + "}"


def common_form(text: str) -> str:
    """Return an argument or a result in the form that both have in common."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        strings.append(_ESCAPE.sub(_unescaped, match[1]))
        return f"#{len(strings) - 1}#"

    text = _STRING.sub(keep, text)
    text = _COMMENT.sub("", text)
    text = text.replace("NULL", "0").replace("[EMPTY]", "[]")
    text = _SIGNALS.sub(_signal_set, text)
    text = re.sub(r"SIGRT_(\d+)", r"SIGRTMIN+\1", text)
    text = _ACTION.sub(_short_action, text)
    text = re.sub(r"iov_base=[#\w.]+", "iov_base=...", text)
    text = re.sub(r" => \[.*?\]| => \d+(?=\])", "", text)
    text = _NUMBER.sub(_number, text)
    text = _FLAGS.sub(_sorted_flags, text)
    return re.sub(r"#(\d+)#", lambda match: repr(strings[int(match[1])]), text)


def split(text: str) -> list[str]:
    """Return the arguments of a call: parts at commas that stand in no brackets and in no string."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        string = _STRING.match(text, i)
        if string:
            i = string.end()
            continue
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if text[i] == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    return [*parts, text[start:].strip()] if text.strip() else []


def _closing(text: str, start: int) -> int:
    """Return where the bracket closes that opens at `start`."""
    depth, i = 0, start
    while True:
        string = _STRING.match(text, i)
        if string:
            i = string.end()
            continue
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i
        i += 1


_ERROR = re.compile(r"(?:-\d+|\?) \(?(E[A-Z0-9_]+)\b")


def _result(text: str) -> str:
    error = _ERROR.match(text)
    return error[1] if error else common_form(text.partition(" ")[0])


def _call(line: str) -> Call:
    opening = line.index("(")
    closing = _closing(line, opening)
    arguments = tuple(common_form(part) for part in split(line[opening + 1 : closing]))
    if line.startswith("clone(child_stack="):  # strace names the arguments and puts the stack first
        plain = [argument.partition("=")[2] for argument in arguments]
        arguments = (plain[1], plain[0], *plain[2:])
    return Call(line[:opening], arguments, _result(line[closing + 1 :].strip().removeprefix("= ")), line)


def all_calls(text: str) -> list[Call]:
    """Return the calls in lines `name(arguments) = result`."""
    return [_call(line) for line in text.splitlines() if re.match(r"\w+\(", line)]


def calls(text: str, before: str = FIRST, behind: str = LAST) -> list[Call]:
    """Return the calls between two that mark a part of the program's work, from lines `name(arguments) = result`."""
    found = all_calls(text)
    first, last = (
        next(i for i, call in enumerate(found) if call.name == "close" and call.arguments == (mark,))
        for mark in (before, behind)
    )
    return found[first + 1 : last]
