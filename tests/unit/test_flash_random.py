"""Random flashing, judged by a third count that knows nothing of the guard: pixel by pixel, from the definitions."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.safety import FlashGuard
from mirrorfx.safety.limits import STANDARD, STRICT

WIDTH, HEIGHT = 64, 48
CODES = np.arange(256) / 255
LIGHT = np.where(CODES <= 0.04045, CODES / 12.92, ((CODES + 0.055) / 1.055) ** 2.4)


def linear(picture):
    """Return linear red, green, blue, ``float64[H, W, 3]``, of BGRX codes (IEC 61966-2-1)."""
    return LIGHT[picture[..., 2::-1]]


def chromaticity(rgb):
    """Return u', v' (CIE 1976) with half a percent of white over it, as on any screen in a room."""
    xyz = (rgb + 0.005) @ np.array(((0.4124, 0.2126, 0.0193), (0.3576, 0.7152, 0.1192), (0.1805, 0.0722, 0.9505)))
    below = xyz @ (1.0, 15.0, 3.0)
    return np.stack((4 * xyz[..., 0] / below, 9 * xyz[..., 1] / below), axis=-1)


class Pixels:
    """Every pixel's transitions. `swing` tells which pixels have one between what they were and what they are."""

    def __init__(self):
        self.past = []

    def transitions(self, value, swing, better):
        """Return +1 and -1 where the pixel has left its last extreme by enough, and else 0."""
        if not self.past:
            self.past = [value.copy(), value.copy(), np.zeros(value.shape[:2], int)]
        high, low, last = self.past
        for extreme, way in ((high, 1), (low, -1)):
            take = better(value, extreme, way)
            extreme[take] = value[take]
        up = swing(low, value, 1) & (last <= 0)
        down = swing(high, value, -1) & (last >= 0) & ~up
        for extreme in (high, low):
            extreme[up | down] = value[up | down]
        last[up], last[down] = 1, -1
        return up.astype(int) - down


def general_transitions(pictures):
    """WCAG 2.2: changes of relative luminance by 0.1 or more, the darker state below 0.8."""
    pixels = Pixels()

    def swing(then, now, way):
        return (way * (now - then) >= 0.1 - 1e-6) & (np.minimum(then, now) < 0.8)

    return [
        pixels.transitions(linear(p) @ (0.2126, 0.7152, 0.0722), swing, lambda v, e, way: way * (v - e) > 0)
        for p in pictures
    ]


def red_transitions(pictures):
    """WCAG 2.2: to or from R / (R + G + B) >= 0.8, by more than 0.2 in u', v'.

    A pixel's extremes are its reddest saturated red, and the colour farthest from red that isn't one.
    """
    red_u, red_v, found, state = 0.4507, 0.5229, [], None
    for picture in pictures:
        rgb = linear(picture)
        uv = chromaticity(rgb)
        saturated = (rgb[..., 0] >= 0.8 * rgb.sum(axis=-1)) & (rgb.sum(axis=-1) > 0)
        off = np.hypot(uv[..., 0] - red_u, uv[..., 1] - red_v)
        if state is None:
            state = [uv.copy(), off.copy(), saturated.copy()]
        anchor, anchor_off, was = state
        far = np.hypot(*np.moveaxis(uv - anchor, -1, 0)) > 0.2
        there, back = far & saturated, far & was & ~saturated
        take = there | back | (saturated & (~was | (off < anchor_off))) | (~saturated & ~was & (off >= anchor_off))
        anchor[take], anchor_off[take] = uv[take], off[take]
        was[there | back | saturated] = saturated[there | back | saturated]
        found.append(there.astype(int) - back)
    return found


def most_flashes(transitions, times_s):
    """Return the most flashes in any second: changes of a quarter at once, or of a quarter each by itself, halved."""
    marks = np.array(transitions)
    at_once = [max((mark > 0).mean(), (mark < 0).mean()) >= 0.25 for mark in marks]
    most = 0.0
    for last, t_s in enumerate(times_s):
        first = int(np.searchsorted(times_s, t_s - 1 + 1e-9, side="right"))
        each = np.sort(np.abs(marks[first : last + 1]).sum(axis=0), axis=None)
        quarter = each[-int(np.ceil(each.size * 0.25))]
        most = max(most, sum(at_once[first : last + 1]) / 2, quarter / 2)
    return most


