"""The globals of a session without kernel handlers: plain Python values that nobody else touches."""

from __future__ import annotations

from ..lean import TYPE_CHECKING, Callable, Iterable, Protocol

if TYPE_CHECKING:
    from ..user.globals import Globals
    from .globals_store import Access


class LockTimeout(Exception):
    """The session could not take the lock of shared globals in time: the handler is skipped."""


class Store(Protocol):
    """What runs handlers with their globals in place; `values` is the object that generated code works on."""

    values: Globals

    def use_functions(self, functions: dict[str, Callable[..., object]]) -> None: ...

    def access(self, reads: Iterable[str], writes: Iterable[str]) -> Access | None: ...

    def drain(self, accesses: Iterable[Access]) -> bool: ...

    def run(self, access: Access, body: Callable[[], object], fresh: bool = False) -> None: ...


class PlainGlobals:
    """A `Store` that has nothing to bring or to publish."""

    def __init__(self, values: Globals) -> None:
        self.values = values

    def use_functions(self, functions: dict[str, Callable[..., object]]) -> None:
        """Do nothing: no key has to be made."""

    def access(self, reads: Iterable[str], writes: Iterable[str]) -> Access | None:
        """Return None: no kernel handler shares any global."""
        return None

    def drain(self, accesses: Iterable[Access]) -> bool:
        return False

    def run(self, access: Access, body: Callable[[], object], fresh: bool = False) -> None:
        body()
