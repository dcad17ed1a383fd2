"""A C program that makes system calls, as many as it is told, on as many threads."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls, pause_every, numbered;

static void *work(void *unused)
{
    if (!numbered)
        dprintf(1, "thread %ld\n", (long)syscall(SYS_gettid));
    for (long i = 0; i < calls; i++) {
        if (numbered)
            syscall(SYS_getpgid, i); /* the argument is the call's number */
        else
            syscall(SYS_getppid);
        if (pause_every && i % pause_every == pause_every - 1)
            usleep(1000);
    }
    return unused;
}

/* calls getppid|getpgid THREADS CALLS [PAUSE_EVERY]; with getppid every thread prints its id */
int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count = atoi(argv[2]);
    numbered = !strcmp(argv[1], "getpgid");
    calls = atol(argv[3]);
    pause_every = argc > 4 ? atol(argv[4]) : 0;
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], 0);
    return 0;
}
"""


def build(folder: Path) -> Path:
    """Compile the program; returns its path."""
    source, program = folder / "calls.c", folder / "calls"
    source.write_text(SOURCE)
    subprocess.run(["gcc", "-O2", "-pthread", "-o", str(program), str(source)], check=True)
    return program
