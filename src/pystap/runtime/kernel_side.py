"""What a session has in the kernel: maps, programs, attachments, the ring buffer, counters."""

from __future__ import annotations

import errno
from time import monotonic_ns, time_ns

from ..abi.event_layout import EVENTS_MAP
from ..abi.image import POINT_CONSTANT, MapSpec, loaded_name
from ..abi.map_layout import CONTROL_MAP, STOPPED_OFFSET, TARGET_OFFSET, WALL_CLOCK_OFFSET, Counter
from ..abi.session_image import ProgramAttachment, SessionImage, file_stamp
from ..lean import Callable, Iterable, Sequence
from ..loader.errors import KernelRefused
from ..loader.image import LoadedImage, load_image
from ..loader.ringbuf import RingBuffer
from ..loader.syscalls import raise_file_limit, wait_for_running_programs
from ..program.attach import PerfCounter, Tracking
from ..records import replace
from ..user.globals import Globals
from .attach import attach, point_count
from .event_stream import EventStream, Handler
from .globals_store import GlobalsStore
from .kernel_counters import KernelCounters, loss_lines
from .probe_timing import RunTimes
from .progress import Progress

MANY_POINTS = 100
"""Beyond so many points, each of which may take two descriptors, the limit on open files is raised."""
MANY_SLOW_STEPS = 4
"""Beyond so many slow steps, detaching is left to a process in the background. Programs on so many kernel functions
look whether they are stopped (kernel.needs_stop_check)."""


def resized(maps: Sequence[MapSpec], buffer_mb: int) -> list[MapSpec]:
    """Return the maps with a ring buffer of at least `buffer_mb` megabytes (0: as it is), a power of two."""
    if not buffer_mb:
        return list(maps)
    size = 1 << (buffer_mb * (1 << 20) - 1).bit_length()
    return [replace(spec, max_entries=size) if spec.name == EVENTS_MAP else spec for spec in maps]


def _constants(image: SessionImage) -> dict[str, int]:
    """Return the values of the constants that programs wait for. Raises `KernelRefused`."""
    symbols = {item.symbol for program in image.programs for item in program.relocations}
    names = {symbol: name for symbol in symbols if (name := loaded_name(symbol)) is not None}
    found = {POINT_CONSTANT: 0}
    if names:
        from ..loader.kallsyms import load_address

        found |= {symbol: load_address(name) for symbol, name in names.items()}
    return found


