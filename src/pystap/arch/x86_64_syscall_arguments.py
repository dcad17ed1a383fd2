"""The arguments of each 64-bit system call, by the names that the kernel gives them: data only.

Source: the prototypes of the kernel's include/linux/syscalls.h (6.1) and, for the calls that are newer or declared
elsewhere, their SYSCALL_DEFINE (6.17); where a prototype leaves names out, the names of the definition.
"""

from __future__ import annotations

_ROWS = """
read fd buf count
write fd buf count
open filename flags mode
close fd
stat filename statbuf
fstat fd statbuf
lstat filename statbuf
poll ufds nfds timeout
lseek fd offset whence
mmap addr len prot flags fd off
mprotect start len prot
munmap addr len
brk brk
rt_sigaction sig act oact sigsetsize
rt_sigprocmask how set oset sigsetsize
rt_sigreturn
ioctl fd cmd arg
pread64 fd buf count pos
pwrite64 fd buf count pos
readv fd vec vlen
writev fd vec vlen
access filename mode
pipe fildes
select n inp outp exp tvp
sched_yield
mremap addr old_len new_len flags new_addr
msync start len flags
mincore start len vec
madvise start len behavior
shmget key size flag
shmat shmid shmaddr shmflg
shmctl shmid cmd buf
dup fildes
dup2 oldfd newfd
pause
nanosleep rqtp rmtp
getitimer which value
alarm seconds
setitimer which value ovalue
getpid
sendfile out_fd in_fd offset count
socket family type protocol
connect fd uservaddr addrlen
accept fd upeer_sockaddr upeer_addrlen
sendto fd buff len flags addr addr_len
recvfrom fd ubuf size flags addr addr_len
sendmsg fd msg flags
recvmsg fd msg flags
shutdown fd how
bind fd umyaddr addrlen
listen fd backlog
getsockname fd usockaddr usockaddr_len
getpeername fd usockaddr usockaddr_len
socketpair family type protocol usockvec
setsockopt fd level optname optval optlen
getsockopt fd level optname optval optlen
clone clone_flags newsp parent_tidptr child_tidptr tls
fork
vfork
execve filename argv envp
exit error_code
wait4 pid stat_addr options ru
kill pid sig
uname name
semget key nsems semflg
semop semid sops nsops
semctl semid semnum cmd arg
shmdt shmaddr
msgget key msgflg
msgsnd msqid msgp msgsz msgflg
msgrcv msqid msgp msgsz msgtyp msgflg
msgctl msqid cmd buf
fcntl fd cmd arg
flock fd cmd
fsync fd
fdatasync fd
truncate path length
ftruncate fd length
getdents fd dirent count
getcwd buf size
chdir filename
fchdir fd
rename oldname newname
mkdir pathname mode
rmdir pathname
creat pathname mode
link oldname newname
unlink pathname
symlink old new
readlink path buf bufsiz
chmod filename mode
fchmod fd mode
chown filename user group
fchown fd user group
lchown filename user group
umask mask
gettimeofday tv tz
getrlimit resource rlim
getrusage who ru
sysinfo info
times tbuf
ptrace request pid addr data
getuid
syslog type buf len
getgid
setuid uid
setgid gid
geteuid
getegid
setpgid pid pgid
getppid
getpgrp
setsid
setreuid ruid euid
setregid rgid egid
getgroups gidsetsize grouplist
setgroups gidsetsize grouplist
setresuid ruid euid suid
getresuid ruid euid suid
setresgid rgid egid sgid
getresgid rgid egid sgid
getpgid pid
setfsuid uid
setfsgid gid
getsid pid
capget header dataptr
capset header data
rt_sigpending set sigsetsize
rt_sigtimedwait uthese uinfo uts sigsetsize
rt_sigqueueinfo pid sig uinfo
rt_sigsuspend unewset sigsetsize
sigaltstack uss uoss
utime filename times
mknod filename mode dev
uselib library
personality personality
ustat dev ubuf
statfs path buf
fstatfs fd buf
sysfs option arg1 arg2
getpriority which who
setpriority which who niceval
sched_setparam pid param
sched_getparam pid param
sched_setscheduler pid policy param
sched_getscheduler pid
sched_get_priority_max policy
sched_get_priority_min policy
sched_rr_get_interval pid interval
mlock start len
munlock start len
mlockall flags
munlockall
vhangup
modify_ldt func ptr bytecount
pivot_root new_root put_old
_sysctl args
prctl option arg2 arg3 arg4 arg5
arch_prctl option arg2
adjtimex txc_p
setrlimit resource rlim
chroot filename
sync
acct name
settimeofday tv tz
mount dev_name dir_name type flags data
umount2 name flags
swapon specialfile swap_flags
swapoff specialfile
reboot magic1 magic2 cmd arg
sethostname name len
setdomainname name len
iopl level
ioperm from num on
create_module name size
init_module umod len uargs
delete_module name_user flags
get_kernel_syms table
query_module name which buf bufsize ret
quotactl cmd special id addr
nfsservctl cmd argp resp
gettid
readahead fd offset count
setxattr path name value size flags
lsetxattr path name value size flags
fsetxattr fd name value size flags
getxattr path name value size
lgetxattr path name value size
fgetxattr fd name value size
listxattr path list size
llistxattr path list size
flistxattr fd list size
removexattr path name
lremovexattr path name
fremovexattr fd name
tkill pid sig
time tloc
futex uaddr op val utime uaddr2 val3
sched_setaffinity pid len user_mask_ptr
sched_getaffinity pid len user_mask_ptr
set_thread_area u_info
io_setup nr_reqs ctx
io_destroy ctx
io_getevents ctx_id min_nr nr events timeout
io_submit ctx_id nr iocbpp
io_cancel ctx_id iocb result
get_thread_area u_info
lookup_dcookie cookie64 buf len
epoll_create size
remap_file_pages start size prot pgoff flags
getdents64 fd dirent count
set_tid_address tidptr
restart_syscall
semtimedop semid sops nsops timeout
fadvise64 fd offset len advice
timer_create which_clock timer_event_spec created_timer_id
timer_settime timer_id flags new_setting old_setting
timer_gettime timer_id setting
timer_getoverrun timer_id
timer_delete timer_id
clock_settime which_clock tp
clock_gettime which_clock tp
clock_getres which_clock tp
clock_nanosleep which_clock flags rqtp rmtp
exit_group error_code
epoll_wait epfd events maxevents timeout
epoll_ctl epfd op fd event
tgkill tgid pid sig
utimes filename utimes
mbind start len mode nmask maxnode flags
set_mempolicy mode nmask maxnode
get_mempolicy policy nmask maxnode addr flags
mq_open name oflag mode attr
mq_unlink name
mq_timedsend mqdes msg_ptr msg_len msg_prio abs_timeout
mq_timedreceive mqdes msg_ptr msg_len msg_prio abs_timeout
mq_notify mqdes notification
mq_getsetattr mqdes mqstat omqstat
kexec_load entry nr_segments segments flags
waitid which pid infop options ru
add_key _type _description _payload plen destringid
request_key _type _description _callout_info destringid
keyctl cmd arg2 arg3 arg4 arg5
ioprio_set which who ioprio
ioprio_get which who
inotify_init
inotify_add_watch fd path mask
inotify_rm_watch fd wd
migrate_pages pid maxnode from to
openat dfd filename flags mode
mkdirat dfd pathname mode
mknodat dfd filename mode dev
fchownat dfd filename user group flag
futimesat dfd filename utimes
newfstatat dfd filename statbuf flag
unlinkat dfd pathname flag
renameat olddfd oldname newdfd newname
linkat olddfd oldname newdfd newname flags
symlinkat oldname newdfd newname
readlinkat dfd path buf bufsiz
fchmodat dfd filename mode
faccessat dfd filename mode
pselect6 n inp outp exp tsp sig
ppoll ufds nfds tsp sigmask sigsetsize
unshare unshare_flags
set_robust_list head len
get_robust_list pid head_ptr len_ptr
splice fd_in off_in fd_out off_out len flags
tee fdin fdout len flags
sync_file_range fd offset nbytes flags
vmsplice fd iov nr_segs flags
move_pages pid nr_pages pages nodes status flags
utimensat dfd filename utimes flags
epoll_pwait epfd events maxevents timeout sigmask sigsetsize
signalfd ufd user_mask sizemask
timerfd_create clockid flags
eventfd count
fallocate fd mode offset len
timerfd_settime ufd flags utmr otmr
timerfd_gettime ufd otmr
accept4 fd upeer_sockaddr upeer_addrlen flags
signalfd4 ufd user_mask sizemask flags
eventfd2 count flags
epoll_create1 flags
dup3 oldfd newfd flags
pipe2 fildes flags
inotify_init1 flags
preadv fd vec vlen pos_l pos_h
pwritev fd vec vlen pos_l pos_h
rt_tgsigqueueinfo tgid pid sig uinfo
perf_event_open attr_uptr pid cpu group_fd flags
recvmmsg fd msg vlen flags timeout
fanotify_init flags event_f_flags
fanotify_mark fanotify_fd flags mask_1 mask_2 dfd pathname
prlimit64 pid resource new_rlim old_rlim
name_to_handle_at dfd name handle mnt_id flag
open_by_handle_at mountdirfd handle flags
clock_adjtime which_clock tx
syncfs fd
sendmmsg fd msg vlen flags
setns fd nstype
getcpu cpu node cache
process_vm_readv pid lvec liovcnt rvec riovcnt flags
process_vm_writev pid lvec liovcnt rvec riovcnt flags
kcmp pid1 pid2 type idx1 idx2
finit_module fd uargs flags
sched_setattr pid attr flags
sched_getattr pid attr size flags
renameat2 olddfd oldname newdfd newname flags
seccomp op flags uargs
getrandom buf count flags
memfd_create uname_ptr flags
kexec_file_load kernel_fd initrd_fd cmdline_len cmdline_ptr flags
bpf cmd attr size
execveat dfd filename argv envp flags
userfaultfd flags
membarrier cmd flags cpu_id
mlock2 start len flags
copy_file_range fd_in off_in fd_out off_out len flags
preadv2 fd vec vlen pos_l pos_h flags
pwritev2 fd vec vlen pos_l pos_h flags
pkey_mprotect start len prot pkey
pkey_alloc flags init_val
pkey_free pkey
statx dfd path flags mask buffer
io_pgetevents ctx_id min_nr nr events timeout sig
rseq rseq rseq_len flags sig
uretprobe
uprobe
pidfd_send_signal pidfd sig info flags
io_uring_setup entries p
io_uring_enter fd to_submit min_complete flags argp argsz
io_uring_register fd op arg nr_args
open_tree dfd path flags
move_mount from_dfd from_path to_dfd to_path ms_flags
fsopen fs_name flags
fsconfig fs_fd cmd key value aux
fsmount fs_fd flags ms_flags
fspick dfd path flags
pidfd_open pid flags
clone3 uargs size
close_range fd max_fd flags
openat2 dfd filename how size
pidfd_getfd pidfd fd flags
faccessat2 dfd filename mode flags
process_madvise pidfd vec vlen behavior flags
epoll_pwait2 epfd events maxevents timeout sigmask sigsetsize
mount_setattr dfd path flags uattr usize
quotactl_fd fd cmd id addr
landlock_create_ruleset attr size flags
landlock_add_rule ruleset_fd rule_type rule_attr flags
landlock_restrict_self ruleset_fd flags
memfd_secret flags
process_mrelease pidfd flags
futex_waitv waiters nr_futexes flags timeout clockid
set_mempolicy_home_node start len home_node flags
cachestat fd cstat_range cstat flags
fchmodat2 dfd filename mode flags
map_shadow_stack addr size flags
futex_wake uaddr mask nr flags
futex_wait uaddr val mask flags timeout clockid
futex_requeue waiters flags nr_wake nr_requeue
statmount req buf bufsize flags
listmount req mnt_ids nr_mnt_ids flags
lsm_get_self_attr attr ctx size flags
lsm_set_self_attr attr ctx size flags
lsm_list_modules ids size flags
mseal start len flags
setxattrat dfd pathname at_flags name uargs usize
getxattrat dfd pathname at_flags name uargs usize
listxattrat dfd pathname at_flags list size
removexattrat dfd pathname at_flags name
open_tree_attr dfd filename flags uattr usize
file_getattr dfd filename ufattr usize at_flags
file_setattr dfd filename ufattr usize at_flags
"""

ARGUMENTS: dict[str, tuple[str, ...]] = {
    name: tuple(arguments) for name, *arguments in (row.split() for row in _ROWS.split("\n") if row)
}
"""Kernel name of a call -> the names of its arguments in order."""
