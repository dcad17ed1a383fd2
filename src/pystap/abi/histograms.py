"""Which bucket of a histogram a value falls into, and what value a bucket begins with.

`hist_log` has 128 buckets: bucket 64 counts zeros, 64 + n the values of n significant bits (65: 1; 66: 2 and 3; 67: 4
to 7), 64 - n the values whose negative has n significant bits (63: -1; 62: -2 and -3; 0: the smallest long).
`hist_linear(low, high, width)` has bucket 0 for values below `low`, bucket 1 + i for those from low + i * width on, and
a last one for what lies behind the bucket of `high`. (SystemTap Language Reference, "Histogram extractors".)
"""

from __future__ import annotations

Shape = tuple[str | int, ...]
"""("hist_log",) or ("hist_linear", low, high, width), as Global.histograms has it."""

LOG_BUCKETS, LOG_ZERO = 128, 64


def bucket_count(shape: Shape) -> int:
    """Return how many counters a histogram has."""
    if shape[0] == "hist_log":
        return LOG_BUCKETS
    low, high, width = linear_bounds(shape)
    return (high - low) // width + 3


def linear_bounds(shape: Shape) -> tuple[int, int, int]:
    """Return low, high and width of a linear histogram."""
    _, low, high, width = shape
    return int(low), int(high), int(width)


def bucket_of(shape: Shape, value: int) -> int:
    """Return the number of the bucket that counts `value`, a signed 64-bit integer."""
    if shape[0] == "hist_log":
        return LOG_ZERO + value.bit_length() if value >= 0 else LOG_ZERO - (-value).bit_length()
    low, _, width = linear_bounds(shape)
    if value < low:
        return 0
    return min((value - low) // width + 1, bucket_count(shape) - 1)


def bucket_low(shape: Shape, bucket: int) -> int:
    """Return the value that names a bucket: the one nearest to zero in a log histogram, the lowest in a linear one.

    For the two outer buckets of a linear histogram it is the first value of the neighbouring step outside.
    """
    if shape[0] == "hist_log":
        bits = bucket - LOG_ZERO
        return 0 if bits == 0 else (1 << (bits - 1) if bits > 0 else -(1 << (-bits - 1)))
    low, _, width = linear_bounds(shape)
    return low + (bucket - 1) * width
