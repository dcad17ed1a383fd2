"""A running script: maps and programs, user handlers, output, and the order in which all of it starts and ends.

    with Session(image, RunOptions(timeout=5)) as session:
        status = session.run()

Start: maps and programs are loaded, the `begin` handlers run, globals go to the maps, programs are attached, the
target command is let go. Then the event loop runs until exit(), a signal, the end of the target, or the time limit.
End: kernel handlers are stopped, what they sent is handled, globals come to Python, `end` handlers run (`error`
handlers instead after a failure), globals that the script never reads are shown, losses are reported, everything is
detached.
"""

from __future__ import annotations

import os
from time import monotonic_ns

from ..abi.session_image import HandlerLayout, SessionImage
from ..abi.stack_records import USER_MAP
from ..lean import TYPE_CHECKING, Callable
from ..program.attach import ProcFile, StandardInput, Timer
from ..user.globals import Globals, attribute_name, new_globals
from .event_loop import BATCH, BUSY, IDLE, EventLoop
from .handlers import Handlers
from .output import DescriptorSink, FileSink, Output, Sink
from .plain_globals import PlainGlobals, Store
from .report import Report, wants_color
from .run_options import RunOptions
from .target import TargetCommand, check_process, describe_status
from .timers import TimerQueue
from .user_runtime import SessionRuntime

if TYPE_CHECKING:  # a script without kernel handlers never loads these
    from .event_stream import EventStream
    from .kernel_side import KernelSide
    from .procfs import SessionFiles

SKIP_MESSAGE = "Skipped too many probes, check MAXSKIPPED or try again with stap -t for more details."
_CHECK_INTERVAL = 500_000_000
_SECOND = 1_000_000_000


