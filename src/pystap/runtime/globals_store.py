"""The script's globals between Python and the maps of the kernel programs.

Handlers in user space work on plain Python values (user/globals.py). Around a handler that touches a global which
kernel handlers touch too, its value is brought from the maps, and what the handler wrote is brought back:

USER        nothing to do.
ADD_ONLY    value = what Python holds + the sum over the CPUs. What a handler assigns changes only Python's part, so
            that additions which happen meanwhile are not lost.
DRAINED     scalars: the same. Arrays and statistics that a handler writes: the generation flips, running programs end
            (membarrier), the idle buffer moves into Python's part. Handlers that only read add up both buffers.
SHARED      the kernel's value is the value. Under the lock of its group, which a handler that only reads holds only
            while it copies, and a handler that writes until it is through.

After `detach` everything lies in Python and handlers run on that alone.
"""

from __future__ import annotations

from ..abi.map_layout import ADDS_MAP, CONTROL_MAP, GENERATION_OFFSET, GLOBALS_MAP, LOCK_STRIDE, LOCKS_OFFSET
from ..abi.session_image import GlobalLayout, SessionImage
from ..lean import Callable, Iterable, Sequence
from ..loader.image import LoadedImage
from ..loader.maps import Mapping
from ..loader.syscalls import wait_for_running_programs
from ..program.symbols import StorageKind
from ..program.types import Type
from ..user.arithmetic import wrap
from ..user.globals import Globals, attribute_name
from .on_demand import SessionLock
from .plain_globals import LockTimeout
from .value_codec import Elements, Value, ValueCodec, copied, merge_elements, unmerge


