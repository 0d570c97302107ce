"""Sources by the words that people write: ``camera:1``, ``demo``, ``pattern:60``, a file's path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue, SourceNotFound, did_you_mean
from mirrorfx.resources import asset
from mirrorfx.sources._files import readable_file
from mirrorfx.sources.cameras import find_camera, list_cameras

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Size
    from mirrorfx.sources._camera_controls import CameraSettings
    from mirrorfx.sources.base import Source
    from mirrorfx.sources.cameras import CameraInfo

__all__ = ["DEMO_CLIP", "SourceChoice", "open_spec", "resolve_source"]

DEMO_CLIP = "demo.mp4"
_WORDS = ("camera", "demo", "pattern")
_AWAITED = "The camera is not there: the wall shows the calm scene until it is."


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """Which source it will be, and a sentence for people that says why.

    Attributes:
        spec: what `open_spec` takes.
        reason: such as ``No camera was found: the demo clip plays instead.``
    """

    spec: str
    reason: str


def open_spec(spec: str, *, clock: Clock, size: Size, camera: CameraSettings | None = None) -> Source:
    """Return the source that `spec` names; it is not opened yet, and nothing is probed.

    Args:
        spec: ``camera``, ``camera:1``, ``camera:NAME``, ``demo``, ``pattern``, ``pattern:60`` or a path.
        clock: what the source keeps its pace on.
        size: (width, height) of pictures that are made here: the test pattern.
        camera: mode and locks of a camera.

    Raises:
        InvalidValue: the part after the colon is not possible.
        MirrorFXError: the demo clip is missing from the installation.
    """
    word, _, rest = spec.partition(":")
    if word == "camera":
        from mirrorfx.sources.camera import Camera

        return Camera(rest or "0", clock=clock, settings=camera)
    if word == "pattern":
        from mirrorfx.sources.pattern import Pattern

        return Pattern(size, clock=clock, rate_fps=_rate(spec, rest))
    from mirrorfx.sources.still import STILL_SUFFIXES, StillImage
    from mirrorfx.sources.video import VideoFile

    path = asset(DEMO_CLIP) if spec == "demo" else Path(spec).expanduser()
    return (StillImage if path.suffix.lower() in STILL_SUFFIXES else VideoFile)(path, clock=clock)


def resolve_source(
    spec: str | None,
    *,
    await_camera: bool = False,
    cameras: Callable[[], Sequence[CameraInfo] | None] = list_cameras,
) -> SourceChoice:
    """Decide on a source before anything starts. None asks for the first camera, or else the demo clip.

    Args:
        spec: what somebody asked for, or None.
        await_camera: a camera that isn't there will come, and nothing plays in its place.
        cameras: how cameras are listed.

    Raises:
        SourceNotFound: a camera or file that was asked for is not there; the message names those that are.
        SourceUnreadable: the file is empty, a folder, or may not be read.
        InvalidValue: the part after the colon is not possible.
    """
    if spec is None:
        found = cameras()
        return SourceChoice("camera:0", _AWAITED) if await_camera and not found else _default(found)
    word, _, rest = spec.partition(":")
    if word == "camera":
        try:
            camera = find_camera(rest or "0", cameras())
        except SourceNotFound:
            if not await_camera:
                raise
            return SourceChoice(spec, _AWAITED)
        return SourceChoice(spec, f"The camera {camera.name} was asked for.")
    if spec == "demo":
        return SourceChoice(spec, "The demo clip was asked for.")
    if word == "pattern":
        return SourceChoice(spec, f"The test pattern at {_rate(spec, rest):g} fps was asked for.")
    return SourceChoice(spec, f"The file {_file(spec)} was asked for.")


def _default(cameras: Sequence[CameraInfo] | None) -> SourceChoice:
    if cameras is None:
        return SourceChoice(
            "demo",
            "Cameras can't be listed on this system: the demo clip plays. Ask for a camera with --source camera:0.",
        )
    if cameras:
        return SourceChoice(f"camera:{cameras[0].index}", f"The camera {cameras[0].name} was found.")
    return SourceChoice("demo", "No camera was found: the demo clip plays instead.")


def _rate(spec: str, rest: str) -> float:
    try:
        rate = float(rest or "30")
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 240:
        raise InvalidValue(
            f"Source {spec!r} is not understood: write pattern, or pattern:60 for a rate from 1 to 240 fps."
        )
    return rate


def _file(spec: str) -> Path:
    path = Path(spec).expanduser()
    try:
        return readable_file(path)
    except SourceNotFound as error:
        near = "" if "/" in spec or "." in spec else did_you_mean(spec.partition(":")[0], _WORDS)
        raise SourceNotFound(f"{error}{near}") from None
