"""Running user handlers and event bodies: their globals, their errors, their times."""

from __future__ import annotations

import marshal
from time import monotonic_ns

from ..abi.session_image import EventLayout, HandlerLayout, SessionImage
from ..lean import TYPE_CHECKING, Any, Callable, Iterable
from ..program.attach import Phase
from ..user.errors import HandlerExit, RuntimeFault
from ..user.globals import Globals
from .plain_globals import LockTimeout, Store
from .probe_timing import RunTimes
from .report import Report
from .user_runtime import SessionRuntime

if TYPE_CHECKING:
    from .globals_store import Access

USER_CODE = "<user handlers>"
"""The file name of the generated module (user/codegen.py)."""


class Handlers:
    """The handlers of an image that run in this process.

    `on_failure` is called when too many of them raised an error. With `timing`, `times` holds their run times by
    handler index.
    """

    def __init__(
        self,
        image: SessionImage,
        rt: SessionRuntime,
        store: Store,
        report: Report,
        on_failure: Callable[[], None],
        timing: bool = False,
    ) -> None:
        self._image = image
        self._rt = rt
        self._store = store
        self._report = report
        self._on_failure = on_failure
        self._functions, self._places = load_functions(image.user_code, rt, store.values)
        store.use_functions(self._functions)
        self._accesses = {
            handler.index: store.access((*handler.reads, *handler.condition_reads), handler.writes)
            for handler in image.handlers
            if handler.function
        }
        self.times = [RunTimes() for _ in image.handlers]
        self._timing = timing

    def of_phase(self, *phases: str) -> list[HandlerLayout]:
        """Return the begin, end or error handlers in the order in which they run."""
        found = [
            (h.attach.sequence, h.index, h)
            for h in self._image.handlers
            if h.function and isinstance(h.attach, Phase) and h.attach.phase in phases
        ]
        return [handler for _, _, handler in sorted(found, key=lambda row: row[:2])]

    def run_all(self, handlers: Iterable[HandlerLayout], until: Callable[[], bool] = lambda: False) -> None:
        """Run handlers one after the other; those that drain globals share one flip. Stops when `until` says so."""
        rows = list(handlers)
        accesses = [access for handler in rows if (access := self._accesses[handler.index]) is not None]
        fresh = bool(accesses) and self._store.drain(accesses)
        for handler in rows:
            if until():
                return
            self.run(handler, fresh)

    def run(self, handler: HandlerLayout, fresh: bool = False) -> None:
        """Run one handler; its errors are counted and said."""
        self._rt.probe_point = handler.point
        self._guarded(self._functions[handler.function], self._accesses[handler.index], handler.index, fresh)

    def run_detached(self, handler: HandlerLayout) -> None:
        """Run one handler on Python's values alone: before anything is attached, or after everything is detached."""
        self._rt.probe_point = handler.point
        self._guarded(self._functions[handler.function], None, handler.index, True)

    def event_runners(self) -> list[Callable[[bytes], object] | None]:
        """Return for each event number the function that handles a record of it."""
        runners: list[Callable[[bytes], object] | None] = [None] * (
            max((event.number for event in self._image.events), default=-1) + 1
        )
        for event in self._image.events:
            runners[event.number] = self._event_runner(event)
        return runners

    def _event_runner(self, event: EventLayout) -> Callable[[bytes], object]:
        function = self._functions[event.function]
        access = self._store.access(event.reads, event.writes)
        point = self._image.handlers[event.handler].point
        rt, fault = self._rt, self._fault

        def plain(record: bytes) -> None:
            rt.probe_point = point
            try:
                function(record)
            except RuntimeFault as error:
                fault(error)
            except HandlerExit:
                return

        def with_globals(record: bytes) -> None:
            rt.probe_point = point
            self._guarded(lambda: function(record), access, event.handler, False, timed=False)

        return plain if access is None else with_globals

    def _guarded(
        self, body: Callable[[], Any], access: Access | None, index: int, fresh: bool, timed: bool = True
    ) -> None:
        start = monotonic_ns() if self._timing and timed else 0
        try:
            if access is None:
                body()
            else:
                self._rt.output.held = bool(access.locks and access.written)
                self._store.run(access, body, fresh)
        except RuntimeFault as error:
            self._fault(error)
        except HandlerExit:
            pass
        except LockTimeout:
            self._report.skipped += 1
        finally:
            self._rt.output.held = False
        if start:
            self.times[index].add(monotonic_ns() - start)

    def _fault(self, error: RuntimeFault) -> None:
        place = error.place or self._place_of(error)
        self.count_error(f"{error.message} {place}" if place else error.message)

    def _place_of(self, error: RuntimeFault) -> str:
        """Return the place of an error that a built-in function raised: that of its call in the generated code."""
        place = ""
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == USER_CODE:
                place = self._places.get(trace.tb_lineno, place)
            trace = trace.tb_next
        return place

    def count_error(self, text: str) -> None:
        """Count and say an error of a handler, of either target; too many of them end the session."""
        self._report.script_error(text)
        limits = self._image.limits
        if self._report.errors > limits.max_errors and not limits.suppress_handler_errors:
            self._report.failed = True
            self._on_failure()


def load_functions(
    user_code: bytes, rt: SessionRuntime, values: Globals
) -> tuple[dict[str, Callable[..., object]], dict[int, str]]:
    """Return the functions of the generated module by name, and the places in the script by line of its code."""
    if not user_code:
        return {}, {}
    namespace: dict[str, Any] = {"__name__": "pystap_user_handlers"}
    exec(marshal.loads(user_code), namespace)
    return namespace["make"](rt, values), namespace.get("PLACES", {})
