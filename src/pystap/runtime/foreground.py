"""Running a session from a command: signals, and leaving it running without its terminal."""

from __future__ import annotations

import gc
import os

from ..abi.session_image import SessionImage
from ..lean import TYPE_CHECKING
from .output import OutputFailed
from .overrides import BadOverride
from .report import Report, wants_color
from .run_options import RunOptions
from .session import Session
from .signals import SignalWatch
from .target import TargetFailed

if TYPE_CHECKING:
    from ..loader.errors import KernelRefused
    from .detached import Keeper

PRIVILEGE_HINT = (
    "Run it as root (sudo stap ...), or give these capabilities to the Python that runs stap\n"
    "(setcap cap_bpf,cap_perfmon+ep FILE). A script with begin, end and timer probes alone needs none."
)


class Foreground:
    """Runs a session with the signals of staprun(8). `folder` is where the sockets of left sessions are.

    `leave` says what happens once the probes are live: "" nothing, "detach" the session is left running (-F), "daemon"
    it goes on in the background, behind its output file (-F -o).
    """

    def __init__(self, session: Session, folder: str, leave: str = "") -> None:
        self._session = session
        self._folder = folder
        self._leave = leave
        self._keeper: Keeper | None = None

    def run(self) -> int:
        """Return the exit status. Raises `EndAtOnce` at a second signal, and what `Session.start` raises."""
        session = self._session
        with SignalWatch(session.end, session.interrupt) as watch:
            session.watch(watch.fileno(), watch.clear)
            session.start()
            gc.freeze()  # what was made so far stays: no collection need look at it
            gc.enable()
            if not session.ended and self._leave == "detach":
                watch.detach = True
            elif not session.ended and self._leave == "daemon":
                self._become_daemon()
            while not session.ended:
                if watch.switch:
                    watch.switch = False
                    session.output.switch_file()
                if watch.detach:
                    watch.detach = False
                    self._detach()
                session.step()
            watch.rest()
            status = session.finish()
            if self._keeper is not None:
                self._keeper.finish(status, watch)
            return status

    def _become_daemon(self) -> None:
        from .detached import leave_terminal

        self._session.output.flush()
        pid = leave_terminal()
        if pid:
            os.write(1, f"{pid}\n".encode())
            os._exit(0)

    def _detach(self) -> None:
        """Go on in a child process; this one tells how to come back, and ends."""
        if self._keeper is not None:
            return
        from .detached import Keeper, leave_terminal

        session = self._session
        name = session.options.name or f"stap_{os.getpid()}"
        session.output.flush()
        try:
            keeper = Keeper(session, self._folder, name)
        except OSError as error:
            session.report.warn(f"cannot leave the session running: {error.strerror}: {self._folder}/{name}")
            return
        if leave_terminal():
            session.report.line("Disconnected from systemtap session.")
            session.report.line(f'To reconnect, type "staprun -A {name}"')
            os._exit(0)
        self._keeper = keeper
        keeper.take_over()


def run_in_foreground(image: SessionImage, options: RunOptions, folder: str, leave: str = "") -> int:
    """Run an image; returns the exit status. What stands in the way of a start is said on standard error.

    Raises `EndAtOnce` at a second signal; everything is detached then as well.
    """
    try:
        with Session(image, options) as session:
            return Foreground(session, folder, leave).run()
    except (TargetFailed, BadOverride, OutputFailed) as error:
        return _refused(str(error), options)
    except Exception as error:
        from ..loader.errors import KernelRefused, MissingPrivilege

        if isinstance(error, MissingPrivilege):
            return _refused(f"{error}\n{PRIVILEGE_HINT}", options)
        if isinstance(error, KernelRefused):
            return _refused(_with_log(error, options), options)
        raise


def _with_log(error: KernelRefused, options: RunOptions) -> str:
    if options.verbose > 1 and error.verifier_log:
        return f"{error}\n{error.verifier_log.rstrip()}"
    return str(error)


def _refused(text: str, options: RunOptions) -> int:
    Report(wants_color(options.color)).error(text)
    return 1
