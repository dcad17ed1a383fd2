"""The command line of `staprun` (staprun(8)).

`-u` is satisfied by construction (no uprobes module is needed), as is `-R` (an image has no name in the kernel).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records import dataclass, replace
from .checks import check_color, check_size_limit, number
from .getopt import NO, REQUIRED, Grammar, UsageError, scan


@dataclass(frozen=True, slots=True)
class StaprunOptions:
    """A command line of `staprun`. `action` is "run", "attach" (-A), "delete" (-d), "version" or "help".

    `image` is a file, or the name of a detached session for -A and -d. `interval_ms` is how long output may wait.
    """

    action: str = "run"
    image: str = ""
    globals: tuple[tuple[str, str], ...] = ()
    verbose: int = 0
    no_warnings: bool = False
    command: str | None = None
    pid: int | None = None
    output: str = ""
    buffer_mb: int = 0
    detach: bool = False
    daemon: bool = False
    output_size_mb: int = 0
    output_files: int = 0
    interval_ms: int = 0
    color: str = "auto"


GRAMMAR = Grammar("staprun", dict.fromkeys("vVwuLAdDRh", NO) | dict.fromkeys("cxNobCMrST", REQUIRED), {"help": NO})

_REFUSED = {
    "-N": "other namespaces cannot be targeted",
    "-M": "there is no monitor mode",
    "-r": "scripts run on this machine only",
}
_FLAGS: Mapping[str, tuple[str, object]] = {
    "-V": ("action", "version"),
    "-h": ("action", "help"),
    "--help": ("action", "help"),
    "-A": ("action", "attach"),
    "-d": ("action", "delete"),
    "-L": ("detach", True),
    "-D": ("daemon", True),
    "-w": ("no_warnings", True),
}


def parse_staprun(words: Sequence[str], environ: Mapping[str, str]) -> StaprunOptions:
    """Return the meaning of the arguments of `staprun` (without the command's name). Raises `UsageError`."""
    level = environ.get("SYSTEMTAP_VERBOSE", "")
    values: dict[str, object] = {"verbose": int(level) if level.isdigit() else 0}
    operands: list[str] = []
    for option, argument in scan(GRAMMAR, words):
        if option in ("-u", "-R", "--"):
            continue
        if option:
            _apply(values, option, argument or "")
        else:
            operands.append(argument or "")
    options: StaprunOptions = replace(StaprunOptions(), **values)  # type: ignore[arg-type]
    return _with_image(options, operands)


def _apply(values: dict[str, object], option: str, text: str) -> None:
    if option in _REFUSED:
        raise UsageError(f"staprun: {option} is not available: {_REFUSED[option]}.")
    if option in _FLAGS:
        name, value = _FLAGS[option]
        values[name] = value
        return
    match option:
        case "-v":
            level = values["verbose"]
            assert isinstance(level, int)
            values["verbose"] = level + 1
        case "-c":
            values["command"] = text
        case "-o":
            values["output"] = text
        case "-x":
            values["pid"] = number(text, 1, 1 << 31, "Invalid target process ID number.")
        case "-b":
            values["buffer_mb"] = number(text, 1, 4095, "Invalid buffer size (should be 1-4095).")
        case "-T":
            values["interval_ms"] = number(text, 1, 1 << 31, "Invalid timeout interval.")
        case "-C":
            values["color"] = check_color(text)
        case "-S":
            values["output_size_mb"], values["output_files"] = check_size_limit(text)
        case _:
            raise AssertionError(option)


def _with_image(options: StaprunOptions, operands: list[str]) -> StaprunOptions:
    if options.action in ("version", "help"):
        return options
    if not operands:
        raise UsageError("staprun: Need a module name or path to load.", hint=True)
    overrides = []
    for word in operands[1:]:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"staprun: '{word}' does not set a global variable (NAME=VALUE).")
        overrides.append((name, value))
    if options.command is not None and options.pid is not None:
        raise UsageError("staprun: You can't specify the '-c' and '-x' options together.", hint=True)
    if options.detach and options.command is not None:
        raise UsageError("staprun: You can't specify the '-c' and '-L' options together.", hint=True)
    if options.daemon and not options.output:
        raise UsageError("staprun: You have to specify output FILE with '-D' option.", hint=True)
    if options.output_size_mb and not options.output:
        raise UsageError("staprun: You have to specify output FILE with '-S' option.", hint=True)
    return replace(options, image=operands[0], globals=tuple(overrides))
