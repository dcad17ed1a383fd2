"""What was mapped where in which process at what time, also in processes that are gone.

Processes that run when the session starts are looked up in /proc; from then on the kernel's stream of forks, execs and
mappings tells. A child has what its parent had, until it maps something else or executes another program.
"""

from __future__ import annotations

import os
from bisect import bisect_right, insort
from struct import error as struct_error

from ..debuginfo.demangle import demangle
from ..debuginfo.elf_image import ElfImage, FunctionTable, NotElf
from ..debuginfo.frame_rules import FrameRules
from ..lean import TYPE_CHECKING, Iterable
from ..loader.process_events import Executed, Forked, Mapped, Missed, ProcessEvents

if TYPE_CHECKING:
    from .source_lines import SourceLines

VDSO = "[vdso]"


class Module:
    """A file that is mapped, opened when it is first asked for; None in place of what a file that is no ELF lacks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._image: ElfImage | None = None
        self._opened = False
        self._rules: FrameRules | None = None
        self._functions: FunctionTable | None = None
        self._lines: SourceLines | None = None

    @property
    def image(self) -> ElfImage | None:
        if not self._opened:
            self._opened = True
            try:
                self._image = ElfImage(_vdso_bytes()) if self.path == VDSO else ElfImage.open(self.path)
            except NotElf:
                self._image = None
        return self._image

    @property
    def rules(self) -> FrameRules | None:
        if self._rules is None and self.image is not None:
            try:
                self._rules = FrameRules(self.image)
            except (struct_error, IndexError, KeyError):
                self._image = None
        return self._rules

    def function(self, address: int) -> tuple[str, int, int] | None:
        """Return name, offset and size of the function at an address of the file; None for none."""
        if self._functions is None:
            if self.image is None:
                return None
            self._functions = FunctionTable(self.image)
        found = self._functions.find(address)
        return (demangle(found[0]), *found[1:]) if found is not None else None

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the source file and line of an address of the file."""
        if self._lines is None:
            from .source_lines import SourceLines

            self._lines = SourceLines(self.path)
        return self._lines.find(address)


class Mapping:
    """A piece of a process's memory with code. `shift` is what to subtract from an address for the file's own."""

    __slots__ = ("_shift", "end", "module", "offset", "start")

    def __init__(self, start: int, end: int, offset: int, module: Module) -> None:
        self.start, self.end, self.offset, self.module = start, end, offset, module
        self._shift: int | None = None

    @property
    def shift(self) -> int:
        if self._shift is None:
            image = self.module.image
            address = image.code_address_of(self.offset) if image is not None else None
            self._shift = self.start - (address if address is not None else self.offset)
        return self._shift


