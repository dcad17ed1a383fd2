/* Makes system calls through the 32-bit entry, whose numbers and structures differ, with known arguments.
 *
 * What is compared lies between close(-4242) and close(-4243). The program is a 64-bit one linked below 4 GB, so that its
 * static data has addresses of 32 bits. It runs in an empty directory of its own. */
#define _GNU_SOURCE
#include <asm/unistd_32.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BAD 0x10
extern char __executable_start[], _end[];
static int last;

static int raw(int number, long a, long b, long c, long d, long e) {
	__asm__ volatile("int $0x80" : "=a"(last) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return last;
}

#define PICK(n, a, b, c, d, e, ...) raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define DO(name, ...) PICK(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0)

typedef struct { int32_t seconds, rest; } time32;
typedef struct { int64_t seconds, rest; } time64;
typedef struct { uint32_t base, length; } vector32;

static char buffer[4096], word[] = "hello, world\n", other[] = "more";
static vector32 vectors[2];
static time32 short_time = {0, 1000}, bad_time = {0, -1}, no_time, two_times[2] = {{1, 2}, {3, 4}};
static time64 long_time = {0, 1000};
static time32 timer[2] = {{0, 0}, {100, 5}}, stopped[2];
static struct { uint32_t handler, flags, restorer; uint64_t mask; } __attribute__((packed)) action = {0x1234, 4, 0, 2};
static struct { uint32_t base; int32_t flags; uint32_t size; } stack = {0x1000, 2, 100};
static struct { int32_t number, error, code, pid, uid; int32_t value; char rest[108]; } info = {10, 0, -1, 7, 8, 9, ""};
static uint64_t signals = 1 << (SIGUSR1 - 1);
static struct { uint32_t current, most; } limits = {200, 100}, no_limits = {-1u, 100};
static struct rlimit limits_64 = {64, 128};
static struct { short type, whence; int32_t start, length, pid; } lock = {F_WRLCK, SEEK_SET, 5, 10, 0};
static struct sockaddr_in inet = {AF_INET, 0x5000, {0x0100007f}, {0}};
static struct { uint32_t name; uint32_t name_length, vector, count, control, control_length, flags; } message;
static struct pollfd polled[1] = {{-1, POLLIN, 0}};
static struct epoll_event event = {EPOLLIN, {.u64 = 7}};
static struct { int32_t value, signal, how; char rest[52]; } notification = {5, 10, 0, ""};
static struct { int32_t flags, most, size, current, rest[4]; } queue = {0, 5, 64, 0, {0}};
static struct { int32_t access, change; } times = {1, 2};
static int32_t number = 1;
static unsigned descriptor_set[32] = {1};

int main(void) {
	for (volatile char *at = __executable_start; at < _end; at += 1024) /* what is not in memory cannot be read */
		(void)*at;
	for (volatile char *at = buffer; at < buffer + sizeof buffer; at += 1024)
		*at = 0;
	vectors[0] = (vector32){(uint32_t)(long)word, 5};
	vectors[1] = (vector32){(uint32_t)(long)other, 4};
	message.name = (uint32_t)(long)&inet, message.name_length = sizeof inet;
	close_range(3, ~0u, 0); /* what it opens shall be 3 */
	DO(close, -4242);
	DO(open, "new", O_RDWR | O_CREAT | O_EXCL, 0644);
	DO(openat, AT_FDCWD, "no-such-file", O_RDONLY | O_DIRECTORY);
	DO(write, 3, word, 13);
	DO(read, -1, buffer, 10);
	DO(writev, 3, vectors, 2);
	DO(readv, -1, vectors, 1);
	DO(lseek, 3, -5, SEEK_CUR);
	DO(_llseek, 3, 0, 2, buffer, SEEK_SET);
	DO(access, "new", R_OK | W_OK);
	DO(chmod, "no-such-file", 0640);
	DO(stat64, "new", buffer);
	DO(fstat64, -1, buffer);
	DO(fcntl64, 3, F_SETFD, FD_CLOEXEC);
	DO(fcntl64, 3, F_SETLK, &lock);
	DO(fcntl, 3, F_GETFL);
	DO(mkdir, "dir", 0700);
	DO(rename, "new", "renamed");
	DO(unlinkat, AT_FDCWD, "dir", AT_REMOVEDIR);
	DO(utime, "renamed", &times);
	DO(utimes, "renamed", two_times);
	DO(utimensat, AT_FDCWD, "renamed", two_times, AT_SYMLINK_NOFOLLOW);
	DO(getpid);
	DO(getuid32);
	DO(setresuid32, -1, -1, -1);
	DO(mmap2, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1);
	DO(mprotect, 0x1000, 4096, PROT_NONE);
	DO(brk, 1);
	DO(nanosleep, &short_time, 0);
	DO(nanosleep, &bad_time, 0);
	DO(clock_nanosleep, 1, 0, &short_time, 0);
	DO(clock_nanosleep_time64, 1, 0, &long_time, 0);
	DO(clock_settime, 1, &no_time);
	DO(settimeofday, &bad_time, 0);
	DO(setitimer, 1, timer, buffer);
	DO(setitimer, 1, stopped, 0);
	DO(timer_create, 99, &notification, buffer);
	DO(timerfd_settime, -1, 0, timer, buffer);
	DO(rt_sigaction, SIGUSR1, &action, 0, 8);
	DO(rt_sigaction, SIGKILL, BAD, 0, 8);
	DO(rt_sigprocmask, SIG_BLOCK, &signals, 0, 8);
	DO(rt_sigprocmask, SIG_UNBLOCK, &signals, 0, 8);
	DO(rt_sigtimedwait, &signals, 0, &no_time, 8);
	DO(rt_sigqueueinfo, 0x7fffffff, SIGUSR1, &info);
	DO(sigaltstack, &stack, 0);
	DO(kill, 0x7fffffff, SIGTERM);
	DO(setrlimit, RLIMIT_CORE, &limits);
	DO(setrlimit, 99, &no_limits);
	DO(prlimit64, 0x7fffffff, RLIMIT_CORE, &limits_64, 0);
	DO(poll, polled, 1, 0);
	DO(ppoll, polled, 1, &no_time, &signals, 8);
	DO(_newselect, 1, descriptor_set, 0, 0, &no_time);
	DO(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	DO(connect, -1, &inet, sizeof inet);
	DO(bind, -1, &inet, sizeof inet);
	DO(sendto, -1, word, 5, MSG_DONTWAIT, 0);
	DO(sendmsg, -1, &message, MSG_NOSIGNAL);
	DO(setsockopt, -1, SOL_SOCKET, SO_REUSEADDR, &number, 4);
	DO(shutdown, -1, 1);
	DO(epoll_ctl, -1, EPOLL_CTL_ADD, 5, &event);
	DO(mq_open, "", O_RDWR | O_CREAT, 0600, &queue);
	DO(futex, &number, 0, 5, &short_time, 0);
	DO(waitpid, -1, buffer, WNOHANG);
	DO(personality, -1);
	DO(uname, BAD);
	DO(getrandom, buffer, 0, 1);
	DO(close, -4243);
	return 0;
}
