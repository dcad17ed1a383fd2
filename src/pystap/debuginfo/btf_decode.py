"""From the words of one BTF record to the type that it describes (Documentation/bpf/btf.rst, "Type Encoding").

A record is three words (name offset; kind, flag and number of entries; size or type id) and then a body that depends on
the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .btf_types import (
    Array,
    BtfKind,
    BtfType,
    Const,
    DataSec,
    DeclTag,
    Enum,
    Enum64,
    Enumerator,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Member,
    Parameter,
    Ptr,
    Restrict,
    Struct,
    Typedef,
    TypeTag,
    Union,
    Var,
    VarInfo,
    Volatile,
)

Strings = Callable[[int], str]
"""Gives the string at an offset."""


def decode(record: Sequence[int], string: Strings) -> BtfType:
    """Return the type that a record describes. Raises `ValueError` for an unknown kind or a body of a wrong length."""
    name_at, info, extra = record[:3]
    name, length, flag, body = string(name_at), info & 0xFFFF, bool(info >> 31), record[3:]
    match BtfKind(info >> 24 & 31):
        case BtfKind.INT:
            return _integer(name, extra, body[0])
        case BtfKind.ARRAY:
            return Array(body[0], body[1], body[2])
        case BtfKind.STRUCT:
            return Struct(name, extra, tuple(_members(body, flag, string)))
        case BtfKind.UNION:
            return Union(name, extra, tuple(_members(body, flag, string)))
        case BtfKind.ENUM:
            return Enum(name, extra, flag, tuple(_enumerators(body, flag, string)))
        case BtfKind.ENUM64:
            return Enum64(name, extra, flag, tuple(_enumerators64(body, flag, string)))
        case BtfKind.FWD:
            return Fwd(name, flag)
        case BtfKind.FUNC:
            return Func(name, extra, length)
        case BtfKind.FUNC_PROTO:
            pairs = zip(body[::2], body[1::2], strict=True)
            return FuncProto(extra, tuple(Parameter(string(at), type_id) for at, type_id in pairs))
        case BtfKind.VAR:
            return Var(name, extra, body[0])
        case BtfKind.DATASEC:
            entries = zip(body[::3], body[1::3], body[2::3], strict=True)
            return DataSec(name, extra, tuple(VarInfo(*entry) for entry in entries))
        case BtfKind.DECL_TAG:
            return DeclTag(name, extra, -1 if body[0] == 0xFFFF_FFFF else body[0])
        case BtfKind.FLOAT:
            return Float(name, extra)
        case BtfKind.TYPEDEF:
            return Typedef(name, extra)
        case BtfKind.TYPE_TAG:
            return TypeTag(name, extra)
        case BtfKind.PTR:
            return Ptr(extra)
        case BtfKind.VOLATILE:
            return Volatile(extra)
        case BtfKind.CONST:
            return Const(extra)
        case BtfKind.RESTRICT:
            return Restrict(extra)
        case BtfKind.VOID:
            raise ValueError("a record without a kind")


def _integer(name: str, size: int, encoding: int) -> Int:
    flags = encoding >> 24
    return Int(name, size, encoding & 0xFF, encoding >> 16 & 0xFF, bool(flags & 1), bool(flags & 2), bool(flags & 4))


def _members(body: Sequence[int], with_bits: bool, string: Strings) -> Iterator[Member]:
    """With the record's flag set, a member's offset word holds the size of a bit field in its upper 8 bits."""
    for name, type_id, offset in zip(body[::3], body[1::3], body[2::3], strict=True):
        bits = offset >> 24 if with_bits else 0
        yield Member(string(name), type_id, offset & 0xFF_FFFF if with_bits else offset, bits)


def _enumerators(body: Sequence[int], signed: bool, string: Strings) -> Iterator[Enumerator]:
    for name, value in zip(body[::2], body[1::2], strict=True):
        yield Enumerator(string(name), value - (1 << 32) if signed and value >> 31 else value)


def _enumerators64(body: Sequence[int], signed: bool, string: Strings) -> Iterator[Enumerator]:
    for name, low, high in zip(body[::3], body[1::3], body[2::3], strict=True):
        value = low | high << 32
        yield Enumerator(string(name), value - (1 << 64) if signed and value >> 63 else value)
