"""Flags and structures of calls on files.

Sources: asm-generic/fcntl.h, linux/fcntl.h, stat.h, fs.h, falloc.h, fadvise.h, xattr.h, openat2.h, close_range.h,
memfd.h, random.h, eventfd.h, aio_abi.h, ioprio.h, inotify.h, fanotify.h, userfaultfd.h, splice.h of the kernel, and
unistd.h, fcntl.h of POSIX for the access modes and seek directions.
"""

from __future__ import annotations

from . import Decoder, Memory, address
from .decode_basic import octal
from .names import MASK_32, SAME, Flags, Kept, Names, counted, signed, structure, values, widened

_OPEN = """
O_SYNC=0x101000 O_TMPFILE=0x410000 O_CREAT=0x40 O_EXCL=0x80 O_NOCTTY=0x100 O_TRUNC=0x200 O_APPEND=0x400
O_NONBLOCK=0x800 O_DSYNC=0x1000 O_ASYNC=0x2000 O_DIRECT=0x4000 O_LARGEFILE=0x8000 O_DIRECTORY=0x10000
O_NOFOLLOW=0x20000 O_NOATIME=0x40000 O_CLOEXEC=0x80000 O_PATH=0x200000
"""
_ACCESS_PART = (3, Names("O_RDONLY=0 O_WRONLY O_RDWR O_ACCMODE"))
open_flags = Flags(_OPEN, field=_ACCESS_PART)
open_flags_64 = Flags(_OPEN, bits=64, field=_ACCESS_PART)
_CREATES = 0x40 | 0x400000
"""O_CREAT and the bit of O_TMPFILE of its own: the mode counts only with one of them."""


def creation_mode(mode: int, flags: int) -> str | None:
    """Return the mode of open; None where the flags do not make use of it."""
    return octal(mode) if flags & _CREATES else None


access_mode = Flags("R_OK=4 W_OK=2 X_OK=1", zero="F_OK")
whence = Names("SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE")

_AT = """
AT_SYMLINK_NOFOLLOW=0x100 AT_SYMLINK_FOLLOW=0x400 AT_NO_AUTOMOUNT=0x800 AT_EMPTY_PATH=0x1000 AT_RECURSIVE=0x8000
"""
at_flags = Flags(_AT)
faccessat_flags = Flags("AT_SYMLINK_NOFOLLOW=0x100 AT_EACCESS=0x200 AT_EMPTY_PATH=0x1000")
unlinkat_flags = Flags("AT_REMOVEDIR=0x200")
_STATX_SYNC = (
    0x6000,
    Names("AT_STATX_SYNC_AS_STAT=0 AT_STATX_FORCE_SYNC=0x2000 AT_STATX_DONT_SYNC=0x4000 AT_STATX_SYNC_TYPE=0x6000"),
)
statx_flags = Flags(_AT, field=_STATX_SYNC)
handle_flags = Flags("""
AT_SYMLINK_FOLLOW=0x400 AT_EMPTY_PATH=0x1000 AT_HANDLE_FID=0x200 AT_HANDLE_MNT_ID_UNIQUE=1 AT_HANDLE_CONNECTABLE=2
""")
execveat_flags = Flags("AT_SYMLINK_NOFOLLOW=0x100 AT_EMPTY_PATH=0x1000 AT_EXECVE_CHECK=0x10000")
statx_mask = Flags("""
STATX_ALL=0xfff STATX_BASIC_STATS=0x7ff STATX_TYPE=1 STATX_MODE=2 STATX_NLINK=4 STATX_UID=8 STATX_GID=0x10
STATX_ATIME=0x20 STATX_MTIME=0x40 STATX_CTIME=0x80 STATX_INO=0x100 STATX_SIZE=0x200 STATX_BLOCKS=0x400
STATX_BTIME=0x800 STATX_MNT_ID=0x1000 STATX_DIOALIGN=0x2000 STATX_MNT_ID_UNIQUE=0x4000 STATX_SUBVOL=0x8000
STATX_WRITE_ATOMIC=0x10000 STATX_DIO_READ_ALIGN=0x20000
""")

