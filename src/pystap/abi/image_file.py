"""A session image as a file: what `stap -p4` writes, the cache keeps and `staprun` reads.

    0   8 bytes  MAGIC
    8   u32      FORMAT_VERSION of session_image
    12  u32      CRC-32 of what follows
    16  u8 n, n bytes   the interpreter's cache tag ("cpython-311"): Python code is marshalled for one release
    ...          the image, marshalled: plain values, with a list [class name, fields...] for every object

Numbers are little-endian. `marshal` reads tens of megabytes in milliseconds and imports nothing; what it can make is
limited to plain values, and the classes are looked up in a closed table.
"""

from __future__ import annotations

import marshal
import sys
from binascii import crc32

from ..lean import Any, Enum
from ..program import attach
from ..program.limits import Limits
from ..program.symbols import StorageKind
from ..program.types import Type
from . import session_image as s
from .image import MapSpec, ProgramSpec, TailCall

MAGIC = b"\x7fPYSTAP\n"
SUFFIX = ".stapimg"
"""How the file's name ends: an image stands where SystemTap has a kernel module, NAME.ko."""

_OBJECTS: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (s.SessionImage, s.ProgramAttachment, s.ErrorPlace, s.GlobalLayout, s.KeyRendering, s.HandlerLayout,
                s.EventLayout,
                Limits, TailCall, attach.FunctionPoint, attach.UserPlaces,
                *attach.AttachSpec.__args__)
}  # fmt: skip
_ENUMS: dict[str, type[Enum]] = {"Type": Type, "StorageKind": StorageKind}
_PLAIN: dict[str, type[MapSpec] | type[ProgramSpec]] = {"MapSpec": MapSpec, "ProgramSpec": ProgramSpec}
_ATOMS = (int, str, bytes, bool, float, type(None))


class NotAnImage(Exception):
    """The bytes are no image that this version can run; the message says why."""


def to_bytes(image: s.SessionImage) -> bytes:
    """Return the image as the contents of a file."""
    tag = (sys.implementation.cache_tag or "").encode()
    body = bytes((len(tag),)) + tag + marshal.dumps(_plain(image))
    return MAGIC + s.FORMAT_VERSION.to_bytes(4, "little") + crc32(body).to_bytes(4, "little") + body


def from_bytes(data: bytes) -> s.SessionImage:
    """Undo `to_bytes`. Raises `NotAnImage`."""
    if data[:8] != MAGIC:
        raise NotAnImage("not an image made by pystap (stap -p4)")
    if int.from_bytes(data[8:12], "little") != s.FORMAT_VERSION:
        raise NotAnImage("an image made by another version of pystap")
    body = data[16:]
    if not body or crc32(body) != int.from_bytes(data[12:16], "little"):
        raise NotAnImage("a damaged image")
    start = 1 + body[0]
    tag = body[1:start].decode(errors="replace")
    if tag != sys.implementation.cache_tag:
        raise NotAnImage(f"an image made with another Python ({tag}, this is {sys.implementation.cache_tag})")
    try:
        image = _object(marshal.loads(memoryview(body)[start:]))
    except (KeyError, TypeError, ValueError, EOFError):
        raise NotAnImage("an image made by another version of pystap") from None
    assert isinstance(image, s.SessionImage)
    return image


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if type(value) is tuple:
        return tuple([_plain(item) for item in value])
    if type(value) is frozenset:
        return value
    name = type(value).__name__
    if name in _PLAIN:
        return [name, value.to_plain()]
    if name in _ENUMS:
        return [name, value.value]
    if name in _OBJECTS:
        return [name, *[_plain(getattr(value, field)) for field in value.__slots__]]
    raise TypeError(f"{name} cannot stand in an image")


def _object(value: Any) -> Any:
    if type(value) is tuple:
        return tuple([_object(item) for item in value])
    if type(value) is not list:
        return value
    name = value[0]
    if name in _PLAIN:
        return _PLAIN[name].from_plain(value[1])
    if name in _ENUMS:
        return _ENUMS[name](value[1])
    return _OBJECTS[name](*[_object(item) for item in value[1:]])
