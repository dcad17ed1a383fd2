"""The command line of `stap` (stap(1)) and what it means.

`$SYSTEMTAP_DIR/rc` (default ~/.systemtap/rc) holds options that are read in front of the command line's.

Accepted and satisfied by construction, so that they change nothing:
  -P, --prologue-searching   arguments are read where the calling convention puts them, not found by debug information
  -d OBJECT, --ldd, --all-modules   symbols of every object are looked up when they are printed
  -R DIR, -B NAME=VALUE, --save-uprobes, --sign-module   there is no runtime source, kernel build or module to be signed
  -a ARCH, -r RELEASE        when they name the running machine and kernel; anything else is refused
  --download-debuginfo=no, --use-server-on-error=no, --bpf, --runtime=kernel, --runtime=bpf
"""

from __future__ import annotations

from ..lean import Callable, Mapping, Sequence
from ..records import dataclass, field, replace
from .checks import (
    check_arch,
    check_color,
    check_compatible,
    check_definition,
    check_pattern,
    check_privilege,
    check_release,
    check_runtime,
    check_size_limit,
    check_word,
    number,
)
from .getopt import NO, OPTIONAL, REQUIRED, Grammar, UsageError, scan


@dataclass(frozen=True, slots=True)
class Options:
    """A command line of `stap`.

    `action` is "run", or "help", "version", "list" (-l), "list-variables" (-L), "dump-functions", "dump-probe-aliases",
    "dump-probe-types", "clean-cache". `verbose` is the level of each pass, 1 to 5. `limits` are the fields of
    program.Limits that -D sets; `warnings` says what of the command line is strange. Sizes as their names say.
    """

    action: str = "run"
    script_text: str | None = None
    script_file: str | None = None
    extra_scripts: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    listing: str = ""
    verbose: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    last_pass: int = 5
    keep_files: bool = False
    files_folder: str = ""
    guru: bool = False
    unoptimized: bool = False
    no_warnings: bool = False
    warnings_are_errors: bool = False
    timing: bool = False
    buffer_mb: int = 0
    tapset_folders: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    definitions: tuple[tuple[str, str], ...] = ()
    globals: tuple[tuple[str, str], ...] = ()
    image_name: str = ""
    output: str = ""
    command: str | None = None
    pid: int | None = None
    timeout: int = 0
    detach: bool = False
    output_size_mb: int = 0
    output_files: int = 0
    skip_bad_variables: bool = False
    suppress_handler_errors: bool = False
    suppress_time_limits: bool = False
    display_globals: bool = True
    compatible: str = ""
    privilege: str = "stapdev"
    color: str = "auto"
    use_cache: bool = True
    poison_cache: bool = False
    resource_limits: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def compiles_only(self) -> bool:
        return self.last_pass < 5


GRAMMAR = Grammar(
    "stap",
    dict.fromkeys("hVvkgPuwWbtFiq", NO) | dict.fromkeys("psIDBaGRrmdocxeElLST", REQUIRED),
    {
        **dict.fromkeys(
            ("help", "version", "ldd", "all-modules", "skip-badvars", "suppress-handler-errors", "check-version",
             "clean-cache", "disable-cache", "poison-cache", "unprivileged", "sign-module", "dump-probe-types",
             "dump-probe-aliases", "dump-functions", "remote-prefix", "suppress-time-limits", "dyninst", "bpf",
             "save-uprobes", "no-global-var-display", "interactive"), NO),
        **dict.fromkeys(
            ("vp", "modinfo", "compatible", "privilege", "remote", "rlimit-as", "rlimit-cpu", "rlimit-nproc",
             "rlimit-stack", "rlimit-fsize", "sysroot", "sysenv", "runtime", "target-namespaces", "tmpdir"), REQUIRED),
        **dict.fromkeys(
            ("prologue-searching", "color", "colour", "use-server", "use-server-on-error", "list-servers",
             "trust-servers", "download-debuginfo", "monitor"), OPTIONAL),
    },
)  # fmt: skip

REFUSED: Mapping[str, str] = {
    "-b": "per-CPU output files are not made: all output comes in one stream, in order",
    "-i": "scripts are not built interactively",
    "--interactive": "scripts are not built interactively",
    "-q": "tapset coverage is not recorded",
    "--modinfo": "no kernel module is made",
    "--check-version": "no construct changes its meaning with the version",
    "--remote": "scripts run on this machine only; compile with -p4 there and use staprun",
    "--remote-prefix": "scripts run on this machine only",
    "--sysroot": "scripts are compiled for this machine only",
    "--sysenv": "scripts are compiled for this machine only",
    "--target-namespaces": "other namespaces cannot be targeted",
    "--monitor": "there is no monitor mode",
    "--dyninst": "the dyninst runtime is not available; process probes need no other runtime here",
    "--use-server": "there is no compile server; scripts are compiled here without compiler or kernel headers",
    "--list-servers": "there is no compile server; scripts are compiled here without compiler or kernel headers",
    "--trust-servers": "there is no compile server; scripts are compiled here without compiler or kernel headers",
}
"""Options of SystemTap that cannot be had, and why."""

