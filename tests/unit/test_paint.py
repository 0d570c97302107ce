"""The painter's parts: palettes, colour table, strokes, patches, drift; and how the whole keeps a picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from mirrorfx.effects import EffectContext, param_registry
from mirrorfx.effects import _paint_brush as brushes
from mirrorfx.effects._paint_colour import colour_table, look_up, mixed_table
from mirrorfx.effects._palettes import COLOURS, KNOWN_WORDS, palette_for, palette_names
from mirrorfx.effects.paint import Paint, _work_size
from mirrorfx.frame import Frame
from mirrorfx.params import Params

FLAT_NOISE = np.zeros((64, 64, 2), np.float32)


def params(phase: float = 0.0, **values: object) -> Params:
    return Params(param_registry("paint").defaults() | values, phase=phase)


def painted(pixels: np.ndarray, values: Params) -> np.ndarray:
    out = np.empty((*pixels.shape[:2], 4), np.uint8)
    with Paint() as effect:
        effect.open(EffectContext((pixels.shape[1], pixels.shape[0])))
        effect.render(Frame(pixels, 0), values, out)
    return out[..., :3]


def luma(colour) -> float:
    return float(np.dot(colour, (0.299, 0.587, 0.114)))


class TestPalettes:
    def test_known_words_pick_it(self):
        assert palette_names("An OCEAN, at sunset; with fire") == ("ocean", "sunset")
        assert palette_for("waves") == palette_for("the sea")
        assert palette_for("waves") != palette_for("embers")

    @pytest.mark.parametrize("prompt", [*sorted(set(KNOWN_WORDS.values())), "", "xyzzy", "ocean fire", "日本"])
    def test_runs_from_dark_to_light_with_room_between(self, prompt):
        palette = palette_for(prompt)
        lumas = [luma(colour) for colour in palette]
        assert len(palette) == COLOURS
        assert lumas == sorted(lumas)
        assert lumas[-1] - lumas[0] > 100

    def test_an_unknown_prompt_always_gets_the_same_one_of_its_own(self):
        assert palette_for("plumbus") == palette_for("  Plumbus! ")
        assert len({palette_for(f"quux{index}") for index in range(40)}) >= 38

    def test_the_hash_is_the_same_in_every_process(self):
        assert palette_for("xyzzy") == ((38, 27, 12), (107, 65, 21), (173, 79, 35), (222, 106, 89), (250, 221, 218))


class TestColourTable:
    def test_takes_black_white_and_everything_between_towards_the_palette(self):
        greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        toned = look_up(mixed_table([(colour_table(palette_for("ocean")), 1.0)]), greys)[0].astype(int)
        assert (toned[60:200, 0] > toned[60:200, 2] + 15).all(), "mid greys turn blue"
        assert (np.diff(toned[:, :3].sum(axis=1)) >= -2).all(), "light stays lighter than dark"
        assert (toned[:, 3] == 255).all()

    def test_a_mix_is_the_weighted_mean_and_leaves_the_tables_alone(self):
        ice, fire = (colour_table(palette_for(name)) for name in ("ice", "fire"))
        kept = ice.copy()
        mix = mixed_table([(ice, 0.25), (fire, 0.75)]).view(np.uint8).reshape(-1, 4)
        assert np.abs(mix - (0.25 * ice + 0.75 * fire)).max() <= 1
        assert (ice == kept).all()


class TestStrokes:
    def test_run_along_an_edge(self):
        grey = np.zeros((64, 64), np.uint8)
        cv2.fillConvexPoly(grey, np.array([[0, 0], [63, 63], [0, 63]]), 200)
        x, y = brushes.stroke_field(grey, FLAT_NOISE, 0.0, (128, 128))
        angles = np.degrees(np.arctan2(y, x)).diagonal()[30:-30] % 180
        assert angles == pytest.approx(45, abs=3)

    def test_are_short_at_corners_and_long_along_edges(self):
        grey = np.zeros((64, 64), np.uint8)
        grey[32:, 32:] = 200
        reach = np.hypot(*brushes.stroke_field(grey, FLAT_NOISE, 0.0, (128, 128)))
        assert reach[64, 64] < 0.5 * reach[100, 64]
        assert reach.max() <= 1.0 + 1e-5

    def test_draw_paint_out_along_the_field_only(self):
        paint = np.zeros((64, 64, 4), np.uint8)
        paint[32, 32] = 255
        field = (np.ones((64, 64), np.float32), np.zeros((64, 64), np.float32))
        drawn = brushes.draw_along(paint, field, 9.0)[..., 0]
        assert (drawn[32] > 0).sum() >= 9
        assert drawn[:31].max() == drawn[34:].max() == 0

    def test_patches_keep_an_edge_sharp_and_calm_the_noise(self):
        rng = np.random.default_rng(1)
        step = np.full((64, 64, 3), 60.0)
        step[:, 32:] = 190
        noisy = (step + rng.normal(0, 8, step.shape)).clip(0, 255).astype(np.uint8)
        patches = brushes.flat_patches(noisy).astype(float)
        assert np.abs(patches[:, 33:] - 190).mean() < 4
        assert np.abs(patches[:, :31] - 60).mean() < 4


class TestFlowNoise:
    SIZE = (64, 48)

    def noise(self, phase, seeds=((1, 1.0),)):
        return brushes.flow_noise(seeds, phase, self.SIZE)

    def test_moves_on_without_a_jump_at_keyframes(self):
        steps = [float(np.abs(self.noise(p + 0.01) - self.noise(p)).mean()) for p in (0.5, 0.995, 2.995)]
        assert all(0 < step < 0.03 for step in steps)

    def test_goes_somewhere_else_with_every_keyframe(self):
        assert np.abs(self.noise(0) - self.noise(1)).mean() > 0.3
        assert (self.noise(3) == self.noise(3)).all()

    def test_keeps_its_power_halfway_and_in_a_mix(self):
        powers = [
            float(np.mean([self.noise(phase, [(s + k, 0.5) for k in range(2)]) ** 2 for s in range(0, 80, 2)]))
            for phase in (0.0, 0.5)
        ]
        single = float(np.mean([self.noise(0.0, [(seed, 1.0)]) ** 2 for seed in range(40)]))
        assert powers == pytest.approx([single, single], rel=0.25)


class TestPaint:
    @pytest.fixture
    def portrait(self):
        """A face-like picture: a disc with two dark dots, on a bright ground."""
        pixels = np.full((256, 256, 3), (190, 200, 210), np.uint8)
        cv2.circle(pixels, (128, 128), 70, (110, 150, 205), -1, cv2.LINE_AA)
        for x in (104, 152):
            cv2.circle(pixels, (x, 112), 9, (30, 30, 40), -1, cv2.LINE_AA)
        return pixels

    def test_strength_0_is_the_cameras_picture(self, portrait):
        assert (painted(portrait, params(strength=0.0)) == portrait).all()

    def test_comes_in_gradually(self, portrait):
        far = [
            float(np.abs(painted(portrait, params(strength=s)).astype(int) - portrait).mean())
            for s in (0.001, 0.1, 0.3, 0.6, 1.0)
        ]
        assert far[0] < 0.5
        assert far == sorted(far)

    def test_keeps_the_eyes_at_medium_strength(self, portrait):
        grey = cv2.cvtColor(painted(portrait, params(strength=0.5)), cv2.COLOR_BGR2GRAY).astype(int)
        for x in (104, 152):
            assert grey[112, x] < grey[150, 128] - 50

    def test_does_not_amplify_the_cameras_noise(self, portrait):
        rng = np.random.default_rng(2)
        one, other = ((portrait + rng.normal(0, 5, portrait.shape)).clip(0, 255).astype(np.uint8) for _ in range(2))
        before = np.abs(one.astype(int) - other).mean()
        after = np.abs(painted(one, params()).astype(int) - painted(other, params())).mean()
        assert after < 0.6 * before

    def test_keeps_to_the_threads_it_is_given(self):
        before = cv2.getNumThreads()
        try:
            Paint().open(EffectContext((256, 256), threads=2))
            assert cv2.getNumThreads() == 2
        finally:
            cv2.setNumThreads(before)

    @pytest.mark.parametrize(
        ("size", "work"),
        [((1024, 1024), (512, 512)), ((832, 1216), (424, 619)), ((256, 256), (256, 256)), ((2048, 256), (1448, 181))],
    )
    def test_works_at_the_area_of_512_squared_in_the_frames_shape(self, size, work):
        assert _work_size(size) == work
        assert math.prod(work) <= 512 * 512 * 1.01

    def test_words_pick_the_brush(self):
        assert brushes.brush_for("a watercolour of a dog").relief < brushes.brush_for("a dog").relief
        assert brushes.brush_for("impasto").relief > brushes.brush_for("a dog").relief
        mix = brushes.mixed_brush([(brushes.brush_for("impasto"), 0.5), (brushes.brush_for("oil"), 0.5)])
        assert mix.relief == pytest.approx((1.8 + 1.0) / 2)
