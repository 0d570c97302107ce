"""Counts the flashes of a film, apart from the guard and by another way, to judge films and the guard itself."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mirrorfx.safety.limits import (
    AREA,
    DARK_LUMINANCE,
    FLASHES_MOST,
    LUMINANCE_STEP,
    RED_PRIMARY,
    RED_SHARE,
    RED_STEP,
    STANDARD,
    STRAY_LIGHT,
    Standard,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from mirrorfx.frame import Image

__all__ = ["FlashCount", "FlashCounter", "count_flashes"]

Plane: TypeAlias = "npt.NDArray[np.float64]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

_SECOND, _ROUNDING = 1.0, 1e-6
_CELLS, _SITES, _SEED = 32, 128, 391
_TO_XYZ = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)))


@dataclass(frozen=True, slots=True)
class FlashCount:
    """The worst second of a film.

    Attributes:
        general: most general flashes in any second; half a one is a single change.
        red: the same for red flashes.
        general_at_s: when the worst second for general flashes ends.
        red_at_s: the same for red.
        frames: how many pictures were looked at.
        duration_s: when the last one came.
    """

    general: float
    red: float
    general_at_s: float
    red_at_s: float
    frames: int
    duration_s: float

    @property
    def safe(self) -> bool:
        """Whether no second has more than three of either kind."""
        return self.general <= FLASHES_MOST and self.red <= FLASHES_MOST

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "limit": FLASHES_MOST, "safe": self.safe}


def count_flashes(frames: Iterable[Image], hz: float, standard: Standard = STANDARD, cells: int = _CELLS) -> FlashCount:
    """Return the worst second of `frames`, ``uint8[H, W, 3 or 4]`` BGR or BGRX, shown at `hz` pictures a second.

    Args:
        frames: the pictures in their order, all of one size.
        hz: how many of them a second.
        standard: of what a quarter must flash.
        cells: how many cells the longer side has.
    """
    counter = FlashCounter(standard, cells)
    for index, frame in enumerate(frames):
        counter.add(frame, index / hz)
    return counter.result()


class FlashCounter:
    """Looks at one picture after the other.

    A flash is a pair of opposing transitions, so each second's transitions are halved. Two counts are taken in every
    field, and the larger holds: pictures in which a quarter of the field makes a transition in the same direction at
    once; and the transitions that a quarter of it reaches, each place in its own time and direction.

    Both are taken twice: of means over cells, and at scattered sites, which see every pattern that is not finer than a
    512th of the height: they are half as wide, so that it does not average out in one that lies across it.

    Args:
        standard: of what a quarter must flash.
        cells: how many cells the longer side has.
    """

    def __init__(self, standard: Standard = STANDARD, cells: int = _CELLS) -> None:
        self._cells = cells
        self._means, self._singles = _Places(standard), _Places(standard)
        self._sites: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
        self._frames = 0
        self._t_s = 0.0

    def add(self, frame: Image, t_s: float) -> None:
        """Look at the next picture, ``uint8[H, W, 3 or 4]`` BGR or BGRX, shown from `t_s` on."""
        self._sites = self._sites or _sites(frame.shape[0], frame.shape[1])
        linear = _LINEAR[frame[..., :3]]
        self._means.add(_means(linear, self._cells), t_s)
        self._singles.add(_blurred(linear)[self._sites], t_s)
        self._frames += 1
        self._t_s = t_s

    def result(self) -> FlashCount:
        """Return the worst second so far."""
        general = max(self._means.general, self._singles.general, key=_worst)
        red = max(self._means.red, self._singles.red, key=_worst)
        return FlashCount(
            general.worst / 2, red.worst / 2, general.worst_at_s, red.worst_at_s, self._frames, round(self._t_s, 3)
        )


class _Places:
    """Counts both kinds of flashes at one kind of places."""

    def __init__(self, standard: Standard) -> None:
        self._luminance, self._redness = _Luminance(), _Redness()
        self.general, self.red = _Seconds(standard), _Seconds(standard)

    def add(self, linear: npt.NDArray[np.float32], t_s: float) -> None:
        """Take linear light, ``float32[rows, columns, 3]`` BGR."""
        rgb = np.moveaxis(linear[..., ::-1], 2, 0).astype(np.float64)
        xyz = np.tensordot(_TO_XYZ, rgb, 1)
        self.general.add(*self._luminance.transitions(xyz[1]), t_s)
        self.red.add(*self._redness.transitions(xyz, rgb), t_s)


def _worst(seconds: _Seconds) -> int:
    return seconds.worst


def _means(linear: npt.NDArray[np.float32], cells: int) -> npt.NDArray[np.float32]:
    """Return the light averaged over cells, ``float32[rows, columns, 3]``."""
    import cv2

    height, width = linear.shape[:2]
    longest = max(width, height)
    if longest <= cells:
        return linear
    size = max(round(width * cells / longest), 1), max(round(height * cells / longest), 1)
    return cv2.resize(linear, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _blurred(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the light averaged over each pixel and its neighbours within a 1024th of the height."""
    import cv2

    side = round(linear.shape[0] / 1024)
    return cv2.blur(linear, (side, side)).astype(np.float32, copy=False) if side > 1 else linear


