"""Compares generated programs in a guest kernel, compiled here, where that is many times quicker.

    python -m tests.meaning.staged 5.10 --count 1000 --seed 1 --folder /tmp/staged

1. A first boot writes down what the guest's kernel can do (`facts`).
2. Here the programs are compiled for it, and run on the user target (`programs`).
3. A second boot loads and runs the kernel code and hands back what differs (`tally`). What the guest's kernel refuses
   is compared there once more with halves of the batch, and at last with the handlers deferred, as by run_many.

Each step leaves its file in the folder and is not repeated when that is there; --until stops behind one of them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from pystap.kernel import KernelFacts
from pystap.loader.errors import KernelRefused
from pystap.program.limits import Limits
from pystap.program.program import ElaboratedProgram
from pystap.records import dataclass, replace
from pystap.registries import kernel_facts

from ..vm.boot import booted
from ..vm.kernels import obtain
from . import both
from .both import Compiled, Difference, Tally, compare, compiled, indices_of, kernel_script, outcomes
from .run_many import BATCH, batch, limits_of

STEPS = ("facts", "programs", "tally")


@dataclass(frozen=True)
class Staged:
    """A batch for a guest: programs with their globals, the kernel's code, and what they show as user code."""

    seed: int
    programs: list[tuple[str, tuple[str, ...]]]
    limits: Limits
    late: bool
    kernel: Compiled | None
    shown: list[list[str]]
    values: dict[str, Any]


def facts_here() -> KernelFacts:
    """Return what the code generator must know of the running kernel."""
    program = both.elaborated(kernel_script('probe begin { println("") }'))
    return kernel_facts(program, False)


def made(seed: int, facts: KernelFacts) -> list[Staged]:
    """Return the batch of a seed, compiled for a kernel: in halves where a part of it is more than LLVM can do."""

    def facts_of(program: ElaboratedProgram) -> KernelFacts:
        return replace(facts, ringbuf_bytes=kernel_facts(program, False).ringbuf_bytes)

    programs = [(program.text(), program.own_globals) for program in batch(seed)]
    with mock.patch.object(both.KERNEL, "facts", facts_of):
        return list(_parts(seed, programs))


def _parts(seed: int, programs: list[tuple[str, tuple[str, ...]]]) -> Iterator[Staged]:
    text, limits, late = "\n".join(part for part, _ in programs), limits_of(seed), seed % 2 == 1
    code: Compiled | None = None
    try:
        code = compiled(kernel_script(text), limits)
    except (both.NotCompiled, both.LlvmRefused):
        half = len(programs) // 2
        if half:
            yield from _parts(seed, programs[:half])
            yield from _parts(seed, programs[half:])
            return
    shown, values = both.run(compiled(text, limits), indices_of(programs), 2)
    yield Staged(seed, programs, limits, late, code, shown, values)


def compared(staged: Staged) -> Tally:
    """Run a batch's kernel code on the running kernel and return what differs."""
    if staged.kernel is not None:
        with contextlib.suppress(KernelRefused, AssertionError):
            indices = indices_of(staged.programs)
            late = both.lateness(staged.kernel, staged.programs) if staged.late else ()
            shown, values = both.run(staged.kernel, indices, 2, late)
            stayed = sum(not any(index in staged.kernel.deferred for index in own) for own in indices)
            tally = Tally(len(staged.programs), stayed)
            user, kernel = (staged.shown, staged.values), (shown, values)
            for part, one, other in outcomes(staged.programs, user, kernel, staged.late):
                if one != other:
                    tally.differences.append(Difference(part, "different", one, other))
            return tally
    return compare(staged.programs, 2, staged.late, staged.limits)


def _inside(step: str, folder: Path) -> None:
    """The guest's part of a step: its file appears whole, at the end."""
    if step == "facts":
        result: Any = facts_here()
    else:
        both.preload_llvm()
        result = []
        for staged in pickle.loads((folder / "programs").read_bytes()):
            start = time.monotonic()
            tally = compared(staged)
            result.append((staged.seed, tally))
            print(f"seed {staged.seed}: {time.monotonic() - start:.1f} s, {len(tally.refused)} refused", flush=True)
    (folder / f"{step}.part").write_bytes(pickle.dumps(result))
    os.rename(folder / f"{step}.part", folder / step)


def _boot(kernel: str, step: str, folder: Path, timeout: float) -> None:
    # The guest's own environment knows nothing of a PYTHONPATH that this process was started with.
    paths = os.pathsep.join(filter(None, sys.path))
    command = [
        "env",
        f"PYTHONPATH={paths}",
        sys.executable,
        "-m",
        "tests.meaning.staged",
        kernel,
        "--folder",
        str(folder),
        "--inside",
        step,
    ]
    with booted(obtain(kernel), command, folder, Path.cwd()) as guest:
        guest.process.wait(timeout)
        if not (folder / step).exists():
            raise SystemExit(f"the guest gave no result:\n{guest.output[-4000:]}\n{guest.console[-2000:]}")


def _make(folder: Path, seeds: range, jobs: int) -> None:
    facts = pickle.loads((folder / "facts").read_bytes())
    with ProcessPoolExecutor(jobs) as pool:
        staged = [part for parts in pool.map(made, seeds, [facts] * len(seeds)) for part in parts]
    (folder / "programs").write_bytes(pickle.dumps(staged))


def _report(folder: Path) -> int:
    total = Tally()
    for seed, tally in pickle.loads((folder / "tally").read_bytes()):
        total.add(tally)
        for difference in tally.differences:
            print(f"seed {seed}: {difference}")
        for reason in tally.refused:
            print(f"seed {seed}: refused: {reason}")
    print(
        f"{total.programs} programs, {total.in_kernel} wholly in the kernel, {len(total.refused)} refused, "
        f"{len(total.differences)} differences"
    )
    return 1 if total.differences else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", help="series, such as 5.10")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--until", choices=STEPS, default="tally")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds for one boot")
    parser.add_argument("--inside", choices=STEPS, help="(for the guest) do this step here")
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    if options.inside:
        _inside(options.inside, folder)
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(options.seed, options.seed + (options.count + BATCH - 1) // BATCH)
    for step in STEPS[: STEPS.index(options.until) + 1]:
        if (folder / step).exists():
            continue
        if step == "programs":
            _make(folder, seeds, options.jobs)
        else:
            _boot(options.kernel, step, folder, options.timeout)
    return _report(folder) if options.until == "tally" else 0


if __name__ == "__main__":
    sys.exit(main())
