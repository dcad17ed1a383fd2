/* Times a loop of read(2) from /dev/zero, a byte each. Prints nanoseconds a call, one line a batch.
 *
 *   function_cost CPU BATCHES CALLS
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s CPU BATCHES CALLS\n", argv[0]);
        return 2;
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(atoi(argv[1]), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
        perror("sched_setaffinity");
    int zero = open("/dev/zero", O_RDONLY);
    if (zero < 0) {
        perror("/dev/zero");
        return 1;
    }

    long batches = atol(argv[2]), calls = atol(argv[3]);
    char byte;
    for (long batch = 0; batch < batches; batch++) {
        double start = now_ns();
        for (long call = 0; call < calls; call++)
            if (read(zero, &byte, 1) != 1)
                return 1;
        printf("%.3f\n", (now_ns() - start) / calls);
    }
    return 0;
}
