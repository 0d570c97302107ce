"""Counts flashes as pictures go by, and tells beforehand whether one more picture would be one flash too many."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from mirrorfx.safety.cells import cells_shape, sites_shape
from mirrorfx.safety.limits import (
    AREA,
    DARK_LUMINANCE,
    FLASHES_MOST,
    LUMINANCE_STEP,
    RED_PRIMARY,
    RED_SHARE,
    RED_STEP,
    STRAY_LIGHT,
    WINDOW_NS,
    Standard,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from mirrorfx.frame import Size
    from mirrorfx.safety.cells import Glance

__all__ = ["Busy", "Considered", "FlashTally"]

Light: TypeAlias = "npt.NDArray[np.float32]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

# Stricter than the limits, so that rounding, other cells, other sites and an uneven display stay within them.
_DARK = 1.05 * DARK_LUMINANCE
_RED_SHARE = 0.95 * RED_SHARE
_CELLS_AREA, _SITES_AREA, _AREA_AT_ONCE = 0.85 * AREA, 0.94 * AREA, 0.72 * AREA
_WINDOW_NS = WINDOW_NS + WINDOW_NS // 40

_CLOSE, _STRICT = 0.985, 0.9
_BUSY_TURNS = 5
_TURNS_MOST = 2 * FLASHES_MOST
_LONG_AGO_NS = -(1 << 62)


class _Seen:
    """Luminance and colour of places: u', v' (CIE 1976 UCS), and where the red is saturated."""

    def __init__(self, light: Light) -> None:
        blue, green, red = light
        self.luminance = np.float32(0.2126) * red + np.float32(0.7152) * green + np.float32(0.0722) * blue
        x = np.float32(0.4124) * red + np.float32(0.3576) * green + np.float32(0.1805) * blue
        z = np.float32(0.0193) * red + np.float32(0.1192) * green + np.float32(0.9505) * blue
        x += np.float32(0.9505 * STRAY_LIGHT)
        y = self.luminance + np.float32(STRAY_LIGHT)
        z += np.float32(1.089 * STRAY_LIGHT)
        below = x + 15 * y + 3 * z
        self.u: Light = 4 * x / below
        self.v: Light = 9 * y / below
        self.from_red = (self.u - np.float32(RED_PRIMARY[0])) ** 2 + (self.v - np.float32(RED_PRIMARY[1])) ** 2
        self.is_red: Mask = (red >= np.float32(_RED_SHARE) * (red + green + blue)) & (red > 0)


@dataclass(slots=True)
class _Turns:
    """The places that a picture would turn, and the fields of which it would turn enough at once.

    Attributes:
        there: places that go up, or to red.
        back: places that go down, or away from red.
        owing: places that will be up, or red: sooner or later they must come back, which is a turn too.
        fields: for each scale, the fields of which enough turns; None for none.
        allowed: whether it stays within the limits.
    """

    there: Mask
    back: Mask
    owing: Mask
    fields: tuple[Mask | None, ...] = ()
    allowed: bool = True

    @property
    def turned(self) -> Mask:
        """Places that turn, either way."""
        return self.there | self.back


@dataclass(slots=True)
class Considered:
    """What showing a picture would mean."""

    t_ns: int
    seen: _Seen
    general: _Turns
    red: _Turns

    @property
    def general_allowed(self) -> bool:
        """Whether it stays within the limit of general flashes."""
        return self.general.allowed

    @property
    def red_allowed(self) -> bool:
        """Whether it stays within the limit of red flashes."""
        return self.red.allowed

    @property
    def allowed(self) -> bool:
        """Whether it stays within both limits."""
        return self.general_allowed and self.red_allowed


@dataclass(frozen=True, slots=True)
class Busy:
    """Cells and sites that flash, by light and by red: ``bool[rows, columns]`` each."""

    cells: Mask
    red_cells: Mask
    sites: Mask
    red_sites: Mask


class FlashTally:
    """The state of every place, and when it turned.

    A *turn* is one half of a flash: a place that had become darker by a step becomes lighter by one, or the other way
    round. Two things are bounded, in every field wherever it lies: how often enough of its places turn in the same
    picture, and how many of its places turn too often, each in its own time. A place that is up counts one turn more
    than it made, so that there is always room for its way back: darkness and what isn't red are never too much.

    The places are those of three scales: the sites, where no pattern is too fine; the cells, because what twinkles
    finely, each place by a little, flashes only as a whole; and the cells with smaller steps, because which cells turn
    in the same picture hangs on the step. All scales lie in one row, since many small arrays cost more than one.

    Only places that change in the same direction add up to a turn of a field: an edge that moves makes some lighter
    and others darker, and is no flash; where such places go to and fro, each is counted by itself.

    Args:
        size: (width, height) of the pictures.
        standard: of what a quarter must flash.
    """

    def __init__(self, size: Size, standard: Standard) -> None:
        cells, sites = cells_shape(size), sites_shape(size, standard)
        scales, shares, start = [], [], 0
        for shape, share, area in (
            (sites, _CLOSE, _SITES_AREA),
            (cells, _CLOSE, _CELLS_AREA),
            (cells, _STRICT, _CELLS_AREA),
        ):
            scales.append(_Scale(start, shape, area, standard))
            shares.append(np.full(shape[0] * shape[1], share, np.float32))
            start += shares[-1].size
        self._scales = tuple(scales)
        steps = np.concatenate(shares)
        self._luminance = _Luminance(steps * np.float32(LUMINANCE_STEP))
        self._redness = _Redness(steps * np.float32(RED_STEP))
        self._general, self._red = _History(self._scales), _History(self._scales)

    def consider(self, glance: Glance, t_ns: int) -> Considered:
        """Look at a picture without counting it yet."""
        sites, cells = (light.reshape(3, -1) for light in (glance.sites, glance.cells))
        seen = _Seen(np.concatenate((sites, cells, cells), axis=1))
        general, red = self._luminance.turned(seen.luminance), self._redness.turned(seen)
        self._general.judge(general, t_ns)
        self._red.judge(red, t_ns)
        return Considered(t_ns, seen, general, red)

    def commit(self, considered: Considered) -> None:
        """Count that picture: it was shown."""
        self._luminance.follow(considered.seen.luminance, considered.general)
        self._redness.follow(considered.seen, considered.red)
        self._general.commit(considered.general, considered.t_ns)
        self._red.commit(considered.red, considered.t_ns)

    def busy(self, t_ns: int) -> Busy:
        """Return what has lately made two flashes and a half."""
        sites, _, cells = self._scales
        general, red = self._general.busy(t_ns), self._red.busy(t_ns)
        return Busy(cells.of(general), cells.of(red), sites.of(general), sites.of(red))

    def worst(self) -> dict[str, float]:
        """Return the most flashes that a field had at once in a second so far; 3.5 stands for all above three."""
        return {"general": self._general.worst / 2, "red": self._red.worst / 2}

    def copy(self) -> Self:
        """Return another with the same past."""
        return deepcopy(self)


class _Luminance:
    """The lightest and darkest that each place has been since it turned last."""

    def __init__(self, steps: Light) -> None:
        self._steps = steps
        self._lightest = np.full(steps.size, -np.inf, np.float32)
        self._darkest = np.full(steps.size, np.inf, np.float32)
        self._up = np.ones(steps.size, np.bool_)
        self._down = np.ones(steps.size, np.bool_)

    def turned(self, now: Light) -> _Turns:
        up = self._up & (now - self._darkest >= self._steps) & (self._darkest < _DARK)
        down = self._down & (self._lightest - now >= self._steps) & (now < _DARK)
        return _Turns(up, down & ~up, up | ~(self._up | down))

    def follow(self, now: Light, turns: _Turns) -> None:
        for turned, going, coming in ((turns.there, self._up, self._down), (turns.back, self._down, self._up)):
            if turned.any():
                going[turned] = False
                coming[turned] = True
                self._lightest[turned] = now[turned]
                self._darkest[turned] = now[turned]
        np.maximum(self._lightest, now, out=self._lightest)
        np.minimum(self._darkest, now, out=self._darkest)


class _Redness:
    """Whether each place was a saturated red last, and the colour that was nearest to red or farthest from it."""

    def __init__(self, steps: Light) -> None:
        self._steps = steps
        self._was_red = np.zeros(steps.size, np.bool_)
        self._u = np.full(steps.size, np.nan, np.float32)
        self._v = np.full(steps.size, np.nan, np.float32)
        self._from_red = np.full(steps.size, np.nan, np.float32)

    def turned(self, seen: _Seen) -> _Turns:
        either = self._was_red | seen.is_red
        if not either.any():
            return _Turns(either, either, either)
        far = np.hypot(seen.u - self._u, seen.v - self._v) > self._steps  # never in the first picture, next to NaN
        turned = far & either
        return _Turns(turned & seen.is_red, turned & ~seen.is_red, seen.is_red | (self._was_red & ~turned))

    def follow(self, seen: _Seen, turns: _Turns) -> None:
        nearer = seen.from_red < self._from_red
        entering = seen.is_red & ~self._was_red
        take = turns.turned | entering | (seen.is_red & nearer) | (~self._was_red & ~nearer)
        np.copyto(self._u, seen.u, where=take)
        np.copyto(self._v, seen.v, where=take)
        np.copyto(self._from_red, seen.from_red, where=take)
        self._was_red = turns.owing.copy()


class _Scale:
    """All sites, or all cells: a part of the row of places that lies in rows and columns, and the fields in it."""

    def __init__(self, start: int, shape: tuple[int, int], area: float, standard: Standard) -> None:
        rows, columns = self._shape = shape
        self._part = slice(start, start + rows * columns)
        self._field = (max(round(rows * standard.field), 1), max(round(columns * standard.field), 1))
        self.each, self.at_once = (share * self._field[0] * self._field[1] for share in (area, _AREA_AT_ONCE))
        self.places = rows * columns
        self.fields = (rows - self._field[0] + 1, columns - self._field[1] + 1)

    def of(self, places: Mask) -> Mask:
        """Return this scale's part, ``bool[rows, columns]``."""
        return places[self._part].reshape(self._shape)

    def fields_with(self, places: Mask, enough: float) -> Mask | None:
        """Return the fields of which at least `enough` are in `places`; None when there is none."""
        if np.count_nonzero(places[self._part]) < enough:
            return None
        if self.fields == (1, 1):
            return np.ones((1, 1), np.bool_)
        import cv2

        rows, columns = self.fields
        height, width = self._field
        mask = self.of(places).astype(np.float32)
        sums = cv2.boxFilter(mask, -1, (width, height), anchor=(0, 0), normalize=False)
        found: Mask = sums[:rows, :columns] > enough - 0.5
        return found if found.any() else None


