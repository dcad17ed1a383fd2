"""Running an image file made by `stap -p4`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .abi.image_file import SUFFIX, NotAnImage, from_bytes
from .abi.session_image import SessionImage
from .driver import run_image
from .options import UsageError
from .options.staprun import StaprunOptions
from .pass_lines import PassClock
from .records import replace
from .runtime.run_options import RunOptions


def run_file(options: StaprunOptions, environ: Mapping[str, str]) -> int:
    """Load and run an image file; returns the exit status. Raises `UsageError` for a file that cannot be run."""
    path = _find(options.image)
    image = _load(path)
    running = os.uname().release
    if image.programs and image.kernel and image.kernel != running:
        raise UsageError(f"ERROR: {path} was made for the kernel {image.kernel}; this is {running}")
    name = os.path.basename(path).removesuffix(SUFFIX)
    run = RunOptions(
        output=options.output,
        output_size=options.output_size_mb << 20,
        output_files=options.output_files,
        command=options.command,
        pid=options.pid,
        globals=options.globals,
        buffer_mb=options.buffer_mb,
        verbose=options.verbose,
        color=options.color,
        warnings=not options.no_warnings,
        interval_ms=options.interval_ms,
        name=name,
    )
    leave = "detach" if options.detach else "daemon" if options.daemon else ""
    level = options.verbose
    return run_image(_without_warnings(image), run, environ, PassClock((0, 0, 0, 0, level)), leave)


def _without_warnings(image: SessionImage) -> SessionImage:
    """The warnings of the compilation were shown when the image was made."""
    return replace(image, warnings=())


def _find(name: str) -> str:
    """Return the path of an image: a path, or a name that is looked for as stap -m would write it and, as staprun(8)
    says, in /lib/modules/VERSION/systemtap."""
    candidates = [name]
    if "/" not in name:
        folder = f"/lib/modules/{os.uname().release}/systemtap"
        candidates += [name + SUFFIX, f"{folder}/{name.removesuffix(SUFFIX)}{SUFFIX}"]
    for path in candidates:
        if os.path.exists(path):
            return path
    raise UsageError(f"ERROR: cannot find the image '{name}'")


def _load(path: str) -> SessionImage:
    try:
        with open(path, "rb") as file:
            return from_bytes(file.read())
    except OSError as error:
        raise UsageError(f"ERROR: cannot read {path}: {error.strerror}") from None
    except NotAnImage as error:
        raise UsageError(f"ERROR: {path} is {error}") from None
