"""Exceptions that leave generated code.

RuntimeFault: a run-time error of the script; `catch` takes it, else the session counts and reports it.
HandlerExit: the handler ends at once and nothing is wrong (the user interrupted a loop); no `catch` takes it.
"""

from __future__ import annotations

from ..program.fault_messages import RuntimeFault

__all__ = ["Fault", "HandlerExit", "RuntimeFault", "describe"]

Fault = tuple[str, str]
"""The message and the place of an error that may happen at one spot, a constant of the generated module."""


def describe(fault: RuntimeFault) -> str:
    """Return the whole text of an error that left a handler.

    A built-in raises its errors without a place; the generated module's PLACES knows which line called it.
    """
    if fault.place:
        return str(fault)
    place = ""
    step = fault.__traceback__
    while step is not None:
        places = step.tb_frame.f_globals.get("PLACES")
        if places is not None:
            place = places.get(step.tb_lineno, place)
        step = step.tb_next
    return f"{fault.message} {place}" if place else fault.message


class HandlerExit(Exception):
    """Ends the running handler quietly."""
