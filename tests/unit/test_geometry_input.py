import itertools

import cv2
import numpy as np
import pytest

from mirrorfx.errors import InvalidValue
from mirrorfx.geometry import InputFitter, InputGeometry

SIZES = [((640, 480), (256, 256)), ((300, 500), (512, 256)), ((176, 144), (256, 384))]
TURNS = list(itertools.product((0, 90, 180, 270), (False, True)))


def picture(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(width, height):
    """A picture whose blue is x and whose green is y, both in 0..255 from edge to edge."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width * 255, (np.arange(height) + 0.5) / height * 255)
    return np.dstack([x, y, np.zeros_like(x)]).round().astype(np.uint8)


def fitted(pixels, size, **geometry):
    out = np.full((size[1], size[0], 3), 7, np.uint8)
    before = pixels.copy()
    InputFitter(InputGeometry(**geometry), (pixels.shape[1], pixels.shape[0]), size).fit(pixels, out)
    assert np.array_equal(pixels, before)
    return out


def turned(pixels, rotation, *, mirror):
    """Say what a turn and then a mirror are, in numpy's words."""
    pixels = np.rot90(pixels, -rotation // 90)
    return pixels[:, ::-1] if mirror else pixels


def test_nothing_to_do_is_a_plain_copy():
    pixels = picture(320, 256)
    assert np.array_equal(fitted(pixels, (320, 256)), pixels)


@pytest.mark.parametrize(("rotation", "mirror"), TURNS)
def test_turns_and_mirrors_are_exact_to_the_pixel(rotation, mirror):
    pixels = picture(320, 256)
    size = (256, 320) if rotation in (90, 270) else (320, 256)
    assert np.array_equal(
        fitted(pixels, size, rotation=rotation, mirror=mirror), turned(pixels, rotation, mirror=mirror)
    )


@pytest.mark.parametrize(("rotation", "mirror"), TURNS)
@pytest.mark.parametrize(("source", "size"), SIZES)
def test_the_middle_is_cut_out_and_covers_the_working_size(source, size, rotation, mirror):
    seen = turned(smooth(*source), rotation, mirror=mirror)
    height, width = seen.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    crop_x, crop_y = (width - size[0] / scale) / 2, (height - size[1] / scale) / 2
    x, y = (np.arange(size[0]) + 0.5) / scale + crop_x, (np.arange(size[1]) + 0.5) / scale + crop_y
    expected = cv2.remap(seen.copy(), *np.meshgrid(*(np.float32(axis - 0.5) for axis in (x, y))), cv2.INTER_LINEAR)
    inside = (slice(4, -4), slice(4, -4))
    difference = np.abs(
        fitted(smooth(*source), size, rotation=rotation, mirror=mirror)[inside].astype(int) - expected[inside]
    )
    assert difference.max() <= 3


@pytest.mark.parametrize(("rotation", "mirror"), TURNS)
@pytest.mark.parametrize(("pan_x", "pan_y"), [(-1, -1), (1, -1), (1, 1), (-1, 1), (0.5, 0)])
def test_zoom_and_pan_act_on_the_picture_as_it_is_seen(rotation, mirror, pan_x, pan_y):
    pixels = picture(512, 512)
    out = fitted(pixels, (256, 256), rotation=rotation, mirror=mirror, zoom=2, pan_x=pan_x, pan_y=pan_y)
    x, y = round(128 * (1 + pan_x)), round(128 * (1 + pan_y))
    assert np.array_equal(out, turned(pixels, rotation, mirror=mirror)[y : y + 256, x : x + 256])


def test_panning_goes_over_what_the_crop_leaves_even_without_zoom():
    pixels = picture(1280, 720)
    assert np.array_equal(fitted(pixels, (720, 720), pan_x=-1), pixels[:, :720])
    assert np.array_equal(fitted(pixels, (720, 720), pan_x=1), pixels[:, -720:])
    assert np.array_equal(fitted(pixels, (720, 720), pan_x=1, pan_y=1, mirror=True), pixels[:, 719::-1])


def test_the_strongest_zoom_of_a_small_picture_still_gives_a_picture():
    out = fitted(smooth(8, 8), (256, 256), zoom=16)
    assert np.abs(out[..., :2].astype(int) - 127).max() < 40


@pytest.mark.parametrize("scale", [2.1, 3, 4.5])
def test_fine_patterns_do_not_shimmer_when_the_picture_gets_smaller(scale):
    side = round(256 * scale)
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, ::2] = 255
    out = fitted(stripes, (256, 256))[4:-4, 4:-4]
    assert abs(out.mean() - 127) < 3
    assert out.std() < 45
    assert cv2.resize(stripes, (256, 256), interpolation=cv2.INTER_NEAREST).std() > 100


def test_it_writes_into_a_slot_of_a_larger_memory():
    memory = np.zeros(3 * 256 * 256 * 3, np.uint8)
    slot = memory[256 * 256 * 3 : 2 * 256 * 256 * 3].reshape(256, 256, 3)
    pixels = picture(640, 480)
    for rotation, mirror in TURNS:
        InputFitter(InputGeometry(rotation=rotation, mirror=mirror), (640, 480), (256, 256)).fit(pixels, slot)
        assert np.array_equal(slot, fitted(pixels, (256, 256), rotation=rotation, mirror=mirror))
    assert memory[: 256 * 256 * 3].sum() == memory[2 * 256 * 256 * 3 :].sum() == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rotation": 45}, "Rotation 45"),
        ({"zoom": 0.5}, "Zoom 0.5"),
        ({"zoom": float("nan")}, "Zoom nan"),
        ({"pan_x": 1.5}, "Pan x 1.5"),
        ({"pan_y": -2}, "Pan y -2"),
    ],
)
def test_impossible_values_are_refused(wrong, said):
    with pytest.raises(InvalidValue, match=f"{said} is not possible: choose"):
        InputGeometry(**wrong)


def test_a_picture_of_another_size_is_refused():
    fitter = InputFitter(InputGeometry(), (640, 480), (256, 256))
    with pytest.raises(InvalidValue, match="picture in"):
        fitter.fit(picture(640, 481), picture(256, 256))
    with pytest.raises(InvalidValue, match="picture out"):
        fitter.fit(picture(640, 480), picture(256, 255))
