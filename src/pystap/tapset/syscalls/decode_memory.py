"""Decoders of calls on a task's memory."""

from __future__ import annotations

from . import Decoder, u32
from .names import flags_text

_PROT = {1: "PROT_READ", 2: "PROT_WRITE", 4: "PROT_EXEC", 8: "PROT_SEM", 0x01000000: "PROT_GROWSDOWN",
         0x02000000: "PROT_GROWSUP", 0: "PROT_NONE"}  # fmt: skip
"""include/uapi/asm-generic/mman-common.h"""
_SHARING = {1: "MAP_SHARED", 2: "MAP_PRIVATE", 3: "MAP_SHARED_VALIDATE"}
_MAP = {
    0x10: "MAP_FIXED", 0x20: "MAP_ANONYMOUS", 0x40: "MAP_32BIT", 0x100: "MAP_GROWSDOWN", 0x800: "MAP_DENYWRITE",
    0x1000: "MAP_EXECUTABLE", 0x2000: "MAP_LOCKED", 0x4000: "MAP_NORESERVE", 0x8000: "MAP_POPULATE",
    0x10000: "MAP_NONBLOCK", 0x20000: "MAP_STACK", 0x40000: "MAP_HUGETLB", 0x80000: "MAP_SYNC",
    0x100000: "MAP_FIXED_NOREPLACE",
}  # fmt: skip
"""include/uapi/asm-generic/mman-common.h, mman.h; arch/x86/include/uapi/asm/mman.h"""


def mmap_prot(value: int) -> str:
    return flags_text(u32(value), _PROT)


def mmap_flags(value: int) -> str:
    value = u32(value)
    sharing = _SHARING.get(value & 0xF, f"0x{value & 0xF:x}")
    rest = value & ~0xF
    return f"{sharing}|{flags_text(rest, _MAP)}" if rest else sharing


DECODERS = (Decoder("mmap_prot", mmap_prot), Decoder("mmap_flags", mmap_flags))
