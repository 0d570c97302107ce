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
_TO_XYZ = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)))


@dataclass(frozen=True, slots=True)
class FlashCount:
    """The worst second of a film.

    Attributes:
        general: most general flashes in any second.
        red: most red flashes in any second.
        general_at_s: when the worst second for general flashes ends.
        red_at_s: the same for red.
        frames: how many pictures were looked at.
        duration_s: when the last one came.
    """

    general: int
    red: int
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


def count_flashes(
    frames: Iterable[Image], hz: float, standard: Standard = STANDARD, cells: int | None = None
) -> FlashCount:
    """Return the worst second of `frames`, ``uint8[H, W, 3 or 4]`` BGR or BGRX, shown at `hz` pictures a second.

    Args:
        frames: the pictures in their order, all of one size.
        hz: how many of them a second.
        standard: of what a quarter must flash.
        cells: how many cells the longer side has; None for the standard's.
    """
    counter = FlashCounter(standard, cells)
    for index, frame in enumerate(frames):
        counter.add(frame, index / hz)
    return counter.result()


class FlashCounter:
    """Looks at one picture after the other.

    A flash is a pair of opposing transitions, so each second's transitions are halved, rounded down. Two counts are
    taken in every field, and the larger holds: pictures in which a quarter of the field makes a transition at once
    (where the standard says so, in the same direction); and the transitions that a quarter of its cells reach, each in
    its own time and direction.

    Args:
        standard: of what a quarter must flash.
        cells: how many cells the longer side has; None for the standard's.
    """

    def __init__(self, standard: Standard = STANDARD, cells: int | None = None) -> None:
        self._cells = cells or standard.cells
        self._luminance, self._redness = _Luminance(), _Redness()
        self._general, self._red = _Seconds(standard), _Seconds(standard)
        self._frames = 0
        self._t_s = 0.0

    def add(self, frame: Image, t_s: float) -> None:
        """Look at the next picture, ``uint8[H, W, 3 or 4]`` BGR or BGRX, shown from `t_s` on."""
        xyz, linear = _light(frame, self._cells)
        self._general.add(*self._luminance.transitions(xyz[1]), t_s)
        self._red.add(*self._redness.transitions(xyz, linear), t_s)
        self._frames += 1
        self._t_s = t_s

    def result(self) -> FlashCount:
        """Return the worst second so far."""
        general, red = self._general, self._red
        return FlashCount(
            general.worst // 2, red.worst // 2, general.worst_at_s, red.worst_at_s, self._frames, round(self._t_s, 3)
        )


def _light(frame: Image, cells: int) -> tuple[Plane, Plane]:
    """Return XYZ and linear RGB, ``float64[3, rows, columns]``, averaged over cells in linear light."""
    import cv2

    height, width = frame.shape[:2]
    longest = max(width, height)
    linear: npt.NDArray[Any] = _LINEAR[frame[..., :3]]
    if longest > cells:
        size = max(round(width * cells / longest), 1), max(round(height * cells / longest), 1)
        linear = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    rgb = np.moveaxis(linear[..., ::-1], 2, 0).astype(np.float64)
    return np.tensordot(_TO_XYZ, rgb, 1), rgb


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
        at_once = (there, back) if self._standard.one_way else (transitions,)
        self._times.append(t_s)
        self._cells.append(transitions)
        self._fields.append(np.logical_or.reduce([_share(mask, field) >= AREA for mask in at_once]))
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
