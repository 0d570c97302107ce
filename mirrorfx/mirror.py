"""The public face: a mirror joins a source, an effect, a wall and sinks, in processes of its own or in yours.

from mirrorfx import Mirror
Mirror(source="demo", effect="paint", seconds=5, record="out.mp4").run()

for frame in Mirror(source="demo", effect="paint", size=(512, 512)).frames():
...  # frame.pixels is uint8[512, 512, 4] BGRX
"""

from __future__ import annotations

import math
import os
import secrets
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import Clock, MonotonicClock
from mirrorfx.effects import choose_effect, default_devices, effect_class, param_registry
from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.frame import Frame, check_size
from mirrorfx.params import ParamState
from mirrorfx.presets.library import PresetLibrary, all_params
from mirrorfx.processes.attract import check_attract
from mirrorfx.processes.prompt_guard import PromptGuard, with_words
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.resources import builtin_presets_dir, user_presets_dir
from mirrorfx.show import OpeningHours
from mirrorfx.sources import open_spec, resolve_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirrorfx.effects import Effect
    from mirrorfx.processes.launcher import Outcome, Watcher
    from mirrorfx.sources.base import SourceInfo

__all__ = ["Mirror", "MirrorSettings"]

_WORKERS_MOST = 16
_MODES = ("auto", "paced", "lock")
_SCHEDULES = ("alternate", "adaptive")
_RESTORES = ("ask", "always", "never")
_CPU_WORKERS = 2
_AUTO = "auto"
_PORT_MOST = 65535
_TOKEN_LEAST = 12


class Mirror:
    """A mirror, checked before anything starts.

    Args:
        clock: where time comes from.
        **settings: the fields of `MirrorSettings`, as they stand or as people write them: ``effect="auto"``,
            ``source=None`` (the first camera, or else the demo clip), ``devices=("auto",)`` (what the effect wants),
            ``workers=0`` (as many as fit the devices). ``await_camera=True`` starts without a camera that isn't there
            yet, and plays nothing in its place.

    Attributes:
        settings: what it will run with, everything resolved.
        source_reason: a sentence that says why this source was taken; empty where that goes without saying.

    Raises:
        MirrorFXError: a setting is not possible; says which, what was found, and what to do.
    """

    def __init__(self, *, clock: Clock | None = None, **settings: Any) -> None:
        self._clock = clock or MonotonicClock()
        source = settings.pop("source", None)
        choice = resolve_source(source, await_camera=settings.pop("await_camera", False))
        self.source_reason = choice.reason
        effect = choose_effect(settings.pop("effect", "auto"), settings.get("effect_options", ()))
        devices = tuple(settings.pop("devices", None) or (_AUTO,))
        record, picture = settings.pop("record", None), settings.pop("picture", None)
        asked = MirrorSettings(
            source=choice.spec,
            source_asked=source is not None,
            effect=effect.name,
            devices=default_devices(effect) if devices == (_AUTO,) else devices,
            record=Path(record) if record else None,
            picture=Path(picture) if picture else None,
            **settings,
        )
        self.settings = _checked(asked)
        _check_options(effect, self.settings.effect_options)
        for device in dict.fromkeys(self.settings.devices):
            effect.check(self.settings.context(device))
        self._values = _first_values(self.settings)
        _check_film(self.settings)

    def probe_source(self) -> SourceInfo | None:
        """Open the source once, to know before anything starts that it gives pictures; None for a camera.

        A camera is left alone: some take seconds to open, and the camera's own process waits for one that is away.

        Raises:
            SourceError: it is not there, or gives no pictures.
        """
        if self.settings.source.startswith("camera"):
            self.settings = replace(self.settings, frame_rate=self.settings.camera.fps)
            return None
        with open_spec(self.settings.source, clock=self._clock, size=self.settings.size) as source:
            info = source.open()
        if info.rate_fps:
            self.settings = replace(self.settings, frame_rate=info.rate_fps)
        return info

    def run(self, watcher: Watcher | None = None) -> Outcome:
        """Run with processes of its own until the end that the settings name, a closed window, or Ctrl-C.

        Threads: the main thread. A program that calls this guards its start with ``if __name__ == "__main__":``.

        Raises:
            ProcessFailed: no picture could be made at all.
        """
        from mirrorfx.processes.launcher import Launcher

        return Launcher(self.settings, self._clock, watcher).run()

    def frames(self) -> Iterator[Frame]:
        """Paint in this process, one frame after the other, and yield each.

        Yields:
            Frames with ``uint8[H, W, 4]`` BGRX pixels, which are valid until the next one is asked for.

        Raises:
            SourceError: the source is not there or went away.
            EffectError: the effect can't run here or failed.
        """
        import numpy as np

        from mirrorfx.geometry import InputFitter
        from mirrorfx.processes.camera import input_geometry

        settings = self.settings
        width, height = settings.size
        fitted, painted = np.empty((height, width, 3), np.uint8), np.empty((height, width, 4), np.uint8)
        state = ParamState.initial(param_registry(settings.effect), self._values, self._clock.now_ns())
        source = open_spec(settings.source, clock=self._clock, size=settings.size, camera=settings.camera)
        with source, effect_class(settings.effect)() as effect:
            info = source.open()
            effect.open(settings.context(settings.devices[0]))
            fitter = InputFitter(input_geometry(settings, live=info.live), info.size, settings.size)
            seq = 0
            while (frame := source.read()) is not None and (settings.frames is None or seq < settings.frames):
                fitter.fit(frame.pixels, fitted)
                given = Frame(fitted, frame.t_capture_ns, frame.index, seq, state.revision)
                effect.render(given, state.at(frame.t_capture_ns), painted)
                yield replace(given, pixels=painted)
                seq += 1


