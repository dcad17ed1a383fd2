"""What generated code asks of the session that runs it. (What built-in functions ask for stands in tapset/services.)"""

from __future__ import annotations

from ..lean import Protocol


class UserRuntime(Protocol):
    """The services of a running session. Strings have one character per byte (Latin-1).

    Generated code keeps `write` and `context` in local variables: they are the same objects for the whole session.
    """

    interrupted: bool
    """The session wants the running handler to end soon: loops look at it."""

    context: dict[str, int | str]
    """Values of the probe hit whose event is being handled, by built-in (expressions.context_key); empty otherwise."""

    matched_groups: tuple[str, ...] | None
    """The text and the groups of the last `=~`, "" for a group without part; None when it did not match."""

    def write(self, text: str, /) -> object:
        """Append to the output of the script (or to the speculation or file that is switched to)."""

    def read_kernel_memory(self, address: int, size: int, /) -> bytes | None:
        """Return `size` bytes at an unsigned kernel address, None when they cannot be read."""

    def read_user_memory(self, address: int, size: int, /) -> bytes | None:
        """The same for an address of the process that the handled event came from."""
