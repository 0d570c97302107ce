"""The kiosk's wall: what a visitor can press, and how its keeper leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QContextMenuEvent, QFocusEvent, QGuiApplication, QKeyEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from mirrorfx.clock import SECOND, FakeClock
from mirrorfx.geometry import OutputGeometry, save_screen
from mirrorfx.kiosk import KioskSettings, PinFile, Stage
from mirrorfx.safety.panic import Panic
from mirrorfx_ui.wall import pin_pad
from mirrorfx_ui.wall.kiosk import KioskWindow
from mirrorfx_ui.wall.pin_pad import CANCEL, ENTER, ERASE

PIN = "2468"
TICK_NS = SECOND // 60


class FakePresenter:
    """Shows one grey picture."""

    def __init__(self):
        self.picture = np.full((256, 320, 4), 90, np.uint8)
        self.stopping = False
        self.ticks = 0
        self.pressed = []
        self.wishes = []

    def set_period(self, period_ns):
        """It is all the same here."""

    def pump(self):
        """Nobody sends anything."""

    def tick(self, v_ns):
        self.ticks += 1
        return self.picture if self.ticks == 1 else None

    def presented(self, t_ns):
        """Nobody counts."""

    def press(self, key):
        self.pressed.append(key)

    def take_wishes(self):
        wishes, self.wishes = self.wishes, []
        return wishes

    def tell_of_window(self, state):
        """Nobody listens."""


class FakeScreens(QObject):
    """The real screens, some of which are unplugged."""

    changed = pyqtSignal()

    def __init__(self):
        super().__init__()
        self.away = set()

    def find(self, name):
        name = name or QGuiApplication.primaryScreen().name()
        there = [screen for screen in QGuiApplication.screens() if screen.name() == name]
        return there[0] if there and name not in self.away else None

    def on_change(self, call):
        self.changed.connect(call)

    def unplug(self, name):
        self.away.add(name)
        self.changed.emit()

    def plug(self, name):
        self.away.discard(name)
        self.changed.emit()


class Kiosk:
    """A kiosk's window before which time passes only when the test says so."""

    def __init__(self, **settings):
        self.clock = FakeClock(1000 * SECOND)
        self.presenter = FakePresenter()
        self.screens = FakeScreens()
        self.quits = 0
        self.window = KioskWindow(self.presenter, self.clock, (320, 256), KioskSettings(**settings), self.screens)
        self.window.open()
        self.window._ticker.stop()

    def tick(self):
        self.clock.advance_ns(TICK_NS)
        self.window._tick(self.clock.now_ns())
        self.window._ticker.stop()

    def wait(self, seconds):
        for _ in range(round(seconds * SECOND / TICK_NS)):
            if self.window.lock.stage is Stage.OPEN:
                return
            self.tick()

    def hold_escape(self, seconds=3.1):
        QTest.keyPress(self.window, Qt.Key.Key_Escape)
        self.wait(seconds)
        QTest.keyRelease(self.window, Qt.Key.Key_Escape)
        self.wait(0.2)
        return self.window.lock.stage

    def hold_at(self, point, seconds=3.1):
        QTest.mousePress(self.window, Qt.MouseButton.LeftButton, pos=point)
        self.wait(seconds)
        QTest.mouseRelease(self.window, Qt.MouseButton.LeftButton, pos=point)
        self.wait(0.2)
        return self.window.lock.stage

    def key_point(self, key):
        """Return where a key of the pad is on the wall."""
        window, geometry = self.window.rect(), self.window.geometry_on_screen
        card = pin_pad._card(pin_pad._upright(window, geometry))
        point = pin_pad._placed(window, geometry).map(pin_pad._key_rects(card)[key].center()).toPoint()
        assert self.window._pad.key_at(point, window, geometry) == key
        return point

    def touch(self, *keys):
        for key in keys:
            QTest.mouseClick(self.window, Qt.MouseButton.LeftButton, pos=self.key_point(key))

    def colours(self):
        """Return how many colours are on the wall: one picture of grey has few, a pad has many."""
        image = self.window.grab().toImage().scaled(160, 160)
        return len({image.pixel(x, y) for x in range(160) for y in range(160)})


