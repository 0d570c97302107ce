"""Where a selftest paints: a frame, a folder, a worker that is opened when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mirrorfx.clock import FakeClock
from mirrorfx.errors import SourceUnreadable
from mirrorfx.geometry import InputFitter, InputGeometry
from mirrorfx.presets import PresetLibrary, all_params
from mirrorfx.resources import builtin_presets_dir
from mirrorfx.selftest.painter import Look, Painter
from mirrorfx.sources import open_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image
    from mirrorfx.params import Value
    from mirrorfx.presets import Preset
    from mirrorfx.selftest.folder import Folder
    from mirrorfx.selftest.painter import Painted
    from mirrorfx.selftest.settings import SelftestSettings

__all__ = ["Studio"]

_SETTLING_FRAMES = 30
_MAIN_PRESET = "Oil portrait"


class Studio:
    """What all sections paint with.

    Args:
        settings: what to paint with and how much.
        folder: where pictures go.
        clock: what waiting is measured on.
        progress: is told what is done, and which share of all.

    Attributes:
        frame: ``uint8[H, W, 3]`` BGR of the working size: what is painted.
        presets: the built-in ones, in the order of their names.
        details: what the effect says about how it runs, once it was opened.

    Raises:
        SourceError: the source gives no picture.
    """

    def __init__(
        self, settings: SelftestSettings, folder: Folder, clock: Clock, progress: Callable[[str, float], None]
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.clock = clock
        self.frame = _first_frame(settings, clock)
        self.presets = _builtin_presets()
        self.details: dict[str, Any] = {}
        self._progress = progress
        self._title, self._start, self._end, self._share = "", 0.0, 0.0, 0.0
        self._painter: Painter | None = None

    @property
    def main_preset(self) -> Preset:
        """The preset that the sections other than the presets' own sheet paint with."""
        return next((preset for preset in self.presets if preset.name == _MAIN_PRESET), self.presets[0])

    def look(self, preset: Preset | None = None, *, phase: float = 0.0, **changes: Value) -> Look:
        """Return a preset's look with some values changed and the drift standing still at `phase`."""
        from mirrorfx.effects import param_registry

        chosen = preset or self.main_preset
        return Look(chosen.values_for(param_registry(self.settings.effect)) | changes, phase)

    def begin(self, title: str, start: float, end: float) -> None:
        """Note which section is worked on, and which part of the whole it is."""
        self._title, self._start, self._end = title, start, end
        self.step(0.0)

    def step(self, share: float, what: str = "") -> None:
        """Say how far the section is."""
        self._share = self._start + (self._end - self._start) * min(max(share, 0.0), 1.0)
        self.busy(what)

    def busy(self, what: str) -> None:
        """Say what keeps the section from going on, such as a model that loads."""
        self._progress(f"{self._title}: {what}" if what else self._title, self._share)

    def paint(self, look: Look, picture: Image | None = None) -> Painted:
        """Paint the frame, or another picture of its size, with the first device's worker.

        Raises:
            EffectError: the effect can't run here, or failed.
        """
        if self._painter is None:
            self._painter = self.painter_on(self.settings.devices[0])
            self.details = self._painter.details
        try:
            return self._painter.paint(self.frame if picture is None else picture, look)
        except BaseException:
            self.leave()
            raise

    def painter_on(self, device: str) -> Painter:
        """Open another worker.

        Raises:
            EffectError: the effect can't run there.
        """
        return Painter(self.settings, device, self.clock, lambda what, _share: self.busy(what))

    def leave(self) -> None:
        """End the first device's worker, so that its memory is free; `paint` opens another."""
        painter, self._painter = self._painter, None
        if painter:
            painter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def _first_frame(settings: SelftestSettings, clock: Clock) -> Image:
    """Return a picture of the source, cropped to the working size."""
    live = settings.source.startswith("camera")
    # A file needn't be waited for; a camera's first pictures are dark.
    with open_spec(settings.source, clock=clock if live else FakeClock(), size=settings.size) as source:
        info = source.open()
        frame = source.read()
        for _ in range(_SETTLING_FRAMES if live else 0):
            frame = source.read() or frame
        if frame is None:
            raise SourceUnreadable(f"{settings.source} gives no picture. Take another --source, such as demo.")
        width, height = settings.size
        fitted: Image = np.empty((height, width, 3), np.uint8)
        InputFitter(InputGeometry(mirror=live), info.size, settings.size).fit(frame.pixels, fitted)
    return fitted


def _builtin_presets() -> list[Preset]:
    folder = builtin_presets_dir()
    return PresetLibrary(folder, folder / "none", all_params(), repair=False).presets()
