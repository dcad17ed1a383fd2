"""The layout of the running kernel's types, for expressions that follow members from a task or another struct."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

from ..program.c_types import CType
from ..program.extension import LoadAddress, MemberLoad, ProgramTypes
from .btf import Btf, BtfError
from .btf_layout import BtfLayout
from .btf_types import Array, BtfKind, DataSec, Enum, Enum64, Int, Parameter, Ptr, Struct, Union, Var

_TRACEPOINT_TYPE = "btf_trace_"
"""How the names of the types begin that the kernel has for its tracepoints."""


class KernelTypes:
    """A `TypeSource` over the kernel's BTF, and that of its modules when they are asked for."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf
        self.layout = BtfLayout(btf)
        self._modules: dict[str, BtfLayout | None] = {}
        self._tracepoints: dict[str, list[str]] = {}

    def layout_of(self, module: str) -> BtfLayout | None:
        """Return the types of a loaded module ("" or "kernel": of the kernel itself); None when it has no BTF."""
        if module in ("", "kernel"):
            return self.layout
        if module not in self._modules:
            try:
                self._modules[module] = BtfLayout(Btf.module(module, self.btf))
            except BtfError:
                self._modules[module] = None
        return self._modules[module]

    def named_type(self, name: str, module: str | None = None) -> CType:
        """Return the type that `@cast` names. Raises LookupError.

        `module` may name several, parted by colons, as SystemTap has it; a header ("kernel<linux/sched.h>") is looked
        up in the type information of what it is a header of.
        """
        for part in (module or "kernel").split(":"):
            layout = self.layout_of(part.partition("<")[0].replace("-", "_"))
            found = layout.named(name) if layout is not None else None
            if found is not None:
                return found
        raise LookupError(f"type definition '{name}' not found in '{module or 'kernel'}'")

    def enum_value(self, name: str, module: str | None = None) -> int | None:
        """Return the value of an enumeration constant; None when there is none of that name."""
        layout = self.layout_of(module or "")
        return layout.btf.enum_value(name) if layout is not None else None

    def variable(self, name: str) -> tuple[CType | None, bool]:
        """Return the type of a variable of the kernel, None when it is not known, and whether each CPU has its own.

        Most kernels' BTF has the per-CPU variables alone (pahole --btf_features=global_var has all).
        """
        found = self.btf.find(name, BtfKind.VAR)
        described = self.btf.type(found) if found is not None else None
        if found is None or not isinstance(described, Var):
            return None, False
        return self.layout.type(described.type_id), found in self._per_cpu

    @cached_property
    def _per_cpu(self) -> frozenset[int]:
        """The ids of the per-CPU variables."""
        section = self.btf.find(".data..percpu", BtfKind.DATASEC)
        described = self.btf.type(section) if section is not None else None
        return (
            frozenset(info.type_id for info in described.variables) if isinstance(described, DataSec) else frozenset()
        )

    def described(self, module: str, address: LoadAddress) -> ProgramTypes | None:
        """Return what debuginfo tells of the kernel ("") or a module, by its name or file; None when there is none."""
        from .dwarf_kernel import kernel_dwarf

        name = os.path.basename(module).partition(".ko")[0].replace("-", "_")
        found = kernel_dwarf(name, module if "/" in module else "", os.uname().release)
        return found.variables(address) if found is not None else None

    def program(self, module: str) -> ProgramTypes | None:
        """Return the types of the program or library that a module names by its path; None for what is no program."""
        for part in module.split(":"):
            is_kernel = part in ("", "kernel") or "<" in part or ".ko" in os.path.basename(part)
            if not is_kernel and self.layout_of(part.replace("-", "_")) is None:
                from .dwarf_programs import program_types

                found = program_types(part)
                if found is not None:
                    return found
        return None

    def function(self, name: str, module: str = "") -> tuple[list[tuple[str, CType]], CType] | None:
        """Return a function's parameters (name, type) and what it returns; None when type information lacks it."""
        layout = self.layout_of(module)
        found = layout.btf.function_prototype(name) if layout is not None else None
        if layout is None or found is None:
            return None
        return _named(layout, found.parameters), layout.type(found.type_id)

    def function_id(self, name: str, module: str = "") -> int | None:
        """Return the BTF id of a function; None when it has none."""
        layout = self.layout_of(module)
        return layout.btf.find(name, BtfKind.FUNC) if layout is not None else None

    def modules(self) -> list[str]:
        """Return the loaded modules that have type information."""
        try:
            return sorted(name for name in os.listdir("/sys/kernel/btf") if name != "vmlinux")
        except OSError:
            return []

    def tracepoint(self, name: str, module: str = "") -> list[tuple[str, CType]] | None:
        """Return the arguments of a tracepoint of the kernel or a module; None when there is none of that name.

        Names stand only in the function that calls the tracepoint's probes, `__traceiter_NAME`; where BTF lacks that
        (kernels before 5.10, some modules) they are arg1, arg2 ...
        """
        layout = self.layout_of(module)
        parameters = layout.btf.tracepoint_parameters(name) if layout is not None else None
        if layout is None or parameters is None:
            return None
        described = layout.btf.function_parameters(f"__traceiter_{name}")
        if described is not None and len(described) == len(parameters) + 1:
            parameters = described[1:]
        return _named(layout, parameters)

    def has_tracepoint(self, name: str, module: str = "") -> bool:
        """Tell whether the kernel or a module has a tracepoint."""
        if module and self.has_tracepoint(name):
            return name in self.tracepoint_names(
                module
            )  # the names of the kernel's types are those of its modules' too
        layout = self.layout_of(module)
        return layout is not None and layout.btf.has_name(_TRACEPOINT_TYPE + name)

    def tracepoint_names(self, module: str = "") -> list[str]:
        """Return the names of all tracepoints of the kernel itself or of a module, sorted."""
        if module not in self._tracepoints:
            layout = self.layout_of(module)
            typedefs = layout.btf.names(BtfKind.TYPEDEF) if layout is not None else ()
            names = {name.removeprefix(_TRACEPOINT_TYPE) for name, _ in typedefs if name.startswith(_TRACEPOINT_TYPE)}
            self._tracepoints[module] = sorted(names)
        return self._tracepoints[module]

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


def _named(layout: BtfLayout, parameters: Sequence[Parameter]) -> list[tuple[str, CType]]:
    """Return names and types; the `...` of a variadic function is left out."""
    return [
        (parameter.name or f"arg{number}", layout.type(parameter.type_id))
        for number, parameter in enumerate(parameters, 1)
        if parameter != Parameter("", 0)
    ]
