"""The library: compile a script, run it, get its output and globals as Python values.

    import pystap

    image = pystap.compile('global n probe syscall.getpid { n++ } probe timer.s(1) { exit() }')
    with pystap.Session(image) as session:
        for event in session.events():
            print(event)
        print(session.globals["n"])

A session does not touch signals, so it may run in any thread. Errors: `CompileError` for a script that is wrong,
`KernelRefused` and `MissingPrivilege` (pystap.loader.errors) for what the kernel does not let happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .abi.session_image import SessionImage
from .diagnostics import Diagnostics, render
from .options import Options
from .pass_lines import PassClock, PassesEnded
from .records import dataclass, replace
from .runtime import session as runtime
from .runtime.output import CallbackSink
from .runtime.run_options import RunOptions
from .user.arrays import ScriptArray
from .user.statistics import Statistic


class CompileError(Exception):
    """The script is wrong; the text is what `stap` would print."""


@dataclass(frozen=True, slots=True)
class Output:
    """Text that the script printed."""

    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A line for standard error: a warning, a run-time error, log()."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over; `status` is what the command would exit with."""

    status: int
    errors: int
    skipped: int
    lost_events: int


Event = Output | Message | Ended


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A statistic: minimum, maximum and average are None without samples. Histograms are bucket counts by shape."""

    count: int
    sum: int
    minimum: int | None
    maximum: int | None
    average: int | None
    histograms: Mapping[tuple[str | int, ...], Sequence[int]]


Value = int | str | Aggregate | dict[Any, Any]
"""A global: a dictionary for an array, its keys tuples when it has several key columns."""


def compile(script: str, arguments: Sequence[str] = (), options: Options | None = None) -> SessionImage:
    """Return the compiled script. `options` may hold what a command line would. Raises `CompileError`."""
    from .compiler import compile_scripts

    said: list[str] = []

    def show(diagnostics: Diagnostics, _: Options) -> None:
        said.extend(render(diagnostic) for diagnostic in diagnostics.errors)

    chosen = replace(options or Options(), arguments=tuple(arguments), last_pass=5)
    try:
        return compile_scripts([("<input>", script)], chosen, PassClock((0, 0, 0, 0, 0)), show)
    except PassesEnded:
        raise CompileError("".join(said)) from None


class Session:
    """A run of an image. A context manager; leaving it detaches everything."""

    def __init__(self, image: SessionImage, options: RunOptions | None = None) -> None:
        self._events: list[Event] = []
        sink = CallbackSink(lambda data: self._events.append(Output(data.decode("latin-1"))))
        self._session = runtime.Session(image, options, sink)
        self._session.report.mirror = lambda text: self._events.append(Message(text))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def events(self) -> Iterator[Event]:
        """Run the script and yield what it does as it comes; the last event is `Ended`. Raises `KernelRefused`."""
        session = self._session
        session.start()
        while not session.ended:
            yield from self._taken()
            session.step()
        status = session.finish()
        yield from self._taken()
        report = session.report
        yield Ended(status, report.errors, report.skipped, report.lost_events)

    def _taken(self) -> list[Event]:
        taken = self._events[:]
        self._events.clear()
        return taken

    def run(self) -> str:
        """Run the script to its end and return its output."""
        return "".join(event.text for event in self.events() if isinstance(event, Output))

    def end(self) -> None:
        """Ask the session to end; `events` goes on until it has."""
        self._session.end()

    @property
    def globals(self) -> dict[str, Value]:
        """The script's globals as they are now, also while it runs."""
        return {name: _value(value) for name, value in self._session.read_globals().items()}


def _value(value: object) -> Value:
    if isinstance(value, ScriptArray):
        return {key: _value(element) for key, element in value.elements.items()}
    if isinstance(value, Statistic):
        some = value.count > 0
        return Aggregate(
            value.count,
            value.sum,
            value.low if some else None,
            value.high if some else None,
            value.average(("", "")) if some else None,
            {shape: tuple(counts) for shape, counts in value.buckets.items()},
        )
    assert isinstance(value, int | str)
    return value
