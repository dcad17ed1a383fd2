"""Waiting for descriptors: poll, select, epoll (asm-generic/poll.h, linux/eventpoll.h)."""

from __future__ import annotations

from . import Decoder, Memory, address
from .names import MASK_32, SAME, Flags, Names, array, counted, signed, structure, values

poll_events = Flags("""
POLLIN=1 POLLPRI=2 POLLOUT=4 POLLERR=8 POLLHUP=0x10 POLLNVAL=0x20 POLLRDNORM=0x40 POLLRDBAND=0x80 POLLWRNORM=0x100
POLLWRBAND=0x200 POLLMSG=0x400 POLLREMOVE=0x1000 POLLRDHUP=0x2000 """)


@counted(256, each=8, narrow=SAME)
def poll_descriptors(data: bytes, count: int) -> str:
    """Return an array of struct pollfd, what is asked for."""
    shown = []
    for i in range(0, len(data) // 8 * 8, 8):
        descriptor = int.from_bytes(data[i : i + 4], "little", signed=True)
        wanted = "" if descriptor < 0 else f", events={poll_events[int.from_bytes(data[i + 4 : i + 6], 'little')]}"
        shown.append(f"{{fd={descriptor}{wanted}}}")
    return array(shown, count)


def descriptor_set(value: int, count: int, data: bytes | None) -> str:
    """Return the descriptors in an fd_set that are below `count`: `[0 3]`."""
    if data is None or signed(count) < 0:
        return address(value)
    bits = int.from_bytes(data, "little")
    return "[" + " ".join(str(i) for i in range(min(count & MASK_32, 8 * len(data))) if bits >> i & 1) + "]"


epoll_operation = Names("EPOLL_CTL_ADD=1 EPOLL_CTL_DEL EPOLL_CTL_MOD")
_DELETE = 2
epoll_flags = Flags("EPOLL_CLOEXEC=0x80000 EPOLL_NONBLOCK=0x800")
epoll_events = Flags("""
EPOLLIN=1 EPOLLPRI=2 EPOLLOUT=4 EPOLLERR=8 EPOLLHUP=0x10 EPOLLNVAL=0x20 EPOLLRDNORM=0x40 EPOLLRDBAND=0x80
EPOLLWRNORM=0x100 EPOLLWRBAND=0x200 EPOLLMSG=0x400 EPOLLRDHUP=0x2000 EPOLL_URING_WAKE=0x8000000
EPOLLEXCLUSIVE=0x10000000 EPOLLWAKEUP=0x20000000 EPOLLONESHOT=0x40000000 EPOLLET=0x80000000
""")


@structure(12, narrow=SAME)
def epoll_event(data: bytes, operation: int) -> str:
    """Return a struct epoll_event; it is packed on x86-64. EPOLL_CTL_DEL does not look at it: "", for its address."""
    if operation & MASK_32 == _DELETE:
        return ""
    events, low = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    return f"{{events={epoll_events[events]}, data={{u32={low}, u64={int.from_bytes(data[4:12], 'little')}}}}}"


DECODERS = (
    *values(
        poll_events=poll_events, epoll_operation=epoll_operation, epoll_flags=epoll_flags, epoll_events=epoll_events
    ),
    Decoder("descriptor_set", descriptor_set, (Memory("bytes", 128),), compat=descriptor_set),
    poll_descriptors, epoll_event,
)  # fmt: skip
