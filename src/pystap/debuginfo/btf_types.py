"""The types that BTF describes, one class per kind, and how C writes them. Type ids belong to the blob."""

from __future__ import annotations

from ..lean import Callable, IntEnum
from ..records import dataclass


class BtfKind(IntEnum):
    """`BTF_KIND_*` of linux/btf.h."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


@dataclass(frozen=True, slots=True)
class Void:
    """Type id 0."""


@dataclass(frozen=True, slots=True)
class Int:
    """`size` in bytes; `bits` and `bit_offset` tell where the value is inside them."""

    name: str
    size: int
    bits: int
    bit_offset: int
    is_signed: bool
    is_char: bool
    is_bool: bool


@dataclass(frozen=True, slots=True)
class Ptr:
    type_id: int


@dataclass(frozen=True, slots=True)
class Array:
    type_id: int
    index_type_id: int
    length: int


@dataclass(frozen=True, slots=True)
class Member:
    """`offset` in bits; `bits` is the size of a bit field and 0 for other members. The name may be empty."""

    name: str
    type_id: int
    offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    size: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Union:
    name: str
    size: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Enumerator:
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    size: int
    is_signed: bool
    values: tuple[Enumerator, ...]


@dataclass(frozen=True, slots=True)
class Enum64:
    name: str
    size: int
    is_signed: bool
    values: tuple[Enumerator, ...]


@dataclass(frozen=True, slots=True)
class Fwd:
    """A struct or union that is only declared."""

    name: str
    is_union: bool


@dataclass(frozen=True, slots=True)
class Typedef:
    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class Volatile:
    type_id: int


@dataclass(frozen=True, slots=True)
class Const:
    type_id: int


@dataclass(frozen=True, slots=True)
class Restrict:
    type_id: int


@dataclass(frozen=True, slots=True)
class Func:
    """`type_id` is its FuncProto; `linkage` 0 static, 1 global, 2 external."""

    name: str
    type_id: int
    linkage: int


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class FuncProto:
    """`type_id` is the type returned. A last parameter of type 0 without a name stands for `...`."""

    type_id: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Var:
    name: str
    type_id: int
    linkage: int


@dataclass(frozen=True, slots=True)
class VarInfo:
    """A variable's place in its section, in bytes."""

    type_id: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class DataSec:
    name: str
    size: int
    variables: tuple[VarInfo, ...]


@dataclass(frozen=True, slots=True)
class Float:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class DeclTag:
    """`component` is the index of the member or parameter that is tagged; -1 for the type itself."""

    name: str
    type_id: int
    component: int


@dataclass(frozen=True, slots=True)
class TypeTag:
    name: str
    type_id: int


BtfType = (
    Void | Int | Ptr | Array | Struct | Union | Enum | Enum64 | Fwd | Typedef | Volatile | Const | Restrict | Func
    | FuncProto | Var | DataSec | Float | DeclTag | TypeTag
)  # fmt: skip


def c_name(lookup: Callable[[int], BtfType], type_id: int) -> str:
    """Return the type's name as SystemTap's listings print it; `lookup` gives the type of an id."""
    return _declare(lookup, type_id, "")


def _declare(lookup: Callable[[int], BtfType], type_id: int, inner: str) -> str:
    """Write the type around `inner`, what C has already written next to the declared name ("*", "(*)(int)")."""
    match lookup(type_id):
        case Void():
            return _join("void", inner)
        case Struct(name=name):
            return _join(f"struct {name or '{...}'}", inner)
        case Union(name=name):
            return _join(f"union {name or '{...}'}", inner)
        case Enum(name=name) | Enum64(name=name):
            return _join(f"enum {name or '{...}'}", inner)
        case Fwd(name, is_union):
            return _join(f"{'union' if is_union else 'struct'} {name}", inner)
        case Int(name=name) | Float(name=name) | Typedef(name=name) | DataSec(name=name):
            return _join(name, inner)
        case Const(target):
            return _qualify(lookup, "const", target, inner)
        case Volatile(target):
            return _qualify(lookup, "volatile", target, inner)
        case Restrict(target):
            return _qualify(lookup, "restrict", target, inner)
        case Ptr(target):
            return _pointer(lookup, target, inner)
        case Array(target, _, length):
            return _declare(lookup, target, f"{inner}[{length}]")
        case FuncProto(returned, parameters):
            names = ", ".join(_parameter(lookup, p) for p in parameters) or "void"
            return _declare(lookup, returned, f"{inner}({names})")
        case Func(type_id=target) | Var(type_id=target) | TypeTag(type_id=target) | DeclTag(type_id=target):
            return _declare(lookup, target, inner)


def _join(name: str, inner: str) -> str:
    """Pointers and arrays stick to the type name; a qualified pointer or a function declarator stands apart."""
    return f"{name} {inner}" if inner.startswith("(") else name + inner


def _parameter(lookup: Callable[[int], BtfType], parameter: Parameter) -> str:
    return "..." if parameter == Parameter("", 0) else _declare(lookup, parameter.type_id, "")


def _qualify(lookup: Callable[[int], BtfType], word: str, target: int, inner: str) -> str:
    """A qualified pointer has the word behind its star, everything else before its name."""
    found = target
    while isinstance(behind := lookup(found), TypeTag):
        found = behind.type_id
    if isinstance(behind, Ptr):
        return _pointer(lookup, behind.type_id, f" {word}{inner}")
    return f"{word} {_declare(lookup, target, inner)}"


def _pointer(lookup: Callable[[int], BtfType], target: int, inner: str) -> str:
    behind = lookup(target)
    while isinstance(behind, TypeTag):
        behind = lookup(behind.type_id)
    if isinstance(behind, FuncProto | Array):
        return _declare(lookup, target, f"(*{inner})")
    return _declare(lookup, target, f"*{inner}")
