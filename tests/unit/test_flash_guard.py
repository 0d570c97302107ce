"""The flash guard: whatever comes in, what is shown stays within the limits, and calm pictures aren't touched."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.resources import asset
from mirrorfx.safety import FlashGuard, count_flashes
from mirrorfx.safety.cells import CellView
from mirrorfx.safety.limits import STANDARD, STRICT

SIZE = (64, 64)
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (0, 0, 255), (255, 0, 0)


def flat(colour, size=(64, 64)):
    """Return one colour, BGRX."""
    picture = np.full((size[1], size[0], 4), 255, np.uint8)
    picture[..., :3] = colour
    return picture


def luminance(picture):
    """Return the middle pixel's relative luminance."""
    code = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3] / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.0722, 0.7152, 0.2126))


def guarded(guard, frames, hz, start_ns=0):
    """Return copies of what the guard makes of `frames`."""
    return [guard.show(frame, start_ns + round(i * 1e9 / hz)).copy() for i, frame in enumerate(frames)]


def _between(a, b, share):
    mixed = a * (1 - share) + b * share
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _wave(rng, t, rate):
    kind = rng.integers(4)
    phase = (t * rate + rng.random()) % 1
    if kind == 0:
        return (phase < rng.uniform(0.1, 0.9)) * 1.0
    if kind == 1:
        return 0.5 - 0.5 * np.cos(2 * np.pi * phase)
    if kind == 2:
        return phase
    return rng.random(t.shape).round(1)


def _two(rng):
    pairs = [(BLACK, WHITE), (RED, BLUE), (BLACK, RED), (RED, (255, 255, 0)), (BLACK, (110, 110, 110)), (RED, WHITE)]
    if rng.random() < 0.3:
        return tuple(flat(rng.integers(0, 256, 3)).astype(float) for _ in range(2))
    a, b = pairs[rng.integers(len(pairs))]
    return flat(a).astype(float), flat(b).astype(float)


def _strobe(rng, t):
    a, b = _two(rng)
    return [_between(a, b, s) for s in _wave(rng, t, rng.uniform(2, 30))]


