"""Histograms to the character, and which bucket counts what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pystap.abi.histograms import bucket_count, bucket_low, bucket_of
from pystap.user.histograms import render
from pystap.user.statistics import Statistic

NO_FAULT = ("empty aggregate", "")
LOG = ("hist_log",)


def counts_of(shape: tuple[str | int, ...], samples: dict[int, int]) -> list[int]:
    counts = [0] * bucket_count(shape)
    for sample, times in samples.items():
        counts[bucket_of(shape, sample)] += times
    return counts


def row(width: int, label: str, bar: int, count: int, digits: int) -> str:
    return f"{label:>{width}} |{'@' * bar}{' ' * (50 - bar)} {count:>{digits}}"


def test_bars_are_scaled_by_a_whole_number() -> None:
    samples = {131072: 10, 262144: 450, 524288: 159, 1048576: 26, 2097152: 35, 4194304: 18, 8388608: 112, 16777216: 195,
               33554432: 452, 67108864: 1065, 134217728: 2398, 268435456: 2008}  # fmt: skip
    lengths = [0, 9, 3, 0, 0, 0, 2, 4, 9, 22, 49, 41]
    expected = [" " * 5 + "value |" + "-" * 50 + " count"]
    expected += [row(10, label, 0, 0, 4) for label in ("32768", "65536")]
    expected += [row(10, str(low), bar, count, 4) for (low, count), bar in zip(samples.items(), lengths, strict=True)]
    expected += [row(10, label, 0, 0, 4) for label in ("536870912", "1073741824")]
    assert render(LOG, counts_of(LOG, samples)).split("\n") == [*expected, "", ""]


def test_zero_is_the_first_row_when_nothing_is_negative() -> None:
    assert render(LOG, counts_of(LOG, {0: 2, 1: 1})) == (
        "value |-------------------------------------------------- count\n"
        "    0 |@@                                                 2\n"
        "    1 |@                                                  1\n"
        "    2 |                                                   0\n"
        "    4 |                                                   0\n"
        "\n"
    )


def test_long_runs_of_empty_buckets_are_left_out() -> None:
    shape = ("hist_linear", 0, 10240, 200)
    assert render(shape, counts_of(shape, {50: 1650, 250: 8, 1400: 1})) == (
        "value |-------------------------------------------------- count\n"
        "    0 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 1650\n"
        "  200 |                                                      8\n"
        "  400 |                                                      0\n"
        "  600 |                                                      0\n"
        "      ~\n"
        " 1000 |                                                      0\n"
        " 1200 |                                                      0\n"
        " 1400 |                                                      1\n"
        " 1600 |                                                      0\n"
        " 1800 |                                                      0\n"
        "\n"
    )


def test_elision_is_settable() -> None:
    shape = ("hist_linear", 0, 9, 1)
    counts = counts_of(shape, {2: 1, 6: 1})
    labels = [line.split("|")[0].strip() for line in render(shape, counts, 0).splitlines()[1:]]
    assert labels == ["2", "~", "6", ""]
    labels = [line.split("|")[0].strip() for line in render(shape, counts, -1).splitlines()[1:-1]]
    assert labels == [str(n) for n in range(10)]


def test_what_lies_outside_a_linear_range_is_shown_with_its_bound() -> None:
    shape = ("hist_linear", 10, 20, 10)
    labels = [
        line.split("|")[0] for line in render(shape, counts_of(shape, {9: 1, 10: 1, 20: 1, 30: 1})).splitlines()[1:-1]
    ]
    assert labels == ["  <10 ", "   10 ", "   20 ", "  >20 "]


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_log_bucket_holds_samples_of_one_bit_length(sample: int) -> None:
    bucket = bucket_of(LOG, sample)
    low = bucket_low(LOG, bucket)
    assert 0 <= bucket < 128
    assert low == sample == 0 or (low * sample > 0 and abs(low) <= abs(sample) < 2 * abs(low))


def test_the_linear_buckets_of_the_manual_page() -> None:
    shape = ("hist_linear", 1, 3, 1)
    assert counts_of(shape, {-100: 1, 1: 1, 2: 1, 3: 1, 100: 1}) == [1, 1, 1, 1, 1]


def test_variance_as_in_the_manual_page() -> None:
    for shift, expected in ((0, 12), (1, 2)):
        statistic = Statistic(shift=shift)
        for sample in range(1, 6):
            statistic.add(sample)
        assert statistic.variance(NO_FAULT) == expected


@given(st.lists(st.lists(st.integers(-1000, 1000), max_size=6), min_size=1, max_size=4))
def test_merged_parts_read_like_one(parts: list[list[int]]) -> None:
    shapes = [LOG, ("hist_linear", -10, 10, 3)]
    whole, merged = Statistic(shapes, 20), Statistic(shapes, 20)
    pieces = []
    for samples in parts:
        pieces.append(Statistic(shapes, 20))
        for sample in samples:
            pieces[-1].add(sample)
            whole.add(sample)
    merged.merge(pieces)
    assert (merged.count, merged.sum, merged.low, merged.high) == (whole.count, whole.sum, whole.low, whole.high)
    assert merged.buckets == whole.buckets
    if whole.count > 1:
        assert abs(merged.variance(NO_FAULT) - whole.variance(NO_FAULT)) <= 1
