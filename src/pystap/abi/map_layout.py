"""Where the program's globals, locks and counters lie in maps, agreed between kernel programs and the session.

`control` is one mmapable array value of CONTROL_SIZE bytes and more:

    0    u64  stopped: not 0 once exit() ran or an error ended the session; kernel handlers leave at once
    8    u64  generation: bit 0 says which of the two buffers of DRAINED globals kernel handlers add to
    16   s64  wall clock offset: nanoseconds to add to CLOCK_MONOTONIC for the time since 1970, refreshed by the session
              every second (gettimeofday_*)
    24   s64  target: the process id that target() gives, set by the session
    64   locks, LOCK_STRIDE bytes each: cpu + 1 of the program that holds it, USER_HOLDS for the session, 0 when free
    ...  counters of each handler, HANDLER_STRIDE bytes each, see Counter

`globals` is one mmapable array value with the SHARED scalars: a long takes 8 bytes, a string its buffer_size.
`adds` is one mmapable array value with the cells of ADD_ONLY and DRAINED scalars: [buffer 0, 1][cpu][cell], each CPU's
row `stride` bytes (a power of two, at least 64, so that CPUs share no cache line).
Arrays are maps of their own: `a_NAME`; DRAINED arrays have two, `a_NAME` and `b_NAME`. Their keys are the key columns
one behind the other, longs as 8 bytes and strings as buffer_size(width), zero-filled (a column that is rendered when
it is read: the values that it is made from); their values are a long or a
string's buffer, or a statistic (see statistic_size). ADD_ONLY and DRAINED arrays are per-CPU hashes, SHARED hashes.
Keyless statistics are entry 0 of a per-CPU array named like an array.
"""

from __future__ import annotations

from ..lean import TYPE_CHECKING, IntEnum
from ..program.symbols import Global, StorageKind
from ..program.types import Type, buffer_size
from ..records import dataclass

if TYPE_CHECKING:
    from ..program.program import ElaboratedProgram

CONTROL_MAP, GLOBALS_MAP, ADDS_MAP = "control", "globals", "adds"
STOPPED_OFFSET, GENERATION_OFFSET, WALL_CLOCK_OFFSET, TARGET_OFFSET = 0, 8, 16, 24
LOCKS_OFFSET, LOCK_STRIDE = 64, 64
HANDLER_STRIDE = 128
USER_HOLDS = 1 << 32
"""The lock word's value while the session itself holds the lock."""


class Counter(IntEnum):
    """The u64 counters of one handler, by index."""

    SKIPPED_LOCK = 0  # another handler held the lock for too long, or was interrupted on this CPU
    SKIPPED_USER_LOCK = 1  # the session held the lock
    SKIPPED_SCRATCH = 2  # no scratch slot was free
    LOST_EVENTS = 3  # the ring buffer was full
    LOST_UPDATES = 4  # a map update failed for another reason than a full map
    ERRORS = 5  # run-time errors that nothing caught
    HITS = 6  # with -t only, to MAX_NS
    TOTAL_NS = 7
    MIN_NS = 8
    MAX_NS = 9
    MISSED_ENTRIES = 10  # entries of calls beyond those whose values can be kept until they return


def perf_counter_map(index: int) -> str:
    """Return the name of the map with the events of a perf counter, by its number: one for each possible CPU."""
    return f"perf_{index}"


@dataclass(frozen=True, slots=True)
class GlobalPlace:
    """Where one global lies: an offset in `globals`, a cell number in `adds`, or the names of its maps."""

    offset: int = 0
    cell: int = 0
    maps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MapLayout:
    """The places of all globals that the kernel touches, and the sizes of the maps in bytes."""

    places: dict[str, GlobalPlace]
    control_size: int
    globals_size: int
    adds_cells: int
    adds_stride: int
    handlers_offset: int

    def lock_offset(self, lock: int) -> int:
        """Return where lock number `lock` lies in `control`."""
        return LOCKS_OFFSET + LOCK_STRIDE * lock

    def counter_offset(self, handler: int, counter: Counter) -> int:
        """Return where a counter of handler number `handler` lies in `control`."""
        return self.handlers_offset + HANDLER_STRIDE * handler + 8 * counter


def key_size(variable: Global) -> int:
    """Return the bytes of a key of an array."""
    return sum(buffer_size(width) if kind is Type.STRING else 8 for kind, width in variable.stored_columns())


def histogram_buckets(shape: tuple[str | int, ...]) -> int:
    """Return how many counters a histogram has: 128 for hist_log; one a step and two for what lies outside, else."""
    if shape[0] == "hist_log":
        return 128
    low, high, step = (int(n) for n in shape[1:])
    return (high - low) // step + 3


def statistic_size(variable: Global) -> int:
    """Return the bytes of one CPU's statistic: count, sum, min, max, then the buckets of each histogram, u64 each.

    With `reads_variance`, two words follow max: the shifted mean and the shifted sum of squared distances.
    """
    extra = 2 if variable.reads_variance else 0
    return 8 * (4 + extra + sum(histogram_buckets(shape) for shape in variable.histograms))


def value_size(variable: Global) -> int:
    """Return the bytes of a value of a global (of one CPU's, for per-CPU maps)."""
    if variable.type is Type.STATISTIC:
        return statistic_size(variable)
    return buffer_size(variable.width) if variable.type is Type.STRING else 8


def lay_out(program: ElaboratedProgram) -> MapLayout:
    """Give every global that is not of storage USER its place."""
    places: dict[str, GlobalPlace] = {}
    offset = cells = 0
    for variable in program.globals:
        if variable.storage is StorageKind.USER:
            continue
        if variable.is_array or variable.type is Type.STATISTIC:
            names: tuple[str, ...] = ("a_" + variable.name,)
            if variable.storage is StorageKind.DRAINED:
                names += ("b_" + variable.name,)
            places[variable.name] = GlobalPlace(maps=names)
        elif variable.storage is StorageKind.SHARED:
            places[variable.name] = GlobalPlace(offset=offset)
            offset += value_size(variable)
        else:
            places[variable.name] = GlobalPlace(cell=cells)
            cells += 1
    handlers = LOCKS_OFFSET + LOCK_STRIDE * max(program.locks, 1)
    stride = 64
    while stride < 8 * cells:
        stride *= 2
    size = handlers + HANDLER_STRIDE * max(len(program.handlers), 1)
    return MapLayout(places, size, offset, cells, stride, handlers)
