"""System calls that wait: futexes, asynchronous input and output. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
futex | futex_uaddr=pointer@0 op=s32@1 val=s32@2 utime_uaddr=pointer@3 uaddr2_uaddr=pointer@4 val3=s32@5 | \
address_str@0 futex_operation@1 futex_count@2,1 futex_timeout@3,1 futex_address@4,1 futex_value@5,1
compat_futex | futex_uaddr=pointer@0 op=s32@1 val=s32@2 utime_uaddr=pointer@3 uaddr2_uaddr=pointer@4 val3=s32@5 | \
address_str@0 futex_operation@1 futex_count@2,1 futex_timeout@3,1 futex_address@4,1 futex_value@5,1
futex_requeue | waiters_uaddr=pointer@0 flags=u32@1 nr_wake=s32@2 nr_requeue=s32@3 | address_str@0 flags nr_wake \
nr_requeue
futex_wait | uaddr=pointer@0 val=ulong@1 mask=ulong@2 flags=u32@3 timeout_uaddr=pointer@4 timeout_str=timespec@4 \
clockid=s32@5 | address_str@0 val hex@2 futex2_flags@3 timeout_str clock@5
futex_waitv | waiters_uaddr=pointer@0 nr_futexes=u32@1 flags=u32@2 timeout_uaddr=pointer@3 timeout_str=timespec@3 \
clockid=s32@4 | address_str@0 nr_futexes flags timeout_str clock@4
futex_wake | uaddr=pointer@0 mask=ulong@1 nr=s32@2 flags=u32@3 | address_str@0 hex@1 nr futex2_flags@3
io_cancel | ctx_id=ulong@0 iocb_uaddr=pointer@1 result_uaddr=pointer@2 | hex@0 iocb@1 address_str@2
io_destroy | ctx=ulong@0 | hex@0
io_getevents | ctx_id=ulong@0 min_nr=long@1 nr=long@2 events_uaddr=pointer@3 timeout_uaddr=pointer@4 \
timestr=timespec@4 | hex@0 min_nr nr address_str@3 timestr
io_pgetevents | ctx_id=ulong@0 min_nr=long@1 nr=long@2 events_uaddr=pointer@3 timeout_uaddr=pointer@4 \
timeout_str=timespec@4 sig_uaddr=pointer@5 | hex@0 min_nr nr address_str@3 timeout_str address_str@5
io_setup | maxevents=u32@0 ctxp_uaddr=pointer@1 | maxevents address_str@1
io_submit | ctx_id=ulong@0 nr=long@1 iocbpp_uaddr=pointer@2 | hex@0 nr address_str@2
"""