def _checker(rng, t):
    a, b = _two(rng)
    y, x = np.indices(a.shape[:2])
    square = int(rng.integers(3, 28))
    board = ((x // square + y // square) % 2)[..., None]
    return [_between(a, b, np.abs(board - s)) for s in _wave(rng, t, rng.uniform(2, 20))]


def _quarters(rng, t):
    a, b = _two(rng)
    y, x = np.indices(a.shape[:2])
    place = 2 * (y >= a.shape[0] // 2) + (x >= a.shape[1] // 2)
    waves = np.array([_wave(rng, t, rng.uniform(0.5, 12)) for _ in range(4)])
    return [_between(a, b, waves[place, i][..., None]) for i in range(len(t))]


def _travelling(rng, t):
    a, b = _two(rng)
    y, x = np.indices(a.shape[:2])
    along = (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) / rng.uniform(7, 64)
    rate = rng.uniform(2, 20)
    return [_between(a, b, (0.5 + 0.5 * np.sin(2 * np.pi * (along + rate * s)))[..., None]) for s in t]


def _cuts(rng, t):
    pictures, current = [], flat(BLACK)
    rate, hz = rng.uniform(1, 20), 1 / (t[1] - t[0])
    for _ in t:
        if rng.random() < rate / hz:
            coarse = rng.integers(0, 256, (int(rng.integers(1, 12)),) * 2 + (4,)).astype(np.uint8)
            current = np.kron(coarse, np.ones((64, 64, 1), np.uint8))[:: coarse.shape[0], :: coarse.shape[1]].copy()
        pictures.append(current)
    return pictures


def _fades(rng, t):
    a, b = _two(rng)
    return [_between(a, b, s) for s in 0.5 - 0.5 * np.cos(2 * np.pi * t * rng.uniform(0.1, 2.5))]


def _bursts(rng, t):
    """Calm, then flashing, then calm again: the guard must not forget nor pay out at once."""
    a, b = _two(rng)
    wave = _wave(rng, t, rng.uniform(3, 25)) * ((t * rng.uniform(0.4, 1.5)) % 1 < rng.uniform(0.2, 0.8))
    return [_between(a, b, s) for s in wave]


KINDS = {
    function.__name__[1:]: function for function in (_strobe, _checker, _quarters, _travelling, _cuts, _fades, _bursts)
}


def flicker(kind, seed, hz, seconds=3.0):
    """Return the pictures of one kind of flicker at `hz`, 64 x 64 BGRX."""
    t = np.arange(round(seconds * hz)) / hz
    return KINDS[kind](np.random.default_rng(seed), t)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("standard", "hz"), [(STANDARD, 30), (STANDARD, 75), (STRICT, 30)])
def test_any_flicker_comes_out_within_the_limits(kind, standard, hz):
    seed = hz // 75
    frames = flicker(kind, 100 * seed + 7, hz, seconds=2.0)
    shown = guarded(FlashGuard(SIZE, standard), frames, hz)
    for cells in (32, 24):
        assert count_flashes(shown, hz, standard, cells).safe, cells


def test_the_flicker_of_these_tests_is_dangerous_without_the_guard():
    counts = [count_flashes(flicker(kind, 100 * s + 7, hz, 2.0), hz) for kind in KINDS for s, hz in ((0, 30), (1, 75))]
    assert sum(not count.safe for count in counts) > len(counts) // 2
    assert any(count.red > 3 for count in counts)


def pattern(kind, square, shift, size=(128, 96)):
    """Return ``bool[H, W]``: squares, upright stripes, lying ones or oblique ones, `square` pixels wide."""
    y, x = np.indices(size[::-1]) + shift
    across = {"board": x // square + y // square, "upright": x // square, "lying": y // square}
    return across.get(kind, ((x + 0.7 * y) / square).astype(int)) % 2 == 1


@pytest.mark.parametrize("kind", ["board", "upright", "lying", "oblique"])
@pytest.mark.parametrize(("square", "shift"), [(1, 0), (3, 0), (4, 2), (9, 1)])
def test_no_pattern_is_too_fine_nor_in_step_with_the_cells(kind, square, shift):
    """Cells of 4 pixels: such a pattern leaves their means as they are, or half of them."""
    lit = pattern(kind, square, shift)
    pictures = [np.repeat(np.where(lit, *codes)[..., None], 4, 2).astype(np.uint8) for codes in ((30, 200), (200, 30))]
    frames = [pictures[i // 4 % 2] for i in range(90)]
    assert count_flashes(frames, 60).general > 7
    assert count_flashes(guarded(FlashGuard((128, 96)), frames, 60), 60).general <= 3


@pytest.mark.parametrize("step", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("stripe", [2, 3])
def test_stripes_finer_than_a_cell_that_run_are_held(stripe, step):
    """At 60 Hz, 4 and 6 pixels a period: 2.5 to 15 a second."""
    _, x = np.indices((96, 128))
    frames = []
    for i in range(150):
        lit = ((x + int(i * step)) // stripe) % 2 == 1
        frames.append(np.repeat((lit * 220)[..., None], 4, 2).astype(np.uint8))
    guard = FlashGuard((128, 96))
    shown = guarded(guard, frames, 60)
    assert count_flashes(shown, 60).general <= 3
    assert guard.figures()["damped_ticks"] > 0 or 60 * step / (2 * stripe) <= 3


@pytest.mark.parametrize("size", [(64, 48), (250, 130), (512, 512), (1920, 1080)])
def test_cells_are_means_of_linear_light_whatever_the_size(size):
    y, x = np.indices(size[::-1])
    picture = np.full((size[1], size[0], 4), 255, np.uint8)
    picture[..., :3] = (x * 255 // size[0])[..., None]
    picture[(x + y) % 2 == 0, :3] //= 2
    cells = CellView(size, STANDARD).look(picture).cells
    code = picture[..., 0] / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    rows, columns = cells.shape[1:]
    side = size[0] // columns
    whole = light[: rows * side, : columns * side].reshape(rows, side, columns, side).mean(axis=(1, 3))
    assert np.abs(cells - whole).max() < 0.03


def swapping(size, square, area=1.0):
    """Return a board, and the same with black and white swapped in this share of its width."""
    lit = pattern("board", square, 0, size)
    swapped = np.where(np.arange(size[0]) < area * size[0], ~lit, lit)
    return [np.repeat(np.where(board, 255, 0)[..., None], 4, 2).astype(np.uint8) for board in (lit, swapped)]


def test_a_pattern_much_finer_than_a_tenth_of_a_degree_may_swap():
    """Two pixels are a site here, and a pattern of single ones is in balance in each."""
    pictures = swapping((2048, 2048), 1)
    guard = FlashGuard((2048, 2048))
    for i in range(40):
        picture = pictures[i // 4 % 2]
        assert guard.show(picture, i * SECOND // 60) is picture


@pytest.mark.parametrize(("size", "square"), [((800, 800), 2), ((1920, 1080), 3), ((1024, 1024), 2)])
def test_a_board_just_as_fine_as_counts_is_seen_where_it_covers_hardly_more_than_a_quarter(size, square):
    pictures = swapping(size, square, area=0.32)
    guard = FlashGuard(size)
    frames = [pictures[i // 4 % 2] for i in range(75)]
    assert count_flashes(frames, 60).general > 3
    assert count_flashes((guard.show(picture, i * SECOND // 60) for i, picture in enumerate(frames)), 60).general <= 3
    assert guard.figures()["damped_ticks"] > 30


@pytest.mark.parametrize("rate", [2, 4, 10, 30])
@pytest.mark.parametrize("hz", [24, 60, 144])
def test_a_slow_strobe_passes_and_a_faster_one_becomes_dark(rate, hz):
    if 2 * rate > hz:
        rate = hz // 2
    frames = [flat(WHITE if int(2 * rate * i / hz) % 2 else BLACK) for i in range(2 * hz)]
    guard = FlashGuard(SIZE)
    shown = guarded(guard, frames, hz)
    count = count_flashes(shown, hz)
    assert count.general <= 3
    if rate == 2:
        assert all(np.array_equal(a, b) for a, b in zip(shown, frames, strict=True))
        assert guard.figures()["damped_ticks"] == 0
    if rate >= 8:
        last = np.array([luminance(picture) for picture in shown[-hz // 2 :]])
        assert np.ptp(last) < 0.08, "it still flickers by much"
        assert guard.figures()["worst_asked"]["general"] > 3


def test_an_ordinary_clip_passes_untouched():
    import av

    guard = None
    with av.open(str(asset("demo.mp4"))) as film:
        rate = float(film.streams.video[0].average_rate)
        for index, picture in enumerate(film.decode(video=0)):
            frame = picture.to_ndarray(format="bgra")
            guard = guard or FlashGuard((frame.shape[1], frame.shape[0]))
            assert guard.show(frame, round(index * SECOND / rate)) is frame
            if index > 45:
                break
    assert guard.settled


def portrait(x, boil, size=128, strokes=6):
    """Return a head before a bright car window, at `x` (share of the width), painted with strokes that boil."""
    rng = np.random.default_rng(boil)
    picture = np.full((size, size, 4), 255, np.uint8)
    picture[..., :3] = 200
    picture[size // 2 :, :, :3] = (40, 60, 90)
    centre = round(x * size)
    picture[size // 6 : size * 5 // 6, max(centre - size // 6, 0) : centre + size // 6, :3] = (60, 90, 140)
    picture[..., :3] = np.clip(picture[..., :3] + rng.normal(0, strokes, (size, size, 1)), 0, 255)
    return picture


def swaying(hz=60, seconds=3, frame_rate=15, boil_rate=15, **how):
    """Return somebody who sways before the mirror, painted with other strokes `boil_rate` times a second."""
    frames = []
    for i in range(hz * seconds):
        frame = i * frame_rate // hz
        if i * frame_rate % hz == 0:
            boil = frame * boil_rate // frame_rate
            frames.append(portrait(0.5 + 0.2 * np.sin(2 * np.pi * frame / frame_rate), boil, **how))
        else:
            frames.append(frames[-1])
    return frames


def test_somebody_who_moves_painted_with_strokes_that_boil_is_no_flash():
    guard = FlashGuard((128, 128))
    frames = swaying()
    assert all(guard.show(frame, i * SECOND // 60) is frame for i, frame in enumerate(frames))
    assert guard.figures()["damped_ticks"] == 0
    near = FlashGuard((128, 128), STRICT)
    guarded(near, frames, 60)
    assert near.figures()["damped_ticks"] > 0, "seen from near it is one: the standards differ"


def test_cuts_and_dissolves_between_pictures_are_no_flashes():
    pictures = [portrait(0.3, 1), flat((20, 20, 30), (128, 128)), portrait(0.8, 2), flat((230, 220, 240), (128, 128))]
    cut = [pictures[i // 30 % 4] for i in range(240)]
    dissolved = [_between(pictures[i // 60].astype(float), pictures[i // 60 + 1], i % 60 / 60) for i in range(180)]
    for frames in (cut, dissolved):
        guard = FlashGuard((128, 128))
        guarded(guard, frames, 60)
        assert guard.figures()["damped_ticks"] == 0


def lit(frames, period=6, half=64):
    """Return the pictures with a lamp that flashes on the left half."""
    out = []
    for i, frame in enumerate(frames):
        picture = frame.copy()
        if i // period % 2 == 0:
            picture[:, :half, :3] //= 5
        out.append(picture)
    return out


def test_damping_dims_what_flashes_and_leaves_motion_sharp():
    frames = lit(swaying(boil_rate=3, strokes=8))
    shown = guarded(FlashGuard((128, 128)), frames, 60)
    assert count_flashes(frames, 60).general > 3
    assert count_flashes(shown, 60).general <= 3
    for at in (100, 118, 121, 140, 160):
        assert np.array_equal(shown[at][:, 80:], frames[at][:, 80:]), "what doesn't flash is untouched"
        seen, meant = shown[at][:, 8:56, 1].astype(float), frames[at][:, 8:56, 1].astype(float)
        assert similar(seen, meant) > 0.8, "the picture of the moment"
        ago = frames[at - 24][:, 8:56, 1].astype(float)
        assert similar(seen, meant) > similar(seen, ago) + 0.05, "not the pictures before"


def similar(a, b):
    """Return the correlation of fine detail: by which share it differs from the mean of 8 x 8 pixels."""
    fine = []
    for plane in (a, b):
        rows, columns = plane.shape
        mean = plane.reshape(rows // 8, 8, columns // 8, 8).mean(axis=(1, 3))
        fine.append((plane / mean.repeat(8, 0).repeat(8, 1)).ravel())
    return np.corrcoef(*fine)[0, 1]


def test_red_flashes_lose_their_colour_and_keep_their_light():
    hz, guard = 60, FlashGuard(SIZE)
    red, grey = flat((0, 0, 200)), flat((92, 92, 92))
    frames = [red if i // 5 % 2 else grey for i in range(3 * hz)]
    shown = guarded(guard, frames, hz)
    assert count_flashes(frames, hz).red == 6
    assert count_flashes(shown, hz).red <= 3
    for picture in shown[hz:]:
        assert abs(luminance(picture) - luminance(grey)) < 0.05
    assert guard.figures()["mixed_ticks"] == 0


def test_after_the_flashing_the_pictures_come_back_smoothly_and_to_the_bit():
    hz, guard = 60, FlashGuard(SIZE)
    guarded(guard, [flat(WHITE if i // 3 % 2 else BLACK) for i in range(hz)], hz)
    assert not guard.settled
    calm = flat((90, 140, 60))
    shown = [guard.show(calm, SECOND + round(i * SECOND / hz)).copy() for i in range(3 * hz)]
    steps = np.abs(np.diff([picture[0, 0, 1].astype(int) for picture in shown]))
    assert steps.max() <= 12
    assert np.array_equal(shown[-1], calm)
    assert guard.settled
    assert guard.show(calm, 5 * SECOND) is calm


def test_it_never_freezes_for_good():
    """Within a flashing picture a slow change must still arrive."""
    hz, guard = 60, FlashGuard(SIZE)
    frames = []
    for i in range(6 * hz):
        level = 40 if i < 3 * hz else 160
        frames.append(flat((level + 40 * (i // 3 % 2) * 2,) * 3))
    shown = guarded(guard, frames, hz)
    early, late = (np.mean([p[0, 0, 0] for p in shown[at - hz : at]]) for at in (3 * hz, 6 * hz))
    assert late > early + 80
    assert count_flashes(shown, hz).general <= 3


def test_a_flash_in_a_small_corner_is_nobodys_business():
    hz, guard = 60, FlashGuard(SIZE)
    frames = []
    for i in range(2 * hz):
        frame = flat((60, 60, 60))
        frame[:8, :8, :3] = 255 * (i // 3 % 2)
        frames.append(frame)
    assert count_flashes(frames, hz).general == 0
    assert all(guard.show(frame, i * SECOND // hz) is frame for i, frame in enumerate(frames))


def test_a_blackout_is_never_delayed_and_mashing_its_key_stays_within_the_limits():
    hz, guard, black, white = 60, FlashGuard(SIZE), flat(BLACK), flat(WHITE)
    shown = []
    for i in range(4 * hz):
        t_ns = i * SECOND // hz
        dark = i // 4 % 2 == 1
        out = guard.force(black, t_ns) if dark else guard.show(white, t_ns)
        if dark:
            assert out is black
        shown.append(out.copy())
    assert count_flashes(shown, hz).general <= 3
    shown = [guard.show(white, 4 * SECOND + i * SECOND // hz)[0, 0, 0] for i in range(4 * hz)]
    assert shown[-1] == 255, "the picture comes back once nobody presses any more"


def test_a_strobe_before_the_blackout_does_not_delay_it():
    hz, guard, black = 60, FlashGuard(SIZE), flat(BLACK)
    guarded(guard, [flat(WHITE if i // 3 % 2 else BLACK) for i in range(hz)], hz)
    assert guard.force(black, SECOND) is black


def test_the_memory_under_the_last_picture_may_go_after_hold():
    hz, guard = 60, FlashGuard(SIZE)
    for i in range(45):
        last = guard.show(flat(WHITE if i // 6 % 2 else BLACK), i * SECOND // hz)
    assert not guard.settled
    guard.hold()
    last[:] = 77
    shown = [guard.show(flat(WHITE if i // 6 % 2 else BLACK), i * SECOND // hz) for i in range(45, 70)]
    assert max(luminance(picture) for picture in shown) < 0.08


def test_times_that_jitter_and_pictures_that_repeat_change_nothing():
    rng, guard, t_ns = np.random.default_rng(3), FlashGuard((96, 64)), 0
    shown = []
    for i in range(240):
        picture = flat(WHITE if i // 3 % 2 else BLACK, (96, 64)) if i % 2 == 0 else picture  # noqa: F821
        t_ns = i * SECOND // 60 + int(rng.integers(-3_000_000, 3_000_000))
        shown.append(guard.show(picture, t_ns).copy())
    assert count_flashes(shown, 60).safe
