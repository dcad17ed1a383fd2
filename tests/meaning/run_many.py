"""Compares many generated programs: python -m tests.meaning.run_many --count 20000 --seed 1 --jobs 2

The same count and seed give the same programs. Differences go to standard output and, with --keep, to files that can be
put into regressions/. Ends with status 1 when there was one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from pystap.program.limits import Limits
from pystap.records import replace

from .both import KERNEL, LIMITS, Tally, compare
from .choices import Seeded
from .generator import Profile, Program, generate

STRING_LENGTHS = (128, 512, 40)

BATCH = 12
"""Programs in one script: more share the cost of a compilation, but a program that is too large splits the script."""


def batch(seed: int, count: int = BATCH) -> list[Program]:
    """Return the programs of a seed: three of five of the kernel's language alone."""
    choices = Seeded(seed)
    profiles = [Profile.ANY if choices.below(5) > 2 else Profile.KERNEL for _ in range(count)]
    groups = seed % 4 == 3
    return [generate(Seeded(seed * 1000 + i), profile, f"t{i}", groups) for i, profile in enumerate(profiles)]


def run_batch(seed: int, count: int = BATCH, old: bool = False) -> Tally:
    """Compare the programs of a seed. Half of the batches read their events only after all runs of a handler.

    With `old` the code is that for Linux 5.10, which newer kernels run as well.
    """
    KERNEL.old = old
    programs = [(program.text(), program.own_globals) for program in batch(seed, count)]
    return compare(programs, hits=2, late=seed % 2 == 1, limits=limits_of(seed))


def limits_of(seed: int) -> Limits:
    """Return the limits for the programs of a seed, which differ in the length of strings."""
    return replace(LIMITS, max_string=STRING_LENGTHS[seed % 3])


def run(
    count: int, seed: int, jobs: int, seconds: float = float("inf"), old: bool = False
) -> Iterator[tuple[int, Tally]]:
    """Yield the tally of each batch of `count` programs with its seed; starts no batch after `seconds`."""
    end = time.monotonic() + seconds
    seeds = iter(range(seed, seed + (count + BATCH - 1) // BATCH))
    with ProcessPoolExecutor(jobs) as pool:
        running = deque((one, pool.submit(run_batch, one, BATCH, old)) for one in islice(seeds, 2 * jobs))
        while running:
            one, future = running.popleft()
            yield one, future.result()
            if time.monotonic() < end:
                running.extend(
                    (following, pool.submit(run_batch, following, BATCH, old)) for following in islice(seeds, 1)
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no further batch after so long")
    parser.add_argument("--old", action="store_true", help="make the code for Linux 5.10")
    parser.add_argument("--keep", type=Path, help="folder for scripts that differ")
    arguments = parser.parse_args()
    total = Tally()
    start = time.monotonic()
    for seed, tally in run(arguments.count, arguments.seed, arguments.jobs, arguments.seconds, arguments.old):
        for number, difference in enumerate(tally.differences):
            print(f"seed {seed}: {difference}", flush=True)
            if arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (arguments.keep / f"seed_{seed}_{number}.stp").write_text(difference.script)
        for reason in tally.refused:
            print(f"seed {seed}: refused: {reason}", flush=True)
        total.add(tally)
    seconds = time.monotonic() - start
    print(
        f"{total.programs} programs in {seconds:.0f} s ({total.programs / seconds:.1f}/s), {total.in_kernel} wholly in "
        f"the kernel, {len(total.refused)} refused, {len(total.differences)} differences"
    )
    return 1 if total.differences else 0


if __name__ == "__main__":
    sys.exit(main())
