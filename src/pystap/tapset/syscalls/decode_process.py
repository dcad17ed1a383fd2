"""Flags and structures of calls on processes, their scheduling and limits.

Sources: linux/sched.h, sched/types.h, wait.h, prctl.h, personality.h, ptrace.h, resource.h, kcmp.h, pidfd.h, rseq.h,
and asm/prctl.h, asm/ptrace-abi.h of x86.
"""

from __future__ import annotations

from . import address
from .decode_signals import signal
from .names import MASK_32, MASK_64, SAME, Flags, Kept, Names, counted, structure, values

_CLONE = """
CLONE_NEWTIME=0x80 CLONE_VM=0x100 CLONE_FS=0x200 CLONE_FILES=0x400 CLONE_SIGHAND=0x800 CLONE_PIDFD=0x1000
CLONE_PTRACE=0x2000 CLONE_VFORK=0x4000 CLONE_PARENT=0x8000 CLONE_THREAD=0x10000 CLONE_NEWNS=0x20000
CLONE_SYSVSEM=0x40000 CLONE_SETTLS=0x80000 CLONE_PARENT_SETTID=0x100000 CLONE_CHILD_CLEARTID=0x200000
CLONE_DETACHED=0x400000 CLONE_UNTRACED=0x800000 CLONE_CHILD_SETTID=0x1000000 CLONE_NEWCGROUP=0x2000000
CLONE_NEWUTS=0x4000000 CLONE_NEWIPC=0x8000000 CLONE_NEWUSER=0x10000000 CLONE_NEWPID=0x20000000 CLONE_NEWNET=0x40000000
CLONE_IO=0x80000000 CLONE_CLEAR_SIGHAND=0x100000000 CLONE_INTO_CGROUP=0x200000000
"""
namespace_flags = Flags(_CLONE, bits=64)
_EXIT_SIGNAL = 0xFF


@Kept
def clone_flags(value: int) -> str:
    """Return the flags of clone; their low byte is the signal at the child's end."""
    number = value & MASK_32
    ending = number & _EXIT_SIGNAL
    flags = number & ~_EXIT_SIGNAL
    if not ending:
        return namespace_flags[flags]
    return f"{namespace_flags[flags]}|{signal(ending)}" if flags else signal(ending)


@counted(88, least=64, narrow=SAME)
def clone_arguments(data: bytes, size: int) -> str:
    """Return a struct clone_args (linux/sched.h); members are shown as far as `size` goes and the flags use them."""
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data) // 8 * 8, 8)]
    flags, pidfd, child, parent, ending, stack, stack_size, storage = words[:8]
    parts = [f"flags={namespace_flags[flags]}"]
    if flags & 0x1000:
        parts.append(f"pidfd={address(pidfd)}")
    if flags & 0x01200000:
        parts.append(f"child_tid={address(child)}")
    if flags & 0x00100000:
        parts.append(f"parent_tid={address(parent)}")
    parts += [f"exit_signal={signal(ending)}", f"stack={address(stack)}", f"stack_size={stack_size:#x}"]
    if flags & 0x00080000:
        parts.append(f"tls={address(storage)}")
    if len(words) >= 10 and (words[8] or words[9]):
        parts += [f"set_tid={address(words[8])}", f"set_tid_size={words[9]}"]
    if len(words) >= 11 and flags & 0x200000000:
        parts.append(f"cgroup={words[10]}")
    return "{" + ", ".join(parts) + "}"


_CLONE_TIDS, _CLONE_CHILD, _CLONE_TLS = 0x00100000 | 0x1000, 0x01200000, 0x00080000
"""CLONE_PARENT_SETTID, CLONE_PIDFD; CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID; CLONE_SETTLS"""


def clone_parent_tid(value: int, flags: int) -> str | None:
    """Return where clone stores the child's id for the parent; None where the flags make no use of it."""
    return address(value) if flags & _CLONE_TIDS else None