def _check_options(effect: type[Effect], options: Iterable[tuple[str, str]]) -> None:
    """Refuse a free setting that neither `effect` nor the one that carries it reads; a third-party one may read any."""
    carrier = [effect_class(effect.carried_by)] if effect.carried_by else []
    known: list[str] = []
    for each in (effect, *carrier):
        if each.options is None:
            return
        known += each.options
    for name, _ in options:
        if name not in known:
            raise UnknownName(f"option of the effect {effect.name}", name, known)


def _checked(settings: MirrorSettings) -> MirrorSettings:
    from mirrorfx.safety.limits import STANDARDS

    check_size(settings.size)
    if settings.mode not in _MODES:
        raise UnknownName("pacing mode", settings.mode, _MODES)
    if settings.schedule not in _SCHEDULES:
        raise UnknownName("schedule", settings.schedule, _SCHEDULES)
    if settings.restore not in _RESTORES:
        raise UnknownName("way to restore", settings.restore, _RESTORES)
    if settings.flash_guard not in (*STANDARDS, "off"):
        raise UnknownName("flash guard", settings.flash_guard, (*STANDARDS, "off"))
    if not 1 <= settings.display_hz <= 1000:
        raise InvalidValue(f"--display-hz is {settings.display_hz:g}; it must be from 1 to 1000.")
    for name in ("seconds", "frames"):
        value = getattr(settings, name)
        if value is not None and not 0 < value < math.inf:
            raise InvalidValue(f"--{name} is {value:g}; it must be a number of more than 0.")
    if settings.hours:
        OpeningHours.parse(settings.hours)
    settings = replace(settings, devices=_devices(settings.devices), workers=_workers(settings))
    check_attract(settings)
    return _with_monitor(_with_control(with_words(settings)))


def _with_control(settings: MirrorSettings) -> MirrorSettings:
    """Settle the control server's port and secret now: they stay when the engine is restarted, so clients come back."""
    port = settings.control_port
    if port is None and not settings.desk and settings.status_port is None:
        return settings
    if port is not None and not 0 <= port <= _PORT_MOST:
        raise InvalidValue(f"--control-port is {port}; it must be from 1 to {_PORT_MOST}, or 0 for a free one.")
    return replace(
        settings, control_port=port or _free_port(), control_token=settings.control_token or secrets.token_urlsafe(16)
    )


def _with_monitor(settings: MirrorSettings) -> MirrorSettings:
    """Settle the monitor's port and secret, likewise; it needs the control server, whose client it is."""
    port, token = settings.status_port, settings.status_token
    if port is None and settings.control_port is None:
        return settings
    if port is not None and not 0 <= port <= _PORT_MOST:
        raise InvalidValue(f"--status-page has port {port}; it must be from 1 to {_PORT_MOST}, or 0 for a free one.")
    if token and len(token) < _TOKEN_LEAST:
        raise InvalidValue(f"The status page's token has {len(token)} characters; at least {_TOKEN_LEAST} are needed.")
    if not port:
        port = _free_port(but=settings.control_port)
    return replace(settings, status_port=port, status_token=token or secrets.token_urlsafe(16))


def _free_port(but: int | None = None) -> int:
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        if port != but:
            return port


def _devices(devices: tuple[str, ...]) -> tuple[str, ...]:
    for device in devices:
        kind, _, number = device.partition(":")
        if device != "cpu" and (kind != "cuda" or not number.isdigit()):
            raise InvalidValue(f"Device {device!r} is not understood: write --devices cpu, or cuda:0,cuda:1.")
    return devices


def _workers(settings: MirrorSettings) -> int:
    if not 0 <= settings.workers <= _WORKERS_MOST:
        raise InvalidValue(f"--workers is {settings.workers}; it must be from 1 to {_WORKERS_MOST}.")
    if settings.workers:
        return settings.workers
    if settings.devices != ("cpu",):
        return len(settings.devices)
    return min(_CPU_WORKERS, os.cpu_count() or 1)


def _first_values(settings: MirrorSettings) -> dict[str, object]:
    """Check preset and params now, for a clear error at once; the engine reads them again."""
    registry = param_registry(settings.effect)
    values: dict[str, object] = {}
    named = [name for name in (settings.safe_preset, *settings.attract) if name]
    guard = PromptGuard(settings)
    if settings.preset or named:
        library = PresetLibrary(builtin_presets_dir(), user_presets_dir(), all_params())
        for name in named:
            guard.check(library.resolve(name).values_for(registry))
        if settings.preset:
            values |= library.resolve(settings.preset).values_for(registry)
    values |= dict(settings.params)
    registry.check(values)
    guard.check(values)
    return values


def _check_film(settings: MirrorSettings) -> None:
    if settings.record:
        if settings.record.resolve() == Path(settings.source).resolve():
            raise InvalidValue(
                f"--record {settings.record} is the source itself and would destroy it. Name another file."
            )
        from mirrorfx.sinks.film import check_film_path

        check_film_path(settings.record)
