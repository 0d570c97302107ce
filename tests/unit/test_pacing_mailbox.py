import random

import pytest

from mirrorfx.clock import MS
from mirrorfx.pacing.camera import CameraRhythm
from mirrorfx.pacing.mailbox import Mailbox
from mirrorfx.pacing.quantiles import DurationHistogram, SlidingQuantile, nearest_rank


def test_the_newest_displaces_the_older_and_gives_it_back():
    mailbox = Mailbox()
    assert not mailbox.full
    assert mailbox.put("a") is None
    assert mailbox.put("b") == "a"
    assert mailbox.full
    assert mailbox.replaced == 1
    assert mailbox.peek() == "b"
    assert mailbox.take() == "b"
    assert mailbox.take() is None
    assert not mailbox.full


def test_putting_into_an_emptied_mailbox_displaces_nothing():
    mailbox = Mailbox()
    mailbox.put("a")
    mailbox.take()
    assert mailbox.put("b") is None
    assert mailbox.replaced == 0


def test_sliding_quantile_is_exact_over_the_last_values():
    source, window, kept = random.Random(7), SlidingQuantile(50), []
    for _ in range(500):
        value = source.randrange(1000)
        window.add(value)
        kept = [*kept, value][-50:]
        assert window.at(0.95) == sorted(kept)[nearest_rank(0.95, len(kept))]
    assert len(window) == 50


def test_sliding_quantile_forgets_what_is_too_old():
    window = SlidingQuantile(100, window_ns=10)
    window.add(500, now_ns=0)
    window.add(1, now_ns=10)
    assert window.at(1.0) == 500
    window.expire(11)
    assert window.at(1.0) == 1
    window.expire(1000)
    assert window.at(1.0) is None


def test_histogram_has_exact_sums_and_percentiles_to_a_tenth_of_a_millisecond():
    source, histogram = random.Random(3), DurationHistogram()
    values = [round(source.uniform(20, 120) * MS) for _ in range(5000)]
    for value in values:
        histogram.add(value)
    mean = sum(values) / len(values) / MS
    assert histogram.mean_ms == pytest.approx(mean)
    assert histogram.std_ms == pytest.approx((sum((v / MS - mean) ** 2 for v in values) / len(values)) ** 0.5)
    assert histogram.max_ms == max(values) / MS
    for quantile in (0.5, 0.95, 0.99):
        exact = sorted(values)[nearest_rank(quantile, len(values))] / MS
        assert histogram.percentile_ms(quantile) == pytest.approx(exact, abs=0.051)


def test_histogram_of_nothing_is_zero_and_an_endless_duration_counts_as_the_maximum():
    histogram = DurationHistogram()
    assert (histogram.mean_ms, histogram.std_ms, histogram.percentile_ms(0.5), histogram.rate_of_time) == (0, 0, 0, 0)
    histogram.add(90_000 * MS)
    assert histogram.percentile_ms(0.99) == 90_000


def test_histogram_does_not_grow():
    histogram = DurationHistogram()
    before = len(histogram._bins)
    for value in range(0, 5000 * MS, MS):
        histogram.add(value)
    assert len(histogram._bins) == before


def test_camera_rhythm_is_learnt_although_some_frames_are_never_seen():
    rhythm = CameraRhythm()
    assert rhythm.period_ns is None
    for index in [*range(1, 20), *range(20, 40, 2), *range(40, 80)]:
        rhythm.saw(index * 16 * MS, index * 16 * MS + 3 * MS)
        rhythm.saw(index * 16 * MS, index * 16 * MS + 9 * MS)
    assert rhythm.period_ns == 16 * MS
    assert rhythm.lag_ns == 3 * MS
