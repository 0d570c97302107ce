"""The checker counts what was drawn, and its command says so; it must not need the guard to be right."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from mirrorfx.cli.__main__ import main
from mirrorfx.safety import count_flashes
from mirrorfx.safety.limits import STRICT
from mirrorfx.safety.scenes import FILM_HZ, flash_film

BLACK, WHITE, RED, BLUE, GREY = (0, 0, 0), (255, 255, 255), (0, 0, 255), (255, 0, 0), (128, 128, 128)


def film(*colours, rate, hz=60, seconds=2, area=1.0):
    """Return pictures that go through `colours`, each pass of them `rate` times a second, on a share of the width."""
    pictures = []
    for i in range(round(seconds * hz)):
        picture = np.full((48, 48, 4), 255, np.uint8)
        picture[..., :3] = 60
        picture[:, : round(48 * area), :3] = colours[int(i * rate * len(colours) / hz + 1e-9) % len(colours)]
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("rate", [1, 2, 3, 4, 5, 10, 15, 30])
def test_a_strobe_has_as_many_flashes_as_it_flashes(rate):
    assert count_flashes(film(BLACK, WHITE, rate=rate), 60).general == rate


@pytest.mark.parametrize("hz", [24, 25, 50, 144])
def test_the_rate_of_pictures_does_not_matter(hz):
    assert count_flashes(film(BLACK, WHITE, rate=4, hz=hz), hz).general == 4


def test_red_counts_by_colour_where_the_light_hardly_changes():
    dull_red, equal_grey = (0, 0, 160), (80, 80, 80)
    count = count_flashes(film(dull_red, (190, 0, 0), rate=6), 60)
    assert count.red == 6
    assert count.general == 0
    assert count_flashes(film(equal_grey, (190, 0, 0), rate=6), 60).red == 0, "without a red"
    assert count_flashes(film(RED, (0, 40, 255), rate=6), 60).red == 0, "two reds that are close"


def test_steps_below_a_tenth_and_both_above_eight_tenths_are_no_flashes():
    assert count_flashes(film((128,) * 3, (150,) * 3, rate=8), 60).general == 0  # 0.216 and 0.305
    assert count_flashes(film((128,) * 3, (155,) * 3, rate=8), 60).general == 8  # 0.216 and 0.328
    assert count_flashes(film((232,) * 3, (255,) * 3, rate=8), 60).general == 0  # 0.806 and 1
    assert count_flashes(film((229,) * 3, (255,) * 3, rate=8), 60).general == 8  # 0.783 and 1


def test_a_ramp_is_one_transition_and_a_slow_wave_adds_none():
    up_down = [np.full((48, 48, 4), round(127.5 - 127.5 * np.cos(2 * np.pi * i / 60)), np.uint8) for i in range(180)]
    assert count_flashes(up_down, 60).general == 1


def test_a_quarter_of_the_picture_counts_or_in_strict_of_a_third_by_a_third():
    for area, flashes, strictly in ((1 / 16, 0, 0), (1 / 9, 0, 6), (0.2, 0, 6), (0.27, 6, 6)):
        pictures = film(BLACK, WHITE, rate=6, area=area)
        assert count_flashes(pictures, 60).general == flashes
        assert count_flashes(pictures, 60, STRICT).general == strictly


def test_what_gets_lighter_and_what_gets_darker_at_once_are_not_added_up():
    """Each time other places change: a fifth becomes white and the fifth before it black."""
    pictures = []
    for i in range(120):
        picture = np.zeros((60, 60, 4), np.uint8)
        at = i // 6 % 5 * 12
        picture[:, at : at + 12] = 255
        pictures.append(picture)
    assert count_flashes(pictures, 60).general == 2, "each place by itself"


def test_places_that_take_turns_add_up():
    """Left flashes twice, then right does, in every second: four flashes of half the picture."""
    pictures = []
    for i in range(120):
        picture = np.zeros((48, 48, 4), np.uint8)
        on = 255 * (i // 7 % 2)
        half = slice(0, 24) if i % 60 < 30 else slice(24, 48)
        picture[:, half] = on
        pictures.append(picture)
    assert count_flashes(pictures, 60).general >= 4


def test_narrow_bars_that_run_count_though_few_places_change_at_once():
    pictures = []
    for i in range(120):
        x = (np.arange(48) + i) % 12 < 6
        pictures.append(
            np.repeat(np.broadcast_to(x[None, :, None] * np.uint8(255), (48, 48, 1)), 4, 2).astype(np.uint8)
        )
    assert count_flashes(pictures, 60).general == 5, "each place passes through five bars a second"


def test_a_chessboard_flashes_in_every_square():
    y, x = np.indices((48, 48))
    board = (y // 6 + x // 6) % 2
    pictures = [np.repeat(((board == i // 5 % 2) * 255).astype(np.uint8)[..., None], 4, 2) for i in range(120)]
    assert count_flashes(pictures, 60).general == 6


def test_only_the_worst_second_counts_and_it_is_named():
    calm, wild = film(GREY, rate=1, seconds=3), film(BLACK, WHITE, rate=5, seconds=1)
    count = count_flashes([*calm, *wild, *calm], 60)
    assert count.general in (5, 6)
    assert 3.9 <= count.general_at_s <= 4.1
    assert count.red == 0
    assert not count.safe


def test_the_test_film_warns_first_and_then_flashes_too_much():
    pictures = []
    for index, picture in enumerate(flash_film((96, 96))):
        if index == 0:
            title = picture.copy()
        if index == 5 * FILM_HZ:
            assert np.array_equal(picture, title)
            assert title.std() > 5, "there is something to read"
        if 34 * FILM_HZ <= index < 46 * FILM_HZ and index % 2 == 0:
            pictures.append(picture)
    count = count_flashes(pictures, FILM_HZ / 2)
    assert count.general > 3
    assert count.red > 3


@pytest.fixture
def write_film(tmp_path):
    def write(pictures, name="film.mp4", hz=60):
        from mirrorfx.sinks.film import ENCODERS, Film

        path = tmp_path / name
        height, width = pictures[0].shape[:2]
        out = Film(path, (width, height), Fraction(hz), ENCODERS[-1])
        for step, picture in enumerate(pictures):
            out.write(np.ascontiguousarray(picture), step, 1)
        out.close()
        return path

    return write


def enlarged(pictures):
    return [np.kron(picture, np.ones((4, 4, 1), np.uint8)) for picture in pictures]


def test_the_command_tells_and_its_status_is_the_verdict(write_film, capsys):
    wild = write_film(enlarged(film(BLACK, WHITE, rate=5)))
    calm = write_film(enlarged(film(BLACK, WHITE, rate=2)), "calm.mp4")
    assert main(["flash-check", str(calm)]) == 0
    assert "within the limit" in capsys.readouterr().out
    assert main(["flash-check", str(wild), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["general"], told["limit"], told["safe"], told["frames"]) == (5, 3, False, 120)
    assert main(["flash-check", str(wild), "--guard", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["general"] == 5
    assert told["guarded"]["general"] <= 3
    assert told["guarded"]["damped_ticks"] > 0


def test_bad_input_is_one_clear_line(tmp_path, capsys):
    assert main(["flash-check"]) == 2
    assert main(["flash-check", str(tmp_path / "none.mp4")]) == 2
    assert main(["flash-check", "--make-test-film", str(tmp_path / "film.txt")]) == 2
    assert capsys.readouterr().err.count("mirrorfx: ") == 3
