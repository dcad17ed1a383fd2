"""Boots a guest kernel on this machine's own root file system and runs one command in it.

    python tests/vm/boot.py [--kernel 6.1] -- COMMAND...

The guest (QEMU, emulated: 15-30 s to boot) is put together by virtme-ng. What to know about it:

- The root file system is this machine's, so the virtual environment works inside, but it is read-only; /tmp, /home,
  /usr, /opt and /var are overlays in memory whose changes vanish. Only `folder` is shared for writing.
- PATH is the bare system's, HOME is not writable: `_guest_script` sets both, and Python is called by its full path.
- The kernel command line holds 2,048 bytes: the command goes into a script, not on it.
- Standard output and error are two serial devices. Opened on one file they overwrite each other, and the console adds
  the kernel's own lines: the script writes to a file of `folder`, and its exit status to another. A guest without
  a status file died.
- tracefs, debugfs and securityfs are mounted; bpffs is mounted here.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__:
    from .kernels import DEFAULT_SERIES, GuestKernel, KernelNotFound, obtain
else:  # run as a script
    from kernels import DEFAULT_SERIES, GuestKernel, KernelNotFound, obtain  # type: ignore[import-not-found,no-redef]

_PASSED_ON = ("PYSTAP_UPDATE_DOCS",)
"""Environment variables that mean the same in a guest."""

CPUS = 2
MEMORY = "2G"


class GuestNotStarted(Exception):
    """The tools that boot a guest are lacking; the message names them."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A running guest: its emulator's process and the folder that it shares with this machine."""

    kernel: GuestKernel
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def output(self) -> str:
        """What the command has written so far, standard output and error together."""
        return _read(self.folder / "output")

    @property
    def console(self) -> str:
        """What the kernel and virtme-ng wrote; the place to look when the guest died."""
        return _read(self.folder / "console")

    @property
    def status(self) -> int | None:
        """The command's exit status, or None when it has not ended (or the guest died before that)."""
        text = _read(self.folder / "status").strip()
        return int(text) if text else None


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


@contextlib.contextmanager
def booted(
    kernel: GuestKernel, command: Sequence[str], folder: Path, cwd: Path, by_instructions: bool = False
) -> Iterator[Guest]:
    """Boot `kernel` and start `command` in it; the guest is gone when the context ends.

    `folder` exists, is shared for writing, and holds the files `output`, `console`, `status`. The clock of a guest
    `by_instructions`, which has one CPU, goes on by 1 ns with each instruction that runs and by nothing else.
    Raises GuestNotStarted.
    """
    scripts = Path(sysconfig.get_path("scripts"))
    vng = scripts / "vng"
    lacking = [tool for tool in ("qemu-system-x86_64", "busybox", "depmod") if _which(tool) is None]
    if not vng.exists():
        lacking.append("virtme-ng")
    if lacking:
        raise GuestNotStarted(f"cannot boot a guest without {', '.join(lacking)} (scripts/test installs them)")
    script = folder / "command.sh"
    script.write_text(_guest_script(command, folder, scripts))
    # Verbose: the console must hold the kernel's last words. Without KVM it runs on any machine, a cloud guest too.
    cpus = 1 if by_instructions else CPUS
    arguments = ["--verbose", "--disable-kvm", "--run", str(kernel.image), "--cpus", str(cpus), "--memory", MEMORY]
    if by_instructions:
        arguments.append("--qemu-opts=-icount shift=0,sleep=off")
    arguments += ["--user", "root", "--cwd", str(cwd), "--rwdir", str(folder), "--", f"sh {shlex.quote(str(script))}"]
    # vng looks up its own helpers in PATH.
    environment = os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}:/usr/sbin:/sbin"}
    with (folder / "console").open("wb") as console:
        process = subprocess.Popen(
            ["nice", "-n", "10", str(vng), *arguments],  # native tests, some with deadlines, run beside it
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # the emulator is a grandchild: end the whole session
        )
    try:
        yield Guest(kernel, process, folder)
    finally:
        _end(process)


def run(
    kernel: GuestKernel, command: Sequence[str], cwd: Path, timeout: float, by_instructions: bool = False
) -> tuple[int, str]:
    """Boot `kernel`, run `command` to its end; its exit status and output.

    `timeout` is in seconds; `by_instructions` as in `booted`. Raises GuestNotStarted, and RuntimeError with the
    console's end when the guest died or did not finish in time.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pystap-guest-") as name,
        booted(kernel, command, Path(name), cwd, by_instructions) as guest,
    ):
        with contextlib.suppress(subprocess.TimeoutExpired):
            guest.process.wait(timeout)
        if guest.status is None:
            last = f"{guest.output[-2000:]}{guest.console[-4000:]}"
            raise RuntimeError(f"guest {kernel.release} did not finish:\n{last}")
        return guest.status, guest.output


def _which(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _guest_script(command: Sequence[str], folder: Path, scripts: Path) -> str:
    quoted = shlex.join(command)
    shared = shlex.quote(str(folder))
    passed = "".join(f"export {name}={shlex.quote(os.environ[name])}\n" for name in _PASSED_ON if name in os.environ)
    return f"""\
{passed}export PYSTAP_INSIDE_GUEST=1
export PATH={shlex.quote(str(scripts))}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/tmp/guest-home
export XDG_CACHE_HOME=$HOME/.cache HYPOTHESIS_STORAGE_DIRECTORY=$HOME/hypothesis
export PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 TERM=dumb
mkdir -p "$HOME"
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
{quoted} > {shared}/output 2>&1 < /dev/null
echo $? > {shared}/status
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a command under a guest kernel.")
    parser.add_argument("--kernel", default=DEFAULT_SERIES, help="series, such as 6.1 (the default) or 5.10")
    parser.add_argument("--timeout", type=float, default=600, help="seconds")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        status, output = run(obtain(options.kernel), options.command, Path.cwd(), options.timeout)
    except (GuestNotStarted, KernelNotFound, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(output, end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
