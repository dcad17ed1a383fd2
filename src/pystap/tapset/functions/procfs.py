"""What the handlers of procfs and input probes read and assign: the text of the file that is open, the input so far."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.open_file import OpenFile
from ...program.types import Type
from ..services import Services

L, S = Type.LONG, Type.STRING


def procfs_value(rt: Services) -> str:
    return rt.state(OpenFile).text[: rt.max_string]


def procfs_assign(rt: Services, text: str) -> None:
    file = rt.state(OpenFile)
    file.text = text[: file.size]


def procfs_append(rt: Services, text: str) -> None:
    """Append to the text, which may become longer than a string of the script."""
    file = rt.state(OpenFile)
    file.text += text[: file.size - len(file.text)]


ROWS = (
    Builtin("_procfs_value", (), S, Effect.SESSION, procfs_value),
    Builtin("_procfs_assign", (("text", S),), None, Effect.ACTION, procfs_assign),
    Builtin("_procfs_append", (("text", S),), None, Effect.ACTION, procfs_append),
)