class _History:
    """When each place and each field turned the last times, newest first."""

    def __init__(self, scales: tuple[_Scale, ...]) -> None:
        self._scales = scales
        places = sum(scale.places for scale in scales)
        self._turns = np.full((_TURNS_MOST + 1, places), _LONG_AGO_NS, np.int64)
        self._field_turns = [np.full((_TURNS_MOST + 1, *scale.fields), _LONG_AGO_NS, np.int64) for scale in scales]
        self.worst = 0

    def busy(self, t_ns: int) -> Mask:
        """Return the places with five turns or more in the last second."""
        recent: Mask = self._turns[_BUSY_TURNS - 1] > t_ns - _WINDOW_NS
        return recent

    def judge(self, turns: _Turns, t_ns: int) -> None:
        """Find the fields that turn, and whether it may be."""
        turned = turns.turned
        if not (turned.any() or turns.owing.any()):
            return
        since_ns = t_ns - _WINDOW_NS
        turns.allowed = self._fields_may(turns, since_ns) and self._places_may(turns, turned, since_ns)

    def _fields_may(self, turns: _Turns, since_ns: int) -> bool:
        fields, allowed = [], True
        for scale, past in zip(self._scales, self._field_turns, strict=True):
            there, back = (scale.fields_with(turned, scale.at_once) for turned in (turns.there, turns.back))
            turning = back if there is None else there if back is None else there | back
            fields.append(turning)
            if turning is None:
                continue
            sixth, seventh = past[_TURNS_MOST - 2], past[_TURNS_MOST - 1]
            owing_too_much = there is not None and bool((there & (sixth > since_ns)).any())
            allowed = allowed and not (owing_too_much or (turning & (seventh > since_ns)).any())
        turns.fields = tuple(fields)
        return allowed

    def _places_may(self, turns: _Turns, turned: Mask, since_ns: int) -> bool:
        """Return whether enough places keep to six turns, the way back of those that are up included."""
        past = self._turns
        if past[_TURNS_MOST - 2].max() <= since_ns:
            return True
        sixth = np.where(turned, past[_TURNS_MOST - 2], past[_TURNS_MOST - 1]) > since_ns
        seventh = np.where(turned, past[_TURNS_MOST - 1], past[_TURNS_MOST]) > since_ns
        too_many = seventh | (sixth & turns.owing)
        return all(scale.fields_with(too_many, scale.each) is None for scale in self._scales)

    def commit(self, turns: _Turns, t_ns: int) -> None:
        turned = turns.turned
        if turned.any():
            _push(self._turns, turned, t_ns)
        for past, fields in zip(self._field_turns, turns.fields, strict=False):
            if fields is not None:
                _push(past, fields, t_ns)
                recent = (past > t_ns - _WINDOW_NS).any(axis=(1, 2))
                self.worst = max(self.worst, int(np.count_nonzero(recent)))


def _push(turns: npt.NDArray[np.int64], where: Mask, t_ns: int) -> None:
    for newer, older in zip(turns[-2::-1], turns[:0:-1], strict=True):
        np.copyto(older, newer, where=where)
    turns[0][where] = t_ns