class SharedScalar:
    """A long or a string in the globals map."""

    def __init__(self, layout: GlobalLayout, values: Globals, mapping: Mapping) -> None:
        self._name = attribute_name(layout.name)
        self._values = values
        self._mapping = mapping
        self._codec = ValueCodec(layout)
        self._start, self._end = layout.offset, layout.offset + self._codec.value_size
        self._loaded: Value = 0

    def load(self, written: bool) -> None:
        self._loaded = self._codec.decode(self._mapping.memory[self._start : self._end])
        setattr(self._values, self._name, self._loaded)

    def store(self) -> None:
        value = getattr(self._values, self._name)
        if value != self._loaded:
            self.publish()

    def publish(self) -> None:
        value = getattr(self._values, self._name)
        if isinstance(value, int):
            self._mapping.words[self._start // 8] = value
        else:
            self._mapping.memory[self._start : self._end] = self._codec.encode(value)


class SharedElements:
    """An array in a hash map, or a statistic in a per-CPU array, that kernel handlers read and write."""

    def __init__(self, layout: GlobalLayout, values: Globals, image: LoadedImage) -> None:
        self._name = attribute_name(layout.name)
        self._values = values
        self._map = image.maps[layout.maps[0]]
        self._codec = ValueCodec(layout)
        self._loaded: Elements = {}

    def load(self, written: bool) -> None:
        elements = self._codec.read_map(self._map)
        if written:
            self._loaded = copied(elements)
        self._codec.set(self._values, self._name, elements)

    def store(self) -> None:
        elements = self._codec.get(self._values, self._name)
        for key in self._loaded.keys() - elements.keys():
            self._codec.remove(self._map, key)
        for key, value in elements.items():
            if key not in self._loaded or not self._codec.same(self._loaded[key], value):
                self._map.update(self._codec.encode_key(key), self._codec.encode_for(self._map, value))
        self._loaded = {}

    def publish(self) -> None:
        self._loaded = {}
        self.store()


class AddedScalar:
    """A long that kernel handlers only add to: cells of each CPU in both buffers of the adds map."""

    def __init__(self, layout: GlobalLayout, values: Globals, mapping: Mapping, stride: int) -> None:
        self._name = attribute_name(layout.name)
        self._values = values
        self._words = mapping.words
        self._first, self._step = layout.cell, stride // 8
        self._base: int = getattr(values, self._name)
        self._sum = 0

    def load(self, written: bool) -> None:
        self._sum = sum(self._words[self._first :: self._step])
        setattr(self._values, self._name, wrap(self._base + self._sum))

    def store(self) -> None:
        self._base = wrap(getattr(self._values, self._name) - self._sum)

    def publish(self) -> None:
        self._sum = 0
        self.store()


class AddedElements:
    """An array or statistic that kernel handlers only add to, in one buffer (ADD_ONLY) or two (DRAINED)."""

    def __init__(self, layout: GlobalLayout, values: Globals, image: LoadedImage, active: Callable[[], int]) -> None:
        self._name = attribute_name(layout.name)
        self._values = values
        self._maps = [image.maps[name] for name in layout.maps]
        self.codec = ValueCodec(layout)
        self._active = active
        self._base: Elements = dict(self.codec.get(values, self._name))
        self._kernel: Elements = {}
        self.is_drained = layout.storage is StorageKind.DRAINED

    def load(self, written: bool) -> None:
        """Bring the value; a handler that writes a drained global gets Python's part, after `collect`."""
        if written and self.is_drained:
            self.codec.set(self._values, self._name, self._base)
            return
        self._kernel = {}
        for source in self._maps:
            merge_elements(self._kernel, self.codec.read_map(source))
        total = copied(self._base)
        merge_elements(total, copied(self._kernel) if written else self._kernel)
        self.codec.set(self._values, self._name, total)

    def collect(self) -> None:
        """Move the idle buffer into Python's part. The generation was flipped and no program runs with the old one."""
        idle = self._maps[1 - self._active()]
        merge_elements(self._base, self.codec.take_map(idle))

    def collect_all(self) -> None:
        """Move all buffers into Python's part: no program runs any more."""
        for source in self._maps:
            merge_elements(self._base, self.codec.read_map(source))
        self.codec.set(self._values, self._name, self._base)

    def store(self) -> None:
        if not self.is_drained:
            elements = self.codec.get(self._values, self._name)
            for key, value in elements.items():
                rest = unmerge(value, self._kernel.get(key))
                if rest is not None:
                    self._base[key] = rest
        else:
            self._base = self.codec.get(self._values, self._name)

    def publish(self) -> None:
        self._base = dict(self.codec.get(self._values, self._name))


Cell = SharedScalar | SharedElements | AddedScalar | AddedElements


class Access:
    """What one handler or event body touches: its cells, which of them it writes, and the locks it needs."""

    __slots__ = ("cells", "locks", "written")

    def __init__(self, cells: Sequence[tuple[Cell, bool]], locks: Sequence[SessionLock]) -> None:
        self.cells = tuple(cells)
        self.written = tuple(cell for cell, writes in cells if writes)
        self.locks = tuple(locks)


class GlobalsStore:
    """All globals of a session. `values` is the object that generated code works on.

    Made after the maps were created and before anything is attached.
    """

    def __init__(self, image: SessionImage, values: Globals, loaded: LoadedImage) -> None:
        self.values = values
        self._cells: dict[str, Cell] = {}
        self._locks: dict[int, SessionLock] = {}
        self._lock_of: dict[str, int] = {}
        self._control = loaded.maps[CONTROL_MAP].mapping()
        self._place(image, loaded)

    def _place(self, image: SessionImage, loaded: LoadedImage) -> None:
        for layout in image.globals:
            cell = self._cell(layout, image, loaded)
            if cell is None:
                continue
            self._cells[layout.name] = cell
            if layout.lock is not None:
                self._lock_of[layout.name] = layout.lock
                if layout.lock not in self._locks:
                    offset = LOCKS_OFFSET + LOCK_STRIDE * layout.lock
                    self._locks[layout.lock] = SessionLock(loaded, layout.lock, offset)

    def _cell(self, layout: GlobalLayout, image: SessionImage, loaded: LoadedImage) -> Cell | None:
        in_map = layout.is_array or layout.type is Type.STATISTIC
        match layout.storage:
            case StorageKind.USER:
                return None
            case StorageKind.SHARED if in_map:
                return SharedElements(layout, self.values, loaded)
            case StorageKind.SHARED:
                return SharedScalar(layout, self.values, loaded.maps[GLOBALS_MAP].mapping())
            case StorageKind.ADD_ONLY | StorageKind.DRAINED if in_map:
                return AddedElements(layout, self.values, loaded, self._active_buffer)
            case StorageKind.ADD_ONLY | StorageKind.DRAINED:
                return AddedScalar(layout, self.values, loaded.maps[ADDS_MAP].mapping(), image.adds_stride)

    def use_functions(self, functions: dict[str, Callable[..., object]]) -> None:
        """Take the functions of the generated code: some make the keys of arrays."""
        for cell in self._cells.values():
            if isinstance(cell, AddedElements):
                cell.codec.use_functions(functions)

    def access(self, reads: Iterable[str], writes: Iterable[str]) -> Access | None:
        """Return the access of a handler with these globals; None when no kernel handler shares any of them."""
        written = set(writes)
        names = [name for name in dict.fromkeys((*reads, *writes)) if name in self._cells]
        if not names:
            return None
        locks = sorted({self._lock_of[name] for name in names if name in self._lock_of})
        return Access([(self._cells[name], name in written) for name in names], [self._locks[n] for n in locks])

    def _active_buffer(self) -> int:
        return self._control.words[GENERATION_OFFSET // 8] & 1

    def publish(self) -> None:
        """Bring all values, as Python has them, to the maps: before anything is attached."""
        for cell in self._cells.values():
            cell.publish()

    def drain(self, accesses: Iterable[Access]) -> bool:
        """Flip the generation and take over the drained globals that these handlers write; False when there are none.

        Handlers that run directly after it are given `fresh` and share this one flip (it takes 8-16 ms).
        """
        wanted = any(
            isinstance(cell, AddedElements) and cell.is_drained for access in accesses for cell in access.written
        )
        if not wanted or not self._cells:
            return False
        self._control.words[GENERATION_OFFSET // 8] ^= 1
        wait_for_running_programs()
        for cell in self._cells.values():  # every one: the next flip makes this buffer the active one
            if isinstance(cell, AddedElements) and cell.is_drained:
                cell.collect()
        return True

    def run(self, access: Access, body: Callable[[], object], fresh: bool = False) -> None:
        """Run a handler's body with its globals in place. Raises `LockTimeout`, and what the body raises.

        `fresh` says that `drain` ran just now for all handlers that are due.
        """
        if not fresh:
            self.drain((access,))
        held = self._acquire(access.locks)
        try:
            for cell, writes in access.cells:
                cell.load(writes)
            if not access.written:
                self._release(held)
            try:
                body()
            finally:
                for written in access.written:
                    written.store()
        finally:
            self._release(held)

    def _acquire(self, locks: Sequence[SessionLock]) -> list[SessionLock]:
        held: list[SessionLock] = []
        for lock in locks:
            if not lock.acquire():
                self._release(held)
                raise LockTimeout
            held.append(lock)
        return held

    def _release(self, held: list[SessionLock]) -> None:
        while held:
            held.pop().release(self._control.words)

    def detach(self) -> None:
        """Read everything once more, after the last program has ended; from here on handlers use Python's values."""
        for cell in self._cells.values():
            if isinstance(cell, AddedElements):
                cell.collect_all()
            else:
                cell.load(False)
        self._cells = {}