_SATISFIED = frozenset({
    "-P", "--prologue-searching", "-d", "--ldd", "--all-modules", "-R", "-B", "--save-uprobes", "--sign-module",
    "--bpf",
})  # fmt: skip

_FLAGS: Mapping[str, tuple[str, object]] = {
    "-h": ("action", "help"),
    "--help": ("action", "help"),
    "-V": ("action", "version"),
    "--version": ("action", "version"),
    "--dump-functions": ("action", "dump-functions"),
    "--dump-probe-aliases": ("action", "dump-probe-aliases"),
    "--dump-probe-types": ("action", "dump-probe-types"),
    "--clean-cache": ("action", "clean-cache"),
    "-k": ("keep_files", True),
    "-g": ("guru", True),
    "-u": ("unoptimized", True),
    "-w": ("no_warnings", True),
    "-W": ("warnings_are_errors", True),
    "-t": ("timing", True),
    "-F": ("detach", True),
    "--skip-badvars": ("skip_bad_variables", True),
    "--suppress-handler-errors": ("suppress_handler_errors", True),
    "--suppress-time-limits": ("suppress_time_limits", True),
    "--no-global-var-display": ("display_globals", False),
    "--disable-cache": ("use_cache", False),
    "--poison-cache": ("poison_cache", True),
    "--unprivileged": ("privilege", "stapusr"),
}

_TEXTS: Mapping[str, str] = {"-o": "output", "-c": "command", "-e": "script_text", "--tmpdir": "files_folder"}
_LISTS: Mapping[str, str] = {"-I": "tapset_folders", "-E": "extra_scripts"}

_Values = dict[str, object]


def _verbosity(values: _Values, digits: str) -> None:
    if not 1 <= len(digits) <= 5 or not (digits.isascii() and digits.isdigit()):
        raise UsageError("Invalid --vp argument: it takes 1 to 5 digits.")
    _raise_verbosity(values, [int(digit) for digit in digits.ljust(5, "0")])


def _raise_verbosity(values: _Values, by: Sequence[int]) -> None:
    levels = values.get("verbose", (0, 0, 0, 0, 0))
    assert isinstance(levels, tuple)
    values["verbose"] = tuple(a + b for a, b in zip(levels, by, strict=True))


def _append(values: _Values, name: str, item: object) -> None:
    rows = values.get(name, ())
    assert isinstance(rows, tuple)
    values[name] = (*rows, item)


def _definition(values: _Values, text: str) -> None:
    limit, warning = check_definition(text)
    name, _, value = text.partition("=")
    _append(values, "definitions", (name, value))
    if limit is not None:
        _append(values, "limits", limit)
    if warning:
        _append(values, "warnings", warning)


def _global_value(values: _Values, text: str) -> None:
    check_pattern("-G", text)
    name, _, value = text.partition("=")
    _append(values, "globals", (name, value))


def _sizes(values: _Values, text: str) -> None:
    values["output_size_mb"], values["output_files"] = check_size_limit(text)


def _listing(action: str) -> Callable[[_Values, str], None]:
    def store(values: _Values, text: str) -> None:
        if "listing" in values:
            raise UsageError("Listing (-l/-L) takes one probe point.", hint=True)
        values["action"], values["listing"] = action, text

    return store


def _store(name: str, read: Callable[[str], object]) -> Callable[[_Values, str], None]:
    def store(values: _Values, text: str) -> None:
        values[name] = read(text)

    return store


def _check(check: Callable[[str], None]) -> Callable[[_Values, str], None]:
    def store(values: _Values, text: str) -> None:
        check(text)

    return store


def _resource(name: str) -> Callable[[_Values, str], None]:
    message = f"Unable to convert resource limit '--rlimit-{name}' argument to a number."

    def store(values: _Values, text: str) -> None:
        _append(values, "resource_limits", (name, number(text, 1, 1 << 63, message)))

    return store


def _only_no(option: str, reason: str) -> Callable[[_Values, str], None]:
    def store(values: _Values, text: str) -> None:
        if text != "no":
            raise UsageError(f"{option} is not available: {reason}.")

    return store