def clone_child_tid(value: int, flags: int) -> str | None:
    return address(value) if flags & _CLONE_CHILD else None


def clone_tls(value: int, flags: int) -> str | None:
    return address(value) if flags & _CLONE_TLS else None


def compared_index(value: int, kind: int) -> str | None:
    """Return a descriptor that kcmp compares; None for the types that compare other things."""
    return str(value & MASK_32) if kind & MASK_32 in (0, 7) else None


_PTRACE_OPTIONS, _PTRACE_SIGNALS = frozenset((0x4200, 0x4206)), frozenset((7, 9, 0x11, 0x18, 0x1F, 0x20, 0x21))
"""PTRACE_SETOPTIONS, PTRACE_SEIZE; those that go on and deliver a signal: PTRACE_CONT, PTRACE_DETACH and their like."""


def ptrace_data(value: int, request: int) -> str:
    """Return the last argument of ptrace as its request takes it."""
    if request & MASK_32 in _PTRACE_OPTIONS:
        return ptrace_options[value]
    return signal(value) if request & MASK_32 in _PTRACE_SIGNALS else address(value)


wait_options = Flags("""
WNOHANG=1 WSTOPPED=2 WEXITED=4 WCONTINUED=8 WNOWAIT=0x1000000 __WNOTHREAD=0x20000000 __WALL=0x40000000
__WCLONE=0x80000000 """)
wait4_options = Flags("""
WNOHANG=1 WUNTRACED=2 WEXITED=4 WCONTINUED=8 WNOWAIT=0x1000000 __WNOTHREAD=0x20000000 __WALL=0x40000000
__WCLONE=0x80000000 """)
wait_which = Names("P_ALL P_PID P_PGID P_PIDFD")

