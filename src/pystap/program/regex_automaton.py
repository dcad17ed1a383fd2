"""Regular expressions as tables, for code that can only step through bytes (eBPF).

    "^a+b"   ->   a deterministic automaton: a state for each way a match can stand after the bytes so far

`compile_automaton` answers one question, does the pattern match somewhere in the string; where, and what its groups
match, needs Python's `re` (user/regex.py). States 0 and 1 are final: no match, match. A NUL ends the string.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from re import ASCII, DOTALL
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]

from ..lean import Any
from ..records import dataclass
from .posix_regex import translate

NO_MATCH, MATCH = 0, 1
MAX_STATES = 128
MAX_REPEAT = 64

_CATEGORIES = {
    sre.CATEGORY_DIGIT: frozenset(range(48, 58)),
    sre.CATEGORY_SPACE: frozenset(b" \t\n\r\f\v"),
    sre.CATEGORY_WORD: frozenset(i for i in range(128) if chr(i).isalnum() or i == 95),
}


class NotRegular(Exception):
    """The pattern has something that the tables cannot express, or would need too many states."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """`classes` maps each byte to a class; `next_states[state << class_bits | class]` is the state behind it."""

    classes: bytes
    class_bits: int
    next_states: bytes
    start: int


@cache
def compile_automaton(pattern: str) -> Automaton:
    """Return the automaton of a POSIX extended regular expression; raises `NotRegular`."""
    builder = _Nfa()
    accept = builder.state()
    start = builder.sequence(sre_parser.parse(translate(pattern), DOTALL | ASCII), accept)
    return _determinize(builder, start, accept)


class _Nfa:
    """States with moves on sets of bytes, and free moves that may ask to be at the start or the end of the string.

    It is built backwards: each part is given the state that follows it and returns the state that it starts with.
    """

    def __init__(self) -> None:
        self.moves: list[list[tuple[frozenset[int], int]]] = []
        self.free: list[list[tuple[str, int]]] = []

    def state(self) -> int:
        if len(self.moves) > 20_000:
            raise NotRegular("too many states")
        self.moves.append([])
        self.free.append([])
        return len(self.moves) - 1

    def sequence(self, parts: Iterable[Any], following: int) -> int:
        for operator, argument in reversed(list(parts)):
            following = self._part(operator, argument, following)
        return following

    def _part(self, operator: Any, argument: Any, following: int) -> int:
        bytes_ = _byte_set(operator, argument)
        if bytes_ is not None:
            state = self.state()
            self.moves[state].append((bytes_, following))
            return state
        if operator is sre.BRANCH:
            state = self.state()
            self.free[state] = [("", self.sequence(branch, following)) for branch in argument[1]]
            return state
        if operator is sre.SUBPATTERN:
            return self.sequence(argument[3], following)
        if operator is sre.MAX_REPEAT:
            low, high, body = argument
            return self._repeat(low, high, body, following)
        if operator is sre.AT and argument in (sre.AT_BEGINNING_STRING, sre.AT_END_STRING):
            state = self.state()
            where = "start" if argument is sre.AT_BEGINNING_STRING else "end"
            self.free[state] = [(where, following)]
            return state
        raise NotRegular(str(operator))

    def _repeat(self, low: int, high: int, body: Any, following: int) -> int:
        endless = high is sre.MAXREPEAT
        if low > MAX_REPEAT or (not endless and high > MAX_REPEAT):
            raise NotRegular("too many repetitions")
        if endless:
            loop = self.state()
            self.free[loop] = [("", self.sequence(body, loop)), ("", following)]
            following = loop
        else:
            for _ in range(high - low):
                state = self.state()
                self.free[state] = [("", self.sequence(body, following)), ("", following)]
                following = state
        for _ in range(low):
            following = self.sequence(body, following)
        return following

    def closure(self, states: Iterable[int], at: str) -> frozenset[int]:
        """Return the states reached by free moves, those that hold `at` "start", "end" or "both" or anywhere ("")."""
        found = set(states)
        waiting = list(found)
        while waiting:
            for where, state in self.free[waiting.pop()]:
                if (not where or where == at or at == "both") and state not in found:
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)


def _byte_set(operator: Any, argument: Any) -> frozenset[int] | None:
    """Return the bytes that a part matches, None for a part that is not a single byte. A string holds no NUL."""
    everything = frozenset(range(1, 256))
    if operator is sre.LITERAL:
        return frozenset({argument})
    if operator is sre.NOT_LITERAL:
        return everything - {argument}
    if operator is sre.ANY:
        return everything
    if operator is not sre.IN:
        return None
    found: set[int] = set()
    negated = False
    for kind, value in argument:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            found.add(value)
        elif kind is sre.RANGE:
            found.update(range(value[0], value[1] + 1))
        elif kind is sre.CATEGORY and value in _CATEGORIES:
            found |= _CATEGORIES[value]
        else:
            raise NotRegular(str(value))
    return everything - found if negated else frozenset(found) & everything


def _determinize(nfa: _Nfa, start: int, accept: int) -> Automaton:
    """Build the tables by following sets of states. A match may begin at each byte, so `start` is in every set."""
    classes, members = _byte_classes(nfa)
    anywhere = nfa.closure([start], "")
    first = nfa.closure([start], "start")
    numbers: dict[tuple[frozenset[int], bool], int] = {}
    rows: list[list[int]] = [[NO_MATCH] * len(members), [MATCH] * len(members)]
    waiting: list[tuple[frozenset[int], bool]] = []

    def number(states: frozenset[int], at_start: bool) -> int:
        if accept in states:
            return MATCH
        key = (states, at_start)
        if key not in numbers:
            if len(rows) >= MAX_STATES:
                raise NotRegular("too many states")
            numbers[key] = len(rows)
            rows.append([])
            waiting.append(key)
        return numbers[key]

    begin = number(first, True)
    while waiting:
        states, at_start = waiting.pop()
        row = rows[numbers[states, at_start]]
        for member in members:
            if member == 0:
                ended = nfa.closure(states, "both" if at_start else "end")
                row.append(MATCH if accept in ended else NO_MATCH)
            else:
                reached = {to for state in states for bytes_, to in nfa.moves[state] if member in bytes_}
                row.append(number(nfa.closure(reached, "") | anywhere, False))
    bits = max(1, (len(members) - 1).bit_length())
    padded = [bytes(row).ljust(1 << bits, b"\0") for row in rows]
    return Automaton(bytes(classes), bits, b"".join(padded), begin)


def _byte_classes(nfa: _Nfa) -> tuple[list[int], list[int]]:
    """Return the class of each byte, and one byte of each class: bytes that every move treats alike share a class."""
    sets = {bytes_ for moves in nfa.moves for bytes_, _ in moves}
    by_signature: dict[tuple[bool, ...], int] = {}
    classes: list[int] = []
    members: list[int] = []
    for byte in range(256):
        signature = (byte == 0, *(byte in bytes_ for bytes_ in sets))
        if signature not in by_signature:
            by_signature[signature] = len(members)
            members.append(byte)
        classes.append(by_signature[signature])
    return classes, members
