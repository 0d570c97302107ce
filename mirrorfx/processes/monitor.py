"""The monitor process: shows what is seen and shown to people who look on, over HTTP, and costs the wall nothing.

It reads the taps, makes JPEGs, and serves them with a token. It outlives the engine, and the pictures go on meanwhile.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mirrorfx.clock import SECOND, Clock
from mirrorfx.errors import ProcessFailed, UnknownName
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.messages import Failed
from mirrorfx.processes.panic_memory import PanicMemory
from mirrorfx.processes.spawn import CLOCK
from mirrorfx.processes.status import EngineLink
from mirrorfx.processes.taps import RATE_MOST, Tap, Taps
from mirrorfx.processes.wall_keys import WallKeys
from mirrorfx.resources import asset
from mirrorfx.safety.panic import Panic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from aiohttp import web

    from mirrorfx.processes.settings import MonitorSetup

__all__ = ["Monitor", "Pictures", "monitor_main"]

_log = logging.getLogger(__name__)
_QUALITY = 82
_STALE_NS = 3 * SECOND
_LOOK_S = 0.02
_PATIENCE_S = 1.5
_IN_FLIGHT_MOST = 2
_SILENT_NS = 20 * SECOND
_MESSAGE_BYTES = 4096
_FAILED_CODE = 1
_STATUS_NS = SECOND // 2
_COOKIE_S = 30 * 24 * 3600
_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]]+")


class Pictures:
    """The newest JPEG of each kind: P the program, I the input, V the preview. Each picture is encoded once."""

    def __init__(self, taps: Mapping[str, Tap], clock: Clock) -> None:
        import numpy as np

        self._taps = taps
        self._clock = clock
        self._outs = {kind: np.empty((tap.size[1], tap.size[0], 4), np.uint8) for kind, tap in taps.items()}
        self._encoded: dict[str, tuple[int, bytes]] = {}
        self._t_put_ns: dict[str, int] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self._taps)

    def want(self, kind: str) -> None:
        """Have pictures of that kind made for the next second."""
        self._taps[kind].want(self._clock.now_ns())

    def newest(self, kind: str, but: int = 0) -> tuple[int, bytes] | None:
        """Return the newest picture's number and JPEG; None when that is picture `but`, or it is an old one."""
        tap = self._taps[kind]
        if tap.number in (0, but):
            return None
        known = self._encoded.get(kind)
        if known is None or known[0] != tap.number:
            taken = tap.take(self._outs[kind])
            if taken is None:
                return None
            known = self._encoded[kind] = (taken[0], self._encode(kind))
            self._t_put_ns[kind] = taken[1]
        return known if self._clock.now_ns() - self._t_put_ns[kind] <= _STALE_NS else None

    def _encode(self, kind: str) -> bytes:
        import cv2

        _, jpeg = cv2.imencode(".jpg", self._outs[kind], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return bytes(jpeg)


@dataclass(slots=True, eq=False)
class _Viewer:
    """One who looks on.

    A ping follows every picture; the answer says that it has arrived. So nothing queues before a slow network, and
    what is sent next is the newest.
    """

    ws: web.WebSocketResponse
    t_heard_ns: int
    periods_ns: dict[str, int] = field(default_factory=dict)
    due_ns: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0
    status: bool = False
    told: str = ""
    panic: bool = False
    told_panic: str = ""

    def wants(self, wanted: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
        """Note what it wants: pictures a second by kind.

        Raises:
            ValueError: that is not understood.
        """
        rates = {str(kind): min(float(rate), RATE_MOST) for kind, rate in wanted.items()}
        if not set(rates) <= set(kinds) or not all(rate >= 0 for rate in rates.values()):
            raise ValueError(f"there are {', '.join(kinds)}; rates are 0 or more")
        self.periods_ns = {kind: round(SECOND / rate) for kind, rate in rates.items() if rate > 0}


class Monitor:
    """Serves pictures and the status page.

    Threads: one, its asyncio loop's. What takes time here takes it from nobody else.
    """

    def __init__(self, setup: MonitorSetup, clock: Clock) -> None:
        self._setup = setup
        self._clock = clock
        self._taps = Taps.attach(setup.taps)
        self._pictures = Pictures({"P": self._taps.program, "I": self._taps.input, "V": self._taps.preview}, clock)
        self._engine = EngineLink(setup.control_url, clock)
        self._keys = WallKeys(PanicMemory.attach(setup.panic), allow_bypass=setup.allow_bypass)
        self._next_status_ns = 0
        self._viewers: set[_Viewer] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._somebody = asyncio.Event()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stopping` is set.

        Raises:
            ProcessFailed: the port can't be listened on.
        """
        from aiohttp import web

        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/pictures", self._watch)
        app.router.add_get("/program.jpg", self._program)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._setup.host, self._setup.port).start()
            feeding, stopping = asyncio.create_task(self._feed_all()), asyncio.create_task(self.stopping.wait())
            await asyncio.wait({feeding, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
            feeding.cancel()
            stopping.cancel()
        except OSError as error:
            raise ProcessFailed(
                f"The status page can't listen on {self._setup.host}:{self._setup.port} ({error.strerror or error}). "
                "Choose another --status-page."
            ) from error
        finally:
            for viewer in list(self._viewers):
                await viewer.ws.close()
            await self._engine.close()
            await runner.cleanup()
            self._taps.close()
            self._keys.close()

    # Who may look

    def _check(self, http: web.Request) -> None:
        """Let only those in who know the token, and no page of another site.

        Raises:
            HTTPForbidden: it is somebody else.
        """
        from aiohttp import web

        scheme, _, bearer = http.headers.get("Authorization", "").partition(" ")
        given = http.query.get("token") or (bearer if scheme == "Bearer" else http.cookies.get(self._cookie, ""))
        if not hmac.compare_digest(given.encode(errors="replace"), self._setup.token.encode()):
            raise web.HTTPForbidden(text="This needs the token that MirrorFX printed at its start, in the address.")
        origin = http.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != http.host:
            raise web.HTTPForbidden(text="A page of another site may not look on.")

    @property
    def _cookie(self) -> str:
        """Its name; browsers don't tell ports of one host apart."""
        return f"mirrorfx-{self._setup.port}"

    # The page

    async def _page(self, http: web.Request) -> web.StreamResponse:
        """Take the token out of the address into a cookie, so that it isn't seen over a shoulder; then the page."""
        from aiohttp import web

        self._check(http)
        if "token" in http.query:
            answer = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
            answer.set_cookie(self._cookie, self._setup.token, max_age=_COOKIE_S, httponly=True, samesite="Lax")
            return answer
        nonce = secrets.token_urlsafe(12)
        text = asset("status.html").read_text("utf-8").replace("{{nonce}}", nonce)
        headers = {"Content-Security-Policy": _policy(nonce, http.host), "Cache-Control": "no-store"}
        headers |= {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _tell_status(self) -> None:
        """Tell those who want to know how the mirror is; listen to the engine only while there are any."""
        viewers, now_ns = [viewer for viewer in self._viewers if viewer.status], self._clock.now_ns()
        if not viewers:
            self._engine.leave()
            return
        self._engine.open()
        if now_ns < self._next_status_ns:
            return
        self._next_status_ns = now_ns + _STATUS_NS
        text = json.dumps({"status": self._engine.digest() | {"panic": self._keys.state()}})
        for viewer in viewers:
            if viewer.told != text and viewer.in_flight <= _IN_FLIGHT_MOST:
                viewer.told = text
                await self._send(viewer, text)

    async def _tell_panic(self) -> None:
        """Tell those who want to know which panic states are on, whoever switched them."""
        text = json.dumps({"panic": self._keys.state()})
        for viewer in list(self._viewers):
            if viewer.panic and viewer.told_panic != text and viewer.in_flight <= _IN_FLIGHT_MOST:
                viewer.told_panic = text
                await self._send(viewer, text)

    async def _press(self, viewer: _Viewer, what: Panic, *, on: bool) -> None:
        """Switch a panic state of the wall, and answer once the wall has obeyed."""
        problem = await self._keys.press(what, on=on)
        await self._send(viewer, json.dumps({"panic": self._keys.state() | {"error": problem}}))

    # Pictures

    async def _program(self, http: web.Request) -> web.Response:
        from aiohttp import web

        self._check(http)
        self._pictures.want("P")
        found = self._pictures.newest("P")
        for _ in range(round(_PATIENCE_S / _LOOK_S)):
            if found:
                break
            await asyncio.sleep(_LOOK_S)
            found = self._pictures.newest("P")
        if found is None:
            raise web.HTTPServiceUnavailable(text="The wall shows no picture.")
        return web.Response(body=found[1], content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def _watch(self, http: web.Request) -> web.StreamResponse:
        from aiohttp import WSMsgType, web

        self._check(http)
        ws = web.WebSocketResponse(autoping=False, max_msg_size=_MESSAGE_BYTES)
        await ws.prepare(http)
        viewer = _Viewer(ws, self._clock.now_ns())
        self._viewers.add(viewer)
        self._somebody.set()
        try:
            async for message in ws:
                viewer.t_heard_ns = self._clock.now_ns()
                if message.type is WSMsgType.PING:
                    await ws.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    viewer.in_flight = max(viewer.in_flight - 1, 0)
                elif message.type is WSMsgType.TEXT:
                    await self._told(viewer, message.data)
        except ConnectionError:
            _log.info("a viewer went away")
        finally:
            self._viewers.discard(viewer)
        return ws

    async def _told(self, viewer: _Viewer, text: str) -> None:
        try:
            said = json.loads(text)
            order = said.get("panic")
            if isinstance(order, dict):
                what, on = Panic.named(order["what"]), _flag(order["on"])
                # Beside the pictures: a wall that hangs answers late or never.
                self._tasks.add(task := asyncio.create_task(self._press(viewer, what, on=on)))
                task.add_done_callback(self._tasks.discard)
                return
            viewer.wants(said["want"], self._pictures.kinds)
            viewer.status, viewer.told = bool(said.get("status")), ""
            viewer.panic, viewer.told_panic = viewer.status or bool(said.get("panic")), ""
        except (ValueError, TypeError, KeyError, AttributeError, UnknownName) as error:
            problem = f'That is not understood ({error}). Say {{"want": {{"P": 5, "I": 2}}}}: pictures a second.'
            await viewer.ws.send_str(json.dumps({"error": problem}))

    async def _feed_all(self) -> None:
        while True:
            for viewer in list(self._viewers):
                await self._feed(viewer)
            await self._tell_panic()
            await self._tell_status()
            if self._viewers:
                await asyncio.sleep(_LOOK_S)
            else:
                self._somebody.clear()
                await self._somebody.wait()

    async def _feed(self, viewer: _Viewer) -> None:
        """Send what is due to one viewer; a slow one is skipped, so it never delays the others."""
        now_ns = self._clock.now_ns()
        if viewer.in_flight and now_ns - viewer.t_heard_ns > _SILENT_NS:
            self._viewers.discard(viewer)
            await viewer.ws.close()
            return
        for kind, period_ns in viewer.periods_ns.items():
            self._pictures.want(kind)
            if viewer.in_flight >= _IN_FLIGHT_MOST or now_ns < viewer.due_ns.get(kind, 0):
                continue
            found = self._pictures.newest(kind, but=viewer.sent.get(kind, 0))
            if found is None:
                continue
            viewer.sent[kind] = found[0]
            # The tap's beat isn't ours: one that came late doesn't put off the next.
            viewer.due_ns[kind] = max(viewer.due_ns.get(kind, 0), now_ns - period_ns // 2) + period_ns
            await self._send(viewer, kind.encode() + found[1])

    async def _send(self, viewer: _Viewer, message: bytes | str) -> None:
        viewer.in_flight += 1
        try:
            await (viewer.ws.send_str(message) if isinstance(message, str) else viewer.ws.send_bytes(message))
            await viewer.ws.ping()
        except (ConnectionError, RuntimeError):
            self._viewers.discard(viewer)


def _flag(value: object) -> bool:
    """Return it if it is true or false.

    Raises:
        ValueError: it is something else; `bool` would take "off" for on.
    """
    if not isinstance(value, bool):
        raise ValueError(f'"on" is {value!r}; it must be true or false')
    return value


def _policy(nonce: str, host: str) -> str:
    """Return what the page may do: its own style and script, pictures that it got, and its own web socket."""
    there = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src blob:; "
        f"connect-src 'self'{there}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _serve(channel: Channel, setup: MonitorSetup) -> None:
    monitor = Monitor(setup, CLOCK)
    asyncio.get_running_loop().add_reader(channel.connection.fileno(), monitor.stopping.set)
    await monitor.run()


def monitor_main(connection: Connection, setup: MonitorSetup) -> None:
    """Run the monitor process, until the launcher says anything or is gone."""
    import cv2

    cv2.setNumThreads(1)
    channel = Channel(connection)
    try:
        asyncio.run(_serve(channel, setup))
    except ProcessFailed as error:
        channel.send(Failed(False, str(error).encode()))
        os._exit(_FAILED_CODE)