def judged(pictures, times_s):
    """Return the most general and the most red flashes in any second."""
    return (
        most_flashes(general_transitions(pictures), times_s),
        most_flashes(red_transitions(pictures), times_s),
    )


def flat(colour):
    """Return one colour, BGRX."""
    picture = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    picture[..., :3] = colour
    return picture


COLOURS = [(0, 0, 0), (255, 255, 255), (0, 0, 255), (255, 0, 0), (0, 0, 150), (0, 200, 255), (110, 110, 110)]


def random_pattern(rng):
    """Return ``bool[H, W]``: which places show the one colour while the others show the other."""
    y, x = np.indices((HEIGHT, WIDTH))
    kind = rng.integers(6)
    if kind == 0:
        return np.ones((HEIGHT, WIDTH), bool)
    if kind == 1:  # an area, a fifth to all of it
        return x < WIDTH * rng.uniform(0.2, 1.0)
    square, dy, dx = int(rng.integers(1, 20)), rng.integers(20), rng.integers(20)
    if kind == 2:
        return ((x + dx) // square + (y + dy) // square) % 2 == 0
    if kind == 3:  # thin stripes, any direction
        angle = rng.uniform(0, np.pi)
        return (x * np.cos(angle) + y * np.sin(angle)) % (2 * square) < square
    if kind == 4:  # noise that stands still
        return rng.random((HEIGHT, WIDTH)) < rng.uniform(0.3, 0.7)
    return np.hypot(x - rng.integers(WIDTH), y - rng.integers(HEIGHT)) < rng.uniform(15, 40)


def random_colours(rng):
    if rng.random() < 0.3:
        return rng.integers(0, 256, (2, 3))
    return [COLOURS[i] for i in rng.choice(len(COLOURS), 2, replace=False)]


def random_film(rng, seconds=2.5):
    """Return pictures and the times at which a wall asks: pictures repeat, come unevenly, and ticks are dropped."""
    hz = float(rng.choice([24, 25, 30, 50, 59.94, 60, 75, 100, 120, 144]))
    rate, duty, moves = rng.uniform(2, 30), rng.uniform(0.2, 0.8), rng.random() < 0.3
    soft, painted_hz = rng.random() < 0.3, rng.uniform(10, 150)
    drops, jitter = rng.choice([0.0, 0.1]), rng.choice([0.0, 0.2])
    pattern = random_pattern(rng)
    a, b = random_colours(rng)
    noise = rng.integers(0, 40, (HEIGHT, WIDTH, 1)) * (rng.random() < 0.3)
    pictures, times, painted, picture = [], [], -1, None
    for tick in range(int(seconds * hz)):
        if tick and rng.random() < drops:
            continue
        t_s = max((tick + rng.uniform(-jitter, jitter)) / hz, 0.0)
        if int(t_s * painted_hz) != painted:
            painted = int(t_s * painted_hz)
            phase = painted / painted_hz * rate % 1
            share = 0.5 - 0.5 * np.cos(2 * np.pi * phase) if soft else float(phase < duty)
            shown = np.roll(pattern, int(phase * 40), 1) if moves else pattern
            mix = np.where(shown, share, 1 - share)[..., None]
            picture = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
            picture[..., :3] = np.clip(np.array(a) * mix + np.array(b) * (1 - mix) + noise, 0, 255)
        pictures.append(picture)
        times.append(t_s)
    return pictures, np.array(times)


def guarded(guard, pictures, times_s):
    return [guard.show(p, round(t * SECOND)).copy() for p, t in zip(pictures, times_s, strict=True)]


@pytest.mark.parametrize("seed", range(24))
def test_any_random_flashing_comes_out_within_the_limits(seed):
    pictures, times_s = random_film(np.random.default_rng(seed))
    shown = guarded(FlashGuard((WIDTH, HEIGHT), STRICT if seed % 5 == 0 else STANDARD), pictures, times_s)
    general, red = judged(shown, times_s)
    assert general <= 3
    assert red <= 3
