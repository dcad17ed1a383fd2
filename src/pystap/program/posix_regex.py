"""POSIX extended regular expressions (man stap, "REGULAR EXPRESSION MATCHING") in the syntax of Python's `re`.

"[[:alpha:]]+$"   ->   "(?:[A-Za-z])+\\Z"
"""

from __future__ import annotations

_CLASSES = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v", "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~", "print": " -~", "graph": "!-~", "cntrl": "\\x00-\\x1f\\x7f",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip

_ESCAPES = {
    "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "s": "[ \\t\\n\\r\\f\\v]", "S": "[^ \\t\\n\\r\\f\\v]",
    "b": "\\b", "B": "\\B", "<": "\\b(?=\\w)", ">": "\\b(?<=\\w)",
}  # fmt: skip

END = "\\Z"
NEVER = "(?!)"


def translate(pattern: str, end: str = END) -> str:
    """Return a POSIX extended regular expression in Python's syntax; `end` stands for its `$`.

    Raises ValueError for an expression that is not well formed.
    """
    translator = _Translator(pattern, end)
    text = translator.alternatives()
    if translator.at < len(pattern):
        raise ValueError("unmatched ) in regular expression")
    return text


class _Translator:
    """A reader of one expression: `at` is the index of the next character."""

    def __init__(self, pattern: str, end: str) -> None:
        self.pattern = pattern
        self.end = end
        self.at = 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self) -> str:
        branches = [self.branch()]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.branch())
        return "|".join(branches)

    def branch(self) -> str:
        out: list[str] = []
        while self.peek() not in ("", "|", ")"):
            atom = self.atom(first=not out)
            while (times := self.quantifier()) != "":
                atom = f"(?:{atom}){times}"
            out.append(atom)
        return "".join(out)

    def quantifier(self) -> str:
        """Return the quantifier that stands here, "" for none."""
        sign = self.peek()
        if sign in ("*", "+", "?") and sign:
            self.at += 1
            return sign
        interval = self.interval() if sign == "{" else None
        if interval is None:
            return ""
        self.at = interval[1]
        return interval[0]

    def interval(self) -> tuple[str, int] | None:
        """Return `{n}`, `{n,}`, `{n,m}` or `{,m}` and the index behind it; None for a `{` that stands for itself."""
        close = self.pattern.find("}", self.at)
        if close < 0:
            return None
        low, comma, high = self.pattern[self.at + 1 : close].partition(",")
        if (low and not low.isdecimal()) or (high and not high.isdecimal()) or not (low or high):
            return None
        if low and high and int(low) > int(high):
            raise ValueError("bad repetition count in regular expression")
        return f"{{{low or '0'}{comma}{high}}}", close + 1

    def atom(self, first: bool) -> str:
        sign = self.peek()
        self.at += 1
        match sign:
            case "(":
                inner = self.alternatives()
                if self.peek() != ")":
                    raise ValueError("unmatched ( in regular expression")
                self.at += 1
                return f"({inner})"
            case "[":
                return self.bracket()
            case ".":
                return "."
            case "^":
                return "\\A"
            case "$":
                return self.end
            case "\\":
                return self.escape()
            case "+" | "?" | "*" if not first:  # a quantifier behind a quantifier was read before
                return "\\" + sign
            case _:
                return _literal(sign)

    def escape(self) -> str:
        sign = self.peek()
        if not sign:
            raise ValueError("trailing backslash in regular expression")
        if sign.isdigit():
            raise ValueError("back references are not supported in regular expressions")
        self.at += 1
        return _ESCAPES.get(sign) or _literal(sign)

    def bracket(self) -> str:
        """Read `[...]`; a backslash in it is an ordinary character."""
        out = ["["]
        if self.peek() == "^":
            out.append("^")
            self.at += 1
        start = self.at
        while True:
            sign = self.peek()
            if not sign:
                raise ValueError("unmatched [ in regular expression")
            if sign == "]" and self.at > start:
                self.at += 1
                return "".join(out) + "]"
            if self.pattern.startswith("[:", self.at):
                out.append(self.char_class())
                continue
            self.at += 1
            is_range = sign == "-" and self.at - 1 > start and self.peek() not in ("]", "")
            out.append("-" if is_range else _literal(sign))

    def char_class(self) -> str:
        close = self.pattern.find(":]", self.at)
        name = self.pattern[self.at + 2 : close]
        if close < 0 or name not in _CLASSES:
            raise ValueError(f"unknown character class [:{name}:] in regular expression")
        self.at = close + 2
        return _CLASSES[name]


def _literal(sign: str) -> str:
    return sign if sign.isalnum() or sign in "_ " or ord(sign) > 127 else "\\" + sign if sign.isprintable() else (
        f"\\x{ord(sign):02x}"
    )  # fmt: skip