_HANDLERS: Mapping[str, Callable[[_Values, str], None]] = {
    "--vp": _verbosity,
    "-p": _store("last_pass", lambda text: number(text, 1, 5, "Invalid pass number (should be 1-5).")),
    "-s": _store("buffer_mb", lambda text: number(text, 1, 4095, "Invalid buffer size (should be 1-4095).")),
    "-T": _store("timeout", lambda text: number(text, 1, 1 << 40, "Invalid timeout interval.")),
    "-x": _store("pid", lambda text: number(text, 1, 1 << 31, "Invalid target process ID number.")),
    "-D": _definition,
    "-G": _global_value,
    "-S": _sizes,
    "-m": _store("image_name", lambda text: check_word("-m", text)),
    "-l": _listing("list"),
    "-L": _listing("list-variables"),
    "-a": _check(check_arch),
    "-r": _check(check_release),
    "--runtime": _check(check_runtime),
    "--compatible": _store("compatible", check_compatible),
    "--privilege": _store("privilege", check_privilege),
    "--color": _store("color", check_color),
    "--colour": _store("color", check_color),
    "--download-debuginfo": _only_no("--download-debuginfo", "debug information is used where it is installed"),
    "--use-server-on-error": _only_no("--use-server-on-error", "there is no compile server"),
    **{f"--rlimit-{name}": _resource(name) for name in ("as", "cpu", "nproc", "stack", "fsize")},
}
_DEFAULT_ARGUMENT = {"--color": "always", "--colour": "always", "--download-debuginfo": "yes",
                     "--use-server-on-error": "yes"}  # fmt: skip


def _apply(values: _Values, option: str, argument: str | None) -> None:
    """Record one option."""
    if option in REFUSED:
        raise UsageError(f"{option} is not available: {REFUSED[option]}.")
    if option in _SATISFIED:
        return
    if option == "-v":
        _raise_verbosity(values, (1, 1, 1, 1, 1))
    elif option in _FLAGS:
        name, value = _FLAGS[option]
        values[name] = value
    elif option in _LISTS:
        _append(values, _LISTS[option], argument)
    elif option in _TEXTS:
        if option == "-e" and "script_text" in values:
            raise UsageError("Only one script can be given on the command line.", hint=True)
        values[_TEXTS[option]] = argument
    else:
        text = argument if argument is not None else _DEFAULT_ARGUMENT.get(option, "")
        _HANDLERS[option](values, text)


def parse_stap(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Return the meaning of the arguments of `stap` (without the command's name). Raises `UsageError`."""
    values: _Values = {}
    operands: list[str] = []
    for option, argument in scan(GRAMMAR, rc_words(environ)):
        if option:
            _apply(values, option, argument)
    release = environ.get("SYSTEMTAP_RELEASE")
    if release:
        check_release(release)
    for option, argument in scan(GRAMMAR, words):
        if option == "--":
            continue
        if option:
            _apply(values, option, argument)
        else:
            assert argument is not None
            operands.append(argument)
    options: Options = replace(Options(), **values)  # type: ignore[arg-type]
    return _with_script(options, operands)


def _with_script(options: Options, operands: list[str]) -> Options:
    """Tell the script file from the script's arguments and check what does not go together."""
    if options.action in ("help", "version", "clean-cache"):
        return options
    takes_file = options.script_text is None and options.action == "run"
    if takes_file and operands:
        options = replace(options, script_file=operands[0], arguments=tuple(operands[1:]))
    else:
        options = replace(options, arguments=tuple(operands))
    if takes_file and not operands and not options.extra_scripts:
        raise UsageError("A script must be specified.", hint=True)
    if options.command is not None and options.pid is not None:
        raise UsageError("You can't specify -c and -x together.", hint=True)
    if options.suppress_time_limits and not options.guru:
        raise UsageError("--suppress-time-limits requires guru mode (-g).", hint=True)
    if options.detach and options.command is not None:
        raise UsageError("You can't specify -F and -c together.", hint=True)
    if options.output_size_mb and not options.output:
        raise UsageError("You can't specify -S without -o.", hint=True)
    return options


def settings_folder(environ: Mapping[str, str]) -> str:
    """Return $SYSTEMTAP_DIR or ~/.systemtap; "" when there is no home."""
    folder = environ.get("SYSTEMTAP_DIR", "")
    if not folder and environ.get("HOME"):
        folder = environ["HOME"] + "/.systemtap"
    return folder


def rc_words(environ: Mapping[str, str]) -> list[str]:
    """Return the words of the options file, with the shell's quotes and `#` comments; none when there is no file."""
    folder = settings_folder(environ)
    if not folder:
        return []
    try:
        with open(folder + "/rc", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return []
    import shlex

    try:
        return shlex.split(text, comments=True)
    except ValueError as error:
        raise UsageError(f"{folder}/rc: {error}") from None
