"""Aggregates: what `<<<` collects and the extractors read.

The variance is Welford's online algorithm in integers, scaled by 2**shift (man stap, "STATISTICS"); the correction for
a rounded mean is applied where parts are merged and where it is read, which gives the two results printed there.
"""

from __future__ import annotations

from ..abi.histograms import Shape, bucket_count, bucket_of
from ..lean import Iterable, Sequence
from .arithmetic import wrap
from .errors import Fault, RuntimeFault
from .histograms import render


def _quotient(left: int, right: int) -> int:
    """Return left / right truncated toward zero; right is positive."""
    return left // right if left >= 0 else -(-left // right)


class Statistic:
    """The samples of one aggregate in brief. `sum` wraps to 64 bits; `low` and `high` mean nothing when empty."""

    __slots__ = ("buckets", "count", "distance", "high", "low", "mean", "shapes", "shift", "sum")

    def __init__(self, shapes: Sequence[Shape] = (), shift: int = 0) -> None:
        self.shapes = tuple(shapes)
        self.shift = shift
        self.clear()

    def clear(self) -> None:
        """Forget all samples."""
        self.count = 0
        self.sum = 0
        self.low = 0
        self.high = 0
        self.mean = 0
        self.distance = 0
        self.buckets = {shape: [0] * bucket_count(shape) for shape in self.shapes}

    def add(self, sample: int) -> int:
        """Take in one sample and return it."""
        if self.count == 0:
            self.low = self.high = sample
        elif sample < self.low:
            self.low = sample
        elif sample > self.high:
            self.high = sample
        self.count += 1
        self.sum = wrap(self.sum + sample)
        scaled = wrap(sample << self.shift)
        delta = wrap(scaled - self.mean)
        self.mean = wrap(self.mean + _quotient(delta, self.count))
        self.distance = wrap(self.distance + delta * wrap(scaled - self.mean))
        for shape, counts in self.buckets.items():
            counts[bucket_of(shape, sample)] += 1
        return sample

    def merge(self, parts: Iterable[Statistic]) -> None:
        """Take in the samples of other statistics of the same shapes (the CPUs' parts of one)."""
        used = [part for part in (self.copy(), *parts) if part.count]
        if not used:
            return
        self.count = sum(part.count for part in used)
        self.sum = wrap(sum(part.sum for part in used))
        self.low = min(part.low for part in used)
        self.high = max(part.high for part in used)
        self.mean = self._true_mean()
        self.distance = wrap(sum(part.distance_from(self.mean) for part in used))
        for shape, counts in self.buckets.items():
            for index in range(len(counts)):
                counts[index] = sum(part.buckets[shape][index] for part in used)

    def copy(self) -> Statistic:
        """Return an independent statistic with the same samples."""
        other = Statistic(self.shapes, self.shift)
        other.count, other.sum, other.low, other.high = self.count, self.sum, self.low, self.high
        other.mean, other.distance = self.mean, self.distance
        other.buckets = {shape: list(counts) for shape, counts in self.buckets.items()}
        return other

    def _true_mean(self) -> int:
        return _quotient(wrap(self.sum << self.shift), self.count)

    def distance_from(self, mean: int) -> int:
        """Return the sum of the squared distances of the samples from `mean`, both scaled."""
        return wrap(self.distance + self.count * (self.mean - mean) ** 2)

    def minimum(self, fault: Fault) -> int:
        """Return the smallest sample. Raises `fault` without samples, as do the next three."""
        if self.count == 0:
            raise RuntimeFault(*fault)
        return self.low

    def maximum(self, fault: Fault) -> int:
        """Return the largest sample."""
        if self.count == 0:
            raise RuntimeFault(*fault)
        return self.high

    def average(self, fault: Fault) -> int:
        """Return the mean, truncated toward zero."""
        if self.count == 0:
            raise RuntimeFault(*fault)
        return _quotient(self.sum, self.count)

    def variance(self, fault: Fault) -> int:
        """Return the sample variance (divided by count - 1); 0 for a single sample."""
        if self.count == 0:
            raise RuntimeFault(*fault)
        if self.count == 1:
            return 0
        total = self.distance_from(self._true_mean())
        return _quotient(total, self.count - 1) >> (2 * self.shift)

    def histogram(self, shape: Shape, fault: Fault) -> list[int]:
        """Return the counts of a histogram's buckets. Raises `fault` without samples."""
        if self.count == 0:
            raise RuntimeFault(*fault)
        return self.buckets[shape]

    def histogram_text(self, shape: Shape, fault: Fault, elision: int) -> str:
        """Return the bar chart that print() shows. Raises `fault` without samples."""
        return render(shape, self.histogram(shape, fault), elision)

    def bucket(self, shape: Shape, index: int, fault: Fault, range_fault: Fault) -> int:
        """Return the count of one bucket. Raises `fault` without samples and `range_fault` for a wrong index."""
        counts = self.histogram(shape, fault)
        if not 0 <= index < len(counts):
            raise RuntimeFault(*range_fault)
        return counts[index]
