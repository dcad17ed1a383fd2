"""From the ELF object that LLVM makes to programs that can be loaded.

    section "probe_1": probe_1 -> call helper_a (in .text), bpf_loop(callback_b (in .text))
    becomes one ProgramSpec with the code of probe_1, helper_a, callback_b in a row

Each function that has a section of its own is a program; it takes along the functions that it needs from any section
(also those that they need) and nothing else. References to symbols turn into `Relocation`s. Constant data (.rodata)
becomes a read-only array map. The reader knows what LLVM's BPF back end writes, no more of ELF.

Sources: the ELF-64 object file format; the BPF relocations R_BPF_64_64 (1) and R_BPF_64_32 (10) of LLVM's and the
kernel's documentation (Documentation/bpf/llvm_reloc.rst).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping

from ..abi.image import (
    MACHINE_PREFIX,
    FunctionInfo,
    MapKind,
    MapSpec,
    ProgramKind,
    ProgramSpec,
    Relocation,
    RelocationKind,
)
from ..records import dataclass, field, replace

_SHT_PROGBITS, _SHT_SYMTAB, _SHT_REL = 1, 2, 9
_SHF_EXECINSTR = 4
_STB_LOCAL = 0
_STT_FUNC, _STT_SECTION = 2, 3
_R_BPF_64_64, _R_BPF_64_32 = 1, 10
_CALL, _LOAD_IMMEDIATE = 0x85, 0x18
_PSEUDO_CALL, _PSEUDO_FUNC = 1, 4
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_REL = struct.Struct("<QQ")


class LinkError(Exception):
    """The object refers to something that nobody offers, or holds what this linker does not know."""


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    kind: int
    flags: int
    data: bytes
    info: int

    @property
    def is_code(self) -> bool:
        return self.kind == _SHT_PROGBITS and bool(self.flags & _SHF_EXECINSTR)

    @property
    def is_constant(self) -> bool:
        return self.name.startswith(".rodata")


@dataclass(frozen=True, slots=True)
class _Symbol:
    name: str
    section: int
    value: int
    size: int
    kind: int
    is_local: bool


@dataclass(frozen=True, slots=True)
class _Object:
    """A parsed object: `relocations` maps a section and an offset in it to a relocation type and a symbol."""

    sections: list[_Section]
    symbols: list[_Symbol]
    relocations: dict[tuple[int, int], tuple[int, _Symbol]]
    functions: dict[tuple[int, int], _Symbol] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkedObject:
    """The programs of an object, by the name of their entry function, and the maps with its constant data."""

    programs: dict[str, ProgramSpec]
    maps: tuple[MapSpec, ...]


def link_object(
    data: bytes,
    value_symbols: Collection[str],
    constants: Collection[str] = (),
    argument_counts: Mapping[str, int] | None = None,
    constant_data_name: str = "rodata",
) -> LinkedObject:
    """Turn an ELF object into programs; their kind is RAW_TRACEPOINT until the caller replaces it.

    `value_symbols` are the external symbols that mean the address of an array map's first value, `constants` those
    that mean a number given at load; every other external symbol means the map itself. `argument_counts` says how
    many arguments a function takes (callbacks of bpf_loop 2, of bpf_for_each_map_elem 4); 1 for those not named.
    Raises `LinkError`.
    """
    parsed = _parse(data)
    resolver = _Resolver(parsed, frozenset(value_symbols), frozenset(constants), constant_data_name)
    programs = {}
    for (section, offset), symbol in sorted(parsed.functions.items()):
        if parsed.sections[section].name != ".text":
            programs[symbol.name] = _program(resolver, (section, offset), argument_counts or {})
    return LinkedObject(programs, resolver.constant_maps())


def with_kind(
    spec: ProgramSpec, kind: ProgramKind, attach_btf_id: int = 0, attach_module: str = "", sleepable: bool = False
) -> ProgramSpec:
    """Return a linked program with what the ELF object cannot say: what it is attached to."""
    return replace(spec, kind=kind, attach_btf_id=attach_btf_id, attach_module=attach_module, sleepable=sleepable)


def _parse(data: bytes) -> _Object:
    if data[:6] != b"\x7fELF\x02\x01":
        raise LinkError("not a little-endian 64-bit ELF object")
    (table,) = struct.unpack_from("<Q", data, 40)
    entry_size, count, names_index = struct.unpack_from("<HHH", data, 58)
    headers = [_SECTION.unpack_from(data, table + index * entry_size) for index in range(count)]
    names_at = headers[names_index][4]
    sections = []
    symbols: list[_Symbol] = []
    for name_at, kind, flags, _, offset, size, link, info, _, _ in headers:
        content = data[offset : offset + size] if kind != 8 else b""
        sections.append(_Section(_text(data, names_at + name_at), kind, flags, content, info))
        if kind == _SHT_SYMTAB:
            symbols = _symbols(data, offset, size, headers[link][4])
    parsed = _Object(sections, symbols, {})
    for section in sections:
        if section.kind == _SHT_REL:
            for at, info in _REL.iter_unpack(section.data):
                parsed.relocations[section.info, at] = (info & 0xFFFF_FFFF, symbols[info >> 32])
    for symbol in symbols:
        if symbol.kind == _STT_FUNC and symbol.section:
            parsed.functions[symbol.section, symbol.value] = symbol
    return parsed


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def _symbols(data: bytes, offset: int, size: int, names_at: int) -> list[_Symbol]:
    return [
        _Symbol(_text(data, names_at + name_at), section, value, length, info & 15, info >> 4 == _STB_LOCAL)
        for name_at, info, _, section, value, length in _SYMBOL.iter_unpack(data[offset : offset + size])
    ]


@dataclass
class _Resolver:
    """Says for each instruction what it refers to: another function, or something that the loader fills in."""

    object: _Object
    value_symbols: frozenset[str]
    constants: frozenset[str]
    constant_data_name: str
    used_constant_sections: list[int] = field(default_factory=list)

    def callee(self, section: int, offset: int) -> tuple[int, int] | None:
        """Return the section and offset of the function that the instruction at `offset` refers to, if it does."""
        code = self.object.sections[section].data
        opcode, registers, _, immediate = struct.unpack_from("<BBhi", code, offset)
        found = self.object.relocations.get((section, offset))
        target: tuple[int, int] | None = None
        if found is None:
            if opcode == _CALL and registers >> 4 == _PSEUDO_CALL:
                target = (section, offset + 8 + immediate * 8)
        else:
            symbol = found[1]
            if opcode == _CALL:
                target = (symbol.section, symbol.value + ((immediate + 1) * 8 if symbol.kind == _STT_SECTION else 0))
            elif symbol.kind == _STT_FUNC:
                target = (symbol.section, symbol.value)
            elif symbol.kind == _STT_SECTION and self.object.sections[symbol.section].is_code:
                target = (symbol.section, symbol.value + immediate)
        if target is not None and target not in self.object.functions:
            raise LinkError(f"a call to something that is not a function: section {target[0]}, offset {target[1]}")
        return target

    def relocation(self, section: int, offset: int, at: int) -> Relocation | None:
        """Return what the loader must fill in for an instruction, which the program will have at offset `at`."""
        found = self.object.relocations.get((section, offset))
        if found is None:
            return None
        kind, symbol = found
        opcode, _, _, immediate = struct.unpack_from("<BBhi", self.object.sections[section].data, offset)
        if kind != _R_BPF_64_64 or opcode != _LOAD_IMMEDIATE:
            raise LinkError(f"relocation of type {kind} for {symbol.name or 'a section'} is not supported")
        if symbol.section and self.object.sections[symbol.section].is_constant:
            return Relocation(at, RelocationKind.MAP_VALUE, self._constant_map(symbol.section),
                              symbol.value + immediate)  # fmt: skip
        if symbol.section and self.object.sections[symbol.section].name != ".maps":
            where = self.object.sections[symbol.section].name
            raise LinkError(f"data in section {where} is not supported: {symbol.name}")
        if symbol.name in self.constants or symbol.name.startswith(MACHINE_PREFIX):
            return Relocation(at, RelocationKind.CONSTANT, symbol.name, immediate)
        if symbol.name in self.value_symbols:
            return Relocation(at, RelocationKind.MAP_VALUE, symbol.name, immediate)
        return Relocation(at, RelocationKind.MAP_FD, symbol.name)

    def _constant_map(self, section: int) -> str:
        if section not in self.used_constant_sections:
            self.used_constant_sections.append(section)
        return self._constant_map_name(section)

    def _constant_map_name(self, section: int) -> str:
        return self.constant_data_name + self.object.sections[section].name.removeprefix(".rodata")

    def constant_maps(self) -> tuple[MapSpec, ...]:
        """Return a read-only array for each section of constant data that a program refers to."""
        result = []
        for index in sorted(self.used_constant_sections):
            data = self.object.sections[index].data
            result.append(MapSpec(self._constant_map_name(index), MapKind.ARRAY, 4, len(data), 1, initial=data,
                                  frozen=True))  # fmt: skip
        return tuple(result)


def _closure(resolver: _Resolver, entry: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the functions that `entry` needs, itself first, in the order in which they are met."""
    order = [entry]
    for section, start in order:
        for offset in range(start, start + resolver.object.functions[section, start].size, 8):
            target = resolver.callee(section, offset)
            if target is not None and target not in order:
                order.append(target)
    return order


