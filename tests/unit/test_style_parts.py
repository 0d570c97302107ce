"""The pieces of the style effect that need no network: vectors in time, work size, the finish."""

from __future__ import annotations

import os

import numpy as np
import pytest

from mirrorfx.effects import EffectContext
from mirrorfx.effects._style_finish import Views, finish, shrink
from mirrorfx.effects._style_size import affordable_px, agreed_px, budget_ms, work_size
from mirrorfx.effects._style_vectors import StyleVectors, keyframe_weights
from mirrorfx.params import Params


def values(phase=0.0, mixes=None, **changes):
    return Params({"prompt": "oil", "seed": 7, "drift": 4.0} | changes, mixes=mixes or {}, phase=phase)


class Predict:
    """Counts; the vector of a swatch is made of its mean colours."""

    def __init__(self):
        self.calls = 0

    def __call__(self, swatch):
        self.calls += 1
        return np.resize(swatch.mean((0, 1)), 100).astype(np.float32)


class TestKeyframes:
    def test_weights_sum_to_one_and_a_whole_phase_is_its_keyframe(self):
        for phase in (0.0, 0.2, 0.999, 3.5, 1234.25):
            assert sum(keyframe_weights(phase).values()) == pytest.approx(1.0)
        assert keyframe_weights(3.0) == {3: 1.0}

    def test_position_and_velocity_are_continuous_at_a_keyframe(self):
        heights = {keyframe: float(height) for keyframe, height in enumerate([0, 3, -1, 4, 1, -5, 9])}

        def walk(phase):
            return sum(heights[k] * w for k, w in keyframe_weights(phase).items())

        tiny = 1e-5
        before, at, after = (walk(3 + step) for step in (-tiny, 0, tiny))
        assert before == pytest.approx(at, abs=1e-3)
        assert (at - before) / tiny == pytest.approx((after - at) / tiny, abs=1e-2)


class TestVectors:
    def test_it_keeps_a_bounded_number(self):
        vectors = StyleVectors(Predict(), most=8)
        for seed in range(30):
            vectors.mixed(values(seed=seed))
        assert len(vectors) == 8

    def test_what_is_kept_is_not_made_twice(self):
        predict = Predict()
        vectors = StyleVectors(predict)
        vectors.mixed(values(phase=0.5))
        made = predict.calls
        assert (vectors.mixed(values(phase=0.5)) == vectors.mixed(values(phase=0.5, prompt="OIL!"))).all()
        assert predict.calls == made

    def test_prepared_means_that_the_drift_finds_all_it_needs_past_the_next_keyframe(self):
        predict = Predict()
        vectors = StyleVectors(predict)
        vectors.prepare(values(phase=0.5))
        made = predict.calls
        for phase in (0.5, 0.99, 1.0, 1.99):
            vectors.mixed(values(phase=phase))
        assert predict.calls == made
        assert vectors.ready(values(phase=0.9))
        assert not vectors.ready(values(phase=1.1)), "time to look ahead again"

    def test_a_fade_of_prompt_and_seed_together_finds_all_it_needs(self):
        predict = Predict()
        vectors = StyleVectors(predict)
        vectors.prepare(values(phase=0.5))
        vectors.prepare(values(phase=0.5, prompt="ink", seed=8))
        made = predict.calls
        mixes = {"prompt": (("oil", 0.6), ("ink", 0.4)), "seed": ((7, 0.6), (8, 0.4))}
        vectors.mixed(values(phase=0.5, prompt="ink", seed=8, mixes=mixes))
        assert predict.calls == made

    def test_a_held_drift_needs_one_keyframe_only(self):
        predict = Predict()
        vectors = StyleVectors(predict)
        made = predict.calls
        vectors.prepare(values(drift=0.0))
        assert predict.calls == made + 1

    def test_a_mix_lies_between(self):
        vectors = StyleVectors(Predict())
        ends = [vectors.mixed(values(prompt=prompt)) for prompt in ("ice", "fire")]
        middle = vectors.mixed(values(prompt="fire", mixes={"prompt": (("ice", 0.5), ("fire", 0.5))}))
        assert middle == pytest.approx(sum(ends) / 2, rel=1e-4)


