"""Mounting and swapping (linux/mount.h, linux/fs.h, linux/swap.h)."""

from __future__ import annotations

from .decode_files import at_flags
from .names import SAME, Flags, Kept, Names, counted, values

_MOUNT = """
MS_RDONLY=1 MS_NOSUID=2 MS_NODEV=4 MS_NOEXEC=8 MS_SYNCHRONOUS=0x10 MS_REMOUNT=0x20 MS_MANDLOCK=0x40 MS_DIRSYNC=0x80
MS_NOSYMFOLLOW=0x100 MS_NOATIME=0x400 MS_NODIRATIME=0x800 MS_BIND=0x1000 MS_MOVE=0x2000 MS_REC=0x4000 MS_SILENT=0x8000
MS_POSIXACL=0x10000 MS_UNBINDABLE=0x20000 MS_PRIVATE=0x40000 MS_SLAVE=0x80000 MS_SHARED=0x100000 MS_RELATIME=0x200000
MS_KERNMOUNT=0x400000 MS_I_VERSION=0x800000 MS_STRICTATIME=0x1000000 MS_LAZYTIME=0x2000000 MS_SUBMOUNT=0x4000000
MS_NOREMOTELOCK=0x8000000 MS_NOSEC=0x10000000 MS_BORN=0x20000000 MS_ACTIVE=0x40000000 MS_NOUSER=0x80000000
"""
_MAGIC = 0xC0ED0000
_FLAGS = Flags(_MOUNT)


@Kept
def mount_flags(value: int) -> str:
    """Return the flags of mount; old programs set a magic number in the high half, which the kernel ignores."""
    if value & 0xFFFF0000 == _MAGIC:
        rest = value & 0xFFFF
        return f"MS_MGC_VAL|{_FLAGS[rest]}" if rest else "MS_MGC_VAL"
    return _FLAGS[value]


umount_flags = Flags("MNT_FORCE=1 MNT_DETACH=2 MNT_EXPIRE=4 UMOUNT_NOFOLLOW=8")
fsopen_flags = Flags("FSOPEN_CLOEXEC=1")
fsmount_flags = Flags("FSMOUNT_CLOEXEC=1 FSMOUNT_NAMESPACE=2")
fspick_flags = Flags("FSPICK_CLOEXEC=1 FSPICK_SYMLINK_NOFOLLOW=2 FSPICK_NO_AUTOMOUNT=4 FSPICK_EMPTY_PATH=8")
fsconfig_command = Names("""
FSCONFIG_SET_FLAG FSCONFIG_SET_STRING FSCONFIG_SET_BINARY FSCONFIG_SET_PATH FSCONFIG_SET_PATH_EMPTY FSCONFIG_SET_FD
FSCONFIG_CMD_CREATE FSCONFIG_CMD_RECONFIGURE FSCONFIG_CMD_CREATE_EXCL
""")
open_tree_flags = Flags("""
OPEN_TREE_CLONE=1 OPEN_TREE_NAMESPACE=2 OPEN_TREE_CLOEXEC=0x80000 AT_SYMLINK_NOFOLLOW=0x100 AT_NO_AUTOMOUNT=0x800
AT_EMPTY_PATH=0x1000 AT_RECURSIVE=0x8000 """)
move_mount_flags = Flags("""
MOVE_MOUNT_F_SYMLINKS=1 MOVE_MOUNT_F_AUTOMOUNTS=2 MOVE_MOUNT_F_EMPTY_PATH=4 MOVE_MOUNT_T_SYMLINKS=0x10
MOVE_MOUNT_T_AUTOMOUNTS=0x20 MOVE_MOUNT_T_EMPTY_PATH=0x40 MOVE_MOUNT_SET_GROUP=0x100 MOVE_MOUNT_BENEATH=0x200
""")
_ATTRIBUTES = """
MOUNT_ATTR_RDONLY=1 MOUNT_ATTR_NOSUID=2 MOUNT_ATTR_NODEV=4 MOUNT_ATTR_NOEXEC=8 MOUNT_ATTR_NODIRATIME=0x80
MOUNT_ATTR_IDMAP=0x100000 MOUNT_ATTR_NOSYMFOLLOW=0x200000
"""
_TIMES = (0x70, Names("MOUNT_ATTR_NOATIME=0x10 MOUNT_ATTR_STRICTATIME=0x20 MOUNT_ATTR__ATIME=0x70"))
_SETS = Flags(_ATTRIBUTES, bits=64, field=_TIMES)
_CLEARS = Flags("MOUNT_ATTR__ATIME=0x70 MOUNT_ATTR_NOATIME=0x10 MOUNT_ATTR_STRICTATIME=0x20 " + _ATTRIBUTES, bits=64)


def mount_attributes(value: int) -> str:
    return _SETS[value]


_PROPAGATION = Flags("MS_UNBINDABLE=0x20000 MS_PRIVATE=0x40000 MS_SLAVE=0x80000 MS_SHARED=0x100000", bits=64)


@counted(32, least=32, narrow=SAME)
def mount_attr(data: bytes, size: int) -> str:
    """Return a struct mount_attr."""
    on, off, propagation, space = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8, 16, 24))
    return (
        f"{{attr_set={_SETS[on]}, attr_clr={_CLEARS[off]}, propagation={_PROPAGATION[propagation]}, userns_fd={space}}}"
    )


mount_setattr_flags = at_flags
_SWAP = Flags(
    "SWAP_FLAG_PREFER=0x8000 SWAP_FLAG_DISCARD=0x10000 SWAP_FLAG_DISCARD_ONCE=0x20000 SWAP_FLAG_DISCARD_PAGES=0x40000"
)
_SWAP_PRIORITY = 0x7FFF


@Kept
def swap_flags(value: int) -> str:
    """Return the flags of swapon; the low bits are the priority."""
    flags, priority = value & 0xFFFFFFFF & ~_SWAP_PRIORITY, value & _SWAP_PRIORITY
    if not flags:
        return str(priority)
    return f"{_SWAP[flags]}|{priority}" if priority or flags & 0x8000 else _SWAP[flags]


DECODERS = (
    *values(
        mount_flags=mount_flags, umount_flags=umount_flags, fsopen_flags=fsopen_flags, fsmount_flags=fsmount_flags,
        fspick_flags=fspick_flags, fsconfig_command=fsconfig_command, open_tree_flags=open_tree_flags,
        move_mount_flags=move_mount_flags, mount_attributes=mount_attributes, mount_setattr_flags=mount_setattr_flags,
        swap_flags=swap_flags,
    ),
    mount_attr,
)  # fmt: skip