_TYPES = (
    0xF000,
    Names("S_IFIFO=0x1000 S_IFCHR=0x2000 S_IFDIR=0x4000 S_IFBLK=0x6000 S_IFREG=0x8000 S_IFLNK=0xa000 S_IFSOCK=0xc000"),
)


@Kept
def file_mode(value: int) -> str:
    """Return the type and the permissions of a file: `S_IFCHR|0644`."""
    kind, permissions = value & 0xF000, octal(value & 0xFFF)
    return f"{_TYPES[1][kind]}|{permissions}" if kind else permissions


fallocate_mode = Flags("""
FALLOC_FL_KEEP_SIZE=1 FALLOC_FL_PUNCH_HOLE=2 FALLOC_FL_NO_HIDE_STALE=4 FALLOC_FL_COLLAPSE_RANGE=8
FALLOC_FL_ZERO_RANGE=0x10 FALLOC_FL_INSERT_RANGE=0x20 FALLOC_FL_UNSHARE_RANGE=0x40 FALLOC_FL_WRITE_ZEROES=0x80
""")
file_advice = Names("""
POSIX_FADV_NORMAL=0 POSIX_FADV_RANDOM=1 POSIX_FADV_SEQUENTIAL=2 POSIX_FADV_WILLNEED=3 POSIX_FADV_DONTNEED=4
POSIX_FADV_NOREUSE=5
""")
sync_range_flags = Flags("""
SYNC_FILE_RANGE_WAIT_BEFORE=1 SYNC_FILE_RANGE_WRITE=2 SYNC_FILE_RANGE_WAIT_AFTER=4
""")
splice_flags = Flags("SPLICE_F_MOVE=1 SPLICE_F_NONBLOCK=2 SPLICE_F_MORE=4 SPLICE_F_GIFT=8")
rw_flags = Flags("""
RWF_HIPRI=1 RWF_DSYNC=2 RWF_SYNC=4 RWF_NOWAIT=8 RWF_APPEND=0x10 RWF_NOAPPEND=0x20 RWF_ATOMIC=0x40 RWF_DONTCACHE=0x80
RWF_NOSIGNAL=0x100
""")
close_range_flags = Flags("CLOSE_RANGE_UNSHARE=2 CLOSE_RANGE_CLOEXEC=4")
xattr_flags = Flags("XATTR_CREATE=1 XATTR_REPLACE=2")
lock_operation = Flags("""
LOCK_MAND=0x20 LOCK_RW=0xc0 LOCK_READ=0x40 LOCK_WRITE=0x80 LOCK_SH=1 LOCK_EX=2 LOCK_NB=4 LOCK_UN=8
""")
dup_flags = Flags(_OPEN)
pipe_flags = Flags("O_NOTIFICATION_PIPE=0x80 " + _OPEN)
rename_flags = Flags("RENAME_NOREPLACE=1 RENAME_EXCHANGE=2 RENAME_WHITEOUT=4")
eventfd_flags = Flags("EFD_SEMAPHORE=1 EFD_CLOEXEC=0x80000 EFD_NONBLOCK=0x800")
signalfd_flags = Flags("SFD_CLOEXEC=0x80000 SFD_NONBLOCK=0x800")
random_flags = Flags("GRND_NONBLOCK=1 GRND_RANDOM=2 GRND_INSECURE=4")
_HUGE_SIZE = 0x3F << 26


def huge_sized(flags: Flags, value: int, prefix: str) -> str:
    """Return flags whose bits 26 to 31 are the binary logarithm of a page size: `MFD_HUGETLB|21<<MFD_HUGE_SHIFT`."""
    text = flags[value & MASK_32 & ~_HUGE_SIZE]
    size = value >> 26 & 0x3F
    if not size:
        return text
    shown = f"{size}<<{prefix}_HUGE_SHIFT"
    return shown if text == flags.zero else f"{text}|{shown}"


_MEMFD = Flags("MFD_CLOEXEC=1 MFD_ALLOW_SEALING=2 MFD_HUGETLB=4 MFD_NOEXEC_SEAL=8 MFD_EXEC=0x10")


