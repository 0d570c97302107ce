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

Cells: TypeAlias = "npt.NDArray[np.float32]"
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
    """A picture's luminance and colour: u', v' (CIE 1976 UCS), and where the red is saturated."""

    def __init__(self, cells: Cells) -> None:
        blue, green, red = cells
        self.luminance = np.float32(0.2126) * red + np.float32(0.7152) * green + np.float32(0.0722) * blue
        x = np.float32(0.4124) * red + np.float32(0.3576) * green + np.float32(0.1805) * blue
        z = np.float32(0.0193) * red + np.float32(0.1192) * green + np.float32(0.9505) * blue
        x += np.float32(0.9505 * STRAY_LIGHT)
        y = self.luminance + np.float32(STRAY_LIGHT)
        z += np.float32(1.089 * STRAY_LIGHT)
        below = x + 15 * y + 3 * z
        self.u: Cells = 4 * x / below
        self.v: Cells = 9 * y / below
        self.from_red = (self.u - np.float32(RED_PRIMARY[0])) ** 2 + (self.v - np.float32(RED_PRIMARY[1])) ** 2
        self.is_red: Mask = (red >= np.float32(_RED_SHARE) * (red + green + blue)) & (red > 0)


@dataclass(slots=True)
class _Turns:
    """The cells that a picture would turn, and the fields of which it would turn enough at once.

    Attributes:
        there: cells that go up, or to red.
        back: cells that go down, or away from red.
        owing: cells that will be up, or red: sooner or later they must come back, which is a turn too.
        fields: fields of which enough turns; None for none.
        allowed: whether it stays within the limits.
    """

    there: Mask
    back: Mask
    owing: Mask
    fields: Mask | None = None
    allowed: bool = True


@dataclass(slots=True)
class _Look:
    """A picture at one scale, and what it would turn."""

    seen: _Seen
    general: _Turns
    red: _Turns


@dataclass(slots=True)
class Considered:
    """What showing a picture would mean, at every scale."""

    t_ns: int
    looks: tuple[_Look, ...]

    @property
    def general_allowed(self) -> bool:
        """Whether it stays within the limit of general flashes."""
        return all(look.general.allowed for look in self.looks)

    @property
    def red_allowed(self) -> bool:
        """Whether it stays within the limit of red flashes."""
        return all(look.red.allowed for look in self.looks)

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
    """The state of every cell, and when it turned.

    A *turn* is one half of a flash: a cell that had become darker by a step becomes lighter by one, or the other way
    round. Two things are bounded, in every field wherever it lies: how often enough of its cells turn in the same
    picture, and how many of its cells turn too often, each in its own time. A cell that is up counts one turn more
    than it made, so that there is always room for its way back: darkness and what isn't red are never too much.

    All this is done for the sites, where no pattern is too fine, and for the cells: what twinkles finely, each place by
    a little, flashes only as a whole. For the cells it is done with smaller steps too: which cells turn in the same
    picture hangs on the step.

    Only places that change in the same direction add up to a turn of a field: an edge that moves makes some lighter
    and others darker, and is no flash; where such places go to and fro, each is counted by itself.

    Args:
        size: (width, height) of the pictures.
        standard: of what a quarter must flash.
    """

    def __init__(self, size: Size, standard: Standard) -> None:
        cells, sites = cells_shape(size), sites_shape(size, standard)
        self._scales = (
            _Scale(sites, _CLOSE, _SITES_AREA, standard),
            _Scale(cells, _CLOSE, _CELLS_AREA, standard),
            _Scale(cells, _STRICT, _CELLS_AREA, standard),
        )

    def consider(self, glance: Glance, t_ns: int) -> Considered:
        """Look at a picture without counting it yet."""
        sites, cells = _Seen(glance.sites), _Seen(glance.cells)
        looks = tuple(
            scale.consider(seen, t_ns) for scale, seen in zip(self._scales, (sites, cells, cells), strict=True)
        )
        return Considered(t_ns, looks)

    def commit(self, considered: Considered) -> None:
        """Count that picture: it was shown."""
        for scale, look in zip(self._scales, considered.looks, strict=True):
            scale.commit(look, considered.t_ns)

    def busy(self, t_ns: int) -> Busy:
        """Return what has lately made two flashes and a half."""
        sites, _, cells = self._scales
        return Busy(cells.general.busy(t_ns), cells.red.busy(t_ns), sites.general.busy(t_ns), sites.red.busy(t_ns))

    def worst(self) -> dict[str, float]:
        """Return the most flashes that a field had at once in a second so far; 3.5 stands for all above three."""
        general = max(scale.general.worst for scale in self._scales)
        red = max(scale.red.worst for scale in self._scales)
        return {"general": general / 2, "red": red / 2}

    def copy(self) -> Self:
        """Return another with the same past."""
        return deepcopy(self)


