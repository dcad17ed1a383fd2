"""C types of a BTF blob, as the compiler follows them (`program.c_types`)."""

from __future__ import annotations

from collections.abc import Sequence

from ..program.c_types import CKind, CMember, CType, pointer_to
from .btf import Btf
from .btf_types import Array, BtfKind, Enum, Enum64, Int, Ptr, Struct, Union

_KEYWORDS = {"struct": BtfKind.STRUCT, "union": BtfKind.UNION, "enum": BtfKind.ENUM}
_INTEGER_WORDS = {
    "char": "char", "signed char": "signed char", "unsigned char": "unsigned char",
    "short": "short int", "short int": "short int", "unsigned short": "short unsigned int",
    "unsigned short int": "short unsigned int", "int": "int", "signed": "int", "unsigned": "unsigned int",
    "unsigned int": "unsigned int", "long": "long int", "long int": "long int", "unsigned long": "long unsigned int",
    "unsigned long int": "long unsigned int", "long long": "long long int", "long long int": "long long int",
    "unsigned long long": "long long unsigned int", "unsigned long long int": "long long unsigned int",
}  # fmt: skip
"""How C may write the integer types -> how compilers name them in type information."""


_CALLED_NOW = {
    ("struct dentry", "d_iname"): ("d_shortname", "string"),  # 6.14; its header has a macro for the old name
    ("struct task_struct", "state"): ("__state",),  # 5.14
}
"""Members that scripts know by the names of older kernels, and where newer ones have them."""


class BtfLayout:
    """A `TypeLayout` over one blob; handles are type ids."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf
        self._types: dict[int, CType] = {}

    def type(self, type_id: int) -> CType:
        """Return a type by id."""
        found = self._types.get(type_id)
        if found is None:
            found = self._types[type_id] = self._described(type_id)
        return found

    def _described(self, type_id: int) -> CType:
        name, size = self.btf.c_name(type_id), self.btf.size_of(type_id)
        match self.btf.type(self.btf.resolve(type_id)):
            case Int(is_signed=signed, is_char=is_char, name=own):
                # BTF of GCC-built kernels does not set the char flag, and calls the types char, signed char ...
                return CType(self, type_id, name, CKind.INTEGER, size, signed, is_char or own.endswith("char"))
            case Enum(is_signed=signed) | Enum64(is_signed=signed):
                return CType(self, type_id, name, CKind.INTEGER, size, signed)
            case Ptr():
                return CType(self, type_id, name, CKind.POINTER, size)
            case Array():
                return CType(self, type_id, name, CKind.ARRAY, size)
            case Struct() | Union():
                return CType(self, type_id, name, CKind.COMPOSITE, size)
            case _:
                return CType(self, type_id, name, CKind.OTHER, size)

    def target(self, type_: CType) -> CType:
        found = self.btf.type(self.btf.resolve(type_.handle))
        assert isinstance(found, Ptr | Array), type_.name
        return self.type(found.type_id)

    def length(self, array: CType) -> int:
        found = self.btf.type(self.btf.resolve(array.handle))
        return found.length if isinstance(found, Array) else 0

    def member(self, composite: CType, name: str) -> CMember | None:
        found = self.btf.member(composite.handle, name)
        if found is not None:
            return CMember(name, self.type(found.type_id), found.offset, found.bits)
        path = _CALLED_NOW.get((composite.name, name))
        place = self.btf.member_path(composite.handle, path) if path is not None else None
        return CMember(name, self.type(place[1]), place[0], place[2]) if place is not None else None

    def members(self, composite: CType) -> Sequence[CMember]:
        found = self.btf.type(self.btf.resolve(composite.handle))
        if not isinstance(found, Struct | Union):
            return ()
        return [CMember(m.name, self.type(m.type_id), m.offset, m.bits) for m in found.members]

    def named(self, text: str) -> CType | None:
        """Return the type that C text names: `struct x`, `x`, `unsigned long`, each with `*`s; None when unknown."""
        base = text.rstrip("* \t")
        stars = text[len(base) :].count("*")
        words = [word for word in base.split() if word not in ("const", "volatile")]
        type_id = self._base_id(words)
        if type_id is None:
            return None
        found = self.type(type_id)
        for _ in range(stars):
            found = pointer_to(found)
        return found

    def _base_id(self, words: list[str]) -> int | None:
        if len(words) == 2 and words[0] in _KEYWORDS:
            return self.btf.find(words[1], _KEYWORDS[words[0]])
        name = " ".join(words)
        integer = _INTEGER_WORDS.get(name)
        if integer is not None:
            return self.btf.find(integer, BtfKind.INT)
        if name == "void":
            return 0
        if len(words) != 1:
            return None
        for kind in (BtfKind.STRUCT, BtfKind.UNION, BtfKind.TYPEDEF, BtfKind.ENUM, BtfKind.INT):
            found = self.btf.find(name, kind)
            if found is not None:
                return found
        return None
