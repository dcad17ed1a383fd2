"""The bar charts of histograms that print() shows.

The text follows the samples of the Beginners Guide and of the example scripts:

    value |-------------------------------------------------- count
        0 |@@@@@@@@@@                                         10
        1 |                                                    0
          ~

Which samples a bucket counts stands in abi/histograms.
"""

from __future__ import annotations

from ..abi.histograms import LOG_ZERO, Shape, bucket_count, bucket_low, linear_bounds
from ..lean import Sequence

BAR_WIDTH = 50


def bucket_label(shape: Shape, bucket: int) -> str:
    """Return what stands in front of a bucket's bar."""
    if shape[0] == "hist_linear":
        low, high, _ = linear_bounds(shape)
        if bucket == 0:
            return f"<{low}"
        if bucket == bucket_count(shape) - 1:
            return f">{high}"
    return str(bucket_low(shape, bucket))


def render(shape: Shape, counts: Sequence[int], elision: int = 2) -> str:
    """Return the bar chart of a histogram's bucket counts, an empty line at its end.

    Of each run of empty buckets the first and last `elision` are shown and what is left out in between as `~`;
    a negative `elision` shows all.
    """
    rows = _shown_rows(shape, counts, elision)
    labels = [bucket_label(shape, bucket) for bucket in rows if bucket >= 0]
    label_width = max([len("value"), *map(len, labels)])
    largest = max(counts)
    count_width = len(str(largest))
    scale = max(1, -(-largest // BAR_WIDTH))
    lines = [f"{'value':>{label_width}} |{'-' * BAR_WIDTH} count"]
    for bucket in rows:
        if bucket < 0:
            lines.append(f"{'':>{label_width}} ~")
            continue
        bar = "@" * (counts[bucket] // scale)
        label = bucket_label(shape, bucket)
        lines.append(f"{label:>{label_width}} |{bar:<{BAR_WIDTH}} {counts[bucket]:>{count_width}}")
    return "\n".join(lines) + "\n\n"


_GAP = -1


def _shown_rows(shape: Shape, counts: Sequence[int], elision: int) -> list[int]:
    """Return the buckets to be shown in order, _GAP where some are left out."""
    first, last = _shown_range(shape, counts, elision)
    if elision < 0:
        return list(range(first, last + 1))
    rows: list[int] = []
    empty: list[int] = []
    for bucket in range(first, last + 1):
        if counts[bucket] == 0:
            empty.append(bucket)
            continue
        rows.extend(_shorten(empty, elision))
        empty.clear()
        rows.append(bucket)
    return rows + empty


def _shorten(empty: list[int], elision: int) -> list[int]:
    if len(empty) <= 2 * elision:
        return empty
    return [*empty[:elision], _GAP, *empty[len(empty) - elision :]]


def _shown_range(shape: Shape, counts: Sequence[int], elision: int) -> tuple[int, int]:
    """Return the first and last bucket to be shown: those with samples and `elision` more at either end.

    What lies outside a linear range is shown only when it has samples, and so are the negative buckets of hist_log.
    """
    linear = shape[0] == "hist_linear"
    lowest, highest = (1, len(counts) - 2) if linear else (0, len(counts) - 1)
    used = [bucket for bucket, count in enumerate(counts) if count]
    if not used:
        return lowest, lowest - 1
    if elision < 0:
        return min(lowest, used[0]), max(highest, used[-1])
    if not linear and used[0] >= LOG_ZERO:
        lowest = LOG_ZERO
    first = min(used[0], max(lowest, used[0] - elision))
    return first, max(used[-1], min(highest, used[-1] + elision))
