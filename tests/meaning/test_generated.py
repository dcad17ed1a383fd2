"""Generated programs mean the same on both targets: seeded ones, ones with a new seed each run, and shrinking ones."""

from __future__ import annotations

import os
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .both import KERNEL, Tally, compare
from .choices import Drawn, Seeded
from .generator import Profile, Program, generate
from .run_many import BATCH, batch, run_batch

SEEDED = 15
UNSEEDED = 3
GUEST_BATCHES = int(os.environ.get("PYSTAP_GUEST_BATCHES", "2"))
"""How many batches, of BATCH programs each, run in a guest, where one takes minutes: 84 are a thousand programs."""


SIZES = ("too large", "too complex", "stack limit is exceeded", "out of insn range", "too many")
"""Reasons for which a program may be refused, and is deferred: it is too much for eBPF."""

_batch = cache(run_batch)


def _assert_same(tally: Tally, what: str) -> None:
    assert not tally.differences, what + "\n" + "\n".join(map(str, tally.differences))
    strange = [reason for reason in tally.refused if not any(size in reason.lower() for size in SIZES)]
    assert not strange, f"{what}: {strange}"


@pytest.mark.parametrize("seed", range(1, SEEDED + 1))
def test_seeded(seed: int) -> None:
    _assert_same(_batch(seed), f"seed {seed}")


@pytest.mark.parametrize("seed", range(1, 3))
def test_code_for_an_older_kernel(seed: int) -> None:
    """The locks, loops and counters that Linux 5.10 needs run on newer kernels as well."""
    try:
        _assert_same(run_batch(seed, old=True), f"seed {seed}")
    finally:
        KERNEL.old = False


def test_unseeded() -> None:
    first = random.SystemRandom().randrange(1 << 30)
    print(f"python -m tests.meaning.run_many --seed {first} --count {UNSEEDED * BATCH}")
    for seed in range(first, first + UNSEEDED):
        _assert_same(run_batch(seed), f"seed {seed}")


@pytest.mark.guest
@pytest.mark.parametrize("seed", range(1, GUEST_BATCHES + 1))
def test_seeded_in_guest(seed: int) -> None:
    _assert_same(run_batch(seed), f"seed {seed}")


def test_most_of_the_programs_stay_in_the_kernel() -> None:
    """Otherwise the user target would be compared with itself."""
    total = _batch(1)
    assert total.in_kernel >= total.programs // 2


def test_the_kernel_profile_stays_in_the_kernel() -> None:
    programs = [generate(Seeded(seed), Profile.KERNEL, f"t{seed}") for seed in range(8)]
    tally = compare([(program.text(), program.own_globals) for program in programs])
    _assert_same(tally, "kernel profile")
    assert tally.in_kernel == tally.programs


def test_a_seed_gives_the_same_programs() -> None:
    assert batch(7) == batch(7)
    assert batch(7) != batch(8)


@st.composite
def programs(draw: Any) -> Program:
    """A program as a strategy: hypothesis shrinks its decisions, and with them the script."""
    choices = Drawn(lambda limit: draw(st.integers(0, limit - 1)))
    profile = draw(st.sampled_from((Profile.KERNEL, Profile.ANY)))
    return generate(choices, profile)


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
@given(programs(), st.booleans())
def test_drawn(program: Program, late: bool) -> None:
    _assert_same(compare([(program.text(), program.own_globals)], late=late), "drawn")
