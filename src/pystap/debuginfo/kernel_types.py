"""The layout of the running kernel's types, for expressions that follow members from a task or another struct."""

from __future__ import annotations

from collections.abc import Sequence

from ..program.extension import MemberLoad
from .btf import Btf
from .btf_types import Array, Enum, Enum64, Int, Ptr, Struct, Union


class KernelTypes:
    """A `TypeSource` over the kernel's BTF."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf

    def member_loads(self, type_name: str, path: Sequence[str | int]) -> list[MemberLoad]:
        """Return the loads that follow `path`; raises LookupError, also when the end is not an integer or a pointer."""
        loads, offset, type_id = self._follow(type_name, path)
        described = self.btf.type(type_id)
        match described:
            case Int(size=size, is_signed=signed):
                pass
            case Ptr():
                size, signed = 8, False
            case Enum(size=size, is_signed=signed) | Enum64(size=size, is_signed=signed):
                pass
            case _:
                raise LookupError(f"{type_name}{_text(path)} is not an integer")
        return [*loads, MemberLoad(offset, size, signed)]

    def member_address(self, type_name: str, path: Sequence[str | int]) -> tuple[list[MemberLoad], int]:
        """Return the pointer loads on the way along `path`, and the offset of the member behind the last of them."""
        loads, offset, _ = self._follow(type_name, path)
        return loads, offset

    def _follow(self, type_name: str, path: Sequence[str | int]) -> tuple[list[MemberLoad], int, int]:
        struct_id = self.btf.find_composite(type_name)
        if struct_id is None:
            raise LookupError(f"the kernel has no type {type_name}")
        loads: list[MemberLoad] = []
        offset, type_id = 0, struct_id
        for i, step in enumerate(path):
            described = self.btf.type(type_id)
            if isinstance(described, Ptr):
                loads.append(MemberLoad(offset, 8, False))
                offset, type_id = 0, self.btf.resolve(described.type_id)
                described = self.btf.type(type_id)
            match described, step:
                case ((Struct() | Union()), str(name)):
                    found = self.btf.member_path(type_id, (name,))
                    if found is None:
                        raise LookupError(f"{type_name}{_text(path[:i])} has no member {name}")
                    bits, member_type, _ = found
                    offset += bits // 8
                    type_id = self.btf.resolve(member_type)
                case Array(type_id=element), int(index):
                    type_id = self.btf.resolve(element)
                    offset += index * self.btf.size_of(type_id)
                case _:
                    raise LookupError(f"{type_name}{_text(path[:i])} cannot be followed by {step!r}")
        return loads, offset, type_id


def _text(path: Sequence[str | int]) -> str:
    return "".join(f"->{step}" if isinstance(step, str) else f"[{step}]" for step in path)
