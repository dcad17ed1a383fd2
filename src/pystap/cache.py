"""Compiled scripts on disk, so that a second start of the same script compiles nothing.

The folder is $PYSTAP_CACHE_DIR, else $SYSTEMTAP_DIR/cache (default ~/.systemtap/cache). The key of an entry is a hash
of everything that the compiled script depends on. A cache that cannot be read or written is no error: the script is
compiled as if there were none.

As in SystemTap (stap(1), "CACHING") the file cache_mb_limit in the folder holds the size in MiB from which on old
entries are removed, and cache_clean_interval_s how often that is looked at; both are made with their defaults.
"""

from __future__ import annotations

import os
import sys

from .byte_code import write_whole
from .lean import Iterable, Mapping, Sequence, suppress
from .options import Options, settings_folder
from .version import VERSION

try:
    from _blake2 import blake2b  # what hashlib has under this name, without loading OpenSSL (2-10 ms)
except ImportError:
    from hashlib import blake2b

LIMIT_FILE, INTERVAL_FILE = "cache_mb_limit", "cache_clean_interval_s"
DEFAULT_LIMIT_MB, DEFAULT_INTERVAL_S = 256, 300

_COMPILING_OPTIONS = (
    "arguments", "guru", "unoptimized", "no_warnings", "warnings_are_errors", "timing", "limits", "definitions",
    "skip_bad_variables", "suppress_handler_errors", "suppress_time_limits", "display_globals", "compatible",
    "privilege",
)  # fmt: skip
"""The options that change the compiled script; the others change only how it runs."""

_MACHINE_FILES = ("/sys/kernel/notes", "/sys/devices/system/cpu/possible", "/sys/kernel/security/lockdown")
"""The kernel's build id, how many CPUs maps are made for, what the kernel refuses."""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _folder_content(folder: str, suffixes: tuple[str, ...]) -> Iterable[bytes]:
    """Yield names and contents of all files below `folder` with these suffixes, in a fixed order."""
    for entry in _files(folder, suffixes):
        yield entry.path.encode(errors="surrogateescape")
        yield _read(entry.path)


def _files(folder: str, suffixes: tuple[str, ...]) -> Iterable[os.DirEntry[str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith(suffixes):
            yield entry
        elif entry.name != "__pycache__" and entry.is_dir():
            yield from _files(entry.path, suffixes)


def _package_state() -> Iterable[str]:
    """Yield path, size and time of change of what tells one state of this package from another.

    For an installed package that is the installer's list of its files, which each installation writes anew; in a work
    tree every file of it (what Python goes by to use its byte code; reading them instead takes 5 to 10 ms).
    """
    folder = os.path.dirname(__file__)
    installed = f"{os.path.dirname(folder)}/pystap-{VERSION}.dist-info/RECORD"
    with suppress(OSError):
        yield _state(installed, os.stat(installed))
        return
    for entry in _files(folder, (".py", ".stp", ".stpm")):
        with suppress(OSError):
            yield _state(entry.path, entry.stat())


def _state(path: str, status: os.stat_result) -> str:
    return f"{path} {status.st_size} {status.st_mtime_ns}\n"


def entry_key(scripts: Sequence[tuple[str, str]], options: Options) -> str:
    """Return the key of a script: a hash of (name, text) of all its files and of all that compiling depends on.

    That includes this package, and the contents of the tapset folders: their time stamps may lie.
    """
    digest = blake2b(digest_size=20)
    system = os.uname()
    facts = (VERSION, sys.implementation.cache_tag, system.release, system.version, system.machine, os.geteuid())
    digest.update(repr(facts).encode())
    digest.update(repr([getattr(options, name) for name in _COMPILING_OPTIONS]).encode())
    if options.tapset_folders or any("process" in text for _, text in scripts):  # what its names mean depends on these
        target = (options.command, options.pid, os.environ.get("PATH"), os.getcwd())
        digest.update(repr(target).encode(errors="surrogateescape"))
    for name, text in scripts:
        digest.update(repr((name, len(text))).encode())
        digest.update(text.encode(errors="surrogateescape"))
    for path in _MACHINE_FILES:
        digest.update(_read(path))
    if any("module" in text for _, text in scripts):
        digest.update(b" ".join(line.split(b" ", 1)[0] for line in _read("/proc/modules").splitlines()))
    digest.update("".join(_package_state()).encode(errors="surrogateescape"))
    for folder in options.tapset_folders:
        for part in _folder_content(folder, (".stp", ".stpm")):
            digest.update(part)
    return digest.hexdigest()


class Cache:
    """The entries below `folder`; "" is a cache that holds nothing."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.trouble = ""
        """Why the cache could not be written, for -v."""

    def path(self, key: str, suffix: str) -> str:
        """Return where an entry lies."""
        return f"{self.folder}/{key[:2]}/stap_{key}{suffix}"

    def load(self, key: str, suffix: str) -> bytes | None:
        """Return an entry, None when there is none."""
        if not self.folder:
            return None
        path = self.path(key, suffix)
        data = _read(path)
        if not data:
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def store(self, key: str, suffix: str, data: bytes) -> str:
        """Write an entry, whole or not at all; returns its path, "" when it could not be written."""
        if not self.folder:
            return ""
        path = self.path(key, suffix)
        try:
            write_whole(path, data)
        except OSError as error:
            self.trouble = f"cannot write {path}: {error.strerror}"
            return ""
        self._clean_if_due()
        return path

    def _setting(self, name: str, default: int) -> int:
        """Return the number in a settings file, which is made if it is missing."""
        path = f"{self.folder}/{name}"
        text = _read(path).strip()
        if text.isdigit():
            return int(text)
        with suppress(OSError), open(path, "x", encoding="utf-8") as file:
            file.write(f"{default}\n")
        return default

    def _clean_if_due(self) -> None:
        import time

        interval = self._setting(INTERVAL_FILE, DEFAULT_INTERVAL_S)
        stamp = f"{self.folder}/{INTERVAL_FILE}"
        try:
            if time.time() - os.stat(stamp).st_mtime < interval:
                return
            os.utime(stamp)
        except OSError:
            return
        self.clean()

    def clean(self) -> int:
        """Remove the entries that were not used for longest until the rest fits; returns how many were removed."""
        limit = self._setting(LIMIT_FILE, DEFAULT_LIMIT_MB) << 20
        entries = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                if name in (LIMIT_FILE, INTERVAL_FILE):
                    continue
                try:
                    status = os.stat(f"{folder}/{name}")
                except OSError:
                    continue
                entries.append((status.st_mtime, status.st_size, f"{folder}/{name}"))
        entries.sort()
        size = sum(entry[1] for entry in entries)
        removed = 0
        for _, length, path in entries:
            if size <= limit:
                break
            try:
                os.unlink(path)
            except OSError:
                continue
            size -= length
            removed += 1
        return removed


def open_cache(environ: Mapping[str, str], enabled: bool = True) -> Cache:
    """Return the user's cache; an empty one when it is switched off or there is no folder for it."""
    if not enabled:
        return Cache("")
    folder = environ.get("PYSTAP_CACHE_DIR", "")
    if not folder:
        settings = settings_folder(environ)
        folder = settings + "/cache" if settings else ""
    return Cache(folder)