def _program(resolver: _Resolver, entry: tuple[int, int], argument_counts: Mapping[str, int]) -> ProgramSpec:
    functions = resolver.object.functions
    order = _closure(resolver, entry)
    code = bytearray()
    start_of: dict[tuple[int, int], int] = {}
    for section, start in order:
        start_of[section, start] = len(code)
        code += resolver.object.sections[section].data[start : start + functions[section, start].size]
    relocations: list[Relocation] = []
    for function in order:
        relocations += _fill_in(resolver, function, start_of, code)
    info = tuple(
        FunctionInfo(start_of[f] // 8, symbol.name, argument_counts.get(symbol.name, 1), symbol.is_local)
        for f, symbol in ((f, functions[f]) for f in order)
    )
    return ProgramSpec(
        functions[entry].name,
        ProgramKind.RAW_TRACEPOINT,
        bytes(code),
        tuple(relocations),
        info if len(info) > 1 else (),
    )


def _fill_in(
    resolver: _Resolver, function: tuple[int, int], start_of: Mapping[tuple[int, int], int], code: bytearray
) -> list[Relocation]:
    """Point the calls of one function at where their functions now are; return what is left to the loader."""
    section, start = function
    left = []
    for offset in range(start, start + resolver.object.functions[function].size, 8):
        at = start_of[function] + offset - start
        target = resolver.callee(section, offset)
        if target is None:
            wanted = resolver.relocation(section, offset, at)
            if wanted is not None:
                left.append(wanted)
                struct.pack_into("<i", code, at + 4, 0)
            continue
        source = _PSEUDO_CALL if code[at] == _CALL else _PSEUDO_FUNC
        code[at + 1] = code[at + 1] & 15 | source << 4
        struct.pack_into("<i", code, at + 4, (start_of[target] - at) // 8 - 1)
    return left