class KernelSide:
    """Loads an image's maps and programs; attaches, stops and closes them. Raises `KernelRefused`."""

    def __init__(self, image: SessionImage, values: Globals, buffer_mb: int, target_pid: int) -> None:
        self._image = image
        self._target_pid = target_pid
        self._missed = 0
        self._missed_entries = 0
        maps = resized(image.maps, buffer_mb)
        self._loaded: LoadedImage = load_image(maps, image.programs, _constants(image))
        try:
            self.store = GlobalsStore(image, values, self._loaded)
            self._words = self._loaded.maps[CONTROL_MAP].mapping().words
            self._words[TARGET_OFFSET // 8] = target_pid
            self.set_wall_clock()
            self._counters = KernelCounters(self._words, image.handlers_offset, len(image.handlers))
            self._ring = RingBuffer(self._loaded.maps[EVENTS_MAP]) if EVENTS_MAP in self._loaded.maps else None
        except BaseException:
            self._loaded.close()
            raise

    def stream(
        self,
        handlers: Sequence[Handler | None],
        on_error: Callable[[int, int], None],
        stopped: Callable[[], bool],
        on_stack: Callable[[int, bytes], object],
    ) -> EventStream | None:
        """Return the stream of events; None when no handler sends any."""
        return EventStream(self._ring, handlers, on_error, stopped, on_stack) if self._ring is not None else None

    def fileno(self) -> int:
        """The ring buffer's descriptor, -1 when there is none."""
        return self._ring.fileno() if self._ring is not None else -1

    def attach(self) -> None:
        """Bring the globals to their maps, then attach everything. Raises `KernelRefused`."""
        for path, stamp in self._image.files:
            if file_stamp(path) != stamp:
                detail = "it is not the file that it was when the script was compiled"
                raise KernelRefused(f"probe '{path}'", errno.ESTALE, detail=detail)
        self.store.publish()
        self._open_counters()
        if not any(isinstance(attachment.attach, Tracking) for attachment in self._image.attachments):
            self._attach(self._image.attachments)
            return
        from .process_tracking import ProcessTracking

        processes = ProcessTracking(self._image, self._loaded, self._target_pid)
        self._attach(processes.start(self._attach))
        processes.begin_existing()

    def _attach(self, attachments: Iterable[ProgramAttachment]) -> None:
        waiting = list(attachments)
        total = sum(point_count(attachment.attach) for attachment in waiting)
        if total > MANY_POINTS:
            raise_file_limit(2 * total)
        with Progress("attaching probes", total) as progress:
            for attachment in waiting:
                for link in attach(attachment, self._loaded, self._target_pid):
                    self._loaded.add_link(link)
                    progress.advance(link.points)

    def _open_counters(self) -> None:
        attached = [handler.attach for handler in self._image.handlers]
        if any(isinstance(attach, PerfCounter) for attach in attached):
            from .attach_perf import open_counters

            for link in open_counters(attached, self._loaded.maps, self._target_pid):
                self._loaded.add_link(link)

    def teach(self, name: str, key: bytes, value: bytes) -> None:
        """Tell programs something about stacks (abi/stack_records)."""
        if name in self._loaded.maps:
            self._loaded.maps[name].update(key, value)

    def set_wall_clock(self) -> None:
        """Tell programs what to add to CLOCK_MONOTONIC for the time since 1970."""
        self._words[WALL_CLOCK_OFFSET // 8] = time_ns() - monotonic_ns()

    @property
    def stopped(self) -> bool:
        """Whether kernel handlers leave at once: exit() ran in one, or `stop` was called."""
        return self._words[STOPPED_OFFSET // 8] != 0

    def stop(self) -> None:
        """Let no handler start from now on."""
        self._words[STOPPED_OFFSET // 8] = 1

    def stop_and_wait(self) -> None:
        """Return when no handler runs any more.

        Programs are detached, but where that takes long (0.1 s for a uprobe) their events are only switched off:
        `close` leaves the rest to a process in the background.
        """
        self.stop()
        links = self._loaded.links
        self._missed = sum(link.missed() for link in links)
        if not self._is_slow():
            self._loaded.detach()
        for link in self._loaded.links:
            if link.is_perf:
                link.disable()
            elif not link.slow_steps:
                link.close()
        if links:
            wait_for_running_programs()

    def _is_slow(self) -> bool:
        return sum(link.slow_steps for link in self._loaded.links) > MANY_SLOW_STEPS

    def skipped(self) -> int:
        """Return how many hits were skipped because another handler held a lock: those count against MAXSKIPPED."""
        return self._counters.total(Counter.SKIPPED_LOCK)

    def skipped_otherwise(self) -> int:
        """Return how many hits were skipped for other reasons.

        Those are the session's lock, nesting, more calls under way than are followed, and what the kernel itself
        dropped as far as it says: its recursion guard, kprobes inside kprobes, returns beyond maxactive.
        """
        misses = sum(program.info().recursion_misses for program in self._loaded.programs.values())
        counters = self._counters
        return (
            counters.total(Counter.SKIPPED_USER_LOCK)
            + counters.total(Counter.SKIPPED_SCRATCH)
            + counters.total(Counter.MISSED_ENTRIES)
            + misses
            + self._missed
        )

    def make_room_for_calls(self) -> None:
        """Where calls found no room for their entry's values, drop those of calls that will never return."""
        missed = self._counters.total(Counter.MISSED_ENTRIES)
        if missed != self._missed_entries:
            self._missed_entries = missed
            from .ended_calls import drop_ended_calls

            per_call = [variable for variable in self._image.globals if variable.per_call]
            drop_ended_calls(self._loaded.maps[name] for variable in per_call for name in variable.maps)

    def lost_events(self) -> int:
        return self._counters.total(Counter.LOST_EVENTS)

    def lost_updates(self) -> int:
        return self._counters.total(Counter.LOST_UPDATES)

    def loss_lines(self) -> list[str]:
        """Return a line for each probe and reason of a loss."""
        return loss_lines(self._image.handlers, self._counters)

    def times(self, handler: int) -> RunTimes:
        return self._counters.times(handler)

    def close(self) -> None:
        """Let go of everything. May be called again."""
        if self._ring is not None:
            self._ring.close()
        self._loaded.close(in_background=self._is_slow())
