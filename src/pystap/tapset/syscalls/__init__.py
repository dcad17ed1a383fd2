"""What every system call offers to its probes: its variables and its `argstr`, declared as data, decoded in user space.

Two kinds of files make it up:

- `calls_FAMILY.py` (files, memory, process, ...) hold one row a call: its variables and the pieces of its argstr, each
  made from arguments by a *decoder*:

      open | filename=path@0 flags=s32@1 flags_str=open_flags@1 mode=u32@2 | filename flags_str open_mode@2,1

  Columns, parted by `|`: the call's name in SystemTap; the variables, `NAME=DECODER@ARGUMENT[,ARGUMENT...]`; the pieces
  of argstr, each the name of a variable or a decoder with its arguments; last, if it is not decimal, how a result is
  shown (`hex`, `octal`). Arguments are numbered from 0, as the kernel takes them. `tables.py` reads the rows.

- `decode_FAMILY.py` hold the decoders: `DECODERS`, a tuple of `Decoder`. A decoder that makes a long (`int`, `fd`,
  `pointer`...) is an operation on the argument and runs anywhere (`tables.LONGS`). All others are pure Python functions
  that give text, called in user space with what the kernel sent:

      Decoder("open_flags", open_flags)                                        open_flags(flags) -> str
      Decoder("timespec", timespec, (Memory("bytes", 16),))                    timespec(address, data) -> str
      Decoder("sockaddr", sockaddr, (Memory("bytes", 128, count=1),))          sockaddr(address, length, data) -> str
      Decoder("path", path, (Memory("text", 256),))                            path(address, data) -> str
      Decoder("iovec", iovec, (Memory("bytes", 128, count=1, each=16),
                               Memory("bytes", 32, at=0, length_at=8)))    iovec(address, count, array, first) -> str

  - First come the arguments that the row names, as signed 64-bit registers (a decoder of an `int` cuts it to 32 bits
    itself: `s32`, `u32` in this module). Then one value for each `Memory` of the decoder: `bytes`, or None when the
    address is NULL or could not be read: then the decoder shows the address (`address(value)`), never an empty text.
    A "text" is without its NUL; with `size` bytes it may go on. "bytes" may be shorter than `size` where `count` says.
  - A decoder returns str, of one character per byte (decode bytes as latin-1), printable; or None as a piece of argstr
    that is left out (the mode of an open without O_CREAT).
  - 32-bit calls have other layouts: `compat` is the decoder (of the same arguments and values) and `compat_memory` what
    it reads there, where they differ; without them a decoder that reads "bytes" shows the address in a 32-bit call.
  - Decoders use tables of names (`Names`, `Flags`: see `names.py`), whose source they cite. `names.py` also declares
    decoders of plain values (`values`), of structures (`structure`) and of arrays (`counted`).

The kernel reads the memory at the probe hit, several pieces in one go (`program/user_memory.py` has the plan's form),
and only what the handler uses. Add the name of a new decoder to `DECODER_MODULES`, so that only what is used is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ...program.user_memory import Memory
from ...records import dataclass

__all__ = ["DECODER_MODULES", "Decoder", "Memory", "address", "decoder", "s32", "u32"]


@dataclass(frozen=True, slots=True)
class Decoder:
    """A function that makes text of arguments and of the user memory that they point to; see the module's text.

    `width` is the longest text in bytes, None for MAXSTRINGLEN.
    """

    name: str
    function: Callable[..., str | None]
    memory: tuple[Memory, ...] = ()
    width: int | None = None
    compat: Callable[..., str | None] | None = None
    compat_memory: tuple[Memory, ...] | None = None


DECODER_MODULES: dict[str, str] = {
    "decode_basic": "path text buffer host_name address_str octal hex hex32 owner device dirfd",
    "decode_bpf": "bpf_command bpf_attribute",
    "decode_calls": """no_flags mknod_device remap_address strings environment group_list wait_status
        process_name futex_timeout futex_address futex_value fsconfig_value sysfs_argument""",
    "decode_files": """open_flags open_mode access_mode whence at_flags faccessat_flags unlinkat_flags
        statx_flags statx_mask handle_flags execveat_flags file_mode fallocate_mode file_advice
        sync_range_flags splice_flags rw_flags close_range_flags xattr_flags lock_operation
        dup_flags pipe_flags rename_flags eventfd_flags signalfd_flags random_flags memfd_flags
        memfd_secret_flags userfaultfd_flags inotify_flags inotify_mask fanotify_flags
        fanotify_mark_flags fanotify_mask fcntl_command io_priority_who io_priority quota_command
        fcntl_argument open_how file_range offset_pointer handle_size file_handle iocb""",
    "decode_futex": "futex_operation futex_count futex_third futex2_flags",
    "decode_io_uring": "io_uring_enter_flags io_uring_operation io_uring_parameters",
    "decode_ioctl": "ioctl_command",
    "decode_ipc": """message_command semaphore_command shared_command ipc_key ipc_flags shared_get_flags
        shared_attach_flags ipc_message_flags semaphore_operations queue_attributes
        queue_attributes_if ipc_message""",
    "decode_keys": "key_option keyring key_argument_2 key_argument_3 key_argument_4 key_argument_5",
    "decode_memory": """mmap_prot mmap_flags memory_advice remap_flags memory_sync_flags lock_flags lock_all_flags
        protection_key_rights policy_mode bind_flags move_pages_flags get_policy_flags
        shadow_stack_flags membarrier_command membarrier_flags membarrier_processor nodemask""",
    "decode_mounts": """mount_flags umount_flags fsopen_flags fsmount_flags fspick_flags fsconfig_command
        open_tree_flags move_mount_flags mount_attributes mount_setattr_flags swap_flags
        mount_attr""",
    "decode_network": """family socket_type socket_flags socket_protocol shutdown_how message_flags sockaddr iovecs
        length_pointer written_iovecs message sockaddr_family sockaddr_ip sockaddr_port
        sockaddr_flowinfo sockaddr_scope""",
    "decode_options": "option_level socket_option option_value",
    "decode_perf": "perf_event_flags perf_event",
    "decode_polling": """poll_events epoll_operation epoll_flags epoll_events descriptor_set poll_descriptors
        epoll_event""",
    "decode_prctl": "prctl_argument_2 prctl_argument_3 prctl_argument_4 prctl_argument_5",
    "decode_process": """namespace_flags clone_flags wait_options wait4_options wait_which prctl_option
        arch_prctl_code ptrace_request ptrace_options personality scheduling_policy resource
        usage_who priority_which compare_type pidfd_flags pidfd_signal_flags rseq_flags
        clone_parent_tid clone_child_tid clone_tls compared_index ptrace_data clone_arguments
        scheduling_parameter scheduling_attributes processors resource_limit resource_limit_64""",
    "decode_security": """capability seccomp_operation seccomp_flags landlock_create_flags landlock_rule
        landlock_restrict_flags lsm_attribute capability_header capability_data landlock_ruleset
        landlock_attribute""",
    "decode_signals": "signal signal_how handler signal_mask signal_set action signal_info signal_stack signal_event",
    "decode_system": """kexec_flags kexec_file_flags load_module_flags delete_module_flags reboot_magic
        reboot_magic2 reboot_command syslog_action reboot_argument""",
    "decode_time": """clock timer_flags timerfd_flags timerfd_set_flags interval_timer timespec timeval
        timespecs timevals itimerspec itimerval utimbuf timezone seconds timex""",
}
"""The decoders that each module declares, by name."""

_module_of: dict[str, str] = {}
_decoders: dict[str, Decoder] = {}


def decoder(name: str) -> Decoder:
    """Return the decoder of that name. Raises KeyError, also where its module does not declare it."""
    if not _module_of:
        _module_of.update((known, module) for module, names in DECODER_MODULES.items() for known in names.split())
    if name not in _decoders:
        module = import_module("." + _module_of[name], __name__)
        _decoders.update((row.name, row) for row in module.DECODERS)
    return _decoders[name]


def s32(value: int) -> int:
    """Return the signed 32-bit number in a register."""
    return (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000


def u32(value: int) -> int:
    """Return the unsigned 32-bit number in a register."""
    return value & 0xFFFF_FFFF


def address(value: int) -> str:
    """Return a pointer as text, in hexadecimal: `0x0` for none, as SystemTap shows it."""
    return f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}"
