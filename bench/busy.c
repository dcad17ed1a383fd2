/* A busy program: makes CALLS system calls with work between them, some 200,000 a second on an idle CPU.
 *
 *   busy CALLS SPINS     prints the nanoseconds that it took, and the calls that it made
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void work(long spins)
{
    for (volatile long i = 0; i < spins; i++)
        ;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CALLS SPINS\n", argv[0]);
        return 2;
    }
    long calls = atol(argv[1]), spins = atol(argv[2]), made = 0;
    char path[] = "/dev/null", text[] = "a line of some length\n", buffer[64];
    double start = now_ns();
    while (made < calls) {
        long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        work(spins);
        for (int i = 0; i < 4; i++) {
            syscall(SYS_write, fd, text, sizeof text - 1);
            work(spins);
            syscall(SYS_read, fd, buffer, sizeof buffer);
            work(spins);
        }
        syscall(SYS_lseek, fd, 0L, SEEK_SET);
        work(spins);
        syscall(SYS_getppid);
        work(spins);
        syscall(SYS_close, fd);
        work(spins);
        made += 12;
    }
    double took = now_ns() - start;
    fprintf(stderr, "%.0f %ld\n", took, made);
    return 0;
}
