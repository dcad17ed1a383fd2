"""`<<<` in kernel handlers, against the histogram rules and Python's arithmetic."""

from __future__ import annotations

import random
import struct

import pytest

from pystap.abi.histograms import bucket_count, bucket_low, bucket_of
from pystap.program.nodes import ContextKind
from pystap.program.symbols import Global, StorageKind
from pystap.program.types import LONG_MAX, LONG_MIN, Type, wrap_long

from .scripts import Running, Script, aggregate, array, context, element, number, scalar, string, value_of

pytestmark = pytest.mark.guest(native=True)

VALUES = (
    0, 1, -1, 2, 3, 4, 7, 8, -2, -3, -4, -8, 99, 100, 101, 109, 110, 111, 1000, -5, 10**12, LONG_MAX, LONG_MIN,
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_log_buckets(value: int) -> None:
    bucket = bucket_of(("hist_log",), value)
    low = bucket_low(("hist_log",), bucket)
    assert 0 <= bucket < 128
    assert (low <= value < max(1, 2 * low)) if value >= 0 else (2 * low < value <= low or value == low)


def test_linear_buckets() -> None:
    shape = ("hist_linear", 0, 100, 10)
    assert bucket_count(shape) == 13
    assert [bucket_of(shape, v) for v in (-1, 0, 9, 10, 100, 109, 110, 5000)] == [0, 1, 1, 2, 11, 11, 12, 12]
    assert bucket_low(shape, 1) == 0
    assert bucket_low(shape, 11) == 100


def expected(variable: Global, values: list[int]) -> list[int]:
    words = [len(values), wrap_long(sum(values)), min(values), max(values)]
    if variable.reads_variance:
        mean = distances = 0
        for count, value in enumerate(values, 1):
            distance = (value << variable.shift) - mean
            mean += abs(distance) // count * (1 if distance >= 0 else -1)
            distances += distance * ((value << variable.shift) - mean)
        words += [mean, wrap_long(distances)]
    for shape in variable.histograms:
        counts = [0] * bucket_count(shape)
        for value in values:
            counts[bucket_of(shape, value)] += 1
        words += counts
    return words


def totals(data: bytes, size: int) -> list[int]:
    """The words of the one CPU that ran."""
    rows = [struct.unpack(f"={size // 8}q", data[start : start + size]) for start in range(0, len(data), size)]
    return list(next(row for row in rows if row[0]))


@pytest.mark.parametrize("storage", [StorageKind.ADD_ONLY, StorageKind.DRAINED])
@pytest.mark.parametrize("keyed", [False, True])
def test_statistics(storage: StorageKind, keyed: bool) -> None:
    stat = array("s", 0, 12, storage=storage) if keyed else scalar("s", storage)
    stat.type = Type.STATISTIC
    stat.histograms = [("hist_log",), ("hist_linear", 0, 100, 10), ("hist_linear", -50, 50, 7)]
    script = Script(globals=[stat])
    target = element(stat, number(5), string("key")) if keyed else value_of(stat)
    script.handler(aggregate(target, context(ContextKind.SYSCALL_NUMBER)))
    with Running(script) as running:
        for value in VALUES:
            running.hit(second=value, cpu=0)
        found = running.image.maps["a_s"]
        size = found.spec.value_size
        data = found.items()[0][1] if keyed else found.lookup(bytes(4))
        assert data is not None
        assert totals(data, size) == expected(stat, list(VALUES))


def test_variance() -> None:
    stat = scalar("s", StorageKind.ADD_ONLY, Type.STATISTIC)
    stat.reads_variance, stat.shift = True, 5
    script = Script(globals=[stat])
    script.handler(aggregate(value_of(stat), context(ContextKind.SYSCALL_NUMBER)))
    values = [random.Random(3).randrange(-1000, 1000) for _ in range(50)]
    with Running(script) as running:
        for value in values:
            running.hit(second=value, cpu=0)
        data = running.image.maps["a_s"].lookup(bytes(4))
        assert data is not None
        assert totals(data, 48) == expected(stat, values)
