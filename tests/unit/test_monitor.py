"""The monitor: who may look, what they get, how often, and that a slow viewer gets the newest."""

from __future__ import annotations

import asyncio
import json
import re
import threading

import aiohttp
import cv2
import numpy as np
import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.control.server import ControlServer
from mirrorfx.errors import ProcessFailed
from mirrorfx.mirror import _free_port
from mirrorfx.processes.monitor import Monitor
from mirrorfx.processes.panic_memory import PanicMemory
from mirrorfx.processes.settings import MonitorSetup
from mirrorfx.processes.taps import Taps
from mirrorfx.resources import asset
from mirrorfx.safety import Panic, PanicState

TOKEN = "let-me-look-please"
CLOCK = MonotonicClock()
FIGURES = {
    "fps": 20.0,
    "recent": {"fps": 27.5, "latency_ms": {"p50": 98.0, "p95": 110.0}, "freezes": 1},
    "delay_ms": 97.0,
    "showing": "picture",
    "workers": [
        {"name": "worker-0", "device": "cuda:0", "state": "ready", "sensors": {"temperature_c": 61.0}},
        {"name": "worker-1", "device": "cuda:1", "state": "starting"},
    ],
}


class Painter:
    """Puts a new picture into every tap that somebody wants, faster than a tap gives it on."""

    def __init__(self, taps):
        self.taps = taps
        self.put = dict.fromkeys(("program", "input", "preview"), 0)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._ending.wait(0.01):
            for name in ("program", "input"):
                tap, now_ns = getattr(self.taps, name), CLOCK.now_ns()
                if tap.due(now_ns):
                    self.put[name] += 1
                    tap.put(np.full((48, 64, 4), 10 * self.put[name] % 250, np.uint8), now_ns)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()


@pytest.fixture
def taps():
    made = Taps.create((64, 48))
    yield made
    made.close()


@pytest.fixture
def memory():
    made = PanicMemory.create()
    yield made
    made.close()


@pytest.fixture
def painter(taps):
    with Painter(taps) as painting:
        yield painting


def look(taps, script, control_url="", memory=None, *, allow_bypass=True):
    """Run `script(session, base, monitor)` against a monitor, all in one loop."""

    async def run():
        port, panic = _free_port(), memory or PanicMemory.create()
        setup = MonitorSetup(taps.specs, "127.0.0.1", port, TOKEN, control_url, panic.handle, allow_bypass)
        monitor = Monitor(setup, CLOCK)
        serving = asyncio.create_task(monitor.run())
        async with aiohttp.ClientSession() as session:
            base = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    (await session.get(base)).release()
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.01)
            try:
                return await asyncio.wait_for(script(session, base, monitor), 20)
            finally:
                monitor.stopping.set()
                await serving
                if panic is not memory:
                    panic.close()

    return asyncio.run(run())


def pictures(base):
    return f"{base}/pictures?token={TOKEN}"


async def next_picture(ws):
    message = await ws.receive(10)
    assert message.type is aiohttp.WSMsgType.BINARY, message
    return message.data[:1].decode(), cv2.imdecode(np.frombuffer(message.data[1:], np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("path", ["/", "/pictures", "/program.jpg"])
@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "ß"])
def test_without_the_token_there_is_nothing_to_see(taps, path, token):
    async def script(session, base, _monitor):
        async with session.get(base + path, params={"token": token}) as answer:
            return answer.status, await answer.text()

    status, text = look(taps, script)
    assert status == 403
    assert "token" in text
    assert TOKEN not in text


def test_a_page_of_another_site_may_not_look_on(taps):
    async def script(session, base, _monitor):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(pictures(base), headers={"Origin": "http://elsewhere.example"})
        async with session.ws_connect(pictures(base), headers={"Origin": base}) as ws:
            assert not ws.closed
        return refused.value.status

    assert look(taps, script) == 403


