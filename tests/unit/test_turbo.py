"""The turbo effect on the CPU with the tiny model: the same code that drives a GPU, without the streams."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from mirrorfx.clock import SECOND  # noqa: E402
from mirrorfx.diffusion.accelerators import Chosen  # noqa: E402
from mirrorfx.diffusion.prompts import Text  # noqa: E402
from mirrorfx.diffusion.schedule import timestep  # noqa: E402
from mirrorfx.effects import EffectContext, param_registry  # noqa: E402
from mirrorfx.effects import _turbo_painter as painter_module  # noqa: E402
from mirrorfx.effects.turbo import Turbo  # noqa: E402
from mirrorfx.errors import EffectFailed, EffectUnavailable, InvalidValue  # noqa: E402
from mirrorfx.frame import Frame  # noqa: E402
from mirrorfx.params import ParamState  # noqa: E402

SIZE = (128, 64)
REGISTRY = param_registry("turbo")
HOUR_S = 3600


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    """The tiny model is made once for all tests here, and nothing is left in the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
        threads = torch.get_num_threads()
        yield
        torch.set_num_threads(threads)


def opened(**options: str) -> Turbo:
    effect = Turbo()
    effect.open(EffectContext(SIZE, options=tuple({"model": "tiny", **options}.items())))
    return effect


@pytest.fixture(scope="module")
def turbo(_cache):
    with opened() as effect:
        yield effect


def camera(seed: int = 0) -> Frame:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 8, 3), np.uint8)
    pixels = np.ascontiguousarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8)))
    pixels.flags.writeable = False
    return Frame(pixels, t_capture_ns=seed, seq=seed)


def state(**values: object) -> ParamState:
    return ParamState.initial(REGISTRY, values, 0)


def params(**values: object):
    return state(**values).at(SECOND)


def blank() -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 4), 77, np.uint8)


def paint(effect: Turbo, frame: Frame, values) -> np.ndarray:
    out = blank()
    effect.prepare(values)
    effect.render(frame, values, out)
    return out


def apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first[..., :3].astype(int) - second[..., :3]).mean())


# Strength


def test_neighbouring_strengths_differ(turbo):
    """Two timesteps, not two sampling plans: 0.50 and 0.55 were one picture in the old designs."""
    first, second = (paint(turbo, camera(), params(strength=share)) for share in (0.50, 0.55))
    assert apart(first, second) > 0.5


