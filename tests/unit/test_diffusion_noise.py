"""The noise: white, equal everywhere, and a walk without jumps, corners or stops."""

import hashlib
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.diffusion.noise import DriftNoise, KeyframeId, keyframe_noise, window_weights
from mirrorfx.errors import InvalidValue
from mirrorfx.params import ParamRegistry, Params, ParamState

SHAPE = (4, 16, 24)
SPEED = math.pi / math.sqrt(12)
"""Standard deviations a keyframe."""


def params_at(phase, seed=7, mix=None):
    return Params({"seed": seed}, mixes={"seed": mix} if mix else {}, phase=phase)


def rms(noise):
    return math.sqrt(float(np.square(noise, dtype=np.float64).mean()))


@pytest.fixture(scope="module")
def noise():
    return DriftNoise(SHAPE)


@pytest.mark.parametrize("key", [KeyframeId(0, 0), KeyframeId(2**32 - 1, -1), KeyframeId(7, 2**40, 3)])
def test_a_keyframe_is_white_in_every_channel(key):
    keyframe = keyframe_noise(key, (4, 64, 64))
    assert keyframe.shape == (4, 64, 64)
    assert keyframe.dtype == np.float32
    assert np.abs(keyframe.mean(axis=(1, 2), dtype=np.float64)).max() < 1e-7
    assert np.abs(keyframe.std(axis=(1, 2), dtype=np.float64) - 1).max() < 1e-7
    assert np.abs(np.square(keyframe, dtype=np.float64).mean() - 1) < 1e-7
    assert (np.abs(keyframe) > 3).mean() == pytest.approx(0.0027, abs=0.0015)  # normal tails


def test_keyframes_differ_by_seed_index_and_stream():
    keys = [KeyframeId(s, i, t) for s in (0, 7, 2**32 - 1) for i in (-1, 0, 1) for t in (0, 1)]
    frames = [keyframe_noise(key, (4, 32, 32)) for key in keys]
    correlations = np.corrcoef([frame.ravel() for frame in frames])
    assert np.abs(correlations - np.eye(len(keys))).max() < 0.1


def test_known_values():
    """What a preset's seed looks like must survive new versions of numpy."""
    keyframe = keyframe_noise(KeyframeId(7, 2, 1), (4, 8, 8))
    np.testing.assert_allclose(keyframe[1, 2, :4], [1.2715347, -1.6460675, -0.9580222, 0.3490051], atol=1e-5)


