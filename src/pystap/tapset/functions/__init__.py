"""The registry of declared built-in functions.

Each module here has its rows in `ROWS`; looking a name up imports only the module that declares it. The table of names
is checked against the modules by tests/tapset/test_registry.py.
"""

from __future__ import annotations

from ...lean import Iterable, Iterator
from ...program.builtins import Builtin

MODULES = {
    "arguments": """int_arg long_arg longlong_arg pointer_arg s32_arg s64_arg u32_arg u64_arg uint_arg ulong_arg
        ulonglong_arg""",
    "context": """cpu egid euid execname gid pexecname pgrp pid pp ppfunc ppid probefunc remote_id remote_uri sid
        stp_pid target task_current tid uid""",
    "conversions": """AF_INET AF_INET6 HZ MAJOR MINOR MKDEV WEXITSTATUS WIFEXITED WTERMSIG big_endian2 big_endian4
        big_endian8 htonl htonll htons little_endian2 little_endian4 little_endian8 mem_page_size ntohl ntohll ntohs
        usrdev2kerndev""",
    "areas": """_area_items _area_variable _decoded_units _decoded_units_error _either_letters _hex_letters
        _kernel_letters _ns_id _path_text _quoted_letters _quoted_letters_error _quoted_units _stap_pid_ns
        _stap_uid _user_area _user_letters kernel_buffer_quoted kernel_buffer_quoted_error
        kernel_or_user_string_quoted kernel_or_user_string_quoted_utf16 kernel_or_user_string_quoted_utf32
        kernel_string2_utf16 kernel_string2_utf32 kernel_string_quoted_utf16 kernel_string_quoted_utf32
        kernel_string_utf16 kernel_string_utf32 user_buffer_quoted user_buffer_quoted_error user_string2_utf16
        user_string2_utf32 user_string_quoted_utf16 user_string_quoted_utf32 user_string_utf16 user_string_utf32""",
    "errno": "errno_p errno_str return_str",
    "floats": """fp32_to_fp64 fp_add fp_div fp_eq fp_le fp_lt fp_mul fp_rem fp_sqrt fp_sub fp_to_long fp_to_string
        long_to_fp string_to_fp""",
    "memory": """_kernel_string_n_quoted _quoted_or_address kernel_char kernel_int kernel_long kernel_pointer
        kernel_short kernel_string
        kernel_string2 kernel_string_n kernel_string_quoted user_char user_char_error user_int user_int16
        user_int16_error user_int32 user_int32_error user_int64 user_int64_error user_int8 user_int8_error
        user_int_error user_long user_long_error user_short user_short_error user_string user_string2 user_string_n
        user_string_n2 user_string_n2_quoted user_string_n_nofault user_string_n_quoted user_string_nofault
        user_string_quoted user_uint16 user_uint16_error user_uint32 user_uint32_error user_uint64 user_uint64_error
        user_uint8 user_uint8_error user_ulong user_ulong_error user_ushort user_ushort_error""",
    "network": """format_ipaddr ip_ntop msg_flags_num2str sock_fam_num2str sock_fam_str2num sock_flags_num2str
        sock_prot_num2str sock_prot_str2num sock_state_num2str sock_state_str2num sock_type_num2str
        sock_type_str2num""",
    "kernel_symbols": "addr modname probemod symdata symfile symfileline symline symname",
    "output": """abort ansi_clear_screen ansi_cursor_hide ansi_cursor_move ansi_cursor_restore ansi_cursor_save
        ansi_cursor_show ansi_new_line ansi_reset_color ansi_set_color ansi_set_color2 ansi_set_color3 error exit ftrace
        log printk warn""",
    "procfs": "_procfs_append _procfs_assign _procfs_value",
    "registers": "register registers_valid u_register uaddr",
    "refused": """cve_count_metric cve_record_metric cve_tmpdisable dump_stack mdelay panic set_int_arg
        set_kernel_char set_kernel_int set_kernel_long set_kernel_pointer set_kernel_short set_kernel_string
        set_kernel_string_n set_long_arg set_longlong_arg set_pointer_arg set_s32_arg set_s64_arg set_u32_arg
        set_u64_arg set_uint_arg set_ulong_arg set_ulonglong_arg udelay""",
    "user_writes": """raise set_user_char set_user_int set_user_long set_user_pointer set_user_short set_user_string
        set_user_string_arg set_user_string_n""",
    "probe_context": """arch_bytes asmlinkage fastcall is_return module_name module_size pn pnlabel print_regs
        probe_type regparm returnval user_mode""",
    "session": """commit discard get_loadavg_index randint speculate speculation sprint_loadavg switch_file system
        stp_print_binary target_set_report""",
    "signals": "rlimit_from_str sa_flags_str sa_handler_str signal_str sigset_mask_str",
    "stacks": """_function_entry _kernel_stack _print_stack_lines _print_stack_number _stack_caller
        _stack_callers _stack_element _stack_hex _stack_text _task_hex backtrace caller
        caller_addr callers print_backtrace print_backtrace_fileline print_stack print_syms
        sprint_backtrace sprint_stack sprint_syms stack""",
    "symbol_addresses": "_symbol_address",
    "kernel_stack_use": "_stack_pointer",
    "syscall_names": "syscall_name syscall_num",
    "strings": "isdigit isinstr str_replace stringat strlen strpos strtol substr",
    "text": "matched matched_str ngroups string_quoted text_str text_strn tokenize",
    "time": """cpu_clock_ms cpu_clock_ns cpu_clock_s cpu_clock_us ctime get_cycles gettimeofday_ms gettimeofday_ns
        gettimeofday_s gettimeofday_us jiffies ktime_get_ns local_clock_ms local_clock_ns local_clock_s local_clock_us
        tz_ctime tz_gmtoff tz_name""",
    "user_stacks": """_address_space _print_user_addresses _print_user_brief _print_user_lines _print_user_stack
        _user_brief _user_build_id _user_callers _user_data _user_element _user_file
        _user_file_line _user_full_text _user_hex _user_line _user_module _user_module_address
        _user_name _user_simple_text _user_stack _user_text print_ubacktrace
        print_ubacktrace_brief print_ubacktrace_fileline print_ustack print_usyms
        sprint_ubacktrace sprint_ustack sprint_usyms ubacktrace ucallers umodaddr umodbuildid
        umodname ustack usymdata usymfile usymfileline usymline usymname""",
    "units": """bytes_to_string cputime_to_msecs cputime_to_string cputime_to_usecs msecs_to_string nsecs_to_string
        pages_to_string usecs_to_string""",
}
"""The names that each module declares."""

_module_of = {name: module for module, names in MODULES.items() for name in names.split()}
_found: dict[str, tuple[Builtin, ...]] = {}


def lookup(name: str) -> tuple[Builtin, ...]:
    """Return the overloads of a function, () when there is none."""
    rows = _found.get(name)
    if rows is None:
        module = _module_of.get(name)
        rows = tuple(row for row in _rows(module) if row.name == name) if module is not None else ()
        _found[name] = rows
    return rows


def names() -> Iterable[str]:
    """Return the names of all declared functions; imports nothing."""
    return _module_of.keys()


def all_rows() -> Iterator[Builtin]:
    """Yield every row; imports every module."""
    for module in MODULES:
        yield from _rows(module)


def _rows(module: str) -> tuple[Builtin, ...]:
    rows: tuple[Builtin, ...] = __import__(f"{__name__}.{module}", fromlist=("ROWS",)).ROWS
    return rows
