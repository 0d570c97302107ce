"""Counts flashes as pictures go by, and tells beforehand whether one more picture would be one flash too many."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

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

__all__ = ["Considered", "FlashTally"]

Cells: TypeAlias = "npt.NDArray[np.float32]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

# Stricter than the limits, so that rounding, another grid of cells and an uneven display stay within them.
_DARK = 1.05 * DARK_LUMINANCE
_RED_SHARE = 0.95 * RED_SHARE
_AREA = 0.8 * AREA
_WINDOW_NS = WINDOW_NS + WINDOW_NS // 20

_CLOSE, _STRICT = 0.985, 0.85
_COARSE_CELLS = 32
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


class FlashTally:
    """The state of every cell, and when it turned.

    A *turn* is one half of a flash: a cell that had become darker by a step becomes lighter by one, or the other way
    round. Two things are bounded, in every field wherever it lies: how often enough of its cells turn in the same
    picture, and how many of its cells turn too often, each in its own time. A cell that is up counts one turn more
    than it made, so that there is always room for its way back: darkness and what isn't red are never too much.

    Where a standard's cells are small, all this is also done for larger ones: what is fine cancels out in them, and a
    narrow bright thing turns few small ones. It is done with smaller steps too: which cells turn in the same picture
    hangs on the step.

    Args:
        shape: (rows, columns) of the cells.
        standard: of what a quarter must flash.
    """

    def __init__(self, shape: tuple[int, int], standard: Standard) -> None:
        coarser = max(standard.cells // _COARSE_CELLS, 1)
        self.coarse_shape = (max(shape[0] // coarser, 1), max(shape[1] // coarser, 1))
        """(rows, columns) of the larger cells; those of the small ones where there is one size."""
        sizes = (shape, self.coarse_shape) if coarser > 1 else (shape,)
        self._scales = [_Scale(size, _CLOSE, standard) for size in sizes]
        self._scales.append(_Scale(self.coarse_shape, _STRICT, standard))

    def coarse(self, cells: Cells) -> Cells:
        """Return ``float32[3, rows, columns]`` for the larger cells."""
        import cv2

        if cells.shape[1:] == self.coarse_shape:
            return cells
        size = self.coarse_shape[::-1]
        return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in cells])

    def consider(self, cells: Cells, t_ns: int) -> Considered:
        """Look at a picture, ``float32[3, rows, columns]`` linear BGR, without counting it yet."""
        fine = _Seen(cells)
        coarse = fine if cells.shape[1:] == self.coarse_shape else _Seen(self.coarse(cells))
        seen = (fine, coarse, coarse)[-len(self._scales) :]
        return Considered(t_ns, tuple(scale.consider(one, t_ns) for scale, one in zip(self._scales, seen, strict=True)))

    def commit(self, considered: Considered) -> None:
        """Count that picture: it was shown."""
        for scale, look in zip(self._scales, considered.looks, strict=True):
            scale.commit(look, considered.t_ns)

    def busy(self, t_ns: int) -> tuple[Mask, Mask]:
        """Return which of the larger cells have lately made two flashes and a half: by light, and by red."""
        scale = self._scales[-1]
        return scale.general.busy(t_ns), scale.red.busy(t_ns)

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

    def __init__(self, shape: tuple[int, int], share: float, standard: Standard) -> None:
        self._luminance = _Luminance(shape, share * LUMINANCE_STEP)
        self._redness = _Redness(shape, share * RED_STEP)
        self.general = _History(shape, standard)
        self.red = _History(shape, standard)

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

    def __init__(self, shape: tuple[int, int], standard: Standard) -> None:
        rows, columns = shape
        self._one_way = standard.one_way
        self._field = (max(round(rows * standard.field), 1), max(round(columns * standard.field), 1))
        self._enough = _AREA * self._field[0] * self._field[1]
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
        turns.allowed = self._fields_may(turns, turned, since_ns) and self._cells_may(turns, turned, since_ns)

    def _fields_may(self, turns: _Turns, turned: Mask, since_ns: int) -> bool:
        there, back = self._fields_with(turns.there), self._fields_with(turns.back)
        parts = [there, back] if self._one_way else [there, self._fields_with(turned)]
        found = [part for part in parts if part is not None]
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
        return self._fields_with(seventh | (sixth & turns.owing)) is None

    def commit(self, turns: _Turns, t_ns: int) -> None:
        turned = turns.there | turns.back
        if turned.any():
            _push(self._cell_turns, turned, t_ns)
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
