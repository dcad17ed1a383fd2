"""Finds the stock Debian kernels that the guest tests boot, and fetches those that are not installed.

    python tests/vm/kernels.py 5.10 6.12        prints the image of each, downloading what is missing

A series ("6.1") comes from the Debian suite that carries it. Nothing is installed: the packages are unpacked below
`kernels_folder()`, in the layout of a root filesystem, where virtme-ng finds the modules beside the image. The mirror
and its keyring are read from apt's own configuration, so this works behind any mirror and needs no root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SERIES = "6.1"

#: Which Debian suite carries a series; these are the kernels that pystap is tested on, the lowest supported one first.
SUITES = {
    "5.10": "bullseye",
    "6.1": "bookworm",
    "6.12": "bookworm-backports",
    "7.3": "trixie-backports",
}

_META_PACKAGE = "linux-image-amd64"
# The image, and where the kernel is split into several packages (from 7.x on) its binary and its modules.
_KERNEL_PACKAGE = re.compile(r"linux-(?:image|binary|modules)-(\d\S*)")
_SIGNED_BY = re.compile(r"signed-by\s*[:=]\s*(/[^\s\],]+)", re.IGNORECASE)
_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class KernelNotFound(Exception):
    """No kernel of the series is here and none could be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class GuestKernel:
    """A kernel that can be booted: its series ("6.1"), release (`uname -r`) and image."""

    series: str
    release: str
    image: Path


def kernels_folder() -> Path:
    """Where fetched kernels are kept: $PYSTAP_KERNELS, else a folder of the user's cache. About 0.5 GB a kernel."""
    named = os.environ.get("PYSTAP_KERNELS")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "pystap" / "kernels"


def find(series: str) -> GuestKernel | None:
    """The newest kernel of `series` in /boot or among the fetched ones, or None."""
    for root in (Path("/"), kernels_folder() / series):
        kernels = [GuestKernel(series, *found) for found in _images(root) if _is_of(series, found[0])]
        if kernels:
            return max(kernels, key=lambda kernel: _version_key(kernel.release))
    return None


def obtain(series: str) -> GuestKernel:
    """`find`, else fetch the kernel from its Debian suite. Raises KernelNotFound."""
    kernel = find(series)
    if kernel is not None:
        return kernel
    if series not in SUITES:
        raise KernelNotFound(f"no kernel {series} in /boot; the series that can be fetched are {', '.join(SUITES)}")
    try:
        _fetch(series, SUITES[series])
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", "") or ""
        raise KernelNotFound(f"cannot fetch kernel {series}: {error} {detail}".strip()) from error
    kernel = find(series)
    if kernel is None:
        raise KernelNotFound(f"suite {SUITES[series]} carries no kernel {series}")
    return kernel


def _images(root: Path) -> Iterator[tuple[str, Path]]:
    """Release and image of the kernels below a root file system that have their modules there."""
    for image in (root / "boot").glob("vmlinuz-*"):
        release = image.name.removeprefix("vmlinuz-")
        if (root / "lib/modules" / release / "kernel").is_dir():
            yield release, image
    for image in (root / "usr/lib/modules").glob("*/vmlinuz"):  # linux-binary of 7.x
        yield image.parent.name, image


def _is_of(series: str, release: str) -> bool:
    return re.match(re.escape(series) + r"(?![0-9])", release) is not None  # 6.1 is not 6.12


def _version_key(name: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", name)]


def _debian_mirror() -> tuple[str, str]:
    """The mirror of apt's configured main Debian archive, and the option that names its keyring ("" for apt's own)."""
    rows = _output(
        "apt-get", "indextargets", "--format", "$(SITE)|$(CODENAME)|$(SOURCESENTRY)",
        "Created-By: Packages", "Component: main", "Origin: Debian",
    )  # fmt: skip
    for row in rows.splitlines():
        site, codename, entry = row.split("|")
        if codename.isalpha():  # the release itself: neither -updates nor -security, which may be other archives
            return site, _keyring_option(Path(entry.rpartition(":")[0]))
    raise KernelNotFound("apt has no Debian archive configured (or `apt-get update` was never run)")


def _keyring_option(source: Path) -> str:
    named = _SIGNED_BY.search(source.read_text()) if source.is_file() else None
    keyring = Path(named[1]) if named else _DEBIAN_KEYRING
    return f"[signed-by={keyring}] " if keyring.is_file() else ""


def _fetch(series: str, suite: str) -> None:
    folder = kernels_folder() / f"{series}.part"  # renamed when whole, so that an interrupted fetch is no kernel
    state = folder / "apt"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    mirror, keyring = _debian_mirror()
    source = state / "suite.list"
    source.write_text(f"deb {keyring}{mirror} {suite} main\n")
    # Own lists and an empty status: the machine's apt is not touched, and its installed packages do not count.
    options = [
        f"Dir::Etc::sourcelist={source}",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::Lists={state / 'lists'}",
        "Dir::State::status=/dev/null",
        f"Dir::Cache={state}",
        "APT::Sandbox::User=root",
    ]
    apt_options = [word for option in options for word in ("-o", option)]
    _output("apt-get", *apt_options, "-qq", "update")
    for package in _kernel_packages(series, _output("apt-cache", *apt_options, *_DEPENDS, _META_PACKAGE)):
        _output("apt-get", *apt_options, "-qq", "download", package, folder=state / "archives")
    for archive in (state / "archives").glob("*.deb"):
        _output("dpkg-deb", "-x", str(archive), str(folder))
    shutil.rmtree(state)
    folder.rename(kernels_folder() / series)


_DEPENDS = ("depends", "--recurse", "--important")


def _kernel_packages(series: str, depends: str) -> list[str]:
    """The packages to unpack, from the output of `apt-cache depends`: names at the start of a line."""
    names = [line for line in depends.splitlines() if line and not line[0].isspace()]
    found = [(name, match[1]) for name in names if (match := _KERNEL_PACKAGE.fullmatch(name))]
    return [name for name, release in found if _is_of(series, release)]


def _output(*command: str, folder: Path | None = None) -> str:
    # LC_ALL: the text is read; a terminal is never asked.
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=environment, stdin=subprocess.DEVNULL
    ).stdout


def main() -> int:
    try:
        for series in sys.argv[1:] or list(SUITES):
            kernel = obtain(series)
            print(f"{series}: {kernel.release} {kernel.image}")
    except KernelNotFound as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
