"""The passes, from a command line's options to an exit status.

    1 parse      script text -> syntax trees
    2 elaborate  trees, tapset -> ElaboratedProgram
    3 translate  program -> LLVM IR, Python source
    4 compile    IR, source -> SessionImage, kept in the cache
    5 run        image -> output

A start from the cache goes to pass 5 directly; what passes 1 to 4 need is imported only when they run.
"""

from __future__ import annotations

import os

from .abi.image_file import SUFFIX, NotAnImage, from_bytes, to_bytes
from .abi.session_image import SessionImage, file_stamp
from .cache import entry_key, open_cache
from .lean import TYPE_CHECKING, Mapping
from .options import Options, UsageError, settings_folder
from .pass_lines import FAILURES, PassClock, PassesEnded, Script, say

if TYPE_CHECKING:
    from .runtime.run_options import RunOptions

_USER_PROBES = ("begin", "end", "error", "never", "timer.ms", "timer.s", "timer.us", "timer.ns", "timer.jiffies")


def run_stap(options: Options, environ: Mapping[str, str]) -> int:
    """Run the passes that the options ask for; returns the exit status. Raises `UsageError` for what cannot be read."""
    scripts = read_scripts(options)
    clock = PassClock(options.verbose)
    cache = open_cache(environ, options.use_cache)
    uses_cache = options.last_pass >= 4 and not options.keep_files and bool(cache.folder)
    key = entry_key(scripts, options) if uses_cache else ""
    image = None if options.poison_cache or not key else _load(cache.load(key, SUFFIX))
    path = ""
    if image is not None:
        path = cache.path(key, SUFFIX)
        clock.done(4, f"using cached {path}", memory=False)
    else:
        try:
            image = _compile(scripts, options, clock)
        except PassesEnded as end:
            if end.failed:
                say(FAILURES[end.failed] + (f"\n{end.repeated.rstrip()}" if end.repeated else ""))
            return end.status
        if key:
            path = cache.store(key, SUFFIX, to_bytes(image))
            if cache.trouble and clock.wants(4):
                say(f"Pass 4: {cache.trouble}")
    _say_warnings(image, options)
    if options.last_pass == 4 or options.image_name:
        path = _write_image(image, options, path)
    if options.last_pass == 4:
        print(path, flush=True)
        return 0
    leave = ("daemon" if options.output else "detach") if options.detach else ""
    return run_image(image, run_options(options), environ, clock, leave)


def _compile(scripts: list[Script], options: Options, clock: PassClock) -> SessionImage:
    """Passes 1 to 4. Loading LLVM takes as long as all else: a child process does it beside the rest."""
    from . import kallsyms
    from .llvm import Compiler

    expected = options.last_pass >= 3 and any(_expects_kernel_code(text) for _, text in scripts)
    looks_up = expected and any(_looks_up_symbols(text) for _, text in scripts)
    compiler = Compiler(kallsyms.read if looks_up else None) if expected else None
    if compiler is not None and looks_up:
        kallsyms.expect(compiler.errand_result)
    try:
        from .compiler import compile_scripts, import_the_rest

        if compiler is not None and options.last_pass == 5:
            compiler.meanwhile = import_the_rest
        return compile_scripts(scripts, options, clock, compiler=compiler)
    finally:
        if compiler is not None:
            compiler.close()


def _expects_kernel_code(text: str) -> bool:
    """Guess from a script's text whether some handler runs in the kernel. A wrong guess costs time, nothing else."""
    lists = (part.partition("{")[0] for part in text.split("probe ")[1:])
    return any(not point.lstrip().startswith(_USER_PROBES) for points in lists for point in points.split(","))


def _looks_up_symbols(text: str) -> bool:
    """Guess whether a script has probes on functions of the kernel. A wrong guess costs time, nothing else."""
    return ("kernel." in text or "kprobe." in text or "module(" in text) and ".function(" in text


def read_scripts(options: Options) -> list[Script]:
    """Return the main script, then those of -E. Raises `UsageError` when a file cannot be read."""
    scripts: list[Script] = []
    if options.script_text is not None:
        scripts.append(("<input>", options.script_text))
    elif options.script_file is not None:
        scripts.append(_read_file(options.script_file))
    scripts.extend(("<input>", text) for text in options.extra_scripts)
    return scripts


def _read_file(name: str) -> Script:
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"Input file '{name}' cannot be read: {error.strerror}") from None
    if b"\0" in data:
        raise UsageError(f"Input file '{name}' is not a script: it holds binary data")
    return ("<input>" if name == "-" else name, data.decode(errors="surrogateescape"))


def _load(data: bytes | None) -> SessionImage | None:
    """Return the image of a cache entry; None for one that is missing, unusable, or of programs that have changed."""
    if data is None:
        return None
    try:
        image = from_bytes(data)
    except NotAnImage:
        return None
    return image if all(file_stamp(path) == stamp for path, stamp in image.files) else None


def _say_warnings(image: SessionImage, options: Options) -> None:
    if not options.no_warnings:
        for text in (*options.warnings, *image.warnings):
            say(text if text.startswith("WARNING") else f"WARNING: {text}")


def _write_image(image: SessionImage, options: Options, cached: str) -> str:
    """Return the path of the image as a file: NAME.stapimg here for -m NAME, else in the cache, else here."""
    if options.image_name or not cached:
        path = (options.image_name or f"stap_{os.getpid()}") + SUFFIX
        try:
            with open(path, "wb") as file:
                file.write(to_bytes(image))
        except OSError as error:
            raise UsageError(f"ERROR: cannot write {path}: {error.strerror}") from None
        return path
    return cached


def run_options(options: Options) -> RunOptions:
    """Return what pass 5 takes from the command line."""
    from .runtime.run_options import RunOptions

    return RunOptions(
        output=options.output,
        output_size=options.output_size_mb << 20,
        output_files=options.output_files,
        command=options.command,
        pid=options.pid,
        timeout=options.timeout,
        globals=options.globals,
        buffer_mb=options.buffer_mb,
        timing=options.timing,
        verbose=options.verbose[4],
        color=options.color,
        warnings=not options.no_warnings,
        display_globals=options.display_globals,
        name=options.image_name,
    )


def run_image(
    image: SessionImage,
    options: RunOptions,
    environ: Mapping[str, str],
    clock: PassClock,
    leave: str = "",
) -> int:
    """Pass 5: run an image in the foreground; returns the exit status.

    `leave` is "detach" or "daemon" when the session is to be left running once its probes are live.
    """
    from .runtime.foreground import run_in_foreground

    if clock.wants(5):
        say("Pass 5: starting run.")
    status = run_in_foreground(image, options, sessions_folder(environ), leave)
    clock.done(5, "run completed", memory=False)
    if status:
        say(FAILURES[5])
    return status


def sessions_folder(environ: Mapping[str, str]) -> str:
    """Return where sessions that were left running can be found: a folder that only this user can write to."""
    settings = settings_folder(environ)
    if settings:
        return settings + "/run"
    user = os.geteuid()
    return f"/run/user/{user}/pystap" if user else "/run/pystap"
