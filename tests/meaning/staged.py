"""Compares generated programs in a guest kernel, compiled here, where that is many times quicker.

    python -m tests.meaning.staged 5.10 --count 1000 --seed 1 --folder /tmp/staged

1. A first boot writes down what the guest's kernel can do (file `facts`).
2. Here the programs are compiled for it, batch by batch, and run on the user target (folder `work`).
3. A second boot loads and runs the kernel code (folder `done`). A batch that its kernel refuses comes back and is made
   anew here, each program by itself, and one that is refused by itself with its handlers deferred.

Each step is left out when its files are there: a run that was cut off (--seconds) goes on with what is not done.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest import mock

from pystap.kernel import KernelFacts
from pystap.kernel_facts import kernel_facts
from pystap.loader.errors import KernelRefused
from pystap.program.limits import Limits
from pystap.program.program import ElaboratedProgram
from pystap.records import dataclass, replace

from ..vm.boot import booted
from ..vm.kernels import obtain
from . import both
from .both import Compiled, Difference, Run, Tally, compiled, indices_of, kernel_script, outcomes
from .run_many import BATCH, batch, limits_of

Text = tuple[str, tuple[str, ...]]
"""A program and the names of its globals."""

STOP = "stop"


@dataclass(frozen=True)
class Staged:
    """Programs for a guest: the kernel's code, and what they come to on the user target.

    `refused` says why they are deferred as a whole, "" where they are not.
    """

    seed: int
    programs: list[Text]
    limits: Limits
    late: bool
    kernel: Compiled
    user: Run
    refused: str = ""


def facts_here() -> KernelFacts:
    """Return what the code generator must know of the running kernel."""
    program = both.elaborated(kernel_script('probe begin { println("") }'))
    return kernel_facts(program, False)


def made(seed: int, facts: KernelFacts, programs: list[Text] | None = None, refused: str = "") -> list[Staged]:
    """Return the batch of a seed, or some of its programs, compiled for a kernel; deferred where it was `refused`."""

    def facts_of(program: ElaboratedProgram) -> KernelFacts:
        return replace(facts, ringbuf_bytes=kernel_facts(program, False).ringbuf_bytes)

    chosen = programs or [(program.text(), program.own_globals) for program in batch(seed)]
    with mock.patch.object(both.KERNEL, "facts", facts_of):
        return list(_parts(seed, chosen, refused))


def _parts(seed: int, programs: list[Text], refused: str) -> Iterator[Staged]:
    """Yield the programs compiled together, or in halves where a part of them is more than LLVM can do."""
    text, limits, late = "\n".join(part for part, _ in programs), limits_of(seed), seed % 2 == 1
    indices = indices_of(programs)
    deferred = frozenset(index for own in indices for index in own) if refused else frozenset[int]()
    try:
        code = compiled(kernel_script(text), limits, deferred)
    except both.LlvmRefused as error:
        half = len(programs) // 2
        parts = [(programs[:half], refused), (programs[half:], refused)] if half else [(programs, str(error))]
        for part, why in parts:
            yield from _parts(seed, part, why)
        return
    yield Staged(seed, programs, limits, late, code, both.run(compiled(text, limits), indices, 2), refused)


def compared(staged: Staged, kernel: Run) -> Tally:
    """Return what differs between the targets."""
    stayed = sum(not any(i in staged.kernel.deferred for i in own) for own in indices_of(staged.programs))
    tally = Tally(len(staged.programs), stayed, [staged.refused] if staged.refused else [])
    for part, one, other in outcomes(staged.programs, staged.user, kernel, staged.late):
        if one != other:
            tally.differences.append(Difference(part, "different", one, other))
    return tally


# ------------------------------------------------------------------------------------------------ in the guest


def _write(path: Path, value: object) -> None:
    """Write a file that appears whole."""
    part = path.with_name(f".{path.name}")
    part.write_bytes(pickle.dumps(value))
    os.rename(part, path)


def _waiting(folder: Path) -> list[Path]:
    """Return the work that is not done, in order."""
    done = {path.name for path in (folder / "done").iterdir()}
    work = (path for path in (folder / "work").iterdir() if path.name[0] != "." and path.name not in done)
    return sorted(work, key=lambda path: path.name)


def _work(folder: Path) -> None:
    """Run what lies in `work` until a file tells to stop and nothing is left."""
    while True:
        stop = (folder / STOP).exists()
        waiting = _waiting(folder)
        if not waiting:
            if stop:
                return
            time.sleep(0.2)
        for path in waiting[:1]:
            start = time.monotonic()
            result = _run(pickle.loads(path.read_bytes()))
            _write(folder / "done" / path.name, result)
            print(f"{path.name}: {time.monotonic() - start:.1f} s", flush=True)


def _run(staged: Staged) -> Run | str:
    """Return what the programs come to on the running kernel, or why it refuses their code."""
    late = both.lateness(staged.kernel, staged.programs) if staged.late else ()
    try:
        return both.run(staged.kernel, indices_of(staged.programs), 2, late)
    except KernelRefused as error:
        return error.reason


# ------------------------------------------------------------------------------------------------------- here


class _Work:
    """The folders of a run, from this side: what is done is compared, and what was refused is made anew."""

    def __init__(self, folder: Path, facts: KernelFacts) -> None:
        self.folder = folder
        self.facts = facts
        self.total = Tally()
        self.handled: set[str] = set()
        self.refused: list[str] = []

    def put(self, name: str, staged: list[Staged]) -> None:
        for i, part in enumerate(staged):
            _write(self.folder / "work" / f"{name}.{i}", part)

    def follow(self) -> None:
        """Take in what was done since the last time."""
        for path in sorted((self.folder / "done").iterdir()):
            if path.name[0] == "." or path.name in self.handled:
                continue
            self.handled.add(path.name)
            staged = pickle.loads((self.folder / "work" / path.name).read_bytes())
            result: Run | str = pickle.loads(path.read_bytes())
            if isinstance(result, str):
                self._again(path.name, staged, result)
                continue
            tally = compared(staged, result)
            self.total.add(tally)
            for difference in tally.differences:
                print(f"seed {staged.seed}: {difference}", flush=True)
            for reason in tally.refused:
                print(f"seed {staged.seed}: refused: {reason}", flush=True)

    def _again(self, name: str, staged: Staged, reason: str) -> None:
        alone = len(staged.programs) == 1
        assert not (alone and staged.refused), f"refused although deferred: {reason}"
        if not (self.folder / "work" / f"{name}.0.0").exists():
            for i, program in enumerate(staged.programs):
                self.put(f"{name}.{i}", made(staged.seed, self.facts, [program], reason if alone else ""))

    def summary(self) -> str:
        total = self.total
        return (
            f"{total.programs} programs, {total.in_kernel} wholly in the kernel, {len(total.refused)} refused, "
            f"{len(total.differences)} differences"
        )


def _boot(kernel: str, step: str, folder: Path, seconds: float, work: _Work | None = None) -> None:
    # The guest's own environment knows nothing of a PYTHONPATH that this process was started with.
    paths = os.pathsep.join(filter(None, sys.path))
    script = [sys.executable, "-m", "tests.meaning.staged", kernel, "--folder", str(folder), "--inside", step]
    (folder / STOP).unlink(missing_ok=True)
    end = time.monotonic() + seconds
    with booted(obtain(kernel), ["env", f"PYTHONPATH={paths}", *script], folder, Path.cwd()) as guest:
        while guest.process.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
            if work is not None:
                work.follow()
                if not _waiting(folder):
                    (folder / STOP).touch()
        if guest.process.poll() is not None and guest.status:
            raise SystemExit(f"the guest failed:\n{guest.output[-4000:]}\n{guest.console[-2000:]}")


def _make(folder: Path, seeds: range, work: _Work, jobs: int) -> None:
    missing = [seed for seed in seeds if not (folder / "work" / f"{seed:06}.0").exists()]
    with ProcessPoolExecutor(jobs) as pool:
        for seed, parts in zip(missing, pool.map(made, missing, [work.facts] * len(missing)), strict=True):
            work.put(f"{seed:06}", parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", help="series, such as 5.10")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--until", choices=("facts", "work", "done"), default="done")
    parser.add_argument("--seconds", type=float, default=1500, help="for one boot")
    parser.add_argument("--inside", choices=("facts", "done"), help="(for the guest) do this step here")
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    if options.inside == "facts":
        _write(folder / "facts", facts_here())
        return 0
    if options.inside:
        both.preload_llvm()
        _work(folder)
        return 0
    for name in ("work", "done"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / "facts").exists():
        _boot(options.kernel, "facts", folder, options.seconds)
    work = _Work(folder, pickle.loads((folder / "facts").read_bytes()))
    if options.until == "facts":
        return 0
    _make(folder, range(options.seed, options.seed + (options.count + BATCH - 1) // BATCH), work, options.jobs)
    work.follow()
    if options.until == "done" and _waiting(folder):
        _boot(options.kernel, "done", folder, options.seconds, work)
        work.follow()
    left = len(_waiting(folder))
    print(work.summary() + (f"; {left} parts are left" if left else ""))
    return 1 if work.total.differences or left else 0


if __name__ == "__main__":
    # What is pickled belongs to the module of that name, here as in the guest.
    from tests.meaning import staged

    sys.exit(staged.main())
