"""The desk's pictures, with a monitor that is only a web socket."""

from __future__ import annotations

import asyncio
import json
import threading

import cv2
import numpy as np
import pytest
from aiohttp import WSMsgType, web
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage

from mirrorfx.control.pictures import PictureClient
from mirrorfx.safety.panic import Panic
from mirrorfx_ui.desk.bridge import Link
from mirrorfx_ui.desk.picture_stream import PictureStream
from mirrorfx_ui.desk.pictures import PictureView

LEFT = Qt.MouseButton.LeftButton
RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def jpeg(bgr, size=(64, 48)):
    return bytes(cv2.imencode(".jpg", np.full((size[1], size[0], 3), bgr, np.uint8))[1])


class FakeMonitor:
    """Sends what the test says, and notes what it is asked for."""

    def __init__(self):
        self.wants = []
        self.presses = []
        self.port = 0
        self._sockets = []
        self._ready = threading.Event()
        self._loop = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/pictures?token=for-this-test"

    def start(self):
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self):
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/pictures", self._talk)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._ending.wait()
        for ws in list(self._sockets):
            await ws.close()
        await runner.cleanup()

    async def _talk(self, http):
        ws = web.WebSocketResponse()
        await ws.prepare(http)
        self._sockets.append(ws)
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                if "want" in said:
                    self.wants.append(said["want"])
                else:
                    self.presses.append(said["panic"])
        self._sockets.remove(ws)
        return ws

    def send(self, data):
        """Send to all who look on."""

        async def go():
            for ws in self._sockets:
                await (ws.send_bytes(data) if isinstance(data, bytes) else ws.send_str(data))

        asyncio.run_coroutine_threadsafe(go(), self._loop).result(5)

    @property
    def watched(self):
        return bool(self._sockets) and bool(self.wants)

    def close(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(5)


@pytest.fixture
def monitor():
    made = FakeMonitor()
    made.start()
    yield made
    made.close()


@pytest.fixture
def panel(desk, engine, monitor, qtbot):
    engine.publish_state(monitor_url=monitor.url)
    qtbot.waitUntil(lambda: monitor.watched)
    yield desk.pictures
    desk.pictures.close_stream()


def colour(view):
    """The colour in the middle of the picture."""
    image = view.image
    pixel = image.pixelColor(image.width() // 2, image.height() // 2)
    return max(("red", pixel.red()), ("green", pixel.green()), ("blue", pixel.blue()), key=lambda pair: pair[1])[0]


def test_program_and_input_are_shown_where_they_belong(panel, monitor, qtbot):
    monitor.send(b"P" + jpeg(RED))
    monitor.send(b"I" + jpeg(GREEN))
    qtbot.waitUntil(lambda: panel.program.view.image is not None and panel.input.view.image is not None)
    assert colour(panel.program.view) == "red"
    assert colour(panel.input.view) == "green"
    assert panel.program.view.accessibleName() == "Program"
    assert monitor.wants[-1] == {"P": 5.0, "I": 3.0}, "nobody looks at a preview"


@pytest.mark.parametrize(("size", "wide", "tall"), [((64, 48), 100, 75), ((48, 64), 75, 100), ((10, 100), 10, 100)])
def test_the_picture_is_as_large_as_fits_and_keeps_its_shape(qtbot, size, wide, tall):
    view = PictureView("Program")
    qtbot.addWidget(view)
    view.resize(100, 100)
    view.show_image(QImage.fromData(jpeg(RED, size)))
    drawn = view.grab().toImage()
    ratio = drawn.devicePixelRatio()
    pixels = [
        [drawn.pixelColor(round(x * ratio), round(y * ratio)) for x in range(1, 100, 2)] for y in range(1, 100, 2)
    ]
    red = [[pixel.red() > 200 and pixel.green() < 60 for pixel in row] for row in pixels]
    assert 2 * max(map(sum, red)) == pytest.approx(wide, abs=3)
    assert 2 * sum(map(any, red)) == pytest.approx(tall, abs=3)


def test_while_there_is_no_picture_words_say_why(panel, monitor, qtbot):
    program, source = panel.program.view, panel.input.view
    qtbot.waitUntil(lambda: program.words == "No picture from the wall")
    assert source.words == "No picture from the camera"
    assert program.accessibleDescription() == program.words
    monitor.send(b"P" + jpeg(RED))
    qtbot.waitUntil(lambda: program.image is not None)
    assert "picture" in program.accessibleDescription()
    panel.program._stale.timeout.emit()
    assert program.image is None
    assert program.words == "No picture from the wall"


def test_a_mirror_without_a_monitor_is_said_so(desk):
    assert desk.pictures.program.view.words == "This mirror sends no pictures."


def test_a_monitor_that_ends_is_waited_for(panel, monitor, qtbot):
    monitor.send(b"P" + jpeg(RED))
    qtbot.waitUntil(lambda: panel.program.view.image is not None)
    port = monitor.port
    monitor.close()
    qtbot.waitUntil(lambda: panel.program.view.words.startswith("The pictures are being restarted"))
    again = FakeMonitor()
    again.port = port
    again.start()
    try:
        qtbot.waitUntil(lambda: again.watched)
        again.send(b"P" + jpeg(BLUE))
        qtbot.waitUntil(lambda: panel.program.view.image is not None)
        assert again.wants[-1] == {"P": 5.0, "I": 3.0}
    finally:
        panel.close_stream()
        again.close()


def test_nothing_is_asked_for_while_nobody_sees_the_desk(panel, desk, monitor, qtbot):
    desk.hide()
    qtbot.waitUntil(lambda: monitor.wants[-1] == {})
    desk.show()
    qtbot.waitUntil(lambda: monitor.wants[-1] == {"P": 5.0, "I": 3.0})


@pytest.mark.parametrize("rubbish", [b"", b"P", b"Pno jpeg", b"X" + jpeg(RED), "hello"])
def test_rubbish_is_passed_over(panel, monitor, qtbot, rubbish):
    monitor.send(rubbish)
    monitor.send(b"P" + jpeg(RED))
    qtbot.waitUntil(lambda: panel.program.view.image is not None)


def test_a_busy_gui_finds_only_the_newest(monitor, qtbot):
    stream, seen = PictureStream(), []
    stream.came.connect(lambda kind, image: seen.append((kind, image.width())))
    stream.connect_to(monitor.url)
    stream.want({"P": 5})
    try:
        limit = threading.Event()
        while not monitor.watched:
            limit.wait(0.01)
        for width in range(10, 30):
            monitor.send(b"P" + jpeg(RED, (width, 8)))
        while stream._waiting.get("P") is None or stream._waiting["P"].width() != 29:
            limit.wait(0.01)  # the GUI's loop doesn't run meanwhile
        qtbot.waitUntil(lambda: bool(seen))
        assert seen == [("P", 29)]
    finally:
        stream.close()


def test_a_panic_key_is_named_beside_the_program(panel, engine, qtbot):
    engine.publish_state(panic={"blackout": True, "below": None, "seen": "blackout"})
    qtbot.waitUntil(lambda: panel.program.note.text() == "BLACKOUT")
    engine.publish_state(panic={"blackout": False, "below": None, "seen": None})
    qtbot.waitUntil(lambda: panel.program.note.text() == "")


# The preview


def test_what_is_cued_can_be_previewed_and_its_cost_is_told(panel, engine, monitor, qtbot):
    assert not panel.preview_button.isEnabled()
    engine.publish_state(cue="Charcoal")
    qtbot.waitUntil(panel.preview_button.isEnabled)
    qtbot.mouseClick(panel.preview_button, LEFT)
    qtbot.waitUntil(lambda: ("preview", {"name": "Charcoal", "every": 5}) in engine.asked)
    engine.publish_state(preview={"name": "Charcoal", "every": 5, "cost_share": 0.204})
    qtbot.waitUntil(lambda: panel.preview.view.caption == "Charcoal – costs 20 % of the rate")
    qtbot.waitUntil(lambda: "V" in monitor.wants[-1])
    monitor.send(b"V" + jpeg(BLUE))
    qtbot.waitUntil(lambda: panel.preview.view.image is not None)
    assert panel.preview.view.accessibleDescription() == "Charcoal – costs 20 % of the rate"
    qtbot.mouseClick(panel.preview_button, LEFT)
    qtbot.waitUntil(lambda: engine.asked[-1] == ("preview", {"name": None}))
    engine.publish_state(preview=None)
    qtbot.waitUntil(lambda: panel.preview.view.image is None)
    assert panel.preview.view.words == "Charcoal is cued. Look at it here before GO."
    qtbot.waitUntil(lambda: "V" not in monitor.wants[-1])


def test_a_long_caption_leaves_the_picture_to_be_seen(qtbot):
    view = PictureView("Preview")
    qtbot.addWidget(view)
    view.resize(120, 120)
    view.lines = ("A very long name of a preset that nobody can read as a whole " * 3, "costs 20 % of the rate")
    view.show_image(QImage.fromData(jpeg(RED, (64, 64))))
    drawn = view.grab().toImage()
    ratio = drawn.devicePixelRatio()
    reds = [drawn.pixelColor(round(20 * ratio), round(y * ratio)).red() for y in range(4, 120, 4)]
    assert sum(red > 200 for red in reds) > 0.6 * len(reds)
    assert min(reds) < 120, "the caption has a ground of its own"


def test_a_running_preview_follows_the_cue(panel, engine, qtbot):
    engine.publish_state(cue="Charcoal", preview={"name": "Charcoal", "every": 4, "cost_share": None})
    qtbot.waitUntil(lambda: panel.preview.view.caption == "Charcoal")
    engine.publish_state(cue="Ember")
    qtbot.waitUntil(lambda: bool(engine.asked))
    engine.publish_state(preview={"name": "Ember", "every": 4, "cost_share": None})
    qtbot.waitUntil(lambda: panel.preview.view.caption == "Ember")
    engine.publish_state(cue=None)
    qtbot.wait(1)
    assert engine.asked == [("preview", {"name": "Ember", "every": 4})]


# The client alone


def test_a_client_may_be_closed_before_it_is_up(monitor):
    for _ in range(20):
        client = PictureClient(monitor.url, lambda *_: None)
        client.start()
        client.close()
        client.close()
        assert not client._thread.is_alive()


def wall_says(monitor, **more):
    said = {"blackout": False, "below": None, "seen": None, "locked": []} | more
    monitor.send(json.dumps({"panic": said}))


def test_the_panic_keys_go_past_an_engine_that_hangs(panel, desk, bridge, engine, monitor, qtbot):
    blackout = desk.panic.buttons[Panic.BLACKOUT]
    bridge.link = Link.SILENT
    bridge.link_changed.emit(Link.SILENT)
    qtbot.keyClick(desk.presets.grid, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: monitor.presses == [{"what": "blackout", "on": True}])
    wall_says(monitor, blackout=True, seen="blackout")
    qtbot.waitUntil(lambda: blackout.property("on"))
    qtbot.waitUntil(lambda: panel.program.note.text() == "BLACKOUT")
    engine.publish_state(panic={"blackout": False, "below": None, "seen": None})
    qtbot.wait(100)
    assert blackout.property("on"), "the wall's own word counts, not the engine's"
    qtbot.mouseClick(blackout, LEFT)
    qtbot.waitUntil(lambda: monitor.presses[1:] == [{"what": "blackout", "on": False}])
    assert not desk.panic.advice.isVisible()
    assert not [do for do, _ in engine.asked if do == "panic"]


def test_a_refused_panic_key_is_a_notice(panel, desk, monitor, qtbot):
    told = []
    desk.panic_line.refused.connect(told.append)
    wall_says(monitor, error="BYPASS is locked")
    qtbot.waitUntil(lambda: told == ["BYPASS is locked"])


def test_without_a_monitor_the_panic_keys_go_by_the_engine(panel, desk, engine, monitor, qtbot):
    wall_says(monitor, below="freeze", seen="freeze")
    qtbot.waitUntil(lambda: desk.panic.buttons[Panic.FREEZE].property("on"))
    monitor.close()
    qtbot.waitUntil(lambda: not panel.stream.up)
    desk.panic.press(Panic.FREEZE)
    qtbot.waitUntil(lambda: [given["on"] for do, given in engine.asked if do == "panic"] == [False])
    engine.publish_state(panic={"blackout": False, "below": None, "seen": None})
    qtbot.waitUntil(lambda: not desk.panic.buttons[Panic.FREEZE].property("on"))


def test_a_locked_bypass_is_grey_and_says_why(panel, desk, engine, monitor, qtbot):
    button, told = desk.panic.buttons[Panic.BYPASS], []
    desk.panic_line.refused.connect(told.append)
    assert button.isEnabled()
    wall_says(monitor, locked=["bypass"])
    qtbot.waitUntil(lambda: not button.isEnabled())
    assert button.state.text() == "locked  ·  needs --allow-bypass"
    assert button.accessibleName() == "BYPASS: locked"
    assert "--allow-bypass" in button.toolTip()
    assert desk.panic.buttons[Panic.BLACKOUT].isEnabled()
    qtbot.keyClick(desk.presets.grid, Qt.Key.Key_Y)
    assert told == [button.toolTip()]
    monitor.close()
    qtbot.waitUntil(lambda: not panel.stream.up)
    engine.publish_state(panic={"blackout": True, "below": None, "seen": "blackout"})
    qtbot.waitUntil(lambda: desk.panic.buttons[Panic.BLACKOUT].property("on"))
    assert not button.isEnabled(), "the engine does not tell what is locked, and it is still"
    assert monitor.presses == []
    assert not [do for do, _ in engine.asked if do == "panic"]
