"""The commands of bpf and what the most common ones pass (linux/bpf.h)."""

from __future__ import annotations

from . import address
from .names import MASK_32, SAME, Flags, Names, counted, values

bpf_command = Names("""
BPF_MAP_CREATE BPF_MAP_LOOKUP_ELEM BPF_MAP_UPDATE_ELEM BPF_MAP_DELETE_ELEM BPF_MAP_GET_NEXT_KEY BPF_PROG_LOAD
BPF_OBJ_PIN BPF_OBJ_GET BPF_PROG_ATTACH BPF_PROG_DETACH BPF_PROG_TEST_RUN BPF_PROG_GET_NEXT_ID BPF_MAP_GET_NEXT_ID
BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID BPF_OBJ_GET_INFO_BY_FD BPF_PROG_QUERY BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD
BPF_BTF_GET_FD_BY_ID BPF_TASK_FD_QUERY BPF_MAP_LOOKUP_AND_DELETE_ELEM BPF_MAP_FREEZE BPF_BTF_GET_NEXT_ID
BPF_MAP_LOOKUP_BATCH BPF_MAP_LOOKUP_AND_DELETE_BATCH BPF_MAP_UPDATE_BATCH BPF_MAP_DELETE_BATCH BPF_LINK_CREATE
BPF_LINK_UPDATE BPF_LINK_GET_FD_BY_ID BPF_LINK_GET_NEXT_ID BPF_ENABLE_STATS BPF_ITER_CREATE BPF_LINK_DETACH
BPF_PROG_BIND_MAP BPF_TOKEN_CREATE BPF_PROG_STREAM_READ_BY_FD
""")
_MAPS = Names(
    """
UNSPEC HASH ARRAY PROG_ARRAY PERF_EVENT_ARRAY PERCPU_HASH PERCPU_ARRAY STACK_TRACE CGROUP_ARRAY LRU_HASH LRU_PERCPU_HASH
LPM_TRIE ARRAY_OF_MAPS HASH_OF_MAPS DEVMAP SOCKMAP CPUMAP XSKMAP SOCKHASH CGROUP_STORAGE REUSEPORT_SOCKARRAY
PERCPU_CGROUP_STORAGE QUEUE STACK SK_STORAGE DEVMAP_HASH STRUCT_OPS RINGBUF INODE_STORAGE TASK_STORAGE BLOOM_FILTER
USER_RINGBUF CGRP_STORAGE ARENA INSN_ARRAY""",
    prefix="BPF_MAP_TYPE_",
)
_PROGRAMS = Names(
    """
UNSPEC SOCKET_FILTER KPROBE SCHED_CLS SCHED_ACT TRACEPOINT XDP PERF_EVENT CGROUP_SKB CGROUP_SOCK LWT_IN LWT_OUT LWT_XMIT
SOCK_OPS SK_SKB CGROUP_DEVICE SK_MSG RAW_TRACEPOINT CGROUP_SOCK_ADDR LWT_SEG6LOCAL LIRC_MODE2 SK_REUSEPORT
FLOW_DISSECTOR CGROUP_SYSCTL RAW_TRACEPOINT_WRITABLE CGROUP_SOCKOPT TRACING STRUCT_OPS EXT LSM SK_LOOKUP SYSCALL
NETFILTER""",
    prefix="BPF_PROG_TYPE_",
)
_ATTACHES = Names("""
BPF_CGROUP_INET_INGRESS BPF_CGROUP_INET_EGRESS BPF_CGROUP_INET_SOCK_CREATE BPF_CGROUP_SOCK_OPS BPF_SK_SKB_STREAM_PARSER
BPF_SK_SKB_STREAM_VERDICT BPF_CGROUP_DEVICE BPF_SK_MSG_VERDICT BPF_CGROUP_INET4_BIND BPF_CGROUP_INET6_BIND
BPF_CGROUP_INET4_CONNECT BPF_CGROUP_INET6_CONNECT BPF_CGROUP_INET4_POST_BIND BPF_CGROUP_INET6_POST_BIND
BPF_CGROUP_UDP4_SENDMSG BPF_CGROUP_UDP6_SENDMSG BPF_LIRC_MODE2 BPF_FLOW_DISSECTOR BPF_CGROUP_SYSCTL
BPF_CGROUP_UDP4_RECVMSG BPF_CGROUP_UDP6_RECVMSG BPF_CGROUP_GETSOCKOPT BPF_CGROUP_SETSOCKOPT BPF_TRACE_RAW_TP
BPF_TRACE_FENTRY BPF_TRACE_FEXIT BPF_MODIFY_RETURN BPF_LSM_MAC BPF_TRACE_ITER BPF_CGROUP_INET4_GETPEERNAME
BPF_CGROUP_INET6_GETPEERNAME BPF_CGROUP_INET4_GETSOCKNAME BPF_CGROUP_INET6_GETSOCKNAME BPF_XDP_DEVMAP
BPF_CGROUP_INET_SOCK_RELEASE BPF_XDP_CPUMAP BPF_SK_LOOKUP BPF_XDP BPF_SK_SKB_VERDICT BPF_SK_REUSEPORT_SELECT
BPF_SK_REUSEPORT_SELECT_OR_MIGRATE BPF_PERF_EVENT BPF_TRACE_KPROBE_MULTI BPF_LSM_CGROUP BPF_STRUCT_OPS BPF_NETFILTER
BPF_TCX_INGRESS BPF_TCX_EGRESS BPF_TRACE_UPROBE_MULTI BPF_CGROUP_UNIX_CONNECT BPF_CGROUP_UNIX_SENDMSG
BPF_CGROUP_UNIX_RECVMSG BPF_CGROUP_UNIX_GETPEERNAME BPF_CGROUP_UNIX_GETSOCKNAME BPF_NETKIT_PRIMARY BPF_NETKIT_PEER
BPF_TRACE_KPROBE_SESSION BPF_TRACE_UPROBE_SESSION
""")
_MAP_FLAGS = Flags("""
BPF_F_NO_PREALLOC=1 BPF_F_NO_COMMON_LRU=2 BPF_F_NUMA_NODE=4 BPF_F_RDONLY=8 BPF_F_WRONLY=0x10 BPF_F_STACK_BUILD_ID=0x20
BPF_F_ZERO_SEED=0x40 BPF_F_RDONLY_PROG=0x80 BPF_F_WRONLY_PROG=0x100 BPF_F_CLONE=0x200 BPF_F_MMAPABLE=0x400
BPF_F_PRESERVE_ELEMS=0x800 BPF_F_INNER_MAP=0x1000 BPF_F_LINK=0x2000 BPF_F_PATH_FD=0x4000 BPF_F_VTYPE_BTF_OBJ_FD=0x8000
BPF_F_TOKEN_FD=0x10000 BPF_F_SEGV_ON_FAULT=0x20000 BPF_F_NO_USER_CONV=0x40000 """)
_UPDATES = Names("BPF_ANY BPF_NOEXIST BPF_EXIST BPF_F_LOCK=4", bits=64)


