// Makes a system call below `depth` frames: `stack_cost CPU BATCHES CALLS DEPTH` prints the ns of a call, a batch a line.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) static long below(int depth)
{
    long result = depth ? below(depth - 1) : syscall(SYS_getppid);
    __asm__ volatile("" ::: "memory");
    return result + 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(words[1]), &set);
    sched_setaffinity(0, sizeof set, &set);
    int batches = atoi(words[2]), calls = atoi(words[3]), depth = atoi(words[4]);
    below(depth);
    usleep(200000);  // what is slow about a new stack is over
    for (int batch = 0; batch < batches; batch++) {
        double start = now();
        for (int i = 0; i < calls; i++)
            below(depth);
        printf("%.1f\n", (now() - start) / calls);
    }
    return 0;
}
