"""Lagged frames and repeats by cause."""

from __future__ import annotations

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.lag import LagMeter, Repeat

TICK_NS = SECOND // 60


class Show:
    """A wall of 60 ticks a second before a `LagMeter`."""

    def __init__(self):
        self.meter = LagMeter(TICK_NS)
        self.t_ns = 5 * SECOND

    def new(self):
        self.t_ns += TICK_NS
        return self.meter.shown(self.t_ns)

    def repeat(self, times=1, cause=None):
        for _ in range(times):
            self.t_ns += TICK_NS
            self.meter.repeated(self.t_ns, cause)

    def beats(self, count, pattern=(1, 1, 2)):
        """Show `count` new frames with so many repeats between them; the figures are asked now and then."""
        for number in range(count):
            self.repeat(pattern[number % len(pattern)])
            self.new()
            if number % 10 == 0:
                self.figures()

    def figures(self):
        return self.meter.figures(self.t_ns)


@pytest.fixture
def show():
    made = Show()
    made.new()
    return made


def test_a_screen_that_is_faster_than_the_beat_lags_nothing(show):
    show.beats(270)
    figures = show.figures()
    assert figures["lag"]["frames"] == 0
    assert figures["lag"]["share"] == 0
    assert figures["lag"]["beat_ms"] == pytest.approx(1000 / 60 * 7 / 3, abs=0.1)
    assert figures["repeats"] == {"beat": 360, "behind": 0, "hold": 0, "panic": 0}


@pytest.mark.parametrize(("repeats", "lagged"), [(2, 0), (3, 1), (7, 2), (23, 9)])
def test_a_gap_counts_as_many_frames_as_it_is_beats_long(show, repeats, lagged):
    show.beats(120)
    show.repeat(repeats)
    assert show.new() == lagged
    assert show.figures()["lag"]["frames"] == lagged


def test_the_share_is_of_the_frames_that_should_have_been_shown(show):
    show.beats(60, pattern=(1,))
    show.repeat(5)
    show.new()
    lag = show.figures()["lag"]
    assert lag["frames"] == 2
    assert lag["share"] == pytest.approx(2 / 63, abs=1e-4)
    assert lag["beat_ms"] == pytest.approx(2 * TICK_NS / MS, abs=0.01), "the gap is no part of the beat"


def test_repeats_beyond_the_beat_are_told_apart(show):
    show.beats(60, pattern=(1,))
    show.repeat(5)
    assert show.figures()["repeats"] == {"beat": 63, "behind": 2, "hold": 0, "panic": 0}


@pytest.mark.parametrize(("late", "level"), [(0, "good"), (2, "good"), (3, "warning"), (10, "warning"), (11, "bad")])
def test_above_one_percent_is_a_warning_and_above_five_is_bad(show, late, level):
    show.beats(198, pattern=(1,))
    show.meter.late(late, show.t_ns)
    assert show.figures()["lag"]["level"] == level


def test_a_gap_that_still_goes_on_counts_already(show):
    show.beats(60, pattern=(1,))
    show.repeat(19)
    assert show.figures()["lag"]["frames"] == 9


def test_a_held_picture_does_not_lag(show):
    show.beats(60)
    show.repeat(200, Repeat.HOLD)
    assert show.figures()["lag"]["frames"] == 0
    assert show.new() == 0
    figures = show.figures()
    assert figures["lag"]["frames"] == 0
    assert figures["repeats"]["hold"] == 200


def test_a_late_frame_and_its_gap_are_one_fault(show):
    show.beats(60, pattern=(1,))
    show.meter.late(1, show.t_ns)
    assert show.figures()["lag"]["frames"] == 1
    show.repeat(3)
    show.new()
    assert show.figures()["lag"]["frames"] == 1


def test_lag_is_forgotten_after_ten_seconds(show):
    show.beats(60, pattern=(1,))
    show.repeat(5)
    show.new()
    show.beats(299, pattern=(1,))
    assert show.figures()["lag"]["frames"] == 2
    show.beats(2, pattern=(1,))
    assert show.figures()["lag"]["frames"] == 0


def test_a_slower_effect_is_not_a_fault(show):
    show.beats(120, pattern=(1,))
    show.meter.new_beat()
    show.beats(30, pattern=(8, 9))
    figures = show.figures()
    assert figures["lag"]["frames"] == 0
    assert figures["lag"]["beat_ms"] == pytest.approx(9.5 * TICK_NS / MS, rel=0.05)


def test_before_there_is_a_beat_nothing_lags():
    show = Show()
    show.repeat(30)
    assert show.figures()["repeats"]["beat"] == 0, "there is no picture to repeat"
    show.new()
    show.repeat(100)
    show.new()
    assert show.figures()["lag"] == {"frames": 0, "share": 0.0, "level": "", "beat_ms": None}
