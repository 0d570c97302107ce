"""What a mirror is told at its start."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mirrorfx.effects.base import EffectContext
from mirrorfx.geometry import InputGeometry
from mirrorfx.processes.taps import RATE_MOST
from mirrorfx.sources import CameraSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mirrorfx.frame import Size
    from mirrorfx.kiosk.settings import KioskSettings
    from mirrorfx.processes.memory import RingSpec
    from mirrorfx.processes.taps import TapSpecs

__all__ = ["CameraSetup", "EngineSetup", "MirrorSettings", "MonitorSetup", "WallSetup", "WorkerSetup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSettings:
    """All that `mirrorfx run` can be told; everything has a default that works on a laptop.

    Attributes:
        source: ``camera``, ``camera:1``, ``demo``, ``pattern``, or a file's path.
        source_asked: whether somebody said so, and it is not just what this machine has.
        effect: an effect's name, already resolved (never ``auto``).
        preset: a preset's name or file; None starts with the params' defaults.
        params: values on top of the preset.
        size: (width, height) that the effect works at.
        workers: how many worker processes; 0 lets the device decide.
        devices: one worker on each, in turn.
        frame_rate: new frames a second that the effect should aim for: the camera's rate.
        schedule: ``alternate`` or ``adaptive``.
        mode: ``auto``, ``paced`` or ``lock``.
        display_hz: ticks a second of a wall without a screen.
        seconds: end after so many seconds of picture; None goes on.
        frames: end after so many new frames shown; None goes on.
        record: the film's file.
        picture: where a frame is written beside its painting when the run ends.
        fullscreen: the name of the screen to fill; "" takes the first, None stays a window.
        screen: the entry point of the wall's window (``wall``); None is headless.
        desk: whether to open the operator's window.
        control_port: of the control server on loopback; 0 takes a free one, None has none unless there is a desk.
        control_token: what clients of the control server must know; made up when empty.
        status_host: where the monitor listens, which shows pictures and the status page.
        status_port: of the monitor; 0 takes a free one, None has none unless there is a control server.
        status_token: what those who look on must know; made up when empty.
        effect_options: free settings for the effect.
        geometry: how the source's picture is turned and cropped; its own `mirror` is overruled by the next one.
        mirror: whether left and right are swapped; None does so for what looks at visitors, a camera.
        camera: what a camera is asked for: its mode, and what is locked.
        restore: after a crash: ``ask`` offers to go on with the session before, ``always`` does, ``never`` doesn't.
        hours: when it is open, as `mirrorfx.show.OpeningHours` reads it; empty is always.
        allow_bypass: whether the wall may ever show the camera's own picture.
        kiosk: how the wall is locked; None is a window that anybody may close.
        attract: presets for the time that nobody is there; empty has no attract mode.
        attract_after_s: how long nobody must be there.
        attract_by: ``person`` detects persons, ``motion`` takes whatever moves for one.
        attract_fps: how many new frames a second are painted at most meanwhile; 0 is as many as at other times.
        lock_prompt: whether only presets change the prompt.
        word_list: a file of words that no prompt may have; None takes the user's own, if there is one.
        words: what that file has, read at the start.
        flash_guard: keep the wall below three flashes in any second, whatever is painted: ``standard`` or ``strict``, a
            name of `mirrorfx.safety.limits.STANDARDS`, or ``off``.
        safe_preset: what SAFE PRESET takes; None is the preset of the start, or else the params' defaults.
        run_id: tells this run from others, for an engine that is started again within it.
    """

    source: str = "demo"
    source_asked: bool = False
    effect: str = "style"
    preset: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    size: Size = (1024, 1024)
    workers: int = 2
    devices: tuple[str, ...] = ("cpu",)
    frame_rate: float = 30.0
    schedule: str = "alternate"
    mode: str = "auto"
    display_hz: float = 60.0
    seconds: float | None = None
    frames: int | None = None
    record: Path | None = None
    picture: Path | None = None
    screen: str | None = None
    desk: bool = False
    fullscreen: str | None = None
    control_port: int | None = None
    control_token: str = ""
    status_host: str = "127.0.0.1"
    status_port: int | None = None
    status_token: str = ""
    effect_options: tuple[tuple[str, str], ...] = ()
    geometry: InputGeometry = field(default_factory=InputGeometry)
    mirror: bool | None = None
    camera: CameraSettings = field(default_factory=CameraSettings)
    restore: str = "ask"
    hours: str = ""
    allow_bypass: bool = True
    kiosk: KioskSettings | None = None
    attract: tuple[str, ...] = ()
    attract_after_s: float = 20.0
    attract_by: str = "person"
    attract_fps: float = 10.0
    lock_prompt: bool = False
    word_list: Path | None = None
    words: tuple[str, ...] = ()
    flash_guard: str = "standard"
    safe_preset: str | None = None
    run_id: str = field(default_factory=lambda: secrets.token_hex(8), compare=False)

    def context(self, device: str) -> EffectContext:
        """Return what an effect would be opened with on `device`, as far as it is known before there are workers."""
        return EffectContext(self.size, device, threads=os.cpu_count() or 1, options=self.effect_options)

    @property
    def control_url(self) -> str:
        """What a client of the control server connects to; empty without one."""
        if self.control_port is None:
            return ""
        return f"ws://127.0.0.1:{self.control_port}/control?token={self.control_token}"

    @property
    def status_url(self) -> str:
        """What a browser opens to see the status page; empty without one."""
        return self._monitor_url("http", "/")

    @property
    def monitor_url(self) -> str:
        """What a client connects to for pictures; empty without a monitor."""
        return self._monitor_url("ws", "/pictures")

    def _monitor_url(self, scheme: str, path: str) -> str:
        if self.status_port is None:
            return ""
        host = "127.0.0.1" if self.status_host in ("0.0.0.0", "::") else self.status_host
        where = f"[{host}]" if ":" in host else host
        return f"{scheme}://{where}:{self.status_port}{path}?token={self.status_token}"


@dataclass(frozen=True, slots=True)
class CameraSetup:
    """What the camera process is told."""

    source: str
    size: Size
    geometry: InputGeometry
    mirror: bool | None
    camera: CameraSettings
    ring: RingSpec
    live: RingSpec | None = None
    tap: RingSpec | None = None
    tap_fps: int = RATE_MOST


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker process is told."""

    worker: int
    effect: str
    device: str
    size: Size
    workers: int
    threads: int
    frame_rate: float
    options: tuple[tuple[str, str], ...]
    frames: RingSpec
    results: RingSpec
    tap: RingSpec | None = None


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What the engine process is told."""

    settings: MirrorSettings
    frames: RingSpec
    results: RingSpec
    live: RingSpec | None = None
    taps: TapSpecs | None = None


@dataclass(frozen=True, slots=True)
class WallSetup:
    """What the wall process is told."""

    settings: MirrorSettings
    results: RingSpec
    live: RingSpec | None = None
    tap: RingSpec | None = None
    panic: str = ""


@dataclass(frozen=True, slots=True)
class MonitorSetup:
    """What the monitor process is told."""

    taps: TapSpecs
    host: str
    port: int
    token: str
    control_url: str
    panic: str
    allow_bypass: bool = True