@Kept
def memfd_flags(value: int) -> str:
    return huge_sized(_MEMFD, value, "MFD")


memfd_secret_flags = Flags("O_CLOEXEC=0x80000")
userfaultfd_flags = Flags("UFFD_USER_MODE_ONLY=1 O_CLOEXEC=0x80000 O_NONBLOCK=0x800")

inotify_flags = Flags("IN_CLOEXEC=0x80000 IN_NONBLOCK=0x800")
inotify_mask = Flags("""
IN_ALL_EVENTS=0xfff IN_ACCESS=1 IN_MODIFY=2 IN_ATTRIB=4 IN_CLOSE_WRITE=8 IN_CLOSE_NOWRITE=0x10 IN_OPEN=0x20
IN_MOVED_FROM=0x40 IN_MOVED_TO=0x80 IN_CREATE=0x100 IN_DELETE=0x200 IN_DELETE_SELF=0x400 IN_MOVE_SELF=0x800
IN_UNMOUNT=0x2000 IN_Q_OVERFLOW=0x4000 IN_IGNORED=0x8000 IN_ONLYDIR=0x1000000 IN_DONT_FOLLOW=0x2000000
IN_EXCL_UNLINK=0x4000000 IN_MASK_CREATE=0x10000000 IN_MASK_ADD=0x20000000 IN_ISDIR=0x40000000 IN_ONESHOT=0x80000000
""")
fanotify_flags = Flags(
    """
FAN_CLOEXEC=1 FAN_NONBLOCK=2 FAN_UNLIMITED_QUEUE=0x10 FAN_UNLIMITED_MARKS=0x20 FAN_ENABLE_AUDIT=0x40
FAN_REPORT_PIDFD=0x80 FAN_REPORT_TID=0x100 FAN_REPORT_FID=0x200 FAN_REPORT_DIR_FID=0x400 FAN_REPORT_NAME=0x800
FAN_REPORT_TARGET_FID=0x1000 FAN_REPORT_FD_ERROR=0x2000 FAN_REPORT_MNT=0x4000
""",
    field=(0xC, Names("FAN_CLASS_NOTIF=0 FAN_CLASS_CONTENT=4 FAN_CLASS_PRE_CONTENT=8 FAN_ALL_CLASS_BITS=0xc")),
)
_FANOTIFY_MARK = Flags("""
FAN_MARK_ADD=1 FAN_MARK_REMOVE=2 FAN_MARK_DONT_FOLLOW=4 FAN_MARK_ONLYDIR=8 FAN_MARK_IGNORED_MASK=0x20
FAN_MARK_IGNORED_SURV_MODIFY=0x40 FAN_MARK_FLUSH=0x80 FAN_MARK_EVICTABLE=0x200 FAN_MARK_IGNORE=0x400
""")
_FANOTIFY_PLACE = 0x110
_FANOTIFY_PLACES = {0: "FAN_MARK_INODE", 0x10: "FAN_MARK_MOUNT", 0x100: "FAN_MARK_FILESYSTEM", 0x110: "FAN_MARK_MNTNS"}


@Kept
def fanotify_mark_flags(value: int) -> str:
    """Return the flags of a mark; what it is put on is a number in two bits that do not lie together."""
    place = _FANOTIFY_PLACES[value & _FANOTIFY_PLACE]
    rest = value & MASK_32 & ~_FANOTIFY_PLACE
    return f"{place}|{_FANOTIFY_MARK[rest]}" if rest else place


fanotify_mask = Flags(
    """
FAN_ACCESS=1 FAN_MODIFY=2 FAN_ATTRIB=4 FAN_CLOSE_WRITE=8 FAN_CLOSE_NOWRITE=0x10 FAN_OPEN=0x20 FAN_MOVED_FROM=0x40
FAN_MOVED_TO=0x80 FAN_CREATE=0x100 FAN_DELETE=0x200 FAN_DELETE_SELF=0x400 FAN_MOVE_SELF=0x800 FAN_OPEN_EXEC=0x1000
FAN_Q_OVERFLOW=0x4000 FAN_FS_ERROR=0x8000 FAN_OPEN_PERM=0x10000 FAN_ACCESS_PERM=0x20000 FAN_OPEN_EXEC_PERM=0x40000
FAN_PRE_ACCESS=0x100000 FAN_MNT_ATTACH=0x1000000 FAN_MNT_DETACH=0x2000000 FAN_EVENT_ON_CHILD=0x8000000
FAN_RENAME=0x10000000 FAN_ONDIR=0x40000000
""",
    bits=64,
)