class _Scale:
    """All cells, or all sites, by one share of the steps that count."""

    def __init__(self, shape: tuple[int, int], share: float, area: float, standard: Standard) -> None:
        self._luminance = _Luminance(shape, share * LUMINANCE_STEP)
        self._redness = _Redness(shape, share * RED_STEP)
        self.general = _History(shape, area, standard)
        self.red = _History(shape, area, standard)

    def consider(self, seen: _Seen, t_ns: int) -> _Look:
        general = self._luminance.turned(seen.luminance)
        red = self._redness.turned(seen)
        self.general.judge(general, t_ns)
        self.red.judge(red, t_ns)
        return _Look(seen, general, red)

    def commit(self, look: _Look, t_ns: int) -> None:
        self._luminance.follow(look.seen.luminance, look.general)
        self._redness.follow(look.seen, look.red)
        self.general.commit(look.general, t_ns)
        self.red.commit(look.red, t_ns)


class _Luminance:
    """The lightest and darkest that each cell has been since it turned last."""

    def __init__(self, shape: tuple[int, int], step: float) -> None:
        self._step = np.float32(step)
        self._lightest = np.full(shape, -np.inf, np.float32)
        self._darkest = np.full(shape, np.inf, np.float32)
        self._up = np.ones(shape, np.bool_)
        self._down = np.ones(shape, np.bool_)

    def turned(self, now: Cells) -> _Turns:
        up = self._up & (now - self._darkest >= self._step) & (self._darkest < _DARK)
        down = self._down & (self._lightest - now >= self._step) & (now < _DARK)
        return _Turns(up, down & ~up, up | ~(self._up | down))

    def follow(self, now: Cells, turns: _Turns) -> None:
        for turned, going, coming in ((turns.there, self._up, self._down), (turns.back, self._down, self._up)):
            if turned.any():
                going[turned] = False
                coming[turned] = True
                self._lightest[turned] = now[turned]
                self._darkest[turned] = now[turned]
        np.maximum(self._lightest, now, out=self._lightest)
        np.minimum(self._darkest, now, out=self._darkest)


class _Redness:
    """Whether each cell was a saturated red last, and the colour that was nearest to red or farthest from it."""

    def __init__(self, shape: tuple[int, int], step: float) -> None:
        self._step = np.float32(step)
        self._was_red = np.zeros(shape, np.bool_)
        self._u = np.full(shape, np.nan, np.float32)
        self._v = np.full(shape, np.nan, np.float32)
        self._from_red = np.full(shape, np.nan, np.float32)

    def turned(self, seen: _Seen) -> _Turns:
        either = self._was_red | seen.is_red
        if not either.any():
            return _Turns(either, either, either)
        far = np.hypot(seen.u - self._u, seen.v - self._v) > self._step  # never in the first picture, next to NaN
        turned = far & either
        return _Turns(turned & seen.is_red, turned & ~seen.is_red, seen.is_red | (self._was_red & ~turned))

    def follow(self, seen: _Seen, turns: _Turns) -> None:
        nearer = seen.from_red < self._from_red
        entering = seen.is_red & ~self._was_red
        take = turns.there | turns.back | entering | (seen.is_red & nearer) | (~self._was_red & ~nearer)
        np.copyto(self._u, seen.u, where=take)
        np.copyto(self._v, seen.v, where=take)
        np.copyto(self._from_red, seen.from_red, where=take)
        self._was_red = turns.owing.copy()


