"""Capabilities, filters of system calls, Landlock and other security modules.

Sources: linux/capability.h, seccomp.h, landlock.h, lsm.h.
"""

from __future__ import annotations

from .names import MASK_32, SAME, Flags, Names, counted, structure, values

_CAPABILITIES = """
CAP_CHOWN=0 CAP_DAC_OVERRIDE=1 CAP_DAC_READ_SEARCH=2 CAP_FOWNER=3 CAP_FSETID=4 CAP_KILL=5 CAP_SETGID=6 CAP_SETUID=7
CAP_SETPCAP=8 CAP_LINUX_IMMUTABLE=9 CAP_NET_BIND_SERVICE=0xa CAP_NET_BROADCAST=0xb CAP_NET_ADMIN=0xc CAP_NET_RAW=0xd
CAP_IPC_LOCK=0xe CAP_IPC_OWNER=0xf CAP_SYS_MODULE=0x10 CAP_SYS_RAWIO=0x11 CAP_SYS_CHROOT=0x12 CAP_SYS_PTRACE=0x13
CAP_SYS_PACCT=0x14 CAP_SYS_ADMIN=0x15 CAP_SYS_BOOT=0x16 CAP_SYS_NICE=0x17 CAP_SYS_RESOURCE=0x18 CAP_SYS_TIME=0x19
CAP_SYS_TTY_CONFIG=0x1a CAP_MKNOD=0x1b CAP_LEASE=0x1c CAP_AUDIT_WRITE=0x1d CAP_AUDIT_CONTROL=0x1e CAP_SETFCAP=0x1f
CAP_MAC_OVERRIDE=0x20 CAP_MAC_ADMIN=0x21 CAP_SYSLOG=0x22 CAP_WAKE_ALARM=0x23 CAP_BLOCK_SUSPEND=0x24
CAP_AUDIT_READ=0x25 CAP_PERFMON=0x26 CAP_BPF=0x27 CAP_CHECKPOINT_RESTORE=0x28
"""
capability = Names(_CAPABILITIES)
_CAPABILITY_VERSIONS = Names("""
_LINUX_CAPABILITY_VERSION_1=0x19980330 _LINUX_CAPABILITY_VERSION_2=0x20071026 _LINUX_CAPABILITY_VERSION_3=0x20080522
""")


@structure(8, narrow=SAME)
def capability_header(data: bytes) -> str:
    version, process = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little", signed=True)
    return f"{{version={_CAPABILITY_VERSIONS[version]}, pid={process}}}"


def capability_set(mask: int) -> str:
    """Return the names of a set of capabilities, those beyond the last that has one in hexadecimal."""
    named = Flags(" ".join(f"1<<{name}={1 << bit:#x}" for bit, name in sorted(capability.names.items())), bits=64)
    return named[mask]


@structure(24, least=12, narrow=SAME)
def capability_data(data: bytes) -> str:
    """Return the sets of capset: effective, permitted, inheritable, in two parts of 32 bits each from version 2 on."""
    low = [int.from_bytes(data[i : i + 4], "little") for i in (0, 4, 8)]
    high = [int.from_bytes(data[i : i + 4], "little") for i in (12, 16, 20)] if len(data) >= 24 else [0, 0, 0]
    effective, permitted, inheritable = (capability_set(a | b << 32) for a, b in zip(low, high, strict=True))
    return f"{{effective={effective}, permitted={permitted}, inheritable={inheritable}}}"


seccomp_operation = Names("""
SECCOMP_SET_MODE_STRICT=0 SECCOMP_SET_MODE_FILTER=1 SECCOMP_GET_ACTION_AVAIL=2 SECCOMP_GET_NOTIF_SIZES=3
""")
_SECCOMP_FLAGS = Flags("""
SECCOMP_FILTER_FLAG_TSYNC=1 SECCOMP_FILTER_FLAG_LOG=2 SECCOMP_FILTER_FLAG_SPEC_ALLOW=4
SECCOMP_FILTER_FLAG_NEW_LISTENER=8 SECCOMP_FILTER_FLAG_TSYNC_ESRCH=0x10 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV=0x20
""")