prctl_option = Names("""
PR_SET_PDEATHSIG=1 PR_GET_PDEATHSIG=2 PR_GET_DUMPABLE=3 PR_SET_DUMPABLE=4 PR_GET_UNALIGN=5 PR_SET_UNALIGN=6
PR_GET_KEEPCAPS=7 PR_SET_KEEPCAPS=8 PR_GET_FPEMU=9 PR_SET_FPEMU=0xa PR_GET_FPEXC=0xb PR_SET_FPEXC=0xc
PR_GET_TIMING=0xd PR_SET_TIMING=0xe PR_SET_NAME=0xf PR_GET_NAME=0x10 PR_GET_ENDIAN=0x13 PR_SET_ENDIAN=0x14
PR_GET_SECCOMP=0x15 PR_SET_SECCOMP=0x16 PR_CAPBSET_READ=0x17 PR_CAPBSET_DROP=0x18 PR_GET_TSC=0x19 PR_SET_TSC=0x1a
PR_GET_SECUREBITS=0x1b PR_SET_SECUREBITS=0x1c PR_SET_TIMERSLACK=0x1d PR_GET_TIMERSLACK=0x1e
PR_TASK_PERF_EVENTS_DISABLE=0x1f PR_TASK_PERF_EVENTS_ENABLE=0x20 PR_MCE_KILL=0x21 PR_MCE_KILL_GET=0x22 PR_SET_MM=0x23
PR_SET_CHILD_SUBREAPER=0x24 PR_GET_CHILD_SUBREAPER=0x25 PR_SET_NO_NEW_PRIVS=0x26 PR_GET_NO_NEW_PRIVS=0x27
PR_GET_TID_ADDRESS=0x28 PR_SET_THP_DISABLE=0x29 PR_GET_THP_DISABLE=0x2a PR_MPX_ENABLE_MANAGEMENT=0x2b
PR_MPX_DISABLE_MANAGEMENT=0x2c PR_SET_FP_MODE=0x2d PR_GET_FP_MODE=0x2e PR_CAP_AMBIENT=0x2f PR_SVE_SET_VL=0x32
PR_SVE_GET_VL=0x33 PR_GET_SPECULATION_CTRL=0x34 PR_SET_SPECULATION_CTRL=0x35 PR_PAC_RESET_KEYS=0x36
PR_SET_TAGGED_ADDR_CTRL=0x37 PR_GET_TAGGED_ADDR_CTRL=0x38 PR_SET_IO_FLUSHER=0x39 PR_GET_IO_FLUSHER=0x3a
PR_SET_SYSCALL_USER_DISPATCH=0x3b PR_PAC_SET_ENABLED_KEYS=0x3c PR_PAC_GET_ENABLED_KEYS=0x3d PR_SCHED_CORE=0x3e
PR_SME_SET_VL=0x3f PR_SME_GET_VL=0x40 PR_SET_MDWE=65 PR_GET_MDWE=66 PR_SET_MEMORY_MERGE=67 PR_GET_MEMORY_MERGE=68
PR_RISCV_V_SET_CONTROL=69 PR_RISCV_V_GET_CONTROL=70 PR_RISCV_SET_ICACHE_FLUSH_CTX=71 PR_PPC_GET_DEXCR=72
PR_PPC_SET_DEXCR=73 PR_GET_SHADOW_STACK_STATUS=74 PR_SET_SHADOW_STACK_STATUS=75 PR_LOCK_SHADOW_STACK_STATUS=76
PR_TIMER_CREATE_RESTORE_IDS=77 PR_FUTEX_HASH=78 PR_RSEQ_SLICE_EXTENSION=79 PR_SET_VMA=0x53564d41
PR_SET_PTRACER=0x59616d61 PR_GET_AUXV=0x41555856
""")
arch_prctl_code = Names("""
ARCH_SET_GS=0x1001 ARCH_SET_FS=0x1002 ARCH_GET_FS=0x1003 ARCH_GET_GS=0x1004 ARCH_GET_CPUID=0x1011
ARCH_SET_CPUID=0x1012 ARCH_GET_XCOMP_SUPP=0x1021 ARCH_GET_XCOMP_PERM=0x1022 ARCH_REQ_XCOMP_PERM=0x1023
ARCH_GET_XCOMP_GUEST_PERM=0x1024 ARCH_REQ_XCOMP_GUEST_PERM=0x1025 ARCH_XCOMP_TILECFG=17 ARCH_XCOMP_TILEDATA=18
ARCH_MAP_VDSO_X32=0x2001 ARCH_MAP_VDSO_32=0x2002 ARCH_MAP_VDSO_64=0x2003 ARCH_GET_UNTAG_MASK=0x4001
ARCH_ENABLE_TAGGED_ADDR=0x4002 ARCH_GET_MAX_TAG_BITS=0x4003 ARCH_FORCE_TAGGED_SVA=0x4004 ARCH_SHSTK_ENABLE=0x5001
ARCH_SHSTK_DISABLE=0x5002 ARCH_SHSTK_LOCK=0x5003 ARCH_SHSTK_UNLOCK=0x5004 ARCH_SHSTK_STATUS=0x5005
""")
ptrace_request = Names("""
PTRACE_TRACEME=0 PTRACE_PEEKTEXT=1 PTRACE_PEEKDATA=2 PTRACE_PEEKUSR=3 PTRACE_POKETEXT=4 PTRACE_POKEDATA=5
PTRACE_POKEUSR=6 PTRACE_CONT=7 PTRACE_KILL=8 PTRACE_SINGLESTEP=9 PTRACE_GETREGS=0xc PTRACE_SETREGS=0xd
PTRACE_GETFPREGS=0xe PTRACE_SETFPREGS=0xf PTRACE_ATTACH=0x10 PTRACE_DETACH=0x11 PTRACE_GETFPXREGS=0x12
PTRACE_SETFPXREGS=0x13 PTRACE_OLDSETOPTIONS=0x15 PTRACE_SYSCALL=0x18 PTRACE_GET_THREAD_AREA=0x19
PTRACE_SET_THREAD_AREA=0x1a PTRACE_ARCH_PRCTL=0x1e PTRACE_SYSEMU=0x1f PTRACE_SYSEMU_SINGLESTEP=0x20
PTRACE_SINGLEBLOCK=0x21 PTRACE_SETOPTIONS=0x4200 PTRACE_GETEVENTMSG=0x4201 PTRACE_GETSIGINFO=0x4202
PTRACE_SETSIGINFO=0x4203 PTRACE_GETREGSET=0x4204 PTRACE_SETREGSET=0x4205 PTRACE_SEIZE=0x4206 PTRACE_INTERRUPT=0x4207
PTRACE_LISTEN=0x4208 PTRACE_PEEKSIGINFO=0x4209 PTRACE_GETSIGMASK=0x420a PTRACE_SETSIGMASK=0x420b
PTRACE_SECCOMP_GET_FILTER=0x420c PTRACE_SECCOMP_GET_METADATA=0x420d PTRACE_GET_SYSCALL_INFO=0x420e
PTRACE_GET_RSEQ_CONFIGURATION=0x420f PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG=0x4210
PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG=0x4211 PTRACE_SET_SYSCALL_INFO=0x4212
""")
ptrace_options = Flags("""
PTRACE_O_TRACESYSGOOD=1 PTRACE_O_TRACEFORK=2 PTRACE_O_TRACEVFORK=4 PTRACE_O_TRACECLONE=8 PTRACE_O_TRACEEXEC=0x10
PTRACE_O_TRACEVFORKDONE=0x20 PTRACE_O_TRACEEXIT=0x40 PTRACE_O_TRACESECCOMP=0x80 PTRACE_O_EXITKILL=0x100000
PTRACE_O_SUSPEND_SECCOMP=0x200000
""")

