"""What the compiler hands to the loader: maps and programs as plain data.

An image names things, it never holds file descriptors: a program refers to a map by symbol and the loader fills in the
descriptor (DESIGN.md, decision 5). So an image can be cached, saved and loaded later; `to_bytes` and `from_bytes` use
`marshal`, because a warm start reads one before it does anything else.
"""

from __future__ import annotations

import marshal

from ..lean import Any, IntEnum
from ..records import dataclass

FORMAT = 1
"""Raised whenever the layout of the plain tuples below changes; `from_bytes` refuses any other."""

POINT_CONSTANT = "point"
"""A constant that programs may wait for: the number of the place that this copy of a program is attached to."""


_LOAD_PREFIX = "loaded."


def load_constant(name: str) -> str:
    """Return the constant that stands for where something was loaded: the kernel (""), or "module:section"."""
    return _LOAD_PREFIX + name.encode().hex()


def loaded_name(symbol: str) -> str | None:
    """Undo `load_constant`; None for another symbol."""
    if not symbol.startswith(_LOAD_PREFIX):
        return None
    return bytes.fromhex(symbol[len(_LOAD_PREFIX) :]).decode()


MACHINE_PREFIX = "machine."
"""Begins the names of constants that the loader finds by itself (loader/machine.py)."""


class MapKind(IntEnum):
    """The kinds of BPF map in use. The values are `enum bpf_map_type` of the kernel's linux/bpf.h."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    STACK_TRACE = 7
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    QUEUE = 22
    STACK = 23
    RINGBUF = 27

    @property
    def is_percpu(self) -> bool:
        """Whether a look-up from user space returns one value for every possible CPU."""
        return self in (MapKind.PERCPU_HASH, MapKind.PERCPU_ARRAY, MapKind.LRU_PERCPU_HASH)

    @property
    def is_array(self) -> bool:
        """Whether the keys are the 32-bit indexes 0..max_entries-1, all always present."""
        return self in (MapKind.ARRAY, MapKind.PERCPU_ARRAY)


class ProgramKind(IntEnum):
    """What a program is attached to; the loader knows the kernel's program and attach types for each."""

    RAW_TRACEPOINT = 1
    TYPED_TRACEPOINT = 2
    """`tp_btf`: arguments are typed pointers that may be followed directly."""
    KPROBE = 3
    KPROBE_MULTI = 4
    PERF_EVENT = 5
    TRACEPOINT = 6
    FENTRY = 7
    FEXIT = 8
    UPROBE = 9
    UPROBE_MULTI = 10
    SYSCALL = 11
    """`BPF_PROG_TYPE_SYSCALL`: run on demand, may sleep."""
    NETFILTER = 12


class RelocationKind(IntEnum):
    """What the loader puts into a 64-bit load-immediate instruction."""

    MAP_FD = 1
    """A pointer to the map `symbol`, for helpers."""
    MAP_VALUE = 2
    """The address of byte `addend` of the first value of the array map `symbol`."""
    CONSTANT = 3
    """The 64-bit number that the caller of the loader gives for `symbol`, plus `addend`."""


