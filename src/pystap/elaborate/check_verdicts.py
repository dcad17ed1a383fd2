"""Checks that the verdict on a packet is given where the packet waits for it: in the kernel."""

from __future__ import annotations

from collections.abc import Iterable

from ..diagnostics import Diagnostics
from ..program import nodes as n
from ..program.attach import VERDICT
from .walk import all_expressions


def check_verdicts(events: Iterable[n.Event], diagnostics: Diagnostics) -> None:
    """Add an error for each verdict that is set in a part of a handler which runs in user space."""
    for event in events:
        for expression in all_expressions(event.body):
            match expression:
                case n.Assign(target=n.LocalValue(local=local)) | n.Update(target=n.LocalValue(local=local)):
                    if local.name == VERDICT:
                        message = "the verdict is set behind what only user space can do, where the packet is gone"
                        diagnostics.error(message, expression.span, "identifier '$verdict'")
                case _:
                    pass