def _number(data: bytes, offset: int, size: int = 4) -> int:
    return int.from_bytes(data[offset : offset + size], "little")


def _create(data: bytes) -> str:
    return (
        f"map_type={_MAPS[_number(data, 0)]}, key_size={_number(data, 4)}, value_size={_number(data, 8)}, "
        f"max_entries={_number(data, 12)}, map_flags={_MAP_FLAGS[_number(data, 16)]}"
    )


def _element(data: bytes) -> str:
    text = f"map_fd={_number(data, 0)}, key={address(_number(data, 8, 8))}, value={address(_number(data, 16, 8))}"
    return text + f", flags={_UPDATES[_number(data, 24, 8)]}"


def _key(data: bytes) -> str:
    return f"map_fd={_number(data, 0)}, key={address(_number(data, 8, 8))}"


def _next_key(data: bytes) -> str:
    return f"{_key(data)}, next_key={address(_number(data, 16, 8))}"


def _load(data: bytes) -> str:
    return (
        f"prog_type={_PROGRAMS[_number(data, 0)]}, insn_cnt={_number(data, 4)}, "
        f"insns={address(_number(data, 8, 8))}, license={address(_number(data, 16, 8))}, "
        f"log_level={_number(data, 24)}"
    )


def _attach(data: bytes) -> str:
    text = f"target_fd={_number(data, 0)}, attach_bpf_fd={_number(data, 4)}, attach_type={_ATTACHES[_number(data, 8)]}"
    return text + f", attach_flags={_number(data, 12):#x}"


def _link(data: bytes) -> str:
    text = f"prog_fd={_number(data, 0)}, target_fd={_number(data, 4)}, attach_type={_ATTACHES[_number(data, 8)]}"
    return text + f", flags={_number(data, 12):#x}"


_COMMANDS = {0: (_create, 24), 1: (_element, 32), 2: (_element, 32), 3: (_key, 16), 4: (_next_key, 24), 5: (_load, 28),
             8: (_attach, 16), 28: (_link, 16)}  # fmt: skip
"""What is shown of union bpf_attr, by command, and how many bytes that takes."""


@counted(128, count=2, narrow=SAME)
def bpf_attribute(data: bytes, command: int, size: int) -> str:
    """Return the first members of union bpf_attr; its address for commands that are not in the table."""
    text, least = _COMMANDS.get(command & MASK_32, (None, 0))
    if text is None or not data:
        return ""
    return "{" + text(data.ljust(least, bytes(1))) + "}"


DECODERS = (*values(bpf_command=bpf_command), bpf_attribute)
