"""Matching of regular expressions in user handlers, on top of Python's `re`.

`re` is imported when the first match runs. Of all matches at the leftmost place the longest is taken, as POSIX asks;
the parts that groups take inside it are found from the left, which can differ where several splits are possible.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING
from ..program.posix_regex import NEVER, translate
from .protocol import UserRuntime

if TYPE_CHECKING:
    import re


class Regex:
    """One pattern of the script, compiled when it is first used."""

    __slots__ = ("_compiled", "_inner", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled: re.Pattern[str] | None = None
        self._inner: re.Pattern[str] | None = None

    def _compile(self) -> re.Pattern[str]:
        import re

        flags = re.DOTALL | re.ASCII
        self._compiled = re.compile(translate(self.pattern), flags)
        self._inner = re.compile(translate(self.pattern, NEVER), flags)
        return self._compiled

    def test(self, text: str) -> bool:
        """Return whether the pattern matches somewhere in `text`."""
        return (self._compiled or self._compile()).search(text) is not None

    def match(self, rt: UserRuntime, text: str) -> bool:
        """The same; keeps what matched() and ngroups() give in `rt.matched_groups`."""
        compiled = self._compiled or self._compile()
        found = compiled.search(text)
        if found is None:
            rt.matched_groups = None
            return False
        longest = self._longest(compiled, found, text)
        rt.matched_groups = tuple(part or "" for part in (longest.group(), *longest.groups()))
        return True

    def _longest(self, compiled: re.Pattern[str], found: re.Match[str], text: str) -> re.Match[str]:
        """Return the longest match at the place of `found`. `$` can hold at the end of the text only."""
        start = found.start()
        inner = self._inner
        assert inner is not None
        for end in range(len(text), found.end(), -1):
            longer = (compiled if end == len(text) else inner).fullmatch(text, start, end)
            if longer is not None:
                return longer
        return found
