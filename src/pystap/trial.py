"""Trying on the running kernel whether it takes compiled programs, so that a handler it refuses can be deferred.

What a verifier accepts depends on the kernel and cannot be known from the program alone (a million instructions to
check, loops, branches). So each program is loaded once, unattached, before the image is kept.
"""

from __future__ import annotations

from .abi.image import MapKind, MapSpec
from .kernel import KernelCode
from .loader.errors import KernelRefused, MissingPrivilege
from .loader.image import LoadedImage
from .records import replace

_TABLES = (MapKind.HASH, MapKind.PERCPU_HASH, MapKind.LRU_HASH, MapKind.LRU_PERCPU_HASH)


def refused_handlers(code: KernelCode) -> dict[int, str]:
    """Return the indexes of the handlers whose programs the kernel refuses, with its reason.

    Nothing is refused where this process may not load programs at all: who runs the image will see.
    """
    refused: dict[int, str] = {}
    with LoadedImage() as image:
        try:
            for map_spec in code.maps:
                image.add_map(_small(map_spec))
        except KernelRefused:
            return {}
        handlers = {attachment.program: attachment.handlers for attachment in code.attachments}
        for spec in code.programs:
            try:
                image.add_program(spec, dict.fromkeys((item.symbol for item in spec.relocations), 0))
            except MissingPrivilege:
                return {}
            except KernelRefused as error:
                refused.update(dict.fromkeys(handlers.get(spec.name, ()), error.reason))
    return refused


def _small(spec: MapSpec) -> MapSpec:
    """Return the map with few entries: how many it holds is nothing to the verifier, and their memory takes time."""
    return replace(spec, max_entries=min(spec.max_entries, 64)) if spec.kind in _TABLES else spec
