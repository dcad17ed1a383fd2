/* Functions to probe: uprobe_cost CPU BATCHES CALLS prints, first, the time of its start (CLOCK_MONOTONIC, seconds),
   then for every batch the nanoseconds that one call of hot() took. f_0 to f_999 are there to be attached to. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PLAIN __attribute__((noinline, noclone, used))
#define F1(n) PLAIN int f_##n(int x) { __asm__ volatile(""); return x + 1; }
#define F10(n) F1(n##0) F1(n##1) F1(n##2) F1(n##3) F1(n##4) F1(n##5) F1(n##6) F1(n##7) F1(n##8) F1(n##9)
#define F100(n) F10(n##0) F10(n##1) F10(n##2) F10(n##3) F10(n##4) F10(n##5) F10(n##6) F10(n##7) F10(n##8) F10(n##9)
F100(0) F100(1) F100(2) F100(3) F100(4) F100(5) F100(6) F100(7) F100(8) F100(9)

/* It starts with a 5-byte nop, where kernels from 6.18 on need no trap: what the tracers add stands out. */
int hot(int x);
__asm__(".text\n.globl hot\n.type hot, @function\n"
        "hot: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n lea 1(%rdi), %eax\n ret\n.size hot, .-hot\n");

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    printf("%.6f\n", now());
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(argv[1]), &set);
    sched_setaffinity(0, sizeof set, &set);
    int batches = atoi(argv[2]), calls = atoi(argv[3]);
    for (int batch = 0; batch < batches; batch++) {
        double start = now();
        for (int call = 0; call < calls; call++)
            hot(call);
        printf("%.2f\n", (now() - start) / calls * 1e9);
    }
    return 0;
}