fcntl_command = Names("""
F_DUPFD=0 F_GETFD=1 F_SETFD=2 F_GETFL=3 F_SETFL=4 F_GETLK=5 F_SETLK=6 F_SETLKW=7 F_SETOWN=8 F_GETOWN=9 F_SETSIG=0xa
F_GETSIG=0xb F_SETOWN_EX=0xf F_GETOWN_EX=0x10 F_GETOWNER_UIDS=0x11 F_OFD_GETLK=0x24 F_OFD_SETLK=0x25 F_OFD_SETLKW=0x26
F_SETLEASE=0x400 F_GETLEASE=0x401 F_NOTIFY=0x402 F_CANCELLK=0x405 F_DUPFD_CLOEXEC=0x406 F_SETPIPE_SZ=0x407
F_GETPIPE_SZ=0x408 F_ADD_SEALS=0x409 F_GET_SEALS=0x40a F_GET_RW_HINT=0x40b F_SET_RW_HINT=0x40c
F_GET_FILE_RW_HINT=0x40d F_SET_FILE_RW_HINT=0x40e F_DUPFD_QUERY=0x403 F_CREATED_QUERY=0x404 F_GETDELEG=0x40f
F_SETDELEG=0x410
""")
_DESCRIPTOR_FLAGS = Flags("FD_CLOEXEC=1")
_LEASE = Names("F_RDLCK F_WRLCK F_UNLCK F_EXLCK=4 F_SHLCK=8")
_NOTIFY = Flags("""
DN_ACCESS=1 DN_MODIFY=2 DN_CREATE=4 DN_DELETE=8 DN_RENAME=0x10 DN_ATTRIB=0x20 DN_MULTISHOT=0x80000000
""")
_SEALS = Flags("F_SEAL_SEAL=1 F_SEAL_SHRINK=2 F_SEAL_GROW=4 F_SEAL_WRITE=8 F_SEAL_FUTURE_WRITE=0x10 F_SEAL_EXEC=0x20")
_FCNTL_NO_ARGUMENT = frozenset((1, 3, 9, 11, 0x401, 0x408, 0x40A))
"""F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS."""
_FCNTL_NUMBER = frozenset((0, 8, 0x403, 0x404, 0x405, 0x406, 0x407))
"""F_DUPFD, F_SETOWN, F_DUPFD_QUERY, F_CREATED_QUERY, F_CANCELLK, F_DUPFD_CLOEXEC, F_SETPIPE_SZ."""


def fcntl_argument(value: int, command: int, data: bytes | None) -> str | None:
    """Return the third argument of fcntl as its command takes it; None where the command takes none."""
    command &= MASK_32
    if command in _FCNTL_NO_ARGUMENT:
        return None
    if data is not None and command in _FCNTL_STRUCTURES:
        return _FCNTL_STRUCTURES[command](data)
    match command:
        case 2:
            return _DESCRIPTOR_FLAGS[value]
        case 4:
            return open_flags[value]
        case 10:
            from .decode_signals import signal

            return signal(value)
        case 0x400:
            return _LEASE[value]
        case 0x402:
            return _NOTIFY[value]
        case 0x409:
            return _SEALS[value]
    return str(signed(value)) if command in _FCNTL_NUMBER else address(value)


def _lock(data: bytes) -> str:
    """Return a struct flock (asm-generic/fcntl.h): two shorts, a hole, start, length, process."""
    kind = int.from_bytes(data[0:2], "little")
    start_from = int.from_bytes(data[2:4], "little")
    start, length = (int.from_bytes(data[i : i + 8], "little", signed=True) for i in (8, 16))
    return f"{{l_type={_LEASE[kind]}, l_whence={whence[start_from]}, l_start={start}, l_len={length}}}"


