"""What the installed commands run: `cli`, its modules from one file (`byte_code`)."""

from __future__ import annotations

from .byte_code import kept_modules


def stap() -> int:
    """Run `stap`; returns the exit status."""
    modules = kept_modules()
    from .cli import main

    status = main()
    modules.keep()
    return status


def staprun() -> int:
    """Run `staprun`; returns the exit status."""
    modules = kept_modules()
    from .cli import staprun_main

    status = staprun_main()
    modules.keep()
    return status
