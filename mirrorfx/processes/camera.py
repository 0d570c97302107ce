"""The camera process: owns the device, so that a driver that hangs can be killed."""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, Clock
from mirrorfx.errors import MirrorFXError, SourceError, SourceHung
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import Captured, Failed, Grant, Say, Stop
from mirrorfx.processes.spawn import CLOCK
from mirrorfx.processes.taps import Tap

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mirrorfx.frame import Frame, Image
    from mirrorfx.geometry import InputFitter, InputGeometry
    from mirrorfx.processes.settings import CameraSetup, MirrorSettings
    from mirrorfx.sources.base import Source, SourceInfo

__all__ = ["CameraProcess", "camera_main", "input_geometry"]

_log = logging.getLogger(__name__)
_RETRY_NS = SECOND


class CameraProcess:
    """Reads the source, fits each picture to the working size, and hands its slot to the engine."""

    def __init__(self, channel: Channel, setup: CameraSetup, clock: Clock) -> None:
        from mirrorfx.sources import open_spec

        self._channel = channel
        self._setup = setup
        self._clock = clock
        self._ring = Ring.attach(setup.ring)
        self._live = LiveFrames.attach(setup.live) if setup.live else None
        self._tap = Tap.attach(setup.tap, setup.tap_fps) if setup.tap else None
        self._spare: Image | None = None
        self._free: deque[int] = deque()
        self._stopping = False
        self._refit = False
        self._lost = ""
        self._source: Source = open_spec(setup.source, clock=clock, size=setup.size, camera=setup.camera)

    def run(self) -> None:
        """Read until told to stop; a source that goes away is opened again for as long as it takes."""
        while not self._stopping:
            try:
                info = self._source.open()
                self._lost = ""
                self._say(state="open", **_described(info), controls=dict(self._source.controls))
                self._read(info)
            except SourceHung:
                raise
            except SourceError as error:
                self._tell_lost(str(error))
            finally:
                self._source.close()
            if not self._stopping:
                self._listen(_RETRY_NS)
        self._ring.close()
        if self._live:
            self._live.close()
        if self._tap:
            self._tap.close()

    def _tell_lost(self, reason: str) -> None:
        """Log it once, however long it lasts: a log of limited size would soon hold nothing else."""
        if reason != self._lost:
            self._lost = reason
            _log.warning("%s", reason)
        self._say(state="lost", reason=reason)

    def _read(self, info: SourceInfo) -> None:
        import cv2

        cv2.setNumThreads(1)  # the workers need the other cores
        fitter, told = self._fitter(info), self._source.controls
        while not self._stopping:
            frame = self._source.read()
            if frame is None:
                return
            self._listen(0)
            if self._refit:
                fitter = self._fitter(info)
            if self._source.controls != told:
                told = self._source.controls
                self._say(state="open", **_described(info), controls=dict(told))
            self._pass_on(frame, fitter)

    def _fitter(self, info: SourceInfo) -> InputFitter:
        from mirrorfx.geometry import InputFitter

        self._refit = False
        return InputFitter(input_geometry(self._setup, live=info.live), info.size, self._setup.size)

    def _take(self, said: dict[str, Any]) -> None:
        """Turn, crop and lock otherwise from the next picture on."""
        from mirrorfx.geometry import InputGeometry

        camera = replace(self._setup.camera, **said["camera"])
        self._setup = replace(
            self._setup, geometry=InputGeometry(**said["geometry"]), mirror=said["mirror"], camera=camera
        )
        self._refit = True
        self._source.adjust(camera)

    def _pass_on(self, frame: Frame, fitter: InputFitter) -> None:
        fitted = self._bypass(frame, fitter)
        if self._free:
            slot = self._free.popleft()
            place = self._ring.view(slot)
            if fitted is None:
                fitter.fit(frame.pixels, place)
            else:
                place[:] = fitted
            fitted = place
            self._channel.send(Captured(slot, frame.index, frame.t_capture_ns, self._clock.now_ns()))
        if self._tap and self._tap.due(self._clock.now_ns()):
            self._show(self._tap, frame, fitted, fitter)

    def _show(self, tap: Tap, frame: Frame, fitted: Image | None, fitter: InputFitter) -> None:
        """Let those who look on see the picture, also while nobody takes frames."""
        if fitted is None:
            import numpy as np

            if self._spare is None:
                width, height = self._setup.size
                self._spare = np.empty((height, width, 3), np.uint8)
            fitter.fit(frame.pixels, self._spare)
            fitted = self._spare
        tap.put(fitted, self._clock.now_ns())

    def _bypass(self, frame: Frame, fitter: InputFitter) -> Image | None:
        """Give the picture to the wall, past the engine, while the wall wants that; return it as it was fitted."""
        if self._live is None or not self._live.wanted(self._clock.now_ns()):
            return None
        place = self._live.next()
        fitter.fit(frame.pixels, place)
        self._live.publish(frame.t_capture_ns)
        return place

    def _listen(self, timeout_ns: int) -> None:
        if timeout_ns:
            self._channel.wait_for(timeout_ns)
        for message in self._channel.receive_all():
            match message:
                case Grant(slots):
                    self._free.extend(slots)
                case Say(text):
                    self._take(json.loads(text))
                case Stop():
                    self._stopping = True
        if not self._channel.alive:
            self._stopping = True

    def _say(self, **what: object) -> None:
        self._channel.send(Say(json.dumps(what).encode()))


def input_geometry(setup: CameraSetup | MirrorSettings, *, live: bool) -> InputGeometry:
    """Return how the picture is turned and cropped; what looks at visitors is a mirror unless told otherwise."""
    return replace(setup.geometry, mirror=live if setup.mirror is None else setup.mirror)


def _described(info: SourceInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "size": list(info.size),
        "rate_fps": info.rate_fps,
        "live": info.live,
        "details": dict(info.details),
    }


def camera_main(connection: Connection, setup: CameraSetup) -> None:
    """Run the camera process."""
    channel = Channel(connection)
    try:
        CameraProcess(channel, setup, CLOCK).run()
    except MirrorFXError as error:
        channel.send(Failed(False, str(error).encode()))
        os._exit(1)
