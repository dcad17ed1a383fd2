"""Session images made by hand, so that the runtime is tested without the compiler."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from textwrap import dedent, indent
from typing import Any

from pystap.abi.image import MapSpec, ProgramSpec
from pystap.abi.session_image import (
    ErrorPlace,
    EventLayout,
    GlobalLayout,
    HandlerLayout,
    ProgramAttachment,
    SessionImage,
)
from pystap.program.attach import AttachSpec, Phase, Timer
from pystap.program.limits import Limits
from pystap.program.symbols import StorageKind
from pystap.program.types import Type


def user_code(functions: dict[str, str], parameters: dict[str, str] | None = None) -> bytes:
    """Return the marshalled module with these function bodies; they see `rt`, `g` and RuntimeFault."""
    lines = ["from pystap.user.errors import RuntimeFault", "def make(rt, g):"]
    for name, body in functions.items():
        arguments = (parameters or {}).get(name, "")
        lines.append(f"    def {name}({arguments}):")
        lines.append(indent(dedent(body).strip("\n") or "pass", "        "))
    table = ", ".join(f"{name!r}: {name}" for name in functions)
    lines.append(f"    return {{{table}}}")
    return marshal.dumps(compile("\n".join(lines), "<user handlers>", "exec"))


def long_global(name: str, storage: StorageKind = StorageKind.USER, **rest: Any) -> GlobalLayout:
    return GlobalLayout(name, Type.LONG, 0, False, (), (), 2048, False, rest.pop("initial", None), storage,
                        rest.pop("lock", None), **rest)  # fmt: skip


def string_global(name: str, width: int = 511, **rest: Any) -> GlobalLayout:
    return GlobalLayout(name, Type.STRING, width, False, (), (), 2048, False, rest.pop("initial", None),
                        rest.pop("storage", StorageKind.USER), rest.pop("lock", None), **rest)  # fmt: skip


def array_global(
    name: str,
    key_types: Sequence[Type] = (Type.STRING,),
    key_widths: Sequence[int] = (15,),
    value: Type = Type.LONG,
    storage: StorageKind = StorageKind.USER,
    **rest: Any,
) -> GlobalLayout:
    return GlobalLayout(name, value, rest.pop("width", 0), True, tuple(key_types), tuple(key_widths),
                        rest.pop("size", 2048), False, None, storage, rest.pop("lock", None), **rest)  # fmt: skip


class ImageMaker:
    """Collects handlers and makes an image of them: `user` adds a handler with a Python body, `kernel` one without."""

    def __init__(self, **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.bodies: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.handlers: list[HandlerLayout] = []
        self.globals: list[GlobalLayout] = []
        self.events: list[EventLayout] = []
        self.errors: list[ErrorPlace] = []
        self.maps: list[MapSpec] = []
        self.programs: list[ProgramSpec] = []
        self.attachments: list[ProgramAttachment] = []
        self.adds_stride = 64

    def user(
        self, point: str, attach: AttachSpec, body: str, reads: Sequence[str] = (), writes: Sequence[str] = ()
    ) -> None:
        index = len(self.handlers)
        name = f"handler_{index}"
        self.bodies[name] = body
        self.handlers.append(
            HandlerLayout(index, point, point, f"test.stp:{index + 1}:1", attach, name, tuple(reads), tuple(writes))
        )

    def begin(self, body: str, sequence: int = 0) -> None:
        self.user("begin", Phase("begin", sequence), body)

    def end(self, body: str, sequence: int = 0) -> None:
        self.user("end", Phase("end", sequence), body)

    def error(self, body: str) -> None:
        self.user("error", Phase("error"), body)

    def timer(self, milliseconds: float, body: str, reads: Sequence[str] = (), writes: Sequence[str] = ()) -> None:
        self.user(f"timer.ms({milliseconds})", Timer(int(milliseconds * 1e6)), body, reads, writes)

    def kernel(self, point: str, attach: AttachSpec, program: ProgramSpec) -> None:
        index = len(self.handlers)
        self.handlers.append(HandlerLayout(index, point, point, f"test.stp:{index + 1}:1", attach, "", (), ()))
        self.programs.append(program)
        self.attachments.append(ProgramAttachment(program.name, attach, (index,)))

    def event(
        self, number: int, handler: int, body: str, reads: Sequence[str] = (), writes: Sequence[str] = ()
    ) -> None:
        name = f"event_{number}"
        self.bodies[name] = body
        self.parameters[name] = "record"
        self.events.append(EventLayout(number, name, handler, tuple(reads), tuple(writes)))

    def image(self) -> SessionImage:
        return SessionImage(
            script_name="test.stp",
            kernel="",
            limits=self.limits,
            maps=tuple(self.maps),
            programs=tuple(self.programs),
            attachments=tuple(self.attachments),
            globals=tuple(self.globals),
            handlers=tuple(self.handlers),
            events=tuple(self.events),
            errors=tuple(self.errors),
            control_size=4096,
            handlers_offset=1024,
            adds_stride=self.adds_stride,
            user_code=user_code(self.bodies, self.parameters),
        )
