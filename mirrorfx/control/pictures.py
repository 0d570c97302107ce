"""A client of the monitor: pictures of what is seen and shown, and the panic keys, for the desk or your own program."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

__all__ = ["INPUT", "PREVIEW", "PROGRAM", "PictureClient"]

PROGRAM, INPUT, PREVIEW = "P", "I", "V"
"""What the wall shows, what the camera sees, what a preset would look like."""

_log = logging.getLogger(__name__)
_RETRY_S = 0.5
_SILENCE_S = 5.0


class PictureClient:
    """Gets pictures from a monitor; connects again by itself when the monitor is restarted.

    Args:
        url: the state's ``monitor_url``, ``ws://127.0.0.1:PORT/pictures?token=…``.
        on_picture: called with `PROGRAM`, `INPUT` or `PREVIEW` and a JPEG, from the client's own thread.
        on_connection: called with True and False as the connection comes and goes, from the client's own thread.
        on_panic: called with which panic states are on, at first and after each change, from the client's own thread:
            ``blackout``, ``below``, ``seen``, ``locked``; with ``error`` as the answer to `press`.

    Threads: methods may be called from any thread.
    """

    def __init__(
        self,
        url: str,
        on_picture: Callable[[str, bytes], None],
        on_connection: Callable[[bool], None] | None = None,
        on_panic: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.url = url
        self._on_picture = on_picture
        self._on_connection = on_connection or (lambda _up: None)
        self._on_panic = on_panic
        self._wanted: dict[str, float] = {}
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._closed = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="picture-client", daemon=True)

    def start(self) -> None:
        """Begin to connect, without waiting for it."""
        self._thread.start()

    def want(self, rates: Mapping[str, float]) -> None:
        """Ask for so many pictures a second of each kind; those that aren't named don't come."""
        self._wanted = dict(rates)
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._say_wanted()))

    def press(self, what: str, *, on: bool) -> None:
        """Switch a panic state of the wall, past the engine; without a monitor nothing happens, now or later."""
        order = {"panic": {"what": what, "on": on}}
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._say(order)))

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self._closed = True
        if self._ending and self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ending.set)
        if self._thread.is_alive():
            self._thread.join(2.0)

    async def _run(self) -> None:
        import aiohttp

        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        if self._closed:  # before it was up
            return
        async with aiohttp.ClientSession() as session:
            looking = asyncio.create_task(self._keep_looking(session))
            await self._ending.wait()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _keep_looking(self, session: aiohttp.ClientSession) -> None:
        import aiohttp

        while True:
            try:
                async with session.ws_connect(self.url, heartbeat=_SILENCE_S, max_msg_size=0) as ws:
                    await self._look(ws)
            except (aiohttp.ClientError, OSError):
                """Nobody there yet, or no longer."""
            await asyncio.sleep(_RETRY_S)

    async def _look(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._on_connection(True)
        try:
            await self._say_wanted()
            async for message in ws:
                if isinstance(message.data, bytes):
                    self._on_picture(message.data[:1].decode(), message.data[1:])
                else:
                    self._told(message.data)
        finally:
            self._ws = None
            self._on_connection(False)

    def _told(self, text: str) -> None:
        try:
            panic = json.loads(text)["panic"]
        except (ValueError, TypeError, KeyError):
            _log.warning("the monitor says: %s", text)
            return
        if self._on_panic and isinstance(panic, dict):
            self._on_panic(panic)

    async def _say_wanted(self) -> None:
        await self._say({"want": self._wanted, "panic": self._on_panic is not None})

    async def _say(self, what: dict[str, Any]) -> None:
        ws = self._ws
        if ws is None:
            return
        try:
            await ws.send_str(json.dumps(what))
        except (ConnectionError, RuntimeError):
            """It went away; what is wanted is told again when it is back."""