@pytest.fixture
def make_kiosk(qapp, monkeypatch):
    PinFile().set(PIN)
    made = []

    def make(**settings):
        kiosk = Kiosk(**settings)
        monkeypatch.setattr(QApplication, "quit", lambda: setattr(kiosk, "quits", kiosk.quits + 1))
        made.append(kiosk)
        return kiosk

    yield make
    for kiosk in made:
        kiosk.presenter.stopping = True
        kiosk.window.close()
    QApplication.setQuitOnLastWindowClosed(True)


@pytest.fixture
def kiosk(make_kiosk):
    return make_kiosk()


def settle(qtbot, kiosk):
    qtbot.waitUntil(lambda: kiosk.window.lock.stage is not Stage.CHECKING)
    kiosk.tick()


# What visitors can do


def test_it_fills_its_screen_without_a_cursor(kiosk):
    assert kiosk.window.isFullScreen()
    assert kiosk.window.geometry() == QGuiApplication.primaryScreen().geometry()
    assert kiosk.window.cursor().shape() == Qt.CursorShape.BlankCursor
    QTest.mouseMove(kiosk.window, QPoint(30, 30))
    QTest.mouseMove(kiosk.window, QPoint(300, 300))
    kiosk.wait(3)
    assert kiosk.window.cursor().shape() == Qt.CursorShape.BlankCursor


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_F4, Qt.KeyboardModifier.AltModifier),
        (Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_F11, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Meta, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Tab, Qt.KeyboardModifier.AltModifier),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_1, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_keys_are_swallowed(kiosk, key, modifier):
    event = QKeyEvent(QEvent.Type.KeyPress, key, modifier)
    QApplication.sendEvent(kiosk.window, event)
    assert event.isAccepted()
    QTest.keyClick(kiosk.window, key, modifier)
    kiosk.wait(1)
    assert kiosk.window.isFullScreen()
    assert kiosk.window.lock.stage is Stage.CLOSED
    assert kiosk.presenter.pressed == []


def test_closing_and_minimising_do_nothing(kiosk):
    assert not kiosk.window.close()
    kiosk.window.showMinimized()
    kiosk.wait(0.1)
    kiosk.window.showNormal()
    kiosk.wait(1.1)
    assert kiosk.window.isFullScreen()
    assert kiosk.quits == 0


def test_clicks_and_the_context_menu_do_nothing(kiosk):
    middle = kiosk.window.rect().center()
    QTest.mouseDClick(kiosk.window, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseClick(kiosk.window, Qt.MouseButton.RightButton, pos=middle)
    QApplication.sendEvent(kiosk.window, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, middle))
    assert kiosk.hold_at(middle) is Stage.CLOSED
    assert kiosk.window.isFullScreen()
    assert [w for w in QApplication.topLevelWidgets() if w.isVisible()] == [kiosk.window]


def test_panic_keys_work_unless_they_are_locked(make_kiosk):
    kiosk = make_kiosk()
    for key in (Qt.Key.Key_B, Qt.Key.Key_F, Qt.Key.Key_Y, Qt.Key.Key_S):
        QTest.keyClick(kiosk.window, key)
    assert kiosk.presenter.pressed == [Panic.BLACKOUT, Panic.FREEZE, Panic.BYPASS, Panic.SAFE]
    locked = make_kiosk(lock_keys=True)
    QTest.keyClick(locked.window, Qt.Key.Key_B)
    assert locked.presenter.pressed == []


def test_a_panic_key_that_is_held_counts_once_even_if_its_repeats_look_like_presses(kiosk):
    class Timed(QKeyEvent):
        def __init__(self, kind, time):
            super().__init__(kind, Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier, "b")
            self.timestamp = lambda: time

    def send(kind, time):
        QApplication.sendEvent(kiosk.window, Timed(kind, time))

    send(QEvent.Type.KeyPress, 100)
    for time in (600, 640, 680):
        send(QEvent.Type.KeyRelease, time)
        send(QEvent.Type.KeyPress, time)
    send(QEvent.Type.KeyRelease, 700)
    assert kiosk.presenter.pressed == [Panic.BLACKOUT]
    send(QEvent.Type.KeyPress, 800)
    assert kiosk.presenter.pressed == [Panic.BLACKOUT] * 2


# Holding


