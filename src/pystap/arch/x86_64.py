"""Facts about x86_64: registers, calling conventions, system call numbers for the loader.

Sources: the kernel's UAPI asm/ptrace.h (struct pt_regs, 64-bit), asm/unistd_64.h, the System V ABI for AMD64
(function arguments 3.2.3, DWARF register numbers figure 3.36), and syscall(2) for system call arguments.
"""

from __future__ import annotations

NAME = "x86_64"
POINTER_SIZE = 8
PAGE_SIZE = 4096

KERNEL_TEXT = 0xFFFF_FFFF_8100_0000
"""Where the kernel's text is linked: `__START_KERNEL` of asm/page_types.h with the default CONFIG_PHYSICAL_START."""

SYSCALL_BPF = 321
SYSCALL_PERF_EVENT_OPEN = 298
SYSCALL_MEMBARRIER = 324

_PT_REGS_ORDER = (
    "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
)  # fmt: skip
PT_REGS_OFFSETS: dict[str, int] = {name: 8 * index for index, name in enumerate(_PT_REGS_ORDER)}
"""Byte offset of each saved register in the kernel's `struct pt_regs`, under the names the kernel gives the fields."""
PT_REGS_SIZE = 8 * len(_PT_REGS_ORDER)

KERNEL_STACK_SIZE = 16384
"""Bytes of a task's kernel stack (THREAD_SIZE without KASAN); the registers of user mode are saved at its end."""
THREAD_POINTER_FIELD = ("thread", "fsbase")
"""Where task_struct keeps the thread pointer: glibc puts what it points to at the end of a thread's stack."""

FUNCTION_ARGUMENTS = ("di", "si", "dx", "cx", "r8", "r9")
"""Fields of pt_regs with the first six integer arguments of a function, at its entry; the rest are on the stack."""
SYSCALL_ARGUMENTS = ("di", "si", "dx", "r10", "r8", "r9")
"""Fields of pt_regs with the six arguments of a system call."""
SYSCALL_ARGUMENTS_32 = ("bx", "cx", "dx", "si", "di", "bp")
"""The same for a system call of a 32-bit (i386) process."""
RETURN_VALUE = "ax"
SECOND_RETURN_VALUE = "dx"
SYSCALL_NUMBER = "orig_ax"
INSTRUCTION_POINTER = "ip"
RETURN_ADDRESS_SIZE = 8
"""Bytes that a call puts on the stack."""
STACK_POINTER = "sp"
FRAME_POINTER = "bp"
USER_MODE_BITS = ("cs", 3)
"""A pt_regs was saved from user mode when this field has any of these bits set (the privilege level of CS)."""
STACK_ARGUMENTS_OFFSET = 8
"""At a function's entry the seventh argument lies this many bytes above the stack pointer, over the return address."""

SYSCALL_PREFIX = "__x64_"
"""A system call `sys_open` is entered in the kernel as `__x64_sys_open(const struct pt_regs *)`."""
SYSCALL_PREFIX_32 = "__ia32_"

TASK_COMPAT_FLAG = 0x2
"""TS_COMPAT in `thread_info.status`: the current system call came through a 32-bit entry."""
X32_SYSCALL_BIT = 0x4000_0000

DWARF_REGISTERS = (
    "ax", "dx", "cx", "bx", "si", "di", "bp", "sp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ip",
)  # fmt: skip
"""The field of pt_regs for each DWARF register number; 16 is the return address column."""

_OLD_PREFIXED = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip")
REGISTER_NAMES: dict[str, tuple[str, int]] = {
    **{name: (name, 8) for name in _PT_REGS_ORDER},
    **{"r" + name: (name, 8) for name in (*_OLD_PREFIXED, "flags")},
    "orig_rax": ("orig_ax", 8),
    **{"e" + name: (name, 4) for name in (*_OLD_PREFIXED, "flags")},
    **{f"r{number}d": (f"r{number}", 4) for number in range(8, 16)},
}
"""Names that a script may give to `register()` and the like -> the field of pt_regs and how many bytes of it."""


def function_argument(number: int) -> str | None:
    """Return the pt_regs field with a function's integer argument, counted from 1; None when it is on the stack."""
    return FUNCTION_ARGUMENTS[number - 1] if 1 <= number <= len(FUNCTION_ARGUMENTS) else None


def stack_argument_offset(number: int) -> int:
    """Return where, in bytes above the stack pointer at entry, a function's argument from the seventh on lies."""
    return STACK_ARGUMENTS_OFFSET + 8 * (number - 1 - len(FUNCTION_ARGUMENTS))


SYSCALL_ALIASES = {
    "pread": "pread64",
    "pwrite": "pwrite64",
    "fstatat": "newfstatat",
    "umount": "umount2",
    "sysctl": "_sysctl",
}
"""Names that SystemTap gives to system calls whose kernel name on x86_64 is another one."""


def syscall_number(name: str) -> int | None:
    """Return the number of a 64-bit system call, by SystemTap's or the kernel's name; None when there is none."""
    from .x86_64_syscalls import SYSCALLS

    return SYSCALLS.get(SYSCALL_ALIASES.get(name, name))
