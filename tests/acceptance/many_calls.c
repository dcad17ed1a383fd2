/* Makes many different system calls with known arguments, valid and invalid, one behind the other.
 *
 * What is compared lies between close(-4242) and close(-4243), behind it what strace does not know. All data is static,
 * and the program is linked at a fixed address, so that two runs pass the same addresses. Nothing here changes the
 * machine: calls that could are given arguments that the kernel refuses. It runs in an empty directory of its own. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/mempolicy.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#define BAD ((void *)0x10)
#define PAGE 4096L
static long last;

static long raw(long number, long a, long b, long c, long d, long e, long f) {
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(last) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return last;
}

#define PICK(n, a, b, c, d, e, f, ...) raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define DO(name, ...) PICK(SYS_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

static char buffer[4096];
static char word[64] = "hello, world\n";
static char odd[] = "tab\there \"quoted\" back\\slash \001\377";
static char longer[] = "a line of more than thirty-two characters, so that it is cut";
static int pair[2], pipes[2], status, number = 1;
static unsigned length;
static struct iovec vector[3] = {{word, 5}, {odd, 4}, {0, 0}};
static struct timespec short_time = {0, 1000}, bad_time = {0, -1}, no_time = {0, 0}, two_times[2] = {{1, 2}, {3, 4}};
static struct timespec now_times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
static struct timeval no_value = {0, 0}, bad_value = {5, -1}, two_values[2] = {{1, 2}, {3, 4}}, bad_values[2] = {{1, -2}, {3, 4}};
static struct itimerval alarm_value = {{0, 0}, {100, 0}}, stop_value = {{0, 0}, {0, 0}};
static struct itimerspec timer_value = {{1, 2}, {100, 4}};
static struct kernel_action { void (*handler)(int); unsigned long flags; void (*restorer)(void); uint64_t mask; } action;
static uint64_t signals, one_signal = 1ul << (SIGUSR2 - 1), two_signals = 1ul << (SIGUSR1 - 1) | 1ul << (SIGCHLD - 1);
static uint64_t all_signals = ~0ul;
static siginfo_t info;
static stack_t other_stack, bad_stack = {word, SS_DISABLE, 100};
static struct rlimit limits = {64, 128}, bad_limits = {200, 100};
static struct sched_param parameter, bad_parameter = {1000};
static struct { uint32_t size, policy; uint64_t flags; int nice; uint32_t priority; uint64_t times[3]; } attributes = {48, 77, 0, 3};
static struct flock lock = {F_WRLCK, SEEK_SET, 5, 10, 0}, bad_lock = {77, SEEK_SET, 0, 0, 0};
static struct pollfd polled[2] = {{0, POLLIN, 0}, {-1, POLLOUT | POLLPRI, 0}};
static fd_set reads, writes;
static struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 7}};
static struct sockaddr_in inet = {AF_INET, 0x5000, {0x0100007f}, {0}};
static struct sockaddr_in6 inet6 = {AF_INET6, 0x5000, 0, IN6ADDR_LOOPBACK_INIT, 0};
static struct sockaddr_un local = {AF_UNIX, "no-such-socket"}, abstract = {AF_UNIX, "\0pystap-many-calls"};
static struct { unsigned short family, pad; unsigned pid, groups; } netlink = {16, 0, 0, 0};
static struct sockaddr strange = {99, "abc"};
static struct linger linger = {1, 5};
static struct msghdr message = {0, 0, vector, 2, 0, 0, 0};
static struct mmsghdr messages[1] = {{{0, 0, vector, 1, 0, 0, 0}, 0}};
static struct sembuf operations[2] = {{0, 1, IPC_NOWAIT}, {0, -1, SEM_UNDO | IPC_NOWAIT}};
static struct { long type; char text[8]; } letter = {1, "letter"};
static struct mq_attr queue = {0, 5, 64, 0};
static struct timex times_now;
static struct utimbuf old_times = {1, 2};
static struct timezone zone;
static struct open_how how = {O_RDWR | O_CREAT | O_CLOEXEC, 0600, RESOLVE_BENEATH}, bad_how = {1ul << 40, 0, 0};
static struct iocb block = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = -1, .aio_nbytes = 16}, *blocks[1] = {&block};
static aio_context_t aio;
static struct io_uring_params ring = {.flags = IORING_SETUP_IOPOLL};
static struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE, .size = sizeof counter,
	.config = PERF_COUNT_SW_TASK_CLOCK, .disabled = 1, .exclude_kernel = 1};
static union bpf_attr map = {.map_type = 200, .key_size = 4, .value_size = 8, .max_entries = 1};
static struct { uint32_t version; int pid; } header = {_LINUX_CAPABILITY_VERSION_3, 0}, bad_header = {5, 0};
static struct { uint32_t effective, permitted, inheritable; } capabilities[2] = {{1, 1, 0}, {0, 0, 0}};
static struct landlock_ruleset_attr ruleset = {1ul << 60};
static uint64_t clone3_arguments[8] = {0x100, 0, 0, 0, 99, 0, 0, 0};
static struct sigevent notification = {.sigev_notify = SIGEV_NONE, .sigev_signo = SIGUSR1};
static struct { uint64_t offset, length; } range = {4096, 8192};
static uint64_t node_mask[2] = {1}, processor_mask[2] = {1};
static char *words[] = {"many", "calls", 0}, *environment[] = {"A=b", 0};
static unsigned futex_word = 5;
static uint64_t offset;
static struct { unsigned bytes; int type; unsigned char data[16]; } handle = {8, 1, {0}};
static int timer, descriptor, other, queue_id;

static void on_signal(int signal) { (void)signal; }
void restore(void);
__asm__("restore: mov $15, %eax\n syscall\n");

static int own_process;

static void act(int signal, void (*handler)(int), unsigned long flags) {
	action.handler = handler;
	action.flags = flags | 0x04000000;
	action.restorer = restore;
	action.mask = 0;
	DO(rt_sigaction, signal, &action, 0, 8);
}

static void files(void) {
	DO(open, "new", O_RDWR | O_CREAT | O_EXCL, 0644);
	descriptor = last;
	DO(open, "new", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	DO(open, "no-such-file", O_RDONLY);
	DO(open, BAD, O_WRONLY | O_APPEND | O_SYNC);
	DO(open, odd, O_RDONLY | O_DIRECTORY | O_CLOEXEC | 0x80000000);
	DO(openat, AT_FDCWD, ".", O_RDWR | O_TMPFILE | O_EXCL, 0600);
	DO(openat, -1, "relative", O_RDONLY | O_NONBLOCK);
	DO(openat2, AT_FDCWD, "new2", &how, sizeof how);
	other = last;
	DO(openat2, AT_FDCWD, "x", &bad_how, sizeof bad_how);
	DO(openat2, AT_FDCWD, "x", BAD, 4);
	DO(creat, "created", 0600);
	DO(close, last);
	DO(close, -1);
	DO(write, descriptor, word, 13);
	DO(write, descriptor, longer, sizeof longer - 1);
	DO(write, descriptor, odd, sizeof odd - 1);
	DO(write, descriptor, BAD, 5);
	DO(write, -1, word, 2);
	DO(lseek, descriptor, 0, SEEK_SET);
	DO(lseek, descriptor, -5, SEEK_CUR);
	DO(lseek, descriptor, 0, 99);
	DO(read, descriptor, buffer, 10);
	DO(read, -1, buffer, 10);
	DO(read, descriptor, BAD, 10);
	DO(pread64, descriptor, buffer, 5, 2);
	DO(pread64, descriptor, buffer, 5, -2);
	DO(pwrite64, descriptor, word, 5, 20);
	DO(pwrite64, descriptor, word, 5, -20);
	DO(readv, descriptor, vector, 1);
	DO(readv, -1, vector, 2);
	DO(writev, descriptor, vector, 2);
	DO(writev, descriptor, BAD, 2);
	DO(preadv, descriptor, vector, 1, 3, 0);
	DO(pwritev, descriptor, vector, 2, 3, 0);
	DO(preadv2, descriptor, vector, 1, 3, 0, 0);
	DO(pwritev2, descriptor, vector, 2, -1, -1, 0x10);
	DO(stat, "new", buffer);
	DO(stat, "no-such-file", buffer);
	DO(lstat, "new", buffer);
	DO(fstat, descriptor, buffer);
	DO(fstat, -1, buffer);
	DO(newfstatat, AT_FDCWD, "new", buffer, AT_SYMLINK_NOFOLLOW);
	DO(newfstatat, AT_FDCWD, "", buffer, AT_EMPTY_PATH);
	DO(newfstatat, 99, "new", BAD, 0x80000000);
	DO(statx, AT_FDCWD, "new", AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, buffer);
	DO(statx, -1, "new", AT_STATX_DONT_SYNC, STATX_TYPE | STATX_BTIME, buffer);
	DO(statfs, ".", buffer);
	DO(statfs, "no-such-file", buffer);
	DO(fstatfs, descriptor, buffer);
	DO(fstatfs, -1, buffer);
	DO(ustat, 0x103, buffer);
	DO(access, "new", R_OK | W_OK);
	DO(access, "new", F_OK);
	DO(access, "no-such-file", X_OK);
	DO(access, "new", 0x80);
	DO(faccessat, AT_FDCWD, "new", R_OK);
	DO(faccessat2, AT_FDCWD, "new", W_OK, AT_EACCESS);
	DO(faccessat2, AT_FDCWD, "new", R_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS | 1);
	DO(chmod, "new", 0600);
	DO(chmod, "no-such-file", 04755);
	DO(fchmod, descriptor, 0640);
	DO(fchmod, -1, 0);
	DO(fchmodat, AT_FDCWD, "new", 0644);
	DO(chown, "new", -1, -1);
	DO(chown, "no-such-file", 1000, 100);
	DO(fchown, descriptor, -1, -1);
	DO(fchown, -1, 5, 6);
	DO(lchown, "no-such-file", 0, 0);
	DO(fchownat, AT_FDCWD, "new", -1, -1, AT_SYMLINK_NOFOLLOW);
	DO(truncate, "new", 100);
	DO(truncate, "new", -1);
	DO(ftruncate, descriptor, 50);
	DO(ftruncate, -1, 50);
	DO(fallocate, descriptor, FALLOC_FL_KEEP_SIZE, 0, 4096);
	DO(fallocate, descriptor, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 10);
	DO(fallocate, -1, 0x400, 0, 10);
	DO(fadvise64, descriptor, 0, 100, POSIX_FADV_WILLNEED);
	DO(fadvise64, -1, 5, 100, 99);
	DO(readahead, descriptor, 0, 10);
	DO(readahead, -1, 5, 10);
	DO(sync_file_range, descriptor, 0, 10, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	DO(sync_file_range, -1, 1, 2, 0);
	DO(fsync, -1);
	DO(fdatasync, descriptor);
	DO(syncfs, -1);
	DO(flock, descriptor, LOCK_EX | LOCK_NB);
	DO(flock, descriptor, LOCK_UN);
	DO(flock, -1, 99);
	DO(fcntl, descriptor, F_GETFD);
	DO(fcntl, descriptor, F_SETFD, FD_CLOEXEC);
	DO(fcntl, descriptor, F_GETFL);
	DO(fcntl, descriptor, F_SETFL, O_APPEND | O_NONBLOCK);
	DO(fcntl, descriptor, F_DUPFD, 100);
	DO(fcntl, descriptor, F_SETLK, &lock);
	DO(fcntl, descriptor, F_SETLK, &bad_lock);
	DO(fcntl, descriptor, F_OFD_SETLK, BAD);
	DO(fcntl, descriptor, F_SETSIG, SIGUSR1);
	DO(fcntl, descriptor, F_GETSIG);
	DO(fcntl, descriptor, F_SETLEASE, F_UNLCK);
	DO(fcntl, descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_GROW);
	DO(fcntl, descriptor, 777, 5);
	DO(ioctl, descriptor, FIONREAD, &number);
	DO(ioctl, descriptor, TCGETS, buffer);
	DO(ioctl, descriptor, TIOCGWINSZ, buffer);
	DO(ioctl, -1, FIONBIO, &number);
	DO(ioctl, descriptor, 0x80041234, 5);
	DO(dup, descriptor);
	DO(close, last);
	DO(dup, -1);
	DO(dup2, descriptor, 90);
	DO(dup2, -1, 5);
	DO(dup3, descriptor, 91, O_CLOEXEC);
	DO(dup3, descriptor, descriptor, 0x1234);
	DO(close_range, 90, 91, 0);
	DO(close_range, 5, 4, 4);
	DO(pipe, pipes);
	DO(pipe, BAD);
	DO(pipe2, pair, O_CLOEXEC | O_NONBLOCK);
	DO(pipe2, pair, 0x80000000);
	DO(splice, -1, 0, pipes[1], 0, 10, 1);
	DO(tee, pipes[0], pair[1], 10, 2);
	DO(vmsplice, pipes[1], vector, 1, 8);
	DO(sendfile, pipes[1], descriptor, &offset, 5);
	DO(sendfile, -1, descriptor, 0, 5);
	DO(copy_file_range, descriptor, &offset, other, 0, 5, 0);
	DO(copy_file_range, -1, 0, other, 0, 5, 1);
	DO(getdents64, descriptor, buffer, 100);
	DO(getdents, -1, buffer, 100);
	DO(rename, "created", "renamed");
	DO(rename, "no-such-file", "x");
	DO(renameat, AT_FDCWD, "renamed", AT_FDCWD, "renamed2");
	DO(renameat2, AT_FDCWD, "renamed2", AT_FDCWD, "new", 1);
	DO(link, "new", "linked");
	DO(link, "no-such-file", "x");
	DO(linkat, AT_FDCWD, "no-such-file", 5, "x", AT_SYMLINK_FOLLOW);
	DO(symlink, "target", "symbolic");
	DO(symlink, "target", "symbolic");
	DO(symlinkat, "target2", AT_FDCWD, "symbolic2");
	DO(readlink, "symbolic", buffer, 100);
	DO(readlink, "new", buffer, 100);
	DO(readlinkat, AT_FDCWD, "symbolic2", buffer, 3);
	DO(unlink, "linked");
	DO(unlink, "no-such-file");
	DO(unlinkat, AT_FDCWD, "symbolic2", 0);
	DO(unlinkat, AT_FDCWD, "no-such-dir", AT_REMOVEDIR);
	DO(mkdir, "dir", 0755);
	DO(mkdir, "dir", 0);
	DO(mkdirat, AT_FDCWD, "dir2", 0700);
	DO(rmdir, "dir2");
	DO(rmdir, "no-such-dir");
	DO(chdir, "dir");
	DO(chdir, "..");
	DO(chdir, "no-such-dir");
	DO(fchdir, -1);
	DO(getcwd, buffer, 2);
	DO(getcwd, BAD, 100);
	DO(mknod, "fifo", S_IFIFO | 0600, 0);
	DO(mknod, "fifo", S_IFCHR | 0644, 0x103);
	DO(mknodat, AT_FDCWD, "fifo", S_IFBLK | 0600, 0x802);
	DO(umask, 022);
	DO(umask, 077);
	DO(utime, "new", &old_times);
	DO(utime, "no-such-file", 0);
	DO(utimes, "new", two_values);
	DO(utimes, "new", bad_values);
	DO(futimesat, AT_FDCWD, "new", two_values);
	DO(utimensat, AT_FDCWD, "new", two_times, 0);
	DO(utimensat, AT_FDCWD, "symbolic", now_times, AT_SYMLINK_NOFOLLOW);
	DO(utimensat, -1, 0, 0, 0);
	DO(setxattr, "new", "user.name", word, 5, 2);
	DO(lsetxattr, "no-such-file", "user.name", word, 5, 1);
	DO(fsetxattr, -1, "user.name", word, 5, 0);
	DO(getxattr, "new", "user.none", buffer, 100);
	DO(lgetxattr, "no-such-file", "user.none", buffer, 100);
	DO(fgetxattr, -1, "user.none", buffer, 100);
	DO(listxattr, "no-such-file", buffer, 100);
	DO(llistxattr, "no-such-file", buffer, 100);
	DO(flistxattr, -1, buffer, 100);
	DO(removexattr, "no-such-file", "user.none");
	DO(lremovexattr, "no-such-file", "user.none");
	DO(fremovexattr, -1, "user.none");
	DO(name_to_handle_at, AT_FDCWD, "no-such-file", &handle, &number, 0);
	DO(open_by_handle_at, -1, &handle, O_RDONLY);
	DO(inotify_init);
	DO(inotify_add_watch, last, "new", 0x6);
	DO(inotify_init1, O_CLOEXEC | O_NONBLOCK);
	DO(inotify_init1, 1);
	DO(inotify_add_watch, -1, "new", 0x80000002);
	DO(inotify_rm_watch, -1, 5);
	DO(fanotify_init, 0x1003, O_RDONLY);
	DO(fanotify_mark, -1, 0x11, 0x40000002, AT_FDCWD, "new");
	DO(memfd_create, "memory", 3);
	DO(memfd_create, "memory", 0x80);
	DO(memfd_secret, 1);
	DO(eventfd, 5);
	DO(eventfd2, 5, 1 | O_CLOEXEC);
	DO(eventfd2, 5, 0x100);
	DO(io_setup, 1, BAD);
	DO(io_setup, 1, &aio);
	DO(io_submit, 5, 1, blocks);
	DO(io_cancel, 5, &block, buffer);
	DO(io_getevents, 5, 1, 2, buffer, &no_time);
	DO(io_pgetevents, 5, 1, 2, buffer, &no_time, BAD);
	DO(io_destroy, 5);
	DO(ioprio_get, 1, 0);
	DO(ioprio_set, 1, 0, 2 << 13 | 4);
	DO(ioprio_set, 7, 0, 1 << 13);
	DO(quotactl, 0x80000700, "no-such-device", 0, buffer);
	DO(quotactl_fd, -1, 0x80000701, 5, buffer);
}

#define AREA 0x10000000L

static void memory(void) {
	DO(mmap, AREA, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	DO(mmap, 0, 0, PROT_NONE, MAP_SHARED, 0, PAGE);
	DO(mmap, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, -1, 0);
	DO(mmap, 0, PAGE, 0x1000000, 0x80000000, -1, 0);
	DO(mprotect, AREA, PAGE, PROT_READ);
	DO(mprotect, AREA, PAGE, PROT_READ | PROT_WRITE);
	DO(mprotect, AREA + 1, PAGE, PROT_NONE);
	DO(mremap, AREA + 4 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE);
	DO(mremap, AREA + 4 * PAGE, PAGE, PAGE, MREMAP_FIXED, AREA);
	DO(msync, AREA, PAGE, MS_SYNC);
	DO(msync, AREA, PAGE, MS_ASYNC | MS_SYNC | MS_INVALIDATE);
	DO(mincore, AREA, PAGE, buffer);
	DO(madvise, AREA, PAGE, MADV_DONTNEED);
	DO(madvise, AREA, PAGE, 77);
	DO(process_madvise, -1, vector, 1, MADV_COLD, 0);
	DO(mlock, AREA, PAGE);
	DO(mlock, BAD, PAGE);
	DO(mlock2, AREA, PAGE, 1);
	DO(mlock2, AREA, PAGE, 4);
	DO(munlock, AREA, PAGE);
	DO(mlockall, 0);
	DO(mlockall, 0x101);
	DO(munlockall);
	DO(remap_file_pages, AREA + 1, PAGE, 0, 0, 0);
	DO(pkey_alloc, 5, 3);
	DO(pkey_mprotect, AREA, PAGE, PROT_READ, 77);
	DO(pkey_free, 77);
	DO(mbind, AREA, PAGE, 99, node_mask, 64, 0);
	DO(set_mempolicy, 99, node_mask, 64);
	DO(get_mempolicy, 0, 0, 0, AREA, 8);
	DO(set_mempolicy_home_node, AREA, PAGE, 0, 5);
	DO(migrate_pages, 0, 64, node_mask, BAD);
	DO(move_pages, 0, 0, buffer, 0, buffer, 8);
	DO(membarrier, 0, 0);
	DO(membarrier, 8, 1);
	DO(munmap, AREA, 8 * PAGE);
	DO(munmap, AREA + 1, PAGE);
	DO(brk, 1);
	DO(process_vm_readv, 0x7fffffff, vector, 1, vector, 1, 0);
	DO(process_vm_writev, 0x7fffffff, vector, 1, vector, 1, 0);
	DO(userfaultfd, 0x80000000);
}

static long fork_like(long number) {
	__asm__ volatile("syscall\n test %%rax, %%rax\n jnz 1f\n mov $60, %%eax\n mov $3, %%edi\n syscall\n 1:"
			 : "=a"(last) : "a"(number), "D"(SIGCHLD), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
	return last;
}

static void processes(void) {
	DO(getpid);
	own_process = last;
	DO(gettid);
	DO(getppid);
	DO(getpgid, 0);
	DO(getpgid, 0x7fffffff);
	DO(setpgid, 0x7fffffff, 0);
	DO(getpgrp);
	DO(getsid, 0);
	DO(getsid, -1);
	DO(getuid);
	DO(geteuid);
	DO(getgid);
	DO(getegid);
	DO(getresuid, &number, &number, &number);
	DO(getresgid, BAD, &number, &number);
	DO(setuid, -1);
	DO(setgid, -1);
	DO(setreuid, -1, -1);
	DO(setregid, -1, -1);
	DO(setresuid, -1, -1, -1);
	DO(setresgid, -1, -1, -1);
	DO(setfsuid, -1);
	DO(setfsgid, -1);
	DO(getgroups, 0, 0);
	DO(getgroups, -1, buffer);
	DO(setgroups, 0x10001, buffer);
	DO(rt_sigprocmask, SIG_BLOCK, &two_signals, 0, 8);
	fork_like(SYS_fork);
	DO(wait4, -1, &status, 0, 0);
	DO(wait4, -1, &status, WNOHANG | WUNTRACED, buffer);
	DO(wait4, -1, &status, 0x12345670, 0);
	fork_like(SYS_vfork);
	DO(waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, 0);
	DO(waitid, P_ALL, 0, &info, WEXITED, 0);
	DO(waitid, 9, 5, &info, WSTOPPED | WCONTINUED, buffer);
	fork_like(SYS_clone);
	DO(wait4, -1, 0, 0, 0);
	DO(rt_sigprocmask, SIG_UNBLOCK, &two_signals, 0, 8);
	DO(clone, CLONE_THREAD | CLONE_NEWNS | SIGUSR1, 0, 0, 0, 0);
	DO(clone3, clone3_arguments, sizeof clone3_arguments);
	DO(clone3, BAD, 64);
	DO(unshare, 0);
	DO(unshare, CLONE_THREAD | CLONE_FS | 1);
	DO(setns, -1, CLONE_NEWNET);
	DO(setns, 0, 0);
	DO(execve, "no-such-program", words, environment);
	DO(execve, BAD, 0, 0);
	DO(execveat, AT_FDCWD, "no-such-program", words, environment, AT_SYMLINK_NOFOLLOW);
	DO(prctl, PR_SET_NAME, "many");
	DO(prctl, PR_GET_DUMPABLE);
	DO(prctl, PR_SET_PDEATHSIG, 0);
	DO(prctl, 9999, 1, 2, 3, 4);
	DO(arch_prctl, ARCH_GET_FS, buffer);
	DO(arch_prctl, 0x9999, 5);
	DO(ptrace, 7, 0x7fffffff, 0, 0);
	DO(ptrace, 0x4206, 0x7fffffff, 0, 1);
	DO(personality, 0xffffffff);
	DO(getpriority, 0, 0);
	DO(getpriority, 9, 0);
	DO(setpriority, 9, 0, 5);
	DO(setpriority, 0, 0x7fffffff, -5);
	DO(getrlimit, RLIMIT_NOFILE, buffer);
	DO(getrlimit, 99, buffer);
	DO(setrlimit, RLIMIT_CORE, &bad_limits);
	DO(prlimit64, 0, RLIMIT_CORE, 0, buffer);
	DO(prlimit64, 0x7fffffff, RLIMIT_STACK, &limits, 0);
	DO(getrusage, RUSAGE_SELF, buffer);
	DO(getrusage, RUSAGE_CHILDREN, BAD);
	DO(getrusage, 99, buffer);
	DO(times, buffer);
	DO(sched_yield);
	DO(sched_setscheduler, 0, SCHED_FIFO, &bad_parameter);
	DO(sched_setscheduler, 0, 99, BAD);
	DO(sched_getscheduler, 0);
	DO(sched_setparam, -1, &parameter);
	DO(sched_getparam, 0, buffer);
	DO(sched_setattr, 0, &attributes, 0);
	DO(sched_getattr, 0, buffer, 48, 0);
	DO(sched_setaffinity, 0x7fffffff, 8, processor_mask);
	DO(sched_getaffinity, 0, 4, buffer);
	DO(sched_get_priority_max, SCHED_RR);
	DO(sched_get_priority_min, 99);
	DO(sched_rr_get_interval, -1, buffer);
	DO(capget, &header, buffer);
	DO(capset, &bad_header, capabilities);
	DO(seccomp, 99, 0, 0);
	DO(seccomp, 1, 0x40000001, BAD);
	DO(set_tid_address, &number);
	DO(set_robust_list, buffer, 5);
	DO(get_robust_list, 0x7fffffff, buffer, buffer);
	DO(rseq, 0, 32, 7, 1);
	DO(kcmp, 0x7fffffff, 0x7fffffff, 2, 0, 0);
	DO(pidfd_open, 0x7fffffff, 0);
	DO(pidfd_open, -1, O_NONBLOCK);
	DO(pidfd_getfd, -1, 5, 0);
	DO(pidfd_send_signal, -1, SIGTERM, 0, 0);
	DO(process_mrelease, -1, 0);
	DO(landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
	DO(landlock_create_ruleset, 0, 8, 1);
	DO(landlock_add_rule, -1, 1, BAD, 0);
	DO(landlock_restrict_self, -1, 0);
	DO(futex, &futex_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 6, &short_time);
	DO(futex, &futex_word, FUTEX_WAKE, 1);
	DO(futex, &futex_word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 6, &no_time, 0, 0xffffffff);
	DO(futex, &futex_word, FUTEX_CMP_REQUEUE, 1, 2, &number, 7);
	DO(futex, 0, FUTEX_UNLOCK_PI);
	DO(futex, 1, 99, 5, 0, 0, 6);
	DO(get_thread_area, BAD);
	DO(set_thread_area, BAD);
	DO(modify_ldt, 99, buffer, 5);
	DO(iopl, 4);
	DO(ioperm, -1, 1, 1);
}

static void signal_calls(void) {
	act(SIGUSR1, on_signal, SA_RESTART | SA_SIGINFO);
	act(SIGUSR2, on_signal, 0);
	act(SIGALRM, on_signal, SA_NODEFER);
	act(SIGPIPE, SIG_IGN, 0);
	DO(rt_sigaction, SIGHUP, 0, buffer, 8);
	DO(rt_sigaction, SIGKILL, BAD, 0, 8);
	DO(rt_sigaction, 99, 0, 0, 5);
	DO(rt_sigprocmask, SIG_BLOCK, &two_signals, &signals, 8);
	DO(rt_sigprocmask, SIG_SETMASK, &one_signal, 0, 8);
	DO(rt_sigprocmask, 77, &signals, 0, 8);
	DO(rt_sigprocmask, SIG_UNBLOCK, BAD, 0, 8);
	DO(rt_sigpending, buffer, 8);
	DO(rt_sigpending, buffer, 99);
	DO(kill, 0x7fffffff, SIGTERM);
	DO(kill, 0x7fffffff, 0);
	DO(kill, 0x7fffffff, 99);
	DO(tkill, -1, SIGUSR1);
	DO(tgkill, -1, 5, SIGRTMIN);
	DO(tgkill, own_process, own_process, SIGUSR2);
	DO(rt_sigtimedwait, &one_signal, &info, &no_time, 8);
	DO(rt_sigtimedwait, &two_signals, 0, &no_time, 8);
	DO(rt_sigtimedwait, &one_signal, 0, &bad_time, 8);
	info.si_signo = SIGUSR1, info.si_code = SI_QUEUE, info.si_pid = 1, info.si_uid = 2, info.si_value.sival_int = 9;
	DO(rt_sigqueueinfo, 0x7fffffff, SIGUSR1, &info);
	DO(rt_tgsigqueueinfo, 0x7fffffff, 5, SIGUSR1, &info);
	DO(rt_tgsigqueueinfo, 0x7fffffff, 5, SIGUSR2, BAD);
	DO(sigaltstack, 0, &other_stack);
	DO(sigaltstack, &bad_stack, 0);
	DO(signalfd, -1, &one_signal, 8);
	DO(signalfd4, -1, &two_signals, 8, O_CLOEXEC | O_NONBLOCK);
	DO(signalfd4, -1, &two_signals, 5, 0);
	DO(setitimer, ITIMER_VIRTUAL, &alarm_value, buffer);
	DO(setitimer, ITIMER_VIRTUAL, &stop_value, 0);
	DO(setitimer, 9, BAD, 0);
	DO(getitimer, ITIMER_PROF, buffer);
	DO(getitimer, 9, buffer);
	DO(alarm, 100);
	DO(alarm, 0);
	DO(rt_sigprocmask, SIG_SETMASK, &all_signals, 0, 8);
	DO(tgkill, own_process, own_process, SIGUSR2);
	DO(rt_sigsuspend, &two_signals, 8);
	DO(rt_sigsuspend, &two_signals, 4);
	DO(rt_sigprocmask, SIG_SETMASK, &signals, 0, 8);
	/* Long enough that the signal does not come before the pause, however slow the tracing is. */
	alarm_value.it_value.tv_sec = 0, alarm_value.it_value.tv_usec = 500000;
	DO(setitimer, ITIMER_REAL, &alarm_value, 0);
	DO(pause);
	DO(setitimer, ITIMER_REAL, &stop_value, 0);
	DO(restart_syscall);
}

