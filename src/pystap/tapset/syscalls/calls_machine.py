"""System calls of bpf, performance events and io_uring. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
bpf | cmd=s32@0 cmd_str=bpf_command@0 attr_uaddr=pointer@1 size=u32@2 | cmd_str bpf_attribute@1,0,2 size
perf_event_open | attr_uaddr=pointer@0 pid=s32@1 cpu=s32@2 group_fd=s32@3 flags=ulong@4 flags_str=perf_event_flags@4 \
| perf_event@0 pid cpu group_fd flags_str
io_uring_setup | entries=u32@0 params_uaddr=pointer@1 | entries io_uring_parameters@1
io_uring_enter | fd=s32@0 to_submit=u32@1 min_complete=u32@2 flags=u32@3 flags_str=io_uring_enter_flags@3 \
argp_uaddr=pointer@4 argsz=ulong@5 | fd to_submit min_complete flags_str argp_uaddr argsz
io_uring_register | fd=s32@0 opcode=u32@1 opcode_str=io_uring_operation@1 arg_uaddr=pointer@2 nr_args=u32@3 | fd \
opcode_str arg_uaddr nr_args
"""
