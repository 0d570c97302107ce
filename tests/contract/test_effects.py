"""What every effect keeps, run over every built-in effect that can run here."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.clock import FakeClock
from mirrorfx.effects import Effect, EffectContext, availability, effect_class, effect_names
from mirrorfx.effects.sleep import Sleep
from mirrorfx.frame import Frame
from mirrorfx.params import ParamState

NAMES = [name for name in effect_names() if availability(name)]
REPAINTING = [name for name in NAMES if name not in ("passthrough", "sleep")]
OPTIONS = {"turbo": (("model", "tiny"),)}
SIZES = [(256, 256), (256, 384), (448, 320)]


def make(name: str, size: tuple[int, int] = (256, 256)) -> Effect:
    effect = Sleep(FakeClock()) if name == "sleep" else effect_class(name)()
    effect.open(EffectContext(size, options=OPTIONS.get(name, ())))
    return effect


def picture(size: tuple[int, int] = (256, 256), index: int = 0) -> Frame:
    """Return a smooth picture with an edge and a little grain, another one for every index."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    disc = (x - 0.5 - 0.05 * index) ** 2 + (y - 0.5) ** 2 < 0.06
    pixels = np.stack([x * 200 + 20, y * 200 + 20, np.where(disc, 220, 60 + 40 * x)], axis=-1)
    pixels += np.random.default_rng(index).normal(0, 3, pixels.shape)
    return Frame(pixels.clip(0, 255).astype(np.uint8), t_capture_ns=index * 33_000_000, index=index, seq=index)


def params(name: str, *, phase_s: float = 1.0, **values: object):
    from mirrorfx.effects import param_registry

    return ParamState.initial(param_registry(name), values, 0).at(round(phase_s * 1e9))


def paint(effect: Effect, frame: Frame, values) -> np.ndarray:
    out = np.full((*frame.pixels.shape[:2], 4), 77, np.uint8)
    effect.prepare(values)
    effect.render(frame, values, out)
    return out


@pytest.mark.parametrize("name", NAMES)
class TestEveryEffect:
    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    def test_fills_the_whole_buffer_in_place(self, name, size):
        frame = picture(size)
        values = params(name)
        with make(name, size) as effect:
            effect.prepare(values)
            first, second = (np.full((size[1], size[0], 4), fill, np.uint8) for fill in (0, 200))
            effect.render(frame, values, first)
            effect.render(frame, values, second)
        assert (first == second).all(), "what was in the buffer before shows through"
        assert (first[..., 3] == 255).all()
        assert first[..., :3].std() > 5

    def test_leaves_the_input_alone(self, name):
        frame = picture()
        before = frame.pixels.copy()
        frame.pixels.flags.writeable = False
        with make(name) as effect:
            paint(effect, frame, params(name))
        assert (frame.pixels == before).all()

    def test_paints_a_frame_the_same_whatever_came_before(self, name):
        values = params(name)
        with make(name) as effect, make(name) as other:
            first = paint(effect, picture(), values)
            paint(effect, picture(index=3), params(name, prompt="ice", seed=99, strength=0.9))
            again = paint(effect, picture(), values)
            paint(other, picture(index=5), params(name, phase_s=500))
            elsewhere = paint(other, picture(), values)
        assert (first == again).all()
        assert (first == elsewhere).all()

    def test_paints_without_being_prepared(self, name):
        values = params(name, prompt="a prompt that nobody prepared", seed=4)
        with make(name) as effect, make(name) as other:
            out = np.zeros((256, 256, 4), np.uint8)
            effect.render(picture(), values, out)
            assert (out == paint(other, picture(), values)).all()

    def test_describes_itself(self, name):
        cls = effect_class(name)
        assert cls.name == name
        assert cls.summary
        with make(name) as effect:
            assert all(isinstance(value, str | float | int) for value in effect.details().values())

    def test_closes_twice(self, name):
        effect = make(name)
        paint(effect, picture(), params(name))
        effect.close()
        effect.close()


@pytest.mark.parametrize("name", REPAINTING)
class TestEveryRepaintingEffect:
    def test_strength_0_and_1_differ(self, name):
        with make(name) as effect:
            weak, strong = (paint(effect, picture(), params(name, strength=share)) for share in (0.0, 1.0))
        assert _distance(weak, strong) > 8
        assert _distance(weak[..., :3], picture().pixels) < _distance(strong[..., :3], picture().pixels)

    @pytest.mark.parametrize(
        ("one", "other"),
        [({"prompt": "ocean"}, {"prompt": "fire"}), ({"seed": 1}, {"seed": 2}), ({"phase_s": 0}, {"phase_s": 7.5})],
        ids=["prompt", "seed", "drift"],
    )
    def test_every_core_param_shows(self, name, one, other):
        with make(name) as effect:
            first, second = (paint(effect, picture(), params(name, **values)) for values in (one, other))
        assert _distance(first, second) > 0.5

    @pytest.mark.parametrize("name_of_param", ["prompt", "seed"])
    def test_fades_smoothly(self, name, name_of_param):
        """A fade's middle lies between its ends, its beginning at one end and its end at the other: no jump."""
        from mirrorfx.effects import param_registry

        start, end = {"prompt": ("ocean", "fire"), "seed": (1, 2)}[name_of_param]
        state = ParamState.initial(param_registry(name), {name_of_param: start, "drift": 0.0}, 0)
        fading = state.edited({name_of_param: end}, 0, fade_s=1.0)
        with make(name) as effect:
            shots = [paint(effect, picture(), fading.at(round(share * 1e9))) for share in (0, 0.02, 0.5, 0.98, 1)]
        whole = _distance(shots[0], shots[-1])
        assert _distance(shots[0], shots[1]) < 0.25 * whole
        assert _distance(shots[-2], shots[-1]) < 0.25 * whole
        assert max(_distance(shots[2], shots[0]), _distance(shots[2], shots[-1])) < whole


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(np.int16) - second).mean())