class ProgramImage:
    """The mappings of a process between two execs. `inherited` are those of the process that forked it."""

    def __init__(self, inherited: ProgramImage | None = None) -> None:
        self._inherited = inherited
        self._mappings: list[Mapping] = []
        self._starts: list[int] | None = []
        self._found: dict[int, tuple[FrameRules | None, int] | None] = {}

    def add(self, mapping: Mapping) -> None:
        """Add a mapping, in place of what it covers."""
        self._mappings = [m for m in self._mappings if m.end <= mapping.start or mapping.end <= m.start]
        self._mappings.append(mapping)
        self._starts = None
        self._found.clear()

    def find(self, address: int) -> Mapping | None:
        """Return the mapping that an address lies in."""
        if self._starts is None:
            self._mappings.sort(key=lambda mapping: mapping.start)
            self._starts = [mapping.start for mapping in self._mappings]
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address < self._mappings[index].end:
            return self._mappings[index]
        return self._inherited.find(address) if self._inherited is not None else None

    def place(self, address: int) -> tuple[str, int, int, str] | None:
        """Return what lies at an address: function, offset, size and file; offset and size of the file without one."""
        mapping = self.find(address)
        if mapping is None:
            return None
        module, inside = mapping.module, address - mapping.shift
        function = module.function(inside)
        if function is not None:
            return (*function, module.path)
        return "", inside, module.image.end if module.image is not None else 0, module.path

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the source file and line of an address; None where no debug information tells."""
        mapping = self.find(address)
        return mapping.module.line(address - mapping.shift) if mapping is not None else None

    def build_id(self, address: int) -> str:
        """Return the build id of the file that an address lies in, "" where there is none."""
        mapping = self.find(address)
        image = mapping.module.image if mapping is not None else None
        return image.build_id if image is not None else ""

    def address_in_file(self, address: int) -> int | None:
        """Return an address as the file that it lies in counts it; None outside of files."""
        mapping = self.find(address)
        return address - mapping.shift if mapping is not None and mapping.module.image is not None else None

    def code(self, address: int) -> tuple[FrameRules | None, int] | None:
        """Return the frame rules for an address and what to subtract from it (see debuginfo/unwind)."""
        try:
            return self._found[address]
        except KeyError:
            mapping = self.find(address)
            found = (mapping.module.rules, mapping.shift) if mapping is not None else None
            self._found[address] = found
            return found


class AddressSpaces:
    """All processes of a session. `update` must have been called for what is asked."""

    def __init__(self, events: ProcessEvents | None = None) -> None:
        self._events = events
        self._modules: dict[str, Module] = {}
        self._images: dict[int, list[tuple[int, int, ProgramImage]]] = {}
        self._count = 0
        self.missed = 0

    def start(self, pids: Iterable[int]) -> None:
        """Note what is mapped in processes that run already."""
        for pid in pids:
            self._read_maps(pid, 0)

    def update(self) -> None:
        """Take in what has happened since."""
        if self._events is None:
            return
        for event in self._events.read():
            match event:
                case Mapped(time=time, pid=pid):
                    module = self._module(event.path, pid)
                    end = event.start + event.length
                    self._at(pid, time).add(Mapping(event.start, end, event.offset, module))
                case Forked(time=time, pid=pid, parent=parent):
                    self._insert(pid, time, ProgramImage(self._at(parent, time)))
                case Executed(time=time, pid=pid):
                    self._insert(pid, time, ProgramImage())
                case Missed(count=count):
                    self.missed += count

    def image(self, pid: int, time: int) -> ProgramImage:
        """Return what a process had mapped at a time (ns of CLOCK_MONOTONIC)."""
        self.update()
        return self._at(pid, time)

    def close(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def _at(self, pid: int, time: int) -> ProgramImage:
        if pid not in self._images:
            self._read_maps(pid, 0)
        history = self._images.get(pid)
        if not history:
            image = ProgramImage()
            self._insert(pid, 0, image)
            return image
        index = bisect_right(history, time, key=lambda entry: entry[0]) - 1
        return history[max(index, 0)][2]

    def _insert(self, pid: int, time: int, image: ProgramImage) -> None:
        self._count += 1  # no two entries compare equal, so images are never compared
        insort(self._images.setdefault(pid, []), (time, self._count, image))

    def _module(self, path: str, pid: int) -> Module:
        module = self._modules.get(path)
        if module is None:
            module = self._modules[path] = Module(path)
        return module

    def _read_maps(self, pid: int, time: int) -> None:
        try:
            with open(f"/proc/{pid}/maps", "rb") as file:
                text = file.read()
        except OSError:
            return
        image = ProgramImage()
        for line in text.split(b"\n"):
            fields = line.split(None, 5)
            if len(fields) < 5 or b"x" not in fields[1]:
                continue
            start, _, end = fields[0].partition(b"-")
            path = os.fsdecode(fields[5]) if len(fields) > 5 else "//anon"
            image.add(Mapping(int(start, 16), int(end, 16), int(fields[2], 16), self._module(path, pid)))
        self._insert(pid, time, image)


def _vdso_bytes() -> bytes:
    """Return the kernel's code for user mode: every process has the same."""
    with open("/proc/self/maps", "rb") as file:
        for line in file:
            if line.rstrip().endswith(b"[vdso]"):
                start, _, end = line.split()[0].partition(b"-")
                with open("/proc/self/mem", "rb") as memory:
                    memory.seek(int(start, 16))
                    return memory.read(int(end, 16) - int(start, 16))
    return b""
