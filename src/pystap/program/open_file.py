"""The file that a procfs handler is about, as the built-in functions of the handler and the session share it."""

from __future__ import annotations


class OpenFile:
    """The text that the handler was given, or that it is to give: `size` bytes at most, a character a byte."""

    def __init__(self) -> None:
        self.text = ""
        self.size = 0