def seccomp_flags(value: int, operation: int) -> str:
    """Return the flags of seccomp; they are those of a filter."""
    return _SECCOMP_FLAGS[value] if operation & MASK_32 == 1 else f"0x{value & MASK_32:x}"


landlock_create_flags = Flags("LANDLOCK_CREATE_RULESET_VERSION=1 LANDLOCK_CREATE_RULESET_ERRATA=2")
landlock_rule = Names("LANDLOCK_RULE_PATH_BENEATH=1 LANDLOCK_RULE_NET_PORT=2")
landlock_restrict_flags = Flags("""
LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF=1 LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON=2
LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF=4 LANDLOCK_RESTRICT_SELF_TSYNC=8 """)
_LANDLOCK_FILES = Flags(
    """
LANDLOCK_ACCESS_FS_EXECUTE=1 LANDLOCK_ACCESS_FS_WRITE_FILE=2 LANDLOCK_ACCESS_FS_READ_FILE=4
LANDLOCK_ACCESS_FS_READ_DIR=8 LANDLOCK_ACCESS_FS_REMOVE_DIR=0x10 LANDLOCK_ACCESS_FS_REMOVE_FILE=0x20
LANDLOCK_ACCESS_FS_MAKE_CHAR=0x40 LANDLOCK_ACCESS_FS_MAKE_DIR=0x80 LANDLOCK_ACCESS_FS_MAKE_REG=0x100
LANDLOCK_ACCESS_FS_MAKE_SOCK=0x200 LANDLOCK_ACCESS_FS_MAKE_FIFO=0x400 LANDLOCK_ACCESS_FS_MAKE_BLOCK=0x800
LANDLOCK_ACCESS_FS_MAKE_SYM=0x1000 LANDLOCK_ACCESS_FS_REFER=0x2000 LANDLOCK_ACCESS_FS_TRUNCATE=0x4000
LANDLOCK_ACCESS_FS_IOCTL_DEV=0x8000
""",
    bits=64,
)
_LANDLOCK_NETWORK = Flags("LANDLOCK_ACCESS_NET_BIND_TCP=1 LANDLOCK_ACCESS_NET_CONNECT_TCP=2", bits=64)


@counted(16, least=8, narrow=SAME)
def landlock_ruleset(data: bytes, size: int) -> str:
    """Return a struct landlock_ruleset_attr, as much of it as `size` says."""
    parts = [f"handled_access_fs={_LANDLOCK_FILES[int.from_bytes(data[:8], 'little')]}"]
    if len(data) >= 16:
        parts.append(f"handled_access_net={_LANDLOCK_NETWORK[int.from_bytes(data[8:16], 'little')]}")
    return "{" + ", ".join(parts) + "}"


@structure(16, least=12, narrow=SAME)
def landlock_attribute(data: bytes, kind: int) -> str:
    """Return the attributes of a rule, by the rule's type."""
    allowed = int.from_bytes(data[:8], "little")
    if kind & MASK_32 == 1 and len(data) >= 12:
        descriptor = int.from_bytes(data[8:12], "little", signed=True)
        return f"{{allowed_access={_LANDLOCK_FILES[allowed]}, parent_fd={descriptor}}}"
    if kind & MASK_32 == 2 and len(data) >= 16:
        return f"{{allowed_access={_LANDLOCK_NETWORK[allowed]}, port={int.from_bytes(data[8:16], 'little')}}}"
    return ""


lsm_attribute = Names("""
LSM_ATTR_CURRENT=100 LSM_ATTR_EXEC LSM_ATTR_FSCREATE LSM_ATTR_KEYCREATE LSM_ATTR_PREV LSM_ATTR_SOCKCREATE
""")


DECODERS = (
    *values(
        capability=capability, seccomp_operation=seccomp_operation, seccomp_flags=seccomp_flags,
        landlock_create_flags=landlock_create_flags, landlock_rule=landlock_rule,
        landlock_restrict_flags=landlock_restrict_flags, lsm_attribute=lsm_attribute,
    ),
    capability_header, capability_data, landlock_ruleset, landlock_attribute,
)  # fmt: skip