def test_strength_0_is_the_camera_through_the_autoencoder(turbo):
    models = turbo._painter._models
    with torch.no_grad():
        rgb = torch.from_numpy(camera().pixels[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        there_and_back = models.decoder(models.encoder(rgb))[0].permute(1, 2, 0).flip(-1)
        expected = there_and_back.add(1).mul(127.5).clamp(0, 255).round().to(torch.uint8).numpy()
    found = paint(turbo, camera(), params(strength=0.0, prompt="anything"))
    assert int(np.abs(found[..., :3].astype(int) - expected).max()) <= 1


def test_strength_1_does_not_depend_on_the_camera(turbo):
    first, second = (paint(turbo, camera(seed), params(strength=1.0)) for seed in (1, 2))
    assert (first == second).all()
    others = [paint(turbo, camera(seed), params(strength=0.97)) for seed in (1, 2)]
    assert apart(*others) > 0, "and below it does"


def test_the_desk_reads_the_timestep_that_the_model_is_told():
    readout = REGISTRY["strength"].readout
    assert readout
    for share in (0.0, 0.001, 0.0015, 0.25, 0.4995, 0.5, 0.55, 0.999, 1.0):
        assert readout.of(share) == f"timestep {timestep(share)}"


# What else is set


def test_the_camera_mix_lays_the_cameras_picture_over_the_painting(turbo):
    assert (paint(turbo, camera(), params(mix=1.0))[..., :3] == camera().pixels).all()
    half, none = (paint(turbo, camera(), params(mix=share)).astype(int) for share in (0.5, 0.0))
    assert np.abs(half[..., :3] * 2 - none[..., :3] - camera().pixels).max() <= 2


def test_the_blend_stands_between_the_prompts_of_a_pair(turbo):
    first, second = (paint(turbo, camera(), params(prompt=prompt)) for prompt in ("a lake", "a fire"))
    ends = [paint(turbo, camera(), params(prompt="a lake | a fire", blend=share)) for share in (0.0, 1.0)]
    assert (ends[0] == first).all()
    assert (ends[1] == second).all()
    middle = paint(turbo, camera(), params(prompt="a lake | a fire", blend=0.5))
    assert 0 < apart(middle, first) < apart(first, second)


def test_only_what_changed_is_told_to_the_frame_function(turbo, monkeypatch):
    """The frame path does nothing for what stays: no copies, no additions, no text."""
    held = params(drift=0.0)
    paint(turbo, camera(), held)
    function = turbo._painter.chosen.function
    told = []
    for name in ("set_strength", "set_noise", "set_conditioning", "set_mix"):
        monkeypatch.setattr(function, name, lambda *_, name=name: told.append(name))
    turbo.render(camera(1), held, blank())
    assert told == []
    turbo.render(camera(1), params(drift=0.0, strength=0.9), blank())
    assert told == ["set_strength"]


def test_steps_are_counted_and_their_noise_is_held():
    with opened(steps="3") as effect:
        values = state(drift=30.0)
        first, second = (paint(effect, camera(), values.at(at * SECOND)) for at in (1, 2))
        noise = effect._painter._noise
        later = noise.later.clone()
        paint(effect, camera(), values.at(9 * SECOND))
        assert apart(first, second) > 0, "the starting noise drifts"
        assert (noise.later == later).all(), "what the steps add does not"
        assert later.shape[0] == 2
        assert later.std() == pytest.approx(1.0, abs=0.01)
        assert effect.details()["steps"] == 3


# Overlap


def test_two_frames_under_way_are_those_that_render_paints(turbo):
    frames = [camera(seed) for seed in range(5)]
    looks = [params(strength=0.3 + 0.1 * i, prompt=f"look {i}", seed=i) for i in range(5)]
    expected = [paint(turbo, frame, look) for frame, look in zip(frames, looks, strict=True)]
    outs = [blank() for _ in frames]
    under_way = []
    for frame, look, out in zip(frames, looks, outs, strict=True):
        under_way.append(turbo.start(frame, look, out))
        if len(under_way) == 2:
            under_way.pop(0)()
    under_way.pop(0)()
    for out, wanted in zip(outs, expected, strict=True):
        assert (out == wanted).all()


def test_a_third_frame_under_way_is_refused_and_nothing_is_lost(turbo):
    outs = [blank() for _ in range(3)]
    finishes = [turbo.start(camera(i), params(), outs[i]) for i in range(2)]
    with pytest.raises(EffectFailed, match="room for two"):
        turbo._painter._staging.start(camera(2).pixels, outs[2])
    for finish in finishes:
        finish()
    assert (outs[1] == paint(turbo, camera(1), params())).all()


def test_it_overlaps_only_where_there_is_something_to_overlap(turbo):
    assert not turbo.overlaps, "on a CPU a second frame would only wait"
    assert Turbo.overlaps


def test_the_cameras_frame_may_be_reused_once_start_has_returned(turbo):
    frame = Frame(camera(3).pixels.copy(), 0)
    out = blank()
    finish = turbo.start(frame, params(), out)
    frame.pixels[:] = 0
    finish()
    assert (out == paint(turbo, camera(3), params())).all()


# Long runs


def test_caches_stay_bounded_in_an_hour_of_edits_and_drift(turbo, monkeypatch):
    """A new pair of prompts and a new seed every three seconds, fading, fast drift: an hour on the params' clock."""
    made = turbo._painter._encoded(Text())
    monkeypatch.setattr(turbo._painter._texts, "_encode", lambda _text: made)  # 2400 readings would take minutes
    now = state(drift=60.0)
    sizes = []
    for second in range(0, HOUR_S, 3):
        t_ns = second * SECOND
        now = now.edited({"prompt": f"prompt {second} | other {second}", "seed": second}, t_ns, fade_s=4.0)
        turbo.prepare(now.settled(t_ns))
        if second % 300 == 0:
            turbo.render(camera(), now.at(t_ns + SECOND), blank())
        sizes.append(turbo._painter.kept)
    embeddings, keyframes = zip(*sizes, strict=True)
    assert max(embeddings) == embeddings[-1] == 32
    assert max(keyframes) == keyframes[-1] == 64
    assert turbo._painter._noise._drift.keyframe.cache_info().currsize <= 64
    assert turbo._painter._noise._drift._correlation.cache_info().currsize <= 1024


def test_noise_on_the_device_is_the_drift_noise(turbo):
    noise = turbo._painter._noise
    fading = state(seed=3, drift=20.0).edited({"seed": 9}, 0, fade_s=4.0)
    for at in (0, 1, 2, 3, 5):
        values = fading.at(at * SECOND)
        noise.mix(values)
        assert np.abs(noise.start[0].numpy() - noise._drift.at(values)).max() < 2e-6
        assert float(noise.start.std()) == pytest.approx(1.0, abs=1e-3)


def test_a_frame_that_was_prepared_makes_no_keyframe_and_no_embedding(turbo, monkeypatch):
    fading = state(prompt="ice", seed=11, drift=6.0)
    turbo.prepare(fading.settled(SECOND))
    fading = fading.edited({"prompt": "steam", "seed": 12}, SECOND, fade_s=5.0)
    turbo.prepare(fading.settled(SECOND))

    def refused(*_):
        raise AssertionError("made in the frame path")

    monkeypatch.setattr(turbo._painter._noise, "_placed", refused)
    monkeypatch.setattr(turbo._painter._texts, "_encode", refused)
    for at in range(1, 7):
        turbo.render(camera(), fading.at(at * SECOND), blank())


# What goes wrong


class Failing:
    """A frame function that raises a few times."""

    def __init__(self, function, problem: BaseException, times: int) -> None:
        self._function, self._problem, self._left = function, problem, times

    def __getattr__(self, name):
        return getattr(self._function, name)

    def paint(self):
        if self._left:
            self._left -= 1
            raise self._problem
        return self._function.paint()


@pytest.fixture
def failing(turbo, monkeypatch):
    cleared = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: cleared.append(1))

    def fail(problem: BaseException, times: int) -> list[int]:
        chosen = turbo._painter.chosen
        broken = Failing(chosen.function, problem, times)
        monkeypatch.setattr(turbo._painter, "_chosen", Chosen(broken, chosen.rung, ()))
        return cleared

    yield fail
    turbo._painter._broken = False


@pytest.mark.parametrize(
    "problem", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: out of memory"), MemoryError()]
)
def test_memory_that_runs_out_is_cleared_up_once(turbo, failing, problem):
    expected = paint(turbo, camera(), params())
    cleared = failing(problem, 1)
    assert (paint(turbo, camera(), params()) == expected).all()
    assert cleared == [1]


def test_memory_that_stays_short_goes_out(turbo, failing):
    cleared = failing(torch.OutOfMemoryError("CUDA out of memory"), 2)
    with pytest.raises(torch.OutOfMemoryError):
        turbo.render(camera(), params(), blank())
    assert cleared == [1], "one retry, no more"


def test_another_cuda_error_goes_out_at_once_and_nobody_waits_for_the_device(monkeypatch):
    with opened() as effect:
        chosen = effect._painter.chosen
        sticky = RuntimeError("CUDA error: an illegal memory access was encountered")
        broken = Failing(chosen.function, sticky, 9)
        monkeypatch.setattr(effect._painter, "_chosen", Chosen(broken, chosen.rung, ()))
        with pytest.raises(RuntimeError, match="illegal memory"):
            effect.render(camera(), params(), blank())

        def hangs():
            raise AssertionError("it may never answer")

        monkeypatch.setattr(effect._painter._lanes, "drain", hangs)


def test_painting_before_opening_says_so():
    with pytest.raises(EffectFailed, match="open"):
        Turbo().render(camera(), params(), blank())


def test_too_little_memory_to_paint_with_is_told_with_a_fix(monkeypatch):
    def no_room(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(painter_module, "choose", no_room)
    with pytest.raises(EffectUnavailable, match=r"not enough memory.*smaller --size"):
        opened()


def test_an_unknown_accelerator_gets_the_nearest():
    with pytest.raises(InvalidValue, match=r"accelerator called 'grahp'.*'graph'"):
        opened(accelerator="grahp")


def test_details_say_what_runs_and_that_tiny_paints_noise(turbo):
    details = turbo.details()
    assert details["model"] == "tiny"
    assert details["accelerator"] == "eager"
    assert "paints noise" in str(details["notice"])


# LoRA files


@pytest.fixture
def lora_folder(tmp_path):
    from safetensors.torch import save_file

    layer = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_v"
    generator = torch.Generator().manual_seed(0)
    down, up = (torch.randn(shape, generator=generator) for shape in ((2, 48), (32, 2)))
    name = f"lora_unet_{layer}"
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, tmp_path / "waves.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a LoRA")
    return tmp_path


def test_a_lora_changes_the_picture_and_goes_without_a_trace(lora_folder):
    with opened(loras=str(lora_folder)) as effect:
        plain = paint(effect, camera(), params(prompt="a lake"))
        effect.swap(params(prompt="a lake <lora:waves:0.8>"))
        waved = paint(effect, camera(), params(prompt="a lake <lora:waves:0.8>"))
        assert apart(plain, waved) > 0.5
        effect.swap(params(prompt="a lake"))
        assert (paint(effect, camera(), params(prompt="a lake")) == plain).all()


@pytest.mark.parametrize("name", ["broken", "wafes"])
def test_a_bad_lora_is_told_and_changes_nothing(lora_folder, name):
    with opened(loras=str(lora_folder)) as effect:
        effect.swap(params(prompt="<lora:waves>"))
        before = paint(effect, camera(), params(prompt="a lake <lora:waves>"))
        with pytest.raises(InvalidValue, match=r"broken|Did you mean 'waves'"):
            effect.swap(params(prompt=f"<lora:{name}>"))
        assert (paint(effect, camera(), params(prompt="a lake <lora:waves>")) == before).all()


def test_an_accelerator_with_a_copy_of_the_weights_is_built_again(lora_folder, monkeypatch):
    real, built = painter_module.choose, []

    def copies(*args, **named):
        built.append(1)
        found = real(*args, **named)
        return replace(found, weights_in_place=False)

    with opened(loras=str(lora_folder)) as in_place:
        in_place.swap(params(prompt="<lora:waves>"))
        expected = paint(in_place, camera(), params())
    monkeypatch.setattr(painter_module, "choose", copies)
    with opened(loras=str(lora_folder)) as effect:
        paint(effect, camera(), params())
        effect.swap(params(prompt="<lora:waves>"))
        assert built == [1, 1]
        assert (paint(effect, camera(), params()) == expected).all(), "and is told everything anew"


def test_networks_are_named_whatever_the_order_of_the_files():
    def name(prompt: str) -> str:
        return Turbo.networks({"prompt": prompt})

    assert name("a lake") == ""
    assert name("a <lora:b:0.5> lake <lora:a>") == name("<lora:a:1.0> fire <lora:b:.5>") == "<lora:a:1> <lora:b:0.5>"
    assert name("<lora:a:0>") == "", "without weight it changes nothing"
    with pytest.raises(InvalidValue, match="never closed"):
        name("<lora:a")


def test_a_lora_that_is_used_in_part_says_so_in_the_log(lora_folder, caplog):
    from safetensors.torch import load_file, save_file

    tensors = load_file(lora_folder / "waves.safetensors")
    tensors |= {f"lora_te1_text_model_x.lora_{side}.weight": torch.zeros(2, 2) for side in ("up", "down")}
    save_file(tensors, lora_folder / "wider.safetensors")
    with opened(loras=str(lora_folder)) as effect, caplog.at_level(logging.WARNING):
        effect.swap(params(prompt="<lora:wider>"))
    assert "text encoders" in caplog.text