def _lock_owner(data: bytes) -> str:
    """Return a struct f_owner_ex: kind, id."""
    kind, owner = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    return f"{{type={_OWNERS[kind]}, pid={signed(owner)}}}"


def _hint(data: bytes) -> str:
    return f"[{_HINTS[int.from_bytes(data[:8], 'little')]}]"


def _fcntl_32(value: int, command: int, data: bytes | None) -> str | None:
    """Return the third argument of fcntl in a 32-bit call; locks with 64-bit offsets are shown by their address."""
    known = _FCNTL_STRUCTURES.get(command & MASK_32)
    if known is _lock:
        data = widened(data or b"", "ss_lli") or None if command & MASK_32 <= _LAST_SHORT_LOCK else None
    return fcntl_argument(value, command, data)


_LAST_SHORT_LOCK = 7
"""F_SETLKW: the locks up to it have offsets of a long."""
_OWNERS = Names("F_OWNER_TID F_OWNER_PID F_OWNER_PGRP")
_HINTS = Names("""
RWH_WRITE_LIFE_NOT_SET RWH_WRITE_LIFE_NONE RWH_WRITE_LIFE_SHORT RWH_WRITE_LIFE_MEDIUM RWH_WRITE_LIFE_LONG
RWH_WRITE_LIFE_EXTREME
""")
_FCNTL_STRUCTURES = {
    5: _lock, 6: _lock, 7: _lock, 0x24: _lock, 0x25: _lock, 0x26: _lock, 15: _lock_owner, 0x40C: _hint, 0x40E: _hint,
}  # fmt: skip
"""What the commands that pass a structure show of it: locks, F_SETOWN_EX, F_SET_RW_HINT, F_SET_FILE_RW_HINT."""


resolve_flags = Flags(
    """
RESOLVE_NO_XDEV=1 RESOLVE_NO_MAGICLINKS=2 RESOLVE_NO_SYMLINKS=4 RESOLVE_BENEATH=8 RESOLVE_IN_ROOT=0x10
RESOLVE_CACHED=0x20
""",
    bits=64,
)


@counted(24, least=24, narrow=SAME)
def open_how(data: bytes, size: int) -> str:
    """Return a struct open_how (linux/openat2.h): flags, mode, resolve."""
    flags, mode, resolve = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8, 16))
    shown = f", mode={octal(mode)}" if flags & _CREATES or mode else ""
    return f"{{flags={open_flags_64[flags]}{shown}, resolve={resolve_flags[resolve]}}}"


@structure(8, narrow=SAME)
def offset_pointer(data: bytes) -> str:
    """Return an offset that is passed by its address: `[5]`."""
    return f"[{int.from_bytes(data[:8], 'little', signed=True)}]"


_SHOWN_HANDLE = 32


@structure(8, narrow=SAME)
def handle_size(data: bytes) -> str:
    """Return the size in a struct file_handle that is to be filled."""
    return f"{{handle_bytes={int.from_bytes(data[:4], 'little')}}}"


@structure(8 + _SHOWN_HANDLE, least=8, narrow=SAME)
def file_handle(data: bytes) -> str:
    """Return a struct file_handle: size, type, bytes."""
    size, kind = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little", signed=True)
    shown = "".join(f"\\x{byte:02x}" for byte in data[8 : 8 + min(size, _SHOWN_HANDLE)])
    return f'{{handle_bytes={size}, handle_type={kind}, f_handle="{shown}"{"..." * (size > _SHOWN_HANDLE)}}}'


@structure(16, narrow=SAME)
def file_range(data: bytes) -> str:
    """Return a struct cachestat_range (linux/mman.h): offset, length."""
    offset, length = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8))
    return f"{{off={offset}, len={length}}}"


io_priority_who = Names("IOPRIO_WHO_PROCESS=1 IOPRIO_WHO_PGRP IOPRIO_WHO_USER")
_CLASSES = Names("IOPRIO_CLASS_NONE IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE IOPRIO_CLASS_INVALID=7")


