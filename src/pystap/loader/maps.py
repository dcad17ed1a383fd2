"""BPF maps: creating them, their elements, per-CPU values, whole maps in batches, and mapped arrays."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct

from ..abi.image import MapKind, MapSpec
from ..lean import Iterator
from .errors import CAP_BPF, refusal
from .syscalls import ATTR_SIZE, Command, address, bpf, bpf_buffer, raise_memlock_limit

ANY, NOEXIST, EXIST = 0, 1, 2
"""Flags of `Map.update`: create or replace; create only; replace only."""

_NO_PREALLOC, _RDONLY_PROG, _MMAPABLE = 1 << 0, 1 << 7, 1 << 10
_BATCH = 4096
_ELEMENT = struct.Struct("<IIQQQ")
_BATCH_ATTR = struct.Struct("<QQQQIIQQ")
_BATCH_REFUSED = (errno.EINVAL, errno.EOPNOTSUPP, 524)


_possible_cpus: tuple[int, ...] = ()


def possible_cpus() -> tuple[int, ...]:
    """Return the numbers of all CPUs the kernel may ever use, from /sys/devices/system/cpu/possible.

    A per-CPU look-up returns one value for each of them, in this order.
    """
    global _possible_cpus
    if not _possible_cpus:
        with open("/sys/devices/system/cpu/possible", encoding="utf-8") as file:
            _possible_cpus = parse_cpu_list(file.read())
    return _possible_cpus


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Return the numbers in a CPU list such as "0-3,8"."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)


class Mapping:
    """A mapped array map: all of its values in this process's memory, shared with running programs.

    `memory` is the mmap object (slice it, or use `struct.unpack_from`), `words` its 64-bit signed words.
    """

    def __init__(self, fd: int, size: int) -> None:
        self.memory = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._view = memoryview(self.memory)
        self.words = self._view.cast("q")

    @property
    def address(self) -> int:
        """Where the mapping lies in this process."""
        anchor = ctypes.c_char.from_buffer(self.memory)
        result = ctypes.addressof(anchor)
        del anchor
        return result

    def close(self) -> None:
        if not self.memory.closed:
            self.words.release()
            self._view.release()
            self.memory.close()

    def __enter__(self) -> Mapping:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Map:
    """An open map. Keys and values are bytes of exactly `spec.key_size` and `spec.value_size`.

    Methods raise `OSError` for what the kernel refuses (E2BIG: the map is full), except where they say otherwise.
    Not for use by two threads at once: the element calls share their buffers.
    """

    def __init__(self, spec: MapSpec, fd: int) -> None:
        self.spec = spec
        self.fd = fd
        self.value_bytes = spec.value_size
        self._stride = (spec.value_size + 7) // 8 * 8
        if spec.kind.is_percpu:
            self.value_bytes = self._stride * len(possible_cpus())
        self._key = ctypes.create_string_buffer(max(8, spec.key_size))
        self._value = ctypes.create_string_buffer(max(8, self.value_bytes))
        self._next = ctypes.create_string_buffer(max(8, spec.key_size))
        self._attr = ctypes.create_string_buffer(ATTR_SIZE)
        self._mapping: Mapping | None = None
        self._batch_works = True

    def _call(self, command: Command, key: bytes | None, value_at: int, flags: int = 0) -> None:
        key_at = 0
        if key is not None:
            if len(key) != self.spec.key_size:
                raise ValueError(f"map {self.spec.name}: key of {len(key)} bytes, not {self.spec.key_size}")
            ctypes.memmove(self._key, key, len(key))
            key_at = ctypes.addressof(self._key)
        _ELEMENT.pack_into(self._attr, 0, self.fd, 0, key_at, value_at, flags)
        bpf_buffer(command, self._attr, _ELEMENT.size)

    def lookup(self, key: bytes) -> bytes | None:
        """Return the value, for a per-CPU map all CPUs' values in one piece (see `split`); None when absent."""
        try:
            self._call(Command.MAP_LOOKUP_ELEM, key, ctypes.addressof(self._value))
        except FileNotFoundError:
            return None
        return self._value.raw[: self.value_bytes]

    def split(self, value: bytes) -> list[bytes]:
        """Return the value of each possible CPU from what a look-up in a per-CPU map returned."""
        size = self.spec.value_size
        return [value[start : start + size] for start in range(0, len(value), self._stride)]

    def lookup_percpu(self, key: bytes) -> list[bytes] | None:
        """Return one value for each of `possible_cpus()`; None when the key is absent."""
        value = self.lookup(key)
        return None if value is None else self.split(value)

    def update(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Set an element. For a per-CPU map `value` is given once, for every CPU, or for all CPUs in one piece."""
        if self.spec.kind.is_percpu and len(value) == self.spec.value_size:
            value = value.ljust(self._stride, b"\0") * len(possible_cpus())
        if len(value) != self.value_bytes:
            raise ValueError(f"map {self.spec.name}: value of {len(value)} bytes, not {self.value_bytes}")
        ctypes.memmove(self._value, value, len(value))
        self._call(Command.MAP_UPDATE_ELEM, key, ctypes.addressof(self._value), flags)

    def delete(self, key: bytes) -> bool:
        """Remove an element; False when it was not there."""
        try:
            self._call(Command.MAP_DELETE_ELEM, key, 0)
        except FileNotFoundError:
            return False
        return True

    def lookup_and_delete(self, key: bytes) -> bytes | None:
        """Take an element out: atomically where the kernel can (hashes: 5.14), else by look-up, then delete."""
        try:
            self._call(Command.MAP_LOOKUP_AND_DELETE_ELEM, key, ctypes.addressof(self._value))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in _BATCH_REFUSED:
                raise
            value = self.lookup(key)
            return value if value is not None and self.delete(key) else None
        return self._value.raw[: self.value_bytes]

    def push(self, value: bytes) -> None:
        """Push onto a stack or queue map."""
        ctypes.memmove(self._value, value, len(value))
        self._call(Command.MAP_UPDATE_ELEM, None, ctypes.addressof(self._value))

    def pop(self) -> bytes | None:
        """Pop from a stack or queue map; None when it is empty."""
        try:
            self._call(Command.MAP_LOOKUP_AND_DELETE_ELEM, None, ctypes.addressof(self._value))
        except FileNotFoundError:
            return None
        return self._value.raw[: self.value_bytes]

    def next_key(self, key: bytes | None) -> bytes | None:
        """Return the key after `key` (None for the first); None at the end."""
        try:
            self._call(Command.MAP_GET_NEXT_KEY, key, ctypes.addressof(self._next))
        except FileNotFoundError:
            return None
        return self._next.raw[: self.spec.key_size]

    def keys(self) -> Iterator[bytes]:
        """Yield the keys one by one. An element deleted meanwhile makes the kernel start over: keys may repeat."""
        key = self.next_key(None)
        while key is not None:
            yield key
            key = self.next_key(key)

    def items(self) -> list[tuple[bytes, bytes]]:
        """Return all elements, read in batches where the kernel has them. Each key occurs once."""
        batched = self._batched(Command.MAP_LOOKUP_BATCH)
        if batched is not None:
            return batched
        seen: dict[bytes, bytes] = {}
        for key in self.keys():
            if key in seen:
                continue
            value = self.lookup(key)
            if value is not None:
                seen[key] = value
        return list(seen.items())

    def drain(self) -> list[tuple[bytes, bytes]]:
        """Take all elements out of a hash and return them.

        A program that writes meanwhile may lose an update between look-up and delete: drain idle maps.
        """
        batched = self._batched(Command.MAP_LOOKUP_AND_DELETE_BATCH)
        if batched is not None:
            return batched
        found: dict[bytes, bytes] = {}
        while (key := self.next_key(None)) is not None:
            value = self.lookup_and_delete(key)
            if value is not None:
                found[key] = value
        return list(found.items())

    def clear(self) -> None:
        """Remove all elements of a hash."""
        self.drain()

    def _batched(self, command: Command) -> list[tuple[bytes, bytes]] | None:
        """Run a batch command over the whole map; None where the kernel refuses it for this kind of map."""
        if not self._batch_works:
            return None
        try:
            return self._run_batches(command)
        except OSError as error:
            if error.errno not in _BATCH_REFUSED:
                raise
            self._batch_works = False
            return None

    def _run_batches(self, command: Command) -> list[tuple[bytes, bytes]]:
        size = self.spec.key_size
        width = self.value_bytes
        room = min(self.spec.max_entries, max(64, min(_BATCH, (1 << 22) // max(1, width))))
        keys, values = _batch_buffers(room, size, width)
        cursor = ctypes.create_string_buffer(max(8, size))
        started = False
        result: list[tuple[bytes, bytes]] = []
        while True:
            _BATCH_ATTR.pack_into(self._attr, 0, address(cursor) if started else 0, address(cursor), address(keys),
                                  address(values), room, self.fd, 0, 0)  # fmt: skip
            ended = False
            try:
                bpf_buffer(command, self._attr, _BATCH_ATTR.size)
            except OSError as error:
                if error.errno == errno.ENOSPC:  # one bucket of the hash holds more than there is room for
                    room *= 2
                    keys, values = _batch_buffers(room, size, width)
                    continue
                if error.errno != errno.ENOENT:
                    raise
                ended = True
            (count,) = struct.unpack_from("<I", self._attr, 32)
            key_data, value_data = keys.raw, values.raw
            result += [
                (key_data[i * size : i * size + size], value_data[i * width : i * width + width]) for i in range(count)
            ]
            started = True
            if ended:
                return result

    def freeze(self) -> None:
        """Make the map read-only for user space from now on (BPF_MAP_FREEZE)."""
        bpf(Command.MAP_FREEZE, struct.pack("<I", self.fd))

    def mapping(self) -> Mapping:
        """Return the mapped values of an mmapable array; mapped at the first call, closed with the map."""
        if self._mapping is None:
            page = mmap.PAGESIZE
            size = (self._stride * self.spec.max_entries + page - 1) // page * page
            try:
                self._mapping = Mapping(self.fd, size)
            except OSError as error:
                raise refusal(f"map the array {self.spec.name}", error.errno or 0, (CAP_BPF,)) from None
        return self._mapping

    def fileno(self) -> int:
        return self.fd

    def close(self) -> None:
        """Unmap and close; the map itself lives on while a loaded program uses it."""
        if self._mapping is not None:
            self._mapping.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Map:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _batch_buffers(
    room: int, key_size: int, value_bytes: int
) -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    return ctypes.create_string_buffer(room * key_size), ctypes.create_string_buffer(room * max(1, value_bytes))


def kernel_name(name: str) -> bytes:
    """Return an object name the kernel accepts: at most 15 letters, digits, `_` and `.`."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.") else "_" for c in name)[:15].encode()


