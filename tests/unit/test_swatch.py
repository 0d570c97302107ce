"""What a prompt's swatch looks like: textures, words, arrangement."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mirrorfx.effects._style_words import TEXTURE_WORDS, normalised, textures_for
from mirrorfx.effects._swatch import TEXTURES, boldness, draw_neutral, draw_swatch

GREYS = np.repeat(np.array([20, 80, 140, 200, 245], np.uint8), 3).reshape(5, 3)


@pytest.mark.parametrize("name", TEXTURES)
def test_every_texture_fills_the_square_the_same_each_time(name):
    first, again = (TEXTURES[name](np.random.default_rng(5), GREYS) for _ in range(2))
    assert first.shape == (256, 256, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert first.std() > 15, "nothing to see"


def test_textures_look_different():
    """Compared by what a style predictor sees: how strong the structure is at each scale, whatever the place."""

    def spectrum(image):
        power = np.abs(np.fft.fftshift(np.fft.fft2(image[..., 1] - image[..., 1].mean())))
        y, x = np.indices(power.shape) - 128
        ring = np.minimum(np.hypot(x, y).astype(int) // 8, 15) + 16 * (np.abs(y) > np.abs(x))
        share = np.bincount(ring.ravel(), power.ravel(), 32)
        return share / share.sum()

    shapes = {name: spectrum(draw(np.random.default_rng(5), GREYS)) for name, draw in TEXTURES.items()}
    nearest = min(float(np.abs(a - b).sum()) for a, b in itertools.combinations(shapes.values(), 2))
    assert nearest > 0.015


def test_every_word_picks_a_texture_that_exists_and_every_texture_has_words():
    assert set(TEXTURE_WORDS.values()) == set(TEXTURES)
    assert all(word == normalised(word) for word in TEXTURE_WORDS)


def test_the_first_two_known_textures_count():
    assert textures_for("An OIL painting, oil!") == ("strokes",)
    assert textures_for("a mosaic of fire and ink") == ("mosaic", "flames")


def test_an_unknown_text_has_a_texture_of_its_own_that_never_changes():
    texts = [f"unheard {number}" for number in range(40)]
    picked = [textures_for(text) for text in texts]
    assert picked == [textures_for(text.upper() + " ...") for text in texts]
    assert len(set(picked)) > 6
    assert textures_for("") == textures_for("  !")


def test_a_swatch_depends_on_prompt_seed_and_keyframe_only():
    base = draw_swatch("a jade dragon", 7, 0)
    assert (base == draw_swatch("A Jade  Dragon!", 7, 0)).all()
    for other in (("a red dragon", 7, 0), ("a jade dragon", 8, 0), ("a jade dragon", 7, 1), ("a jade dragon", 7, -1)):
        assert np.abs(base.astype(int) - draw_swatch(*other)).mean() > 5, other


def test_keyframes_keep_the_colours_of_the_prompt():
    means = np.array([draw_swatch("oil, ocean", 7, keyframe).mean((0, 1)) for keyframe in range(6)])
    elsewhere = draw_swatch("oil, fire", 7, 0).mean((0, 1))
    assert np.abs(means - means.mean(0)).max() < np.abs(elsewhere - means.mean(0)).max()


def test_patterns_that_would_bury_a_face_are_dosed():
    assert boldness("an oil painting") == 1.0
    assert boldness("an oil painting of a tapestry") < 0.8


def test_neutral_is_the_same_everywhere():
    assert (draw_neutral() == draw_neutral()).all()