@Kept
def io_priority(value: int) -> str:
    """Return a scheduling class and the priority in it (linux/ioprio.h)."""
    number = value & MASK_32
    return f"IOPRIO_PRIO_VALUE({_CLASSES[number >> 13]}, {number & 0x1FFF})"


quota_types = Names("USRQUOTA GRPQUOTA PRJQUOTA")
_QUOTA_COMMANDS = Names("""
Q_XQUOTAON=0x5801 Q_XQUOTAOFF=0x5802 Q_XGETQUOTA=0x5803 Q_XSETQLIM=0x5804 Q_XGETQSTAT=0x5805 Q_XQUOTARM=0x5806
Q_XQUOTASYNC=0x5807 Q_XGETQSTATV=0x5808 Q_XGETNEXTQUOTA=0x5809 Q_SYNC=0x800001 Q_QUOTAON=0x800002 Q_QUOTAOFF=0x800003
Q_GETFMT=0x800004 Q_GETINFO=0x800005 Q_SETINFO=0x800006 Q_GETQUOTA=0x800007 Q_SETQUOTA=0x800008
Q_GETNEXTQUOTA=0x800009
""")


@Kept
def quota_command(value: int) -> str:
    """Return a command of quotactl: the command proper, and the type of quota in the low byte."""
    number = value & MASK_32
    return f"QCMD({_QUOTA_COMMANDS[number >> 8]}, {quota_types[number & 0xFF]})"


_AIO = Names("""
IOCB_CMD_PREAD IOCB_CMD_PWRITE IOCB_CMD_FSYNC IOCB_CMD_FDSYNC IOCB_CMD_POLL=5 IOCB_CMD_NOOP IOCB_CMD_PREADV
IOCB_CMD_PWRITEV
""")


@structure(64, narrow=SAME)
def iocb(data: bytes) -> str:
    """Return a struct iocb (linux/aio_abi.h)."""
    operation, descriptor = int.from_bytes(data[16:18], "little"), int.from_bytes(data[20:24], "little")
    own, buffer, size, offset = (int.from_bytes(data[i : i + 8], "little") for i in (0, 24, 32, 40))
    return (
        f"{{aio_data={own:#x}, aio_lio_opcode={_AIO[operation]}, aio_fildes={signed(descriptor)}, "
        f"aio_buf={address(buffer)}, "
        f"aio_nbytes={size}, aio_offset={signed(offset, 64)}}}"
    )


DECODERS = (
    *values(
        open_flags=open_flags, open_mode=creation_mode, access_mode=access_mode, whence=whence, at_flags=at_flags,
        faccessat_flags=faccessat_flags, unlinkat_flags=unlinkat_flags, statx_flags=statx_flags, statx_mask=statx_mask,
        handle_flags=handle_flags, execveat_flags=execveat_flags, file_mode=file_mode, fallocate_mode=fallocate_mode,
        file_advice=file_advice, sync_range_flags=sync_range_flags, splice_flags=splice_flags, rw_flags=rw_flags,
        close_range_flags=close_range_flags, xattr_flags=xattr_flags, lock_operation=lock_operation,
        dup_flags=dup_flags, pipe_flags=pipe_flags, rename_flags=rename_flags, eventfd_flags=eventfd_flags,
        signalfd_flags=signalfd_flags, random_flags=random_flags, memfd_flags=memfd_flags,
        memfd_secret_flags=memfd_secret_flags, userfaultfd_flags=userfaultfd_flags, inotify_flags=inotify_flags,
        inotify_mask=inotify_mask, fanotify_flags=fanotify_flags, fanotify_mark_flags=fanotify_mark_flags,
        fanotify_mask=fanotify_mask, fcntl_command=fcntl_command, io_priority_who=io_priority_who,
        io_priority=io_priority, quota_command=quota_command,
    ),
    Decoder(
        "fcntl_argument",
        fcntl_argument,
        (Memory("bytes", 32),),
        compat=_fcntl_32,
        compat_memory=(Memory("bytes", 16),),
    ),
    open_how, file_range, offset_pointer, handle_size, file_handle, iocb,
)  # fmt: skip