def test_escape_for_three_seconds_shows_the_pad_on_the_picture(kiosk):
    assert kiosk.hold_escape(2.5) is Stage.CLOSED
    before = kiosk.colours()
    assert kiosk.hold_escape() is Stage.ASKING
    assert kiosk.colours() > before + 20
    assert [w for w in QApplication.topLevelWidgets() if w.isVisible()] == [kiosk.window], "no dialog"


def test_escape_that_loses_the_keyboard_is_not_held(kiosk):
    QTest.keyPress(kiosk.window, Qt.Key.Key_Escape)
    kiosk.wait(1)
    QApplication.sendEvent(kiosk.window, QFocusEvent(QEvent.Type.FocusOut))
    kiosk.wait(4)
    assert kiosk.window.lock.stage is Stage.CLOSED


@pytest.mark.parametrize(("right", "bottom"), [(False, False), (True, False), (False, True), (True, True)])
def test_a_finger_in_any_corner_shows_the_pad(kiosk, right, bottom):
    rect = kiosk.window.rect()
    point = QPoint(rect.right() - 20 if right else 20, rect.bottom() - 20 if bottom else 20)
    assert kiosk.hold_at(point, 2.5) is Stage.CLOSED
    assert kiosk.hold_at(point) is Stage.ASKING


