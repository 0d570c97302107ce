from __future__ import annotations

import random

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue
from mirrorfx.sinks import ConstantRateGrid


def steps(grid: ConstantRateGrid, times_s):
    return [grid.step_at(round(time_s * SECOND) + 7_000_000_000) for time_s in times_s]


def test_pictures_on_the_beat_take_one_step_each():
    assert steps(ConstantRateGrid(30), [n / 30 for n in range(300)]) == list(range(300))


def test_two_pictures_a_step_when_the_wall_is_twice_as_fast():
    assert steps(ConstantRateGrid(30), [n / 60 for n in range(300)]) == [n // 2 for n in range(300)]


@pytest.mark.parametrize("wall_hz", [30, 60])
def test_a_tremble_of_the_wall_moves_nothing_across_a_border(wall_hz):
    shake = random.Random(1)
    times = [0.0] + [n / wall_hz + shake.uniform(-0.006, 0.006) for n in range(1, 900)]
    assert steps(ConstantRateGrid(30), times) == [n * 30 // wall_hz for n in range(900)]


@pytest.mark.parametrize("rate", [24, 25, 29.97, 30, 59.94, 60])
def test_no_drift_over_a_week(rate):
    week_s = 7 * 24 * 3600
    assert steps(ConstantRateGrid(rate), [0, week_s])[1] == pytest.approx(week_s * rate, abs=1)


def test_a_pause_is_counted_in_steps():
    assert steps(ConstantRateGrid(30), [0, 10]) == [0, 300]


def test_times_before_the_first_picture_give_the_first_step():
    assert steps(ConstantRateGrid(30), [1, 0]) == [0, 0]


@pytest.mark.parametrize("rate", [0, -1, 241, float("nan")])
def test_refuses_a_rate_no_film_has(rate):
    with pytest.raises(InvalidValue, match="such as 30"):
        ConstantRateGrid(rate)