static void times_and_timers(void) {
	DO(time, 0);
	DO(time, BAD);
	DO(gettimeofday, buffer, &zone);
	DO(gettimeofday, BAD, 0);
	DO(settimeofday, &bad_value, 0);
	DO(settimeofday, BAD, BAD);
	DO(clock_gettime, CLOCK_MONOTONIC, buffer);
	DO(clock_gettime, 99, buffer);
	DO(clock_gettime, -6, buffer);
	DO(clock_getres, CLOCK_REALTIME_COARSE, buffer);
	DO(clock_settime, CLOCK_REALTIME, &bad_time);
	DO(clock_settime, CLOCK_MONOTONIC, &no_time);
	DO(clock_adjtime, 99, &times_now);
	DO(adjtimex, &times_now);
	DO(adjtimex, BAD);
	DO(nanosleep, &short_time, buffer);
	DO(nanosleep, &bad_time, 0);
	DO(clock_nanosleep, CLOCK_MONOTONIC, 0, &short_time, 0);
	DO(clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &no_time, buffer);
	DO(timer_create, CLOCK_MONOTONIC, &notification, &timer);
	DO(timer_create, 99, 0, &timer);
	DO(timer_settime, 0, TIMER_ABSTIME, &timer_value, buffer);
	DO(timer_settime, 0x7fffffff, 0, &timer_value, 0);
	DO(timer_gettime, 0x7fffffff, buffer);
	DO(timer_getoverrun, 0x7fffffff);
	DO(timer_delete, 0x7fffffff);
	DO(timerfd_create, CLOCK_MONOTONIC, O_CLOEXEC);
	DO(timerfd_create, 99, 1);
	DO(timerfd_settime, -1, 3, &timer_value, buffer);
	DO(timerfd_gettime, -1, buffer);
	DO(poll, polled, 2, 0);
	DO(poll, BAD, 2, -1);
	DO(ppoll, polled, 1, &no_time, &two_signals, 8);
	DO(ppoll, polled, 1, &bad_time, 0, 8);
	FD_SET(5, &reads), FD_SET(pipes[1], &writes);
	DO(select, 0, 0, 0, 0, &no_value);
	DO(select, 8, 0, &writes, 0, &no_value);
	DO(select, -1, &reads, 0, 0, &bad_value);
	DO(pselect6, 0, 0, 0, 0, &no_time, 0);
	DO(pselect6, -1, 0, 0, 0, &no_time, BAD);
	DO(epoll_create, 5);
	descriptor = last;
	DO(epoll_create, -1);
	DO(epoll_create1, EPOLL_CLOEXEC);
	DO(epoll_create1, 0x100);
	DO(epoll_ctl, descriptor, EPOLL_CTL_ADD, pipes[0], &event);
	DO(epoll_ctl, descriptor, EPOLL_CTL_DEL, pipes[0], 0);
	DO(epoll_ctl, -1, 9, 5, &event);
	DO(epoll_wait, descriptor, buffer, 1, 0);
	DO(epoll_wait, -1, buffer, 1, -1);
	DO(epoll_pwait, descriptor, buffer, 1, 0, &two_signals, 8);
	DO(epoll_pwait2, descriptor, buffer, 1, &no_time, 0, 8);
}