_PERSONALITIES = Names("""
PER_LINUX PER_SVR4 PER_SVR3 PER_SCOSVR3 PER_WYSEV386 PER_ISCR4 PER_BSD PER_XENIX PER_LINUX32 PER_IRIX32 PER_IRIXN32
PER_IRIX64 PER_RISCOS PER_SOLARIS PER_UW7 PER_OSF4 PER_HPUX
""")
_PERSONALITY = Flags(
    """
UNAME26=0x20000 ADDR_NO_RANDOMIZE=0x40000 FDPIC_FUNCPTRS=0x80000 MMAP_PAGE_ZERO=0x100000 ADDR_COMPAT_LAYOUT=0x200000
READ_IMPLIES_EXEC=0x400000 ADDR_LIMIT_32BIT=0x800000 SHORT_INODE=0x1000000 WHOLE_SECONDS=0x2000000
STICKY_TIMEOUTS=0x4000000 ADDR_LIMIT_3GB=0x8000000
""",
    field=(0xFF, _PERSONALITIES),
)


@Kept
def personality(value: int) -> str:
    """Return a personality and its flags; all ones only asks for the one that is."""
    number = value & MASK_32
    return "0xffffffff" if number == MASK_32 else _PERSONALITY[number]


scheduling_policy = Flags(
    "SCHED_RESET_ON_FORK=0x40000000",
    field=(
        0xFFFFFFF,
        Names("SCHED_NORMAL SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_IDLE=5 SCHED_DEADLINE SCHED_EXT"),
    ),
)
_SCHEDULING_FLAGS = Flags(
    """
SCHED_FLAG_RESET_ON_FORK=1 SCHED_FLAG_RECLAIM=2 SCHED_FLAG_DL_OVERRUN=4 SCHED_FLAG_KEEP_POLICY=8
SCHED_FLAG_KEEP_PARAMS=0x10 SCHED_FLAG_UTIL_CLAMP_MIN=0x20 SCHED_FLAG_UTIL_CLAMP_MAX=0x40 """,
    bits=64,
)


@structure(4, narrow=SAME)
def scheduling_parameter(data: bytes) -> str:
    """Return a struct sched_param: `[5]`."""
    return f"[{int.from_bytes(data[:4], 'little', signed=True)}]"