def test_a_finger_that_leaves_the_corner_is_not_held(kiosk):
    QTest.mousePress(kiosk.window, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    kiosk.wait(1)
    QTest.mouseMove(kiosk.window, QPoint(400, 400))
    kiosk.window.mouseMoveEvent(_moved(QPoint(400, 400)))
    kiosk.wait(4)
    assert kiosk.window.lock.stage is Stage.CLOSED


def _moved(point):
    from PyQt6.QtCore import QPointF
    from PyQt6.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    return QMouseEvent(
        QEvent.Type.MouseMove, QPointF(point), QPointF(point), left, left, Qt.KeyboardModifier.NoModifier
    )


# The PIN


def test_the_pin_by_keyboard_ends_the_mirror(kiosk, qtbot):
    kiosk.hold_escape()
    QTest.keyClicks(kiosk.window, "2466")
    QTest.keyClick(kiosk.window, Qt.Key.Key_Backspace)
    QTest.keyClick(kiosk.window, Qt.Key.Key_8)
    QTest.keyClick(kiosk.window, Qt.Key.Key_Return)
    settle(qtbot, kiosk)
    assert kiosk.quits == 1
    assert not kiosk.window.isVisible()
    assert kiosk.presenter.pressed == []


def test_the_pin_by_touch_ends_the_mirror(kiosk, qtbot):
    kiosk.hold_at(QPoint(5, 5))
    kiosk.touch("2", "4", "6", "6", ERASE, "8", ENTER)
    settle(qtbot, kiosk)
    assert kiosk.quits == 1


def test_a_wrong_pin_is_told_and_asked_again(kiosk, qtbot):
    kiosk.hold_escape()
    QTest.keyClicks(kiosk.window, "1357")
    QTest.keyClick(kiosk.window, Qt.Key.Key_Enter)
    settle(qtbot, kiosk)
    assert kiosk.window.lock.wrong
    assert kiosk.window.lock.stage is Stage.ASKING
    assert kiosk.quits == 0
    QTest.keyClicks(kiosk.window, PIN)
    QTest.keyClick(kiosk.window, Qt.Key.Key_Enter)
    settle(qtbot, kiosk)
    assert kiosk.quits == 1


def test_five_wrong_pins_pause_for_a_minute(kiosk, qtbot):
    kiosk.hold_escape()
    for _ in range(5):
        QTest.keyClicks(kiosk.window, "1357")
        QTest.keyClick(kiosk.window, Qt.Key.Key_Enter)
        settle(qtbot, kiosk)
    assert kiosk.window.lock.stage is Stage.PAUSED
    kiosk.touch("2", "4", "6", "8", ENTER)
    assert kiosk.window.lock.stage is Stage.PAUSED
    kiosk.wait(15)
    assert kiosk.window.lock.stage is Stage.CLOSED
    kiosk.wait(46)
    assert kiosk.hold_escape() is Stage.ASKING


def test_the_pad_goes_by_itself_by_its_cross_and_by_escape(kiosk):
    kiosk.hold_escape()
    kiosk.wait(15)
    assert kiosk.window.lock.stage is Stage.CLOSED
    kiosk.hold_escape()
    kiosk.touch(CANCEL)
    assert kiosk.window.lock.stage is Stage.CLOSED
    kiosk.hold_escape()
    QTest.keyClick(kiosk.window, Qt.Key.Key_Escape)
    assert kiosk.window.lock.stage is Stage.CLOSED


def test_panic_keys_work_while_it_asks(kiosk):
    kiosk.hold_escape()
    QTest.keyClick(kiosk.window, Qt.Key.Key_B)
    assert kiosk.presenter.pressed == [Panic.BLACKOUT]
    assert kiosk.window.lock.stage is Stage.ASKING


def test_a_pin_that_was_changed_meanwhile_holds_at_once(kiosk, qtbot):
    PinFile().set("13579")
    kiosk.hold_escape()
    QTest.keyClicks(kiosk.window, PIN)
    QTest.keyClick(kiosk.window, Qt.Key.Key_Enter)
    settle(qtbot, kiosk)
    assert kiosk.quits == 0
    QTest.keyClicks(kiosk.window, "13579")
    QTest.keyClick(kiosk.window, Qt.Key.Key_Enter)
    settle(qtbot, kiosk)
    assert kiosk.quits == 1


def test_without_a_pin_holding_ends_the_mirror(make_kiosk):
    kiosk = make_kiosk(needs_pin=False)
    QTest.keyPress(kiosk.window, Qt.Key.Key_Escape)
    kiosk.wait(3.2)
    assert kiosk.quits == 1


@pytest.mark.parametrize("geometry", [OutputGeometry(rotation=90), OutputGeometry(rotation=180, flip_x=True)])
def test_the_pad_stands_upright_for_who_stands_before_the_wall(make_kiosk, geometry):
    plain = make_kiosk()
    middle = plain.window.rect().center()
    offset = plain.key_point("1") - middle
    save_screen(QGuiApplication.primaryScreen().name(), geometry)
    turned = make_kiosk()
    moved = turned.key_point("1") - middle
    assert turned.key_point("0") - middle != plain.key_point("0") - middle
    if geometry.rotation == 90:
        assert moved.x() > 0 > moved.y(), "the top left key of a picture that is turned clockwise"
    else:
        assert moved.x() < 0 < moved.y()
    assert offset.x() < 0


def test_the_desk_moves_corners_but_not_the_window(kiosk):
    kiosk.presenter.wishes = [{"fullscreen": None}, {"edit": True}]
    kiosk.wait(1.1)
    assert kiosk.window.isFullScreen()
    QTest.keyClick(kiosk.window, Qt.Key.Key_F11)
    assert kiosk.window.isFullScreen()
    assert kiosk.window._remote.editor.on
    QTest.keyClick(kiosk.window, Qt.Key.Key_Escape)
    assert not kiosk.window._remote.editor.on
    kiosk.wait(1.1)
    assert kiosk.window.cursor().shape() == Qt.CursorShape.BlankCursor
    QTest.keyClick(kiosk.window, Qt.Key.Key_K)
    assert not kiosk.window._remote.editor.on
    assert kiosk.hold_escape() is Stage.ASKING


def test_the_launcher_can_always_end_it(kiosk):
    kiosk.presenter.stopping = True
    kiosk.tick()
    assert not kiosk.window.isVisible()
    assert kiosk.quits == 1


# Screens that come and go


def test_a_hundred_unplugs_leave_it_where_it_was(kiosk):
    name = QGuiApplication.primaryScreen().name()
    ticks = kiosk.presenter.ticks
    for _ in range(100):
        kiosk.screens.unplug(name)
        kiosk.tick()
        assert not kiosk.window.isVisible()
        kiosk.screens.plug(name)
        kiosk.tick()
        assert kiosk.window.isFullScreen()
        assert kiosk.window.isVisible()
        assert kiosk.window.screen().name() == name
    assert kiosk.presenter.ticks == ticks + 200
    assert kiosk.quits == 0


def test_it_waits_for_a_screen_that_is_not_there_yet(make_kiosk):
    kiosk = make_kiosk(screen="HDMI-9")
    assert not kiosk.window.isVisible()
    kiosk.wait(2)
    assert kiosk.presenter.ticks > 60, "the mirror goes on behind"
    kiosk.presenter.stopping = True
    kiosk.tick()
    assert kiosk.quits == 1


def test_any_screen_steps_in_if_that_was_asked_for(make_kiosk):
    kiosk = make_kiosk(screen="HDMI-9", any_screen=True)
    assert kiosk.window.isFullScreen()
    assert kiosk.window.screen() is QGuiApplication.primaryScreen()


_TWO_SCREENS = """
import sys
from PyQt6.QtWidgets import QApplication
from PyQt6.QtGui import QGuiApplication
from mirrorfx.clock import FakeClock
from mirrorfx.kiosk import KioskSettings
from mirrorfx_ui.wall.kiosk import KioskWindow
from kiosk_fakes import FakePresenter, FakeScreens
app = QApplication([])
screens = FakeScreens()
window = KioskWindow(FakePresenter(), FakeClock(), (320, 256), KioskSettings(screen="RIGHT"), screens)
window.open()
def tell(): print(window.isVisible(), window.screen().name(), *window.geometry().getRect())
tell()
for _ in range(100):
    screens.unplug("RIGHT")
    app.processEvents()
    assert not window.isVisible()
    screens.plug("RIGHT")
    app.processEvents()
    assert window.isVisible() and window.isFullScreen()
tell()
window.setScreen(app.screens()[0])
window.setGeometry(10, 10, 300, 300)
window._insist()
tell()
screens.unplug("LEFT")
tell()
"""


def test_two_screens_and_a_hundred_unplugs(tmp_path):
    common = {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1, "y": 0}
    left = {"name": "LEFT", "x": 0, "width": 1280, "height": 720}
    right = {"name": "RIGHT", "x": 1280, "width": 1080, "height": 1920}
    config = tmp_path / "screens.json"
    config.write_text(json.dumps({"screens": [left | common, right | common]}))
    (tmp_path / "kiosk_fakes.py").write_text(Path(__file__).read_text())
    environment = os.environ | {"QT_QPA_PLATFORM": f"offscreen:configfile={config}", "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", _TWO_SCREENS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["True RIGHT 1280 0 1080 1920"] * 4, done.stderr
    assert done.stderr == ""


_REAL_SCREENS = """
import os
from PyQt6.QtWidgets import QApplication
from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.kiosk import KioskSettings
from mirrorfx_ui.wall.kiosk import KioskWindow
from kiosk_fakes import FakePresenter
from x_monitors import Monitors
app = QApplication([])
clock, monitors = MonotonicClock(), Monitors(os.environ["DISPLAY"])
monitors.plug("LEFT", 0, 0, 640, 700)
window = KioskWindow(FakePresenter(), clock, (320, 256), KioskSettings(screen="RIGHT"))
window.open()
def until(there):
    start_ns = clock.now_ns()
    while window.isVisible() is not there:
        app.processEvents()
        assert clock.now_ns() - start_ns < 30 * SECOND
    return (clock.now_ns() - start_ns) / SECOND
assert not window.isVisible()
slowest = 0.0
for number in range(100):
    monitors.plug("RIGHT", 640, 0, 300 + number, 700)
    slowest = max(slowest, until(True))
    assert window.isFullScreen() and window.screen().name() == "RIGHT"
    assert window.geometry() == window.screen().geometry() and window.width() == 300 + number
    monitors.unplug("RIGHT")
    until(False)
monitors.plug("RIGHT", 640, 0, 500, 500)
until(True)
ticks = window._presenter.ticks
monitors.unplug("RIGHT")
until(False)
while window._presenter.ticks < ticks + 30:
    app.processEvents()
monitors.unplug("LEFT")
monitors.close()
print(f"slowest {slowest:.3f} s")
"""


@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="needs an X server, whose monitors come and go")
def test_a_hundred_unplugs_of_a_real_servers_monitor(tmp_path):
    here = Path(__file__)
    (tmp_path / "kiosk_fakes.py").write_text(here.read_text())
    environment = os.environ | {"QT_QPA_PLATFORM": "xcb", "PYTHONPATH": f"{tmp_path}:{here.parent}"}
    command = [sys.executable, "-W", "error", "-c", _REAL_SCREENS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170, check=False)
    assert done.stdout.startswith("slowest"), done.stderr
    assert done.stderr == ""
