"""That the tables of names say what the kernel's headers say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from pystap.tapset.syscalls import DECODER_MODULES
from pystap.tapset.syscalls.names import Flags, Names

HEADERS = """
asm-generic/fcntl.h linux/fcntl.h linux/stat.h linux/mman.h linux/sched.h linux/wait.h asm/signal.h asm/siginfo.h
linux/futex.h linux/prctl.h asm/prctl.h linux/ptrace.h linux/personality.h linux/mount.h linux/fs.h linux/reboot.h
linux/quota.h linux/dqblk_xfs.h linux/ipc.h linux/shm.h linux/msg.h linux/sem.h linux/keyctl.h linux/bpf.h
linux/io_uring.h linux/perf_event.h linux/seccomp.h linux/capability.h linux/random.h linux/memfd.h linux/userfaultfd.h
linux/landlock.h linux/fanotify.h linux/inotify.h linux/membarrier.h linux/rseq.h linux/mempolicy.h linux/kexec.h
linux/module.h linux/xattr.h linux/falloc.h linux/fadvise.h linux/openat2.h linux/time.h linux/timex.h linux/timerfd.h
linux/eventpoll.h linux/resource.h asm-generic/poll.h asm-generic/socket.h linux/in.h linux/in6.h linux/tcp.h
linux/udp.h linux/netlink.h linux/if_packet.h linux/if_ether.h linux/sockios.h asm-generic/ioctls.h linux/close_range.h
linux/ioprio.h linux/kcmp.h linux/aio_abi.h linux/mqueue.h linux/nsfs.h linux/loop.h linux/if_tun.h linux/rtc.h
linux/watchdog.h linux/fb.h linux/kd.h linux/vt.h linux/hdreg.h linux/blkzoned.h linux/dma-buf.h linux/cdrom.h
linux/sched/types.h asm/ptrace-abi.h linux/fiemap.h linux/blktrace_api.h linux/fscrypt.h linux/fsverity.h
"""


def _names() -> dict[str, int]:
    """Return the names of all tables with their values."""
    found: dict[str, int] = {}
    for module in DECODER_MODULES:
        for table in vars(import_module(f"pystap.tapset.syscalls.{module}")).values():
            tables = (
                list(table.values()) if isinstance(table, dict) and not isinstance(table, Names | Flags) else [table]
            )
            for each in tables:
                if isinstance(each, Names):
                    found.update((name, value) for value, name in each.names.items())
                elif isinstance(each, Flags):
                    found.update(each.flags)
                    if each.field is not None:
                        found.update((name, value) for value, name in each.field[1].names.items())
    from pystap.tapset.syscalls.ioctl_names import IOCTLS

    found.update((name, value) for value, name in Names(IOCTLS).names.items())
    return {name: value for name, value in found.items() if re.fullmatch(r"[A-Z_][A-Z0-9_]*", name)}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_tables_agree_with_the_headers(tmp_path: Path) -> None:
    """Every name that the installed headers declare has the value of the table; most names are declared there."""
    names = {name: value for name, value in _names().items() if not name.startswith("PER_")}  # in headers with flags
    includes = "".join(f"#include <{header}>\n" for header in HEADERS.split())
    source, program = tmp_path / "names.c", tmp_path / "names"
    unknown: set[str] = set()
    for _ in range(4):
        known = [name for name in names if name not in unknown]
        lines = "".join(f'  printf("{name} %llx\\n", (unsigned long long)({name}));\n' for name in known)
        source.write_text(f"{includes}int printf(const char *, ...);\nint main(void) {{\n{lines}}}\n")
        command = ["gcc", "-w", "-fmax-errors=0", "-o", str(program), str(source)]
        compiled = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        if compiled.returncode == 0:
            break
        undeclared = set(re.findall(r"error: '(\w+)' undeclared", compiled.stderr))
        assert undeclared, compiled.stderr[:2000]
        unknown |= undeclared
    said = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    values = {name: int(value, 16) for name, value in (line.split() for line in said.splitlines())}
    wrong = {
        name: (hex(names[name]), hex(value))
        for name, value in values.items()
        if (names[name] ^ value) & 0xFFFF_FFFF or (names[name] >> 32 and names[name] != value)
    }
    assert wrong == {}
    assert len(values) > 1500, sorted(unknown)
    assert len(values) > 0.8 * len(names), sorted(unknown)
