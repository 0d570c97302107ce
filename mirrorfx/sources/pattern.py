"""A moving test card that people can look at and programs can read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mirrorfx.frame import Frame
from mirrorfx.sources._ticker import Ticker
from mirrorfx.sources.base import Source, SourceInfo
from mirrorfx.sources.pattern_code import band_height, write_code

if TYPE_CHECKING:
    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image, Size

__all__ = ["Pattern", "TestCard"]

_INK = (238, 236, 232)
_ACCENT = (60, 130, 255)
_BACK = (52, 44, 40)
_BAND_S = 8.0
_BALL_S = 4.0
_SUBPIXEL = 4


class Pattern(Source):
    """A test card with a clock's hand, a swinging ball and a running spectrum, numbered for `read_code`.

    Args:
        size: (width, height).
        clock: what the rate is counted on.
        rate_fps: pictures a second.
    """

    kind: ClassVar[str] = "pattern"

    def __init__(self, size: Size, *, clock: Clock, rate_fps: float = 30.0) -> None:
        self._size = size
        self._clock = clock
        self._rate_fps = rate_fps
        self._ticker = Ticker(clock, rate_fps)
        self._card: TestCard | None = None

    def open(self) -> SourceInfo:
        """Draw what stands still."""
        self._card = TestCard(self._size)
        self._ticker = Ticker(self._clock, self._rate_fps)
        return SourceInfo(name=f"test pattern at {self._rate_fps:g} fps", size=self._size, rate_fps=self._rate_fps)

    def read(self) -> Frame | None:
        """Wait for the next beat and return its picture."""
        if self._card is None:
            return None
        index, due_ns = self._ticker.wait()
        return Frame(self._card.paint(index, index / self._rate_fps, due_ns), due_ns, index)

    def close(self) -> None:
        """Let the card go."""
        self._card = None


class TestCard:
    """The picture: a pure function of number and time. Only what moves is painted anew.

    Args:
        size: (width, height).
    """

    __test__ = False

    def __init__(self, size: Size) -> None:
        width, height = size
        self._width, self._height = width, height
        self._unit = min(width, height * 3 // 4)
        self._dial = (width // 2, round(height * 0.385), round(self._unit * 0.31))
        self._band = (round(height * 0.76), round(height * 0.86))
        spectrum = _spectrum(width, self._band[1] - self._band[0])
        self._spectrum = np.concatenate((spectrum, spectrum), axis=1)
        self._still = self._draw_still()
        self._pixels = self._still.copy()

    def paint(self, index: int, seconds: float, t_ns: int) -> Image:
        """Return the picture, ``uint8[H, W, 3]`` BGR, valid until the next call.

        Args:
            index: the frame's number, shown and coded.
            seconds: how long the pattern has been running: where everything has moved to.
            t_ns: the capture time, coded.
        """
        self._paint_band(seconds)
        self._paint_dial(index, seconds)
        write_code(self._pixels, index, t_ns)
        return self._pixels

    def _paint_band(self, seconds: float) -> None:
        import cv2

        top, bottom = self._band
        shift = round((seconds % _BAND_S) / _BAND_S * self._width) % self._width
        np.copyto(self._pixels[top:bottom], self._spectrum[:, shift : shift + self._width])
        radius = (bottom - top) * 0.38
        swing = 0.5 - 0.5 * math.cos(2 * math.pi * (seconds % _BALL_S) / _BALL_S)
        centre = _fixed(radius * 1.3 + swing * (self._width - 2.6 * radius), (top + bottom) / 2)
        for share, colour in ((1.0, _INK), (0.8, _ACCENT)):
            fixed_radius = round(radius * share * (1 << _SUBPIXEL))
            cv2.circle(self._pixels, centre, fixed_radius, colour, -1, cv2.LINE_AA, _SUBPIXEL)

    def _paint_dial(self, index: int, seconds: float) -> None:
        import cv2

        x, y, radius = self._dial
        inner = round(radius * 0.86)
        window = (slice(y - inner, y + inner), slice(x - inner, x + inner))
        np.copyto(self._pixels[window], self._still[window])
        turn = 2 * math.pi * (seconds % 1.0)
        tip = _fixed(x + inner * 0.94 * math.sin(turn), y - inner * 0.94 * math.cos(turn))
        thickness = max(round(radius * 0.03), 1)
        cv2.line(self._pixels, _fixed(x, y), tip, _ACCENT, thickness, cv2.LINE_AA, _SUBPIXEL)
        cv2.circle(self._pixels, (x, y), thickness * 2, _ACCENT, -1, cv2.LINE_AA)
        _write(self._pixels, f"{index:07d}", (x, round(y - radius * 0.3)), radius * 0.2)
        minutes, rest_ms = divmod(round(seconds * 1000), 60_000)
        text = f"{minutes:02d}:{rest_ms / 1000:06.3f}"
        _write(self._pixels, text, (x, round(y + radius * 0.48)), radius * 0.16)

    def _draw_still(self) -> Image:
        import cv2

        still = np.full((self._height, self._width, 3), _BACK, np.uint8)
        self._draw_grid(still)
        x, y, radius = self._dial
        cv2.circle(still, (x, y), radius, (38, 32, 30), -1, cv2.LINE_AA)
        cv2.circle(still, (x, y), radius, _INK, max(radius // 80, 1), cv2.LINE_AA)
        for tick in range(60):
            right, up = math.sin(tick * math.pi / 30) * radius, math.cos(tick * math.pi / 30) * radius
            inside, thickness = (0.9, 1) if tick % 5 else (0.87, max(radius // 100, 1))
            start, end = (_fixed(x + right * share, y - up * share) for share in (inside, 0.96))
            cv2.line(still, start, end, _INK, thickness, cv2.LINE_AA, _SUBPIXEL)
        self._draw_corners(still)
        self._draw_steps(still)
        return still

    def _draw_grid(self, still: Image) -> None:
        step = max(self._unit // 12, 8)
        left, top = self._width // 2 % step, self._dial[1] % step
        still[:, left::step] = (84, 74, 68)
        still[top::step] = (84, 74, 68)

    def _draw_corners(self, still: Image) -> None:
        side = round(self._unit * 0.12)
        margin = round(self._unit * 0.05)
        rows, columns = np.mgrid[0:side, 0:side]
        squares = np.minimum((np.hypot(rows, columns) ** 2 / side / 2).astype(int) % 2 * 255, 235).astype(np.uint8)
        still[margin : margin + side, margin : margin + side] = squares[::-1, ::-1, None]
        still[margin : margin + side, -margin - side : -margin] = squares[::-1, :, None]
        below = margin + side + round(self._unit * 0.07)
        _write(still, "L", (margin + side // 2, below), side * 0.5)
        _write(still, "R", (self._width - margin - side // 2, below), side * 0.5)

    def _draw_steps(self, still: Image) -> None:
        """Draw 75 % colour bars over eleven steps of grey, between the spectrum and the code."""
        top, bottom = self._band[1], self._height - band_height(self._height)
        middle = (top + bottom) // 2
        colours = [(b * 191, g * 191, r * 191) for g in (1, 0) for r in (1, 0) for b in (1, 0)]
        greys = [(step * 255 // 10,) * 3 for step in range(11)]
        for rows, row in ((still[top:middle], colours), (still[middle:bottom], greys)):
            rows[:] = np.array(row, np.uint8)[np.arange(self._width) * len(row) // self._width]


def _fixed(x: float, y: float) -> tuple[int, int]:
    """Return a point in OpenCV's fixed-point notation, so that motion is smooth below a pixel."""
    return round(x * (1 << _SUBPIXEL)), round(y * (1 << _SUBPIXEL))


def _write(image: Image, text: str, middle: tuple[int, int], height: float) -> None:
    """Write text of a height in pixels, centred on a point."""
    import cv2

    font = cv2.FONT_HERSHEY_DUPLEX
    scale = height / 22
    thickness = max(round(scale * 1.2), 1)
    (width, above), _ = cv2.getTextSize(text, font, scale, thickness)
    where = (middle[0] - width // 2, middle[1] + above // 2)
    cv2.putText(image, text, where, font, scale, _INK, thickness, cv2.LINE_AA)


def _spectrum(width: int, height: int) -> Image:
    """Return one turn of the colour wheel, ``uint8[height, width, 3]`` BGR, lighter at the top."""
    import cv2

    hsv = np.empty((height, width, 3), np.uint8)
    hsv[..., 0] = (np.arange(width) * 180 / width).astype(np.uint8)
    hsv[..., 1] = np.linspace(110, 200, height).astype(np.uint8)[:, None]
    hsv[..., 2] = np.linspace(235, 150, height).astype(np.uint8)[:, None]
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