class TestSize:
    @pytest.mark.parametrize(
        ("full", "short_px", "wanted"),
        [
            ((1024, 1024), 320, (320, 320)),
            ((832, 1216), 320, (320, 464)),
            ((1280, 768), 352, (584, 352)),
            ((256, 256), 448, (256, 256)),
        ],
    )
    def test_work_size_keeps_the_shape_in_steps_of_8(self, full, short_px, wanted):
        assert work_size(full, short_px) == wanted

    def test_two_workers_on_two_cores_leave_room_for_the_others(self):
        context = EffectContext((1024, 1024), workers=2, frame_rate=30.0)
        assert budget_ms(context, cores=2, rate_fps=30.0) == pytest.approx(1000 * 1.55 / 30)
        assert budget_ms(context, cores=16, rate_fps=30.0) == pytest.approx(1000 * 2 / 30)

    @pytest.mark.parametrize(
        ("net_ms", "rate", "wanted"),
        [
            (10.0, 30.0, 448),  # fast: no need for more
            (35.0, 30.0, 296),
            (45.0, 60.0, 256),  # 24 fps before fewer pixels
            (120.0, 30.0, 224),  # can't
            (900.0, 30.0, 192),
        ],
    )
    def test_the_machine_decides(self, net_ms, rate, wanted):
        context = EffectContext((1024, 1024), workers=2, frame_rate=rate)
        assert affordable_px(net_ms, 5.0, context, cores=2) == wanted

    def test_workers_agree_and_ended_sessions_are_forgotten(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path))
        (tmp_path / "style").mkdir()
        ended = tmp_path / "style" / "size-4194999-1-00000000"
        ended.write_text("200")
        context = EffectContext((1024, 1024), workers=2)
        assert agreed_px(context, lambda: 344) == 344
        assert agreed_px(context, lambda: pytest.fail("asked twice")) == 344
        assert agreed_px(EffectContext((512, 512)), lambda: 400) == 400
        assert not ended.exists()
        assert len(list((tmp_path / "style").iterdir())) == 2, "something was left behind"

    def test_the_first_to_publish_wins(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path))
        context = EffectContext((1024, 1024), workers=2)

        def slow():
            assert agreed_px(context, lambda: 320) == 320  # the other worker was faster
            return 352

        assert agreed_px(context, slow) == 320

    def test_a_spoilt_agreement_is_no_obstacle(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path))
        context = EffectContext((1024, 1024))
        agreed_px(context, lambda: 344)
        (agreement,) = (tmp_path / "style").glob(f"size-{os.getppid()}-*")
        agreement.write_text("")
        assert agreed_px(context, lambda: 336) == 336
        assert "can't agree" in caplog.text


class TestFinish:
    @pytest.fixture
    def camera(self):
        x, y = np.meshgrid(np.linspace(0, 8 * np.pi, 256), np.linspace(0, 8 * np.pi, 256))
        grey = 128 + 60 * np.sin(x) * np.cos(y)
        grey[100:150:2, 100:150] += 40
        return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)

    def test_painted_as_seen_comes_back_as_the_camera(self, camera):
        small = shrink(camera, (96, 96))
        out = np.zeros((256, 256, 4), np.uint8)
        finish(Views(camera, small, small), out, likeness=0.5, detail=1.0)
        soft = np.zeros_like(out)
        finish(Views(camera, small, small), soft, likeness=0.5, detail=0.0)
        error = [float(np.abs(image[..., :3].astype(int) - camera).mean()) for image in (out, soft)]
        assert error[0] < 4
        assert error[0] < error[1]
        assert (out[..., 3] == 255).all()

    def test_paint_that_ignores_the_camera_gets_no_detail(self, camera):
        small = shrink(camera, (96, 96))
        flat = np.full_like(small, 90)
        out = np.zeros((256, 256, 4), np.uint8)
        finish(Views(camera, small, flat), out, likeness=0.0, detail=2.0)
        assert np.ptp(out[..., :3]) <= 2

    def test_likeness_moves_light_and_shade_to_the_cameras_in_the_paintings_range(self, camera):
        small = shrink(camera, (96, 96))
        negative = (255 - small) // 2  # everything the wrong way round, and dark
        follow = []
        for likeness in (0.0, 0.5, 1.0):
            out = np.zeros((256, 256, 4), np.uint8)
            finish(Views(camera, small, negative), out, likeness=likeness, detail=0.0)
            follow.append(np.corrcoef(out[..., 1].ravel(), camera[..., 1].ravel())[0, 1])
            assert out[..., :3].mean() < 90
        assert follow == sorted(follow)
        assert follow[0] < -0.8
        assert follow[-1] > 0.8