def create_map(spec: MapSpec) -> Map:
    """Create a map, fill and freeze it as its spec says. Raises `KernelRefused`."""
    raise_memlock_limit()
    flags = (
        (_NO_PREALLOC if spec.no_prealloc else 0)
        | (_MMAPABLE if spec.mmapable else 0)
        | (_RDONLY_PROG if spec.frozen else 0)
    )
    attr = struct.pack("<IIIIIII16s", spec.kind, spec.key_size, spec.value_size, spec.max_entries, flags, 0, 0,
                       kernel_name(spec.name))  # fmt: skip
    try:
        fd = bpf(Command.MAP_CREATE, attr)
    except OSError as error:
        what = f"create the map {spec.name} ({MapKind(spec.kind).name.lower()}, {spec.max_entries} entries)"
        raise refusal(what, error.errno or 0, (CAP_BPF,)) from None
    created = Map(spec, fd)
    try:
        if spec.initial is not None and spec.kind == MapKind.STACK:
            created.push(spec.initial)
        elif spec.initial is not None:
            created.update(bytes(spec.key_size), spec.initial.ljust(spec.value_size, b"\0"))
        if spec.frozen:
            created.freeze()
    except OSError as error:
        created.close()
        raise refusal(f"fill the map {spec.name}", error.errno or 0, (CAP_BPF,)) from None
    return created