def test_a_viewer_gets_what_it_asks_for_as_often_as_it_asks(taps, painter):
    async def script(session, base, _monitor):
        counts = {"P": 0, "I": 0}
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {"P": 5, "I": 1}}')
            while counts["P"] < 8:
                kind, image = await next_picture(ws)
                assert image.shape == (48, 64, 3)
                counts[kind] += 1
        return counts

    counts = look(taps, script)
    assert 1 <= counts["I"] <= counts["P"] // 3
    assert painter.put["preview"] == 0


def test_pictures_come_only_while_they_are_wanted(taps, painter):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await asyncio.sleep(0.2)
            before = painter.put["program"]
            await ws.send_str('{"want": {"P": 5}}')
            await next_picture(ws)
            await ws.send_str('{"want": {}}')
            while (await ws.receive(0.6)).type is aiohttp.WSMsgType.BINARY:
                """Those that were under way."""
        return before

    with pytest.raises(TimeoutError):
        look(taps, script)


def test_nobody_looks_and_nothing_is_copied(taps, painter):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)):
            await asyncio.sleep(0.3)

    look(taps, script)
    assert painter.put == {"program": 0, "input": 0, "preview": 0}


@pytest.mark.parametrize(
    "said", ["no json", "[]", '{"want": 5}', '{"want": {"X": 5}}', '{"want": {"P": "fast"}}', '{"want": {"P": NaN}}']
)
def test_a_wish_that_is_not_understood_is_answered_and_the_next_is_obeyed(taps, painter, said):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str(said)
            answer = json.loads((await ws.receive(10)).data)
            await ws.send_str('{"want": {"P": 5}}')
            await next_picture(ws)
            return answer["error"]

    assert '{"want"' in look(taps, script)


def test_at_most_two_pictures_are_on_their_way_and_the_next_is_the_newest(taps, painter):
    async def script(session, base, monitor):
        async with session.ws_connect(pictures(base), autoping=False) as ws:
            await ws.send_str('{"want": {"P": 5}}')
            received, values = 0, []
            while painter.put["program"] < 6:  # no ping is answered: as if nothing had arrived
                await asyncio.sleep(0.02)
            (viewer,) = monitor._viewers
            assert viewer.in_flight == 2
            while received < 3:
                message = await ws.receive(10)
                if message.type is aiohttp.WSMsgType.PING:
                    await ws.pong(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    received += 1
                    image = cv2.imdecode(np.frombuffer(message.data[1:], np.uint8), cv2.IMREAD_COLOR)
                    values.append(round(float(image.mean()) / 10))
            return values

    first, second, third = look(taps, script)
    assert second == first + 1
    assert third >= 6, "what was painted in between is never seen"


def test_a_single_picture_for_scripts(taps, painter):
    async def script(session, base, _monitor):
        async with session.get(f"{base}/program.jpg?token={TOKEN}") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.content_type, await answer.read()

    content_type, data = look(taps, script)
    assert content_type == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)


def test_a_wall_that_shows_nothing_has_no_picture(taps):
    taps.program.put(np.zeros((48, 64, 4), np.uint8), CLOCK.now_ns() - 10_000_000_000)

    async def script(session, base, _monitor):
        async with session.get(f"{base}/program.jpg?token={TOKEN}") as answer:
            return answer.status, await answer.text()

    assert look(taps, script) == (503, "The wall shows no picture.")


def test_a_port_that_is_taken_is_named(taps, memory):
    async def script(_session, base, _monitor):
        port = int(base.rpartition(":")[2])
        setup = MonitorSetup(taps.specs, "127.0.0.1", port, TOKEN, "", memory.handle)
        with pytest.raises(ProcessFailed, match=rf"127\.0\.0\.1:{port} .*--status-page"):
            await Monitor(setup, CLOCK).run()

    look(taps, script)


# The status page


def cookie_of(answer):
    (name,) = answer.cookies
    return {name: answer.cookies[name].value}


