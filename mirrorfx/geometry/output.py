"""The painted picture onto a screen: fitted, turned, flipped, keystoned, with soft dark edges."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.geometry._resample import Resample, Turn, Window, centred_window
from mirrorfx.geometry.alignment_grid import draw_test_grid
from mirrorfx.geometry.edge_mask import EdgeMask, Sides

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size

__all__ = ["UNIT_SQUARE", "Corners", "OutputGeometry", "OutputWarp", "Scaling"]

Scaling: TypeAlias = Literal["fit", "fill"]
Corner: TypeAlias = tuple[float, float]
Corners: TypeAlias = tuple[Corner, Corner, Corner, Corner]
"""Top left, top right, bottom right, bottom left, as (x, y) shares of the screen: 0 left or top, 1 right or bottom."""

UNIT_SQUARE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

_CORNER_LEAST, _CORNER_MOST = -0.5, 1.5
_TURN_LEAST = 0.01
_BLACK = 0xFF000000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputGeometry:
    """How the picture lies on one screen.

    The order is: turn and flip, fit or fill, dark edges; then the screen's area is pulled to the keystone's corners.

    Attributes:
        scaling: ``fit`` shows all of the picture between black bars, ``fill`` covers the screen and cuts off.
        rotation: degrees clockwise: 0, 90, 180 or 270.
        flip_x: swap left and right (projection from behind).
        flip_y: swap top and bottom (a projector that hangs).
        keystone: where the screen's four corners go.
        mask_left, mask_top, mask_right, mask_bottom: shares of the picture that are dark at each side, 0 to 0.5.
        feather: which share of a dark side is a gradient; 0 is a hard edge, 1 all gradient.
        test_grid: show a grid for aligning instead of the picture.

    Raises:
        InvalidValue: a value outside these ranges, or corners that fold the picture over itself.
    """

    scaling: Scaling = "fit"
    rotation: int = 0
    flip_x: bool = False
    flip_y: bool = False
    keystone: Corners = UNIT_SQUARE
    mask_left: float = 0.0
    mask_top: float = 0.0
    mask_right: float = 0.0
    mask_bottom: float = 0.0
    feather: float = 0.5
    test_grid: bool = False

    def __post_init__(self) -> None:
        Turn(self.rotation)
        if self.scaling not in get_args(Scaling):
            raise InvalidValue(f"Scaling {self.scaling!r} is not possible: choose fit or fill.")
        for side, share in zip(("left", "top", "right", "bottom"), self.dark_sides(), strict=True):
            if not 0.0 <= share <= 0.5:
                raise InvalidValue(f"A dark edge of {share} {side} is not possible: choose from 0 to 0.5 (half).")
        if not 0.0 <= self.feather <= 1.0:
            raise InvalidValue(f"Feather {self.feather} is not possible: choose from 0 (hard) to 1 (all gradient).")
        _check_corners(self.keystone)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> OutputGeometry:
        """Read what `to_table` wrote; what is missing has its default.

        Raises:
            UnknownName: a key that means nothing; the message names the nearest.
            InvalidValue: a value of the wrong type, or not allowed.
        """
        defaults = {field.name: field.default for field in fields(cls)}
        for key, value in table.items():
            if key not in defaults:
                raise UnknownName("setting of a screen", key, defaults)
            if key != "keystone" and not _is_like(value, defaults[key]):
                wanted = type(defaults[key]).__name__
                raise InvalidValue(
                    f"{key} = {value!r} is not possible: it takes a value such as {defaults[key]!r} ({wanted})."
                )
        values = dict(table)
        if "keystone" in values:
            values["keystone"] = _corners(values["keystone"])
        return cls(**values)

    def to_table(self) -> dict[str, Any]:
        """Return it as plain values for TOML or JSON."""
        return asdict(self) | {"keystone": [list(corner) for corner in self.keystone]}

    def dark_sides(self) -> Sides:
        """Return the dark edges: left, top, right, bottom."""
        return self.mask_left, self.mask_top, self.mask_right, self.mask_bottom


class OutputWarp:
    """Puts pictures of one size onto a screen. Made anew when a size or the geometry changes.

    Args:
        geometry: how the picture lies.
        in_size: (width, height) of the pictures that come.
        screen_size: (width, height) of the screen.
    """

    def __init__(self, geometry: OutputGeometry, in_size: Size, screen_size: Size) -> None:
        self.geometry = geometry
        self._in_size = in_size
        self._screen_size = screen_size
        turn = Turn(geometry.rotation, geometry.flip_x, geometry.flip_y)
        seen, self._area = _layout(geometry.scaling, turn.turned(in_size), screen_size)
        self._window = window = turn.before(seen, in_size)
        self._mask = EdgeMask(geometry.dark_sides(), geometry.feather, turn, window, in_size)
        self._resample = Resample(window, turn, self._area[2:], channels=4)
        self._homography = None
        if geometry.keystone != UNIT_SQUARE:
            self._homography = _homography(geometry.keystone, turn, window[2:], self._area, screen_size)
        self._grid = _grid_in(window, in_size) if geometry.test_grid else None

    def apply(self, bgrx: Image, out: Image) -> None:
        """Fill a screen's picture. Realtime: yes.

        Args:
            bgrx: ``uint8[h, w, 4]`` BGRX; not written to.
            out: ``uint8[H, W, 4]`` BGRX of the screen's size, C-contiguous; filled whole.

        Raises:
            InvalidValue: a picture doesn't have the size that was announced.
        """
        for name, image, (width, height) in (("in", bgrx, self._in_size), ("out", out, self._screen_size)):
            if image.shape != (height, width, 4):
                raise InvalidValue(f"The picture {name} is {image.shape}, not {(height, width, 4)} as was announced.")
        picture = self._mask.apply(bgrx if self._grid is None else self._grid)
        if self._homography is not None:
            self._warp(picture, out, self._homography)
            return
        x, y, width, height = self._area
        self._resample.apply(picture, out[y : y + height, x : x + width])
        self._blacken_bars(out)

    def _warp(self, picture: Image, out: Image, homography: npt.NDArray[np.float64]) -> None:
        import cv2

        x, y, width, height = self._window
        seen = picture[y : y + height, x : x + width]
        cv2.warpPerspective(
            seen, homography, self._screen_size, dst=out, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 255)
        )

    def _blacken_bars(self, out: Image) -> None:
        import numpy as np

        x, y, width, height = self._area
        pixels = out.view(np.uint32)[..., 0]
        for bar in (pixels[:y], pixels[y + height :], pixels[y : y + height, :x], pixels[y : y + height, x + width :]):
            bar.fill(_BLACK)


@lru_cache(maxsize=1)  # corners are dragged while it is shown, and each step makes an `OutputWarp`
def _grid_in(window: Window, size: Size) -> Image:
    import numpy as np

    x, y, width, height = window
    grid = np.zeros((size[1], size[0], 4), np.uint8)
    grid[y : y + height, x : x + width] = draw_test_grid((width, height))
    return grid


def _layout(scaling: Scaling, turned_size: Size, screen_size: Size) -> tuple[Window, Window]:
    """Return what is seen of the turned picture, and where on the screen."""
    if scaling == "fill":
        return centred_window(turned_size, screen_size), (0, 0, *screen_size)
    return (0, 0, *turned_size), centred_window(screen_size, turned_size)


def _homography(
    keystone: Corners, turn: Turn, seen_size: Size, area: Window, screen_size: Size
) -> npt.NDArray[np.float64]:
    """Return the 3x3 matrix from the pixels of what is seen to the screen's; whole numbers are pixels' middles."""
    import cv2
    import numpy as np

    screen = np.array(screen_size, np.float32)
    whole, pulled = (np.array(corners, np.float32) * screen for corners in (UNIT_SQUARE, keystone))
    pull = cv2.getPerspectiveTransform(whole, pulled)
    place = cv2.getPerspectiveTransform(_corners_before(turn, seen_size), _corners_of(area))
    to_edge = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)))
    to_middle = np.array(((1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)))
    return np.asarray(to_middle @ pull @ place @ to_edge, np.float64)


def _corners_before(turn: Turn, size: Size) -> npt.NDArray[np.float32]:
    """Return which corners of a picture of `size` will be seen top left, top right, bottom right and bottom left."""
    import numpy as np

    corners = np.roll(_corners_of((0, 0, *size)), turn.rotation // 90, axis=0)
    if turn.flip_x:
        corners = corners[[1, 0, 3, 2]]
    if turn.flip_y:
        corners = corners[[3, 2, 1, 0]]
    return corners


def _corners_of(window: Window) -> npt.NDArray[np.float32]:
    import numpy as np

    x, y, width, height = window
    return np.array(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), np.float32)


def _check_corners(corners: Corners) -> None:
    if not all(_CORNER_LEAST <= value <= _CORNER_MOST for corner in corners for value in corner):
        raise InvalidValue(f"The keystone's corners {corners} are too far out: choose from -0.5 to 1.5 of the screen.")
    for index, (x, y) in enumerate(corners):
        (before_x, before_y), (after_x, after_y) = corners[index - 1], corners[(index + 1) % 4]
        if (x - before_x) * (after_y - y) - (y - before_y) * (after_x - x) < _TURN_LEAST:
            name = ("top left", "top right", "bottom right", "bottom left")[index]
            raise InvalidValue(
                f"The keystone's corners {corners} fold the picture at the {name}: go around the screen from the top "
                "left, clockwise, with every corner pointing outwards."
            )


def _corners(value: object) -> Corners:
    try:
        a, b, c, d = ((float(x), float(y)) for x, y in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise InvalidValue(f"keystone = {value!r} is not possible: it takes four corners, {UNIT_SQUARE}.") from None
    return a, b, c, d


def _is_like(value: object, default: object) -> bool:
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, int) and not isinstance(default, bool):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, type(default))
