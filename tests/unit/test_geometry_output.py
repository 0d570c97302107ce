import itertools

import cv2
import numpy as np
import pytest

from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.geometry import UNIT_SQUARE, OutputGeometry, OutputWarp
from mirrorfx.geometry.alignment_grid import draw_test_grid

ROTATIONS = (0, 90, 180, 270)
TURNS = list(itertools.product(ROTATIONS, (False, True), (False, True)))
SLIGHT = ((1e-9, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
KEYSTONE = ((0.06, 0.02), (0.97, 0.08), (0.9, 0.95), (0.02, 0.85))


def picture(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    return pixels


def corners_marked(width, height):
    """Black, with a bright square in each corner: 60 top left, 120 top right, 180 bottom right, 240 bottom left."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 3] = 255
    side = min(width, height) // 5
    for value, rows, columns in ((60, 0, 0), (120, 0, 1), (180, 1, 1), (240, 1, 0)):
        rows, columns = (slice(-side, None) if end else slice(side) for end in (rows, columns))
        pixels[rows, columns, :3] = value
    return pixels


def warped(pixels, screen, geometry=None, **values):
    out = np.full((screen[1], screen[0], 4), 77, np.uint8)
    before = pixels.copy()
    OutputWarp(geometry or OutputGeometry(**values), (pixels.shape[1], pixels.shape[0]), screen).apply(pixels, out)
    assert np.array_equal(pixels, before)
    assert (out[..., 3] == 255).all()
    return out


def turned(pixels, rotation, flip_x, flip_y):
    pixels = np.rot90(pixels, -rotation // 90)
    pixels = pixels[:, ::-1] if flip_x else pixels
    return pixels[::-1] if flip_y else pixels


def test_nothing_to_do_is_a_plain_copy():
    pixels = picture(320, 256)
    assert np.array_equal(warped(pixels, (320, 256)), pixels)


@pytest.mark.parametrize(("rotation", "flip_x", "flip_y"), TURNS)
def test_turns_and_flips_are_exact_to_the_pixel(rotation, flip_x, flip_y):
    pixels = picture(320, 256)
    screen = (256, 320) if rotation in (90, 270) else (320, 256)
    out = warped(pixels, screen, rotation=rotation, flip_x=flip_x, flip_y=flip_y)
    assert np.array_equal(out, turned(pixels, rotation, flip_x, flip_y))


@pytest.mark.parametrize(("rotation", "flip_x", "flip_y"), TURNS)
def test_fit_shows_all_of_it_between_black_bars(rotation, flip_x, flip_y):
    pixels = picture(200, 200)
    for screen, area in (((300, 200), (slice(None), slice(50, 250))), ((200, 260), (slice(30, 230), slice(None)))):
        out = warped(pixels, screen, rotation=rotation, flip_x=flip_x, flip_y=flip_y)
        assert np.array_equal(out[area], turned(pixels, rotation, flip_x, flip_y))
        out[area] = 0
        assert out[..., :3].sum() == 0


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_fill_covers_the_screen_and_cuts_off_evenly(rotation):
    pixels = picture(200, 200)
    out = warped(pixels, (200, 120), rotation=rotation, scaling="fill")
    assert np.array_equal(out, turned(pixels, rotation, False, False)[40:160])


@pytest.mark.parametrize(("rotation", "flip_x", "flip_y"), TURNS)
@pytest.mark.parametrize("scaling", ["fit", "fill"])
@pytest.mark.parametrize("screen", [(320, 180), (180, 320)])
def test_the_keystones_way_agrees_with_the_cheap_way(rotation, flip_x, flip_y, scaling, screen):
    pixels = cv2.GaussianBlur(corners_marked(240, 200), (0, 0), 8)
    values = {
        "rotation": rotation,
        "flip_x": flip_x,
        "flip_y": flip_y,
        "scaling": scaling,
        "mask_left": 0.2,
        "mask_top": 0.1,
    }
    cheap = warped(pixels, screen, **values)
    by_matrix = warped(pixels, screen, keystone=SLIGHT, **values)
    difference = np.abs(cheap.astype(int) - by_matrix)
    assert difference.mean() < 0.5
    assert (difference > 8).mean() < 0.02


@pytest.mark.parametrize("keystone", [UNIT_SQUARE, SLIGHT])
def test_a_spot_lands_on_its_place_to_a_fraction_of_a_pixel(keystone):
    pixels = np.zeros((50, 50, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[30, 20, :3] = 255
    out = warped(pixels, (500, 500), keystone=keystone)[..., 0].astype(float)
    rows, columns = np.mgrid[0:500, 0:500]
    place = (columns * out).sum() / out.sum(), (rows * out).sum() / out.sum()
    assert place == pytest.approx((20.5 * 10 - 0.5, 30.5 * 10 - 0.5), abs=0.2)


def test_the_keystone_puts_the_corners_where_they_were_asked_for():
    white = np.full((200, 200, 4), 255, np.uint8)
    out = warped(white, (400, 300), keystone=KEYSTONE, scaling="fill")
    expected = np.zeros((300, 400), np.uint8)
    quad = np.array([[(x * 400 - 0.5) * 16, (y * 300 - 0.5) * 16] for x, y in KEYSTONE]).round().astype(np.int32)
    cv2.fillConvexPoly(expected, quad, 255, cv2.LINE_8, 4)
    edge = cv2.morphologyEx(expected, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(out[..., 0][~edge], expected[~edge])


def test_each_corner_of_the_picture_goes_to_its_corner_of_the_keystone():
    out = warped(corners_marked(200, 200), (400, 400), keystone=KEYSTONE)
    middle = np.mean(KEYSTONE, axis=0)
    for value, corner in zip((60, 120, 180, 240), KEYSTONE, strict=True):
        x, y = (np.array(corner) * 0.9 + middle * 0.1) * 400
        assert out[round(y), round(x), 0] == value


def test_a_straight_line_stays_straight_under_the_keystone():
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[198:202, :, :3] = 255
    out = warped(pixels, (400, 400), keystone=KEYSTONE)[..., 0].astype(float)
    columns = np.arange(60, 340)
    rows = (out[:, columns] * np.arange(400)[:, None]).sum(0) / out[:, columns].sum(0)
    assert np.abs(rows - np.polyval(np.polyfit(columns, rows, 1), columns)).max() < 0.5


@pytest.mark.parametrize(
    "keystone",
    [
        ((1, 0), (0, 0), (1, 1), (0, 1)),
        ((0, 0), (0, 1), (1, 1), (1, 0)),
        ((0, 0), (1, 0), (0.3, 0.3), (0, 1)),
        ((0, 0), (1, 0), (1, 0), (0, 1)),
        ((0, 0), (0.5, 0), (1, 0), (0, 1)),
        ((0, 0), (2, 0), (1, 1), (0, 1)),
        ((0, 0), (1, float("nan")), (1, 1), (0, 1)),
    ],
    ids=["bow tie", "anticlockwise", "dented", "point", "line", "far out", "nan"],
)
def test_corners_that_fold_the_picture_are_refused(keystone):
    with pytest.raises(InvalidValue, match="keystone's corners"):
        OutputGeometry(keystone=keystone)


@pytest.mark.parametrize(("rotation", "flip_x", "flip_y"), TURNS)
def test_dark_edges_stay_at_their_side_of_the_screen(rotation, flip_x, flip_y):
    white = np.full((200, 200, 4), 255, np.uint8)
    sides = {"mask_left": 0.1, "mask_top": 0.2, "mask_right": 0.3, "mask_bottom": 0.4}
    out = warped(white, (200, 200), rotation=rotation, flip_x=flip_x, flip_y=flip_y, feather=0, **sides)[..., 0]
    rows, columns = np.flatnonzero(out.max(1)), np.flatnonzero(out.max(0))
    assert (columns[0], rows[0], 199 - columns[-1], 199 - rows[-1]) == (20, 40, 60, 80)
    assert out[40:120, 20:140].min() == 255


def test_a_feathered_edge_rises_smoothly_from_black_to_full():
    white = np.full((100, 400, 4), 255, np.uint8)
    row = warped(white, (400, 100), mask_left=0.25, feather=0.5)[50, :, 0].astype(int)
    assert row[:50].max() == 0
    assert row[100:].min() == 255
    steps = np.diff(row)
    assert steps.min() >= 0
    assert steps.max() < 12
    assert row[75] == pytest.approx(127, abs=8)


def test_dark_edges_follow_what_fill_leaves_of_the_picture():
    white = np.full((300, 300, 4), 255, np.uint8)
    row = warped(white, (300, 100), scaling="fill", mask_top=0.5, feather=0)[:, 150, 0]
    assert (row[:50].max(), row[50:].min()) == (0, 255)


def test_all_dark_is_all_black():
    white = np.full((100, 100, 4), 255, np.uint8)
    assert warped(white, (100, 100), mask_left=0.5, mask_right=0.5, feather=0)[..., :3].max() == 0


def test_the_grid_takes_the_pictures_place_and_goes_the_same_way():
    pixels = picture(256, 192)
    shown = warped(pixels, (192, 256), test_grid=True, rotation=90)
    assert np.array_equal(shown, np.rot90(draw_test_grid((256, 192)), -1))


def test_the_grids_border_is_seen_even_where_fill_cuts_off():
    out = warped(picture(256, 256), (256, 128), test_grid=True, scaling="fill")
    for edge in (out[0], out[-1], out[:, 0], out[:, -1]):
        assert edge[:, :3].min() > 200


def test_the_same_warp_serves_many_screens_in_turn():
    warp = OutputWarp(OutputGeometry(mask_left=0.2, keystone=KEYSTONE), (100, 100), (150, 100))
    outs = [np.full((100, 150, 4), dirt, np.uint8) for dirt in (0, 99, 255)]
    for out in outs:
        warp.apply(picture(100, 100), out)
    assert np.array_equal(outs[0], outs[1])
    assert np.array_equal(outs[0], outs[2])


def test_a_picture_of_another_size_is_refused():
    warp = OutputWarp(OutputGeometry(), (100, 100), (150, 100))
    with pytest.raises(InvalidValue, match="picture in"):
        warp.apply(picture(100, 101), picture(150, 100))
    with pytest.raises(InvalidValue, match="picture out"):
        warp.apply(picture(100, 100), picture(100, 150))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scaling": "stretch"}, "choose fit or fill"),
        ({"rotation": 30}, "choose 0, 90, 180 or 270"),
        ({"mask_top": 0.6}, "0.6 top"),
        ({"mask_left": -0.1}, "-0.1 left"),
        ({"feather": 2}, "Feather 2"),
    ],
)
def test_impossible_values_are_refused(wrong, said):
    with pytest.raises(InvalidValue, match=said):
        OutputGeometry(**wrong)


def test_it_goes_through_plain_values_and_back():
    geometry = OutputGeometry(scaling="fill", rotation=90, flip_y=True, keystone=KEYSTONE, mask_top=0.1, test_grid=True)
    assert OutputGeometry.from_table(geometry.to_table()) == geometry
    assert OutputGeometry.from_table({}) == OutputGeometry()
    assert OutputGeometry.from_table({"keystone": [[0, 0], [1, 0], [1, 1], [0, 1]]}).keystone == UNIT_SQUARE


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rotate": 90}, "Did you mean 'rotation'"),
        ({"rotation": "90"}, "rotation = '90'"),
        ({"rotation": True}, "rotation = True"),
        ({"flip_x": 1}, "flip_x = 1"),
        ({"feather": "soft"}, "feather = 'soft'"),
        ({"keystone": [0, 0, 1, 1]}, "four corners"),
        ({"keystone": [[0, 0], [1, 0], [1, 1]]}, "four corners"),
        ({"keystone": "none"}, "four corners"),
    ],
)
def test_a_table_with_a_mistake_says_which(table, said):
    with pytest.raises(InvalidValue, match=said):
        OutputGeometry.from_table(table)


def test_an_unknown_setting_names_the_known_ones():
    with pytest.raises(UnknownName, match="Known: feather"):
        OutputGeometry.from_table({"brightness": 1})
