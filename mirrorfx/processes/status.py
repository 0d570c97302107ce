"""What the status page tells: a digest of the engine's state and figures, got as a client of its control server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, Clock
from mirrorfx.control.client import ControlClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.protocol import Event

__all__ = ["EngineLink", "digest"]

_SILENT_NS = 3 * SECOND


def digest(link: str, state: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people on a phone are told.

    Args:
        link: ``connecting``, ``connected``, ``silent`` or ``lost``: how it stands with the engine.
        state: the control protocol's latest ``state``; empty before the first.
        figures: its latest ``figures``; empty before the first.
    """
    recent = figures.get("recent") or figures
    latency = recent.get("latency_ms") or {}
    return {
        "link": link,
        "effect": state.get("effect"),
        "carried_by": state.get("carried_by"),
        "preset": state.get("preset"),
        "source": (figures.get("camera") or {}).get("state"),
        "showing": figures.get("showing"),
        "opening": figures.get("opening"),
        "fps": recent.get("fps"),
        "latency_ms": latency.get("p50"),
        "latency_p95_ms": latency.get("p95"),
        "delay_ms": figures.get("delay_ms"),
        "freezes": recent.get("freezes"),
        "workers": [_worker(worker) for worker in figures.get("workers", [])],
    }


def _worker(worker: Mapping[str, Any]) -> dict[str, Any]:
    sensors = worker.get("sensors") or {}
    told = {key: worker.get(key) for key in ("name", "device", "state", "reason", "restarts")}
    return told | {
        "service_ms": (worker.get("service_ms") or {}).get("p50"),
        "temperature_c": sensors.get("temperature_c"),
    }


class EngineLink:
    """The engine as the monitor sees it; connected only while somebody looks at the status page.

    Threads: methods belong to the monitor's asyncio loop; the client's thread only hands things over to it.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._client: ControlClient | None = None
        self._state: dict[str, Any] = {}
        self._figures: dict[str, Any] = {}
        self._link = "connecting"
        self._t_figures_ns = 0
        self._leaving: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to listen to the engine; it is tried again for ever."""
        if self._client or not self._url:
            return
        loop = asyncio.get_running_loop()
        self._link, self._t_figures_ns = "connecting", self._clock.now_ns()
        self._client = client = ControlClient(
            self._url,
            lambda event: _hand_over(loop, self._heard, client, event),
            lambda up: _hand_over(loop, self._set_up, client, up),
        )
        client.start()

    def leave(self) -> None:
        """Listen no longer, without waiting for it. Safe to call twice."""
        client, self._client = self._client, None
        if client:
            self._leaving.add(leaving := asyncio.create_task(asyncio.to_thread(client.close)))
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Listen no longer. Safe to call twice."""
        self.leave()
        await asyncio.gather(*self._leaving)

    def digest(self) -> dict[str, Any]:
        """Return what is known now."""
        silent = self._link == "connected" and self._clock.now_ns() - self._t_figures_ns > _SILENT_NS
        return digest("silent" if silent else self._link, self._state, self._figures)

    def _heard(self, client: ControlClient, event: Event) -> None:
        if client is not self._client:
            return
        if event.event == "state":
            self._state = event.data
        elif event.event == "figures":
            self._figures, self._t_figures_ns = event.data, self._clock.now_ns()

    def _set_up(self, client: ControlClient, up: bool) -> None:  # noqa: FBT001  a callback's argument
        if client is self._client:
            self._link, self._t_figures_ns = "connected" if up else "lost", self._clock.now_ns()


def _hand_over(loop: asyncio.AbstractEventLoop, take: Callable[..., None], *what: object) -> None:
    """Have the loop's thread take it, if there still is one."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(take, *what)
