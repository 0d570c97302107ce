"""Counts flashes as pictures go by, and tells beforehand whether one more picture would be one flash too many."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from mirrorfx.safety.limits import (
    AREA,
    DARK_LUMINANCE,
    FIELD,
    FLASHES_MOST,
    LUMINANCE_STEP,
    RED_PRIMARY,
    RED_SHARE,
    RED_STEP,
    STRAY_LIGHT,
    WINDOW_NS,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Considered", "FlashTally"]

Cells: TypeAlias = "npt.NDArray[np.float32]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

# Stricter than the limits, so that rounding, another grid of cells and an uneven display stay within them.
_DARK = 1.05 * DARK_LUMINANCE
_RED_SHARE = 0.95 * RED_SHARE
_AREA = 0.8 * AREA
_WINDOW_NS = WINDOW_NS + WINDOW_NS // 20

_COARSER = 4
_CLOSE, _STRICT = 0.985, 0.85
_SCALES = ((1, _CLOSE), (_COARSER, _CLOSE), (_COARSER, _STRICT))
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
    """The cells that a picture would turn, and the fields of which it would turn enough at once."""

    cells: Mask
    fields: Mask | None
    allowed: bool


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
    def allowed(self) -> bool:
        """Whether it stays within the limits."""
        return all(look.general.allowed and look.red.allowed for look in self.looks)


class FlashTally:
    """The state of every cell, and when it turned.

    A *turn* is one half of a flash: a cell that had become darker by a step becomes lighter by one, or the other way
    round. Two things are bounded, in every field wherever it lies: how often enough of its cells turn in the same
    picture, and how many of its cells turn too often, each in its own time.

    All this is done for the cells and for cells four times as large: what is fine cancels out in large cells, and a
    narrow bright thing turns few small ones. For those it is done with smaller steps too: which cells turn in the same
    picture hangs on the step.

    Args:
        shape: (rows, columns) of the cells.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        coarse = (max(shape[0] // _COARSER, 1), max(shape[1] // _COARSER, 1))
        self._coarse_size = coarse[::-1]
        self._scales = tuple(_Scale(shape if coarser == 1 else coarse, share) for coarser, share in _SCALES)

    def consider(self, cells: Cells, t_ns: int) -> Considered:
        """Look at a picture, ``float32[3, rows, columns]`` linear BGR, without counting it yet."""
        import cv2

        coarse = np.stack([cv2.resize(plane, self._coarse_size, interpolation=cv2.INTER_AREA) for plane in cells])
        seen = (_Seen(cells), _Seen(coarse))
        looks = (
            scale.consider(seen[coarser > 1], t_ns) for (coarser, _), scale in zip(_SCALES, self._scales, strict=True)
        )
        return Considered(t_ns, tuple(looks))

    def commit(self, considered: Considered) -> None:
        """Count that picture: it was shown."""
        for scale, look in zip(self._scales, considered.looks, strict=True):
            scale.commit(look, considered.t_ns)

    def worst(self) -> dict[str, float]:
        """Return the most flashes that a field had at once in a second so far; 3.5 stands for all above three."""
        general = max(scale.general.worst for scale in self._scales)
        red = max(scale.red.worst for scale in self._scales)
        return {"general": general / 2, "red": red / 2}

    def copy(self) -> Self:
        """Return another with the same past."""
        return deepcopy(self)


class _Scale:
    """All cells of one size, by one share of the steps that count."""

    def __init__(self, shape: tuple[int, int], share: float) -> None:
        self._luminance = _Luminance(shape, share * LUMINANCE_STEP)
        self._redness = _Redness(shape, share * RED_STEP)
        self.general = _History(shape)
        self.red = _History(shape)

    def consider(self, seen: _Seen, t_ns: int) -> _Look:
        general = self.general.consider(self._luminance.turned(seen.luminance), t_ns)
        red = self.red.consider(self._redness.turned(seen), t_ns)
        return _Look(seen, general, red)

    def commit(self, look: _Look, t_ns: int) -> None:
        self._luminance.follow(look.seen.luminance, look.general.cells)
        self._redness.follow(look.seen, look.red.cells)
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

    def turned(self, now: Cells) -> Mask:
        up = self._up & (now - self._darkest >= self._step) & (self._darkest < _DARK)
        down = self._down & (self._lightest - now >= self._step) & (now < _DARK)
        return up | down

    def follow(self, now: Cells, turned: Mask) -> None:
        if turned.any():
            up = turned & self._up & (now - self._darkest >= self._step)
            self._up[turned] = ~up[turned]
            self._down[turned] = up[turned]
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

    def turned(self, seen: _Seen) -> Mask:
        either = self._was_red | seen.is_red
        if not either.any():
            return either
        far = np.hypot(seen.u - self._u, seen.v - self._v) > self._step  # never in the first picture, next to NaN
        turned: Mask = far & either
        return turned

    def follow(self, seen: _Seen, turned: Mask) -> None:
        u, v, is_red = seen.u, seen.v, seen.is_red
        nearer = seen.from_red < self._from_red
        entering = is_red & ~self._was_red
        take = turned | entering | (is_red & nearer) | (~self._was_red & ~nearer)
        np.copyto(self._u, u, where=take)
        np.copyto(self._v, v, where=take)
        np.copyto(self._from_red, seen.from_red, where=take)
        self._was_red[turned] = False
        self._was_red |= is_red


class _History:
    """When each cell and each field turned the last times, newest first."""

    def __init__(self, shape: tuple[int, int]) -> None:
        rows, columns = shape
        self._field = (max(round(rows * FIELD), 1), max(round(columns * FIELD), 1))
        self._enough = _AREA * self._field[0] * self._field[1]
        fields = (rows - self._field[0] + 1, columns - self._field[1] + 1)
        self._cell_turns = np.full((_TURNS_MOST + 1, *shape), _LONG_AGO_NS, np.int64)
        self._field_turns = np.full((_TURNS_MOST + 1, *fields), _LONG_AGO_NS, np.int64)
        self.worst = 0

    def consider(self, turned: Mask, t_ns: int) -> _Turns:
        if not turned.any():
            return _Turns(turned, None, allowed=True)
        since_ns = t_ns - _WINDOW_NS
        fields = self._fields_with(turned)
        allowed = fields is None or not (fields & (self._field_turns[_TURNS_MOST - 1] > since_ns)).any()
        if allowed:
            # The turn before the sixth last will be the seventh last, where this picture turns a cell.
            seventh = np.where(turned, self._cell_turns[_TURNS_MOST - 1], self._cell_turns[_TURNS_MOST])
            allowed = self._fields_with(seventh > since_ns) is None
        return _Turns(turned, fields, allowed)

    def commit(self, turns: _Turns, t_ns: int) -> None:
        if turns.cells.any():
            _push(self._cell_turns, turns.cells, t_ns)
        if turns.fields is not None:
            _push(self._field_turns, turns.fields, t_ns)
            recent = (self._field_turns > t_ns - _WINDOW_NS).any(axis=(1, 2))
            self.worst = max(self.worst, int(np.count_nonzero(recent)))

    def _fields_with(self, mask: Mask) -> Mask | None:
        """Return the fields of which enough is in `mask`; None when there is none."""
        if np.count_nonzero(mask) < self._enough:
            return None
        import cv2

        height, width = self._field
        sums = cv2.boxFilter(mask.astype(np.float32), -1, (width, height), anchor=(0, 0), normalize=False)
        rows, columns = self._field_turns.shape[1:]
        enough: Mask = sums[:rows, :columns] > self._enough - 0.5
        return enough if enough.any() else None


def _push(turns: npt.NDArray[np.int64], where: Mask, t_ns: int) -> None:
    for newer, older in zip(turns[-2::-1], turns[:0:-1], strict=True):
        np.copyto(older, newer, where=where)
    turns[0][where] = t_ns
