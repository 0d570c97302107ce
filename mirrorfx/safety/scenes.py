"""The pictures of the test film: a warning, then every kind of flashing that the guard must damp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from mirrorfx.frame import Image, Size

__all__ = ["FILM_HZ", "FILM_SIZE", "flash_film"]

FILM_HZ = 60
FILM_SIZE: Size = (512, 512)

_TITLE_S, _SCENE_S, _PAUSE_S = 6.0, 4.0, 2.5
_BLACK, _WHITE, _RED, _BLUE = (0, 0, 0), (255, 255, 255), (0, 0, 255), (255, 0, 0)
_GREY = (60, 60, 60)
_WARNING = (
    "WARNING",
    "This film flashes.",
    "It can cause seizures",
    "in people with",
    "photosensitive epilepsy.",
    "",
    "Only to test the flash guard.",
)


def flash_film(size: Size = FILM_SIZE) -> Iterator[Image]:
    """Yield the pictures, ``uint8[H, W, 4]`` BGRX at 60 a second: the warning, then scenes with pauses between."""
    title = _text_card(size, _WARNING)
    for _ in range(round(_TITLE_S * FILM_HZ)):
        yield title
    for name, scene in _SCENES.items():
        card = _text_card(size, (name,))
        for _ in range(round(_PAUSE_S * FILM_HZ)):
            yield card
        for index in range(round(_SCENE_S * FILM_HZ)):
            yield scene(size, index / FILM_HZ)


def _flat(size: Size, colour: tuple[int, int, int]) -> Image:
    picture = np.full((size[1], size[0], 4), 255, np.uint8)
    picture[..., :3] = colour
    return picture


def _text_card(size: Size, lines: tuple[str, ...]) -> Image:
    import cv2

    card = _flat(size, _GREY)
    scale = size[0] / 512
    top = size[1] / 2 - 22 * scale * (len(lines) - 1)
    for number, line in enumerate(lines):
        (width, height), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, max(round(2 * scale), 1))
        place = (round((size[0] - width) / 2), round(top + 44 * scale * number + height / 2))
        cv2.putText(
            card,
            line,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (230, 230, 230, 255),
            max(round(2 * scale), 1),
            cv2.LINE_AA,
        )
    return card


def _on(t_s: float, rate_hz: float) -> bool:
    return t_s * rate_hz % 1 < 0.5


def _strobe(rate_hz: float, on: tuple[int, int, int], off: tuple[int, int, int]) -> Callable[[Size, float], Image]:
    return lambda size, t_s: _flat(size, on if _on(t_s, rate_hz) else off)


def _places(size: Size) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return np.arange(size[1])[:, None], np.arange(size[0])[None, :]


def _board(size: Size, t_s: float) -> Image:
    y, x = _places(size)
    square = size[0] // 8
    lit = (y // square + x // square) % 2 == _on(t_s, 8)
    picture = _flat(size, _BLACK)
    picture[lit] = 255
    return picture


def _fine_board(size: Size, t_s: float) -> Image:
    """Squares of a hundredth of the width, which no grid of cells is in step with."""
    y, x = _places(size)
    square = max(size[0] / 102.4, 1)
    lit = ((y + 3) // square + (x + 3) // square) % 2 == _on(t_s, 8)
    picture = _flat(size, _BLACK)
    picture[lit] = 255
    return picture


def _stripes(period: float, rate_hz: float, *, moving: bool) -> Callable[[Size, float], Image]:
    """Return oblique stripes of a `period`, as a share of the width, that run, or swap, `rate_hz` times a second."""

    def draw(size: Size, t_s: float) -> Image:
        y, x = _places(size)
        turns = t_s * rate_hz if moving else 0.5 * _on(t_s, rate_hz)
        picture = _flat(size, _BLACK)
        picture[((x + 0.3 * y) / (period * size[0]) + turns) % 1 < 0.5] = 255
        return picture

    return draw


def _quarter(size: Size, t_s: float) -> Image:
    picture = _flat(size, _GREY)
    picture[: size[1] // 2, : size[0] // 2] = 255 if _on(t_s, 6) else 0
    return picture


def _bars(size: Size, t_s: float) -> Image:
    _, x = _places(size)
    level = 127.5 + 127.5 * np.sin(2 * np.pi * (2 * x / size[0] - 6 * t_s))
    picture = _flat(size, _BLACK)
    picture[..., :3] = level[..., None]
    return picture


def _cuts(size: Size, t_s: float) -> Image:
    rng = np.random.default_rng(int(t_s * 9))
    blocks = rng.integers(0, 256, (4, 4, 4)).astype(np.uint8)
    return np.repeat(np.repeat(blocks, -(-size[1] // 4), 0), -(-size[0] // 4), 1)[: size[1], : size[0]].copy()


def _fade(size: Size, t_s: float) -> Image:
    level = round(127.5 - 127.5 * float(np.cos(2 * np.pi * t_s / 2)))
    return _flat(size, (level, level, level))


_SCENES: dict[str, Callable[[Size, float], Image]] = {
    "2 flashes a second: passes": _strobe(2, _WHITE, _BLACK),
    "slow fade: passes": _fade,
    "4 flashes a second": _strobe(4, _WHITE, _BLACK),
    "10 flashes a second": _strobe(10, _WHITE, _BLACK),
    "30 flashes a second": _strobe(30, _WHITE, _BLACK),
    "red and blue, 8 a second": _strobe(8, _RED, _BLUE),
    "dark red, 5 a second": _strobe(5, (0, 0, 150), _BLACK),
    "chessboard, 8 a second": _board,
    "a quarter, 6 a second": _quarter,
    "running bars, 6 a second": _bars,
    "9 cuts a second": _cuts,
    "fine chessboard, 8 a second": _fine_board,
    "thin stripes swap, 8 a second": _stripes(1 / 40, 8, moving=False),
    "thin stripes run, 7 a second": _stripes(1 / 25, 7, moving=True),
}
