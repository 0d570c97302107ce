"""Small pictures of what presets look like: the demo clip's first frame painted with each, kept in the cache folder.

They never show a visitor. A picture belongs to what a preset sets (`Preset.stamp`), not to its name, so that a renamed
one keeps its picture and an edited one gets another.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Self

from mirrorfx.clock import FakeClock
from mirrorfx.effects import EffectContext, choose_effect, param_registry
from mirrorfx.errors import SinkUnavailable, SourceUnreadable
from mirrorfx.files import write_whole
from mirrorfx.frame import Frame
from mirrorfx.params import ParamState
from mirrorfx.resources import thumbnail_path

if TYPE_CHECKING:
    from pathlib import Path

    from mirrorfx.effects import Effect
    from mirrorfx.frame import Image
    from mirrorfx.presets.preset import Preset

__all__ = ["SIDE_LEAST_PX", "SIDE_MOST_PX", "ThumbnailPainter", "prune"]

SIDE_LEAST_PX, SIDE_MOST_PX = 64, 512
KEPT_MOST = 600
"""The most pictures in the cache folder; 256 pixels square they are about 25 KB each."""

_PAINTED_PX = 512
_CUT_LEFT, _CUT_SIDE = 0.11, 0.72
"""The part of the demo clip's first frame that has the face, as shares of its side, from the top."""
_OPTIONS = {"style": (("work_size", "320"),)}
"""What keeps an effect from measuring a machine that is busy with the show."""
_QUALITY = 88

_log = logging.getLogger(__name__)


class ThumbnailPainter:
    """Paints presets with one effect, on one thread of the CPU. Loads it when the first picture is asked for.

    Args:
        effect: its name.
        side_px: side of the square pictures.

    Raises:
        UnknownName: there is no such effect.
        EffectUnavailable: it can't run here; the message names the fix.
    """

    def __init__(self, effect: str, side_px: int) -> None:
        self.effect = choose_effect(effect).name
        self._side_px = side_px
        self._opened: Effect | None = None
        self._camera: Image | None = None

    def path(self, stamp: int) -> Path:
        """Return where the picture of a preset with that stamp is kept."""
        return thumbnail_path(stamp, self.effect, self._side_px)

    def make(self, preset: Preset, stamp: int) -> Path:
        """Paint a preset, unless there is a picture of it, and return the picture's file.

        Raises:
            EffectError: the effect failed, or can't be opened.
            SourceUnreadable: the demo clip has no picture.
            SinkUnavailable: the cache folder can't be written to.
        """
        path = self.path(stamp)
        try:
            if path.is_file():
                path.touch()  # pictures in use are the last that `prune` takes away
                return path
            content = _jpeg(self._painted(preset))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise SinkUnavailable(
                f"The picture of {preset.name!r} can't be kept at {path}: {error.strerror or error}. "
                "Make room or make the folder writable; MIRRORFX_CACHE_DIR names another one."
            ) from error
        prune(path.parent)
        return path

    def close(self) -> None:
        """Let the effect go. Safe to call twice."""
        if self._opened:
            self._opened.close()
        self._opened = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _painted(self, preset: Preset) -> Image:
        """Return ``uint8[side, side, 3]`` BGR."""
        import numpy as np

        effect, camera = self._ready()
        registry = param_registry(self.effect)
        # Held, only the first of the drift's keyframes is drawn.
        values = preset.values_for(registry) | {"drift": 0.0}
        params = ParamState.initial(registry, values, 0).at(0)
        if effect.networks(values):
            effect.swap(params)
        effect.prepare(params)
        out = np.empty((_PAINTED_PX, _PAINTED_PX, 4), np.uint8)
        effect.render(Frame(camera, 0), params, out)
        return _resized(out[..., :3], self._side_px)

    def _ready(self) -> tuple[Effect, Image]:
        if self._camera is None:
            self._camera = _demo_picture()
        if self._opened is None:
            effect = choose_effect(self.effect)()
            size = (_PAINTED_PX, _PAINTED_PX)
            effect.open(EffectContext(size, threads=1, options=_OPTIONS.get(self.effect, ())))
            self._opened = effect
        return self._opened, self._camera


def prune(folder: Path, most: int = KEPT_MOST) -> None:
    """Take the pictures away that have not been used for the longest, until `most` are left."""
    aged = []
    for path in folder.glob("*.jpg"):
        with contextlib.suppress(OSError):  # another desk's painter prunes, too
            aged.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(aged)[: max(0, len(aged) - most)]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("An old picture can't be taken away: %s", error)


def _demo_picture() -> Image:
    """Return the part of the demo clip with the face: ``uint8[512, 512, 3]`` BGR."""
    from mirrorfx.sources import open_spec

    with open_spec("demo", clock=FakeClock(), size=(_PAINTED_PX, _PAINTED_PX)) as source:
        frame = source.read()
    if frame is None:
        raise SourceUnreadable("The demo clip has no picture in it. Install MirrorFX again with scripts/run.")
    width, height = frame.size
    side, left = round(min(width, height) * _CUT_SIDE), round(width * _CUT_LEFT)
    return _resized(frame.pixels[:side, left : left + side], _PAINTED_PX)


def _resized(picture: Image, side_px: int) -> Image:
    import cv2

    resized: Any = cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_AREA)
    made: Image = resized
    return made


def _jpeg(picture: Image) -> bytes:
    import cv2

    written, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not written:
        raise SinkUnavailable("OpenCV could not write a JPEG. Install opencv-python-headless again.")
    packed: Any = content
    return bytes(packed.tobytes())