def test_the_token_goes_from_the_address_into_a_cookie_that_scripts_cannot_read(taps):
    async def script(session, base, _monitor):
        async with session.get(f"{base}/?token={TOKEN}", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            (morsel,) = answer.cookies.values()
            assert morsel["httponly"]
            assert morsel["samesite"] == "Lax"
            cookies = cookie_of(answer)
        async with session.get(f"{base}/", cookies=cookies) as page:
            return page.status, await page.text(), page.headers

    status, text, headers = look(taps, script)
    assert status == 200
    assert TOKEN not in text
    for word in ("BLACKOUT", "FREEZE", "BYPASS", "SAFE PRESET"):
        assert word in text
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "{{" not in text
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', text))
    assert f"'nonce-{nonce}'" in policy


def test_the_page_needs_nothing_from_elsewhere_and_writes_no_markup_from_what_it_is_told(taps):
    text = asset("status.html").read_text("utf-8")
    assert not re.findall(r"https?://|//\w+\.", text)
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in text


def test_a_token_in_the_header_or_the_cookie_will_do_and_a_wrong_one_in_the_address_will_not(taps):
    async def script(session, base, monitor):
        found = []
        for path, headers in (
            ("/", {"Authorization": f"Bearer {TOKEN}"}),
            ("/", {"Authorization": f"Basic {TOKEN}"}),
            ("/", {"Authorization": "Bearer wrong"}),
            ("/", {"Cookie": f"{monitor._cookie}={TOKEN}"}),
            ("/?token=wrong", {"Cookie": f"{monitor._cookie}={TOKEN}"}),
            ("/", {"Cookie": f"mirrorfx-1={TOKEN}"}),
        ):
            async with session.get(base + path, headers=headers) as answer:
                found.append(answer.status)
        return found

    assert look(taps, script) == [200, 403, 403, 200, 403, 403]


NASTY = '<img src=x onerror="alert(1)">'


class Engine:
    """A control server whose requests are answered by a thread."""

    def __init__(self):
        self.server = ControlServer()
        self.server.start()
        self.asked = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(0.005):
            for pending in self.server.requests():
                self.asked.append((pending.request.do, pending.request.arguments))
                pending.answer({})

    def close(self):
        self._ending.set()
        self._thread.join()
        self.server.close()


@pytest.fixture
def engine():
    made = Engine()
    yield made
    made.close()


async def said_when(ws, key, wanted):
    """Return the first word under `key` that `wanted` says yes to."""
    while True:
        message = await ws.receive(10)
        said = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
        if key in said and wanted(said[key]):
            return said[key]


def test_the_status_is_the_engines_state_and_figures(taps, engine):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {}, "status": true}')
            await said_when(ws, "status", lambda s: s["link"] == "connected")
            engine.server.publish("state", {"preset": NASTY, "effect": "style", "panic": {"seen": "freeze"}})
            engine.server.publish("figures", FIGURES)
            return await said_when(ws, "status", lambda s: s["fps"])

    status = look(taps, script, control_url=engine.server.url)
    assert status["fps"] == 27.5, "of the last ten seconds, not of the whole run"
    assert status["preset"] == NASTY
    assert status["latency_ms"] == 98.0
    assert status["panic"]["seen"] is None, "the wall's own word, not the engine's"
    assert status["workers"][0]["temperature_c"] == 61.0
    assert status["workers"][1]["temperature_c"] is None


def test_an_engine_that_ends_is_told_and_pictures_go_on(taps, engine, painter):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {"P": 5}, "status": true}')
            await said_when(ws, "status", lambda s: s["link"] == "connected")
            await asyncio.to_thread(engine.close)
            await said_when(ws, "status", lambda s: s["link"] == "lost")
            for _ in range(20):
                if (await ws.receive(10)).type is aiohttp.WSMsgType.BINARY:
                    return True
        return False

    assert look(taps, script, control_url=engine.server.url)


def test_the_engine_is_listened_to_only_while_somebody_wants_to_know(taps, engine):
    async def clients(number):
        while engine.server.clients != number:
            await asyncio.sleep(0.01)

    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {"P": 5}}')
            await asyncio.sleep(0.2)
            before = engine.server.clients
            await ws.send_str('{"want": {}, "status": true}')
            await clients(1)
            await ws.send_str('{"want": {}, "status": false}')
            await clients(0)
            return before

    assert look(taps, script, control_url=engine.server.url) == 0


# The panic keys, past the engine