class _History:
    """When each cell and each field turned the last times, newest first."""

    def __init__(self, shape: tuple[int, int], area: float, standard: Standard) -> None:
        rows, columns = shape
        self._field = (max(round(rows * standard.field), 1), max(round(columns * standard.field), 1))
        self._each, self._at_once = (share * self._field[0] * self._field[1] for share in (area, _AREA_AT_ONCE))
        fields = (rows - self._field[0] + 1, columns - self._field[1] + 1)
        self._cell_turns = np.full((_TURNS_MOST + 1, *shape), _LONG_AGO_NS, np.int64)
        self._field_turns = np.full((_TURNS_MOST + 1, *fields), _LONG_AGO_NS, np.int64)
        self.worst = 0

    def busy(self, t_ns: int) -> Mask:
        """Return the cells with five turns or more in the last second."""
        recent: Mask = self._cell_turns[_BUSY_TURNS - 1] > t_ns - _WINDOW_NS
        return recent

    def judge(self, turns: _Turns, t_ns: int) -> None:
        """Find the fields that turn, and whether it may be."""
        turned = turns.there | turns.back
        if not (turned.any() or turns.owing.any()):
            return
        since_ns = t_ns - _WINDOW_NS
        turns.allowed = self._fields_may(turns, since_ns) and self._cells_may(turns, turned, since_ns)

    def _fields_may(self, turns: _Turns, since_ns: int) -> bool:
        there, back = (self._fields_with(turned, self._at_once) for turned in (turns.there, turns.back))
        found = [part for part in (there, back) if part is not None]
        if not found:
            return True
        turns.fields = np.logical_or.reduce(found)
        sixth, seventh = self._field_turns[_TURNS_MOST - 2], self._field_turns[_TURNS_MOST - 1]
        if there is not None and (there & (sixth > since_ns)).any():
            return False
        return not (turns.fields & (seventh > since_ns)).any()

    def _cells_may(self, turns: _Turns, turned: Mask, since_ns: int) -> bool:
        """Return whether enough cells keep to six turns, the way back of those that are up included."""
        past = self._cell_turns
        sixth = np.where(turned, past[_TURNS_MOST - 2], past[_TURNS_MOST - 1]) > since_ns
        seventh = np.where(turned, past[_TURNS_MOST - 1], past[_TURNS_MOST]) > since_ns
        return self._fields_with(seventh | (sixth & turns.owing), self._each) is None

    def commit(self, turns: _Turns, t_ns: int) -> None:
        turned = turns.there | turns.back
        if turned.any():
            _push(self._cell_turns, turned, t_ns)
        if turns.fields is not None:
            _push(self._field_turns, turns.fields, t_ns)
            recent = (self._field_turns > t_ns - _WINDOW_NS).any(axis=(1, 2))
            self.worst = max(self.worst, int(np.count_nonzero(recent)))

    def _fields_with(self, mask: Mask, enough: float) -> Mask | None:
        """Return the fields of which at least `enough` places are in `mask`; None when there is none."""
        if np.count_nonzero(mask) < enough:
            return None
        import cv2

        height, width = self._field
        sums = cv2.boxFilter(mask.astype(np.float32), -1, (width, height), anchor=(0, 0), normalize=False)
        rows, columns = self._field_turns.shape[1:]
        found: Mask = sums[:rows, :columns] > enough - 0.5
        return found if found.any() else None


def _push(turns: npt.NDArray[np.int64], where: Mask, t_ns: int) -> None:
    for newer, older in zip(turns[-2::-1], turns[:0:-1], strict=True):
        np.copyto(older, newer, where=where)
    turns[0][where] = t_ns
