"""System calls of signals. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
kill | pid=s32@0 sig=s32@1 sig_name=signal@1 | pid sig_name | | sig_name=signal@1 sig=s32@1 sig_pid=s32@0 pid=s32@0 \
task=task_of@0 pid_name=process_name@0
pidfd_send_signal | pidfd=s32@0 sig=s32@1 sig_str=signal@1 uinfo_uaddr=pointer@2 uinfo_str=signal_info@2 flags=u32@3 | \
pidfd sig_str uinfo_str pidfd_signal_flags@3
rt_sigaction | sig=s32@0 sig_str=signal@0 act_uaddr=pointer@1 act_str=action@1 oact_uaddr=pointer@2 sigsetsize=ulong@3 \
| sig_str act_str address_str@2 sigsetsize
rt_sigaction32 | sig=s32@0 sig_str=signal@0 act_uaddr=pointer@1 act_str=action@1 oact_uaddr=pointer@2 \
sigsetsize=ulong@3 | sig_str act_str address_str@2 sigsetsize
rt_sigpending | set_uaddr=pointer@0 sigsetsize=ulong@1 | address_str@0 sigsetsize
rt_sigprocmask | how=s32@0 how_str=signal_how@0 set_uaddr=pointer@1 oldset_uaddr=pointer@2 set_str=signal_set@1,3 \
sigsetsize=ulong@3 | how_str set_str address_str@2 sigsetsize
compat_rt_sigprocmask | how=s32@0 how_str=signal_how@0 set_uaddr=pointer@1 oldset_uaddr=pointer@2 \
set_str=signal_set@1,3 sigsetsize=ulong@3 | how_str set_str address_str@2 sigsetsize
rt_sigqueueinfo | pid=s32@0 sig=s32@1 sig_name=signal@1 uinfo_uaddr=pointer@2 siginfo_str=signal_info@2 | pid sig_name \
siginfo_str
rt_sigreturn | |
rt_sigsuspend | set_uaddr=pointer@0 sigsetsize=ulong@1 set_str=signal_set@0,1 | set_str sigsetsize
rt_sigtimedwait | sigsetsize=ulong@3 uthese_uaddr=pointer@0 uinfo_uaddr=pointer@1 uts_uaddr=pointer@2 \
uthese_str=signal_set@0,3 uinfo_str=address_str@1 uts_str=timespec@2 | uthese_str uinfo_str uts_str sigsetsize
rt_tgsigqueueinfo | tgid=s32@0 tid=s32@1 sig=s32@2 sig_str=signal@2 uinfo_uaddr=pointer@3 uinfo_str=signal_info@3 | \
tgid tid sig_str uinfo_str
sgetmask | |
sigaction | sig=s32@0 sig_str=signal@0 act_uaddr=pointer@1 act_str=address_str@1 oact_uaddr=pointer@2 | sig_str \
act_str address_str@2
sigaction32 | sig=s32@0 sig_str=signal@0 act_uaddr=pointer@1 act_str=address_str@1 oact_uaddr=pointer@2 | sig_str \
act_str address_str@2
sigaltstack | uss_uaddr=pointer@0 uss_str=signal_stack@0 uoss_uaddr=pointer@1 | uss_str address_str@1
signal | sig=s32@0 sig_str=signal@0 handler=pointer@1 handler_str=handler@1 | sig_str handler_str
signalfd | flags=zero | s32@0 signal_set@1,2 ulong@2
compat_signalfd | flags=zero | s32@0 signal_set@1,2 ulong@2
signalfd4 | flags=s32@3 | s32@0 signal_set@1,2 ulong@2 signalfd_flags@3
sigpending | set=pointer@0 | address_str@0
sigprocmask | how=s32@0 how_str=signal_how@0 set_uaddr=pointer@1 oldset_uaddr=pointer@2 | how_str address_str@1 \
address_str@2
sigreturn | |
sigsuspend | mask=u32@2 mask_str=signal_mask@2 | mask_str
ssetmask | newmask=u32@0 newmask_str=signal_mask@0 | newmask_str
tgkill | tgid=s32@0 pid=s32@1 sig=s32@2 sig_str=signal@2 | tgid pid sig_str | | sig_name=signal@2 sig=s32@2 \
sig_pid=s32@1 pid=s32@1 task=task_of@1 pid_name=process_name@1
tkill | pid=s32@0 sig=s32@1 sig_str=signal@1 | pid sig_str | | sig_name=signal@1 sig=s32@1 sig_pid=s32@0 pid=s32@0 \
task=task_of@0 pid_name=process_name@0
"""