class Wall:
    """What a wall does with its panic memory, in a thread: obeys at each tick and tells what is on."""

    def __init__(self, handle):
        self.memory = PanicMemory.attach(handle)
        self.state = self.memory.state
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(0.016):
            for what, on in self.memory.take_orders():
                self.state = self.state.switched(what, on=on)
                self.memory.tell(self.state)

    def close(self):
        self._ending.set()
        self._thread.join()
        self.memory.close()


@pytest.fixture
def wall(memory):
    made = Wall(memory.handle)
    yield made
    made.close()


def press(what, on=True):
    return json.dumps({"panic": {"what": what, "on": on}})


@pytest.mark.parametrize("what", Panic)
def test_a_panic_key_reaches_the_wall_without_an_engine(taps, memory, wall, what):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str(press(what.label))
            return await said_when(ws, "panic", lambda said: True)

    answer = look(taps, script, memory=memory)
    assert answer == wall.state.as_dict() | {"locked": [], "error": ""}
    assert wall.state.seen is what


def test_who_wants_to_know_is_told_at_first_and_of_each_change_whoever_made_it(taps, memory, wall):
    wall.memory.tell(PanicState(below=Panic.FREEZE))

    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as phone, session.ws_connect(pictures(base)) as desk:
            await phone.send_str('{"want": {}, "status": true}')
            await desk.send_str('{"want": {}, "panic": true}')
            for ws in (phone, desk):
                await said_when(ws, "panic", lambda said: said["seen"] == "freeze")
            await phone.send_str(press("blackout"))
            await said_when(desk, "panic", lambda said: said["seen"] == "blackout")
            wall.memory.tell(PanicState())  # a key at the wall
            for ws in (phone, desk):
                await said_when(ws, "panic", lambda said: said["seen"] is None)
        return True

    assert look(taps, script, memory=memory)


def test_who_only_wants_pictures_is_told_nothing(taps, painter, memory, wall):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {"P": 5}}')
            for number in range(5):
                wall.memory.tell(PanicState(bool(number % 2)))
                await next_picture(ws)
        return True

    assert look(taps, script, memory=memory)


def test_a_locked_bypass_never_reaches_the_wall(taps, memory, wall):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str(press("bypass"))
            refused = await said_when(ws, "panic", lambda said: True)
            await ws.send_str(press("freeze"))
            await said_when(ws, "panic", lambda said: said["below"] == "freeze")
            return refused

    refused = look(taps, script, memory=memory, allow_bypass=False)
    assert "--allow-bypass" in refused["error"]
    assert refused["locked"] == ["bypass"]
    assert PanicMemory.attach(memory.handle).order(Panic.SAFE, on=True) == 2, "there was one order, FREEZE"


def test_a_wall_that_does_not_answer_is_told(taps, memory):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str(press("blackout"))
            return await said_when(ws, "panic", lambda said: True)

    answer = look(taps, script, memory=memory)
    assert "does not answer" in answer["error"]
    assert answer["seen"] is None, "black was asked for; nobody has seen it"


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_token_nobody_presses_a_key(taps, memory, wall, token):
    async def script(session, base, _monitor):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{base}/pictures?token={token}")

    look(taps, script, memory=memory)
    assert wall.state == PanicState()


@pytest.mark.parametrize(
    "said",
    [
        '{"panic": 1}',
        '{"panic": {"what": "stop", "on": true}}',
        '{"panic": {}}',
        '{"panic": {"what": "blackout", "on": "off"}}',
        '{"panic": {"what": ["blackout"], "on": true}}',
    ],
)
def test_an_unknown_panic_key_reaches_nobody(taps, memory, wall, engine, said):
    async def script(session, base, _monitor):
        async with session.ws_connect(pictures(base)) as ws:
            await ws.send_str('{"want": {}, "status": true}')
            await said_when(ws, "status", lambda s: s["link"] == "connected")
            await ws.send_str(said)
            while "error" not in (answer := json.loads((await ws.receive(10)).data)):
                """A status came before."""
            return answer

    assert "not understood" in look(taps, script, engine.server.url, memory)["error"]
    assert memory.state == PanicState()
    assert memory.obeyed == 0
    assert engine.asked == []
