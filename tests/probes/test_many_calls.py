"""More calls under way at once than the values of their entries are kept for: what is not followed is counted."""

from __future__ import annotations

import re
from pathlib import Path

from pystap.elaborate.entry_values import MOST_CALLS

from ..command import run_stap
from .programs import compiled

WAITING = """
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static int ends[2];
static void *wait_for_end(void *unused) { char c; syscall(SYS_read, ends[0], &c, 1); return 0; }
int main(void) {
  static pthread_t threads[THREADS];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  if (pipe(ends)) return 2;
  for (int i = 0; i < THREADS; i++) if (pthread_create(&threads[i], &small, wait_for_end, 0)) return 3;
  usleep(500000);
  close(ends[1]);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
}
"""


def test_calls_that_are_not_followed_are_counted(tmp_path: Path) -> None:
    threads = MOST_CALLS + 400
    program = compiled(tmp_path, WAITING, "waiting", f"-DTHREADS={threads}", "-pthread")
    script = """global n probe syscall.read.return { if (pid() == target() && @entry($count) == 1) n++ }
    probe end { println(n) }"""
    done = run_stap("-v", "-e", script, "-c", str(program), folder=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    (followed,) = map(int, done.stdout.split())
    (missed,) = map(int, re.findall(r"skipped probes: (\d+)", done.stderr))
    assert MOST_CALLS - 200 <= followed <= MOST_CALLS
    assert followed + missed >= threads  # others read, too
    assert f": {missed} times too many calls were under way to follow one to its return" in done.stderr
