"""What a session does for scripts about certain processes: see abi/process_map and kernel/process_tracking.

It makes the programs known that the script is limited to, enters the processes that exist when it starts into the map
that kernel programs keep, and lets `process.begin` handlers run once for each of those.
"""

from __future__ import annotations

import os
from struct import pack, pack_into

from ..abi.process_map import FIRST_PROGRAM_BIT, PROCESSES_MAP, TARGET_BIT
from ..abi.session_image import HandlerLayout, ProgramAttachment, SessionImage
from ..lean import Callable, Iterable, Iterator, Sequence, suppress
from ..loader.errors import KernelRefused
from ..loader.image import LoadedImage
from ..loader.programs import context_buffer
from ..program.attach import ProcessEvents, Tracking

Attach = Callable[[Iterable[ProgramAttachment]], None]


class ProcessTracking:
    """Keeps the account of processes of one session; `target` is the process of -c or -x, 0 for none."""

    def __init__(self, image: SessionImage, loaded: LoadedImage, target: int) -> None:
        self._loaded = loaded
        self._target = target
        self._own: dict[str, ProgramAttachment] = {}
        self._rest: list[ProgramAttachment] = []
        self._ends: list[ProgramAttachment] = []
        handlers = {handler.index: handler for handler in image.handlers}
        for attachment in image.attachments:
            if isinstance(attachment.attach, Tracking):
                self._own[attachment.attach.event] = attachment
            elif any(_is_end(handlers[index]) for index in attachment.handlers):
                self._ends.append(attachment)
            else:
                self._rest.append(attachment)

    def start(self, attach: Attach) -> Sequence[ProgramAttachment]:
        """Attach what keeps the account, enter what exists; returns the attachments that are left to be made.

        Programs on one tracepoint run in the order in which they were attached: handlers of the end of a process come
        before it is forgotten, all others when it is known. Raises `KernelRefused`.
        """
        self._watch_programs()
        first = [self._own[event] for event in ("exit", "fork", "exec") if event in self._own]
        attach([*self._ends, *first])
        if PROCESSES_MAP in self._loaded.maps:
            self._enter_existing()
        return self._rest

    def _programs(self) -> tuple[str, ...]:
        tracking = self._own.get("exec")
        return tracking.attach.programs if tracking is not None and isinstance(tracking.attach, Tracking) else ()

    def _watch_programs(self) -> None:
        """Have the inode of each program put where the programs find it. Its file stays open: so does its inode."""
        for number, path in enumerate(self._programs()):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise KernelRefused(f"probe '{path}'", error.errno or 0) from None
            self._loaded.keep_open(fd)
            arguments = context_buffer(2)
            pack_into("<QQ", arguments, 0, fd, 8 * number)
            self._loaded.programs[self._own["watch"].program].run(arguments)

    def _enter_existing(self) -> None:
        table = self._loaded.maps[PROCESSES_MAP]
        entries: dict[int, int] = {}
        if self._target:
            for pid in (self._target, *_descendants(self._target)):
                entries[pid] = 1 << TARGET_BIT
        bits: dict[tuple[int, int], int] = {}
        for number, path in enumerate(self._programs()):
            status = os.stat(path)
            bits[status.st_dev, status.st_ino] = 1 << FIRST_PROGRAM_BIT + number
        if bits:
            for pid in _processes():
                with suppress(OSError):
                    status = os.stat(f"/proc/{pid}/exe")
                    entries[pid] = entries.get(pid, 0) | bits.get((status.st_dev, status.st_ino), 0)
        for pid, mask in entries.items():
            if mask:
                table.update(pack("=Q", pid), pack("=Q", mask))

    def begin_existing(self) -> None:
        """Run the handlers of `process.begin` for each process that exists, kernel threads left out.

        A command of -c begins when it is executed: until then it is a copy of this process.
        """
        if "existing" not in self._own:
            return
        program = self._loaded.programs[self._own["existing"].program]
        arguments = context_buffer(2)
        for pid in _processes():
            with suppress(OSError):
                if pid == os.getpid() or _parent(pid) == os.getpid():
                    continue
                os.readlink(f"/proc/{pid}/exe")  # a kernel thread has none
                fd = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    pack_into("<QQ", arguments, 0, fd, 0)
                    program.run(arguments)
                finally:
                    os.close(fd)


def _is_end(handler: HandlerLayout) -> bool:
    return isinstance(handler.attach, ProcessEvents) and handler.attach.event in ("end", "thread end")


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def _descendants(target: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid in _processes():
        with suppress(OSError, IndexError, ValueError):
            children.setdefault(_parent(pid), []).append(pid)
    found: list[int] = []
    waiting = [target]
    while waiting:
        own = children.get(waiting.pop(), [])
        found += own
        waiting += own
    return found
