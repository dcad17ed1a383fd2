"""The type information that the kernel wants for a program with callbacks.

A callback is accepted only in a program that names all of its functions: one INT type, a FUNC_PROTO for every number
of arguments, a FUNC for every function, and a `bpf_func_info` record that places each. All arguments are called long;
the verifier does not look at the types of static functions. (Kernel: Documentation/bpf/btf.rst.)
"""

from __future__ import annotations

import struct

from ..abi.image import FunctionInfo

_MAGIC, _INT, _FUNC, _FUNC_PROTO = 0xEB9F, 1, 12, 13
_SIGNED = 1
_STATIC, _GLOBAL = 0, 1


class _Builder:
    """Collects types and strings of a BTF blob; ids count from 1."""

    def __init__(self) -> None:
        self.types = bytearray()
        self.strings = bytearray(b"\0")
        self.count = 0

    def name(self, text: str) -> int:
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at

    def add(self, record: bytes) -> int:
        self.types += record
        self.count += 1
        return self.count

    def blob(self) -> bytes:
        header = struct.pack("<HBBIIIII", _MAGIC, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return header + bytes(self.types) + bytes(self.strings)


def function_btf(functions: tuple[FunctionInfo, ...]) -> tuple[bytes, bytes]:
    """Return the BTF blob for `functions` and the array of `struct bpf_func_info` (8 bytes each) that refers to it."""
    build = _Builder()
    long_type = build.add(struct.pack("<IIII", build.name("long"), _INT << 24, 8, _SIGNED << 24 | 64))
    argument = build.name("a")
    prototypes: dict[int, int] = {}
    records = bytearray()
    for function in functions:
        count = function.argument_count
        if count not in prototypes:
            arguments = struct.pack("<II", argument, long_type) * count
            prototypes[count] = build.add(struct.pack("<III", 0, _FUNC_PROTO << 24 | count, long_type) + arguments)
        linkage = _STATIC if function.is_static else _GLOBAL
        identifier = "".join(c if c.isalnum() or c == "_" else "_" for c in function.name)
        type_id = build.add(struct.pack("<III", build.name(identifier), _FUNC << 24 | linkage, prototypes[count]))
        records += struct.pack("<II", function.instruction, type_id)
    return build.blob(), bytes(records)
