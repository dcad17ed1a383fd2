"""BTF, the kernel's own compact type information (Documentation/bpf/btf.rst), read lazily.

A blob holds a section of type records, numbered from 1 in order, and a section of strings. The numbers are nowhere in
the file, so finding one means having walked all records before it: `_Positions` does that as far as it is needed, all
126,000 types of a kernel in some 15 ms; what most scripts need stands at the beginning. Names are found by searching
the string section, then the type section, for bytes; no table of names is built.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from .btf_decode import decode
from .btf_types import (
    Array,
    BtfKind,
    BtfType,
    Const,
    DataSec,
    Enum,
    Enum64,
    Float,
    Func,
    FuncProto,
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
    Void,
    Volatile,
    c_name,
)

KERNEL_BTF = "/sys/kernel/btf"
_MAGIC = 0xEB9F
_FIXED_WORDS = {1: 4, 3: 6, 14: 4, 17: 4}
_WORDS_PER_ENTRY = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}
_MOST_SEARCHES = 16
_STRETCH, _FAR = 1 << 14, 1 << 16
"""Words: how far the records are walked at least for one that is looked up by its number; more than a few steps."""
Words = Sequence[int]
Data = bytes | mmap.mmap
_MEMBERS_FOLLOWED = (Typedef, Const, Volatile, Restrict, TypeTag)


class BtfError(Exception):
    """There is no BTF, or it is not well-formed."""


class _Steps(dict[int, int]):
    """The length in words of a type record by its info word; a kernel has some hundred different ones."""

    def __missing__(self, info: int) -> int:
        kind = info >> 24 & 31
        if not 1 <= kind <= 19:
            raise BtfError(f"unknown type kind {kind}")
        step = _FIXED_WORDS.get(kind) or 3 + _WORDS_PER_ENTRY.get(kind, 0) * (info & 0xFFFF)
        self[info] = step
        return step


class _Positions:
    """The position, in words, of the info word of each type record, in order: walked as far as they are asked for."""

    def __init__(self, words: memoryview) -> None:
        self._words: memoryview | array[int] = words
        self._found = array("I")
        self._next = 1
        self._steps = _Steps()

    def all(self) -> array[int]:
        """Return all. Raises BtfError."""
        self._walk(len(self._words))
        return self._found

    def at(self, index: int) -> int | None:
        """Return the position of the record of an index; None when there are not so many. Raises BtfError."""
        while index >= len(self._found) and self._next < len(self._words):
            self._walk(self._next + _STRETCH)
        return self._found[index] if 0 <= index < len(self._found) else None

    def index(self, position: int) -> int | None:
        """Return the index of the record at a position; None when none begins there. Raises BtfError."""
        if self._next <= position:
            self._walk(position + 1)
        index = bisect_left(self._found, position)
        return index if index < len(self._found) and self._found[index] == position else None

    def _walk(self, end: int) -> None:
        """Walk to a position, or to the end: 0.11 us a record."""
        if end - self._next > _FAR and isinstance(self._words, memoryview):
            words = array("I")  # quicker to index, slower to make
            words.frombytes(self._words.cast("B"))
            self._words = words
        steps, at, add, own, end = self._steps, self._next, self._found.append, self._words, min(end, len(self._words))
        try:
            while at < end:
                add(at)
                at += steps[own[at]]
        except IndexError:
            raise BtfError("a type record is cut short") from None
        self._next = at


class Btf:
    """One BTF blob. With `base`, a module's blob, whose type ids and string offsets go on where the kernel's end.

    Lookups return None for what is not there; broken data raises `BtfError`.
    """

    def __init__(self, data: Data, base: Btf | None = None) -> None:
        if len(data) < 24:
            raise BtfError("BTF is cut short")
        magic, _, _, header, type_at, type_size, string_at, string_size = struct.unpack_from("<HBBIIIII", data)
        if magic != _MAGIC:
            raise BtfError("not BTF")
        self._base = base
        self._data = data
        self._types_at: int = header + type_at
        self._types_end: int = self._types_at + type_size
        self._strings_at: int = header + string_at
        self._strings_end: int = self._strings_at + string_size
        self._string_base: int = base.string_bytes if base else 0
        self._id_base: int = base.count if base else 1
        self._words_cache: memoryview | None = None
        self._positions_cache: _Positions | None = None
        self._types: dict[int, BtfType] = {}
        self._found: dict[tuple[str, BtfKind], int | None] = {}
        self._searches: dict[BtfKind, int] = {}
        self._by_name: dict[BtfKind, dict[str, int]] = {}

    @staticmethod
    def kernel() -> Btf:
        """Return the running kernel's BTF. Raises `BtfError` when it has none."""
        return Btf(_read(f"{KERNEL_BTF}/vmlinux"))

    @staticmethod
    def module(name: str, base: Btf) -> Btf:
        """Return the BTF of a loaded kernel module, on top of the kernel's. Raises `BtfError` when it has none."""
        return Btf(_read(f"{KERNEL_BTF}/{name}"), base)

    # -- records ------------------------------------------------------------------------------------------------

    @property
    def string_bytes(self) -> int:
        """How long the strings are, those of the base included: where a module's string offsets start."""
        return self._string_base + self._strings_end - self._strings_at

    @property
    def count(self) -> int:
        """One more than the highest type id, those of the base included."""
        return self._id_base + len(self._positions.all())

    @property
    def _words(self) -> memoryview:
        if self._words_cache is None:
            self._words_cache = memoryview(self._data)[self._types_at : self._types_end].cast("I")
        return self._words_cache

    @property
    def _positions(self) -> _Positions:
        if self._positions_cache is None:
            self._positions_cache = _Positions(self._words)
        return self._positions_cache

    def string(self, offset: int) -> str:
        """Return the string at an offset; the empty string at 0."""
        if offset < self._string_base and self._base is not None:
            return self._base.string(offset)
        at = self._strings_at + offset - self._string_base
        return self._data[at : self._data.find(b"\0", at)].decode(errors="replace")

    # -- names --------------------------------------------------------------------------------------------------

    def find(self, name: str, kind: BtfKind) -> int | None:
        """Return the id of the first type of that kind and name; None when there is none."""
        key = (name, kind)
        if key not in self._found:
            found = self._base.find(name, kind) if self._base else None
            self._found[key] = self._find_here(name, kind) if found is None else found
        return self._found[key]

    def has_name(self, name: str) -> bool:
        """Tell whether anything has that name, without looking at the records: for names that only one kind has."""
        return next(self._string_offsets(name), None) is not None

    def _find_here(self, name: str, kind: BtfKind) -> int | None:
        """Search for a name; who asks for many names of a kind gets a table of them (0.1 s), a search takes 3 ms."""
        searches = self._searches[kind] = self._searches.get(kind, 0) + 1
        if searches > _MOST_SEARCHES:
            if kind not in self._by_name:
                table: dict[str, int] = {}
                for known, type_id in self.names(kind):
                    table.setdefault(known, type_id)
                self._by_name[kind] = table
            return self._by_name[kind].get(name)
        for offset in self._string_offsets(name):
            found = self._record_named(offset, kind)
            if found is not None:
                return found
        return None

    def _string_offsets(self, name: str) -> Iterator[int]:
        """Yield the offsets under which this blob's records may refer to `name`."""
        if self._base is not None:
            yield from self._base._string_offsets(name)
        wanted = name.encode()
        at = self._data.find(b"\0" + wanted + b"\0", self._strings_at, self._strings_end)
        if at >= 0:
            yield at + 1 - self._strings_at + self._string_base
        elif self._data[self._strings_at : self._strings_at + len(wanted) + 1] == wanted + b"\0":
            yield self._string_base

    def _record_named(self, name_offset: int, kind: BtfKind) -> int | None:
        """Return the id of the first record of a kind with that name: search its bytes, check that a record starts."""
        pattern = struct.pack("<I", name_offset)
        at = self._types_at - 1
        while (at := self._data.find(pattern, at + 1, self._types_end)) >= 0:
            word, odd = divmod(at - self._types_at, 4)
            if odd or at + 8 > self._types_end or self._data[at + 7] & 31 != kind:
                continue
            index = self._positions.index(word + 1)
            if index is not None:
                return self._id_base + index
        return None

    def names(self, kind: BtfKind) -> Iterator[tuple[str, int]]:
        """Yield name and id of every named type of one kind, in the order of ids, this blob's own only."""
        words = self._words
        for index, at in enumerate(self._positions.all()):
            if words[at] >> 24 & 31 == kind and words[at - 1]:
                yield self.string(words[at - 1]), self._id_base + index

    # -- types --------------------------------------------------------------------------------------------------

    def type(self, type_id: int) -> BtfType:
        """Return a type by id; id 0 is void. Raises `BtfError` for an id that does not exist."""
        if type_id < self._id_base:
            return self._base.type(type_id) if self._base else Void()
        known = self._types.get(type_id)
        if known is None:
            known = self._types[type_id] = self._decode(type_id)
        return known

    def _decode(self, type_id: int) -> BtfType:
        at = self._positions.at(type_id - self._id_base)
        if at is None:
            raise BtfError(f"there is no type {type_id}")
        words = self._words
        record = words[at - 1 : at + _Steps()[words[at]] - 1]
        try:
            return decode(record, self.string)
        except ValueError as error:
            raise BtfError(f"type {type_id}: {error}") from None

    # -- what is asked of types ---------------------------------------------------------------------------------

    def resolve(self, type_id: int) -> int:
        """Return the id behind typedefs, const, volatile, restrict and type tags."""
        while isinstance(found := self.type(type_id), _MEMBERS_FOLLOWED):
            type_id = found.type_id
        return type_id

    def size_of(self, type_id: int) -> int:
        """Return the size of a type in bytes; 0 for void, functions and types that are only declared."""
        match self.type(self.resolve(type_id)):
            case Ptr():
                return 8
            case Array(element, _, length):
                return length * self.size_of(element)
            case Int(size=size) | Float(size=size) | Struct(size=size) | Union(size=size):
                return size
            case Enum(size=size) | Enum64(size=size) | DataSec(size=size):
                return size
            case Var(type_id=inner):
                return self.size_of(inner)
            case _:
                return 0

    def find_composite(self, name: str) -> int | None:
        """Return the id of the struct, union or typedef called `name` (structs first); None when there is none."""
        for kind in (BtfKind.STRUCT, BtfKind.UNION, BtfKind.TYPEDEF):
            found = self.find(name, kind)
            if found is not None:
                return found
        return None

    def member(self, struct_id: int, name: str) -> Member | None:
        """Return a member by name, also one inside anonymous members; its offset is from the start of `struct_id`."""
        found = self.type(self.resolve(struct_id))
        if not isinstance(found, Struct | Union):
            return None
        for member in found.members:
            if member.name == name:
                return member
        for member in found.members:
            if not member.name:
                inner = self.member(member.type_id, name)
                if inner is not None:
                    return Member(name, inner.type_id, member.offset + inner.offset, inner.bits)
        return None

    def member_path(self, struct_id: int, names: tuple[str, ...]) -> tuple[int, int, int] | None:
        """Follow member names through nested structs (not through pointers).

        Returns the offset in bits from the start of `struct_id`, the type id of the last member and its size in bits
        if it is a bit field, else 0. None when a name is not there.
        """
        offset, type_id, bits = 0, struct_id, 0
        for name in names:
            found = self.member(type_id, name)
            if found is None:
                return None
            offset, type_id, bits = offset + found.offset, found.type_id, found.bits
        return offset, type_id, bits

    def member_names(self, struct_id: int) -> tuple[str, ...]:
        """Return the names of all members, those inside anonymous members included, in order."""
        found = self.type(self.resolve(struct_id))
        names: list[str] = []
        if isinstance(found, Struct | Union):
            for member in found.members:
                names.extend((member.name,) if member.name else self.member_names(member.type_id))
        return tuple(names)

    def function_prototype(self, name: str) -> FuncProto | None:
        """Return the prototype of a kernel function; None when BTF does not have the function."""
        found = self.find(name, BtfKind.FUNC)
        return None if found is None else self._prototype(found)

    def function_parameters(self, name: str) -> tuple[Parameter, ...] | None:
        """Return the parameters of a kernel function, in order; None when BTF does not have the function."""
        prototype = self.function_prototype(name)
        return None if prototype is None else prototype.parameters

    def tracepoint_parameters(self, name: str) -> tuple[Parameter, ...] | None:
        """Return a tracepoint's arguments, without the hidden first one; None for a tracepoint that BTF lacks.

        The kernel describes tracepoint NAME by a typedef `btf_trace_NAME` of a pointer to a function.
        """
        found = self.find("btf_trace_" + name, BtfKind.TYPEDEF)
        prototype = None if found is None else self._prototype(found)
        return None if prototype is None else prototype.parameters[1:]

    def _prototype(self, type_id: int) -> FuncProto | None:
        found = self.type(self.resolve(type_id))
        while isinstance(found, Func | Ptr):
            found = self.type(self.resolve(found.type_id))
        return found if isinstance(found, FuncProto) else None

    def enum_value(self, name: str) -> int | None:
        """Return the value of an enumeration constant of any enum; None when there is none of that name."""
        for kind in (BtfKind.ENUM, BtfKind.ENUM64):
            value = self._enum_value(name, kind)
            if value is not None:
                return value
        return self._base.enum_value(name) if self._base else None

    def _enum_value(self, name: str, kind: BtfKind) -> int | None:
        positions, words = self._positions.all(), self._words
        for offset in self._string_offsets(name):
            pattern = struct.pack("<I", offset)
            at = self._types_at - 1
            while (at := self._data.find(pattern, at + 1, self._types_end)) >= 0:
                word, odd = divmod(at - self._types_at, 4)
                index = bisect_left(positions, word) - 1
                if odd or index < 0 or words[positions[index]] >> 24 & 31 != kind:
                    continue
                found = self.type(self._id_base + index)
                if isinstance(found, Enum | Enum64):
                    for enumerator in found.values:
                        if enumerator.name == name:
                            return enumerator.value
        return None

    def c_name(self, type_id: int) -> str:
        """Return a type as SystemTap's listings print it: `struct file*`, `const char*`, `long unsigned int`."""
        return c_name(self.type, type_id)


def _read(path: str) -> Data:
    """Return a BTF file: mapped where the kernel can (6.16), else read, which sysfs does a page at a time."""
    try:
        with open(path, "rb", buffering=0) as file:
            try:
                return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
            except (OSError, ValueError):
                return file.readall()
    except OSError as error:
        raise BtfError(f"this kernel offers no type information: {path}: {error.strerror}") from None


__all__ = ["Btf", "BtfError", "BtfKind", "BtfType", "Member", "Parameter"]
