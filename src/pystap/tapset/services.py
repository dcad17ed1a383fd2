"""What the user side of a built-in function may ask of the runtime that calls it.

A built-in raises the script's run-time errors as program.fault_messages.RuntimeFault, with a message alone.
"""

from __future__ import annotations

from ..lean import Protocol, Sequence, TypeVar

T = TypeVar("T")

SymbolPlace = tuple[str, int, int, str]
"""A symbol's name, an offset in it, its size, and its module. Without a name, offset and size are those of the module;
a size of 0 is not known."""

CLOCK_MONOTONIC_COARSE = 6
"""A clock that `time` has no name for (include/uapi/linux/time.h): it advances with each tick."""


class Places(Protocol):
    """What was mapped in a process."""

    def place(self, address: int) -> SymbolPlace | None:
        """Return what lies at an address; its module is the path of the file."""

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the source file and the line of an address; None where no debug information tells."""

    def build_id(self, address: int) -> str:
        """Return the build id of the file that an address lies in, "" where there is none."""

    def address_in_file(self, address: int) -> int | None:
        """Return an address as the file that it lies in counts it; None outside of files."""


class Services(Protocol):
    """The runtime, as rows of tapset/functions see it: the first argument of every `Builtin.user`."""

    @property
    def max_string(self) -> int:
        """The longest string in bytes: MAXSTRINGLEN - 1."""

    @property
    def matched_groups(self) -> tuple[str, ...] | None:
        """The text and the groups of the last `=~`, "" for a group without part; None when it did not match."""

    @property
    def probe_point(self) -> str:
        """What pp() gives in the handler that runs now."""

    @property
    def target_pid(self) -> int:
        """The process of -c or -x, 0 without."""

    def write(self, text: str, /) -> object:
        """Append to the output of the script."""

    def log(self, text: str, /) -> None:
        """Send text, which ends in a newline, to the standard error output at once."""

    def warn(self, text: str, /) -> None:
        """Show a warning, given without its "WARNING: " and its newline, on the standard error output at once."""

    def exit(self) -> None:
        """Ask for the end of the session; the handler goes on."""

    def abort(self) -> None:
        """Ask for the end of the session and leave the handler by an exception that no `catch` takes."""

    def switch_file(self) -> None:
        """Go on in the next output file (-S)."""

    def system(self, command: str, /) -> None:
        """Start a shell command in the background, its output on the session's standard output."""

    def read_kernel_memory(self, address: int, size: int, /) -> bytes | None:
        """Return `size` bytes at an unsigned kernel address, None when they cannot be read."""

    def current_task(self) -> int:
        """Return the address of the session's own task_struct, as a signed number."""

    def read_user_memory(self, address: int, size: int, /) -> bytes | None:
        """Return `size` bytes of the process that the handled event came from, None when they cannot be read."""

    def symbol_address(self, name: str, /) -> int | None:
        """Return the address of a kernel symbol, None where it is not known."""

    def kernel_symbol(self, address: int, /) -> SymbolPlace | None:
        """Return what lies at a kernel address; its module is "kernel" for the kernel itself."""

    def kernel_line(self, address: int, /) -> tuple[str, int] | None:
        """Return the source file and the line of a kernel address; None without the kernel's debuginfo."""

    def task_stack(self, pid: int, /) -> Sequence[int]:
        """Return the addresses of the kernel stack of a task that does not run; none when it is not shown."""

    def user_stack(self, number: int, /) -> tuple[Sequence[int], Places | None]:
        """Return the addresses of a user stack, the innermost first, and what was mapped in its process."""

    def address_space(self, number: int, /) -> Places | None:
        """Return what was mapped in an address space; None for 0."""

    def kernel_stack(self, number: int, /) -> Sequence[int]:
        """Return the addresses of a kernel stack, the innermost first; none for 0."""

    def state(self, kind: type[T], /) -> T:
        """Return the session's one instance of `kind`, made by `kind()` at the first call."""
