"""The commands `stap` and `staprun`: arguments in, exit status out (0: all went well, 1: it did not).

They are clients of the library. Nothing but an exit status leaves them: a fault of pystap itself becomes one line.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums, which take 3 ms to make

from .lean import Callable, Mapping, Sequence

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # until `guarded` runs, Ctrl-C ends the process without a traceback

import errno
import gc
import os
import sys

from .options import Options, UsageError, parse_stap, settings_folder

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""How writing to standard output fails: what -l, -L, -p1 to -p4 and -h print."""


def main() -> int:
    """Entry point of `stap`."""
    gc.disable()  # until the session runs (runtime/foreground.py): 5 % of a start
    return guarded("stap", sys.argv[1:], stap)


def staprun_main() -> int:
    """Entry point of `staprun`."""
    gc.disable()
    return guarded("staprun", sys.argv[1:], staprun)


def guarded(command: str, words: Sequence[str], body: Callable[[Sequence[str], Mapping[str, str]], int]) -> int:
    """Run a command's body and turn whatever leaves it into messages and an exit status."""
    try:
        if _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        status = body(words, os.environ)
        if sys.stdout is not None:  # it is None when the command was started without one
            sys.stdout.flush()
        return status
    except UsageError as error:
        _say(error.message)
        if error.hint:
            from .options.help import HINT

            _say(HINT.replace("man stap", f"man {command}"))
        return 1
    except BrokenPipeError:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)  # what the interpreter flushes at its end goes there
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None:
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            _say(f"ERROR: cannot write the output: {error.strerror}")
            return 1
        return _last_resort(command, words, error)


def _last_resort(command: str, words: Sequence[str], error: BaseException) -> int:
    """Say in one line that pystap itself is at fault; with -vvv, where."""
    if type(error).__name__ == "EndAtOnce":
        return 1
    _say(f"ERROR: internal error of {command}: {type(error).__name__}: {error}".replace("\n", " "))
    if sum(word.count("v") for word in words if word.startswith("-v")) >= 3:
        import traceback

        traceback.print_exception(error)
    else:
        _say("This is a fault of pystap, not of the script. Run it with -vvv to see where it happened.")
    return 1


def _say(text: str) -> None:
    try:
        os.write(2, (text + "\n").encode(errors="surrogateescape"))
    except OSError:
        return


def stap(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `stap` with these arguments; returns the exit status. Raises `UsageError`."""
    options = parse_stap(words, environ)
    _limit_resources(options)
    match options.action:
        case "run":
            from .driver import run_stap

            return run_stap(options, environ)
        case "help":
            from .options.help import STAP_HELP

            sys.stdout.write(STAP_HELP)
            return 0
        case "version":
            from .options.help import VERSION_TEXT

            sys.stderr.write(VERSION_TEXT)
            return 0
        case "clean-cache":
            from .cache import open_cache

            open_cache(environ).clean()
            return 0
        case _:
            from .listing import list_points

            return list_points(options, environ)


def _limit_resources(options: Options) -> None:
    """Set the limits of --rlimit-*."""
    if not options.resource_limits:
        return
    import resource

    for name, value in options.resource_limits:
        try:
            resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (value, value))
        except (ValueError, OSError) as error:
            raise UsageError(f"Unable to set resource limit --rlimit-{name}: {error}") from None


def staprun(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `staprun` with these arguments; returns the exit status. Raises `UsageError`."""
    from .options.staprun import parse_staprun

    options = parse_staprun(words, environ)
    if options.action == "help":
        from .options.help import STAPRUN_HELP

        sys.stdout.write(STAPRUN_HELP)
        return 0
    if options.action == "version":
        from .options.help import VERSION_TEXT

        sys.stderr.write(VERSION_TEXT)
        return 0
    if options.action in ("attach", "delete"):
        return _left_session(options.action, options.image, environ)
    from .staprun import run_file

    return run_file(options, environ)


def _left_session(action: str, name: str, environ: Mapping[str, str]) -> int:
    """Attach to a session that was left running, or end it."""
    from .runtime.detached import NoSession, attach, delete

    folder = (settings_folder(environ) or "/tmp") + "/run"
    try:
        if action == "attach":
            return attach(folder, name)
        delete(folder, name)
        return 0
    except NoSession as error:
        raise UsageError(f"ERROR: {error}") from None
