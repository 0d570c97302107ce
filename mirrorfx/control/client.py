"""A client of the control protocol: for the desk, for a script, for your own program."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any

from mirrorfx.control.protocol import Event, Reply, Request, decode_reply_or_event, encode
from mirrorfx.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import aiohttp

__all__ = ["ControlClient"]

_log = logging.getLogger(__name__)
_CONNECT_S = 10.0
_REPLY_S = 12.0
_RETRY_S = 0.5


class ControlClient:
    """Talks to a running engine; connects again by itself when the engine is restarted.

    Args:
        url: what the engine printed, ``ws://127.0.0.1:PORT/control?token=…``.
        on_event: called with every event, from the client's own thread.
        on_connection: called with True and False as the connection comes and goes, from the client's own thread.

    Threads: methods may be called from any thread.
    """

    def __init__(
        self,
        url: str,
        on_event: Callable[[Event], None] | None = None,
        on_connection: Callable[[bool], None] | None = None,
    ) -> None:
        self.url = url
        self._on_event = on_event or (lambda _event: None)
        self._on_connection = on_connection or (lambda _up: None)
        self._ids = itertools.count(1)
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._ending: asyncio.Event | None = None
        self._connected = threading.Event()
        self._running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="control-client", daemon=True)

    def start(self) -> None:
        """Begin to connect, without waiting for it."""
        self._thread.start()
        self._running.wait(_CONNECT_S)

    def connect(self) -> None:
        """Begin to connect and wait until it is.

        Raises:
            ControlError: no engine answers.
        """
        self.start()
        if not self._connected.wait(_CONNECT_S):
            self.close()
            raise ControlError(f"No engine answers at {self.url.partition('?')[0]}. Is the mirror running?")

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have something done and wait for the result.

        Raises:
            ControlError: the engine refused, or there is none.
        """
        answers: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.post(do, answers.put, **arguments)
        try:
            reply = answers.get(timeout=_REPLY_S)
        except queue.Empty:
            raise ControlError(f"The engine did not answer {do!r} within {_REPLY_S:.0f} s.") from None
        if not reply.ok:
            raise ControlError(reply.error)
        return reply.result

    def post(self, do: str, on_reply: Callable[[Reply], None] | None = None, **arguments: Any) -> None:
        """Have something done without waiting; `on_reply` is called from the client's own thread."""
        request = Request(next(self._ids), do, arguments)
        if on_reply:
            self._waiting[request.id] = on_reply
        if self._loop is None or not self._connected.is_set():
            self._settle(Reply(request.id, False, error="No engine is connected; it will be tried again by itself."))
            return
        asyncio.run_coroutine_threadsafe(self._send(request), self._loop)

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        if self._loop and self._ending and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(2.0)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _run(self) -> None:
        import aiohttp

        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._running.set()
        async with aiohttp.ClientSession() as session:
            talk = asyncio.create_task(self._keep_talking(session))
            await self._ending.wait()
            talk.cancel()
            await asyncio.gather(talk, return_exceptions=True)

    async def _keep_talking(self, session: aiohttp.ClientSession) -> None:
        import aiohttp

        while True:
            try:
                async with session.ws_connect(self.url, heartbeat=20.0, max_msg_size=0) as ws:
                    await self._talk(ws)
            except (aiohttp.ClientError, OSError):
                """Nobody there yet, or no longer."""
            await asyncio.sleep(_RETRY_S)

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._connected.set()
        self._on_connection(True)
        try:
            async for message in ws:
                self._hear(message.data)
        finally:
            self._ws = None
            self._connected.clear()
            self._on_connection(False)
            for number in list(self._waiting):
                self._settle(Reply(number, False, error="The engine went away before it answered."))

    def _hear(self, data: str | bytes) -> None:
        try:
            said = decode_reply_or_event(data)
        except ControlError as error:
            _log.warning("%s", error)  # of another release, perhaps; the rest may still be understood
            return
        if isinstance(said, Event):
            self._on_event(said)
        else:
            self._settle(said)

    async def _send(self, request: Request) -> None:
        try:
            if self._ws is None:
                raise ConnectionError("the engine is gone")
            await self._ws.send_str(encode(request).decode())
        except (ConnectionError, RuntimeError) as error:
            self._settle(Reply(request.id, False, error=f"The engine can't be reached: {error}."))

    def _settle(self, reply: Reply) -> None:
        on_reply = self._waiting.pop(reply.id, None)
        if on_reply:
            on_reply(reply)
