"""The process that `-c CMD` starts, held back until the probes are live, and the one that `-x PID` names."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` wraps it in enums, which take 3 ms to make
import os

from ..lean import suppress

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_SHELL_MARKS = ";|&<>()$`\\*?[#~{}\n"
_FIRST_WORD_MARKS = "=%!"


class TargetFailed(Exception):
    """The target cannot be used; the message says why."""


class TargetCommand:
    """A command that waits in a forked child until `start`; `pid` is its process id from the beginning.

    The child becomes the command, words and quotes as the shell has them; where it needs more of a shell, it becomes
    the shell. `fileno` becomes readable when the command has ended.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        ready, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _wait_and_run(ready, self._go, command)
        os.close(ready)
        self._handle = os.pidfd_open(self.pid)
        self._status: int | None = None

    def start(self) -> None:
        """Let the command run."""
        if self._go >= 0:
            with suppress(BrokenPipeError):
                os.write(self._go, b"1")
            os.close(self._go)
            self._go = -1

    def fileno(self) -> int:
        return self._handle

    def wait(self, block: bool = True) -> int | None:
        """Return the status as waitpid(2) gives it; None when the command has not ended and `block` is false."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, 0 if block else os.WNOHANG)
            except ChildProcessError:  # this process is not the parent any more: the session was left running
                pid, status = self.pid, 0
            if pid:
                self._status = status
        return self._status

    def close(self) -> None:
        """Let go of the command. One that was never started ends unrun, one that still runs gets SIGTERM."""
        if self._handle < 0:
            return
        if self._go >= 0:
            os.close(self._go)
            self._go = -1
            self.wait()
        elif self.wait(block=False) is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGTERM)
            self.wait(block=False)
        os.close(self._handle)
        self._handle = -1


def describe_status(status: int) -> str:
    """Return what to say about a command that failed, "" when it ended with 0."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"child process exited with signal {number} ({signal.strsignal(number)})"
    code = os.WEXITSTATUS(status)
    return f"child process exited with status {code}" if code else ""


def check_process(pid: int) -> None:
    """Raise `TargetFailed` unless a process with that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        raise TargetFailed(f"no process with id {pid} (-x)") from None
    except PermissionError:
        return


_OWN_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ
)  # fmt: skip
"""What the session handles, and the two that Python ignores: a command starts as from a shell."""


def _wait_and_run(ready: int, go: int, command: str) -> None:
    """Run in the child: wait for the word, then become the command. Never returns."""
    try:
        os.close(go)
        for number in _OWN_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        words = _words(command)
        program = _found(words[0]) if words else ""
        if os.read(ready, 1) != b"1":
            os._exit(0)
        _execute(command, words, program)
    except KeyboardInterrupt:
        os._exit(130)
    finally:
        os._exit(_NOT_FOUND)


def _found(name: str) -> str:
    """Return the program that a name stands for, looked up before anything is traced; "" when there is none."""
    if "/" in name:
        return name
    for folder in os.get_exec_path():
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


def _execute(command: str, words: list[str], program: str) -> None:
    try:
        if words:
            with suppress(FileNotFoundError):  # it may be a word of the shell
                if program:
                    os.execv(program, words)
                os.execvp(words[0], words)
        os.execv("/bin/sh", ["sh", "-c", command])
    except OSError as error:
        os.write(2, f"ERROR: cannot run '{command}': {error.strerror}\n".encode(errors="surrogateescape"))
        os._exit(_NOT_EXECUTABLE if isinstance(error, PermissionError) else _NOT_FOUND)


def _words(command: str) -> list[str]:
    """Return the words of a command that needs a shell only for its quotes; none for one that needs more of it.

    Not every shell replaces itself by the last command that it runs, and target() must be the command's own pid.
    """
    quote, quoted = "", False
    for character in command:
        if quote:
            if character == quote:
                quote = ""
            elif quote == '"' and character in "$`\\!":
                return []
        elif character in "'\"":
            quote, quoted = character, True
        elif character in _SHELL_MARKS:
            return []
    if quote:
        return []
    if quoted:
        import shlex

        words = shlex.split(command)
    else:
        words = command.split()
    return words if words and not any(mark in words[0] for mark in _FIRST_WORD_MARKS) else []
