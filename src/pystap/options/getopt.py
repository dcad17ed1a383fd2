"""Reading a command line the way getopt_long(3) does, which is how `stap` and `staprun` read theirs.

Short options may be bundled (`-gv`, `-p4`, `-x 12`), long ones abbreviated while they stay unique; options may follow
the operands, and `--` ends them. Messages have getopt's wording, because people search for it.
"""

from __future__ import annotations

from ..lean import Generator, Iterator, Mapping, Sequence
from ..records import dataclass


class UsageError(Exception):
    """The command line is wrong. `hint` asks for the line that points at --help."""

    def __init__(self, message: str, hint: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


NO, REQUIRED, OPTIONAL = 0, 1, 2
"""Whether an option takes an argument."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The options of one command: letters and long names, each with NO, REQUIRED or OPTIONAL.

    `permute` lets options follow operands.
    """

    command: str
    letters: Mapping[str, int]
    names: Mapping[str, int]
    permute: bool = True


def scan(grammar: Grammar, words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield (option, argument) in order: `-x` or `--name` with its argument or None, and ("", word) for operands.

    What follows `--` is yielded as operands, the first of them announced by ("--", None). Raises `UsageError`.
    """
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            yield "--", None
            for rest in words[index:]:
                yield "", rest
            return
        if word.startswith("--"):
            index = yield from _long(grammar, word, words, index)
        elif word.startswith("-") and len(word) > 1:
            index = yield from _letters(grammar, word, words, index)
        else:
            yield "", word
            if not grammar.permute:
                for rest in words[index:]:
                    yield "", rest
                return


def _long(
    grammar: Grammar, word: str, words: Sequence[str], index: int
) -> Generator[tuple[str, str | None], None, int]:
    written, equals, argument = word[2:].partition("=")
    name = _full_name(grammar, written, word)
    takes = grammar.names[name]
    if equals:
        if takes == NO:
            raise UsageError(f"{grammar.command}: option '--{name}' doesn't allow an argument", hint=True)
        yield "--" + name, argument
    elif takes == REQUIRED:
        if index >= len(words):
            raise UsageError(f"{grammar.command}: option '--{name}' requires an argument", hint=True)
        yield "--" + name, words[index]
        index += 1
    else:
        yield "--" + name, None
    return index


def _full_name(grammar: Grammar, written: str, word: str) -> str:
    if written in grammar.names:
        return written
    found = [name for name in grammar.names if name.startswith(written)]
    if len(found) == 1:
        return found[0]
    if found:
        choices = " ".join(f"'--{name}'" for name in found)
        raise UsageError(f"{grammar.command}: option '{word}' is ambiguous; possibilities: {choices}", hint=True)
    raise UsageError(f"{grammar.command}: unrecognized option '{word}'", hint=True)


def _letters(
    grammar: Grammar, word: str, words: Sequence[str], index: int
) -> Generator[tuple[str, str | None], None, int]:
    position = 1
    while position < len(word):
        letter = word[position]
        position += 1
        takes = grammar.letters.get(letter)
        if takes is None:
            raise UsageError(f"{grammar.command}: invalid option -- '{letter}'", hint=True)
        if takes == NO:
            yield "-" + letter, None
            continue
        if position < len(word):
            yield "-" + letter, word[position:]
            return index
        if index >= len(words):
            raise UsageError(f"{grammar.command}: option requires an argument -- '{letter}'", hint=True)
        yield "-" + letter, words[index]
        return index + 1
    return index
