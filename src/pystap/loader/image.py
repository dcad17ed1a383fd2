"""A whole image in the kernel: one owner for all maps, programs and links."""

from __future__ import annotations

import os
import struct

from ..abi.image import MapSpec, ProgramSpec, TailCall
from ..lean import Iterable, Mapping
from .links import Link, close_links, leave_to_holder
from .maps import Map, create_map
from .programs import Program, load_program


class LoadedImage:
    """Owns maps, programs and links and lets go of them in the right order: links, programs, maps.

    `maps` and `programs` are by name. Use as a context manager, or call `close`.
    """

    def __init__(self, constants: Mapping[str, int] | None = None) -> None:
        self._constants = dict(constants or {})
        self.maps: dict[str, Map] = {}
        self.programs: dict[str, Program] = {}
        self._links: list[Link] = []
        self._files: list[int] = []
        self._resources: list[Map | Program] = []

    def add_map(self, spec: MapSpec) -> Map:
        """Create a map. Raises `KernelRefused`."""
        created = self.maps[spec.name] = create_map(spec)
        self._resources.append(created)
        return created

    def add_program(self, spec: ProgramSpec, constants: Mapping[str, int] | None = None) -> Program:
        """Load a program that uses the maps added so far. Raises `KernelRefused`."""
        program = self.programs[spec.name] = load_program(spec, self.maps, self._constants | dict(constants or {}))
        self._resources.append(program)
        return program

    def keep_open(self, fd: int) -> None:
        """Take over a descriptor, to be closed with the rest."""
        self._files.append(fd)

    def add_link(self, link: Link) -> Link:
        """Take over an attachment."""
        self._links.append(link)
        return link

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(self._links)

    def detach(self) -> None:
        """Detach every program; maps and programs stay, so that what they counted can be read."""
        close_links(self._links)
        self._links.clear()

    def close(self, in_background: bool = False) -> None:
        """Detach, then close programs and maps. May be called again.

        `in_background` leaves slow detaching to a holder process (see `leave_to_holder`).
        """
        if in_background:
            leave_to_holder(self._links)
            self._links.clear()
        self.detach()
        while self._files:
            os.close(self._files.pop())
        while self._resources:
            self._resources.pop().close()

    def __enter__(self) -> LoadedImage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_image(
    maps: Iterable[MapSpec],
    programs: Iterable[ProgramSpec],
    constants: Mapping[str, int] | None = None,
    tail_calls: Iterable[TailCall] = (),
) -> LoadedImage:
    """Create all maps, load all programs, fill the program arrays. Nothing is attached.

    Raises `KernelRefused`; nothing is left behind then.
    """
    image = LoadedImage(constants)
    try:
        for map_spec in maps:
            image.add_map(map_spec)
        for program_spec in programs:
            image.add_program(program_spec)
        for call in tail_calls:
            target = image.programs[call.program]
            image.maps[call.map].update(struct.pack("<I", call.index), struct.pack("<i", target.fd))
    except BaseException:
        image.close()
        raise
    return image
