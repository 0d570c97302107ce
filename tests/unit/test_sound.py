"""What is heard, as numbers, and params that follow it."""

import math

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.params import CORE_PARAMS, Kind, Param, ParamRegistry, ParamState
from mirrorfx.sound import SOUND_SOURCES, Analyser, Levels, Modulator, Route

RATE = 48000
REGISTRY = ParamRegistry((Param(name="gain", kind=Kind.FLOAT, default=0.0, minimum=-2.0, maximum=2.0),))


def tone(hz, db=0.0, seconds=0.5, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return (10 ** (db / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("db", [0, -6, -30, -54])
@pytest.mark.parametrize(("hz", "band"), [(100, "low"), (1000, "mid"), (5000, "high")])
def test_a_tone_has_its_level_in_its_band_and_nowhere_else(hz, band, db, rate):
    levels = Analyser(rate).feed(tone(hz, db, rate=rate))
    assert levels.level == pytest.approx(1 + db / 60, abs=0.01)
    for name in ("low", "mid", "high"):
        wanted = 1 + db / 60 if name == band else 0.0
        # A Hann window lets -60 dB or less of a tone out of its band.
        assert levels.named(name) == pytest.approx(wanted, abs=0.01 if name == band else 0.05)


def test_silence_and_what_is_no_number_is_nothing():
    assert Analyser(RATE).feed(np.zeros(RATE, np.float32)) == Levels()
    assert Analyser(RATE).feed(np.full(RATE, np.nan, np.float32)) == Levels()


def test_how_it_is_cut_into_blocks_does_not_matter():
    sound = tone(440, -12) + tone(3000, -20)
    whole, pieces = Analyser(RATE), Analyser(RATE)
    for start in range(0, len(sound), 333):
        pieces.feed(sound[start : start + 333])
    assert pieces.levels == whole.feed(sound)


def test_channels_are_averaged():
    stereo = np.stack([tone(440), np.zeros(RATE // 2, np.float32)], axis=1)
    assert Analyser(RATE).feed(stereo).level == pytest.approx(1 - 6.02 / 60, abs=0.01)


def beats(count, every_s, background_db=-50):
    rng = np.random.default_rng(3)
    sound = (10 ** (background_db / 20) * rng.standard_normal(round(RATE * every_s * (count + 0.5)))).astype(np.float32)
    for beat in range(count):
        start = round(RATE * every_s * (beat + 0.5))
        sound[start : start + 2400] += tone(180, -6, 0.05) * np.linspace(1, 0, 2400, dtype=np.float32)
    return sound


def onsets(sound):
    analyser, found, before = Analyser(RATE), [], 0.0
    for start in range(0, len(sound) - 512, 512):
        now = analyser.feed(sound[start : start + 512]).onset
        if now == 1.0 > before:
            found.append((start + 512) / RATE)
        before = now
    return found


def test_every_beat_is_an_onset_and_nothing_else_is():
    found = [at_s for at_s in onsets(beats(8, 0.5)) if at_s > 0.1]  # the background begins too
    assert len(found) == 8
    for beat, at_s in enumerate(found):
        assert 0 <= at_s - 0.5 * (beat + 0.5) < 0.03


def test_a_held_tone_and_steady_noise_begin_once_at_most():
    assert len(onsets(tone(440, seconds=2.0))) <= 1
    noise = (0.1 * np.random.default_rng(1).standard_normal(4 * RATE)).astype(np.float32)
    assert len(onsets(noise)) <= 1


def test_an_onset_is_over_after_a_tenth_of_a_second():
    analyser = Analyser(RATE)
    analyser.feed(np.concatenate([np.zeros(RATE, np.float32), tone(440, seconds=0.02)]))
    assert analyser.feed(np.zeros(round(0.15 * RATE), np.float32)).onset == 0.0


def follow(modulator, levels, seconds):
    return modulator.offsets(levels, REGISTRY, round(seconds * SECOND))


def test_full_sound_adds_its_share_of_the_range():
    modulator = Modulator()
    modulator.set_routes([Route(source="low", param="gain", amount=0.25, smoothing_s=0.0)])
    assert follow(modulator, Levels(low=1.0), 0)["gain"].amount == pytest.approx(1.0)
    assert follow(modulator, Levels(low=0.5), 1)["gain"].amount == pytest.approx(0.5)


def test_smoothing_is_a_time_constant_whatever_the_steps():
    for steps in (1, 10, 37):
        modulator = Modulator()
        modulator.set_routes([Route(source="level", param="strength", amount=1.0, smoothing_s=0.5)])
        follow(modulator, Levels(), 0)
        for step in range(steps):
            moved = follow(modulator, Levels(level=1.0), 0.5 * (step + 1) / steps)
        assert moved["strength"].amount == pytest.approx(1 - 1 / math.e)


def test_routes_to_one_param_add_up_and_stay_within_its_range():
    modulator = Modulator()
    modulator.set_routes([Route(source=name, param="strength", amount=1.0, smoothing_s=0) for name in ("low", "high")])
    offset = follow(modulator, Levels(low=0.6, high=0.7), 0)["strength"]
    assert offset.amount == pytest.approx(1.3)
    state = ParamState.initial(REGISTRY, {"strength": 0.5}, 0).modulated({"strength": offset}, 0)
    assert state.at(0).strength == 1.0


def test_an_edit_of_one_route_does_not_jolt_the_others():
    modulator = Modulator()
    slow = Route(source="level", param="strength", smoothing_s=1.0)
    modulator.set_routes([slow])
    follow(modulator, Levels(), 0)
    before = follow(modulator, Levels(level=1.0), 1)["strength"]
    modulator.set_routes([Route(source="low", param="gain"), slow])
    assert follow(modulator, Levels(level=1.0), 1)["strength"] == before


def test_a_route_to_a_param_that_another_effect_has_is_left_out():
    modulator = Modulator()
    modulator.set_routes([Route(source="low", param="gain")])
    assert modulator.offsets(Levels(low=1.0), ParamRegistry(), 0) == {}


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        ({"source": "bass", "param": "strength"}, UnknownName, "bass"),
        ({"source": "low", "param": "stength"}, UnknownName, "strength"),
        ({"source": "low", "param": "prompt"}, UnknownName, "prompt"),
        ({"source": "low", "param": "seed"}, UnknownName, "seed"),
        ({"source": "low", "param": "strength", "amount": 2}, InvalidValue, "amount is 2"),
        ({"source": "low", "param": "strength", "amount": float("nan")}, InvalidValue, "amount is nan"),
        ({"source": "low", "param": "strength", "smoothing_s": -1}, InvalidValue, "smoothing_s is -1"),
    ],
)
def test_a_bad_route_says_what_is_wrong(table, error, says):
    with pytest.raises(error, match=says):
        Route.from_table(table, REGISTRY)


def test_every_source_and_float_param_can_be_routed():
    for source in SOUND_SOURCES:
        for param in (param for param in CORE_PARAMS if param.kind is Kind.FLOAT):
            assert Route.from_table({"source": source, "param": param.name}, REGISTRY).param == param.name