def _sites(height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows and columns of pixels, one somewhere in each of 128 squares along the longer side."""
    side = max(height, width) / _SITES
    rows, columns = min(round(height / side), height), min(round(width / side), width)
    within = np.random.default_rng(_SEED).random((2, rows, columns))
    down, across = np.arange(rows)[:, None] + within[0], np.arange(columns)[None, :] + within[1]
    return (down * (height / rows)).astype(np.int64), (across * (width / columns)).astype(np.int64)


def _srgb_to_linear() -> npt.NDArray[np.float32]:
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _srgb_to_linear()


class _Luminance:
    """Finds the moments at which a cell has left its last valley or peak by a step."""

    def __init__(self) -> None:
        self._rising: Plane | None = None  # 1 rose last, -1 fell last, 0 neither yet
        self._least: Plane | None = None
        self._most: Plane | None = None

    def transitions(self, now: Plane) -> tuple[Mask, Mask]:
        if self._least is None or self._most is None or self._rising is None:
            self._least, self._most, self._rising = now.copy(), now.copy(), np.zeros_like(now)
            return _nowhere(now), _nowhere(now)
        self._least, self._most = np.minimum(self._least, now), np.maximum(self._most, now)
        up = (now - self._least >= LUMINANCE_STEP - _ROUNDING) & (self._least < DARK_LUMINANCE) & (self._rising <= 0)
        down = (self._most - now >= LUMINANCE_STEP - _ROUNDING) & (now < DARK_LUMINANCE) & (self._rising >= 0)
        self._rising = np.where(up, 1.0, np.where(down, -1.0, self._rising))
        changed: Mask = up | down
        self._least = np.where(changed, now, self._least)
        self._most = np.where(changed, now, self._most)
        return up, down


class _Redness:
    """Finds the moments at which a cell has gone to a saturated red, or from one, by a step."""

    def __init__(self) -> None:
        self._anchor: tuple[Plane, Plane] | None = None
        self._red: Mask | None = None

    def transitions(self, xyz: Plane, linear: Plane) -> tuple[Mask, Mask]:
        x, y, z = xyz + STRAY_LIGHT * np.array((0.9505, 1.0, 1.089))[:, None, None]
        u, v = 4 * x / (x + 15 * y + 3 * z), 9 * y / (x + 15 * y + 3 * z)
        total = linear.sum(axis=0)
        is_red: Mask = (total > 0) & (linear[0] >= RED_SHARE * total)
        if self._anchor is None or self._red is None:
            self._anchor, self._red = (u, v), is_red
            return _nowhere(u), _nowhere(u)
        anchor_u, anchor_v = self._anchor
        moved = (u - anchor_u) ** 2 + (v - anchor_v) ** 2 > RED_STEP**2
        changed: Mask = moved & (is_red | self._red)
        now_off, anchor_off = _off_red(u, v), _off_red(anchor_u, anchor_v)
        nearer_red = is_red & (~self._red | (now_off < anchor_off))
        farther = ~is_red & ~self._red & (now_off >= anchor_off)
        take = changed | nearer_red | farther
        self._anchor = np.where(take, u, anchor_u), np.where(take, v, anchor_v)
        self._red = np.where(changed, is_red, self._red | is_red)
        return changed & is_red, changed & ~is_red


def _nowhere(plane: Plane) -> Mask:
    return np.zeros(plane.shape, np.bool_)


def _off_red(u: Plane, v: Plane) -> Plane:
    off: Plane = (u - RED_PRIMARY[0]) ** 2 + (v - RED_PRIMARY[1]) ** 2
    return off


class _Seconds:
    """Sums transitions over the last second, for every cell and every field."""

    def __init__(self, standard: Standard) -> None:
        self._standard = standard
        self._times: deque[float] = deque()
        self._cells: deque[Mask] = deque()
        self._fields: deque[Mask] = deque()
        self.worst = 0
        self.worst_at_s = 0.0

    def add(self, there: Mask, back: Mask, t_s: float) -> None:
        """Take the cells that went up (or to red) and those that came back in the picture of `t_s`."""
        transitions = there | back
        field = [max(round(side * self._standard.field), 1) for side in transitions.shape]
        self._times.append(t_s)
        self._cells.append(transitions)
        self._fields.append(np.logical_or.reduce([_share(mask, field) >= AREA for mask in (there, back)]))
        while self._times[0] <= t_s - _SECOND + _ROUNDING:
            for past in (self._times, self._cells, self._fields):
                past.popleft()
        if not transitions.any():
            return
        count = int(np.sum(self._fields, axis=0).max())
        count = max(count, self._reached(field, count))
        if count > self.worst:
            self.worst, self.worst_at_s = count, round(t_s, 3)

    def _reached(self, field: list[int], least: int) -> int:
        """Return the most transitions that a quarter of a field's cells have, each by itself."""
        counts = np.sum(self._cells, axis=0)
        most = least
        while most < int(counts.max()) and (_share(counts > most, field) >= AREA).any():
            most += 1
        return most


def _share(mask: Mask, field: list[int]) -> Plane:
    """Return which share of each field is in `mask`, for all places of the field, by a summed-area table."""
    height, width = field
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    table[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    sums = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    share: Plane = sums / (height * width)
    return share
