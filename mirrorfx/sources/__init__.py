"""Where pictures come from. Importing this is cheap; a source's libraries are loaded when it is made or opened."""

from mirrorfx.sources._camera_controls import CameraSettings
from mirrorfx.sources._spec import DEMO_CLIP, SourceChoice, open_spec, resolve_source
from mirrorfx.sources.base import Source, SourceInfo
from mirrorfx.sources.cameras import CameraInfo, list_cameras

__all__ = [
    "DEMO_CLIP",
    "CameraInfo",
    "CameraSettings",
    "Source",
    "SourceChoice",
    "SourceInfo",
    "list_cameras",
    "open_spec",
    "resolve_source",
]
