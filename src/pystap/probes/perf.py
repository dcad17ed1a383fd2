"""`perf.*`: samples and counts of the kernel's perf events (man stapprobes, PERF; perf_event_open(2)).

perf.sw.page_faults.sample(1)                   every page fault
perf.type(1).config(2).process("/bin/ls")       every millionth one of a program
perf.hw.instructions.counter("n")               no handler runs; @perf("n") reads the count
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..diagnostics import semantic_error
from ..program.attach import PerfCounter, PerfSamples
from ..program.extension import DerivedPoint, PointPart
from ..records import dataclass
from .forms import match_form, names_after

DEFAULT_PERIOD = 1_000_000
"""How many events lie between two samples where the script does not say (man stapprobes)."""

HARDWARE, SOFTWARE, HARDWARE_CACHE = 0, 1, 3
"""`enum perf_type_id` of linux/perf_event.h."""
TYPE_NAMES = ("hardware", "software", "tracepoint", "hardware cache", "raw hardware", "breakpoint")

HARDWARE_EVENTS = (
    "cpu_cycles", "instructions", "cache_references", "cache_misses", "branch_instructions", "branch_misses",
    "bus_cycles", "stalled_cycles_frontend", "stalled_cycles_backend", "ref_cpu_cycles",
)  # fmt: skip
"""`enum perf_hw_id`, by number."""
SOFTWARE_EVENTS = (
    "cpu_clock", "task_clock", "page_faults", "context_switches", "cpu_migrations", "page_faults_min",
    "page_faults_maj", "alignment_faults", "emulation_faults",
)  # fmt: skip
"""`enum perf_sw_ids`, by number."""
CACHES = {
    "l1d": ("read", "write", "prefetch"), "l1i": ("read", "prefetch"), "ll": ("read", "write", "prefetch"),
    "dtlb": ("read", "write", "prefetch"), "itlb": ("read",), "bpu": ("read",), "node": ("read", "write", "prefetch"),
}  # fmt: skip
"""`enum perf_hw_cache_id`, in the order of its numbers, with what can be counted of each."""
_OPERATIONS = ("read", "write", "prefetch")
_RESULTS = ("access", "miss")

_SUFFIXES = (
    "", ".sample(number)", ".hz(number)", ".process", ".process(string)", ".counter(string)",
    ".process.counter(string)", ".process(string).counter(string)",
)  # fmt: skip


def _named() -> dict[str, tuple[int, int]]:
    """Return type and config of every event that has a name, by its form."""
    found = {f"perf.hw.{name}": (HARDWARE, number) for number, name in enumerate(HARDWARE_EVENTS)}
    found |= {f"perf.sw.{name}": (SOFTWARE, number) for number, name in enumerate(SOFTWARE_EVENTS)}
    for cache, (cache_name, operations) in enumerate(CACHES.items()):
        for operation in operations:
            for result, result_name in enumerate(_RESULTS):
                config = cache | _OPERATIONS.index(operation) << 8 | result << 16
                found[f"perf.hw_cache.{cache_name}.{operation}.{result_name}"] = (HARDWARE_CACHE, config)
    found["perf.hw_cache.ndoe.write.miss"] = found["perf.hw_cache.node.write.miss"]  # as SystemTap spells it too
    return found


@dataclass(frozen=True, slots=True)
class PerfKind:
    """`refusal` gives "" when a perf event of a type and config can be opened, else why not."""

    refusal: Callable[[int, int], str]
    root: str = "perf"
    keeps_wildcards: bool = False

    def _events(self) -> Mapping[str, tuple[int, int] | None]:
        return {"perf.type(number).config(number)": None, **_named()}

    def forms(self) -> Iterable[str]:
        return [event + suffix for event in self._events() for suffix in _SUFFIXES]

    def aliases(self) -> Iterable[str]:
        return [f"{name} = perf.type({type_}).config({config})" for name, (type_, config) in _named().items()]

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        form = match_form(parts, self.forms())
        event = next(known for known in self._events() if form == known or form.startswith(known + "."))
        size = event.count(".") + 1
        named = _named().get(event)
        type_, config = named if named is not None else (_number(parts[1]), _number(parts[2]))
        self._check(type_, config, parts[size - 1])
        point, attach = _attachment(type_, config, parts[size:])
        return [DerivedPoint(point, attach)]

    def _check(self, type_: int, config: int, part: PointPart) -> None:
        reason = self.refusal(type_, config)
        if reason:
            message = f"this machine has no counter {event_text(type_, config)}: {reason}"
            semantic_error(message, part.span, f"identifier '{part.name}'")


def event_text(type_: int, config: int) -> str:
    """Return a perf event as messages name it: `perf.hw.cache_misses (perf.type(0).config(3))`."""
    numbers = f"perf.type({type_}).config({config})"
    known = next((name for name, event in _named().items() if event == (type_, config)), "")
    kind = TYPE_NAMES[type_] if 0 <= type_ < len(TYPE_NAMES) else "unknown"
    return f"{known} ({numbers})" if known else f"{numbers} ({kind} event {config})"


def _attachment(type_: int, config: int, rest: Sequence[PointPart]) -> tuple[str, PerfSamples | PerfCounter]:
    """Return what pp() shows, and where the handler hangs. Raises ScriptError for numbers out of range."""
    given = {part.name: part for part in rest}
    process: str | None = None
    if "process" in given:
        process = _program(given["process"])
    period, frequency = DEFAULT_PERIOD, 0
    if "sample" in given:
        period = _positive(given["sample"])
    elif "hz" in given:
        period, frequency = 0, _positive(given["hz"])
    written = f"perf.type({type_}).config({config})"
    if "counter" in given:
        suffix = "".join(f".{part}" for part in rest)
        return written + suffix, PerfCounter(type_, config, str(given["counter"].argument), process)
    rate = f".hz({frequency})" if frequency else f".sample({period})"
    suffix = f".{given['process']}" if "process" in given else ""
    return written + rate + suffix, PerfSamples(type_, config, period, frequency, process)


def _program(part: PointPart) -> str:
    """Return the path of the program that is named, "" where none is. Raises ScriptError."""
    if part.argument is None:
        return ""
    import shutil  # a slow import, for points that name a program alone

    found = shutil.which(str(part.argument))
    if found is None:
        semantic_error(f"cannot find executable '{part.argument}'", part.span, f"identifier '{part.name}'")
    return os.path.realpath(found)


def _number(part: PointPart) -> int:
    assert isinstance(part.argument, int)
    return part.argument


def _positive(part: PointPart) -> int:
    number = _number(part)
    if number < 1:
        semantic_error(f"{part.name} value must be at least 1", part.span, f"identifier '{part.name}'")
    return number
