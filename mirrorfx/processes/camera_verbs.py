"""What clients ask about the camera: which source, how its picture is turned and cropped, what is locked on it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, MirrorFXError, SourceNotFound, UnknownName
from mirrorfx.processes.camera import input_geometry
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.sources import list_cameras, resolve_source
from mirrorfx.sources.cameras import find_camera

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mirrorfx.processes.engine import Engine
    from mirrorfx.sources import CameraInfo

__all__ = ["CameraVerbs", "camera_asked"]

_LOCKS = ("exposure", "gain", "white_balance", "focus")
_PLACING = ("rotation", "zoom", "pan_x", "pan_y")
_LOOK_NS = 2 * SECOND
_MOST = 1e9


def camera_asked(settings: MirrorSettings) -> frozenset[str]:
    """Return which of the camera's settings the start of the mirror said, by the names that a session keeps."""
    untold = MirrorSettings()
    asked = {name for name in _LOCKS if getattr(settings.camera, name) != getattr(untold.camera, name)}
    asked |= {name for name in _PLACING if getattr(settings.geometry, name) != getattr(untold.geometry, name)}
    if settings.mirror is not None:
        asked.add("mirror")
    if settings.source_asked:
        asked.add("source")
    return frozenset(asked)


class CameraVerbs:
    """The camera as clients see it. What they change holds from one of the next pictures on, without a new start.

    Only another source starts the camera's process anew; the wall holds its picture until that one gives any.
    """

    def __init__(self, engine: Engine, cameras: Callable[[], list[CameraInfo] | None] = list_cameras) -> None:
        self._engine = engine
        self._list_cameras = cameras
        self._cameras = cameras()
        self._next_look_ns = 0
        self._told: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"camera": self._camera, "source": self._source}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        says = self._engine.intake.says
        told = {key: says[key] for key in ("state", "name", "size", "rate_fps", "reason") if key in says}
        camera = told | {"asked": self._asked(), "real": says.get("controls", {}), "lacks": self._lacks()}
        return {"camera": camera, "sources": self._sources()}

    def mind(self, now_ns: int) -> bool:
        """Look every two seconds which cameras there are, and always what the camera says; say whether that is new."""
        said, self._told = self._told, self._engine.intake.says
        new = said is not self._told
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + _LOOK_NS
            before, self._cameras = self._cameras, self._list_cameras()
            new = new or before != self._cameras
        return new

    def table(self) -> dict[str, Any]:
        """Return what a session keeps: what somebody has changed, so that another start can say the rest."""
        return dict(self._changed)

    def restore(self, table: Mapping[str, Any], *, but: Collection[str] = ()) -> None:
        """Go on with what a session has kept; what is not possible any more is told and passed over.

        Args:
            table: what `table` returned.
            but: what is left as it is, since this start was told otherwise.
        """
        values = {name: value for name, value in table.items() if name not in but}
        source = values.pop("source", None)
        try:
            self._camera(values)
            if source not in (None, self._engine.settings.source):
                self._source({"name": source})
        except MirrorFXError as error:
            self._engine.notice(f"The camera is not as it was in the session: {error}", "warning")

    # What can be asked

    def _camera(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        settings = self._engine.settings
        changes = {name: value for name, value in arguments.items() if name != "origin"}
        for name in changes:
            if name not in (*_LOCKS, *_PLACING, "mirror"):
                raise UnknownName("camera setting", name, (*_LOCKS, *_PLACING, "mirror"))
        locks: dict[str, Any] = {name: _lock(name, changes[name]) for name in _LOCKS if name in changes}
        placing: dict[str, Any] = {name: _number(name, changes[name]) for name in _PLACING if name in changes}
        if "rotation" in placing:
            placing["rotation"] = round(placing["rotation"])
        mirror = changes.get("mirror", settings.mirror)
        if mirror is not None and not isinstance(mirror, bool):
            raise InvalidValue(f"mirror is {mirror!r}; it must be true, false or null (as the source is).")
        self._engine.settings = replace(
            settings,
            camera=replace(settings.camera, **locks),
            geometry=replace(settings.geometry, **placing),
            mirror=mirror,
        )
        self._changed |= changes
        self._tell()
        return {}

    def _source(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = str(arguments.get("name", ""))
        if not name:
            raise SourceNotFound("No source was named. There is: " + ", ".join(s["name"] for s in self._sources()))
        self._cameras = self._list_cameras()
        spec = resolve_source(name, cameras=lambda: self._cameras).spec
        self._engine.settings = replace(self._engine.settings, source=spec)
        self._changed["source"] = spec
        self._engine.intake.change_source(self._engine.clock.now_ns())
        return {"source": spec}

    def _tell(self) -> None:
        settings = self._engine.settings
        locks = {name: getattr(settings.camera, name) for name in _LOCKS}
        told = {"geometry": asdict(settings.geometry), "mirror": settings.mirror, "camera": locks}
        self._engine.intake.tell(json.dumps(told).encode())

    # What is told

    def _asked(self) -> dict[str, Any]:
        settings = self._engine.settings
        live = bool(self._engine.intake.says.get("live"))
        placing = {name: getattr(settings.geometry, name) for name in _PLACING}
        locks = {name: getattr(settings.camera, name) for name in _LOCKS}
        return locks | placing | {"mirror": input_geometry(settings, live=live).mirror}

    def _lacks(self) -> dict[str, str]:
        """Return what can't be locked now, and why."""
        says = self._engine.intake.says
        if says.get("state") != "open":
            return dict.fromkeys(_LOCKS, "The source is not open.")
        if not says.get("live"):
            return dict.fromkeys(_LOCKS, "Only a camera has this.")
        controls = says.get("controls", {})
        reason = f"The driver of {says.get('name')} doesn't offer it."
        return {name: reason for name in _LOCKS if controls.get(name) is None}

    def _sources(self) -> list[dict[str, Any]]:
        """Return what can be chosen, with the one in force marked; it is added where it is something else, a file."""
        spec = self._engine.settings.source
        word = spec.partition(":")[0]
        cameras = [_entry(camera) for camera in self._cameras or ()]
        if self._cameras is None:
            cameras = [("camera:0", "Camera 0"), ("camera:1", "Camera 1")]
        listed = [*cameras, ("demo", "Demo clip"), ("pattern", "Test pattern")]
        current = self._current_camera(spec) if word == "camera" else word if word == "pattern" else spec
        if current not in (name for name, _ in listed):
            listed.append((current, PurePath(spec).name if word != "camera" else spec))
        return [{"name": name, "label": label, "current": name == current} for name, label in listed]

    def _current_camera(self, spec: str) -> str:
        try:
            return _entry(find_camera(spec.partition(":")[2] or "0", self._cameras))[0]
        except MirrorFXError:
            return spec  # unplugged


def _entry(camera: CameraInfo) -> tuple[str, str]:
    """Return a camera's source, by a name that stays with it, and what people call it."""
    return f"camera:{camera.stable_id or camera.index}", camera.name


def _lock(name: str, value: object) -> float | None:
    return None if value is None else _number(name, value)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        raise InvalidValue(f"{name} is {value!r:.80}; it must be a number.")
    return float(value)
