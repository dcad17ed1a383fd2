"""The maps of a program: those of abi/map_layout, the ring buffer, scratch memory."""

from __future__ import annotations

import struct

from ..abi.event_layout import EVENTS_MAP
from ..abi.image import MapKind, MapSpec
from ..abi.map_layout import ADDS_MAP, CONTROL_MAP, GLOBALS_MAP, MapLayout, key_size, perf_counter_map, value_size
from ..abi.process_map import WATCHED_MAP
from ..program.attach import perf_counters
from ..program.program import ElaboratedProgram
from ..program.symbols import Global, StorageKind
from ..program.types import Type, wrap_long
from . import locks, scratch, stacks
from .context import ProgramContext
from .process_tracking import process_maps

VALUE_MAPS = (CONTROL_MAP, GLOBALS_MAP, ADDS_MAP, WATCHED_MAP)
"""Maps whose first value programs address directly; others are named in helper calls."""

_LARGE = 1 << 26
"""Bytes from which on an array is not allocated beforehand."""


_STORED_PER_TEXT = 8
"""How many times more elements there may be of stored keys than of the texts that are made of them."""


def all_maps(shared: ProgramContext) -> list[MapSpec]:
    """Return the maps that a program with kernel handlers needs."""
    program, layout, facts = shared.program, shared.layout, shared.facts
    used = shared.module.maps
    result = [_array(CONTROL_MAP, layout.control_size, 1, mmapable=True)]
    if layout.globals_size:
        result.append(_array(GLOBALS_MAP, layout.globals_size, 1, True, _initial(program, layout)))
    if layout.adds_cells:
        result.append(_array(ADDS_MAP, 2 * facts.possible_cpus * layout.adds_stride, 1, mmapable=True))
    for variable in program.globals:
        result += [_map_of(variable, name, program, facts.possible_cpus) for name in _names(variable, layout)]
    if program.events or EVENTS_MAP in used:
        result.append(MapSpec(EVENTS_MAP, MapKind.RINGBUF, 0, 0, facts.ringbuf_bytes))
    for index in range(len(perf_counters(handler.attach for handler in program.handlers))):
        if perf_counter_map(index) in used:
            result.append(MapSpec(perf_counter_map(index), MapKind.PERF_EVENT_ARRAY, 4, 4, facts.possible_cpus))
    if scratch.SCRATCH_MAP in used:
        size = scratch.MEMORY_OFFSET + (shared.scratch_bytes + 63 & ~63)
        result.append(_array(scratch.SCRATCH_MAP, size, facts.possible_cpus * scratch.SLOTS, mmapable=False))
    result += stacks.stack_maps(used)
    result += process_maps(used)
    if not facts.fetching_atomics:
        result += locks.token_maps(program.locks)
    return result


def _array(name: str, size: int, entries: int, mmapable: bool, initial: bytes | None = None) -> MapSpec:
    return MapSpec(name, MapKind.ARRAY, 4, size, entries, mmapable=mmapable, initial=initial)


def _names(variable: Global, layout: MapLayout) -> tuple[str, ...]:
    place = layout.places.get(variable.name)
    return place.maps if place is not None else ()


def _map_of(variable: Global, name: str, program: ElaboratedProgram, cpus: int) -> MapSpec:
    """Return the map of an array or a keyless statistic."""
    value = value_size(variable)
    is_percpu = variable.storage is not StorageKind.SHARED
    if not variable.is_array:
        return MapSpec(name, MapKind.PERCPU_ARRAY if is_percpu else MapKind.ARRAY, 4, value, 1)
    if variable.wraps:
        kind = MapKind.LRU_PERCPU_HASH if is_percpu else MapKind.LRU_HASH
    else:
        kind = MapKind.PERCPU_HASH if is_percpu else MapKind.HASH
    entries = variable.size if variable.size is not None else program.limits.max_map_entries
    if variable.rendered_keys:
        entries *= _STORED_PER_TEXT
    key = key_size(variable)
    is_large = entries * (key + value * (cpus if is_percpu else 1)) > _LARGE
    return MapSpec(name, kind, key, value, entries, no_prealloc=is_large and not variable.wraps)


def allocates_late(shared: ProgramContext, variable: Global) -> bool:
    """Tell whether the map of a global takes memory for its entries as they come."""
    if not variable.is_array:
        return False
    return _map_of(variable, "", shared.program, shared.facts.possible_cpus).no_prealloc


def _initial(program: ElaboratedProgram, layout: MapLayout) -> bytes | None:
    """Return the first content of the shared scalars; None when it is all zeros."""
    data = bytearray(layout.globals_size)
    for variable in program.globals:
        if variable.storage is not StorageKind.SHARED or variable.is_array or variable.initial is None:
            continue
        offset = layout.places[variable.name].offset
        if variable.type is Type.STRING:
            text = str(variable.initial).encode("latin-1")[: variable.width]
            data[offset : offset + len(text)] = text
        else:
            struct.pack_into("=q", data, offset, wrap_long(int(variable.initial)))
    return bytes(data) if any(data) else None
