"""pystap runs SystemTap scripts on eBPF. `compile` and `Session` are the library (pystap.api)."""

from __future__ import annotations

from .version import VERSION

__version__ = VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .api import Aggregate, CompileError, Ended, Message, Output, Session, compile

__all__ = ["Aggregate", "CompileError", "Ended", "Message", "Output", "Session", "__version__", "compile"]


def __getattr__(name: str) -> object:
    """Load the library when it is asked for: the commands start without it."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module 'pystap' has no attribute '{name}'")