@structure(48, narrow=SAME)
def scheduling_attributes(data: bytes) -> str:
    """Return a struct sched_attr (linux/sched/types.h)."""
    size, policy = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4))
    flags, runtime, deadline, period = (int.from_bytes(data[i : i + 8], "little") for i in (8, 24, 32, 40))
    nice, priority = int.from_bytes(data[16:20], "little", signed=True), int.from_bytes(data[20:24], "little")
    return (
        f"{{size={size}, sched_policy={scheduling_policy[policy]}, sched_flags={_SCHEDULING_FLAGS[flags]}, "
        f"sched_nice={nice}, sched_priority={priority}, sched_runtime={runtime}, sched_deadline={deadline}, "
        f"sched_period={period}}}"
    )


@counted(128)
def processors(data: bytes, size: int) -> str:
    """Return the numbers in a processor set: `[0 2]`."""
    bits = int.from_bytes(data, "little")
    return "[" + " ".join(str(i) for i in range(8 * len(data)) if bits >> i & 1) + "]"


_LIMITS = "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME"
resource = Names(_LIMITS, prefix="RLIMIT_")
usage_who = Names("RUSAGE_SELF RUSAGE_THREAD=1 RUSAGE_CHILDREN=-1 RUSAGE_BOTH=-2")
priority_which = Names("PRIO_PROCESS PRIO_PGRP PRIO_USER")


def _limit(value: int) -> str:
    """Return a limit, in KiB where it is a whole number of them."""
    if value == MASK_64:
        return "RLIM64_INFINITY"
    return f"{value // 1024}*1024" if value > 1024 and value % 1024 == 0 else str(value)


def _limits(data: bytes) -> str:
    current, most = (_limit(int.from_bytes(data[i : i + 8], "little")) for i in (0, 8))
    return f"{{rlim_cur={current}, rlim_max={most}}}"


@structure(16, narrow="mm")
def resource_limit(data: bytes) -> str:
    """Return a struct rlimit."""
    return _limits(data)


@structure(16, narrow=SAME)
def resource_limit_64(data: bytes) -> str:
    """Return a struct rlimit64, which all callers of prlimit64 pass."""
    return _limits(data)


compare_type = Names(
    "KCMP_FILE=0 KCMP_VM=1 KCMP_FILES=2 KCMP_FS=3 KCMP_SIGHAND=4 KCMP_IO=5 KCMP_SYSVSEM=6 KCMP_EPOLL_TFD=7"
)
pidfd_flags = Flags("PIDFD_NONBLOCK=0x800 PIDFD_THREAD=0x80")
pidfd_signal_flags = Flags("PIDFD_SIGNAL_THREAD=1 PIDFD_SIGNAL_THREAD_GROUP=2 PIDFD_SIGNAL_PROCESS_GROUP=4")
rseq_flags = Flags("RSEQ_FLAG_UNREGISTER=1")


DECODERS = (
    *values(
        namespace_flags=namespace_flags, clone_flags=clone_flags, wait_options=wait_options,
        wait4_options=wait4_options, wait_which=wait_which, prctl_option=prctl_option,
        arch_prctl_code=arch_prctl_code, ptrace_request=ptrace_request, ptrace_options=ptrace_options,
        personality=personality, scheduling_policy=scheduling_policy, resource=resource, usage_who=usage_who,
        priority_which=priority_which, compare_type=compare_type, pidfd_flags=pidfd_flags,
        pidfd_signal_flags=pidfd_signal_flags,
        rseq_flags=rseq_flags, clone_parent_tid=clone_parent_tid, clone_child_tid=clone_child_tid,
        clone_tls=clone_tls,
        compared_index=compared_index, ptrace_data=ptrace_data,
    ),
    clone_arguments, scheduling_parameter, scheduling_attributes, processors, resource_limit, resource_limit_64,
)  # fmt: skip
