"""The control server: a WebSocket on loopback, in a thread of the engine that never touches the engine's state."""

from __future__ import annotations

import asyncio
import hmac
import logging
import queue
import secrets
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mirrorfx.control.protocol import Event, Reply, Request, decode_request, encode
from mirrorfx.errors import ControlError, MirrorFXError

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["ControlServer", "PendingRequest"]

_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_START_S = 10.0
_ANSWER_S = 10.0
_SEND_S = 2.0
_MESSAGE_BYTES = 1 << 20


@dataclass(slots=True)
class PendingRequest:
    """A request that waits for the engine's answer.

    Threads: `answer` and `refuse` are called by the engine, once.
    """

    request: Request
    _reply: queue.SimpleQueue[Reply] = field(default_factory=queue.SimpleQueue)
    _loop: asyncio.AbstractEventLoop | None = None
    _done: asyncio.Event | None = None

    def answer(self, result: dict[str, Any]) -> None:
        """It was done."""
        self._settle(Reply(self.request.id, True, result))

    def refuse(self, error: str) -> None:
        """It was not done."""
        self._settle(Reply(self.request.id, False, error=error))

    def _settle(self, reply: Reply) -> None:
        self._reply.put(reply)
        if self._loop and self._done and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done.set)


class ControlServer:
    """Takes requests from clients and hands them to the engine; tells clients what happens.

    The engine waits on `wake_socket` among its other channels and then takes `requests`. A client that doesn't read is
    dropped; the engine never waits for any.
    """

    def __init__(self, port: int = 0, token: str = "") -> None:
        self.port = port
        self.token = token or secrets.token_urlsafe(16)
        self.clients = 0
        self._requests: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self.wake_socket, self._waker = socket.socketpair()
        self.wake_socket.setblocking(False)
        self._waker.setblocking(False)
        self._sockets: set[web.WebSocketResponse] = set()
        self._latest: dict[str, Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._ending: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    @property
    def url(self) -> str:
        """What a client connects to, the secret included."""
        return f"ws://{_HOST}:{self.port}/control?token={self.token}"

    def start(self) -> None:
        """Begin to listen.

        Raises:
            ControlError: the port is taken.
        """
        self._thread.start()
        try:
            problem = self._started.get(timeout=_START_S)
        except queue.Empty:
            raise ControlError(f"The control server did not start within {_START_S:.0f} s.") from None
        if problem is not None:
            self._thread.join(_SEND_S)
            self.close()
            raise ControlError(
                f"The control server can't listen on port {self.port} ({problem}). Choose another --control-port."
            ) from problem

    def requests(self) -> list[PendingRequest]:
        """Return the requests that wait. Threads: the engine's."""
        while True:
            try:
                self.wake_socket.recv(1024)
            except BlockingIOError:
                break
        waiting = []
        while not self._requests.empty():
            waiting.append(self._requests.get())
        return waiting

    def publish(self, name: str, data: dict[str, Any], *, keep: bool = True) -> None:
        """Tell all clients. Threads: any. Realtime: yes.

        With `keep`, clients that come later are told the latest one, too.
        """
        event = Event(name, data)
        if keep:
            self._latest[name] = event
        if self._loop and self._sockets:
            self._loop.call_soon_threadsafe(self._broadcast, encode(event).decode())

    def close(self) -> None:
        """Stop listening. Safe to call twice."""
        if self._loop and self._ending and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(_SEND_S)
        self._waker.close()
        self.wake_socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        from aiohttp import web

        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        app = web.Application()
        app.router.add_get("/control", self._talk)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, _HOST, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            self._started.put(None)
            await self._ending.wait()
        except OSError as error:
            self._started.put(error)
        finally:
            for ws in set(self._sockets):
                await ws.close()
            await runner.cleanup()

    async def _talk(self, http: web.Request) -> web.StreamResponse:
        from aiohttp import WSMsgType, web

        if not hmac.compare_digest(http.query.get("token", ""), self.token) or "Origin" in http.headers:
            # A page in a browser sends Origin: no web site may steer a mirror that listens on this machine.
            raise web.HTTPForbidden(text="The control protocol needs the token that the engine printed at its start.")
        ws = web.WebSocketResponse(heartbeat=20.0, max_msg_size=_MESSAGE_BYTES)
        await ws.prepare(http)
        self._sockets.add(ws)
        self.clients = len(self._sockets)
        try:
            for event in list(self._latest.values()):
                await ws.send_str(encode(event).decode())
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await ws.send_str(encode(await self._ask_engine(message.data)).decode())
        except ConnectionError:
            _log.info("a control client went away")
        finally:
            self._sockets.discard(ws)
            self.clients = len(self._sockets)
        return ws

    async def _ask_engine(self, text: str) -> Reply:
        try:
            request = decode_request(text)
        except MirrorFXError as error:
            return Reply(-1, False, error=str(error))
        done = asyncio.Event()
        pending = PendingRequest(request, _loop=asyncio.get_running_loop(), _done=done)
        self._requests.put(pending)
        self._wake()
        try:
            await asyncio.wait_for(done.wait(), _ANSWER_S)
        except TimeoutError:
            return Reply(request.id, False, error=f"The engine did not answer within {_ANSWER_S:.0f} s.")
        return pending._reply.get()  # noqa: SLF001

    def _wake(self) -> None:
        try:
            self._waker.send(b"!")
        except BlockingIOError:
            """It is awake already."""

    def _broadcast(self, text: str) -> None:
        for ws in self._sockets:
            asyncio.ensure_future(self._send(ws, text))  # noqa: RUF006

    async def _send(self, ws: web.WebSocketResponse, text: str) -> None:
        try:
            await asyncio.wait_for(ws.send_str(text), _SEND_S)
        except (TimeoutError, ConnectionError, RuntimeError):
            self._sockets.discard(ws)
            self.clients = len(self._sockets)