class Session:
    """One run of an image. A context manager: leaving it detaches and frees everything.

    `sink` gets the output instead of what the options say. `values` holds the globals. `start`, `step` and `finish` are
    the parts of `run`, for callers with a loop of their own.
    """

    def __init__(self, image: SessionImage, options: RunOptions | None = None, sink: Sink | None = None) -> None:
        self.image = image
        self.options = options or RunOptions()
        limits = image.limits
        self.report = Report(wants_color(self.options.color), self.options.warnings, limits.suppress_handler_errors)
        self.output = Output(sink if sink is not None else _sink(self.options), self._output_failed)
        self.report.before = self.output.flush
        self.values = _initial_values(image, self.options)
        self.live = False
        """Whether probes are attached and timers run."""
        self.ended = False
        """Whether something asked for the end of the session."""
        self._target: TargetCommand | None = None
        self._kernel: KernelSide | None = None
        self._stream: EventStream | None = None
        self._handlers: Handlers | None = None
        self._timers = TimerQueue(())
        self._loop = EventLoop()
        self._rt: SessionRuntime | None = None
        self._files: SessionFiles | None = None
        self._deadline: int | None = None
        self._next_check = 0
        self._handling_events = self._drop_rest = self._busy = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ start

    def start(self) -> None:
        """Load, run the begin handlers, attach. Raises `KernelRefused`, `TargetFailed`."""
        pid = self._prepare_target()
        limits = self.image.limits
        store: Store = PlainGlobals(self.values)
        if self.image.programs:
            from .kernel_side import KernelSide

            self._kernel = KernelSide(self.image, self.values, self.options.buffer_mb, pid)
            store = self._kernel.store
        self._rt = SessionRuntime(self.output, self.report, pid, limits.max_width, self._end_here)
        self._handlers = Handlers(self.image, self._rt, store, self.report, self._end_here, self.options.timing)
        self._run_begin(self._handlers)
        if not self.ended:
            self._go_live(self._handlers)
        self.output.flush()

    def _prepare_target(self) -> int:
        if self.options.command is not None:
            self._target = TargetCommand(self.options.command)
            return self._target.pid
        if self.options.pid is not None:
            check_process(self.options.pid)
            return self.options.pid
        return 0

    def _run_begin(self, handlers: Handlers) -> None:
        """Begin handlers work on Python's values alone: nothing is attached yet."""
        for handler in handlers.of_phase("begin"):
            if self.ended:
                return
            handlers.run_detached(handler)

    def _go_live(self, handlers: Handlers) -> None:
        if self._kernel is not None:
            self._stream = self._kernel.stream(
                handlers.event_runners(), self._kernel_error, lambda: self._drop_rest, self._stack_record
            )
            if self._stream is not None and self._rt is not None:
                self._rt.look_ahead = self._stream.look_ahead
                if any(spec.name == USER_MAP for spec in self.image.maps):
                    self._rt.follow_processes()
                    self._rt.stacks().teach = self._kernel.teach
            self._kernel.attach()
        self.live = True
        now = monotonic_ns()
        if self.options.timeout:
            self._deadline = now + int(self.options.timeout * _SECOND)
        if any(isinstance(handler.attach, ProcFile | StandardInput) for handler in self.image.handlers):
            self._offer_files()
        self._timers = TimerQueue(
            (handler.attach, handler.index)
            for handler in self.image.handlers
            if handler.function and isinstance(handler.attach, Timer)
        )
        self.output.flush()  # in front of what the target prints
        if self._target is not None:
            self._loop.add(self._target.fileno(), self.end)
            self._target.start()

    def _offer_files(self) -> None:
        from ..program.open_file import OpenFile
        from .procfs import SessionFiles, files_folder

        assert self._rt is not None
        rows = [handler for handler in self.image.handlers if handler.function]
        limits, folder = self.image.limits, files_folder(self.options.name or f"stap_{os.getpid()}")
        size = limits.procfs_size or limits.max_width
        try:
            self._files = SessionFiles(rows, folder, size, self._rt.state(OpenFile), self._run_unless_ended)
        except OSError as error:
            self.report.error(f"cannot make the files of procfs probes: {error.filename}: {error.strerror}")
            self.end()
            return
        self._files.watch(self._loop)

    def _run_unless_ended(self, handler: HandlerLayout) -> None:
        if not self.ended:
            assert self._handlers is not None
            self._handlers.run(handler)

    # ------------------------------------------------------------------------------------------ the loop

    def end(self) -> None:
        """Ask for the end of the session; what kernel handlers have sent so far is still handled."""
        self.ended = True
        if self._kernel is not None:
            self._kernel.stop()

    def _end_here(self) -> None:
        """End because a handler called exit() or failed: events that were sent after its own are not handled."""
        self._drop_rest = self._drop_rest or self._handling_events
        self.end()

    def _kernel_error(self, number: int, value: int) -> None:
        from ..program.fault_messages import fill_in

        assert self._handlers is not None
        self._handlers.count_error(fill_in(self.image.errors[number].message, value))

    def _stack_record(self, number: int, record: bytes) -> None:
        assert self._rt is not None
        self._rt.stacks().take(number, record)

    def step(self) -> None:
        """Handle what has come, run the timers that are due, write the output, then wait for more."""
        count = self._read_events()
        due = self._timers.take_due()
        if due and not self.ended:
            assert self._handlers is not None
            self._handlers.run_all([self.image.handlers[index] for index in due], lambda: self.ended)
        if self._files is not None and not self.ended:
            self._files.serve()
        self.output.flush()
        now = monotonic_ns()
        if self._deadline is not None and now >= self._deadline:
            self.end()
        if self._kernel is not None:
            self._watch_kernel(self._kernel, count, now)
        if not self.ended:
            self._wait(count)

    def _read_events(self) -> int:
        if self._stream is None:
            return 0
        self._handling_events = True
        try:
            return self._stream.read()
        finally:
            self._handling_events = False

    def _watch_kernel(self, kernel: KernelSide, count: int, now: int) -> None:
        """Notice an exit() whose event was lost, and too many skipped probes; keep the wall clock right."""
        if kernel.stopped and not count:
            self.end()
        limits = self.image.limits
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_INTERVAL
        kernel.set_wall_clock()
        kernel.make_room_for_calls()
        too_many = kernel.skipped() > limits.max_skipped and not limits.suppress_handler_errors
        if too_many and not self.report.failed:
            self.report.error(SKIP_MESSAGE)
            self.end()

    def _wait(self, count: int) -> None:
        if count >= BATCH:
            return
        until = self._timers.next_due()
        if self._deadline is not None:
            until = min(until, self._deadline) if until is not None else self._deadline
        reading = self._files.next_due() if self._files is not None else None
        if reading is not None:
            until = min(until, reading) if until is not None else reading
        if self._kernel is None or self._stream is None:
            self._loop.wait(until, 0.5 if self._kernel is not None else 3600.0)
            return
        interval = self.options.interval_ms / 1000 or (BUSY if count else IDLE)
        self._set_busy(bool(count), self._kernel.fileno())
        self._loop.wait(until, interval)

    def _set_busy(self, busy: bool, fd: int) -> None:
        """While records come, the buffer is always readable: only an idle loop waits for its wake-up."""
        if busy:
            self._loop.remove(fd)
        elif self._busy or not self._loop.has(fd):
            self._loop.add(fd, lambda: None)
        self._busy = busy

    def _output_failed(self, reason: str) -> None:
        """End when the output cannot be written: quietly when its reader has gone (`| head`)."""
        if reason:
            self.report.error(reason)
        self.interrupt()
        self.end()

    def interrupt(self) -> None:
        """Cut short a handler that is running now."""
        if self._rt is not None:
            self._rt.interrupted = True

    def watch(self, fd: int, action: Callable[[], object]) -> None:
        """Run `action` in the event loop whenever `fd` becomes readable."""
        self._loop.add(fd, action)

    def read_globals(self) -> dict[str, object]:
        """Return the value of every global as it is now."""
        names = [layout.name for layout in self.image.globals]
        found: dict[str, object] = {}

        def take() -> None:
            found.update((name, getattr(self.values, attribute_name(name))) for name in names)

        access = self._kernel.store.access(names, ()) if self._kernel is not None and self.live else None
        if access is None or self._kernel is None:
            take()
        else:
            self._kernel.store.run(access, take)
        return found

    def unwatch(self, fd: int) -> None:
        self._loop.remove(fd)

    # ------------------------------------------------------------------------------------------ the end

    def finish(self) -> int:
        """Stop and detach, run the end or error handlers, report. Returns the exit status: 0, or 1 after a failure."""
        self.ended = True
        if self._rt is not None:
            self._rt.interrupted = False
            self._rt.reap()
        if self._kernel is not None:
            self._finish_kernel(self._kernel)
        if self._handlers is not None:
            phase = "error" if self.report.failed else "end"
            for handler in self._handlers.of_phase(phase):
                self._handlers.run_detached(handler)
            if self.options.display_globals:
                self._display_globals()
        self.output.flush()
        self._final_report()
        return 1 if self.report.failed else 0

    def _finish_kernel(self, kernel: KernelSide) -> None:
        kernel.stop_and_wait()
        while self._stream is not None and not self._drop_rest and self._read_events():
            self.output.flush()
        if self._stream is not None:
            self._stream.finish()
            self.report.lost_events = kernel.lost_events() + self._stream.lost_records
        self.report.lost_updates = kernel.lost_updates()
        self.report.skipped += kernel.skipped() + kernel.skipped_otherwise()
        kernel.store.detach()

    def _display_globals(self) -> None:
        if any(layout.print_at_end for layout in self.image.globals):
            from .global_display import display_globals

            self.output.write(display_globals(self.image.globals, self.values))

    def _final_report(self) -> None:
        self.report.summary()
        if self._kernel is not None and (self.options.verbose or self.options.timing):
            for line in self._kernel.loss_lines():
                self.report.warn(line)
        if self.options.timing and self._handlers is not None:
            from .probe_timing import timing_report

            times = self._handlers.times
            for handler in self.image.handlers:
                if self._kernel is not None and not handler.function:
                    times[handler.index].merge(self._kernel.times(handler.index))
            self.report.line(timing_report(self.image.handlers, times).rstrip("\n"))
        self._report_target()
        if self._rt is not None:
            self._rt.reap(block=True)

    def _report_target(self) -> None:
        if self._target is None or not self.live:
            return
        if self._target.wait(block=False) is None:
            self.report.line("Waiting for processes to exit")
        status = self._target.wait()
        text = describe_status(status or 0)
        if text:
            self.report.warn(text)
            self.report.failed = True

    def run(self) -> int:
        """Run to the end and return the exit status, as `finish` does."""
        self.start()
        while not self.ended:
            self.step()
        return self.finish()

    def close(self) -> None:
        """Detach and free everything. May be called again."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None
        if self._files is not None:
            self._files.close()
            self._files = None
        if self._target is not None:
            self._target.close()
            self._target = None
        if self._rt is not None:
            self._rt.close()
        self.output.close()


def _sink(options: RunOptions) -> Sink:
    if options.output:
        return FileSink(options.output, options.output_size, options.output_files)
    return DescriptorSink(1)


def _initial_values(image: SessionImage, options: RunOptions) -> Globals:
    layouts = image.globals
    if options.globals:
        from .overrides import override

        layouts = override(layouts, options.globals)
    return new_globals(layouts)