static void network(void) {
	DO(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	descriptor = last;
	DO(socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	other = last;
	DO(socket, 99, 9, 5);
	DO(socket, AF_INET, SOCK_DGRAM, IPPROTO_TCP);
	DO(socket, AF_NETLINK, SOCK_RAW, 15);
	DO(close, last);
	DO(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
	DO(socketpair, AF_INET, SOCK_STREAM, 0, buffer);
	DO(bind, -1, &inet, sizeof inet);
	DO(bind, other, &abstract, 2 + 18);
	DO(bind, descriptor, BAD, 16);
	DO(connect, descriptor, &inet6, sizeof inet6);
	DO(connect, other, &local, sizeof local);
	DO(connect, -1, &netlink, sizeof netlink);
	DO(connect, -1, &strange, sizeof strange);
	DO(connect, descriptor, &inet, 2);
	DO(listen, descriptor, 5);
	DO(listen, -1, 5);
	DO(accept, -1, 0, 0);
	DO(accept, other, buffer, &length);
	DO(accept4, -1, buffer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	DO(getsockname, descriptor, buffer, &length);
	DO(getpeername, descriptor, buffer, &length);
	DO(getpeername, -1, BAD, BAD);
	DO(sendto, pair[0], word, 5, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
	DO(sendto, -1, longer, sizeof longer - 1, 0, &inet, sizeof inet);
	DO(recvfrom, pair[1], buffer, 5, MSG_DONTWAIT, 0, 0);
	DO(recvfrom, -1, buffer, 5, MSG_PEEK, buffer, &length);
	DO(sendmsg, -1, &message, MSG_MORE);
	DO(sendmsg, pair[0], BAD, 0);
	DO(recvmsg, -1, &message, MSG_WAITALL);
	DO(recvmsg, pair[1], &message, MSG_DONTWAIT);
	DO(sendmmsg, -1, messages, 1, MSG_DONTWAIT);
	DO(recvmmsg, -1, messages, 1, MSG_DONTWAIT, &no_time);
	DO(setsockopt, descriptor, SOL_SOCKET, SO_REUSEADDR, &number, 4);
	DO(setsockopt, descriptor, IPPROTO_TCP, TCP_NODELAY, &number, 4);
	DO(setsockopt, descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	DO(setsockopt, -1, IPPROTO_IP, 3, &number, 4);
	DO(setsockopt, -1, 999, 77, BAD, 4);
	length = 4;
	DO(getsockopt, descriptor, SOL_SOCKET, SO_TYPE, &number, &length);
	DO(getsockopt, -1, SOL_SOCKET, SO_ERROR, buffer, &length);
	DO(getsockopt, -1, IPPROTO_IPV6, 26, buffer, &length);
	DO(shutdown, pair[0], SHUT_WR);
	DO(shutdown, -1, 9);
	DO(sethostname, BAD, 5);
	DO(sethostname, "name", -1);
	DO(setdomainname, "name", -1);
	DO(uname, buffer);
	DO(uname, BAD);
}

static void between_processes(void) {
	DO(shmget, IPC_PRIVATE, 0, IPC_CREAT | 0600);
	DO(shmget, 0x1234567, 4096, IPC_EXCL | 0640);
	DO(shmat, -1, 0, SHM_RDONLY);
	DO(shmat, -1, 0x5000, SHM_RND | SHM_EXEC);
	DO(shmdt, 0x10000000);
	DO(shmctl, -1, IPC_STAT, buffer);
	DO(shmctl, -1, IPC_RMID, 0);
	DO(msgget, 0x1234567, 0600);
	DO(msgget, IPC_PRIVATE, IPC_CREAT | 0600);
	queue_id = last;
	DO(msgsnd, queue_id, &letter, 6, IPC_NOWAIT);
	DO(msgrcv, queue_id, buffer, 100, 1, IPC_NOWAIT | MSG_NOERROR);
	DO(msgrcv, -1, buffer, 100, -5, 0);
	DO(msgsnd, -1, &letter, 6, 0);
	DO(msgctl, -1, IPC_STAT, buffer);
	DO(msgctl, queue_id, IPC_RMID, 0);
	DO(semget, 0x1234567, 1, 0600);
	DO(semget, IPC_PRIVATE, 2, IPC_CREAT | 0600);
	queue_id = last;
	DO(semop, queue_id, operations, 2);
	DO(semop, -1, BAD, 1);
	DO(semtimedop, -1, operations, 1, &short_time);
	DO(semctl, queue_id, 0, SETVAL, 5);
	DO(semctl, queue_id, 0, GETVAL, 0);
	DO(semctl, -1, 1, 99, 0);
	DO(semctl, queue_id, 0, IPC_RMID, 0);
	DO(mq_open, "pystap-no-such-queue", O_RDONLY);
	DO(mq_open, "", O_RDWR | O_CREAT, 0600, &queue);
	DO(mq_unlink, "pystap-no-such-queue");
	DO(mq_timedsend, -1, word, 5, 3, &no_time);
	DO(mq_timedreceive, -1, buffer, 5, 0, &bad_time);
	DO(mq_notify, -1, &notification);
	DO(mq_getsetattr, -1, &queue, 0);
	DO(add_key, BAD, "pystap", word, 5, -3);
	DO(add_key, "no-such-type", "pystap", word, 5, -3);
	DO(request_key, "no-such-type", "pystap", 0, -3);
	DO(keyctl, KEYCTL_REVOKE, 0);
	DO(keyctl, KEYCTL_READ, 0, 0, 0);
	DO(keyctl, 99, 1, 2, 3, 4);
}

static void machine(void) {
	DO(sysinfo, buffer);
	DO(sysinfo, BAD);
	DO(syslog, 99, buffer, 5);
	DO(syslog, 10, 0, 0);
	DO(getcpu, &number, 0, 0);
	DO(getrandom, buffer, 0, 1);
	DO(getrandom, buffer, 5, 0x80);
	DO(mount, "no-such-device", "no-such-dir", "ext4", 1 | 8, "data");
	DO(mount, BAD, 0, 0, 0x1000, 0);
	DO(umount2, "no-such-dir", 3);
	DO(pivot_root, "no-such-dir", "no-such-dir2");
	DO(chroot, "no-such-dir");
	DO(swapon, "no-such-file", 0x8005);
	DO(swapoff, "no-such-file");
	DO(acct, "no-such-file");
	DO(reboot, 1, 2, 0x1234567, 0);
	DO(init_module, BAD, 5, "options");
	DO(finit_module, -1, "options", 1);
	DO(delete_module, "pystap_no_such", O_NONBLOCK);
	DO(kexec_load, 0, 99, BAD, 0x12340000);
	DO(kexec_file_load, -1, -1, 0, 0, 99);
	DO(fsopen, "no-such-type", 1);
	DO(fsmount, -1, 1, 1);
	DO(fspick, AT_FDCWD, "no-such-dir", 8);
	DO(fsconfig, -1, 1, "key", "value", 0);
	DO(open_tree, AT_FDCWD, "no-such-dir", 0x80000);
	DO(move_mount, -1, "no-such-dir", AT_FDCWD, "no-such-dir", 4);
	DO(mount_setattr, -1, "no-such-dir", 0, BAD, 4);
	DO(sysfs, 99, 1, 2);
	DO(bpf, BPF_MAP_CREATE, &map, 20);
	DO(bpf, 99, &map, 20);
	DO(bpf, BPF_OBJ_GET, BAD, 20);
	DO(perf_event_open, &counter, 0, -1, -1, 8);
	DO(perf_event_open, BAD, 0, -1, -1, 0x100);
	DO(io_uring_setup, 0, &ring);
	DO(io_uring_enter, -1, 1, 1, 1, 0, 8);
	DO(io_uring_register, -1, 2, BAD, 1);
	DO(lookup_dcookie, 5, buffer, 100);
	DO(uselib, "no-such-library");
	DO(_sysctl, BAD);
}

#define NEW(number, ...) PICK(number, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* Calls that strace 6.1 and the headers of its time do not know. */
static void newer_calls(void) {
	NEW(451, -1, &range, BAD, 5);
	NEW(452, AT_FDCWD, "no-such-file", 0640, AT_SYMLINK_NOFOLLOW);
	NEW(453, 0x100000000, 0x1000, 1);
	NEW(454, BAD, 0xff, 1, 0x82);
	NEW(455, BAD, 6, 0xffffffff, 2, &no_time, CLOCK_MONOTONIC);
	NEW(459, 100, BAD, BAD, 7);
	NEW(462, AREA + 1, PAGE, 5);
	NEW(463, AT_FDCWD, "no-such-file", 0x1000, "user.name", BAD, 0);
	NEW(466, AT_FDCWD, "no-such-file", AT_SYMLINK_NOFOLLOW, "user.name");
	NEW(467, AT_FDCWD, "no-such-dir", 0x80001, BAD, 5);
	NEW(468, AT_FDCWD, "no-such-file", BAD, 5, AT_SYMLINK_NOFOLLOW);
}

extern char __executable_start[], _end[];

/* Memory that was never touched cannot be read when a call begins; that is another test's matter. */
static void touch_all_memory(void) {
	for (volatile char *at = __executable_start; at < _end; at += PAGE)
		(void)*at;
	for (char *at = buffer; at < buffer + sizeof buffer; at += PAGE)
		*at = 0;
}

int main(void) {
	touch_all_memory();
	raw(SYS_close, -4242, 0, 0, 0, 0, 0);
	files();
	memory();
	processes();
	signal_calls();
	times_and_timers();
	network();
	between_processes();
	machine();
	raw(SYS_close, -4243, 0, 0, 0, 0, 0);
	newer_calls();
	raw(SYS_close, -4244, 0, 0, 0, 0, 0);
	return 0;
}
