"""Messages, the end of the session, terminal control (tapset::logging, tapset::ansi)."""

from __future__ import annotations

import os

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..services import Services

L, S = Type.LONG, Type.STRING
_TRACE_MARKERS = ("/sys/kernel/tracing/trace_marker", "/sys/kernel/debug/tracing/trace_marker")


def log(rt: Services, msg: str) -> None:
    rt.log(msg if msg.endswith("\n") else msg + "\n")


def warn(rt: Services, msg: str) -> None:
    rt.warn(msg.removesuffix("\n"))


def error(rt: Services, msg: str) -> None:
    raise RuntimeFault(msg)


def exit_session(rt: Services) -> None:
    rt.exit()


def abort(rt: Services) -> None:
    rt.abort()


def printk(rt: Services, level: int, msg: str) -> None:
    """Write a line to the kernel log with a severity of 0 (emergency) to 7 (debug); an error if that is refused."""
    _write_file("/dev/kmsg", f"<{level & 7}>{msg}\n")


def ftrace(rt: Services, msg: str) -> None:
    """Write a line to ftrace's buffer; without one it is dropped."""
    for path in _TRACE_MARKERS:
        try:
            _write_file(path, msg + "\n")
        except RuntimeFault:
            continue
        return


def _write_file(path: str, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as failure:
        raise RuntimeFault(f"{path}: {failure.strerror}") from None
    try:
        os.write(fd, text.encode("latin-1"))
    except OSError as failure:
        raise RuntimeFault(f"{path}: {failure.strerror}") from None
    finally:
        os.close(fd)


def ansi_clear_screen(rt: Services) -> None:
    rt.write("\033[1;1H\033[J")


def ansi_cursor_hide(rt: Services) -> None:
    rt.write("\033[?25l")


def ansi_cursor_show(rt: Services) -> None:
    rt.write("\033[?25h")


def ansi_cursor_save(rt: Services) -> None:
    rt.write("\033[s")


def ansi_cursor_restore(rt: Services) -> None:
    rt.write("\033[u")


def ansi_cursor_move(rt: Services, x: int, y: int) -> None:
    rt.write(f"\033[{x};{y}H")


def ansi_new_line(rt: Services) -> None:
    rt.write("\n")


def ansi_reset_color(rt: Services) -> None:
    rt.write("\033[0;0m")


def ansi_set_color(rt: Services, fg: int) -> None:
    rt.write(f"\033[{fg}m")


def ansi_set_color2(rt: Services, fg: int, bg: int) -> None:
    rt.write(f"\033[{fg};{bg}m")


def ansi_set_color3(rt: Services, fg: int, bg: int, attr: int) -> None:
    """Set colours, then an attribute; 0 would take the colours away again and is left out."""
    rt.write(f"\033[{fg};{bg};{attr}m" if attr else f"\033[{fg};{bg}m")


_A = Effect.ACTION
_FG, _BG, _ATTR = ("fg", L), ("bg", L), ("attr", L)

ROWS = (
    Builtin("log", (("msg", S),), None, _A, log),
    Builtin("warn", (("msg", S),), None, _A, warn),
    Builtin("error", (("msg", S),), None, _A, error, raises=True),
    Builtin("exit", (), None, _A, exit_session, ends_session=True),
    Builtin("abort", (), None, _A, abort, ends_session=True, raises=True),
    Builtin("printk", (("level", L), ("msg", S)), None, _A, printk, guru=True),
    Builtin("ftrace", (("msg", S),), None, _A, ftrace),
    Builtin("ansi_clear_screen", (), None, _A, ansi_clear_screen),
    Builtin("ansi_cursor_hide", (), None, _A, ansi_cursor_hide),
    Builtin("ansi_cursor_show", (), None, _A, ansi_cursor_show),
    Builtin("ansi_cursor_save", (), None, _A, ansi_cursor_save),
    Builtin("ansi_cursor_restore", (), None, _A, ansi_cursor_restore),
    Builtin("ansi_cursor_move", (("x", L), ("y", L)), None, _A, ansi_cursor_move),
    Builtin("ansi_new_line", (), None, _A, ansi_new_line),
    Builtin("ansi_reset_color", (), None, _A, ansi_reset_color),
    Builtin("ansi_set_color", (_FG,), None, _A, ansi_set_color),
    Builtin("ansi_set_color", (_FG, _BG), None, _A, ansi_set_color2),
    Builtin("ansi_set_color", (_FG, _BG, _ATTR), None, _A, ansi_set_color3),
    Builtin("ansi_set_color2", (_FG, _BG), None, _A, ansi_set_color2),
    Builtin("ansi_set_color3", (_FG, _BG, _ATTR), None, _A, ansi_set_color3),
)
