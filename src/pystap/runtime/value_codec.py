"""Keys and values of globals between map bytes and Python (abi/map_layout.py), and the sums of their parts."""

from __future__ import annotations

import struct

from ..lean import TYPE_CHECKING, Any
from ..loader.maps import Map
from ..program.types import Type, buffer_size
from ..user.arithmetic import wrap
from ..user.arrays import ScriptArray
from ..user.globals import Globals, new_statistic
from ..user.statistics import Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..abi.session_image import GlobalLayout, KeyRendering

Value = int | str | Statistic
Elements = dict[Any, Any]
"""Elements of an array by key (the value itself for one key column, else a tuple); a keyless statistic has key ()."""


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("latin-1")


def _stored_columns(layout: GlobalLayout) -> list[tuple[Type, int]]:
    """Return the type and width of each column of the keys that the maps have."""
    renderings = {rendering.column: rendering for rendering in layout.renderings}
    columns: list[tuple[Type, int]] = []
    for index, column in enumerate(zip(layout.key_types, layout.key_widths, strict=True)):
        rendering = renderings.get(index)
        columns += zip(rendering.types, rendering.widths, strict=True) if rendering is not None else [column]
    return columns


class ValueCodec:
    """Reads and writes the keys and values of one global."""

    def __init__(self, layout: GlobalLayout) -> None:
        self._layout = layout
        self._is_array = layout.is_array
        self._functions: Mapping[str, Callable[..., object]] = {}
        self._texts: dict[tuple[int, tuple[Any, ...]], object] = {}
        stored = _stored_columns(layout)
        sizes = [buffer_size(w) if kind is Type.STRING else 0 for kind, w in stored]
        self._strings = [index for index, size in enumerate(sizes) if size]
        self._key = struct.Struct("=" + "".join(f"{size}s" if size else "q" for size in sizes))
        self._columns = len(sizes)
        self._value_struct: struct.Struct | None = None
        match layout.type:
            case Type.STATISTIC:
                probe = new_statistic(layout)
                self._head = 6 if layout.reads_variance else 4
                words = self._head + sum(len(counts) for counts in probe.buckets.values())
                self._value_struct = struct.Struct(f"={words}q")
                self.value_size = 8 * words
            case Type.STRING:
                self.value_size = buffer_size(layout.width)
            case _:
                self.value_size = 8

    # keys

    def decode_key(self, raw: bytes) -> Any:
        if not self._is_array:
            return ()
        parts: list[Any] = list(self._key.unpack(raw))
        for index in self._strings:
            parts[index] = _text(parts[index])
        if self._layout.renderings:
            parts = self._rendered(parts)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def use_functions(self, functions: Mapping[str, Callable[..., object]]) -> None:
        """Take the functions of the generated code, which make the texts of rendered key columns."""
        self._functions = functions

    def _rendered(self, stored: list[Any]) -> list[Any]:
        """Return the key with texts in place of what is stored for them."""
        columns: list[Any] = []
        renderings = {rendering.column: rendering for rendering in self._layout.renderings}
        for column in range(len(self._layout.key_types)):
            rendering = renderings.get(column)
            count = len(rendering.types) if rendering is not None else 1
            values, stored = tuple(stored[:count]), stored[count:]
            columns.append(values[0] if rendering is None else self._text_of(rendering, values))
        return columns

    def _text_of(self, rendering: KeyRendering, values: tuple[Any, ...]) -> object:
        known = self._texts.get((rendering.column, values))
        if known is None:
            known = self._texts[rendering.column, values] = self._functions[rendering.function](*values)
        return known

    def encode_key(self, key: Any) -> bytes:
        if not self._is_array:
            return bytes(4)  # entry 0 of an array map
        parts = [key] if self._columns == 1 else list(key)
        for index in self._strings:
            parts[index] = parts[index].encode("latin-1", "replace")
        return self._key.pack(*parts)

    # values

    def decode(self, raw: bytes) -> Value:
        """Return the value of one CPU's piece, or of a map that has only one."""
        match self._layout.type:
            case Type.STATISTIC:
                return self._statistic(raw)
            case Type.STRING:
                return _text(raw)
            case _:
                return int.from_bytes(raw[:8], "little", signed=True)

    def _statistic(self, raw: bytes) -> Statistic:
        assert self._value_struct is not None
        words = self._value_struct.unpack_from(raw)
        result = new_statistic(self._layout)
        result.count, result.sum, result.low, result.high = words[:4]
        if self._head == 6:
            result.mean, result.distance = words[4:6]
        start = self._head
        for shape, counts in result.buckets.items():
            result.buckets[shape] = list(words[start : start + len(counts)])
            start += len(counts)
        return result

    def encode(self, value: Value) -> bytes:
        """Return the bytes of a value."""
        if isinstance(value, int):
            return value.to_bytes(8, "little", signed=True)
        if isinstance(value, str):
            return value.encode("latin-1", "replace").ljust(self.value_size, b"\0")
        assert self._value_struct is not None
        head = (value.count, value.sum, value.low, value.high, value.mean, value.distance)[: self._head]
        buckets = [count for counts in value.buckets.values() for count in counts]
        return self._value_struct.pack(*head, *buckets)

    def encode_for(self, target: Map, value: Value) -> bytes:
        """Return what `Map.update` takes: for a per-CPU map the first CPU gets the value, the others nothing."""
        raw = self.encode(value)
        if not target.spec.kind.is_percpu:
            return raw
        return raw.ljust(target.value_bytes, b"\0")

    def same(self, a: Value, b: Value) -> bool:
        """Return whether two values are equal."""
        if isinstance(a, Statistic) and isinstance(b, Statistic):
            return self.encode(a) == self.encode(b)
        return a == b

    # whole maps

    def read_map(self, source: Map) -> Elements:
        """Return all elements of a map, the parts of the CPUs summed up."""
        return self._elements(source, self._rows(source))

    def take_map(self, source: Map) -> Elements:
        """Take all elements out of a map that no program uses now."""
        if self._is_array:
            return self._elements(source, source.drain())
        elements = self.read_map(source)
        source.update(bytes(4), bytes(source.spec.value_size))
        return elements

    def _rows(self, source: Map) -> list[tuple[bytes, bytes]]:
        if self._is_array:
            return source.items()
        value = source.lookup(bytes(4))
        return [] if value is None else [(bytes(4), value)]

    def _elements(self, source: Map, rows: list[tuple[bytes, bytes]]) -> Elements:
        decode, decode_key = self.decode, self.decode_key
        if not source.spec.kind.is_percpu:
            return {decode_key(key): decode(value) for key, value in rows}
        result: Elements = {}
        if self._layout.type is Type.LONG:
            words = struct.Struct(f"={source.value_bytes // 8}q")
            if not self._layout.renderings:
                return {decode_key(key): wrap(sum(words.unpack(value))) for key, value in rows}
            for key, value in rows:
                merge_elements(result, {decode_key(key): wrap(sum(words.unpack(value)))})
            return result
        for key, value in rows:
            total = new_statistic(self._layout)
            total.merge([self._statistic(part) for part in source.split(value)])
            if total.count or self._is_array:
                merge_elements(result, {decode_key(key): total})
        return result

    def remove(self, target: Map, key: Any) -> None:
        """Remove an element; a keyless statistic is reset."""
        if self._is_array:
            target.delete(self.encode_key(key))
        else:
            target.update(bytes(4), bytes(target.spec.value_size))

    # the Python side

    def get(self, values: Globals, name: str) -> Elements:
        """Return the elements that generated code sees: the array's own dictionary."""
        value = getattr(values, name)
        if isinstance(value, ScriptArray):
            return value.elements
        return {(): value}

    def set(self, values: Globals, name: str, elements: Elements) -> None:
        """Make `elements` what generated code sees."""
        value = getattr(values, name)
        if isinstance(value, ScriptArray):
            value.elements = elements
        else:
            setattr(values, name, elements[()] if () in elements else new_statistic(self._layout))


