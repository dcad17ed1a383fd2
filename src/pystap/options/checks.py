"""Checks of single option arguments. Each raises `UsageError` with SystemTap's own wording where it has one."""

from __future__ import annotations

import os

from .getopt import UsageError

_LIMITS = {
    "MAXSTRINGLEN": ("max_string", 8, 65536),
    "MAXMAPENTRIES": ("max_map_entries", 1, 1 << 26),
    "MAXACTION": ("max_action", 1, 1 << 31),
    "MAXACTION_INTERRUPTIBLE": ("max_action_user", 1, 1 << 62),
    "MAXERRORS": ("max_errors", 0, 1 << 31),
    "MAXSKIPPED": ("max_skipped", 0, 1 << 31),
    "MAXNESTING": ("max_nesting", 1, 1000),
    "MAXTRYLOCK": ("max_try", 1, 1 << 20),
    "HIST_ELISION": ("histogram_elision", -1, 128),
    "STP_PROCFS_BUFSIZE": ("procfs_size", 1, 1 << 20),
}
"""`-D` names, each with the field of program.Limits that it sets and its least and greatest value (stap(1), RESOURCE
LIMITS)."""

_SATISFIED = frozenset({
    "MAPHASHBIAS", "MINSTACKSPACE", "INTERRUPTIBLE", "TRYLOCKDELAY", "STP_OVERLOAD_THRESHOLD", "STP_OVERLOAD_INTERVAL",
    "STP_NO_OVERLOAD", "STP_NO_VERREL_CHECK", "STP_NO_BUILDID_CHECK", "STP_PROCFS_BUFSIZE", "MAXUPROBES", "DEBUG_TRANS",
})  # fmt: skip
"""Names that tune the inside of SystemTap's kernel module: there is nothing here that they could tune."""

_PATTERNS = {
    "-D": "^[a-z_][a-z_0-9]*(=-?[a-z_0-9]+)?$",
    "-G": "^[a-z_][a-z0-9_]*=.*$",
    "-m": "^[a-z0-9_]+$",
    "-S": "^[0-9]+(,[0-9]+)?$",
}

SYSTEMTAP_VERSION = "5.6"
"""The version of SystemTap whose language this is: what `systemtap_v` reads as."""


def number(text: str, low: int, high: int, message: str) -> int:
    """Return a decimal number from `low` to `high`; anything else raises `UsageError(message)`."""
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise UsageError(message)
    return int(text)


def check_pattern(option: str, text: str) -> None:
    """Raise unless `text` is what the option takes (letters of either case)."""
    import re

    pattern = _PATTERNS[option]
    if not re.match(pattern, text, re.IGNORECASE | re.DOTALL):
        raise UsageError(f"ERROR: Safety pattern mismatch for {option} parameter ('{text}' vs. '{pattern}')")


def check_word(option: str, text: str) -> str:
    """Return `text` if it fits the option's pattern."""
    check_pattern(option, text)
    return text


def check_definition(text: str) -> tuple[tuple[str, int] | None, str]:
    """Return the limit that `-D NAME=VALUE` sets, or None, and a warning, or ""."""
    check_pattern("-D", text)
    name, _, value = text.partition("=")
    if name in _LIMITS:
        field_name, low, high = _LIMITS[name]
        message = f"Invalid value for -D{name}: '{value}' (should be {low}-{high})."
        if low < 0 and value.startswith("-"):
            number(value[1:], 0, high, message)
            return (field_name, low), ""  # below zero they all mean the same
        return (field_name, number(value, max(low, 0), high, message)), ""
    if name in _SATISFIED:
        return None, ""
    import difflib

    near = difflib.get_close_matches(name, _LIMITS, n=1)
    similar = f" (similar: {near[0]})" if near else ""
    return None, f"-D{name} has no effect: no limit of that name{similar}"


def check_size_limit(text: str) -> tuple[int, int]:
    """Return the megabytes of an output file and the number of files (0: no limit) from "SIZE[,N]"."""
    check_pattern("-S", text)
    size, _, count = text.partition(",")
    if int(size) < 1:
        raise UsageError("Invalid file size.")
    return int(size), int(count or 0)


def check_color(text: str) -> str:
    if text not in ("auto", "always", "never"):
        raise UsageError(f"Invalid argument '{text}' for --color.", hint=False)
    return text


def check_privilege(text: str) -> str:
    if text not in ("stapusr", "stapsys", "stapdev"):
        raise UsageError(f"Invalid argument '{text}' for --privilege.")
    return text


def check_compatible(text: str) -> str:
    """Return a version that is not newer than the one whose language this is."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"ERROR: Invalid version '{text}' for --compatible")
    if [int(part) for part in parts] > [int(part) for part in SYSTEMTAP_VERSION.split(".")]:
        raise UsageError(
            f"ERROR: systemtap version {SYSTEMTAP_VERSION} cannot be compatible with future version {text}"
        )
    return text


def check_runtime(text: str) -> None:
    if text == "dyninst":
        raise UsageError(
            "--runtime=dyninst is not available: process probes need no other runtime here. Use --runtime=bpf."
        )
    if text not in ("kernel", "bpf"):
        raise UsageError(f"ERROR: {text} is an invalid argument for --runtime")


def check_arch(text: str) -> None:
    machine = os.uname().machine
    if text != machine:
        raise UsageError(f"-a {text} is not available: scripts are compiled for this machine ({machine}) only.")


def check_release(text: str) -> None:
    """Accept the running kernel, by its release or by its build tree; refuse another."""
    running = os.uname().release
    release = text
    if text.startswith("/"):
        release = ""
        for name in ("include/config/kernel.release", "../build/include/config/kernel.release"):
            try:
                with open(f"{text}/{name}", encoding="utf-8") as file:
                    release = file.read().strip()
                break
            except OSError:
                continue
    if release != running:
        raise UsageError(
            f"-r {text} is not available: programs are made for the running kernel ({running}), "
            "from its own type information. Run pystap on the machine with the other kernel."
        )
