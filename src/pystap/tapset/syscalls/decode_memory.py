"""Flags of calls on memory.

Sources: asm-generic/mman-common.h, asm-generic/mman.h, asm/mman.h (x86), linux/mman.h, linux/mempolicy.h.
"""

from __future__ import annotations

from .decode_files import huge_sized
from .names import Flags, Kept, Names, counted, signed, values

protection = Flags(
    "PROT_READ=1 PROT_WRITE=2 PROT_EXEC=4 PROT_SEM=8 PROT_GROWSDOWN=0x1000000 PROT_GROWSUP=0x2000000", zero="PROT_NONE"
)
_MAP = Flags(
    """
MAP_FIXED=0x10 MAP_ANONYMOUS=0x20 MAP_32BIT=0x40 MAP_ABOVE4G=0x80 MAP_GROWSDOWN=0x100 MAP_DENYWRITE=0x800
MAP_EXECUTABLE=0x1000 MAP_LOCKED=0x2000 MAP_NORESERVE=0x4000 MAP_POPULATE=0x8000 MAP_NONBLOCK=0x10000
MAP_STACK=0x20000 MAP_HUGETLB=0x40000 MAP_SYNC=0x80000 MAP_FIXED_NOREPLACE=0x100000
""",
    field=(0xF, Names("MAP_FILE MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE MAP_DROPPABLE=8")),
)


@Kept
def map_flags(value: int) -> str:
    """Return the flags of mmap; the highest bits are the binary logarithm of a page size."""
    return huge_sized(_MAP, value, "MAP")


memory_advice = Names("""
MADV_NORMAL=0 MADV_RANDOM=1 MADV_SEQUENTIAL=2 MADV_WILLNEED=3 MADV_DONTNEED=4 MADV_FREE=8 MADV_REMOVE=9
MADV_DONTFORK=0xa MADV_DOFORK=0xb MADV_MERGEABLE=0xc MADV_UNMERGEABLE=0xd MADV_HUGEPAGE=0xe MADV_NOHUGEPAGE=0xf
MADV_DONTDUMP=0x10 MADV_DODUMP=0x11 MADV_WIPEONFORK=0x12 MADV_KEEPONFORK=0x13 MADV_COLD=0x14 MADV_PAGEOUT=0x15
MADV_POPULATE_READ=0x16 MADV_POPULATE_WRITE=0x17 MADV_DONTNEED_LOCKED=0x18 MADV_COLLAPSE=0x19 MADV_HWPOISON=0x64
MADV_SOFT_OFFLINE=0x65 MADV_GUARD_INSTALL=102 MADV_GUARD_REMOVE=103
""")
remap_flags = Flags("MREMAP_MAYMOVE=1 MREMAP_FIXED=2 MREMAP_DONTUNMAP=4")
sync_flags = Flags("MS_ASYNC=1 MS_INVALIDATE=2 MS_SYNC=4")
lock_flags = Flags("MLOCK_ONFAULT=1")
lock_all_flags = Flags("MCL_CURRENT=1 MCL_FUTURE=2 MCL_ONFAULT=4")
protection_key_rights = Flags("PKEY_DISABLE_ACCESS=1 PKEY_DISABLE_WRITE=2")

policy_mode = Flags(
    "MPOL_F_STATIC_NODES=0x8000 MPOL_F_RELATIVE_NODES=0x4000 MPOL_F_NUMA_BALANCING=0x2000",
    field=(
        0x1FFF,
        Names("""
MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL MPOL_PREFERRED_MANY MPOL_WEIGHTED_INTERLEAVE
"""),
    ),
)
bind_flags = Flags("MPOL_MF_STRICT=1 MPOL_MF_MOVE=2 MPOL_MF_MOVE_ALL=4")
get_policy_flags = Flags("MPOL_F_NODE=1 MPOL_F_ADDR=2 MPOL_F_MEMS_ALLOWED=4")


@counted(128)
def nodemask(data: bytes, bits: int) -> str:
    """Return a set of memory nodes as the words that hold it: `[0x3]`."""
    data = data[: (bits + 62) // 64 * 8] if bits > 1 else b""
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
    return "[" + ", ".join(f"0x{word:016x}" for word in words) + "]"


shadow_stack_flags = Flags("SHADOW_STACK_SET_TOKEN=1")
membarrier_command = Names("""
MEMBARRIER_CMD_QUERY=0 MEMBARRIER_CMD_GLOBAL=1 MEMBARRIER_CMD_GLOBAL_EXPEDITED=2
MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED=4 MEMBARRIER_CMD_PRIVATE_EXPEDITED=8
MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED=0x10 MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE=0x20
MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE=0x40 MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ=0x80
MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ=0x100 MEMBARRIER_CMD_GET_REGISTRATIONS=0x200
""")
membarrier_flags = Flags("MEMBARRIER_CMD_FLAG_CPU=1")


def membarrier_processor(value: int, flags: int) -> str | None:
    """Return the processor that a membarrier is for; None without MEMBARRIER_CMD_FLAG_CPU."""
    return str(signed(value)) if flags & 1 else None


DECODERS = (
    *values(
        mmap_prot=protection, mmap_flags=map_flags, memory_advice=memory_advice, remap_flags=remap_flags,
        memory_sync_flags=sync_flags, lock_flags=lock_flags, lock_all_flags=lock_all_flags,
        protection_key_rights=protection_key_rights, policy_mode=policy_mode, bind_flags=bind_flags,
        move_pages_flags=bind_flags, get_policy_flags=get_policy_flags, shadow_stack_flags=shadow_stack_flags,
        membarrier_command=membarrier_command, membarrier_flags=membarrier_flags,
        membarrier_processor=membarrier_processor,
    ),
    nodemask,
)  # fmt: skip
