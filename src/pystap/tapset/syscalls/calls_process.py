"""System calls on processes, users and scheduling. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
arch_prctl | code=s32@0 code_str=arch_prctl_code@0 addr=pointer@1 | code_str hex@1
capget | header_uaddr=pointer@0 data_uaddr=pointer@1 | capability_header@0 address_str@1
capset | header_uaddr=pointer@0 data_uaddr=pointer@1 | capability_header@0 capability_data@1
clone | clone_flags=ulong@0 stack_start=pointer@1 parent_tid_uaddr=pointer@2 child_tid_uaddr=pointer@3 | \
clone_flags@0 address_str@1 clone_parent_tid@2,0 clone_child_tid@3,0 clone_tls@4,0
clone/32 | clone_flags=ulong@0 stack_start=pointer@1 parent_tid_uaddr=pointer@2 child_tid_uaddr=pointer@4 | \
clone_flags@0 address_str@1 clone_parent_tid@2,0 clone_tls@3,0 clone_child_tid@4,0
clone3 | uargs_uaddr=pointer@0 uargs_str=clone_arguments@0,1 size=ulong@1 | uargs_str size
execve | filename=path@0 args=strings@1 env_str=environment@2 | filename args env_str
compat_execve | filename=path@0 args=strings@1 env_str=environment@2 | filename args env_str
execveat | dirfd=s32@0 dirfd_str=dirfd@0 filename=path@1 args=strings@2 env_str=environment@3 flags=s32@4 \
flags_str=execveat_flags@4 | dirfd_str filename args env_str flags_str
compat_execveat | dirfd=s32@0 dirfd_str=dirfd@0 filename=path@1 args=strings@2 env_str=environment@3 flags=s32@4 \
flags_str=execveat_flags@4 | dirfd_str filename args env_str flags_str
exit | status=s32@0 | status
exit_group | status=s32@0 | status
fork | |
get_robust_list | pid=s32@0 list_head_uaddr=pointer@1 len_uaddr=pointer@2 | pid address_str@1 address_str@2
get_thread_area | u_info_uaddr=pointer@0 u_info_str=address_str@0 | u_info_str
getcpu | cpu_uaddr=pointer@0 node_uaddr=pointer@1 tcache_uaddr=pointer@2 | address_str@0 address_str@1 address_str@2
getegid | |
geteuid | |
getgid | |
getgroups | size=s32@0 list_uaddr=pointer@1 | size address_str@1
getpgid | pid=s32@0 | pid
getpgrp | |
getpid | |
getppid | |
getpriority | which=s32@0 who=s32@1 | priority_which@0 who
getresgid | rgid_uaddr=pointer@0 egid_uaddr=pointer@1 sgid_uaddr=pointer@2 | address_str@0 address_str@1 address_str@2
getresuid | ruid_uaddr=pointer@0 euid_uaddr=pointer@1 suid_uaddr=pointer@2 | address_str@0 address_str@1 address_str@2
getrlimit | resource=s32@0 rlim_uaddr=pointer@1 | resource@0 address_str@1
getrusage | who=s32@0 who_str=usage_who@0 usage_uaddr=pointer@1 | who_str address_str@1
getsid | pid=s32@0 | pid
gettid | |
getuid | |
ioprio_get | which=s32@0 which_str=io_priority_who@0 who=s32@1 | which_str who
ioprio_set | which=s32@0 which_str=io_priority_who@0 who=s32@1 ioprio=s32@2 ioprio_str=io_priority@2 | which_str who \
ioprio_str
kcmp | pid1=s32@0 pid2=s32@1 type=s32@2 type_str=compare_type@2 idx1=ulong@3 idx2=ulong@4 | pid1 pid2 type_str \
compared_index@3,2 compared_index@4,2
nice | inc=s32@0 | inc
pause | |
personality | persona=ulong@0 | personality@0
pidfd_getfd | pidfd=s32@0 fd=s32@1 flags=u32@2 | pidfd fd flags
pidfd_open | pid=s32@0 flags=u32@1 flags_str=pidfd_flags@1 | pid flags_str
prctl | option=s32@0 arg2=long@1 arg3=long@2 arg4=long@3 arg5=long@4 | prctl_option@0 prctl_argument_2@1,0 \
prctl_argument_3@2,0 prctl_argument_4@3,0 prctl_argument_5@4,0
prlimit64 | pid=s32@0 resource=s32@1 resource_str=resource@1 new_rlim_uaddr=pointer@2 new_rlim_str=resource_limit_64@2 \
old_rlim_uaddr=pointer@3 | pid resource_str new_rlim_str address_str@3
ptrace | request=long@0 pid=s32@1 addr=pointer@2 data=pointer@3 | ptrace_request@0 pid address_str@2 ptrace_data@3,0 \
| | geteventmsg_data=event_message@0,3 arch_prctl_addr=arch_address@0,2
restart_syscall | |
rseq | rseq_uaddr=pointer@0 len=u32@1 flags=s32@2 sig=u32@3 | address_str@0 len rseq_flags@2 hex32@3
sched_get_priority_max | policy=s32@0 policy_str=scheduling_policy@0 | policy_str
sched_get_priority_min | policy=s32@0 policy_str=scheduling_policy@0 | policy_str
sched_getaffinity | pid=s32@0 len=u32@1 mask_uaddr=pointer@2 | pid len address_str@2
sched_getattr | pid=s32@0 sched_attr_uaddr=pointer@1 sched_attr_str=address_str@1 size=u32@2 flags=u32@3 | pid \
sched_attr_str size flags
sched_getparam | pid=s32@0 p_uaddr=pointer@1 | pid address_str@1
sched_getscheduler | pid=s32@0 | pid
sched_rr_get_interval | pid=s32@0 tp_uaddr=pointer@1 | pid address_str@1
sched_setaffinity | pid=s32@0 len=u32@1 mask_uaddr=pointer@2 | pid len processors@2,1
sched_setattr | pid=s32@0 sched_attr_uaddr=pointer@1 sched_attr_str=scheduling_attributes@1 flags=u32@2 | pid \
sched_attr_str flags
sched_setparam | pid=s32@0 p_uaddr=pointer@1 | pid scheduling_parameter@1
sched_setscheduler | pid=s32@0 policy=s32@1 policy_str=scheduling_policy@1 p_uaddr=pointer@2 | pid policy_str \
scheduling_parameter@2
sched_yield | |
seccomp | op=u32@0 op_str=seccomp_operation@0 flags=u32@1 flags_str=seccomp_flags@1,0 uargs_uaddr=pointer@2 | op_str \
flags_str address_str@2
set_robust_list | list_head_uaddr=pointer@0 len=ulong@1 | address_str@0 len
set_thread_area | u_info_uaddr=pointer@0 u_info_str=address_str@0 | u_info_str
set_tid_address | tidptr_uaddr=pointer@0 | address_str@0
setfsgid | fsgid=s32@0 | owner@0
setfsuid | fsuid=s32@0 | owner@0
setgid | gid=s32@0 | owner@0
setgroups | size=s32@0 list_uaddr=pointer@1 | size group_list@1,0
setns | fd=s32@0 nstype=s32@1 nstype_str=namespace_flags@1 | fd nstype_str
setpgid | pid=s32@0 pgid=s32@1 | pid pgid
setpriority | which=s32@0 which_str=priority_which@0 who=s32@1 prio=s32@2 | which_str who prio
setregid | rgid=s32@0 egid=s32@1 | owner@0 owner@1
setregid16 | rgid=s16@0 egid=s16@1 | rgid egid
setresgid | rgid=s32@0 egid=s32@1 sgid=s32@2 | owner@0 owner@1 owner@2
setresgid16 | rgid=s16@0 egid=s16@1 sgid=s16@2 | rgid egid sgid
setresuid | ruid=s32@0 euid=s32@1 suid=s32@2 | owner@0 owner@1 owner@2
setresuid16 | ruid=s16@0 euid=s16@1 suid=s16@2 | ruid euid suid
setreuid | ruid=s32@0 euid=s32@1 | owner@0 owner@1
setreuid16 | ruid=s16@0 euid=s16@1 | ruid euid
setrlimit | resource=s32@0 resource_str=resource@0 rlim_uaddr=pointer@1 rlim_str=resource_limit@1 | resource_str \
rlim_str
setsid | |
setuid | uid=s32@0 | owner@0
unshare | unshare_flags=ulong@0 unshare_flags_str=namespace_flags@0 | unshare_flags_str
uselib | library_uaddr=pointer@0 library=path@0 library_unquoted=text@0 | library
vfork | |
vhangup | |
wait4 | pid=s32@0 status_uaddr=pointer@1 options=s32@2 options_str=wait4_options@2 rusage_uaddr=pointer@3 | pid \
address_str@1 options_str address_str@3 | | status_uaddr=pointer@1 status_str=wait_status@1
waitid | which=s32@0 which_str=wait_which@0 pid=s32@1 infop_uaddr=pointer@2 options=s32@3 options_str=wait_options@3 \
rusage_uaddr=pointer@4 | which_str pid address_str@2 options_str address_str@4
waitpid | pid=s32@0 status_uaddr=pointer@1 options=s32@2 options_str=wait4_options@2 | pid address_str@1 options_str
"""
