"""The object that generated code and built-in functions know as `rt` (user/protocol.py, tapset/services.py)."""

from __future__ import annotations

import os

from ..lean import TYPE_CHECKING, Any, Callable, Sequence, TypeVar
from ..user.errors import HandlerExit
from .output import Output
from .report import Report

if TYPE_CHECKING:
    from .address_spaces import ProgramImage
    from .on_demand import MemoryReader
    from .source_lines import KernelLines
    from .stacks import Stacks

T = TypeVar("T")
_PID_KEYS = ("pid()", "pid")


class SessionRuntime:
    """The services of a running session for user code.

    `max_string` is the longest string in bytes; `on_exit` is called when the script asks for the end.
    """

    def __init__(
        self, output: Output, report: Report, target_pid: int, max_string: int, on_exit: Callable[[], None]
    ) -> None:
        self.interrupted = False
        self.context: dict[str, int | str] = {}
        self.matched_groups: tuple[str, ...] | None = None
        self.probe_point = ""
        self.max_string = max_string
        self.target_pid = target_pid
        self.output = output
        self.write = output.write
        self.warn = report.warn
        self.log = report.log
        self.exit = on_exit
        self.look_ahead: Callable[[], object] = lambda: None
        """Takes the stacks that programs have sent and nobody has read yet."""
        self.switch_file = output.switch_file
        self._reader: MemoryReader | None = None
        self._states: dict[type[Any], Any] = {}
        self._children: list[int] = []
        self._kernel_lines: KernelLines | None = None

    def abort(self) -> None:
        """End the session and leave the handler at once."""
        self.exit()
        raise HandlerExit

    def state(self, kind: type[T], /) -> T:
        """Return the session's one instance of `kind`, made by `kind()` at the first call."""
        if kind not in self._states:
            self._states[kind] = kind()
        found: T = self._states[kind]
        return found

    def system(self, command: str, /) -> None:
        """Start a shell command in the background; what the script printed before comes before its output."""
        import signal

        self.output.flush()
        words = [b"sh", b"-c", command.encode("latin-1", "replace")]
        defaults = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP]
        self.reap()
        self._children.append(os.posix_spawn("/bin/sh", words, os.environ, setsigdef=defaults))

    def reap(self, block: bool = False) -> None:
        """Collect the commands that have ended, or wait for all."""
        running = []
        for pid in self._children:
            try:
                if os.waitpid(pid, 0 if block else os.WNOHANG) == (0, 0):
                    running.append(pid)
            except ChildProcessError:
                continue
        self._children = running

    def _memory(self) -> MemoryReader:
        if self._reader is None:
            from .on_demand import MemoryReader

            self._reader = MemoryReader()
        return self._reader

    def read_kernel_memory(self, address: int, size: int, /) -> bytes | None:
        """Return `size` bytes at an unsigned kernel address, None when they cannot be read."""
        return self._memory().read_kernel(address, size)

    def current_task(self) -> int:
        """Return the address of the session's own task_struct."""
        return self._memory().current_task()

    def read_user_memory(self, address: int, size: int, /) -> bytes | None:
        """The same for an address of the process that the handled event came from, else of the target."""
        pid: int | str = self.target_pid
        for key in _PID_KEYS:
            pid = self.context.get(key, pid)
        return self._memory().read_user(pid, address, size) if isinstance(pid, int) and pid else None

    def symbol_address(self, name: str, /) -> int | None:
        """Return the address of a kernel symbol, None where it is not known."""
        from ..loader.machine import machine_number

        return machine_number(f"symbol.{name}")

    def kernel_symbol(self, address: int, /) -> tuple[str, int, int, str] | None:
        """Return name, offset, size and module of what lies at a kernel address; None when it is not known."""
        from .symbol_names import SymbolNames

        return self.state(SymbolNames).locate(address & (1 << 64) - 1)

    def kernel_line(self, address: int, /) -> tuple[str, int] | None:
        """Return the source file and line of a kernel address; None where no debuginfo tells."""
        from .source_lines import KernelLines
        from .symbol_names import SymbolNames

        if self._kernel_lines is None:
            self._kernel_lines = KernelLines(self.state(SymbolNames).address_of("_stext"))
        return self._kernel_lines.find(address & (1 << 64) - 1)

    def task_stack(self, pid: int, /) -> Sequence[int]:
        """Return the addresses of the kernel stack of a task that does not run, as the kernel shows them."""
        from .symbol_names import SymbolNames

        names = self.state(SymbolNames)
        try:
            with open(f"/proc/{pid}/stack", encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            return ()
        addresses = []
        for line in lines:
            name, _, offset = line.partition("] ")[2].partition("/")[0].partition("+")
            start = names.address_of(name)
            if start and offset:
                addresses.append(start + int(offset, 16))
        return addresses

    def stacks(self) -> Stacks:
        """Return the stacks that programs have sent."""
        from .stacks import Stacks

        stacks = self.state(Stacks)
        stacks.look_ahead = self.look_ahead
        return stacks

    def kernel_stack(self, number: int, /) -> Sequence[int]:
        """Return the addresses of a kernel stack, the innermost first; none for 0."""
        return self.stacks().kernel(number, self.kernel_symbol)

    def user_stack(self, number: int, /) -> tuple[Sequence[int], ProgramImage | None]:
        """Return the addresses of a user stack, the innermost first, and what was mapped in its process."""
        return self.stacks().user(number)

    def address_space(self, number: int, /) -> ProgramImage | None:
        """Return what was mapped in an address space; None for 0."""
        return self.stacks().space(number)

    def follow_processes(self) -> None:
        """Note from now on what processes map, for symbols and stacks."""
        from ..loader.errors import KernelRefused
        from ..loader.process_events import ProcessEvents
        from .address_spaces import AddressSpaces
        from .attach import online_cpus

        try:
            events = ProcessEvents(online_cpus())
        except KernelRefused:  # /proc alone has to do
            events = None
        spaces = self.stacks().spaces = AddressSpaces(events)
        spaces.start((self.target_pid,) if self.target_pid else map(int, filter(str.isdigit, os.listdir("/proc"))))

    def close(self) -> None:
        for state in self._states.values():
            if hasattr(state, "close"):
                state.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