def test_the_same_bits_in_another_process(noise):
    code = (
        "import hashlib; from mirrorfx.diffusion.noise import DriftNoise; from mirrorfx.params import Params\n"
        "params = Params({'seed': 7}, mixes={'seed': ((9, .7), (7, .3))}, phase=12.34)\n"
        f"noise = DriftNoise({SHAPE})\n"
        "noise.at(Params({'seed': 1}, phase=3.3))\n"
        "print(hashlib.sha256(noise.at(params).tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout
    here = noise.at(params_at(12.34, mix=((7, 0.3), (9, 0.7)))).tobytes()
    assert there.strip() == hashlib.sha256(here).hexdigest()


def test_window_is_power_complementary_and_equally_fast():
    for phase in np.linspace(-1, 3, 81):
        weights = window_weights(phase)
        assert sum(w**2 for w in weights.values()) == pytest.approx(1, abs=1e-12)
        later = window_weights(phase + 1e-6)
        slopes = [(later.get(i, 0) - weights.get(i, 0)) / 1e-6 for i in weights | later]
        assert math.hypot(*slopes) == pytest.approx(SPEED, rel=1e-4)
    assert set(window_weights(3.0)) == {2, 3, 4}
    assert set(window_weights(3.5)) == {2, 3, 4, 5}


@pytest.mark.parametrize("mix", [None, ((7, 0.5), (8, 0.5)), ((7, 0.4), (8, 0.3), (9, 0.2), (10, 0.1))])
def test_mean_and_deviation_hold_along_the_walk(noise, mix):
    for phase in np.linspace(0, 4, 101):
        mixed = noise.at(params_at(phase, mix=mix))
        assert abs(float(mixed.mean(dtype=np.float64))) < 1e-6
        assert abs(float(mixed.std(dtype=np.float64)) - 1) < 1e-6


def test_a_step_of_the_walk_is_small_everywhere_and_nowhere_nought(noise):
    step = 1e-3
    walk = [noise.at(params_at(phase)) for phase in np.arange(0.9, 2.1, step)]
    speeds = [rms(b - a) / step for a, b in itertools.pairwise(walk)]
    assert max(speeds) < 1.25 * SPEED  # a jump would be of order 1 / step
    assert min(speeds) > 0.75 * SPEED


@pytest.mark.parametrize("keyframe", [0, 1, 5])
def test_no_corner_at_a_keyframe(noise, keyframe):
    h = 1e-3
    before, there, after = (noise.at(params_at(keyframe + x)).astype(np.float64) for x in (-h, 0, h))
    corner = rms((after - there) - (there - before)) / h
    assert corner < 0.02  # slerp from keyframe to keyframe has pi / sqrt(2), smoothstep 0 but it stops


def film(noise, edits, seconds, start=None, fps=100):
    """Return the noise at each frame time while `edits` {time: (changes, fade)} are made."""
    state = ParamState.initial(ParamRegistry(), {"seed": 7, **(start or {})}, 0)
    frames = []
    for n in range(int(seconds * fps)):
        t_s = n / fps
        for at_s in [x for x in edits if x <= t_s]:
            changes, fade_s = edits.pop(at_s)
            state = state.edited(changes, int(at_s * SECOND), fade_s)
        frames.append(noise.at(state.at(int(t_s * SECOND))))
    return frames


def longest_step(frames):
    return max(rms(b - a) for a, b in itertools.pairwise(frames))


def test_no_jump_when_the_rate_is_edited(noise):
    rates = {0.985: ({"drift": 60.0}, 0.0), 1.505: ({"drift": 6.0}, 0.0), 1.7: ({"drift": 0.0}, 0.0)}
    frames = film(noise, rates, 2.0, {"drift": 20.0})
    assert longest_step(frames) < 1.3 * SPEED * 0.01  # 60 keyframes a minute, 100 frames a second
    assert rms(frames[-1] - frames[-20]) == 0.0  # rate 0 holds it
    assert rms(frames[20] - frames[0]) > 0.02


def test_no_jump_when_the_seed_is_edited_even_during_a_fade(noise):
    edits = {0.2: ({"seed": 8}, 1.0), 0.7: ({"seed": 9}, 1.0), 0.95: ({"drift": 30.0}, 0.0), 1.0: ({"seed": 7}, 0.5)}
    frames = film(noise, edits, 2.0, {"drift": 0.0})
    assert longest_step(frames) < 0.09  # the quickest fade's steepest point: 6 / s
    ended = film(noise, {}, 2.0, {"drift": 0.0})
    assert rms(frames[19] - ended[0]) == 0.0
    assert rms(frames[60] - ended[0]) > 0.3


def test_the_checks_for_jumps_catch_one(noise):
    assert longest_step(film(noise, {0.5: ({"seed": 8}, 0.0)}, 1.0)) > 1.0


def test_plan_is_what_at_adds_up_so_a_device_can(noise):
    params = params_at(3.3, mix=((7, 0.6), (8, 0.4)))
    plan = noise.plan(params)
    assert len(plan) == 8
    total = sum(weight * noise.keyframe(key).astype(np.float64) for key, weight in plan)
    np.testing.assert_allclose(noise.at(params), total, atol=1e-6)


def test_noise_of_later_steps_is_fixed_for_its_seed(noise):
    first, later = (noise.at(params_at(phase), step=1) for phase in (0.0, 17.7))
    assert np.array_equal(first, later)
    assert not np.array_equal(first, noise.at(params_at(0.0), step=2))
    assert not np.array_equal(first, noise.at(params_at(0.0, seed=8), step=1))
    faded = noise.at(params_at(0.0, mix=((7, 0.5), (8, 0.5))), step=1)
    assert abs(float(faded.std(dtype=np.float64)) - 1) < 1e-6
    correlation = float((first * noise.at(params_at(0.0))).mean(dtype=np.float64))
    assert abs(correlation) < 0.1


def test_prepare_leaves_nothing_to_make_until_the_next_keyframe_is_passed():
    noise = DriftNoise(SHAPE)
    mix = ((7, 0.6), (8, 0.4))
    noise.prepare(params_at(3.3, mix=mix), steps=3)
    made = noise.keyframe.cache_info().misses
    for phase in (3.3, 3.9, 4.0, 4.7):
        for step in range(3):
            noise.at(params_at(phase, mix=mix), step)
    assert noise.keyframe.cache_info().misses == made


def test_caches_are_bounded():
    noise = DriftNoise((1, 4, 4))
    for seed in range(300):
        noise.plan(params_at(seed / 7, mix=((seed, 0.5), (seed + 1, 0.5))))
    assert noise.keyframe.cache_info().currsize == noise.keyframe.cache_info().maxsize == 64
    assert noise._correlation.cache_info().currsize <= 1024


def test_a_kept_keyframe_can_not_be_written(noise):
    with pytest.raises(ValueError, match="read-only"):
        noise.keyframe(KeyframeId(7, 0))[0, 0, 0] = 1.0


@pytest.mark.parametrize("shape", [(4, 3, 5), (0, 8, 8), (4, -8, -8)])
def test_a_latent_too_small_is_refused(shape):
    with pytest.raises(InvalidValue, match="at least 16 pixels"):
        DriftNoise(shape)
