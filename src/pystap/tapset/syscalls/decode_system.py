"""Calls that govern the whole machine: reboot, modules, another kernel, the kernel's log.

Sources: linux/reboot.h, module.h, kexec.h, elf-em.h, and syslog(2).
"""

from __future__ import annotations

from . import Decoder, Memory, address
from .decode_basic import quoted
from .names import MASK_32, Flags, Names, values

kexec_flags = Flags(
    "KEXEC_ON_CRASH=1 KEXEC_PRESERVE_CONTEXT=2 KEXEC_UPDATE_ELFCOREHDR=4 KEXEC_CRASH_HOTPLUG_SUPPORT=8",
    bits=64,
    field=(
        0xFFFF0000,
        Names("""
KEXEC_ARCH_DEFAULT=0 KEXEC_ARCH_386=0x30000 KEXEC_ARCH_68K=0x40000 KEXEC_ARCH_PARISC=0xf0000
KEXEC_ARCH_X86_64=0x3e0000 KEXEC_ARCH_PPC=0x140000 KEXEC_ARCH_PPC64=0x150000 KEXEC_ARCH_IA_64=0x320000
KEXEC_ARCH_ARM=0x280000 KEXEC_ARCH_S390=0x160000 KEXEC_ARCH_SH=0x2a0000 KEXEC_ARCH_MIPS_LE=0xa0000
KEXEC_ARCH_MIPS=0x80000 KEXEC_ARCH_AARCH64=0xb70000 KEXEC_ARCH_RISCV=0xf30000 KEXEC_ARCH_LOONGARCH=0x1020000
"""),
    ),
)
kexec_file_flags = Flags(
    """
KEXEC_FILE_UNLOAD=1 KEXEC_FILE_ON_CRASH=2 KEXEC_FILE_NO_INITRAMFS=4 KEXEC_FILE_DEBUG=8 """,
    bits=64,
)
load_module_flags = Flags("""
MODULE_INIT_IGNORE_MODVERSIONS=1 MODULE_INIT_IGNORE_VERMAGIC=2 MODULE_INIT_COMPRESSED_FILE=4
""")
delete_module_flags = Flags("O_NONBLOCK=0x800 O_TRUNC=0x200")

reboot_magic = Names("LINUX_REBOOT_MAGIC1=0xfee1dead")
reboot_magic2 = Names("""
LINUX_REBOOT_MAGIC2=0x28121969 LINUX_REBOOT_MAGIC2A=0x5121996 LINUX_REBOOT_MAGIC2B=0x16041998
LINUX_REBOOT_MAGIC2C=0x20112000
""")
reboot_command = Names("""
LINUX_REBOOT_CMD_CAD_OFF=0 LINUX_REBOOT_CMD_RESTART=0x1234567 LINUX_REBOOT_CMD_POWER_OFF=0x4321fedc
LINUX_REBOOT_CMD_KEXEC=0x45584543 LINUX_REBOOT_CMD_CAD_ON=0x89abcdef LINUX_REBOOT_CMD_RESTART2=0xa1b2c3d4
LINUX_REBOOT_CMD_HALT=0xcdef0123 LINUX_REBOOT_CMD_SW_SUSPEND=0xd000fce2
""")
_RESTART2 = 0xA1B2C3D4


def reboot_argument(value: int, command: int, data: bytes | None) -> str | None:
    """Return the last argument of reboot, a text of LINUX_REBOOT_CMD_RESTART2; None for other commands."""
    if command & MASK_32 != _RESTART2:
        return None
    return address(value) if data is None else quoted(data)


_SYSLOG = "CLOSE OPEN READ READ_ALL READ_CLEAR CLEAR CONSOLE_OFF CONSOLE_ON CONSOLE_LEVEL SIZE_UNREAD SIZE_BUFFER"
syslog_action = Names(_SYSLOG, prefix="SYSLOG_ACTION_")


DECODERS = (
    *values(
    kexec_flags=kexec_flags, kexec_file_flags=kexec_file_flags, load_module_flags=load_module_flags,
    delete_module_flags=delete_module_flags, reboot_magic=reboot_magic, reboot_magic2=reboot_magic2,
    reboot_command=reboot_command, syslog_action=syslog_action,
    ),
    Decoder("reboot_argument", reboot_argument, (Memory("text", 64),)),
)  # fmt: skip
