"""System calls on clocks and timers, and those that wait for descriptors. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
time | t_uaddr=pointer@0 | t_uaddr
stime | t_uaddr=pointer@0 | seconds@0
times | buf_uaddr=pointer@0 buf_str=address_str@0 | buf_uaddr
gettimeofday | tv_uaddr=pointer@0 tz_uaddr=pointer@1 | tv_uaddr tz_uaddr
settimeofday | tv_uaddr=pointer@0 tz_uaddr=pointer@1 tz_str=timezone@1 tv_str=timeval@0 | tv_str tz_str
settimeofday32 | tv_uaddr=pointer@0 tz_uaddr=pointer@1 tz_str=timezone@1 tv_str=timeval@0 | tv_str tz_str
adjtimex | buf_uaddr=pointer@0 buf_str=timex@0 | buf_str
compat_adjtimex | buf_uaddr=pointer@0 buf_str=timex@0 | buf_str
clock_adjtime | clk_id=s32@0 clk_id_str=clock@0 tx_uaddr=pointer@1 tx_uaddr_str=timex@1 | clk_id_str tx_uaddr_str
clock_gettime | clk_id=s32@0 clk_id_str=clock@0 tp_uaddr=pointer@1 | clk_id_str tp_uaddr
clock_getres | clk_id=s32@0 clk_id_str=clock@0 res_uaddr=pointer@1 | clk_id_str res_uaddr
clock_settime | clk_id=s32@0 clk_id_str=clock@0 tp_uaddr=pointer@1 tp_uaddr_str=timespec@1 | clk_id_str tp_uaddr_str
clock_nanosleep | clk_id=s32@0 clk_id_str=clock@0 flags=s32@1 flags_str=timer_flags@1 req_uaddr=pointer@2 \
rem_uaddr=pointer@3 req_str=timespec@2 | clk_id_str flags_str req_str rem_uaddr
compat_clock_nanosleep | clk_id=s32@0 clk_id_str=clock@0 flags=s32@1 flags_str=timer_flags@1 req_uaddr=pointer@2 \
rem_uaddr=pointer@3 req_str=timespec@2 | clk_id_str flags_str req_str rem_uaddr
nanosleep | req_uaddr=pointer@0 rem_uaddr=pointer@1 req_str=timespec@0 | req_str rem_uaddr
compat_nanosleep | req_uaddr=pointer@0 rem_uaddr=pointer@1 req_str=timespec@0 | req_str rem_uaddr
alarm | seconds=u32@0 | seconds
getitimer | which=s32@0 value_uaddr=pointer@1 | interval_timer@0 value_uaddr
compat_getitimer | which=s32@0 value_uaddr=pointer@1 | interval_timer@0 value_uaddr
setitimer | which=s32@0 which_str=interval_timer@0 value_uaddr=pointer@1 ovalue_uaddr=pointer@2 value_str=itimerval@1 \
| which_str value_str ovalue_uaddr
compat_setitimer | which=s32@0 which_str=interval_timer@0 value_uaddr=pointer@1 ovalue_uaddr=pointer@2 \
value_str=itimerval@1 | which_str value_str ovalue_uaddr
timer_create | clockid=s32@0 clockid_str=clock@0 evp_uaddr=pointer@1 timerid_uaddr=pointer@2 | clockid_str \
signal_event@1 timerid_uaddr
timer_settime | timerid=s32@0 flags=s32@1 value_uaddr=pointer@2 ovalue_uaddr=pointer@3 value_str=itimerspec@2 | \
timerid timer_flags@1 value_str ovalue_uaddr
timer_gettime | timerid=s32@0 value_uaddr=pointer@1 | timerid value_uaddr
timer_getoverrun | timerid=s32@0 | timerid
timer_delete | timerid=s32@0 | timerid
timerfd_create | clockid=s32@0 clockid_str=clock@0 flags=s32@1 flags_str=timerfd_flags@1 | clockid_str flags_str
timerfd_settime | fd=s32@0 flags=s32@1 flags_str=timerfd_set_flags@1 value_uaddr=pointer@2 value_str=itimerspec@2 \
ovalue_uaddr=pointer@3 | fd flags_str value_str ovalue_uaddr
timerfd_gettime | fd=s32@0 value_uaddr=pointer@1 | fd value_uaddr
poll | ufds_uaddr=pointer@0 nfds=u32@1 timeout=s32@2 | poll_descriptors@0,1 nfds timeout
ppoll | fds_uaddr=pointer@0 nfds=u32@1 tsp=pointer@2 tsp_str=timespec@2 sigmask=pointer@3 sigsetsize=ulong@4 | \
poll_descriptors@0,1 nfds tsp_str signal_set@3,4 sigsetsize
compat_ppoll | fds_uaddr=pointer@0 nfds=u32@1 tsp=pointer@2 tsp_str=timespec@2 sigmask=pointer@3 sigsetsize=ulong@4 | \
poll_descriptors@0,1 nfds tsp_str signal_set@3,4 sigsetsize
select | n=s32@0 readfds_uaddr=pointer@1 writefds_uaddr=pointer@2 exceptfds_uaddr=pointer@3 timeout_uaddr=pointer@4 \
timeout_str=timeval@4 | n descriptor_set@1,0 descriptor_set@2,0 descriptor_set@3,0 timeout_str
compat_select | n=s32@0 readfds_uaddr=pointer@1 writefds_uaddr=pointer@2 exceptfds_uaddr=pointer@3 \
timeout_uaddr=pointer@4 timeout_str=timeval@4 | n descriptor_set@1,0 descriptor_set@2,0 descriptor_set@3,0 \
timeout_str
pselect6 | nfds=s32@0 readfds=pointer@1 writefds=pointer@2 exceptfds=pointer@3 timeout=pointer@4 sigmask=pointer@5 \
timeout_str=timespec@4 | nfds descriptor_set@1,0 descriptor_set@2,0 descriptor_set@3,0 timeout_str sigmask
compat_pselect6 | nfds=s32@0 readfds=pointer@1 writefds=pointer@2 exceptfds=pointer@3 timeout=pointer@4 \
sigmask=pointer@5 timeout_str=timespec@4 | nfds descriptor_set@1,0 descriptor_set@2,0 descriptor_set@3,0 timeout_str \
sigmask
epoll_create | size=s32@0 flags=zero | size | | flags=zero
epoll_create1 | size=zero flags=s32@0 | epoll_flags@0 | | flags=s32@0
epoll_ctl | epfd=s32@0 op=s32@1 op_str=epoll_operation@1 fd=s32@2 event_uaddr=pointer@3 | epfd op_str fd \
epoll_event@3,1
epoll_wait | epfd=s32@0 events_uaddr=pointer@1 maxevents=s32@2 timeout=s32@3 | epfd events_uaddr maxevents timeout
epoll_pwait | epfd=s32@0 events_uaddr=pointer@1 maxevents=s32@2 timeout=s32@3 sigmask_uaddr=pointer@4 \
sigsetsize=ulong@5 | epfd events_uaddr maxevents timeout signal_set@4,5 sigsetsize
epoll_pwait2 | epfd=s32@0 events_uaddr=pointer@1 maxevents=s32@2 timeout_uaddr=pointer@3 sigmask_uaddr=pointer@4 \
sigsetsize=ulong@5 | epfd events_uaddr maxevents timespec@3 signal_set@4,5 sigsetsize
"""