@dataclass(frozen=True, slots=True)
class Relocation:
    """One place in a program's code that waits for its value: the instruction at byte `offset`."""

    offset: int
    kind: RelocationKind
    symbol: str
    addend: int = 0

    def to_plain(self) -> tuple[Any, ...]:
        return (self.offset, int(self.kind), self.symbol, self.addend)

    @staticmethod
    def from_plain(plain: tuple[Any, ...]) -> Relocation:
        offset, kind, symbol, addend = plain
        return Relocation(offset, RelocationKind(kind), symbol, addend)


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """A function inside a program: the index of its first instruction, its name and its number of arguments.

    Callbacks must be static (`is_static`); the kernel refuses a global one.
    """

    instruction: int
    name: str
    argument_count: int
    is_static: bool

    def to_plain(self) -> tuple[Any, ...]:
        return (self.instruction, self.name, self.argument_count, self.is_static)


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map to be created. Sizes in bytes; `max_entries` of a ring buffer is its size in bytes (a power of two pages).

    `initial` fills the first value of an array map; `frozen` makes it read-only for programs and user space after that.
    """

    name: str
    kind: MapKind
    key_size: int
    value_size: int
    max_entries: int
    mmapable: bool = False
    no_prealloc: bool = False
    initial: bytes | None = None
    frozen: bool = False

    def to_plain(self) -> tuple[Any, ...]:
        return (self.name, int(self.kind), self.key_size, self.value_size, self.max_entries, self.mmapable,
                self.no_prealloc, self.initial, self.frozen)  # fmt: skip

    @staticmethod
    def from_plain(plain: tuple[Any, ...]) -> MapSpec:
        return MapSpec(plain[0], MapKind(plain[1]), *plain[2:])


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A program to be loaded: eBPF instructions in `code` (8 bytes each, unrelocated) and what they wait for.

    `functions` lists every function in the order of its instructions when there is more than the entry function,
    and is empty otherwise. `attach_btf_id` is the BTF type that a typed tracepoint, fentry or fexit program belongs
    to, in the BTF of the kernel or of `attach_module`. `expected_attach_type` None means: what `kind` implies.
    """

    name: str
    kind: ProgramKind
    code: bytes
    relocations: tuple[Relocation, ...] = ()
    functions: tuple[FunctionInfo, ...] = ()
    attach_btf_id: int = 0
    attach_module: str = ""
    expected_attach_type: int | None = None
    sleepable: bool = False

    def to_plain(self) -> tuple[Any, ...]:
        return (self.name, int(self.kind), self.code, tuple(r.to_plain() for r in self.relocations),
                tuple(f.to_plain() for f in self.functions), self.attach_btf_id, self.attach_module,
                self.expected_attach_type, self.sleepable)  # fmt: skip

    @staticmethod
    def from_plain(plain: tuple[Any, ...]) -> ProgramSpec:
        name, kind, code, relocations, functions, *rest = plain
        return ProgramSpec(
            name,
            ProgramKind(kind),
            code,
            tuple(Relocation.from_plain(r) for r in relocations),
            tuple(FunctionInfo(*f) for f in functions),
            *rest,
        )


@dataclass(frozen=True, slots=True)
class TailCall:
    """An entry of a program array: `program` goes to `index` of the map `map`."""

    map: str
    index: int
    program: str


@dataclass(frozen=True, slots=True)
class ObjectImage:
    """Everything that one `load_image` puts into the kernel. Nothing in it is attached yet."""

    maps: tuple[MapSpec, ...]
    programs: tuple[ProgramSpec, ...]
    tail_calls: tuple[TailCall, ...] = ()

    def to_plain(self) -> tuple[Any, ...]:
        """Return nested tuples of numbers, strings and bytes, which `marshal` can write."""
        return (
            FORMAT,
            tuple(m.to_plain() for m in self.maps),
            tuple(p.to_plain() for p in self.programs),
            tuple((t.map, t.index, t.program) for t in self.tail_calls),
        )

    @staticmethod
    def from_plain(plain: tuple[Any, ...]) -> ObjectImage:
        """Undo `to_plain`. Raises `ValueError` for tuples of another format."""
        if not plain or plain[0] != FORMAT:
            raise ValueError("the image was written by another version")
        _, maps, programs, tail_calls = plain
        return ObjectImage(
            tuple(MapSpec.from_plain(m) for m in maps),
            tuple(ProgramSpec.from_plain(p) for p in programs),
            tuple(TailCall(*t) for t in tail_calls),
        )

    def to_bytes(self) -> bytes:
        return marshal.dumps(self.to_plain())

    @staticmethod
    def from_bytes(data: bytes) -> ObjectImage:
        """Undo `to_bytes`. Raises `ValueError` when `data` is not such an image."""
        try:
            plain = marshal.loads(data)
        except (EOFError, TypeError) as error:
            raise ValueError(f"not an image: {error}") from None
        if not isinstance(plain, tuple):
            raise ValueError("not an image")
        return ObjectImage.from_plain(plain)