def copied(elements: Elements) -> Elements:
    """Return a copy whose statistics are copies too."""
    return {key: value.copy() if isinstance(value, Statistic) else value for key, value in elements.items()}


def merge(a: Value, b: Value) -> Value:
    """Return the sum of two parts of a value; a statistic `a` takes in `b`."""
    if isinstance(a, Statistic) and isinstance(b, Statistic):
        a.merge([b])
        return a
    if isinstance(a, int) and isinstance(b, int):
        return wrap(a + b)
    return b


def merge_elements(into: Elements, other: Elements) -> None:
    """Add the elements of `other` to those of `into`; statistics of `other` may become part of `into`."""
    for key, value in other.items():
        into[key] = merge(into[key], value) if key in into else value


def unmerge(total: Value, part: Value | None) -> Value | None:
    """Return what has to be merged with `part` to give `total`; None when that is nothing."""
    if isinstance(total, int):
        difference = wrap(total - part) if isinstance(part, int) else total
        return difference if difference or part is None else None
    if not isinstance(total, Statistic) or not isinstance(part, Statistic):
        return total
    if total.count == part.count:
        return None
    rest = total.copy()
    rest.count = total.count - part.count
    rest.sum = wrap(total.sum - part.sum)
    rest.mean = (rest.sum << rest.shift) // rest.count
    between = rest.count * (rest.mean - total.mean) ** 2
    rest.distance = wrap(total.distance - part.distance_from(total.mean) - between)
    for shape, counts in rest.buckets.items():
        rest.buckets[shape] = [a - b for a, b in zip(counts, part.buckets[shape], strict=True)]
    return rest
