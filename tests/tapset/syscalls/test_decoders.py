"""What decoders make of values and of memory."""

from __future__ import annotations

import inspect
import struct
from importlib import import_module

import pytest

from pystap.tapset.syscalls import DECODER_MODULES, Decoder, decoder, tables
from pystap.tapset.syscalls.names import Flags, Names

MASK_64 = (1 << 64) - 1


@pytest.mark.parametrize("module", DECODER_MODULES)
def test_the_registry_lists_what_the_modules_declare(module: str) -> None:
    declared = [row.name for row in import_module(f"pystap.tapset.syscalls.{module}").DECODERS]
    assert declared == DECODER_MODULES[module].split()


VALUES: list[tuple[str, tuple[int, ...], str | None]] = [
    ("open_flags", (0,), "O_RDONLY"),
    ("open_flags", (0o102101,), "O_WRONLY|O_CREAT|O_APPEND|O_LARGEFILE"),
    ("open_flags", (0o4010002,), "O_RDWR|O_SYNC"),
    ("open_flags", (0x410001,), "O_WRONLY|O_TMPFILE"),
    ("open_flags", (0x4000_0003,), "O_ACCMODE|0x40000000"),
    ("open_flags", (0x1_0000_0000,), "O_RDONLY"),
    ("open_mode", (0o644, 0o100), "0644"),
    ("open_mode", (0o644, 0), None),
    ("access_mode", (0,), "F_OK"),
    ("access_mode", (7,), "R_OK|W_OK|X_OK"),
    ("whence", (2,), "SEEK_END"),
    ("whence", (77,), "0x4d"),
    ("at_flags", (0x100,), "AT_SYMLINK_NOFOLLOW"),
    ("statx_flags", (0x2100,), "AT_STATX_FORCE_SYNC|AT_SYMLINK_NOFOLLOW"),
    ("statx_mask", (0x7FF,), "STATX_BASIC_STATS"),
    ("statx_mask", (0xFFF,), "STATX_ALL"),
    ("file_mode", (0o020644,), "S_IFCHR|0644"),
    ("file_mode", (0o600,), "0600"),
    ("device", (0x0103,), "makedev(0x1, 0x3)"),
    ("owner", (MASK_64,), "-1"),
    ("owner", (1000,), "1000"),
    ("dirfd", (-100,), "AT_FDCWD"),
    ("dirfd", (5,), "5"),
    ("fcntl_command", (6,), "F_SETLK"),
    ("quota_command", (0x80000700,), "QCMD(Q_GETQUOTA, USRQUOTA)"),
    ("io_priority", (2 << 13 | 4,), "IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)"),
    ("memfd_flags", (1 | 4 | 21 << 26,), "MFD_CLOEXEC|MFD_HUGETLB|21<<MFD_HUGE_SHIFT"),
    ("fanotify_flags", (1,), "FAN_CLASS_NOTIF|FAN_CLOEXEC"),
    ("fanotify_mark_flags", (0x101,), "FAN_MARK_FILESYSTEM|FAN_MARK_ADD"),
    ("mmap_prot", (0,), "PROT_NONE"),
    ("mmap_prot", (7,), "PROT_READ|PROT_WRITE|PROT_EXEC"),
    ("mmap_flags", (0x22,), "MAP_PRIVATE|MAP_ANONYMOUS"),
    ("mmap_flags", (0x40022 | 30 << 26,), "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|30<<MAP_HUGE_SHIFT"),
    ("memory_advice", (4,), "MADV_DONTNEED"),
    ("policy_mode", (0x8002,), "MPOL_BIND|MPOL_F_STATIC_NODES"),
    ("clone_flags", (0x01200011,), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"),
    ("clone_flags", (17,), "SIGCHLD"),
    ("wait4_options", (3,), "WNOHANG|WUNTRACED"),
    ("prctl_option", (15,), "PR_SET_NAME"),
    ("arch_prctl_code", (0x1002,), "ARCH_SET_FS"),
    ("personality", (0x0040000,), "PER_LINUX|ADDR_NO_RANDOMIZE"),
    ("personality", (-1,), "0xffffffff"),
    ("scheduling_policy", (0x40000001,), "SCHED_FIFO|SCHED_RESET_ON_FORK"),
    ("resource", (7,), "RLIMIT_NOFILE"),
    ("usage_who", (-1,), "RUSAGE_CHILDREN"),
    ("usage_who", (0xFFFFFFFF,), "RUSAGE_CHILDREN"),
    ("signal", (9,), "SIGKILL"),
    ("signal", (34,), "SIGRTMIN+2"),
    ("signal", (99,), "99"),
    ("handler", (1,), "SIG_IGN"),
    ("signal_mask", (0,), "[EMPTY]"),
    ("signal_mask", (3,), "[SIGHUP|SIGINT]"),
    ("signal_mask", (MASK_64 & ~1,), "~[SIGHUP]"),
    ("futex_operation", (0x80,), "FUTEX_WAIT_PRIVATE"),
    ("futex_operation", (0x189,), "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"),
    ("futex_third", (0xFFFFFFFF, 9), "FUTEX_BITSET_MATCH_ANY"),
    ("clock", (1,), "CLOCK_MONOTONIC"),
    ("clock", (-6 & MASK_64,), "MAKE_PROCESS_CPUCLOCK(0, CPUCLOCK_SCHED)"),
    ("ioctl_command", (0x5413,), "TIOCGWINSZ"),
    ("ioctl_command", (0x80041234,), "_IOC(_IOC_READ, 0x12, 0x34, 0x4)"),
    ("socket_type", (0x80801,), "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK"),
    ("socket_protocol", (6, 2), "IPPROTO_TCP"),
    ("socket_protocol", (15, 16), "NETLINK_KOBJECT_UEVENT"),
    ("socket_protocol", (0x0300, 17), "htons(ETH_P_ALL)"),
    ("socket_option", (2, 1), "SO_REUSEADDR"),
    ("socket_option", (1, 6), "TCP_NODELAY"),
    ("socket_option", (5, 999), "0x5"),
    ("option_level", (41,), "SOL_IPV6"),
    ("message_flags", (0x4040,), "MSG_DONTWAIT|MSG_NOSIGNAL"),
    ("ipc_flags", (0o1600,), "IPC_CREAT|0600"),
    ("ipc_key", (0,), "IPC_PRIVATE"),
    ("shared_command", (0x10B,), "IPC_64|SHM_LOCK"),
    ("mount_flags", (0xC0ED0001,), "MS_MGC_VAL|MS_RDONLY"),
    ("mount_flags", (0x1000,), "MS_BIND"),
    ("swap_flags", (0x8005,), "SWAP_FLAG_PREFER|5"),
    ("keyring", (-3,), "KEY_SPEC_SESSION_KEYRING"),
    ("key_argument_3", (5, 7), None),
    ("key_argument_2", (-2, 3), "KEY_SPEC_PROCESS_KEYRING"),
    ("prctl_argument_2", (9, 1), "SIGKILL"),
    ("prctl_argument_2", (0x7000, 15), "0x7000"),
    ("prctl_argument_3", (0, 15), None),
    ("prctl_argument_3", (5, 9999), "0x5"),
    ("prctl_argument_2", (21, 24), "CAP_SYS_ADMIN"),
    ("namespace_flags", (0x40000000,), "CLONE_NEWNET"),
    ("namespace_flags", (0,), "0x0"),
    ("ptrace_data", (1, 0x4206), "PTRACE_O_TRACESYSGOOD"),
    ("clone_tls", (5, 0), None),
    ("bpf_command", (5,), "BPF_PROG_LOAD"),
    ("io_uring_operation", (0x80000014,), "IORING_REGISTER_RING_FDS|IORING_REGISTER_USE_REGISTERED_RING"),
    ("epoll_events", (0x80000001,), "EPOLLIN|EPOLLET"),
    ("reboot_command", (0x4321FEDC,), "LINUX_REBOOT_CMD_POWER_OFF"),
    ("seccomp_flags", (1, 1), "SECCOMP_FILTER_FLAG_TSYNC"),
    ("seccomp_flags", (1, 0), "0x1"),
]  # fmt: skip


def shown(name: str, *arguments: int | bytes | None) -> str | None:
    return decoder(name).function(*arguments)


@pytest.mark.parametrize(("name", "arguments", "expected"), VALUES)
def test_values(name: str, arguments: tuple[int, ...], expected: str | None) -> None:
    nothing = (None,) * len(decoder(name).memory)
    assert shown(name, *arguments, *nothing) == expected


def _inet(port: int, address: bytes) -> bytes:
    return struct.pack("=H", 2) + struct.pack("!H", port) + address + bytes(8)


MEMORY: list[tuple[str, tuple[int, ...], bytes, str]] = [
    ("timespec", (), struct.pack("=qq", 1, 500), "{tv_sec=1, tv_nsec=500}"),
    ("timeval", (), struct.pack("=qq", -1, 5), "{tv_sec=-1, tv_usec=5}"),
    ("environment", (), struct.pack("=q", 1), "0x7000 /* 1 var */"),
    ("environment", (), struct.pack("=qB", 127, 1), "0x7000 /* 127 vars or more */"),
    (
        "timespecs",
        (),
        struct.pack("=qqqq", 1, 2, 0, (1 << 30) - 1),
        "[{tv_sec=1, tv_nsec=2}, UTIME_NOW]",
    ),
    (
        "itimerval",
        (),
        struct.pack("=qqqq", 1, 2, 3, 4),
        "{it_interval={tv_sec=1, tv_usec=2}, it_value={tv_sec=3, tv_usec=4}}",
    ),
    ("action", (), bytes(32), "{SIG_DFL}"),
    (
        "action",
        (),
        struct.pack("=QQQQ", 0x401000, 0x14000004, 0x402000, 2),
        "{0x401000, SA_SIGINFO|SA_RESTORER|SA_RESTART, 0x402000, [SIGINT]}",
    ),
    ("signal_set", (), struct.pack("=Q", 1 << 16), "[SIGCHLD]"),
    (
        "signal_info",
        (),
        struct.pack("=iiiiiiQ", 10, 0, -1, 0, 42, 0, 7).ljust(48, b"\0"),
        "{si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=42, si_uid=0, si_int=7, si_ptr=0x7}",
    ),
    ("signal_stack", (), struct.pack("=QiiQ", 0x1000, 2, 0, 8192), "{ss_sp=0x1000, ss_flags=SS_DISABLE, ss_size=8192}"),
    (
        "sockaddr",
        (16,),
        _inet(80, bytes((127, 0, 0, 1))),
        '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}',
    ),
    (
        "sockaddr",
        (28,),
        struct.pack("=H", 10) + struct.pack("!HI", 443, 0) + bytes(15) + b"\1" + bytes(4),
        (
            '{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), '
            'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}'
        ),
    ),
    ("sockaddr", (8,), struct.pack("=H", 1) + b"/tmp/s\0", '{sa_family=AF_UNIX, sun_path="/tmp/s"}'),
    ("sockaddr", (6,), struct.pack("=H", 1) + b"\0abc", '{sa_family=AF_UNIX, sun_path=@"abc"}'),
    ("sockaddr", (2,), struct.pack("=H", 1), "{sa_family=AF_UNIX}"),
    ("sockaddr", (12,), struct.pack("=HHII", 16, 0, 9, 2), "{sa_family=AF_NETLINK, nl_pid=9, nl_groups=00000002}"),
    ("sockaddr", (4,), struct.pack("=H", 99) + b"\1a", '{sa_family=0x63, sa_data="\\001a"}'),
    ("sockaddr_ip", (16,), _inet(80, bytes((10, 0, 0, 1))), "10.0.0.1"),
    ("sockaddr_port", (16,), _inet(80, bytes((10, 0, 0, 1))), "80"),
    ("sockaddr_family", (2,), struct.pack("=H", 1), "AF_UNIX"),
    ("option_value", (4, 1, 2), struct.pack("=i", 1), "[1]"),
    ("option_value", (8, 1, 13), struct.pack("=ii", 1, 5), "{l_onoff=1, l_linger=5}"),
    ("option_value", (3, 1, 25), b"lo\0", '"lo\\000"'),
    ("ipc_message", (6,), struct.pack("=q", 1) + b"letter".ljust(32, b"x"), '{mtype=1, mtext="letter"}'),
    ("iovecs", (1,), struct.pack("=QQ", 0x1000, 3), "[{iov_base=0x1000, iov_len=3}]"),
    ("iovecs", (20,), struct.pack("=QQ", 0x1000, 3) * 16, "..."),
    ("poll_descriptors", (2,), struct.pack("=ihhihh", 0, 1, 0, -1, 4, 0), "[{fd=0, events=POLLIN}, {fd=-1}]"),
    ("descriptor_set", (5,), b"\x29" + bytes(127), "[0 3]"),
    ("resource_limit", (), struct.pack("=QQ", 8192 * 1024, MASK_64), "{rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}"),
    (
        "fcntl_argument",
        (6,),
        struct.pack("=hhiqqii", 1, 0, 0, 5, 10, 0, 0),
        "{l_type=F_WRLCK, l_whence=SEEK_SET, l_start=5, l_len=10}",
    ),
    (
        "open_how",
        (24,),
        struct.pack("=QQQ", 0o102, 0o600, 8),
        "{flags=O_RDWR|O_CREAT, mode=0600, resolve=RESOLVE_BENEATH}",
    ),
    (
        "clone_arguments",
        (64,),
        struct.pack("=8Q", 0x100, 0, 0, 0, 17, 0x1000, 0x2000, 0),
        "{flags=CLONE_VM, exit_signal=SIGCHLD, stack=0x1000, stack_size=0x2000}",
    ),
    ("semaphore_operations", (1,), struct.pack("=HhH", 0, -1, 0x800), "[{sem_num=0, sem_op=-1, sem_flg=IPC_NOWAIT}]"),
    ("epoll_event", (1,), struct.pack("=IQ", 1, 5), "{events=EPOLLIN, data={u32=5, u64=5}}"),
    ("epoll_event", (2,), struct.pack("=IQ", 1, 5), "0x7000"),
    ("processors", (8,), b"\5" + bytes(7), "[0 2]"),
    (
        "bpf_attribute",
        (0, 20),
        struct.pack("=IIIII", 2, 4, 8, 1, 0),
        "{map_type=BPF_MAP_TYPE_ARRAY, key_size=4, value_size=8, max_entries=1, map_flags=0x0}",
    ),
    (
        "perf_event",
        (),
        struct.pack("=IIQQQQQ", 1, 112, 0, 99, 7, 0, 1 << 10 | 1).ljust(64, b"\0"),
        (
            "{type=PERF_TYPE_SOFTWARE, size=PERF_ATTR_SIZE_VER5, config=PERF_COUNT_SW_CPU_CLOCK, sample_freq=99, "
            "sample_type=PERF_SAMPLE_IP|PERF_SAMPLE_TID|PERF_SAMPLE_TIME, read_format=0x0, disabled=1, freq=1}"
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "others", "data", "expected"), MEMORY)
def test_memory(name: str, others: tuple[int, ...], data: bytes, expected: str) -> None:
    text = shown(name, 0x7000, *others, data)
    assert text is not None
    assert text == expected or (expected == "..." and text.endswith(", ...]"))


NO_TEXT = ("key_argument", "prctl_argument", "sockaddr_", "reboot_argument", "futex_timeout")
"""Decoders that show nothing, or a number, where memory could not be read."""


def _other_arguments(row: Decoder) -> int:
    """How many arguments a decoder has behind the address."""
    parameters = inspect.signature(row.function).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return max((memory.count or 0) for memory in row.memory)
    return len(parameters) - 1 - len(row.memory)


@pytest.mark.parametrize("name", [name for names in DECODER_MODULES.values() for name in names.split()])
def test_what_could_not_be_read_is_shown_by_its_address(name: str) -> None:
    row = decoder(name)
    if not row.memory or name.startswith(NO_TEXT):
        return
    others = (0x45,) * _other_arguments(row)
    nothing = (None,) * len(row.memory)
    assert row.function(0x7000, *others, *nothing) == "0x7000"
    assert row.function(0, *others, *nothing) == "0x0"


def test_the_first_buffer_of_a_vector_is_shown() -> None:
    vector = struct.pack("=QQQQ", 0x1000, 40, 0x2000, 3)
    text = "[{iov_base=%s, iov_len=40}, {iov_base=0x2000, iov_len=3}]"
    assert shown("written_iovecs", 0x7000, 2, vector, b"x" * 32) == text % ('"' + "x" * 32 + '"...')
    assert shown("written_iovecs", 0x7000, 2, vector, None) == text % "0x1000"
    assert shown("written_iovecs", 0x7000, 2, None, None) == "0x7000"
    narrow = decoder("written_iovecs").compat
    assert narrow is not None
    assert narrow(0x7000, 1, struct.pack("=II", 0x1000, 3), b"abc") == '[{iov_base="abc", iov_len=3}]'


def test_a_table_does_not_grow_without_end() -> None:
    table = Flags("A=1")
    for value in range(10_000):
        table(value)
    assert len(table) <= 4096
    assert table(1) == "A"
    assert Names("A B=5 C")(6) == "C"


def test_every_row_uses_decoders_that_exist() -> None:
    for name in tables.described():
        row = tables.call(name)
        assert row is not None
        for use in [*row.variables.values(), *row.pieces, *row.return_variables.values()]:
            if not use.is_long:
                decoder(use.decoder)


NARROW: list[tuple[str, tuple[int, ...], bytes, str]] = [
    ("timespec", (), struct.pack("=ii", 1, -1), "{tv_sec=1, tv_nsec=-1}"),
    ("action", (), struct.pack("=IIIQ", 0x1234, 4, 0, 2), "{0x1234, SA_SIGINFO, [SIGINT]}"),
    ("signal_stack", (), struct.pack("=IiI", 0x1000, 2, 9), "{ss_sp=0x1000, ss_flags=SS_DISABLE, ss_size=9}"),
    ("iovecs", (1,), struct.pack("=II", 0x1000, 3), "[{iov_base=0x1000, iov_len=3}]"),
    ("resource_limit", (), struct.pack("=II", 5, 0xFFFFFFFF), "{rlim_cur=5, rlim_max=RLIM64_INFINITY}"),
    ("seconds", (), struct.pack("=i", -5), "[-5]"),
    ("utimbuf", (), struct.pack("=ii", 1, 2), "{actime=1, modtime=2}"),
    ("ipc_message", (6,), struct.pack("=i", 1) + b"letter".ljust(32), '{mtype=1, mtext="letter"}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "others", "data", "expected"), NARROW)
def test_memory_of_32_bit_calls(name: str, others: tuple[int, ...], data: bytes, expected: str) -> None:
    row = decoder(name)
    assert row.compat is not None
    assert row.compat(0x7000, *others, data) == expected
    assert row.compat(0x7000, *others, None) == "0x7000"
    assert row.compat(0x7000, *others, data[:3]) == "0x7000"
